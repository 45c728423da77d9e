//! A port in front of another one: everything passes, and is recorded before it does.

use super::record::{Connection, Event, Recorder};
use bytes::BytesMut;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use zab::tree::TreeOptions;
use zab::{Message, ServerId};
use zabkeeper::disk::CheckedReader;
use zabkeeper::link::read_packet;
use zabkeeper::wire::election::{Hello, LONGEST_NOTIFICATION, decode_notification};
use zabkeeper::wire::quorum::RawPacket;
use zabkeeper::wire::{Frame, FrameDecoder};

/// A learner finds nobody at the port of a leader that is not ready: Java tries again for so long, and this for it,
/// as a connection that opens and ends at once is something else.
const LEADER_IS_LATE: Duration = Duration::from_secs(5);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// Which of a server's two ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Notifications.
    Election,
    /// Everything else.
    Quorum,
}

/// What stands behind a proxy.
#[derive(Clone, Debug)]
pub struct Target {
    /// Whose port it is.
    pub id: ServerId,
    /// Which.
    pub port: Port,
    /// Where it really is.
    pub address: SocketAddr,
    /// Where the others find each server's election port.
    pub elections: Arc<BTreeMap<ServerId, SocketAddr>>,
}

/// A free port of the loopback interface, listened on.
///
/// # Errors
/// The system's.
pub fn listen() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

/// Serves a proxy's port for as long as the process lives.
pub fn serve(listener: TcpListener, target: Target, recorder: Recorder) {
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (target, recorder) = (target.clone(), recorder.clone());
            // A connection that fails is for its two ends to notice.
            std::thread::spawn(move || match target.port {
                Port::Election => election(stream, &target, &recorder),
                Port::Quorum => quorum(stream, &target, &recorder),
            });
        }
    });
}

fn election(mut near: TcpStream, target: &Target, recorder: &Recorder) -> io::Result<()> {
    let mut far = TcpStream::connect(target.address)?;
    let mut input = BytesMut::new();
    let hello = loop {
        if let Some(hello) = Hello::decode(&mut input).map_err(invalid)? {
            break hello;
        }
        read_more(&mut near, &mut input)?;
    };
    // A larger server calls back where the hello says: that must be this side of its proxy.
    let from = hello.id;
    let addresses = target.elections.get(&from).map(SocketAddr::to_string).ok_or(io::ErrorKind::NotFound)?;
    let mut bytes = Vec::new();
    Hello { id: from, addresses }.encode(&mut bytes);
    far.write_all(&bytes)?;
    let back = (far.try_clone()?, near.try_clone()?, recorder.clone(), target.id);
    std::thread::spawn(move || {
        let (far, near, recorder, id) = back;
        notifications(far, near, BytesMut::new(), (id, from), &recorder)
    });
    notifications(near, far, input, (from, target.id), recorder)
}

fn notifications(
    mut near: TcpStream,
    mut far: TcpStream,
    mut input: BytesMut,
    (from, to): (ServerId, ServerId),
    recorder: &Recorder,
) -> io::Result<()> {
    let mut frames = FrameDecoder::client(LONGEST_NOTIFICATION);
    let ended = loop {
        match frames.decode(&mut input).map_err(invalid)? {
            Some(Frame::Packet(bytes)) => {
                match decode_notification(&bytes) {
                    Ok(notification) => {
                        let message = Message::Notification(notification);
                        recorder.add(Event::Passed { from, to, connection: None, message });
                    }
                    Err(error) => recorder.add(Event::Unreadable { from, to, why: error.to_string() }),
                }
                let length = u32::try_from(bytes.len()).map_err(invalid)?;
                if let Err(error) = far.write_all(&[&length.to_be_bytes(), &bytes[..]].concat()) {
                    break Err(error);
                }
            }
            Some(Frame::Word(_)) => break Err(io::ErrorKind::InvalidData.into()),
            None => {
                if let Err(error) = read_more(&mut near, &mut input) {
                    break Err(error);
                }
            }
        }
    };
    let _ = (near.shutdown(Shutdown::Both), far.shutdown(Shutdown::Both));
    ended
}

fn quorum(near: TcpStream, target: &Target, recorder: &Recorder) -> io::Result<()> {
    let start = Instant::now();
    let far = loop {
        match TcpStream::connect(target.address) {
            Ok(far) => break far,
            Err(error) if start.elapsed() > LEADER_IS_LATE => return Err(error),
            Err(_) => std::thread::sleep(PAUSE),
        }
    };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let mut input = Passing::new(near.try_clone()?);
    let first = RawPacket::read(&mut input.reader)?;
    let learner = first.introduction().map_err(invalid)?.id;
    let message = first.decode().map_err(invalid)?.message;
    let connection = recorder.connection(learner, target.id);
    let closed = Arc::new(AtomicBool::new(false));
    let (from, to) = (learner, target.id);
    recorder.add(Event::Passed { from, to, connection: Some(connection), message });
    let back = (Passing::new(far.try_clone()?), near.try_clone()?, recorder.clone(), closed.clone());
    std::thread::spawn(move || {
        let (input, near, recorder, closed) = back;
        packets(input, near, (connection, connection.leader), &recorder, &closed);
    });
    input.pass(&far)?;
    packets(input, far, (connection, learner), recorder, &closed);
    Ok(())
}

fn packets(
    mut input: Passing,
    output: TcpStream,
    (connection, from): (Connection, ServerId),
    recorder: &Recorder,
    closed: &AtomicBool,
) {
    let to = if from == connection.learner { connection.leader } else { connection.learner };
    loop {
        match read_packet(&mut input.reader, TreeOptions::default()) {
            Ok(packet) => {
                recorder.add(Event::Passed { from, to, connection: Some(connection), message: packet.message })
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::InvalidData {
                    recorder.add(Event::Unreadable { from, to, why: error.to_string() });
                }
                break;
            }
        }
        if input.pass(&output).is_err() {
            break;
        }
    }
    if !closed.swap(true, Ordering::AcqRel) {
        recorder.add(Event::Closed(connection));
    }
    let _ = (output.shutdown(Shutdown::Both), input.stream.shutdown(Shutdown::Both));
}

/// A stream that is read packet by packet, and passed on as it is.
struct Passing {
    reader: CheckedReader<Copied>,
    stream: TcpStream,
    copy: Arc<std::sync::Mutex<VecDeque<u8>>>,
    passed: u64,
}

impl Passing {
    fn new(stream: TcpStream) -> Passing {
        let copy = Arc::default();
        let copied = Copied { stream: stream.try_clone(), copy: Arc::clone(&copy) };
        Passing { reader: CheckedReader::new(copied), stream, copy, passed: 0 }
    }

    /// Passes on what was asked of the reader, and not the bytes that it has read ahead.
    fn pass(&mut self, mut output: &TcpStream) -> io::Result<()> {
        let position = self.reader.position();
        let count = usize::try_from(position - self.passed).map_err(invalid)?;
        self.passed = position;
        let mut copy = self.copy.lock().map_err(|_| io::Error::other("a reader has failed"))?;
        let bytes: Vec<u8> = copy.drain(..count).collect();
        drop(copy);
        output.write_all(&bytes)
    }
}

struct Copied {
    stream: io::Result<TcpStream>,
    copy: Arc<std::sync::Mutex<VecDeque<u8>>>,
}

impl Read for Copied {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Ok(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        let count = stream.read(buffer)?;
        self.copy.lock().map_err(|_| io::Error::other("a writer has failed"))?.extend(&buffer[..count]);
        Ok(count)
    }
}

fn read_more(stream: &mut TcpStream, input: &mut BytesMut) -> io::Result<()> {
    let mut buffer = [0; 4096];
    let count = stream.read(&mut buffer)?;
    if count == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    input.extend_from_slice(&buffer[..count]);
    Ok(())
}

fn invalid<E: Into<Box<dyn std::error::Error + Send + Sync>>>(error: E) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

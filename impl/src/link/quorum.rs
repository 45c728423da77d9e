//! The quorum port: a leader listens there for learners, and a learner connects to its leader's.
//!
//! *Java:* `Leader.LearnerCnxAcceptor`, `LearnerHandler`, `Learner.connectToLeader`.

use super::stream::{connect, end, listen, stop_accepting};
use super::{ConnectionId, Events, LinkEvent};
use crate::config::HostPort;
use crate::disk::{CheckedReader, CheckedWriter, Snapshot, read_tree, write_tree};
use crate::wire::quorum::{Attachment, PROTOCOL_VERSION, Packet, RawPacket, SNAP_END, encode_packet};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use zab::tree::TreeOptions;
use zab::{Message, ServerId};

/// How the quorum port is set up.
#[derive(Clone, Debug)]
pub struct QuorumOptions {
    /// This server.
    pub id: ServerId,
    /// Where its learners connect.
    pub own: Vec<HostPort>,
    /// Whether to listen on all addresses of this machine (`quorumListenOnAllIPs`).
    pub everywhere: bool,
    /// How long opening a connection may take, and silence before an epoch is established (`initLimit` ticks).
    pub init_patience: Duration,
    /// How long silence may last afterwards (`syncLimit` ticks).
    pub sync_patience: Duration,
    /// Of the trees that come with SNAP.
    pub tree: TreeOptions,
}

/// The bytes that may wait for a learner that does not take them. It is closed then, and comes again for what it lacks.
const MOST_WAITING: usize = 256 << 20;
/// So much is written at once, if there is so much.
const CHUNK: usize = 64 << 10;
/// The waits between two attempts to reach a leader, which may open its port a little later than it is elected.
const SHORTEST_WAIT: Duration = Duration::from_millis(2);
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// The quorum connections of this server. Dropped, they close.
pub struct QuorumPort {
    inner: Arc<Inner>,
    listening: Option<(Arc<TcpListener>, Arc<AtomicBool>)>,
    /// Ends the attempt to connect that is under way.
    attempt: Option<Arc<AtomicBool>>,
}

struct Inner {
    options: QuorumOptions,
    events: Events,
    numbers: AtomicU64,
    connections: Mutex<HashMap<ConnectionId, Outgoing>>,
}

/// The sending half of a connection, as those see it who send.
struct Outgoing {
    packets: Sender<Packet>,
    stream: TcpStream,
    waiting: Arc<AtomicUsize>,
}

impl QuorumPort {
    /// Without any connection.
    #[must_use]
    pub fn new(options: QuorumOptions, events: Events) -> QuorumPort {
        let inner = Inner { options, events, numbers: AtomicU64::new(0), connections: Mutex::default() };
        QuorumPort { inner: Arc::new(inner), listening: None, attempt: None }
    }

    /// Opens the port for learners.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn listen(&mut self) -> io::Result<()> {
        let listener = Arc::new(listen(&self.inner.options.own, self.inner.options.everywhere)?);
        let open = Arc::new(AtomicBool::new(true));
        let (inner, accepting, goes_on) = (self.inner.clone(), listener.clone(), open.clone());
        let accept = move || inner.accept(&accepting, &goes_on);
        thread::Builder::new().name("quorum port".into()).spawn(accept)?;
        self.listening = Some((listener, open));
        Ok(())
    }

    /// Closes the port. Connections stay until they are closed.
    pub fn stop_listening(&mut self) {
        if let Some((listener, open)) = self.listening.take() {
            open.store(false, Ordering::Release);
            stop_accepting(&listener);
        }
    }

    /// Opens a connection to a leader's port: [`LinkEvent::Opened`] or [`LinkEvent::Refused`] tells what came of it.
    pub fn connect(&mut self, leader: ServerId, addresses: Vec<HostPort>) {
        self.give_up();
        let goes_on = Arc::new(AtomicBool::new(true));
        self.attempt = Some(goes_on.clone());
        let inner = self.inner.clone();
        let attempt = move || inner.reach(leader, &addresses, &goes_on);
        if thread::Builder::new().name("to the leader".into()).spawn(attempt).is_err() {
            (self.inner.events)(LinkEvent::Refused { peer: leader });
        }
    }

    /// Gives up the attempt that is under way.
    pub fn give_up(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            attempt.store(false, Ordering::Release);
        }
    }

    /// Sends a packet behind all others of its connection.
    pub fn send(&self, connection: ConnectionId, packet: Packet) {
        let connections = self.inner.connections.lock();
        let Some(outgoing) = connections.get(&connection) else { return };
        let bytes = size_of_packet(&packet);
        if outgoing.waiting.fetch_add(bytes, Ordering::Relaxed) > MOST_WAITING {
            tracing::warn!(?connection, "closed: the server at its other end does not take what it is sent");
            return end(&outgoing.stream);
        }
        // A writer that has left means a connection that has ended, which its reader tells.
        let _ = outgoing.packets.send(packet);
    }

    /// Closes a connection. Nothing more is told of it but, perhaps, what is on its way to the node already.
    pub fn close(&self, connection: ConnectionId) {
        if let Some(outgoing) = self.inner.connections.lock().remove(&connection) {
            end(&outgoing.stream);
        }
    }
}

impl Drop for QuorumPort {
    fn drop(&mut self) {
        self.stop_listening();
        self.give_up();
        for (_, outgoing) in self.inner.connections.lock().drain() {
            end(&outgoing.stream);
        }
    }
}

/// About how many bytes a packet will be.
fn size_of_packet(packet: &Packet) -> usize {
    let data = match &packet.message {
        Message::Proposal(txn) | Message::Inform(txn) => txn.payload.0.len(),
        Message::Request(zab::Request::Write(payload) | zab::Request::Sync(payload)) => payload.0.len(),
        _ => 0,
    };
    data + 24
}

impl Inner {
    fn accept(self: &Arc<Inner>, listener: &TcpListener, goes_on: &AtomicBool) {
        while goes_on.load(Ordering::Acquire) {
            match listener.accept() {
                Ok((stream, address)) => {
                    let inner = self.clone();
                    let serve = move || {
                        if let Err(error) = inner.serve_learner(stream) {
                            tracing::info!(%address, %error, "a learner's connection has ended");
                        }
                    };
                    // Without threads there is no answer; the learner tries again.
                    let _ = thread::Builder::new().name("learner".into()).spawn(serve);
                }
                // Too many open files, most likely.
                Err(_) if goes_on.load(Ordering::Acquire) => thread::sleep(Duration::from_millis(50)),
                Err(_) => {}
            }
        }
    }

    /// Who it is, a learner says in its first packet.
    fn serve_learner(self: &Arc<Inner>, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.options.init_patience))?;
        let mut input = CheckedReader::new(stream.try_clone()?);
        let first = RawPacket::read(&mut input)?;
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let learner = first.introduction().map_err(invalid)?;
        if learner.protocol_version < PROTOCOL_VERSION || learner.config_version > 0 {
            return Err(io::Error::other(format!("{learner:?} speaks another protocol, or knows another ensemble")));
        }
        let packet = first.decode().map_err(invalid)?;
        let connection = self.begin(stream, learner.id)?;
        (self.events)(LinkEvent::Packet { connection, peer: learner.id, packet });
        self.read(connection, learner.id, input)
    }

    /// Tries to connect until it succeeds, is given up, or has taken too long.
    fn reach(self: &Arc<Inner>, leader: ServerId, addresses: &[HostPort], goes_on: &AtomicBool) {
        let (start, mut wait) = (Instant::now(), SHORTEST_WAIT);
        while goes_on.load(Ordering::Acquire) {
            let left = self.options.init_patience.saturating_sub(start.elapsed());
            if left.is_zero() {
                return (self.events)(LinkEvent::Refused { peer: leader });
            }
            match connect(addresses, left.min(self.options.sync_patience)) {
                Ok(stream) if goes_on.load(Ordering::Acquire) => {
                    if let Err(error) = self.serve_leader(stream, leader) {
                        tracing::info!(%leader, %error, "the connection to the leader has ended");
                    }
                    return;
                }
                Ok(stream) => return end(&stream),
                Err(error) => tracing::debug!(%leader, %error, "the leader is not reached yet"),
            }
            thread::sleep(wait.min(left));
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn serve_leader(self: &Arc<Inner>, stream: TcpStream, leader: ServerId) -> io::Result<()> {
        stream.set_read_timeout(Some(self.options.init_patience))?;
        let input = CheckedReader::new(stream.try_clone()?);
        let connection = self.begin(stream, leader)?;
        (self.events)(LinkEvent::Opened { connection, peer: leader });
        self.read(connection, leader, input)
    }

    /// Gives a connection its number and its writer.
    fn begin(self: &Arc<Inner>, stream: TcpStream, with: ServerId) -> io::Result<ConnectionId> {
        let connection = ConnectionId(self.numbers.fetch_add(1, Ordering::Relaxed) + 1);
        let ((packets, queue), waiting) = (channel(), Arc::new(AtomicUsize::new(0)));
        let outgoing = Outgoing { packets, stream: stream.try_clone()?, waiting: waiting.clone() };
        self.connections.lock().insert(connection, outgoing);
        stream.set_write_timeout(Some(self.options.init_patience))?;
        let own = self.options.id;
        let write = move || {
            if let Err(error) = write(&stream, own, &queue, &waiting) {
                tracing::debug!(%with, %error, "nothing more can be sent");
            }
            end(&stream);
        };
        thread::Builder::new().name(format!("to {with}")).spawn(write)?;
        Ok(connection)
    }

    /// Reads until the connection ends, and says so.
    fn read(&self, connection: ConnectionId, peer: ServerId, mut input: CheckedReader<TcpStream>) -> io::Result<()> {
        let ended = loop {
            match self.read_packet(connection, &mut input) {
                Ok(packet) => (self.events)(LinkEvent::Packet { connection, peer, packet }),
                Err(error) => break error,
            }
        };
        if let Some(outgoing) = self.connections.lock().remove(&connection) {
            end(&outgoing.stream);
        }
        (self.events)(LinkEvent::Closed { connection, peer });
        Err(ended)
    }

    fn read_packet(&self, connection: ConnectionId, input: &mut CheckedReader<TcpStream>) -> io::Result<Packet> {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let mut packet = RawPacket::read(input)?.decode().map_err(invalid)?;
        match packet.message {
            Message::Snap(zxid) => {
                let tree = read_tree(input, self.options.tree, zxid)?;
                if input.string(&mut Vec::new())? != SNAP_END {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "the snapshot does not end as one"));
                }
                packet.attachment = Attachment::Snapshot(Box::new(Snapshot { tree, digest: None, size: 0 }));
            }
            // The epoch is established, and silence means more.
            Message::UpToDate => self.expect_pings(connection),
            Message::Ack(zxid) if zxid.counter() == 0 => self.expect_pings(connection),
            _ => {}
        }
        Ok(packet)
    }

    fn expect_pings(&self, connection: ConnectionId) {
        if let Some(outgoing) = self.connections.lock().get(&connection) {
            // The option belongs to the socket, whichever handle sets it.
            let _ = outgoing.stream.set_read_timeout(Some(self.options.sync_patience));
        }
    }
}

/// Sends what is handed over: much at once, if there is much.
fn write(stream: &TcpStream, own: ServerId, queue: &Receiver<Packet>, waiting: &AtomicUsize) -> io::Result<()> {
    let mut out = Vec::with_capacity(CHUNK);
    while let Ok(first) = queue.recv() {
        let mut next = Some(first);
        let mut taken = 0;
        while let Some(packet) = next {
            taken += size_of_packet(&packet);
            encode_packet(&mut out, own, &packet);
            if let Attachment::Snapshot(snapshot) = &packet.attachment {
                send_all(stream, &mut out)?;
                let mut output = CheckedWriter::new(stream);
                write_tree(&snapshot.tree, &mut output)?;
                output.buffer(Some(SNAP_END.as_bytes()))?;
                output.finish()?;
            }
            next = if out.len() < CHUNK { queue.try_recv().ok() } else { None };
        }
        send_all(stream, &mut out)?;
        waiting.fetch_sub(taken, Ordering::Relaxed);
    }
    Ok(())
}

fn send_all(mut stream: &TcpStream, out: &mut Vec<u8>) -> io::Result<()> {
    stream.write_all(out)?;
    out.clear();
    if out.capacity() > 4 * CHUNK {
        // One large transaction keeps no memory.
        *out = Vec::with_capacity(CHUNK);
    }
    Ok(())
}

//! A client of one of Apache's servers: one session, and what is asked in it, one behind another.

use super::actor::PATIENCE;
use bytes::{Bytes, BytesMut};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use zab::Zxid;
use zab::tree::{Acl, Change, OpCode, SessionId, session};
use zabkeeper::wire::{
    ClientRequest, ConnectRequest, ConnectResponse, Frame, FrameDecoder, ReplyHeader, encode_request,
};

/// A server that answers nothing for so long never will.
const SILENCE: Duration = Duration::from_secs(60);

/// The client. It says no pings: its time is longer than any story.
pub struct Client {
    stream: TcpStream,
    input: BytesMut,
    frames: FrameDecoder,
    asked: i32,
    answers: BTreeMap<i32, ReplyHeader>,
}

impl Client {
    /// Opens a session of its own.
    ///
    /// # Errors
    /// The connection's, and when the server gives no session.
    pub fn open(server: SocketAddr) -> io::Result<Client> {
        let mut client = Client::present(server, SessionId(0))?;
        client.stream.set_read_timeout(Some(SILENCE))?;
        let frame = client.frame()?;
        let answer = ConnectResponse::decode(&frame).map_err(io::Error::other)?;
        if answer.timeout == 0 { Err(io::Error::other("the server gives no session")) } else { Ok(client) }
    }

    /// As [`Client::open`], as soon as the server serves.
    ///
    /// # Errors
    /// A sentence, when it does not.
    pub fn open_when_served(server: SocketAddr) -> Result<Client, String> {
        let start = Instant::now();
        loop {
            match Client::open(server) {
                Ok(client) => return Ok(client),
                Err(why) if start.elapsed() > PATIENCE => {
                    return Err(format!("Apache's server does not serve clients: {why}"));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Connects and presents this session, and waits for nothing.
    ///
    /// # Errors
    /// The connection's.
    pub fn present(server: SocketAddr, session: SessionId) -> io::Result<Client> {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        let (input, frames) = (BytesMut::new(), FrameDecoder::client(1 << 20));
        let mut client = Client { stream, input, frames, asked: 0, answers: BTreeMap::new() };
        let (protocol_version, last_zxid_seen, read_only) = (0, Zxid::ZERO, Some(false));
        let password = if session == SessionId(0) { [0; 16] } else { session::password(session) };
        let password = Some(Bytes::copy_from_slice(&password));
        let request =
            ConnectRequest { protocol_version, last_zxid_seen, timeout: 40_000, session, password, read_only };
        let mut bytes = Vec::new();
        request.encode(&mut bytes);
        client.stream.write_all(&bytes)?;
        Ok(client)
    }

    /// Asks, and waits for nothing; the number of the request.
    ///
    /// # Errors
    /// The connection's.
    pub fn ask(&mut self, request: &ClientRequest) -> io::Result<i32> {
        self.asked += 1;
        let mut bytes = Vec::new();
        encode_request(&mut bytes, self.asked, request);
        self.stream.write_all(&bytes)?;
        Ok(self.asked)
    }

    /// Waits for the answer to a request, so long.
    ///
    /// # Errors
    /// The connection's, and when none comes in that time.
    pub fn answer(&mut self, number: i32, patience: Duration) -> io::Result<ReplyHeader> {
        self.stream.set_read_timeout(Some(patience))?;
        loop {
            if let Some(answer) = self.answers.remove(&number) {
                return Ok(answer);
            }
            let (header, _) = ReplyHeader::split(self.frame()?).map_err(io::Error::other)?;
            self.answers.insert(header.xid, header);
        }
    }

    /// Creates znodes as long as this says so of the next one's number, asks for a sync, and closes the session.
    ///
    /// # Errors
    /// The connection's, and what the server refuses.
    pub fn write(server: SocketAddr, name: &str, goes_on: impl Fn(usize) -> bool) -> io::Result<()> {
        let mut client = Client::open(server)?;
        for number in (0..).take_while(|number| goes_on(*number)) {
            let change = Change::Create {
                kind: OpCode::Create,
                path: format!("/{name}-{number}"),
                data: Some("x".into()),
                acl: Acl::open(),
                flags: 0,
                ttl: 0,
            };
            client.call(&ClientRequest::Write(change))?;
        }
        client.call(&ClientRequest::Sync { path: Some("/".to_owned()) })?;
        client.call(&ClientRequest::Write(Change::CloseSession))
    }

    fn call(&mut self, request: &ClientRequest) -> io::Result<()> {
        let number = self.ask(request)?;
        let answer = self.answer(number, SILENCE)?;
        let refused = || io::Error::other(format!("the server refuses with {}", answer.err));
        if answer.err == 0 { Ok(()) } else { Err(refused()) }
    }

    fn frame(&mut self) -> io::Result<Bytes> {
        loop {
            if let Some(Frame::Packet(bytes)) = self.frames.decode(&mut self.input).map_err(io::Error::other)? {
                return Ok(bytes);
            }
            let mut buffer = [0; 4096];
            let count = self.stream.read(&mut buffer)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.input.extend_from_slice(&buffer[..count]);
        }
    }
}

/// What a server says of itself on its clients' port (`srvr`): `leader`, `follower`, or `observer`; `None` while it
/// does not serve.
#[must_use]
pub fn mode(server: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(server).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(b"srvr").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.lines().find_map(|line| line.strip_prefix("Mode: ")).map(str::to_owned)
}

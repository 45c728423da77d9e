//! A small synchronous client that hides nothing: it sends what it is told, and shows every packet in the order in
//! which it came.

#![allow(dead_code, reason = "each test crate uses its own part")]

pub mod cluster;
pub mod load;
pub mod process;
pub mod trees;

use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use zab::Zxid;
use zab::tree::{Acl, Change, Code, CreateMode, OpCode, SessionId, Stat};
use zabkeeper::wire::request::{AuthPacket, SetWatches, WatchingRead};
use zabkeeper::wire::{
    ClientRequest, ConnectRequest, ConnectResponse, EventType, Frame, FrameDecoder, Reply, ReplyHeader, WatcherEvent,
    encode_request,
};

/// Longer than anything takes on a busy machine; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A connection, cut into packets.
pub struct Wire {
    stream: TcpStream,
    input: BytesMut,
    decoder: FrameDecoder,
    /// Whether a server that says nothing for too long is one that is gone, rather than a test that has failed.
    may_hang: bool,
}

impl Wire {
    pub fn connect(address: SocketAddr) -> Wire {
        Wire::try_connect(address).expect("the server listens")
    }

    /// `None` where no server listens.
    pub fn try_connect(address: SocketAddr) -> Option<Wire> {
        let wire = Wire::reach(address, PATIENCE).ok()?;
        Some(Wire { may_hang: false, ..wire })
    }

    /// To a server that may not be there, and may be silent for so long that the connection counts as ended.
    pub fn reach(address: SocketAddr, patience: Duration) -> io::Result<Wire> {
        let stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_nodelay(true)?;
        Ok(Wire { stream, input: BytesMut::new(), decoder: FrameDecoder::client(256 << 20), may_hang: true })
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next packet; `None` when the server has closed the connection.
    pub fn packet(&mut self) -> Option<Bytes> {
        loop {
            match self.decoder.decode(&mut self.input).expect("a server's packet has a good length") {
                Some(Frame::Packet(packet)) => return Some(packet),
                Some(Frame::Word(word)) => panic!("the word {word:?} from a server"),
                None => {}
            }
            let mut buffer = [0; 64 << 10];
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(length) => self.input.extend_from_slice(&buffer[..length]),
                Err(error) if is_timeout(&error) && !self.may_hang => panic!("nothing came for {PATIENCE:?}"),
                Err(_) => return None,
            }
        }
    }

    /// Whether nothing comes for so long.
    pub fn is_silent(&mut self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).expect("a timeout");
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        self.input.is_empty() && peeked.is_err_and(|error| is_timeout(&error))
    }

    /// What the server sends until it closes the connection, as bytes.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = self.input.split().to_vec();
        let _ = self.stream.read_to_end(&mut rest);
        rest
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// A second handle on the same connection, for a thread that only writes.
    pub fn writer(&self) -> TcpStream {
        self.stream.try_clone().expect("a handle")
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// What comes to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    Reply { xid: i32, zxid: Zxid, result: Result<Reply, i32> },
    Event { zxid: Zxid, kind: EventType, path: String },
}

/// A client with a session.
pub struct Client {
    pub wire: Wire,
    pub session: SessionId,
    pub password: Bytes,
    /// As the server has negotiated it, in milliseconds.
    pub timeout: i32,
    /// What came before the reply that [`Client::call`] waited for.
    pub events: Vec<(EventType, String)>,
    /// The highest zxid in any reply.
    pub seen: Zxid,
    /// What was asked and not answered yet, with its operation: bodies do not say what they are.
    asked: VecDeque<(i32, i32)>,
    xid: i32,
}

/// What became of an attempt to open a session, or to go on with one.
pub enum Joined {
    Session(Box<Client>),
    /// The server says that the session is over.
    Over,
    /// The server has closed the connection: it serves nobody, or is behind what the client has seen.
    Closed,
}

/// The first packet of a client that opens a session.
pub fn opening(timeout: i32) -> ConnectRequest {
    ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: Zxid(0),
        timeout,
        session: SessionId(0),
        password: Some(Bytes::from_static(&[0; 16])),
        read_only: Some(false),
    }
}

impl Client {
    /// Opens a session that lasts, so nobody has to ping.
    pub fn open(address: SocketAddr) -> Client {
        Client::open_for(address, 60_000)
    }

    pub fn open_for(address: SocketAddr, timeout: i32) -> Client {
        Client::try_connect(address, &opening(timeout)).expect("a session")
    }

    /// `None` when nobody listens, the server closes the connection or says that the session is over.
    pub fn try_connect(address: SocketAddr, request: &ConnectRequest) -> Option<Client> {
        match Client::join(Wire::try_connect(address)?, request) {
            Joined::Session(client) => Some(*client),
            Joined::Over | Joined::Closed => None,
        }
    }

    /// Says the first packet on a connection.
    pub fn join(mut wire: Wire, request: &ConnectRequest) -> Joined {
        let mut bytes = Vec::new();
        request.encode(&mut bytes);
        let packet = wire.send(&bytes).ok().and_then(|()| wire.packet());
        let Some(packet) = packet else { return Joined::Closed };
        let response = ConnectResponse::decode(&packet).expect("a ConnectResponse");
        assert_eq!(response.read_only.is_some(), request.read_only.is_some(), "who sends the last byte gets one");
        if response.session == SessionId(0) {
            assert_eq!((response.timeout, wire.packet()), (0, None), "closed behind the answer");
            return Joined::Over;
        }
        let password = response.password.expect("a password");
        let (session, timeout) = (response.session, response.timeout);
        let (events, asked, seen) = (Vec::new(), VecDeque::new(), request.last_zxid_seen);
        Joined::Session(Box::new(Client { wire, session, password, timeout, events, seen, asked, xid: 0 }))
    }

    /// The first packet of this client when it connects again.
    pub fn resuming(&self) -> ConnectRequest {
        ConnectRequest {
            last_zxid_seen: self.seen,
            session: self.session,
            password: Some(self.password.clone()),
            ..opening(self.timeout)
        }
    }

    /// Connects again, with the same session. Requests are counted on, as every client does: servers know a session's
    /// requests by their numbers.
    pub fn again(&self, address: SocketAddr) -> Option<Client> {
        let client = Client::try_connect(address, &self.resuming())?;
        Some(Client { xid: self.xid, ..client })
    }

    /// As [`Client::again`], on a connection to a server that may not be there. As a real client's, its numbers go on.
    pub fn again_on(&self, wire: Wire) -> Joined {
        match Client::join(wire, &self.resuming()) {
            Joined::Session(client) => Joined::Session(Box::new(Client { xid: self.xid, ..*client })),
            other => other,
        }
    }

    // ---- Asking ---------------------------------------------------------------------------------------------------

    /// Writes a request into `out` and expects its reply from now on.
    pub fn encode(&mut self, request: &ClientRequest, out: &mut Vec<u8>) -> i32 {
        let xid = match request {
            ClientRequest::Ping => -2,
            ClientRequest::Auth(_) => -4,
            ClientRequest::SetWatches(_) | ClientRequest::SetWatches2(_) => -8,
            _ => {
                self.xid += 1;
                self.xid
            }
        };
        encode_request(out, xid, request);
        self.asked.push_back((xid, request.kind()));
        xid
    }

    /// Sends requests in one piece, without waiting for anything.
    pub fn send(&mut self, requests: &[ClientRequest]) -> Vec<i32> {
        let mut bytes = Vec::new();
        let xids = requests.iter().map(|request| self.encode(request, &mut bytes)).collect();
        // A server may have closed the connection already; what it said before is still there.
        let _ = self.wire.send(&bytes);
        xids
    }

    /// The next packet; `None` when the connection is closed.
    pub fn receive(&mut self) -> Option<Packet> {
        let packet = self.wire.packet()?;
        let (header, body) = ReplyHeader::split(packet).expect("a header");
        if header.xid == -1 {
            let event = WatcherEvent::decode(&body).expect("an event");
            return Some(Packet::Event { zxid: header.zxid, kind: event.kind, path: event.path });
        }
        // Proofs are answered out of order.
        let position = if header.xid == -4 { self.asked.iter().position(|(xid, _)| *xid == -4) } else { Some(0) };
        let asked = position.and_then(|position| self.asked.remove(position));
        let (xid, kind) = asked.unwrap_or_else(|| panic!("nobody asked for {header:?}"));
        assert_eq!(header.xid, xid, "replies keep the order of requests");
        // As Java's client: -1 is no transaction.
        if header.zxid.0.cast_signed() > 0 {
            self.seen = self.seen.max(header.zxid);
        }
        let result = match (header.err, OpCode::from_number(kind)) {
            (0, Some(kind)) => Ok(Reply::decode(kind, &body).expect("a reply's body")),
            (err, _) => Err(err),
        };
        Some(Packet::Reply { xid, zxid: header.zxid, result })
    }

    /// The next reply; events before it go into [`Client::events`].
    pub fn reply(&mut self) -> Option<Result<Reply, i32>> {
        loop {
            match self.receive()? {
                Packet::Event { kind, path, .. } => self.events.push((kind, path)),
                Packet::Reply { result, .. } => return Some(result),
            }
        }
    }

    /// The next packet, which must be an event.
    pub fn event(&mut self) -> (EventType, String) {
        match self.receive().expect("an event, not the end") {
            Packet::Event { kind, path, .. } => (kind, path),
            reply @ Packet::Reply { .. } => panic!("an event, not {reply:?}"),
        }
    }

    /// Sends a request and waits for its reply.
    pub fn call(&mut self, request: ClientRequest) -> Result<Reply, Code> {
        self.send(&[request]);
        self.reply().expect("a reply, not the end").map_err(code)
    }

    // ---- Shorthands -----------------------------------------------------------------------------------------------

    pub fn create(&mut self, path: &str, data: &[u8], mode: CreateMode) -> Result<String, Code> {
        match self.call(create(path, data, mode))? {
            Reply::Create { path } => Ok(path),
            other => panic!("{other:?} to a create"),
        }
    }

    pub fn get(&mut self, path: &str) -> Result<(Vec<u8>, Stat), Code> {
        match self.call(get(path, false))? {
            Reply::Data { data, stat } => Ok((data.unwrap_or_default().to_vec(), stat)),
            other => panic!("{other:?} to a getData"),
        }
    }

    pub fn set(&mut self, path: &str, data: &[u8]) -> Result<Stat, Code> {
        match self.call(set(path, data))? {
            Reply::Stat(stat) => Ok(stat),
            other => panic!("{other:?} to a setData"),
        }
    }

    pub fn exists(&mut self, path: &str) -> bool {
        match self.call(exists(path, false)) {
            Ok(_) => true,
            Err(Code::NoNode) => false,
            Err(code) => panic!("{code:?} to an exists"),
        }
    }

    pub fn close(mut self) {
        assert_eq!(self.call(ClientRequest::Write(Change::CloseSession)), Ok(Reply::Nothing));
        assert_eq!(self.wire.packet(), None, "closed behind the reply");
    }

    /// Whether the server has closed the connection, and sends nothing before.
    pub fn is_closed(&mut self) -> bool {
        self.wire.packet().is_none()
    }
}

/// The code with this number, which there must be.
pub fn code(number: i32) -> Code {
    Code::from_number(number).unwrap_or_else(|| panic!("no code has the number {number}"))
}

pub fn create(path: &str, data: &[u8], mode: CreateMode) -> ClientRequest {
    ClientRequest::Write(Change::Create {
        kind: OpCode::Create,
        path: path.into(),
        data: Some(Bytes::copy_from_slice(data)),
        acl: Acl::open(),
        flags: mode.number(),
        ttl: -1,
    })
}

pub fn set(path: &str, data: &[u8]) -> ClientRequest {
    ClientRequest::Write(Change::SetData { path: path.into(), data: Some(Bytes::copy_from_slice(data)), version: -1 })
}

pub fn delete(path: &str) -> ClientRequest {
    ClientRequest::Write(Change::Delete { path: path.into(), version: -1 })
}

pub fn get(path: &str, watch: bool) -> ClientRequest {
    ClientRequest::GetData(WatchingRead { path: path.into(), watch })
}

pub fn exists(path: &str, watch: bool) -> ClientRequest {
    ClientRequest::Exists(WatchingRead { path: path.into(), watch })
}

pub fn children(path: &str, watch: bool) -> ClientRequest {
    ClientRequest::GetChildren(WatchingRead { path: path.into(), watch })
}

pub fn auth(scheme: &str, proof: &str) -> ClientRequest {
    let auth = Some(Bytes::copy_from_slice(proof.as_bytes()));
    ClientRequest::Auth(AuthPacket { kind: 0, scheme: scheme.into(), auth })
}

/// Data watches, exist watches, child watches.
pub fn set_watches(since: Zxid, data: &[&str], exist: &[&str], child: &[&str]) -> ClientRequest {
    let own = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
    let (data, exist, child) = (own(data), own(exist), own(child));
    ClientRequest::SetWatches(SetWatches { relative_zxid: since, data, exist, child, ..SetWatches::default() })
}

/// Waits for something that comes by itself.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

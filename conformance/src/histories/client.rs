//! A client that remembers what it saw: bytes in, bytes out, and no clock.

use super::{Answer, History, Operation, What};
use crate::dice::Dice;
use bytes::{Bytes, BytesMut};
use std::collections::{BTreeSet, VecDeque};
use zab::Zxid;
use zab::tree::{Acl, Change, Code, CreateMode, OpCode, SessionId};
use zabkeeper::wire::frame::DEFAULT_LIMIT;
use zabkeeper::wire::header::{NOTIFICATION_XID, PING_XID, SET_WATCHES_XID};
use zabkeeper::wire::request::{SetWatches, WatchingRead};
use zabkeeper::wire::{
    ClientRequest, ConnectRequest, ConnectResponse, Frame, FrameDecoder, Reply, ReplyHeader, WatcherEvent,
    encode_request,
};

/// The znodes that all clients write and read.
pub const KEYS: [&str; 3] = ["/k0", "/k1", "/k2"];

/// Each client's values are these times its number and more.
pub(super) const VALUES: u64 = 1_000_000;

/// How far a client is with its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Down,
    Opening,
    /// The session is there; its watches may not be.
    Up,
}

/// A client.
#[derive(Debug)]
pub struct Client {
    /// Its number, from 1.
    pub number: usize,
    /// The session's timeout in milliseconds.
    pub timeout: i32,
    dice: Dice,
    session: Option<(SessionId, Bytes)>,
    /// The highest transaction in any answer of this session.
    seen: Zxid,
    xid: i32,
    link: Link,
    decoder: FrameDecoder,
    input: BytesMut,
    asked: VecDeque<(i32, i32, Operation)>,
    watches: BTreeSet<String>,
    /// The keys are known to be there.
    ready: bool,
    values: u64,
    ephemerals: u64,
    own: Vec<String>,
}

impl Client {
    /// One that has no session, and makes its choices by this seed.
    #[must_use]
    pub fn new(number: usize, timeout: i32, seed: u64) -> Client {
        let (seen, xid, link, input) = (Zxid::ZERO, 0, Link::Down, BytesMut::new());
        let (asked, watches, own) = Default::default();
        let (dice, decoder) = (Dice::new(seed), FrameDecoder::client(DEFAULT_LIMIT));
        let (session, ready, values, ephemerals) = (None, false, 0, 0);
        Client {
            number,
            timeout,
            dice,
            session,
            seen,
            xid,
            link,
            decoder,
            input,
            asked,
            watches,
            ready,
            values,
            ephemerals,
            own,
        }
    }

    /// Whether nothing is asked and not answered.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.link == Link::Up && self.asked.is_empty()
    }

    /// Whether it has a session on a connection.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.link == Link::Up
    }

    /// The first bytes of a new connection.
    pub fn open(&mut self) -> Vec<u8> {
        (self.link, self.input) = (Link::Opening, BytesMut::new());
        let (session, password) = match &self.session {
            Some((session, password)) => (*session, password.clone()),
            None => (SessionId(0), Bytes::from_static(&[0; 16])),
        };
        let (protocol_version, password, read_only) = (0, Some(password), Some(false));
        let (last_zxid_seen, timeout) = (self.seen, self.timeout);
        let mut out = Vec::new();
        ConnectRequest { protocol_version, last_zxid_seen, timeout, session, password, read_only }.encode(&mut out);
        out
    }

    /// What to send so that the session goes on.
    #[must_use]
    pub fn ping(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.link == Link::Up {
            encode_request(&mut out, PING_XID, &ClientRequest::Ping);
        }
        out
    }

    /// The connection is gone.
    pub fn lost(&mut self, history: &mut History) {
        if self.link == Link::Up {
            history.note(self.number, What::Closed);
        }
        self.asked.clear();
        self.link = Link::Down;
    }

    /// The connection is gone, and the client does not come back: its session's time will be over.
    pub fn abandon(&mut self, history: &mut History) {
        self.lost(history);
        self.over(history);
    }

    fn over(&mut self, history: &mut History) {
        if let Some((session, _)) = self.session.take() {
            history.note(self.number, What::Over(session));
        }
        (self.seen, self.watches, self.own) = Default::default();
    }

    // ---- Asking ---------------------------------------------------------------------------------------------------

    fn ask(&mut self, operation: Operation, history: &mut History, out: &mut Vec<u8>) {
        let request = self.request(&operation);
        let watches = matches!(operation, Operation::Watch(_));
        self.xid += i32::from(!watches);
        let xid = if watches { SET_WATCHES_XID } else { self.xid };
        encode_request(out, xid, &request);
        history.note(self.number, What::Asked(xid, operation.clone()));
        self.asked.push_back((xid, request.kind(), operation));
    }

    fn request(&self, operation: &Operation) -> ClientRequest {
        let path = |name: &str| format!("/{name}");
        match operation {
            Operation::Make(key) => create(key, b"0", CreateMode::Persistent),
            Operation::Create(name) => create(&path(name), b"", CreateMode::Ephemeral),
            Operation::Delete(name) => ClientRequest::Write(Change::Delete { path: path(name), version: -1 }),
            Operation::Set(key, value) => {
                let data = Some(Bytes::from(value.to_string()));
                ClientRequest::Write(Change::SetData { path: key.clone(), data, version: -1 })
            }
            Operation::Sync => ClientRequest::Sync { path: Some("/".to_owned()) },
            Operation::Get(key, watch) => ClientRequest::GetData(WatchingRead { path: key.clone(), watch: *watch }),
            Operation::List => ClientRequest::GetChildren(WatchingRead { path: "/".to_owned(), watch: false }),
            Operation::Watch(data) => {
                let watches = SetWatches { relative_zxid: self.seen, data: data.clone(), ..SetWatches::default() };
                ClientRequest::SetWatches(watches)
            }
            Operation::Close => ClientRequest::Write(Change::CloseSession),
        }
    }

    /// Asks several things at once.
    pub fn burst(&mut self, history: &mut History) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.is_idle() {
            return out;
        }
        if !self.ready {
            KEYS.iter().for_each(|key| self.ask(Operation::Make((*key).to_owned()), history, &mut out));
            return out;
        }
        let operations = self.choose();
        operations.into_iter().for_each(|operation| self.ask(operation, history, &mut out));
        out
    }

    fn choose(&mut self) -> Vec<Operation> {
        let key = KEYS[self.dice.below(KEYS.len() as u64) as usize].to_owned();
        let other = KEYS[self.dice.below(KEYS.len() as u64) as usize].to_owned();
        match self.dice.below(10) {
            0..3 => vec![self.set(&key), Operation::Get(key, true)],
            3..5 => vec![Operation::Sync, Operation::Get(key.clone(), true), self.set(&key)],
            5..7 => vec![Operation::Sync, Operation::Get(other, false), self.set(&key), Operation::Get(key, true)],
            7 => vec![Operation::Get(key, true), Operation::Sync, Operation::List],
            8 => {
                self.ephemerals += 1;
                let name = format!("e{}-{}", self.number, self.ephemerals);
                self.own.push(name.clone());
                vec![Operation::Create(name), Operation::Get(other, false), Operation::List]
            }
            _ => match self.own.pop() {
                Some(name) => vec![Operation::Delete(name), Operation::List],
                None => vec![Operation::Sync, Operation::List],
            },
        }
    }

    fn set(&mut self, key: &str) -> Operation {
        self.values += 1;
        Operation::Set(key.to_owned(), self.number as u64 * VALUES + self.values)
    }

    /// Says goodbye.
    pub fn close(&mut self, history: &mut History) -> Vec<u8> {
        let mut out = Vec::new();
        if self.is_idle() {
            self.ask(Operation::Close, history, &mut out);
        }
        out
    }

    /// Reads everything, behind a sync.
    pub fn audit(&mut self, history: &mut History) -> Vec<u8> {
        let mut out = Vec::new();
        if self.is_idle() {
            for key in KEYS {
                self.ask(Operation::Sync, history, &mut out);
                self.ask(Operation::Get(key.to_owned(), false), history, &mut out);
            }
            self.ask(Operation::List, history, &mut out);
        }
        out
    }

    // ---- Answers --------------------------------------------------------------------------------------------------

    /// Takes what has come. What is to be sent at once, which may be nothing; `None` if the server has ended it.
    ///
    /// # Errors
    /// When a server says what no client can understand.
    pub fn receive(&mut self, bytes: &[u8], history: &mut History) -> Result<Option<Vec<u8>>, String> {
        self.input.extend_from_slice(bytes);
        let mut out = Vec::new();
        while self.link != Link::Down {
            match self.decoder.decode(&mut self.input).map_err(|error| error.to_string())? {
                Some(Frame::Packet(packet)) if self.link == Link::Opening => self.opened(&packet, history, &mut out)?,
                Some(Frame::Packet(packet)) => self.packet(packet, history)?,
                Some(Frame::Word(_)) | None => return Ok(Some(out)),
            }
        }
        Ok(None)
    }

    fn opened(&mut self, packet: &Bytes, history: &mut History, out: &mut Vec<u8>) -> Result<(), String> {
        let response = ConnectResponse::decode(packet).map_err(|error| error.to_string())?;
        if response.session == SessionId(0) {
            self.link = Link::Down;
            self.over(history);
            return Ok(());
        }
        self.link = Link::Up;
        self.session = Some((response.session, response.password.unwrap_or_default()));
        history.note(self.number, What::Opened(response.session));
        if !self.watches.is_empty() {
            self.ask(Operation::Watch(self.watches.iter().cloned().collect()), history, out);
        }
        Ok(())
    }

    fn packet(&mut self, packet: Bytes, history: &mut History) -> Result<(), String> {
        let (header, body) = ReplyHeader::split(packet).map_err(|error| error.to_string())?;
        if header.xid == PING_XID {
            return Ok(());
        }
        if header.xid == NOTIFICATION_XID {
            let event = WatcherEvent::decode(&body).map_err(|error| error.to_string())?;
            self.watches.remove(&event.path);
            history.note(self.number, What::Changed(event.path));
            return Ok(());
        }
        let place = self.asked.iter().position(|(xid, ..)| *xid == header.xid);
        let asked = place.and_then(|place| self.asked.remove(place));
        let (xid, kind, operation) = asked.ok_or_else(|| format!("nobody asked for {header:?}"))?;
        self.seen = self.seen.max(header.zxid);
        let answer = answer(&header, kind, &operation, &body)?;
        history.note(self.number, What::Answered(xid, header.zxid, answer.clone()));
        match (operation, answer) {
            (Operation::Make(_), answer) => {
                let there = [Answer::Done, Answer::Refused(Code::NodeExists.number())].contains(&answer);
                self.ready = there && self.asked.is_empty();
            }
            (Operation::Get(key, true), Answer::Value(..)) => drop(self.watches.insert(key)),
            (Operation::Close, Answer::Done) => self.abandon(history),
            _ => {}
        }
        Ok(())
    }
}

fn create(path: &str, data: &'static [u8], mode: CreateMode) -> ClientRequest {
    ClientRequest::Write(Change::Create {
        kind: OpCode::Create,
        path: path.to_owned(),
        data: Some(Bytes::from_static(data)),
        acl: Acl::open(),
        flags: mode.number(),
        ttl: -1,
    })
}

fn answer(header: &ReplyHeader, kind: i32, operation: &Operation, body: &Bytes) -> Result<Answer, String> {
    let (0, Some(kind)) = (header.err, OpCode::from_number(kind)) else { return Ok(Answer::Refused(header.err)) };
    let reply = Reply::decode(kind, body).map_err(|error| format!("the answer to {operation:?}: {error}"))?;
    Ok(match reply {
        Reply::Data { data, stat } => {
            let text = data.as_deref().and_then(|data| std::str::from_utf8(data).ok()).unwrap_or_default();
            let value = text.parse().map_err(|_| format!("the value of {operation:?} is {data:?}"))?;
            Answer::Value(value, stat.persisted.mzxid)
        }
        Reply::Names(names) => Answer::Names(names),
        _ => Answer::Done,
    })
}

//! One of the two servers, with its clients.

use super::normal::{Answers, Normal};
use super::step::{Manner, Question, SEATS, Step, addressed};
use super::support::client::{Client, Packet};
use super::versions::Version;
use bytes::Bytes;
use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use zab::Zxid;
use zab::tree::{Acl, Change, CreateMode, OpCode, SessionId};
use zabkeeper::wire::header::AUTH_XID;
use zabkeeper::wire::{ClientRequest, ConnectRequest, ConnectResponse, Reply};

/// Milliseconds: long enough that no session expires while a sequence runs.
const TIMEOUT: i32 = 40_000;

/// The shortest timeout is two ticks; it ends with a tick, and is looked for once a tick.
const EXPIRY: Duration = Duration::from_millis(4 * 2000 + 200);

/// After a reply to this operation with this error the server closes the connection, a moment later.
const ENDING: &[(Option<OpCode>, i32)] = &[(Some(OpCode::CloseSession), 0), (Some(OpCode::Auth), -115), (None, -6)];

/// A server under test, while one sequence runs.
pub struct Side {
    address: SocketAddr,
    prefix: String,
    normal: Normal,
    seats: [Seat; SEATS],
    /// Sessions that this sequence opened, with their passwords, until they are closed.
    open: BTreeSet<(SessionId, Bytes)>,
}

#[derive(Default)]
struct Seat {
    client: Option<Client>,
    /// The session that it has, or had.
    session: SessionId,
    password: Bytes,
    seen: Zxid,
}

impl Side {
    /// Begins a sequence below the new znode `prefix`.
    pub fn new(address: SocketAddr, prefix: &str, version: Version) -> io::Result<Side> {
        let normal = Normal::new(version);
        let mut side =
            Side { address, prefix: prefix.to_owned(), normal, seats: Default::default(), open: BTreeSet::new() };
        let (mut client, response) = Client::connect(address, &opening())?;
        let response = response.ok_or(io::ErrorKind::UnexpectedEof)?;
        side.open.insert((response.session, response.password.unwrap_or_default()));
        client.send(&ClientRequest::Write(Change::Create {
            kind: OpCode::Create2,
            path: prefix.to_owned(),
            data: None,
            acl: Acl::open(),
            flags: CreateMode::Persistent.number(),
            ttl: -1,
        }))?;
        let Packet::Reply(header, body) = client.receive()? else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        match Reply::decode(OpCode::Create2, &body) {
            Ok(Reply::Create2 { stat, .. }) => side.normal.base = stat.persisted.czxid,
            other => return Err(io::Error::other(format!("{prefix} cannot be created: {header:?} {other:?}"))),
        }
        Ok(side)
    }

    /// Takes a step, and says all that the clients were told meanwhile, in order for each of them.
    pub fn step(&mut self, step: &Step) -> Vec<String> {
        let mut lines = Vec::new();
        let result = match step {
            Step::Ask(seat, questions) => self.ask(*seat, questions, &mut lines),
            Step::Close(seat) => self.close(*seat, &mut lines),
            Step::Connect(seat, manner) => self.connect(*seat, *manner, &mut lines),
            Step::Expire(seat) => self.expire(*seat, &mut lines),
        };
        let result = result.and_then(|()| self.listen(&mut lines));
        if let Err(error) = result {
            lines.push(format!("failed: {:?}", error.kind()));
        }
        if let Step::Close(_) | Step::Expire(_) = step {
            sort_deletions(&mut lines);
        }
        lines
    }

    /// What was answered so far.
    pub fn answers(&self) -> &Answers {
        &self.normal.answers
    }

    // ---- Steps ----------------------------------------------------------------------------------------------------

    fn ask(&mut self, seat: usize, questions: &[Question], lines: &mut Vec<String>) -> io::Result<()> {
        if self.seats[seat].client.is_none() {
            self.sit_down(seat, lines)?;
        }
        let Some(client) = &mut self.seats[seat].client else { return Ok(()) };
        let seen = client.last_zxid;
        let mut kinds = Vec::new();
        for question in questions {
            match question {
                Question::Request(request) => {
                    kinds.push(OpCode::from_number(request.kind()));
                    let request = addressed(request, &self.prefix, seen);
                    match request {
                        ClientRequest::Auth(_) => client.send_as(AUTH_XID, &request)?,
                        _ => client.send(&request).map(|_| ())?,
                    }
                }
                Question::Broken(kind, bytes) => {
                    kinds.push(Some(*kind));
                    client.send_bytes(*kind, bytes)?;
                }
            }
        }
        self.hear(seat, &kinds, lines)
    }

    /// Waits for the replies to these operations.
    fn hear(&mut self, seat: usize, kinds: &[Option<OpCode>], lines: &mut Vec<String>) -> io::Result<()> {
        let mut expected = kinds.iter().copied();
        let mut next = expected.next();
        while let Some(kind) = next {
            let Some(client) = &mut self.seats[seat].client else { return Ok(()) };
            let packet = client.receive()?;
            let mut ends = false;
            if let Packet::Reply(header, _) = &packet {
                next = expected.next();
                ends = ENDING.contains(&(kind, header.err));
            }
            self.note(seat, packet, kind, lines);
            if ends && let Some(client) = &mut self.seats[seat].client {
                let packet = client.receive()?;
                self.note(seat, packet, None, lines);
            }
        }
        Ok(())
    }

    fn close(&mut self, seat: usize, lines: &mut Vec<String>) -> io::Result<()> {
        let Some(client) = &mut self.seats[seat].client else { return Ok(()) };
        client.send(&ClientRequest::Write(Change::CloseSession))?;
        let session = self.seats[seat].session;
        self.hear(seat, &[Some(OpCode::CloseSession)], lines)?;
        self.open.retain(|(open, _)| *open != session);
        Ok(())
    }

    fn connect(&mut self, seat: usize, manner: Manner, lines: &mut Vec<String>) -> io::Result<()> {
        if self.seats[seat].session == SessionId(0) {
            return self.sit_down(seat, lines);
        }
        // A wrong password ends the session's connection in Java: see `specs/exceptions.md`.
        if matches!(manner, Manner::AfterLeaving | Manner::WithWrongPassword) {
            self.leave(seat);
        }
        let seat_now = &self.seats[seat];
        let mut request = ConnectRequest {
            last_zxid_seen: seat_now.client.as_ref().map_or(seat_now.seen, |client| client.last_zxid),
            session: seat_now.session,
            password: Some(seat_now.password.clone()),
            ..opening()
        };
        match manner {
            Manner::Properly | Manner::AfterLeaving => {}
            Manner::AsOfOld => request.read_only = None,
            Manner::WithTimeout(timeout) => request.timeout = timeout,
            Manner::WithWrongPassword => request.password = Some(Bytes::from_static(&[1; 16])),
            Manner::Ahead => request.last_zxid_seen = Zxid(1 << 40),
        }
        let old = self.introduce(seat, &request, lines)?;
        let Some(mut old) = old else { return Ok(()) };
        // What becomes of the connection that it had.
        let packets = old.drain()?;
        let kept = !matches!(packets.last(), Some(Packet::End));
        for packet in packets {
            let text = self.text(packet, None);
            lines.push(format!("seat {seat}, before: {text}"));
        }
        if kept && self.seats[seat].client.is_none() {
            self.seats[seat].client = Some(old);
        }
        Ok(())
    }

    fn expire(&mut self, seat: usize, lines: &mut Vec<String>) -> io::Result<()> {
        self.connect(seat, Manner::WithTimeout(0), lines)?;
        self.leave(seat);
        std::thread::sleep(EXPIRY);
        Ok(())
    }

    fn leave(&mut self, seat: usize) {
        if let Some(client) = self.seats[seat].client.take() {
            self.seats[seat].seen = client.last_zxid;
        }
    }

    /// With the session that it has; if that is over, with a new one.
    fn sit_down(&mut self, seat: usize, lines: &mut Vec<String>) -> io::Result<()> {
        if self.seats[seat].session != SessionId(0) {
            self.connect(seat, Manner::AfterLeaving, lines)?;
            if self.seats[seat].client.is_some() {
                return Ok(());
            }
        }
        self.introduce(seat, &opening(), lines).map(|_| ())
    }

    /// Sends a first packet on a new connection, which becomes the seat's if it is accepted; gives back the old one.
    fn introduce(
        &mut self,
        seat: usize,
        request: &ConnectRequest,
        lines: &mut Vec<String>,
    ) -> io::Result<Option<Client>> {
        let (mut client, response) = Client::connect(self.address, request)?;
        let old = self.seats[seat].client.take();
        let Some(response) = response else {
            lines.push(format!("seat {seat}: refused"));
            return Ok(old);
        };
        lines.push(format!("seat {seat}: {}", self.normal.connected(&response)));
        let ConnectResponse { session, password, .. } = response;
        if session == SessionId(0) {
            let packet = client.receive()?;
            let text = self.text(packet, None);
            lines.push(format!("seat {seat}: {text}"));
            return Ok(old);
        }
        let password = password.unwrap_or_default();
        self.open.insert((session, password.clone()));
        client.last_zxid = request.last_zxid_seen;
        let seen = request.last_zxid_seen;
        self.seats[seat] = Seat { client: Some(client), session, password, seen };
        Ok(old)
    }

    /// Whatever else the clients were told.
    fn listen(&mut self, lines: &mut Vec<String>) -> io::Result<()> {
        for seat in 0..SEATS {
            let Some(client) = &mut self.seats[seat].client else { continue };
            for packet in client.drain()? {
                self.note(seat, packet, None, lines);
            }
        }
        Ok(())
    }

    // ---- Words ----------------------------------------------------------------------------------------------------

    fn note(&mut self, seat: usize, packet: Packet, kind: Option<OpCode>, lines: &mut Vec<String>) {
        if let Packet::End = packet {
            self.leave(seat);
        }
        let text = self.text(packet, kind);
        lines.push(format!("seat {seat}: {text}"));
    }

    fn text(&mut self, packet: Packet, kind: Option<OpCode>) -> String {
        match packet {
            Packet::Reply(header, body) => self.normal.reply(header, &body, kind),
            Packet::Event(header, body) => self.normal.event(header, &body),
            Packet::End => "closed".into(),
        }
    }
}

impl Drop for Side {
    /// Closes every session, so that none expires while another sequence runs: that would be a transaction more.
    fn drop(&mut self) {
        for (session, password) in std::mem::take(&mut self.open) {
            let request = ConnectRequest { session, password: Some(password), ..opening() };
            if let Ok((mut client, Some(_))) = Client::connect(self.address, &request) {
                let _ = client.send(&ClientRequest::Write(Change::CloseSession));
                while let Ok(Packet::Reply(..) | Packet::Event(..)) = client.receive() {}
            }
        }
    }
}

/// The znodes of a session that closes are deleted in the order of a hash table in Java: whoever watches several of
/// them hears of them in any order.
fn sort_deletions(lines: &mut [String]) {
    let of_one_seat = |a: &String, b: &String| a.contains(": event ") && b.contains(": event ") && a[..6] == b[..6];
    lines.chunk_by_mut(of_one_seat).for_each(<[String]>::sort);
}

/// The first packet of a client without a session.
fn opening() -> ConnectRequest {
    ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: Zxid(0),
        timeout: TIMEOUT,
        session: SessionId(0),
        password: Some(Bytes::from_static(&[0; 16])),
        read_only: Some(false),
    }
}

//! The clients' connections: bytes up, bytes down, and what `client_port` does with them between.

use super::running::Running;
use super::schedule::MS;
use super::world::{Happening, World, arrived};
use crate::histories::{Answer, Client, Entry, What};
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use zab::tree::Change;
use zabkeeper::client_port::connection::Connection;
use zabkeeper::client_port::outbox::Taken;
use zabkeeper::client_port::reads;
use zabkeeper::node::{Asking, Incoming};
use zabkeeper::wire::frame::DEFAULT_LIMIT;
use zabkeeper::wire::{ClientRequest, ConnectRequest, Frame, FrameDecoder, RequestHeader, WireError};

/// What a client is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// It works.
    Work,
    /// It asks nothing more, and says goodbye.
    Leave,
    /// It reads everything once.
    Audit,
    /// It has done all that it wanted.
    Done,
}

/// A client with its connection.
pub(super) struct Caller {
    pub client: Client,
    pub aim: Aim,
    /// Which connection it is at; 0 is none.
    call: u64,
    server: usize,
    run: u64,
    connection: Option<Arc<Connection>>,
    decoder: FrameDecoder,
    input: BytesMut,
    introduced: bool,
    up: VecDeque<(u64, Vec<u8>)>,
    /// On its way to the client; `None` is the end.
    down: VecDeque<(u64, Option<Vec<u8>>)>,
    heard: u64,
}

impl Caller {
    pub(super) fn new(client: Client, aim: Aim) -> Caller {
        let (decoder, input) = (FrameDecoder::server(DEFAULT_LIMIT), BytesMut::new());
        let (call, server, run, connection, introduced, heard) = (0, 0, 0, None, false, 0);
        let (up, down) = Default::default();
        Caller { client, aim, call, server, run, connection, decoder, input, introduced, up, down, heard }
    }

    /// Which server it is at.
    pub(super) fn server(&self) -> usize {
        self.server
    }

    /// Whether it has seen everything, behind a sync.
    fn has_audited(&self, news: &[Entry]) -> bool {
        self.client.is_idle() && news.iter().any(|entry| matches!(&entry.what, What::Answered(_, _, Answer::Names(_))))
    }

    /// Whether this is still its connection.
    fn is_at(&self, call: u64) -> bool {
        call != 0 && self.call == call
    }
}

impl World {
    /// The client's turn to do something.
    pub(super) fn act(&mut self, number: usize) -> Result<(), String> {
        if self.callers[number].aim == Aim::Done {
            return Ok(());
        }
        let pause = self.dice.between(30, 250) * MS;
        self.plan(pause, Happening::Act(number));
        let patience = self.callers[number].client.timeout as u64 * MS * 2 / 3;
        if self.callers[number].call == 0 {
            self.call(number);
        } else if self.now > self.callers[number].heard + patience {
            self.hang_up(number);
        } else if self.callers[number].aim == Aim::Work && self.dice.once_in(150) {
            // It vanishes, and its session goes on until its time is over.
            self.callers[number].client.abandon(&mut self.history);
            self.hang_up(number);
        } else if self.callers[number].client.is_up() {
            let bytes = self.say(number);
            self.send_up(number, bytes);
        }
        Ok(())
    }

    fn say(&mut self, number: usize) -> Vec<u8> {
        let (quiet, gone) = (self.dice.once_in(8), self.dice.once_in(120));
        let Caller { client, aim, .. } = &mut self.callers[number];
        let bytes = match aim {
            Aim::Work if gone && client.is_idle() => client.close(&mut self.history),
            Aim::Work if !quiet => client.burst(&mut self.history),
            Aim::Leave => client.close(&mut self.history),
            Aim::Audit => client.audit(&mut self.history),
            Aim::Work | Aim::Done => Vec::new(),
        };
        if bytes.is_empty() { client.ping() } else { bytes }
    }

    /// Connects with some server.
    fn call(&mut self, number: usize) {
        let server = self.dice.below(self.members.len() as u64) as usize;
        if self.members[server].running.is_none() {
            return;
        }
        self.calls += 1;
        let (call, address) = (self.calls, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let connection = Arc::new(Connection::new(call, address, 0));
        let run = self.members[server].run;
        if let Some(running) = &mut self.members[server].running {
            running.connections.insert(call, connection.clone());
        }
        let caller = &mut self.callers[number];
        let client = std::mem::replace(&mut caller.client, Client::new(0, 0, 0));
        *caller = Caller::new(client, caller.aim);
        (caller.call, caller.server, caller.run, caller.connection) = (call, server, run, Some(connection));
        caller.heard = self.now;
        let bytes = caller.client.open();
        self.send_up(number, bytes);
    }

    fn send_up(&mut self, number: usize, bytes: Vec<u8>) {
        if bytes.is_empty() || self.callers[number].call == 0 {
            return;
        }
        let due = self.now + self.dice.between(50, 800);
        let caller = &mut self.callers[number];
        let due = caller.up.back().map_or(due, |(last, _)| due.max(last + 1));
        caller.up.push_back((due, bytes));
        let call = caller.call;
        self.plan(due - self.now, Happening::Up(number, call));
    }

    /// The client's end of the connection is gone; the server learns it later.
    pub(super) fn hang_up(&mut self, number: usize) {
        let caller = &mut self.callers[number];
        caller.client.lost(&mut self.history);
        caller.call = 0;
        if let Some(connection) = caller.connection.take() {
            let (server, run) = (caller.server, caller.run);
            let delay = self.dice.between(50, 3000);
            self.plan(delay, Happening::Gone(server, run, connection));
        }
    }

    // ---- At the server --------------------------------------------------------------------------------------------

    /// What has come from a client is read, as `client_port` does it.
    pub(super) fn up(&mut self, number: usize, call: u64) -> Result<(), String> {
        let (server, run) = (self.callers[number].server, self.callers[number].run);
        self.set_time(server);
        let (now, caller) = (self.now, &mut self.callers[number]);
        if !caller.is_at(call) || self.members[server].run != run {
            return Ok(());
        }
        let Some((_, bytes)) = arrived(&mut caller.up, now) else { return Ok(()) };
        caller.input.extend_from_slice(&bytes);
        let (Some(running), Some(connection)) = (&self.members[server].running, &caller.connection) else {
            return Ok(());
        };
        connection.hear(running.shared.uptime());
        let told = |error: &dyn std::fmt::Display| format!("what client {number} says cannot be read: {error}");
        while let Some(frame) = caller.decoder.decode(&mut caller.input).map_err(|error| told(&error))? {
            let Frame::Packet(packet) = frame else { return Err(told(&"a word")) };
            if caller.introduced {
                request(running, connection, packet).map_err(|error| told(&error))?;
                continue;
            }
            caller.introduced = true;
            count(running, connection);
            let request = ConnectRequest::decode(&packet).map_err(|error| told(&error))?;
            running.handle.send(Incoming::Connect(connection.clone(), request));
        }
        self.turn(server)
    }

    /// What a server's connections have to say is on its way.
    pub(super) fn collect(&mut self, server: usize) {
        for number in 0..self.callers.len() {
            let (run, due) = (self.members[server].run, self.now + self.dice.between(50, 800));
            let caller = &mut self.callers[number];
            let connection = caller.connection.clone().filter(|_| (caller.server, caller.run) == (server, run));
            let Some(connection) = connection else { continue };
            let mut bytes = Vec::new();
            let ends = connection.outbox.take(&mut bytes) != Taken::Open;
            let due = caller.down.back().map_or(due, |(last, _)| due.max(last + 1));
            if !bytes.is_empty() {
                caller.down.push_back((due, Some(bytes)));
            }
            if ends {
                caller.down.push_back((due, None));
                caller.connection = None;
                self.plan(0, Happening::Gone(server, run, connection));
            }
            let call = self.callers[number].call;
            self.plan(due - self.now, Happening::Down(number, call));
        }
    }

    /// A client's connection has ended, as its server learns.
    pub(super) fn gone(&mut self, server: usize, run: u64, connection: &Arc<Connection>) -> Result<(), String> {
        if let Some(running) = self.running(server, run)
            && running.connections.remove(&connection.number).is_some()
        {
            return self.tell(server, run, Incoming::Gone(connection.clone()));
        }
        Ok(())
    }

    // ---- At the client --------------------------------------------------------------------------------------------

    /// What has come from a server is read.
    pub(super) fn down(&mut self, number: usize, call: u64) -> Result<(), String> {
        let now = self.now;
        while self.callers[number].is_at(call) {
            let caller = &mut self.callers[number];
            let Some((_, item)) = arrived(&mut caller.down, now) else { return Ok(()) };
            let Some(bytes) = item else {
                self.hang_up(number);
                return Ok(());
            };
            caller.heard = now;
            let before = self.history.entries.len();
            match caller.client.receive(&bytes, &mut self.history)? {
                Some(out) => self.send_up(number, out),
                None => self.hang_up(number),
            }
            self.note_answers(number, before);
        }
        Ok(())
    }

    /// What is new in the history decides what the client does next, and whether the ensemble lives.
    fn note_answers(&mut self, number: usize, before: usize) {
        let caller = &mut self.callers[number];
        let news = &self.history.entries[before..];
        let closed = news.iter().any(|entry| matches!(entry.what, What::Over(_)));
        let answered = |entry: &Entry| match &entry.what {
            What::Answered(xid, _, Answer::Done) if *xid > 0 => Some(*xid),
            _ => None,
        };
        self.written |= news.iter().filter_map(answered).count() > 0;
        if caller.aim == Aim::Leave && closed || caller.aim == Aim::Audit && caller.has_audited(news) {
            caller.aim = Aim::Done;
        }
    }

    /// A server is gone, with its ends of all connections. Its clients learn it soon.
    pub(super) fn cut_callers(&mut self, server: usize) {
        for number in 0..self.callers.len() {
            let (due, caller) = (self.now + self.dice.between(50, 5000), &mut self.callers[number]);
            if caller.connection.is_some() && caller.server == server {
                caller.connection = None;
                let due = caller.down.back().map_or(due, |(last, _)| due.max(last + 1));
                caller.down.push_back((due, None));
                let call = caller.call;
                self.plan(due - self.now, Happening::Down(number, call));
            }
        }
    }
}

/// The node will answer one more.
fn count(running: &Running, connection: &Connection) {
    connection.forwarded.fetch_add(1, Ordering::AcqRel);
    running.shared.counters.outstanding.fetch_add(1, Ordering::Relaxed);
}

/// As `client_port::serve` does: what only reads is answered at once, unless something of this client is open.
fn request(running: &Running, connection: &Arc<Connection>, packet: Bytes) -> Result<(), WireError> {
    let (header, body) = RequestHeader::split(packet)?;
    let request = ClientRequest::decode(header.kind, &body)?;
    if let ClientRequest::Write(Change::CloseSession) = request {
        connection.finished.store(true, Ordering::Release);
    }
    let (connection, xid) = (connection.clone(), header.xid);
    let asking = Asking { connection: connection.clone(), xid, request, since: Instant::now() };
    if asking.is_ordered() || connection.forwarded.load(Ordering::Acquire) > 0 {
        count(running, &connection);
        running.handle.send(Incoming::Requests(vec![asking]));
    } else {
        let tree = running.shared.tree.read();
        connection.outbox.push(|out| reads::write_reply(&running.shared, &tree, &asking, out));
    }
    Ok(())
}

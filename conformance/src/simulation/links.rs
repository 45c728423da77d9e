//! What is on its way between servers: packets on quorum connections, in order, and notifications of elections.
//!
//! As on TCP, nothing overtakes on a connection, and what a cut keeps from passing passes when it is healed, unless an
//! end has lost patience with the silence and closed.

use super::port::Asked;
use super::schedule::MS;
use super::world::{Happening, World, arrived};
use super::{Defect, TICK};
use crate::server::network::{heard, through_the_wire};
use std::collections::VecDeque;
use zab::{Notification, ServerId};
use zabkeeper::link::{ConnectionId, LinkEvent};
use zabkeeper::node::Incoming;
use zabkeeper::wire::quorum::Packet;

/// The silence that is borne until an epoch is established, and afterwards.
const INIT: u64 = 10 * TICK * MS;
const SYNC: u64 = 5 * TICK * MS;
/// As `QuorumPort` does it: from attempt to attempt, and how long a leader is tried that refuses.
const AGAIN: u64 = 50 * MS;
const NOBODY_THERE: u64 = 1000 * MS;

/// A quorum connection: end 0 is the learner's, end 1 the leader's.
pub(super) struct Wire {
    number: ConnectionId,
    ends: [End; 2],
}

struct End {
    server: usize,
    run: u64,
    open: bool,
    /// Whether its node knows of it: a leader does when something has come.
    known: bool,
    heard: u64,
    patience: u64,
    /// On its way here, with the moment of its arrival; `None` is the end.
    inbound: VecDeque<(u64, Option<Packet>)>,
}

/// Who is being called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dial {
    pub from: usize,
    run: u64,
    to: usize,
    attempt: u64,
    until: u64,
    refused: Option<u64>,
}

/// What goes from one election port to another.
#[derive(Default)]
pub(super) struct Notes {
    /// The newest that could not be sent.
    unsent: Option<Notification>,
    /// The newest that was sent.
    last: Option<Notification>,
    /// When the newest arrives.
    due: u64,
}

pub(super) fn index(id: ServerId) -> usize {
    usize::from(id.0) - 1
}

impl World {
    /// Whether nothing passes this way.
    pub(super) fn is_blocked(&self, from: usize, to: usize) -> bool {
        self.blocked.get(&(from, to)).is_some_and(|times| *times > 0)
    }

    fn delay(&mut self) -> u64 {
        let delay = if self.dice.once_in(60) { self.dice.between(2_000, 40_000) } else { self.dice.between(80, 900) };
        delay * self.slow_network
    }

    /// Does what a node asks of its network.
    pub(super) fn serve_network(&mut self, server: usize, asked: Asked) -> Result<(), String> {
        let run = self.members[server].run;
        match asked {
            Asked::Notify(to, notification) => self.notify(server, index(to), notification)?,
            Asked::Connect(leader) => {
                self.attempts[server] += 1;
                let (attempt, until) = (self.attempts[server], self.now + INIT);
                let dial = Dial { from: server, run, to: index(leader), attempt, until, refused: None };
                let delay = self.delay();
                self.plan(delay, Happening::Dial(dial));
            }
            Asked::GiveUp => self.attempts[server] += 1,
            Asked::Send(connection, packet) => {
                let packet = through_the_wire(self.members[server].id, &packet)
                    .map_err(|error| format!("s{}'s packet cannot be read: {error}", server + 1))?;
                self.send(connection, server, Some(packet));
            }
            Asked::Synchronised(connection) => {
                if let Some((wire, end)) = self.end(connection, server) {
                    self.wires[wire].ends[end].patience = SYNC;
                    self.plan(SYNC, Happening::Silence(wire, end));
                }
            }
            Asked::Close(connection) => {
                if let Some((wire, end)) = self.end(connection, server) {
                    self.close(wire, end);
                }
            }
            Asked::Listen => self.listening[server] = Some(run),
            Asked::StopListening => {
                self.listening[server] = None;
                for wire in 0..self.wires.len() {
                    let end = &self.wires[wire].ends[1];
                    if end.server == server && end.run == run {
                        self.close(wire, 1);
                    }
                }
            }
        }
        Ok(())
    }

    // ---- Notifications --------------------------------------------------------------------------------------------

    fn notify(&mut self, from: usize, to: usize, notification: Notification) -> Result<(), String> {
        let notification =
            heard(&notification).map_err(|error| format!("s{}'s notification cannot be read: {error}", from + 1))?;
        self.notes.entry((from, to)).or_default().unsent = Some(notification);
        self.send_notes(from, to);
        Ok(())
    }

    /// Sends the newest that is not sent, if it can pass.
    pub(super) fn send_notes(&mut self, from: usize, to: usize) {
        if self.is_blocked(from, to) || self.members[to].running.is_none() || self.members[from].running.is_none() {
            return;
        }
        let (delay, run, now) = (self.delay(), self.members[to].run, self.now);
        let (id, notes) = (self.members[from].id, self.notes.entry((from, to)).or_default());
        let Some(notification) = notes.unsent.take() else { return };
        notes.last = Some(notification);
        notes.due = notes.due.max(now + delay) + 1;
        let wait = notes.due - now;
        self.plan(wait, Happening::Tell(to, run, LinkEvent::Notification(id, notification)));
    }

    /// A server has started: the others connect with it, and say again what they said last.
    pub(super) fn greet(&mut self, to: usize) {
        for from in (0..self.members.len()).filter(|from| *from != to) {
            self.notes.insert((to, from), Notes::default());
            let notes = self.notes.entry((from, to)).or_default();
            notes.unsent = notes.unsent.or(notes.last);
            self.send_notes(from, to);
        }
    }

    // ---- Connections ----------------------------------------------------------------------------------------------

    fn end(&self, connection: ConnectionId, server: usize) -> Option<(usize, usize)> {
        let wire = usize::try_from(connection.0).ok()?.checked_sub(1)?;
        let run = self.members[server].run;
        let ends = &self.wires.get(wire)?.ends;
        let is_own = |end: &End| end.server == server && end.run == run && end.open;
        Some((wire, ends.iter().position(is_own)?))
    }

    /// A learner tries to connect.
    pub(super) fn dial(&mut self, dial: Dial) {
        let Dial { from, run, to, attempt, until, refused } = dial;
        let id = self.members[to].id;
        if self.members[from].run != run || self.members[from].running.is_none() || self.attempts[from] != attempt {
            return;
        }
        let passes = !self.is_blocked(from, to) && !self.is_blocked(to, from);
        let listens = self.members[to].running.is_some() && self.listening[to] == Some(self.members[to].run);
        if passes && listens {
            let number = ConnectionId(self.wires.len() as u64 + 1);
            let end = |server: usize, run, known| {
                let inbound = VecDeque::new();
                End { server, run, open: true, known, heard: self.now, patience: INIT, inbound }
            };
            let ends = [end(from, run, true), end(to, self.members[to].run, false)];
            self.wires.push(Wire { number, ends });
            (0..2).for_each(|end| self.plan(INIT, Happening::Silence(self.wires.len() - 1, end)));
            return self.plan(0, Happening::Tell(from, run, LinkEvent::Opened { connection: number, peer: id }));
        }
        let refused = refused.or((passes && !listens).then_some(self.now));
        if self.now >= until || refused.is_some_and(|since| self.now >= since + NOBODY_THERE) {
            return self.plan(0, Happening::Tell(from, run, LinkEvent::Refused { peer: id }));
        }
        self.plan(AGAIN, Happening::Dial(Dial { refused, ..dial }));
    }

    /// Sends a packet, or the end.
    fn send(&mut self, connection: ConnectionId, server: usize, packet: Option<Packet>) {
        if let Some((wire, end)) = self.end(connection, server) {
            self.put(wire, 1 - end, packet);
        }
    }

    fn put(&mut self, wire: usize, to: usize, packet: Option<Packet>) {
        let due = self.now + self.delay();
        let swap = self.defect == Some(Defect::Reordered) && self.dice.once_in(15);
        let inbound = &mut self.wires[wire].ends[to].inbound;
        let due = inbound.back().map_or(due, |(last, _)| due.max(last + 1));
        inbound.push_back((due, packet));
        let last = inbound.len() - 1;
        if swap && last > 0 && inbound[last].1.is_some() {
            let newest = inbound[last].1.take();
            inbound[last].1 = std::mem::replace(&mut inbound[last - 1].1, newest);
        }
        self.plan(due - self.now, Happening::Arrive(wire, to));
    }

    /// This end leaves.
    fn close(&mut self, wire: usize, end: usize) {
        let own = &mut self.wires[wire].ends[end];
        if !own.open {
            return;
        }
        own.open = false;
        own.inbound.clear();
        if self.wires[wire].ends[1 - end].open {
            if self.dice.once_in(2) {
                // It leaves in a hurry, and what is on its way is lost.
                self.wires[wire].ends[1 - end].inbound.clear();
            }
            self.put(wire, 1 - end, None);
        }
    }

    /// What has arrived at this end is read.
    pub(super) fn arrive(&mut self, wire: usize, end: usize) -> Result<(), String> {
        let ends = &self.wires[wire].ends;
        let (from, to, run) = (ends[1 - end].server, ends[end].server, ends[end].run);
        if self.is_blocked(from, to) || !ends[end].open {
            return Ok(());
        }
        let peer = self.members[from].id;
        let (now, number, own) = (self.now, self.wires[wire].number, &mut self.wires[wire].ends[end]);
        let Some((_, item)) = arrived(&mut own.inbound, now) else { return Ok(()) };
        own.heard = now;
        let event = match item {
            Some(packet) => {
                own.known = true;
                LinkEvent::Packet { connection: number, peer, packet }
            }
            None => {
                let known = own.known;
                self.close(wire, end);
                if !known {
                    return Ok(());
                }
                LinkEvent::Closed { connection: number, peer }
            }
        };
        self.tell(to, run, Incoming::Link(event))
    }

    /// Looks whether this end has heard nothing for too long.
    pub(super) fn silence(&mut self, wire: usize, end: usize) -> Result<(), String> {
        let own = &self.wires[wire].ends[end];
        if !own.open {
            return Ok(());
        }
        let until = own.heard + own.patience;
        if self.now < until {
            self.plan(until - self.now, Happening::Silence(wire, end));
            return Ok(());
        }
        let (server, run, known) = (own.server, own.run, own.known);
        self.close(wire, end);
        let (connection, peer) = (self.wires[wire].number, self.members[self.wires[wire].ends[1 - end].server].id);
        if !known {
            return Ok(());
        }
        self.tell(server, run, Incoming::Link(LinkEvent::Closed { connection, peer }))
    }

    /// The way is free again: what waited on it goes on.
    pub(super) fn pass_again(&mut self, from: usize, to: usize) {
        if self.is_blocked(from, to) {
            return;
        }
        for wire in 0..self.wires.len() {
            for end in 0..2 {
                let ends = &self.wires[wire].ends;
                if (ends[1 - end].server, ends[end].server) == (from, to) && ends[end].open {
                    let waiting = ends[end].inbound.len();
                    let wait = self.delay();
                    (0..waiting).for_each(|_| self.plan(wait, Happening::Arrive(wire, end)));
                }
            }
        }
        self.send_notes(from, to);
    }

    /// All quorum connections of a server break, of a crash or by themselves.
    pub(super) fn break_all(&mut self, server: usize, crashed: bool) -> Result<(), String> {
        for wire in 0..self.wires.len() {
            for end in 0..2 {
                let own = &self.wires[wire].ends[end];
                if own.server != server || !own.open {
                    continue;
                }
                let (run, known, number) = (own.run, own.known, self.wires[wire].number);
                let peer = self.members[self.wires[wire].ends[1 - end].server].id;
                self.close(wire, end);
                if known && !crashed {
                    self.tell(server, run, Incoming::Link(LinkEvent::Closed { connection: number, peer }))?;
                }
            }
        }
        Ok(())
    }

    /// At which server something happens on a wire.
    pub(super) fn server_at(&self, wire: usize, end: usize) -> usize {
        self.wires[wire].ends[end].server
    }
}

//! The network between the servers of a story: every packet is written and read as on ZooKeeper's wire, and arrives
//! when the story says so.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use zab::tree::TreeOptions;
use zab::{Message, Notification, ServerId};
use zabkeeper::disk::CheckedReader;
use zabkeeper::link::{ConnectionId, read_packet, write_snapshot_behind};
use zabkeeper::node::Network;
use zabkeeper::wire::WireError;
use zabkeeper::wire::election::{decode_notification, encode_notification};
use zabkeeper::wire::quorum::{Attachment, Packet, RawPacket, encode_packet};

/// What is on its way between all servers.
#[derive(Clone, Default)]
pub struct Wires {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    wires: Vec<Wire>,
    last: u64,
    /// To whom a server wants to be connected.
    asked: BTreeMap<ServerId, ServerId>,
    said: BTreeMap<(ServerId, ServerId), VecDeque<Notification>>,
    /// What the codec did wrong.
    faults: Vec<String>,
}

/// A quorum connection.
#[derive(Clone, Debug)]
pub struct Wire {
    /// Its number, at both ends.
    pub number: ConnectionId,
    /// Who opened it.
    pub learner: ServerId,
    /// To whom.
    pub leader: ServerId,
    /// The learner's end.
    pub at_learner: End,
    /// The leader's end.
    pub at_leader: End,
}

/// An end of a connection.
#[derive(Clone, Debug)]
pub struct End {
    /// Whether it is open.
    pub open: bool,
    /// Whether its server knows of the connection.
    pub known: bool,
    /// What is on its way there.
    pub inbound: VecDeque<Packet>,
}

impl Wire {
    fn end(&mut self, id: ServerId) -> Option<(&mut End, ServerId)> {
        if id == self.learner {
            Some((&mut self.at_learner, self.leader))
        } else if id == self.leader {
            Some((&mut self.at_leader, self.learner))
        } else {
            None
        }
    }

    fn close(&mut self, id: ServerId) {
        if let Some((end, _)) = self.end(id) {
            end.open = false;
            end.inbound.clear();
        }
    }
}

impl Wires {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way of one server to the others.
    pub fn port(&self, own: ServerId) -> Box<dyn Network> {
        Box::new(Port { own, wires: self.clone() })
    }

    /// What the codec did wrong since this was asked last.
    pub fn fault(&self) -> Option<String> {
        self.state().faults.pop()
    }

    /// The newest connection between two servers that one end has not left.
    pub fn wire(&self, learner: ServerId, leader: ServerId) -> Option<Wire> {
        let alive = |wire: &&Wire| wire.at_learner.open || wire.at_leader.open;
        let state = self.state();
        let mut wires = state.wires.iter().rev().filter(alive);
        wires.find(|wire| (wire.learner, wire.leader) == (learner, leader)).cloned()
    }

    /// Whether this end of a connection is open.
    pub fn is_open(&self, connection: ConnectionId, id: ServerId) -> bool {
        let state = &mut *self.state();
        let wire = state.wires.iter_mut().find(|wire| wire.number == connection);
        wire.and_then(|wire| wire.end(id).map(|(end, _)| end.open)).unwrap_or(false)
    }

    /// Opens the connection that a learner asked for.
    pub fn open(&self, learner: ServerId, leader: ServerId) -> Option<ConnectionId> {
        let state = &mut *self.state();
        state.asked.remove(&learner).filter(|asked| *asked == leader)?;
        state.last += 1;
        let end = |known| End { open: true, known, inbound: VecDeque::new() };
        let number = ConnectionId(state.last);
        state.wires.push(Wire { number, learner, leader, at_learner: end(true), at_leader: end(false) });
        Some(number)
    }

    /// The oldest packet on its way to `id` from this server.
    pub fn receive(&self, id: ServerId, from: ServerId) -> Option<(ConnectionId, Packet)> {
        let state = &mut *self.state();
        state.wires.iter_mut().rev().find_map(|wire| {
            let number = wire.number;
            let (end, _) = wire.end(id).filter(|(end, other)| *other == from && end.open)?;
            let packet = end.inbound.pop_front()?;
            end.known = true;
            Some((number, packet))
        })
    }

    /// The end of a connection notices that it is gone. `None` if there is none; the number is missing where the
    /// server never heard of it.
    pub fn notice(&self, id: ServerId, other: ServerId) -> Option<Option<ConnectionId>> {
        let state = &mut *self.state();
        state.wires.iter_mut().rev().find_map(|wire| {
            let number = wire.number;
            let (end, _) = wire.end(id).filter(|(end, with)| *with == other && end.open)?;
            let known = end.known;
            wire.close(id);
            Some(known.then_some(number))
        })
    }

    /// Whether a server waits for a connection with this one; it does not any more.
    pub fn refuse(&self, learner: ServerId, leader: ServerId) -> bool {
        let state = &mut *self.state();
        let asked = state.asked.get(&learner) == Some(&leader);
        asked && state.asked.remove(&learner).is_some()
    }

    /// A notification that was said; what was said before it is lost with it.
    pub fn hear(&self, from: ServerId, to: ServerId, notification: &Notification) -> bool {
        let state = &mut *self.state();
        let Some(said) = state.said.get_mut(&(from, to)) else { return false };
        let Some(place) = said.iter().position(|other| other == notification) else { return false };
        said.drain(..=place);
        true
    }

    /// A server has crashed.
    pub fn crash(&self, id: ServerId) {
        let state = &mut *self.state();
        state.wires.iter_mut().for_each(|wire| wire.close(id));
        state.asked.remove(&id);
        state.said.retain(|(_, to), _| *to != id);
    }
}

struct Port {
    own: ServerId,
    wires: Wires,
}

impl Port {
    fn with(&self, connection: ConnectionId, act: impl FnOnce(&mut Wire)) {
        let state = &mut *self.wires.state();
        if let Some(wire) = state.wires.iter_mut().find(|wire| wire.number == connection) {
            act(wire);
        }
    }

    fn fault(&self, what: &str, error: &dyn std::fmt::Display) {
        self.wires.state().faults.push(format!("{} sends {what}, which cannot be read: {error}", self.own));
    }
}

impl Network for Port {
    fn notify(&mut self, to: ServerId, notification: Notification) {
        match heard(&notification) {
            Ok(heard) => self.wires.state().said.entry((self.own, to)).or_default().push_back(heard),
            Err(error) => self.fault(&Message::Notification(notification).to_string(), &error),
        }
    }

    fn connect(&mut self, leader: ServerId) {
        self.wires.state().asked.insert(self.own, leader);
    }

    fn give_up(&mut self, leader: ServerId) {
        self.wires.refuse(self.own, leader);
    }

    fn send(&mut self, connection: ConnectionId, packet: Packet) {
        let own = self.own;
        match through_the_wire(own, &packet) {
            Ok(packet) => self.with(connection, |wire| {
                let other = if own == wire.learner { wire.leader } else { wire.learner };
                if let Some((end, _)) = wire.end(other).filter(|(end, _)| end.open) {
                    end.inbound.push_back(packet);
                }
            }),
            Err(error) => self.fault(&packet.message.to_string(), &error),
        }
    }

    fn synchronised(&mut self, _: ConnectionId) {}

    fn close(&mut self, connection: ConnectionId) {
        let own = self.own;
        self.with(connection, |wire| wire.close(own));
    }

    fn listen(&mut self) {}

    fn stop_listening(&mut self) {
        let own = self.own;
        let state = &mut *self.wires.state();
        state.wires.iter_mut().filter(|wire| wire.leader == own).for_each(|wire| wire.close(own));
    }
}

/// A notification, written by one server and read by another.
///
/// # Errors
/// When it cannot be read.
pub fn heard(notification: &Notification) -> Result<Notification, WireError> {
    /// The frame's length.
    const LENGTH: usize = 4;
    let mut bytes = Vec::new();
    encode_notification(&mut bytes, notification, "");
    decode_notification(bytes.get(LENGTH..).unwrap_or_default())
}

/// A packet, written by one server and read by another.
///
/// # Errors
/// When it cannot be read.
pub fn through_the_wire(own: ServerId, packet: &Packet) -> io::Result<Packet> {
    let mut bytes = Vec::new();
    encode_packet(&mut bytes, own, packet);
    if matches!(packet.message, Message::FollowerInfo(_) | Message::ObserverInfo(_)) {
        let raw = RawPacket::read(&mut CheckedReader::new(&bytes[..]))?;
        let introduced = raw.introduction().map_err(io::Error::other)?.id;
        if introduced != own {
            return Err(io::Error::other(format!("it introduces {introduced}")));
        }
    }
    if let Attachment::Snapshot(snapshot) = &packet.attachment {
        write_snapshot_behind(&snapshot.tree, &mut bytes)?;
    }
    let mut input = CheckedReader::new(&bytes[..]);
    let read = read_packet(&mut input, TreeOptions::default())?;
    if input.is_at_end()? { Ok(read) } else { Err(io::Error::other("there is more behind it")) }
}

//! The world around the servers: their disks, the network between them, and what can go wrong. A [`World`] is one
//! state of the model; [`action`] says what can happen next, [`step`] makes it happen.
//!
//! Every server runs [`zab::Peer`] and nothing else. What the world adds is the contract of `zab::contract`: writes
//! become durable in order, some messages wait for them, connections are FIFO and end for each side in its own time.

pub mod action;
pub mod connection;
pub mod enabled;
mod outputs;
pub mod packed;
pub mod parse;
pub mod step;

pub use action::Action;
pub use connection::{Connection, ElectionLink, End};

use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};
use zab::properties::{Past, ServerView};
use zab::{Disk, Ensemble, Message, Peer, ServerId, Txn, Write};

/// One state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// The servers, by id: `servers[0]` is server 1.
    pub servers: Vec<Server>,
    /// The quorum connections, in the order of (learner, leader).
    pub connections: Vec<Connection>,
    /// The election links, in the order of (from, to); empty where an oracle elects.
    pub election: Vec<ElectionLink>,
    /// Where late notifications are counted: the links with one on the wire, by their place in `election`, in the order
    /// in which they are due.
    pub due: Vec<u8>,
    /// What may still go wrong or be asked.
    pub budget: Budget,
    /// What happened.
    pub past: Past,
}

/// A server and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Server {
    /// Its memory; `None` while it is down.
    pub peer: Option<Peer>,
    /// What it would find if it started now.
    pub disk: Disk,
    /// What the snapshot on its disk stands for.
    pub snapshot: Vec<Txn>,
    /// What waits for the disk, oldest first.
    pub queue: Vec<Queued>,
    /// The state machine: everything that was delivered, oldest first.
    pub delivered: Vec<Txn>,
    /// The open syncs of its clients, oldest first.
    pub syncs: Vec<OpenSync>,
}

/// A sync that a server's client asked for. Its clients are taken for one, which waits for nothing: whatever it asks
/// for afterwards comes to pass after the sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OpenSync {
    /// How much anyone had delivered when it was asked.
    pub promised: u8,
    /// The numbers of the writes that were asked for afterwards, as bits.
    pub later: u64,
}

/// Something that waits for the disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Queued {
    /// A write.
    Write(Write),
    /// A write of a snapshot, and what it stands for.
    Snapshot(Write, Vec<Txn>),
    /// A message that leaves when everything before it is durable.
    Send(ServerId, Message),
}

/// How often each thing may still happen. All of it lies in the state, so that the graph is finite and closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Budget {
    /// Crashes.
    pub crashes: u8,
    /// Links that break.
    pub breaks: u8,
    /// Transactions that clients ask for.
    pub transactions: u8,
    /// Syncs that clients ask for.
    pub syncs: u8,
    /// Elections that an oracle holds.
    pub elections: u8,
    /// Timers that fire although what they wait for is on its way.
    pub timeouts: u8,
    /// Snapshots that servers take.
    pub snapshots: u8,
    /// Notifications that are late.
    pub delays: u8,
}

impl World {
    /// The server with this id.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn server(&self, id: ServerId) -> &Server {
        &self.servers[usize::from(id.0) - 1]
    }

    /// The server with this id, to change it.
    ///
    /// # Panics
    /// When there is none.
    pub fn server_mut(&mut self, id: ServerId) -> &mut Server {
        &mut self.servers[usize::from(id.0) - 1]
    }

    /// Every server's id, in order.
    pub fn ids(&self) -> impl Iterator<Item = ServerId> + Clone + use<> {
        (1..=self.servers.len() as u8).map(ServerId)
    }

    /// Calls `look` with what an observer outside sees.
    pub fn with_view<R>(&self, ensemble: &Ensemble, look: impl FnOnce(&zab::properties::View<'_>) -> R) -> R {
        let servers: smallvec::SmallVec<[ServerView<'_>; 5]> = self
            .ids()
            .zip(&self.servers)
            .map(|(id, server)| ServerView {
                id,
                peer: server.peer.as_ref(),
                disk: &server.disk,
                snapshot: &server.snapshot,
                delivered: &server.delivered,
            })
            .collect();
        look(&zab::properties::View { ensemble, servers: &servers, past: &self.past })
    }
}

// Checkers hash every state, and their hashers are slow at thousands of small numbers but fast at one string of
// bytes: so the derived hash is written into a buffer, and the buffer is hashed.
impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        BYTES.with_borrow_mut(|bytes| {
            bytes.0.clear();
            self.servers.hash(bytes);
            self.connections.hash(bytes);
            self.election.hash(bytes);
            self.due.hash(bytes);
            self.budget.hash(bytes);
            self.past.hash(bytes);
            state.write(&bytes.0);
        });
    }
}

thread_local! {
    static BYTES: std::cell::RefCell<Bytes> = const { std::cell::RefCell::new(Bytes(Vec::new())) };
}

/// A hasher that only collects. Numbers are written with as few bytes as they need, behind their length.
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn finish(&self) -> u64 {
        unreachable!("collects only")
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn write_u8(&mut self, number: u8) {
        self.0.push(number);
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        // Most are small numbers and zxids of small epochs, whose two halves fit into one byte; 0xff opens the rest.
        let (high, low) = (number >> 32, number & 0xffff_ffff);
        if high < 15 && low < 16 {
            self.0.push((high << 4 | low) as u8);
        } else {
            self.0.push(0xff);
            self.0.extend_from_slice(&number.to_le_bytes());
        }
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }
}

//! The links between servers: connections on the election port and on the quorum port, as ZooKeeper's servers hold them.
//!
//! ```text
//!               Notification                    ┌── ElectionPort ── one connection with each server
//!  NODE ◀── LinkEvent ──┤                       │
//!    └──── Network ─────┴── Packet, Closed … ── QuorumPort ── learners' connections, or the one to the leader
//! ```
//!
//! They know nothing of the protocol but who may speak first, and when silence has lasted too long. Each connection has
//! two threads, one for each direction: there are few of them, and a snapshot is read and written by code that blocks.
//!
//! *Java:* `QuorumCnxManager`, `LearnerHandler`, `Learner`.

mod election;
mod network;
mod quorum;
mod stream;

pub use election::{ElectionOptions, ElectionPort};
pub use network::{LinkOptions, PeerAddresses, TcpNetwork};
pub use quorum::{QuorumOptions, QuorumPort};

use crate::wire::quorum::Packet;
use std::sync::Arc;
use zab::{Notification, ServerId};

/// A connection on the quorum port. No two in the life of a server have the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// What happens on the links.
#[derive(Clone, Debug)]
pub enum LinkEvent {
    /// A server says on the election port where it stands.
    Notification(ServerId, Notification),
    /// The connection to a leader is open.
    Opened {
        /// The connection.
        connection: ConnectionId,
        /// The leader.
        peer: ServerId,
    },
    /// No connection to a leader could be opened in time.
    Refused {
        /// The leader.
        peer: ServerId,
    },
    /// A packet came on the quorum port.
    Packet {
        /// On which connection.
        connection: ConnectionId,
        /// From whom; of a learner, as it has introduced itself.
        peer: ServerId,
        /// What.
        packet: Packet,
    },
    /// A connection on the quorum port has ended.
    Closed {
        /// Which.
        connection: ConnectionId,
        /// With whom.
        peer: ServerId,
    },
}

/// Where events go. It must not wait.
pub type Events = Arc<dyn Fn(LinkEvent) + Send + Sync>;

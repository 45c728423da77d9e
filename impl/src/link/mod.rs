//! The links to the other servers of the ensemble: the election port and the quorum port.
//!
//! Nothing here knows the protocol; it carries what [`zab::Peer`] says, on ZooKeeper's own wire.
//!
//! - [`ElectionPort`]: one connection with every other server, on which only the newest notification counts. Tasks of
//!   the runtime.
//! - [`QuorumPort`]: connections of learners while this server leads, and its own to the server that it follows.
//!   Every one has two threads, one that reads and one that writes, as a snapshot of any size passes over it while
//!   others go on.
//!
//! Both hand what happens to a function that must not wait: it runs on the threads that read.

mod election_peer;
mod election_port;
mod introduction;
mod network;
mod quorum_connection;
mod quorum_port;
mod snapshot;

pub use election_port::{ElectionOptions, ElectionPort};
pub use network::{LinkOptions, PeerAddress, TcpNetwork, bind};
pub use quorum_connection::read_packet;
pub use quorum_port::{QuorumOptions, QuorumPort};
pub use snapshot::write as write_snapshot_behind;

use crate::wire::quorum::Packet;
use std::sync::Arc;
use zab::{Notification, ServerId};

/// A connection on the quorum port. Numbers are never used again, so that whatever comes late from a connection can
/// be told from what comes on the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// What happens on the links.
#[derive(Clone, Debug)]
pub enum LinkEvent {
    /// A server said on the election port where it stands.
    Notification(ServerId, Notification),
    /// The connection that [`QuorumPort::connect`] asked for is open.
    Opened {
        /// Its number.
        connection: ConnectionId,
        /// The leader.
        peer: ServerId,
    },
    /// The connection that [`QuorumPort::connect`] asked for could not be opened in time.
    Refused {
        /// The leader.
        peer: ServerId,
    },
    /// Something was said on the quorum port. The first on a learner's connection is its FOLLOWERINFO or OBSERVERINFO.
    Packet {
        /// Where.
        connection: ConnectionId,
        /// By whom.
        peer: ServerId,
        /// What.
        packet: Packet,
    },
    /// A connection of which there was [`LinkEvent::Opened`] or a [`LinkEvent::Packet`] is gone, whoever closed it.
    /// It is the last event of a connection.
    Closed {
        /// Which.
        connection: ConnectionId,
        /// With whom.
        peer: ServerId,
    },
}

/// Takes events. It must not wait, nor call a port.
type Events = Arc<dyn Fn(LinkEvent) + Send + Sync>;

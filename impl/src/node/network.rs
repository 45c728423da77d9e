//! The way to the other servers, as the node sees it.

use crate::link::ConnectionId;
use crate::wire::quorum::Packet;
use zab::{Notification, ServerId};

/// What the node asks of the links to other servers. Nothing here waits; what comes of it reaches the node as
/// [`LinkEvent`](crate::link::LinkEvent)s.
pub trait Network: Send {
    /// Tells a server on its election port where this one stands. Only the newest that is not sent yet counts.
    fn notify(&mut self, to: ServerId, notification: Notification);
    /// Opens a connection to a leader's quorum port.
    fn connect(&mut self, leader: ServerId);
    /// Gives up opening one.
    fn give_up(&mut self, leader: ServerId);
    /// Sends on a quorum connection, behind everything that was sent on it before.
    fn send(&mut self, connection: ConnectionId, packet: Packet);
    /// The epoch is established between both ends: from now on there are pings, and silence means more.
    fn synchronised(&mut self, connection: ConnectionId);
    /// Closes a quorum connection.
    fn close(&mut self, connection: ConnectionId);
    /// Opens this server's quorum port for learners.
    fn listen(&mut self);
    /// Closes this server's quorum port, with every connection accepted there.
    fn stop_listening(&mut self);
}

/// The network of a server that is an ensemble by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Network for Alone {
    fn notify(&mut self, _: ServerId, _: Notification) {}
    fn connect(&mut self, _: ServerId) {}
    fn give_up(&mut self, _: ServerId) {}
    fn send(&mut self, _: ConnectionId, _: Packet) {}
    fn synchronised(&mut self, _: ConnectionId) {}
    fn close(&mut self, _: ConnectionId) {}
    fn listen(&mut self) {}
    fn stop_listening(&mut self) {}
}

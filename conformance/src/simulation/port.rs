//! What a node asks of its network.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use zab::{Notification, ServerId};
use zabkeeper::link::ConnectionId;
use zabkeeper::node::Network;
use zabkeeper::wire::quorum::Packet;

/// What a node asks of its network.
#[derive(Debug)]
pub(super) enum Asked {
    Notify(ServerId, Notification),
    Connect(ServerId),
    GiveUp,
    Send(ConnectionId, Packet),
    Synchronised(ConnectionId),
    Close(ConnectionId),
    Listen,
    StopListening,
}

/// A node's network: what is asked is done when the node's turn is over.
pub(super) struct Port(pub Arc<Mutex<VecDeque<Asked>>>);

impl Port {
    fn ask(&self, asked: Asked) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(asked);
    }
}

impl Network for Port {
    fn notify(&mut self, to: ServerId, notification: Notification) {
        self.ask(Asked::Notify(to, notification));
    }
    fn connect(&mut self, leader: ServerId) {
        self.ask(Asked::Connect(leader));
    }
    fn give_up(&mut self, _: ServerId) {
        self.ask(Asked::GiveUp);
    }
    fn send(&mut self, connection: ConnectionId, packet: Packet) {
        self.ask(Asked::Send(connection, packet));
    }
    fn synchronised(&mut self, connection: ConnectionId) {
        self.ask(Asked::Synchronised(connection));
    }
    fn close(&mut self, connection: ConnectionId) {
        self.ask(Asked::Close(connection));
    }
    fn listen(&mut self) {
        self.ask(Asked::Listen);
    }
    fn stop_listening(&mut self) {
        self.ask(Asked::StopListening);
    }
}

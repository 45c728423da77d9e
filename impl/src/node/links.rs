//! The node's side of the links: which connection counts, and what comes and goes on it.

use super::Node;
use super::journal::{Release, Route};
use super::network::Network;
use crate::disk::Snapshot;
use crate::link::{ConnectionId, LinkEvent};
use crate::wire::quorum::{Attachment, Packet};
use std::collections::BTreeMap;
use zab::{Input, Message, Role, ServerId};

/// Which connections count. What comes from another one, or was to be sent on one that is gone, is forgotten: so
/// [`zab::Output::Disconnect`] means what it says.
pub(super) struct Links {
    network: Box<dyn Network>,
    open: BTreeMap<ServerId, ConnectionId>,
    /// Whom this server is opening a connection to.
    connecting: Option<ServerId>,
    listening: bool,
    /// Counts how often what waited for the disk on the way to this server itself was forgotten.
    own: u64,
}

impl Links {
    pub(super) fn new(network: Box<dyn Network>) -> Links {
        Links { network, open: BTreeMap::new(), connecting: None, listening: false, own: 0 }
    }

    /// The connection with a server, which also says on whose behalf a learner's requests come.
    pub(super) fn connection(&self, with: ServerId) -> Option<ConnectionId> {
        self.open.get(&with).copied()
    }
}

impl Node {
    /// Something happened on a link.
    pub(super) fn on_link(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Notification(from, notification) => {
                self.step(Input::Receive(from, Message::Notification(notification)));
            }
            LinkEvent::Opened { connection, peer } => self.on_opened(connection, peer),
            LinkEvent::Refused { peer } => {
                if self.links.connecting == Some(peer) {
                    self.links.connecting = None;
                    self.step(Input::Disconnected(peer));
                }
            }
            LinkEvent::Packet { connection, peer, packet } => self.on_packet(connection, peer, packet),
            LinkEvent::Closed { connection, peer } => {
                if self.links.connection(peer) == Some(connection) {
                    self.links.open.remove(&peer);
                    self.step(Input::Disconnected(peer));
                }
            }
        }
    }

    fn on_opened(&mut self, connection: ConnectionId, peer: ServerId) {
        if self.links.connecting != Some(peer) {
            // It came too late: this server looks elsewhere by now.
            return self.links.network.close(connection);
        }
        self.links.connecting = None;
        self.links.open.insert(peer, connection);
        self.step(Input::Connected(peer));
    }

    fn on_packet(&mut self, connection: ConnectionId, peer: ServerId, packet: Packet) {
        let introduces = matches!(packet.message, Message::FollowerInfo(_) | Message::ObserverInfo(_));
        let known = self.links.connection(peer) == Some(connection);
        if !known {
            if !introduces || !self.links.listening || peer == self.options.id {
                return self.links.network.close(connection);
            }
            if let Some(older) = self.links.open.remove(&peer) {
                // A learner that comes again has left its older connection, whether this end knows it or not.
                self.links.network.close(older);
                self.step(Input::Disconnected(peer));
                if !self.links.listening {
                    // Without that learner this server leads no more: whoever comes, comes too late.
                    return self.links.network.close(connection);
                }
            }
            self.links.open.insert(peer, connection);
        }
        if packet.message == Message::UpToDate {
            self.links.network.synchronised(connection);
        }
        match packet.message {
            Message::Diff(zxid) => tracing::info!(%zxid, "the leader sends DIFF"),
            Message::Trunc(zxid) => tracing::info!(%zxid, "the leader sends TRUNC"),
            Message::Snap(zxid) => tracing::info!(%zxid, "the leader sends SNAP"),
            _ => {}
        }
        match packet.attachment {
            Attachment::None => {}
            Attachment::Snapshot(snapshot) => self.received = Some(snapshot),
            Attachment::Touched(sessions) => {
                let now = self.shared.uptime();
                for (session, timeout) in sessions {
                    self.sessions.touch(session, timeout, now);
                }
            }
        }
        self.step(Input::Receive(peer, packet.message));
        self.received = None;
    }

    /// Sends to another server, if there is a way.
    pub(super) fn send(&mut self, to: ServerId, message: Message) {
        match (message, self.links.connection(to)) {
            (Message::Notification(notification), _) => self.links.network.notify(to, notification),
            (message, Some(connection)) => self.send_on(connection, message),
            (_, None) => {}
        }
    }

    fn send_on(&mut self, connection: ConnectionId, message: Message) {
        if message == Message::UpToDate {
            self.links.network.synchronised(connection);
        }
        self.note_synchronisation(&message);
        let attachment = match message {
            Message::Snap(_) => Attachment::Snapshot(Box::new(self.snapshot())),
            Message::Ping(_) if matches!(self.peer.role, Role::Following(_)) => Attachment::Touched(self.touched()),
            _ => Attachment::None,
        };
        self.links.network.send(connection, Packet { message, attachment });
    }

    /// The state machine as it is: a copy that costs nothing, to be sent while others go on.
    fn snapshot(&self) -> Snapshot {
        let tree = self.shared.tree.read().clone();
        Snapshot { tree, digest: None, size: 0 }
    }

    /// What is to be sent when the disk has come so far, and where to.
    pub(super) fn release(&self, to: ServerId, message: Message) -> Option<Release> {
        let route = if to == self.options.id {
            Route::Own(self.links.own)
        } else if matches!(message, Message::Notification(_)) {
            Route::Election
        } else {
            Route::Connection(self.links.connection(to)?)
        };
        Some(Release { to, route, message })
    }

    /// The disk has come so far.
    pub(super) fn on_released(&mut self, release: Release) {
        let Release { to, route, message } = release;
        match route {
            Route::Own(count) if count == self.links.own => self.step(Input::Receive(to, message)),
            Route::Own(_) => {}
            Route::Election => self.send(to, message),
            Route::Connection(connection) if self.links.connection(to) == Some(connection) => {
                self.send_on(connection, message);
            }
            Route::Connection(_) => {}
        }
    }

    pub(super) fn open_link(&mut self, leader: ServerId) {
        self.links.connecting = Some(leader);
        self.links.network.connect(leader);
    }

    /// [`zab::Output::Disconnect`].
    pub(super) fn close_link(&mut self, with: ServerId) {
        let links = &mut self.links;
        if with == self.options.id {
            links.own += 1;
            for connection in std::mem::take(&mut links.open).into_values() {
                links.network.close(connection);
            }
            links.listening = false;
            return links.network.stop_listening();
        }
        if links.connecting == Some(with) {
            links.connecting = None;
            links.network.give_up(with);
        }
        if let Some(connection) = links.open.remove(&with) {
            links.network.close(connection);
        }
    }

    /// Learners can connect while this server leads, or is about to.
    pub(super) fn keep_port(&mut self) {
        if !self.links.listening && matches!(self.peer.role, Role::Leading(_)) {
            self.links.listening = true;
            self.links.network.listen();
        }
    }
}

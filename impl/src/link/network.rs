//! The network of a server among others: both ports.

use super::{ConnectionId, ElectionOptions, ElectionPort, Events, QuorumOptions, QuorumPort};
use crate::config::HostPort;
use crate::node::Network;
use crate::wire::quorum::Packet;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use zab::tree::TreeOptions;
use zab::{Notification, ServerId};

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAddresses {
    /// Where its learners connect while it leads.
    pub quorum: Vec<HostPort>,
    /// Where elections are held.
    pub election: Vec<HostPort>,
}

/// How the links of a server are set up.
#[derive(Clone, Debug)]
pub struct LinkOptions {
    /// This server.
    pub id: ServerId,
    /// All servers, this one among them.
    pub servers: BTreeMap<ServerId, PeerAddresses>,
    /// The list of servers as Java prints it, which goes with every notification.
    pub config: String,
    /// How long opening a connection on the election port may take (`zookeeper.cnxTimeout`).
    pub election_patience: Duration,
    /// How long a learner and its leader may take until the epoch is established (`initLimit` ticks).
    pub init_patience: Duration,
    /// How long silence may last afterwards (`syncLimit` ticks).
    pub sync_patience: Duration,
    /// Whether to listen on all addresses of this machine (`quorumListenOnAllIPs`).
    pub everywhere: bool,
    /// Of the trees that come with SNAP.
    pub tree: TreeOptions,
}

/// Links over TCP.
pub struct TcpNetwork {
    election: ElectionPort,
    quorum: QuorumPort,
    servers: BTreeMap<ServerId, PeerAddresses>,
    /// Where it is told that the quorum port cannot be had: the server cannot go on then.
    failed: Arc<dyn Fn(String) + Send + Sync>,
}

impl TcpNetwork {
    /// Opens the election port.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn start(
        options: LinkOptions,
        events: Events,
        failed: Arc<dyn Fn(String) + Send + Sync>,
    ) -> io::Result<TcpNetwork> {
        let LinkOptions { id, servers, config, everywhere, tree, .. } = options;
        let addresses = servers.iter().map(|(id, addresses)| (*id, addresses.election.clone())).collect();
        let patience = options.election_patience;
        let election =
            ElectionPort::start(ElectionOptions { id, addresses, config, patience, everywhere }, events.clone())?;
        let own = servers.get(&id).map(|addresses| addresses.quorum.clone()).unwrap_or_default();
        let (init_patience, sync_patience) = (options.init_patience, options.sync_patience);
        let quorum = QuorumPort::new(QuorumOptions { id, own, everywhere, init_patience, sync_patience, tree }, events);
        Ok(TcpNetwork { election, quorum, servers, failed })
    }
}

impl Network for TcpNetwork {
    fn notify(&mut self, to: ServerId, notification: Notification) {
        self.election.send(to, &notification);
    }

    fn connect(&mut self, leader: ServerId) {
        let addresses = self.servers.get(&leader).map(|addresses| addresses.quorum.clone()).unwrap_or_default();
        self.quorum.connect(leader, addresses);
    }

    fn give_up(&mut self, _: ServerId) {
        self.quorum.give_up();
    }

    fn send(&mut self, connection: ConnectionId, packet: Packet) {
        self.quorum.send(connection, packet);
    }

    fn close(&mut self, connection: ConnectionId) {
        self.quorum.close(connection);
    }

    fn listen(&mut self) {
        if let Err(error) = self.quorum.listen() {
            (self.failed)(format!("the quorum port: {error}"));
        }
    }

    fn stop_listening(&mut self) {
        self.quorum.stop_listening();
    }
}

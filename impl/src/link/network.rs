//! The network of a server among others: both ports.

use super::{ConnectionId, ElectionOptions, ElectionPort, LinkEvent, QuorumOptions, QuorumPort};
use crate::config::HostPort;
use crate::node::Network;
use crate::wire::quorum::Packet;
use std::collections::BTreeMap;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use zab::tree::TreeOptions;
use zab::{Notification, ServerId};

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAddress {
    /// Where its learners connect while it leads: one address or several.
    pub quorum: Vec<HostPort>,
    /// Where elections are held.
    pub election: Vec<HostPort>,
}

/// How the links of a server are set up.
#[derive(Clone, Debug)]
pub struct LinkOptions {
    /// This server.
    pub id: ServerId,
    /// Where this server is.
    pub own: PeerAddress,
    /// Where the others are.
    pub peers: BTreeMap<ServerId, PeerAddress>,
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
    /// How often the election port is asked for while it is in use, a second apart (`electionPortBindRetry`); 0 is
    /// without end.
    pub bind_attempts: u32,
    /// Of the trees that come with SNAP.
    pub tree: TreeOptions,
}

/// The bytes that may wait for a server that does not take them. It is cut off then, and comes again for what it lacks.
const MOST_WAITING: usize = 256 << 20;

/// Links over TCP.
pub struct TcpNetwork {
    election: ElectionPort,
    quorum: QuorumPort,
    sync_patience: Duration,
    /// Where it is told that the quorum port cannot be had: the server cannot go on then.
    failed: Box<dyn Fn(String) + Send>,
}

impl TcpNetwork {
    /// Opens the election port.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn start(
        runtime: &Handle,
        options: LinkOptions,
        events: Arc<dyn Fn(LinkEvent) + Send + Sync>,
        failed: Box<dyn Fn(String) + Send>,
    ) -> io::Result<TcpNetwork> {
        let LinkOptions { id, own, peers, config, everywhere, tree, sync_patience, .. } = options;
        let place =
            |address: &HostPort| HostPort { host: address.host.clone().filter(|_| !everywhere), port: address.port };
        let mut listeners = Vec::new();
        for address in own.election.iter().map(place) {
            listeners.push(bind(&address, options.bind_attempts)?);
            if everywhere {
                break;
            }
        }
        let addresses: Vec<String> = own.election.iter().map(ToString::to_string).collect();
        let election = ElectionOptions {
            own: id,
            address: addresses.join("|"),
            peers: peers.iter().map(|(id, address)| (*id, address.election.clone())).collect(),
            config,
            connect_timeout: options.election_patience,
        };
        let (for_election, for_quorum) = (events.clone(), events);
        let election = ElectionPort::start(runtime, election, listeners, move |event| for_election(event))?;
        let listens = |address: &HostPort| {
            let first = place(address).resolve()?.into_iter().next();
            first.ok_or_else(|| io::Error::other(format!("{address} is no address")))
        };
        let mut listen = own.quorum.iter().map(listens).collect::<io::Result<Vec<_>>>()?;
        listen.dedup();
        let quorum = QuorumOptions {
            own: id,
            listen,
            peers: peers.into_iter().map(|(id, address)| (id, address.quorum)).collect(),
            connect_for: options.init_patience,
            read_timeout: options.init_patience,
            tree,
        };
        let quorum = QuorumPort::new(quorum, move |event| for_quorum(event));
        Ok(TcpNetwork { election, quorum, sync_patience, failed })
    }
}

/// Listens at an address, which is asked for so often while it is in use, a second apart; 0 is without end
/// (`QuorumCnxManager.Listener`): who had it before may be about to leave.
///
/// # Errors
/// That of the last attempt.
pub fn bind(address: &HostPort, attempts: u32) -> io::Result<TcpListener> {
    let mut made = 0;
    loop {
        made += 1;
        match address.resolve().and_then(|addresses| TcpListener::bind(&*addresses)) {
            Ok(listener) => return Ok(listener),
            Err(error) if made == attempts => return Err(error),
            Err(error) => tracing::warn!(%address, %error, attempt = made, "this port cannot be had yet"),
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

impl Network for TcpNetwork {
    fn notify(&mut self, to: ServerId, notification: Notification) {
        self.election.send(to, notification);
    }

    fn connect(&mut self, leader: ServerId) {
        self.quorum.connect(leader);
    }

    fn give_up(&mut self, leader: ServerId) {
        self.quorum.give_up(leader);
    }

    fn send(&mut self, connection: ConnectionId, packet: Packet) {
        if self.quorum.queued_bytes(connection) > MOST_WAITING {
            tracing::warn!(?connection, "closed: the server at its other end does not take what it is sent");
            return self.quorum.close(connection);
        }
        self.quorum.send(connection, packet);
    }

    fn synchronised(&mut self, connection: ConnectionId) {
        self.quorum.set_read_timeout(connection, self.sync_patience);
    }

    fn close(&mut self, connection: ConnectionId) {
        self.quorum.close(connection);
    }

    fn listen(&mut self) {
        if let Err(error) = self.quorum.listen() {
            (self.failed)(format!("the quorum port cannot be opened: {error}"));
        }
    }

    fn stop_listening(&mut self) {
        self.quorum.stop_listening();
    }
}

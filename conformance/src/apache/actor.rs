//! A server that is played: the server's own ports and packets, and behind them nobody who decides anything. What it
//! says is what a story lets arrive; what it hears waits until the story says that it arrives.

use super::java::Ports;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use zab::tree::TreeOptions;
use zab::{Notification, ServerId};
use zabkeeper::config::HostPort;
use zabkeeper::link::{ConnectionId, LinkEvent, LinkOptions, PeerAddress, TcpNetwork};
use zabkeeper::node::Network;
use zabkeeper::wire::quorum::Packet;

/// What must come, comes in this time.
pub const PATIENCE: Duration = Duration::from_secs(6);

/// What was sent has been read, and what it says was done, in this time.
const ARRIVAL: Duration = Duration::from_millis(50);

/// A played server that is up.
pub struct Actor {
    network: TcpNetwork,
    events: Receiver<LinkEvent>,
    /// What Apache's server has said on the election port, oldest first.
    pub notifications: VecDeque<Notification>,
    /// What came on each quorum connection with it, in the order in which they were opened.
    connections: Vec<Incarnation>,
    /// How many of them the story is done with, or in.
    met: usize,
    /// Whether the connection that was asked for was refused.
    refused: bool,
}

/// A quorum connection with Apache's server.
struct Incarnation {
    id: ConnectionId,
    packets: VecDeque<Packet>,
    closed: bool,
}

impl Actor {
    /// Opens its ports. It knows no other server than Apache's.
    ///
    /// # Errors
    /// A sentence, when a port cannot be had.
    pub fn start(
        runtime: &Handle,
        (id, own): (ServerId, Ports),
        (java, its): (ServerId, Ports),
    ) -> Result<Actor, String> {
        let at = |port: u16| vec![HostPort { host: Some("127.0.0.1".to_owned()), port }];
        let address = |ports: Ports| PeerAddress { quorum: at(ports.quorum), election: at(ports.election) };
        let options = LinkOptions {
            id,
            own: address(own),
            peers: BTreeMap::from([(java, address(its))]),
            config: String::new(),
            election_patience: PATIENCE,
            init_patience: Duration::from_secs(60),
            sync_patience: Duration::from_secs(60),
            everywhere: false,
            bind_attempts: 3,
            tree: TreeOptions::default(),
        };
        let (sender, events) = std::sync::mpsc::channel();
        let hear = Arc::new(move |event| drop(sender.send(event)));
        let network = TcpNetwork::start(runtime, options, hear, Box::new(|_| {}));
        let mut network = network.map_err(|error| format!("the ports of {id} cannot be had: {error}"))?;
        // Before it leads already: when Apache's server comes is its own affair.
        network.listen();
        let (notifications, connections) = Default::default();
        Ok(Actor { network, events, notifications, connections, met: 0, refused: false })
    }

    /// Says on the election port where it stands.
    pub fn notify(&mut self, java: ServerId, notification: Notification) {
        self.network.notify(java, notification);
    }

    /// Opens a connection to the quorum port of Apache's server.
    pub fn connect(&mut self, java: ServerId) {
        self.refused = false;
        self.network.connect(java);
    }

    /// Waits for the next connection, whoever opens it.
    ///
    /// # Errors
    /// A sentence, when none comes.
    pub fn meet(&mut self) -> Result<(), String> {
        self.hear_until(|actor| actor.connections.len() > actor.met || actor.refused);
        if self.connections.len() == self.met {
            return Err("no connection is opened".to_owned());
        }
        self.met += 1;
        Ok(())
    }

    /// Waits until a connection is opened that the story does not know yet; whether one is.
    pub fn is_called(&mut self) -> bool {
        self.hear_until(|actor| actor.connections.len() > actor.met);
        self.connections.len() > self.met
    }

    /// Sends on the connection.
    ///
    /// # Errors
    /// A sentence, when there is none.
    pub fn send(&mut self, packet: Packet) -> Result<(), String> {
        let connection = self.current().map(|current| current.id).ok_or("there is no connection")?;
        self.network.send(connection, packet);
        Ok(())
    }

    /// Closes the connection that the story is in, if it is open; what was sent on it arrives first.
    pub fn leave(&mut self) {
        if let Some(connection) = self.current().filter(|current| !current.closed).map(|current| current.id) {
            std::thread::sleep(ARRIVAL);
            self.network.close(connection);
        }
    }

    /// As [`Actor::leave`], also of a connection that the story does not know yet, and will not hear of.
    pub fn close(&mut self) {
        self.leave();
        self.hear();
        for unmet in &self.connections[self.met..] {
            self.network.close(unmet.id);
        }
        self.met = self.connections.len();
    }

    /// Waits until Apache's server has closed the connection; whether it has.
    pub fn is_left(&mut self) -> bool {
        self.hear_until(|actor| actor.current().is_none_or(|current| current.closed));
        self.current().is_none_or(|current| current.closed)
    }

    /// Waits for something that was said; `find` takes it away and is asked again whenever something comes.
    pub fn wait<T>(&mut self, mut find: impl FnMut(&mut Actor) -> Option<T>) -> Option<T> {
        let mut found = None;
        self.hear_until(|actor| {
            found = find(actor);
            found.is_some()
        });
        found
    }

    /// What came on the connection that the story is in, and has not arrived.
    pub fn packets(&mut self) -> Option<&mut VecDeque<Packet>> {
        self.current().map(|current| &mut current.packets)
    }

    /// Takes in what has come.
    pub fn hear(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.take(event);
        }
    }

    fn hear_until(&mut self, mut enough: impl FnMut(&mut Actor) -> bool) {
        let end = Instant::now() + PATIENCE;
        self.hear();
        while !enough(self) {
            match self.events.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn take(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Notification(_, notification) => self.notifications.push_back(notification),
            LinkEvent::Opened { connection, .. } => drop(self.incarnation(connection)),
            LinkEvent::Refused { .. } => self.refused = true,
            LinkEvent::Packet { connection, packet, .. } => self.incarnation(connection).packets.push_back(packet),
            LinkEvent::Closed { connection, .. } => self.incarnation(connection).closed = true,
        }
    }

    fn incarnation(&mut self, id: ConnectionId) -> &mut Incarnation {
        let known = self.connections.iter().position(|incarnation| incarnation.id == id);
        let at = known.unwrap_or_else(|| {
            self.connections.push(Incarnation { id, packets: VecDeque::new(), closed: false });
            self.connections.len() - 1
        });
        &mut self.connections[at]
    }

    fn current(&mut self) -> Option<&mut Incarnation> {
        self.met.checked_sub(1).and_then(|at| self.connections.get_mut(at))
    }
}

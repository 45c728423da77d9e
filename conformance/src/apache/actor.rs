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
    /// `None` for a moment only.
    network: Option<TcpNetwork>,
    events: Receiver<LinkEvent>,
    /// Where it is, and where Apache's server is.
    places: (Place, Place),
    /// How often the network was opened anew: connections are counted from the beginning then.
    age: u32,
    /// What Apache's server has said on the election port, oldest first.
    pub notifications: VecDeque<Notification>,
    /// What came on each quorum connection with it, in the order in which they were opened.
    connections: Vec<Incarnation>,
    /// How many of them the story is done with, or in.
    met: usize,
    /// Whether the connection that was asked for was refused.
    refused: bool,
}

/// A server and its ports.
type Place = (ServerId, Ports);

/// A quorum connection with Apache's server.
struct Incarnation {
    id: (u32, ConnectionId),
    packets: VecDeque<Packet>,
    closed: bool,
}

impl Actor {
    /// Opens its ports. It knows no other server than Apache's.
    ///
    /// # Errors
    /// A sentence, when a port cannot be had.
    pub fn start(runtime: &Handle, own: Place, java: Place) -> Result<Actor, String> {
        let (network, events) = open(runtime, own, java)?;
        let (notifications, connections) = Default::default();
        let places = (own, java);
        Ok(Actor { network: Some(network), events, places, age: 0, notifications, connections, met: 0, refused: false })
    }

    /// Apache's server is killed: with its connections go the notifications that are sent again on new ones.
    ///
    /// # Errors
    /// A sentence, when a port cannot be had again.
    pub fn renew(&mut self, runtime: &Handle) -> Result<(), String> {
        std::thread::sleep(ARRIVAL);
        self.hear();
        self.connections.iter_mut().for_each(|connection| connection.closed = true);
        // The ports must be free first.
        self.network = None;
        let (network, events) = open(runtime, self.places.0, self.places.1)?;
        (self.network, self.events) = (Some(network), events);
        self.age += 1;
        Ok(())
    }

    /// Says on the election port where it stands.
    pub fn notify(&mut self, java: ServerId, notification: Notification) {
        self.network.iter_mut().for_each(|network| network.notify(java, notification));
    }

    /// Opens a connection to the quorum port of Apache's server.
    pub fn connect(&mut self, java: ServerId) {
        // The one before is over.
        self.close();
        self.refused = false;
        self.network.iter_mut().for_each(|network| network.connect(java));
    }

    /// Waits for the next connection, whoever opens it.
    ///
    /// # Errors
    /// A sentence, when none comes.
    pub fn meet(&mut self) -> Result<(), String> {
        let start = Instant::now();
        loop {
            self.hear_until(PATIENCE, |actor| actor.connections.len() > actor.met || actor.refused);
            if self.connections.len() > self.met {
                self.met += 1;
                return Ok(());
            }
            if !self.refused || start.elapsed() > PATIENCE {
                return Err("no connection is opened".to_owned());
            }
            // Apache's server opens its port when it has decided, and that by its own clock.
            self.refused = false;
            let java = self.places.1.0;
            self.network.iter_mut().for_each(|network| network.connect(java));
        }
    }

    /// Waits until a connection is opened that the story does not know yet; whether one is.
    pub fn is_called(&mut self) -> bool {
        self.hear_until(PATIENCE, |actor| actor.connections.len() > actor.met);
        self.connections.len() > self.met
    }

    /// Sends on the connection.
    ///
    /// # Errors
    /// A sentence, when there is none.
    pub fn send(&mut self, packet: Packet) -> Result<(), String> {
        let (age, connection) = self.current().map(|current| current.id).ok_or("there is no connection")?;
        match &mut self.network {
            Some(network) if age == self.age => network.send(connection, packet),
            _ => {}
        }
        Ok(())
    }

    /// Closes the connection that the story is in, if it is open, and one that the story does not know yet, and never
    /// will; what was sent arrives first.
    pub fn close(&mut self) {
        self.hear();
        if self.connections[self.met.saturating_sub(1)..].iter().all(|connection| connection.closed) {
            self.met = self.connections.len();
            return;
        }
        std::thread::sleep(ARRIVAL);
        let age = self.age;
        let open = self.connections[self.met.saturating_sub(1)..].iter().filter(|connection| connection.id.0 == age);
        for connection in open {
            self.network.iter_mut().for_each(|network| network.close(connection.id.1));
        }
        self.met = self.connections.len();
    }

    /// Waits until Apache's server has closed the connection; whether it has.
    pub fn is_left(&mut self) -> bool {
        self.hear_until(PATIENCE, |actor| actor.current().is_none_or(|current| current.closed));
        self.current().is_none_or(|current| current.closed)
    }

    /// Waits for something that was said; `find` takes it away and is asked again whenever something comes.
    pub fn wait<T>(&mut self, find: impl FnMut(&mut Actor) -> Option<T>) -> Option<T> {
        self.wait_for(PATIENCE, find)
    }

    /// As [`Actor::wait`], so long.
    pub fn wait_for<T>(&mut self, patience: Duration, mut find: impl FnMut(&mut Actor) -> Option<T>) -> Option<T> {
        let mut found = None;
        self.hear_until(patience, |actor| {
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

    fn hear_until(&mut self, patience: Duration, mut enough: impl FnMut(&mut Actor) -> bool) {
        let end = Instant::now() + patience;
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
        let id = (self.age, id);
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

/// Opens the ports of a server that knows no other than Apache's.
fn open(runtime: &Handle, (id, own): Place, (java, its): Place) -> Result<(TcpNetwork, Receiver<LinkEvent>), String> {
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
    Ok((network, events))
}

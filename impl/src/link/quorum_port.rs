//! The quorum port: learners' connections while this server leads, and its own to the server that it follows.
//!
//! *Java:* `Leader.LearnerCnxAcceptor`, `LearnerHandler`, `Learner.connectToLeader`.

use super::quorum_connection::{self, Open};
use super::{ConnectionId, Events, LinkEvent, introduction};
use crate::config::HostPort;
use crate::wire::quorum::Packet;
use parking_lot::{Condvar, Mutex};
use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use zab::ServerId;
use zab::tree::TreeOptions;

/// The most connections whose first packet is awaited at one time.
const MOST_STRANGERS: usize = 64;
/// The longest that one address of a leader is tried (`zookeeper.cnxTimeout`).
const ONE_ADDRESS: Duration = Duration::from_secs(5);
/// The waits between two attempts to connect double from the first to the last: a leader may open its port a little
/// after it was elected.
const FIRST_WAIT: Duration = Duration::from_millis(5);
const LAST_WAIT: Duration = Duration::from_millis(50);
/// A leader whose machine says for so long that nobody listens there is none any more, or never came to be: the others
/// know by now who is. (Java tries five times, with a second between.)
const NOBODY_THERE: Duration = Duration::from_secs(1);

/// How the quorum port is set up.
#[derive(Clone, Debug)]
pub struct QuorumOptions {
    /// This server.
    pub own: ServerId,
    /// Where learners connect while this server leads. Port 0 takes any that is free, another one each time.
    pub listen: Vec<SocketAddr>,
    /// The quorum ports of the other servers, observers among them. Nobody else may connect. Of several addresses of one
    /// server each is tried.
    pub peers: BTreeMap<ServerId, Vec<HostPort>>,
    /// How long a connection to a leader is tried for (`initLimit` ticks).
    pub connect_for: Duration,
    /// After how much silence a connection is closed, until [`QuorumPort::set_read_timeout`] says otherwise
    /// (`initLimit` ticks).
    pub read_timeout: Duration,
    /// Of the trees that come with SNAP.
    pub tree: TreeOptions,
}

/// The quorum port of one server. Dropping it closes everything.
pub struct QuorumPort {
    shared: Arc<Shared>,
    listening: Mutex<Option<Listening>>,
    attempt: Mutex<Option<Arc<Attempt>>>,
}

struct Shared {
    options: QuorumOptions,
    events: Events,
    next: AtomicU64,
    connections: Mutex<Connections>,
}

#[derive(Default)]
struct Connections {
    /// Whose first packet is awaited.
    strangers: BTreeMap<ConnectionId, Arc<TcpStream>>,
    open: BTreeMap<ConnectionId, Open>,
    /// Which of them were accepted here.
    accepted: Vec<ConnectionId>,
}

struct Listening {
    closed: Arc<AtomicBool>,
    /// Each with the thread that accepts there.
    listeners: Vec<(Arc<TcpListener>, JoinHandle<()>)>,
}

/// One wish to be connected, which can be taken back.
struct Attempt {
    leader: ServerId,
    cancelled: Mutex<bool>,
    wake: Condvar,
}

impl QuorumPort {
    /// Closed, without any connection.
    pub fn new(options: QuorumOptions, events: impl Fn(LinkEvent) + Send + Sync + 'static) -> QuorumPort {
        let connections = Mutex::new(Connections::default());
        let shared = Shared { options, events: Arc::new(events), next: AtomicU64::new(1), connections };
        QuorumPort { shared: Arc::new(shared), listening: Mutex::new(None), attempt: Mutex::new(None) }
    }

    /// Opens the port for learners, unless it is open. Returns where it listens.
    ///
    /// # Errors
    /// An address cannot be listened at.
    pub fn listen(&self) -> io::Result<Vec<SocketAddr>> {
        let mut listening = self.listening.lock();
        if let Some(open) = &*listening {
            return open.listeners.iter().map(|(listener, _)| listener.local_addr()).collect();
        }
        let bound = self.shared.options.listen.iter().map(TcpListener::bind).collect::<io::Result<Vec<_>>>()?;
        let addresses = bound.iter().map(TcpListener::local_addr).collect();
        let closed = Arc::new(AtomicBool::new(false));
        let accept = |listener: TcpListener| {
            let listener = Arc::new(listener);
            let (shared, accepting, ended) = (self.shared.clone(), listener.clone(), closed.clone());
            let thread = std::thread::Builder::new().name("learners".to_owned());
            Ok((listener, thread.spawn(move || shared.accept(&accepting, &ended))?))
        };
        let listeners = bound.into_iter().map(accept).collect::<io::Result<Vec<_>>>()?;
        *listening = Some(Listening { closed, listeners });
        addresses
    }

    /// Closes the port, and every connection that was accepted there. When this returns the port can be opened again.
    pub fn stop_listening(&self) {
        let Some(Listening { closed, listeners }) = self.listening.lock().take() else { return };
        closed.store(true, Ordering::SeqCst);
        for (listener, thread) in listeners {
            // Whoever waits for the next connection wakes up.
            let _ = rustix::net::shutdown(&*listener, rustix::net::Shutdown::Both);
            let _ = thread.join();
        }
        let mut connections = self.shared.connections.lock();
        for stranger in std::mem::take(&mut connections.strangers).into_values() {
            let _ = stranger.shutdown(Shutdown::Both);
        }
        for connection in std::mem::take(&mut connections.accepted) {
            if let Some(open) = connections.open.remove(&connection) {
                open.close();
            }
        }
    }

    /// Opens a connection to a leader: [`LinkEvent::Opened`] or [`LinkEvent::Refused`] follows, unless
    /// [`QuorumPort::give_up`] or another `connect` comes before.
    pub fn connect(&self, leader: ServerId) {
        let attempt = Arc::new(Attempt { leader, cancelled: Mutex::new(false), wake: Condvar::new() });
        if let Some(older) = self.attempt.lock().replace(attempt.clone()) {
            older.cancel();
        }
        let shared = self.shared.clone();
        let started = std::thread::Builder::new().name(format!("from {leader}")).spawn(move || shared.follow(&attempt));
        if let Err(error) = started {
            tracing::error!(%error, "no thread for a connection to the leader");
            (self.shared.events)(LinkEvent::Refused { peer: leader });
        }
    }

    /// Takes [`QuorumPort::connect`] back, if nothing has come of it yet.
    pub fn give_up(&self, leader: ServerId) {
        let mut attempt = self.attempt.lock();
        if attempt.as_ref().is_some_and(|attempt| attempt.leader == leader) {
            attempt.take().inspect(|attempt| attempt.cancel());
        }
    }

    /// Sends behind everything that was sent on this connection before. It never waits. On a connection that is gone,
    /// nothing happens. A SNAP must have its snapshot attached.
    pub fn send(&self, connection: ConnectionId, packet: Packet) {
        if let Some(open) = self.shared.connections.lock().open.get(&connection) {
            open.send(packet);
        }
    }

    /// How many bytes wait on this connection, or nearly so, without snapshots: what a slow learner costs. 0 for a
    /// connection that is gone.
    pub fn queued_bytes(&self, connection: ConnectionId) -> usize {
        self.shared.connections.lock().open.get(&connection).map_or(0, Open::queued)
    }

    /// After how much silence the connection is closed, from the next packet on.
    pub fn set_read_timeout(&self, connection: ConnectionId, timeout: Duration) {
        if let Some(open) = self.shared.connections.lock().open.get(&connection) {
            open.set_timeout(timeout);
        }
    }

    /// Closes a connection at once; what waits on it is forgotten. [`LinkEvent::Closed`] follows.
    pub fn close(&self, connection: ConnectionId) {
        if let Some(open) = self.shared.connections.lock().remove(connection) {
            open.close();
        }
    }
}

impl Drop for QuorumPort {
    fn drop(&mut self) {
        self.stop_listening();
        if let Some(attempt) = self.attempt.lock().take() {
            attempt.cancel();
        }
        for open in std::mem::take(&mut self.shared.connections.lock().open).into_values() {
            open.close();
        }
    }
}

impl Connections {
    fn remove(&mut self, connection: ConnectionId) -> Option<Open> {
        self.accepted.retain(|accepted| *accepted != connection);
        self.open.remove(&connection)
    }
}

impl Attempt {
    fn cancel(&self) {
        *self.cancelled.lock() = true;
        self.wake.notify_all();
    }

    /// Whether it was taken back before this time had passed.
    fn is_cancelled_within(&self, time: Duration) -> bool {
        let mut cancelled = self.cancelled.lock();
        self.wake.wait_while_for(&mut cancelled, |cancelled| !*cancelled, time);
        *cancelled
    }
}

impl Shared {
    // ---- The leader's half ----------------------------------------------------------------------------------------

    fn accept(self: &Arc<Self>, listener: &TcpListener, closed: &AtomicBool) {
        loop {
            let accepted = listener.accept();
            if closed.load(Ordering::SeqCst) {
                return;
            }
            match accepted {
                Ok((stream, address)) => {
                    if let Err(error) = self.meet(stream, address) {
                        tracing::warn!(%address, %error, "a learner's connection is refused");
                    }
                }
                Err(error) => {
                    // Too many open files, most likely: they become fewer with time.
                    tracing::warn!(%error, "a learner's connection cannot be accepted");
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        }
    }

    /// Someone has connected.
    fn meet(self: &Arc<Self>, stream: TcpStream, address: SocketAddr) -> io::Result<()> {
        quorum_connection::prepare(&stream, self.options.read_timeout);
        let (connection, stream) = (self.number(), Arc::new(stream));
        let mut connections = self.connections.lock();
        if connections.strangers.len() >= MOST_STRANGERS {
            return Err(io::Error::other("too many connections have not introduced themselves"));
        }
        connections.strangers.insert(connection, stream.clone());
        drop(connections);
        let shared = self.clone();
        let started = std::thread::Builder::new().name("a learner".to_owned()).spawn(move || {
            if let Err(error) = shared.lead(connection, &stream) {
                tracing::info!(%address, %error, "a learner's connection is closed");
            }
            let _ = stream.shutdown(Shutdown::Both);
        });
        if started.is_err() {
            self.connections.lock().strangers.remove(&connection);
        }
        started.map(drop)
    }

    /// Reads what a learner says, until the connection ends.
    fn lead(&self, connection: ConnectionId, stream: &Arc<TcpStream>) -> io::Result<()> {
        let introduced = self.introduce(stream);
        let mut connections = self.connections.lock();
        let awaited = connections.strangers.remove(&connection).is_some();
        let (peer, packet) = introduced?;
        if !awaited {
            return Err(io::Error::other("the port was closed"));
        }
        let open = Open::new(stream.clone(), self.options.own, peer)?;
        connections.accepted.push(connection);
        connections.open.insert(connection, open);
        drop(connections);
        (self.events)(LinkEvent::Packet { connection, peer, packet });
        Err(self.attend(connection, peer, stream))
    }

    fn introduce(&self, stream: &TcpStream) -> io::Result<(ServerId, Packet)> {
        let (packet, info) = introduction::read(stream)?;
        let peer = info.id;
        if peer == self.options.own || !self.options.peers.contains_key(&peer) {
            return Err(io::Error::other(format!("{peer} is no other server of this ensemble")));
        }
        Ok((peer, packet.decode().map_err(io::Error::other)?))
    }

    // ---- The learner's half ---------------------------------------------------------------------------------------

    fn follow(&self, attempt: &Attempt) {
        let peer = attempt.leader;
        match self.reach(attempt) {
            Some(stream) => {
                let (connection, stream) = (self.number(), Arc::new(stream));
                let open = Open::new(stream.clone(), self.options.own, peer);
                let Ok(open) = open else { return (self.events)(LinkEvent::Refused { peer }) };
                self.connections.lock().open.insert(connection, open);
                if attempt.is_cancelled_within(Duration::ZERO) {
                    self.connections.lock().remove(connection).inspect(Open::close);
                    return;
                }
                (self.events)(LinkEvent::Opened { connection, peer });
                let error = self.attend(connection, peer, &stream);
                tracing::info!(%peer, %error, "the connection with the leader is closed");
            }
            None if attempt.is_cancelled_within(Duration::ZERO) => {}
            None => (self.events)(LinkEvent::Refused { peer }),
        }
    }

    /// Tries to connect, again and again; `None` when there is no time left, or no wish.
    fn reach(&self, attempt: &Attempt) -> Option<TcpStream> {
        let (mut end, mut wait) = (Instant::now() + self.options.connect_for, FIRST_WAIT);
        let mut refused_since = None;
        let Some(addresses) = self.options.peers.get(&attempt.leader) else {
            tracing::error!(peer = %attempt.leader, "the leader has no quorum port in the configuration");
            return None;
        };
        loop {
            match connect(addresses, end) {
                Ok(stream) if !attempt.is_cancelled_within(Duration::ZERO) => {
                    quorum_connection::prepare(&stream, self.options.read_timeout);
                    return Some(stream);
                }
                Ok(_) => return None,
                Err(error) => {
                    tracing::debug!(peer = %attempt.leader, ?addresses, %error, "cannot connect yet");
                    if error.kind() == io::ErrorKind::ConnectionRefused {
                        let since = *refused_since.get_or_insert_with(Instant::now);
                        end = end.min(since + NOBODY_THERE);
                    }
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || attempt.is_cancelled_within(wait.min(left)) {
                return None;
            }
            wait = (2 * wait).min(LAST_WAIT);
        }
    }

    // ---- Both -----------------------------------------------------------------------------------------------------

    fn number(&self) -> ConnectionId {
        ConnectionId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Reads until the connection ends; forgets it then.
    fn attend(&self, connection: ConnectionId, peer: ServerId, stream: &TcpStream) -> io::Error {
        let error = quorum_connection::read(stream, (connection, peer), self.options.tree, &self.events);
        let _ = stream.shutdown(Shutdown::Both);
        self.connections.lock().remove(connection);
        (self.events)(LinkEvent::Closed { connection, peer });
        error
    }
}

/// Connects to one of the addresses that the names have now.
fn connect(addresses: &[HostPort], end: Instant) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let resolved = addresses.iter().map(HostPort::resolve);
    let mut known = Vec::new();
    for addresses in resolved {
        match addresses {
            Ok(addresses) => known.extend(addresses),
            Err(error) => failure = error,
        }
    }
    for address in known {
        let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        match TcpStream::connect_timeout(&address, left.min(ONE_ADDRESS)) {
            // On the loopback interface a port where nobody listens can connect with itself.
            Ok(stream) if stream.local_addr()? == stream.peer_addr()? => {
                failure = io::ErrorKind::ConnectionRefused.into();
            }
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

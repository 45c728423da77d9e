//! The election port: hellos of others, and who keeps which connection.
//!
//! *Java:* `QuorumCnxManager.Listener`, `receiveConnection`, `handleConnection`.

use super::election_peer::{Command, Peer};
use super::{Events, LinkEvent};
use crate::config::HostPort;
use crate::wire::election::Hello;
use bytes::BytesMut;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::task::JoinSet;
use zab::{Notification, ServerId};

/// The most connections whose hello is awaited at one time.
const MOST_STRANGERS: usize = 64;

/// How the election port is set up.
#[derive(Clone, Debug)]
pub struct ElectionOptions {
    /// This server.
    pub own: ServerId,
    /// Where this server's election port is, as others know it: `host:port`, several with `|` between them.
    pub address: String,
    /// The election ports of the other servers, observers among them. Nobody else may connect. Names are resolved at
    /// each attempt to connect; of several addresses of one server each is tried.
    pub peers: BTreeMap<ServerId, Vec<HostPort>>,
    /// The list of servers that notifications carry, as Java's `QuorumVerifier.toString` has it.
    pub config: String,
    /// How long one address is tried, and how long a hello may take (`zookeeper.cnxTimeout`, 5 s).
    pub connect_timeout: Duration,
}

/// The election port of one server: a connection with every other that has something to say. Dropping it closes them.
#[derive(Debug)]
pub struct ElectionPort {
    peers: Arc<BTreeMap<ServerId, UnboundedSender<Command>>>,
    /// The tasks: they end with it.
    _tasks: JoinSet<()>,
}

impl ElectionPort {
    /// Begins to accept connections; tasks run on `runtime`. What comes is [`LinkEvent::Notification`].
    ///
    /// # Errors
    /// A listener cannot be used there.
    pub fn start(
        runtime: &Handle,
        options: ElectionOptions,
        listeners: Vec<std::net::TcpListener>,
        events: impl Fn(LinkEvent) + Send + Sync + 'static,
    ) -> io::Result<ElectionPort> {
        let _inside = runtime.enter();
        let asynchronous = |listener: std::net::TcpListener| {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        };
        let listeners = listeners.into_iter().map(asynchronous).collect::<io::Result<Vec<TcpListener>>>()?;
        let (options, events): (_, Events) = (Arc::new(options), Arc::new(events));
        let (mut peers, mut tasks) = (BTreeMap::new(), JoinSet::new());
        for id in options.peers.keys().copied().filter(|id| *id != options.own) {
            let (sender, commands) = mpsc::unbounded_channel();
            let peer = Peer::new(id, options.clone(), events.clone(), sender.downgrade());
            peers.insert(id, sender);
            tasks.spawn_on(peer.run(commands), runtime);
        }
        let peers = Arc::new(peers);
        for listener in listeners {
            tasks.spawn_on(accept(listener, options.clone(), peers.clone()), runtime);
        }
        Ok(ElectionPort { peers, _tasks: tasks })
    }

    /// Sends to another server, connecting when that is needed. Of several that could not be sent yet only the newest
    /// counts. To a server that is not of the ensemble, and to this one itself, nothing is sent.
    pub fn send(&self, to: ServerId, notification: Notification) {
        if let Some(peer) = self.peers.get(&to) {
            let _ = peer.send(Command::Send(notification));
        }
    }
}

type Peers = Arc<BTreeMap<ServerId, UnboundedSender<Command>>>;

async fn accept(listener: TcpListener, options: Arc<ElectionOptions>, peers: Peers) {
    let (strangers, mut greetings) = (Arc::new(Semaphore::new(MOST_STRANGERS)), JoinSet::new());
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                while greetings.try_join_next().is_some() {}
                let Ok(permit) = strangers.clone().try_acquire_owned() else {
                    tracing::warn!(%address, "refused: too many connections on the election port say nothing");
                    continue;
                };
                let (options, peers) = (options.clone(), peers.clone());
                greetings.spawn(async move {
                    if let Err(error) = greet(stream, &options, &peers).await {
                        tracing::warn!(%address, %error, "a connection on the election port is refused");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                // Too many open files, most likely: they become fewer with time.
                tracing::warn!(%error, "a connection on the election port cannot be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Hears who has connected, and leaves the rest to the one who knows whether this connection is to be kept.
async fn greet(mut stream: TcpStream, options: &ElectionOptions, peers: &Peers) -> io::Result<()> {
    let mut input = BytesMut::with_capacity(512);
    let hello = tokio::time::timeout(options.connect_timeout, hear(&mut stream, &mut input)).await??;
    let Some(peer) = peers.get(&hello.id) else {
        return Err(io::Error::other(format!("{} is no other server of this ensemble", hello.id)));
    };
    // The larger of two keeps the connection that it has opened itself; to the smaller one it connects back.
    let _ = peer.send(if hello.id < options.own { Command::CallBack } else { Command::Take(stream, input) });
    Ok(())
}

async fn hear(stream: &mut TcpStream, input: &mut BytesMut) -> io::Result<Hello> {
    loop {
        if let Some(hello) = Hello::decode(input).map_err(io::Error::other)? {
            return Ok(hello);
        }
        if stream.read_buf(input).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

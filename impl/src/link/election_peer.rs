//! One other server, as the election port sees it: the newest notification for it, and the connection with it.
//!
//! *Java:* `QuorumCnxManager.connectOne`, `startConnection`, `SendWorker`, `RecvWorker`.

use super::election_port::ElectionOptions;
use super::{Events, LinkEvent};
use crate::config::HostPort;
use crate::wire::election::{Hello, LONGEST_NOTIFICATION, decode_notification, encode_notification};
use crate::wire::{Frame, FrameDecoder};
use bytes::BytesMut;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::{UnboundedReceiver, WeakUnboundedSender};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use zab::{Epoch, Notification, ServerId, Vote, Zxid};

/// The waits between two attempts to connect, while there is something to send, double from the first to the last.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LAST_WAIT: Duration = Duration::from_secs(1);

/// What a [`Peer`] is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Send this; forget what was not sent yet.
    Send(Notification),
    /// The larger server has opened this connection, and said this behind its hello.
    Take(TcpStream, BytesMut),
    /// The smaller server asks to be connected with.
    CallBack,
    /// An attempt to connect has ended: with a connection; without, as the larger one must connect back; or not.
    Dialed(io::Result<Option<TcpStream>>),
    /// The connection with this number cannot be read any more.
    Lost(u64),
}

/// The state of one task.
pub(super) struct Peer {
    id: ServerId,
    options: Arc<ElectionOptions>,
    events: Events,
    commands: WeakUnboundedSender<Command>,
    /// The newest that is not sent.
    unsent: Option<Notification>,
    /// What was sent last: it may have been lost with its connection.
    last: Option<Notification>,
    link: Option<Link>,
    /// Counts the connections.
    links: u64,
    /// The attempt to connect.
    dialing: JoinSet<()>,
    retry_at: Option<Instant>,
    wait: Duration,
    /// Whether its name had no address when it was asked for last.
    unresolved: bool,
}

/// A server's name has no address.
#[derive(Debug, thiserror::Error)]
#[error("the name {host} cannot be resolved: {error}")]
struct Unresolved {
    host: String,
    error: io::Error,
}

struct Link {
    output: OwnedWriteHalf,
    /// The one who reads, ended with the connection.
    _reader: JoinSet<()>,
}

impl Peer {
    pub(super) fn new(
        id: ServerId,
        options: Arc<ElectionOptions>,
        events: Events,
        commands: WeakUnboundedSender<Command>,
    ) -> Peer {
        let (unsent, last, link, retry_at) = (None, None, None, None);
        let dialing = JoinSet::new();
        Peer {
            id,
            options,
            events,
            commands,
            unsent,
            last,
            link,
            links: 0,
            dialing,
            retry_at,
            wait: FIRST_WAIT,
            unresolved: false,
        }
    }

    pub(super) async fn run(mut self, mut commands: UnboundedReceiver<Command>) {
        loop {
            let retry = self.retry_at;
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.on(command),
                    None => return,
                },
                () = sleep_until(retry.unwrap_or_else(Instant::now)), if retry.is_some() => {
                    self.retry_at = None;
                }
            }
            while let Ok(command) = commands.try_recv() {
                self.on(command);
            }
            self.go_on().await;
        }
    }

    fn on(&mut self, command: Command) {
        match command {
            Command::Send(notification) => self.unsent = Some(notification),
            Command::Take(stream, input) => self.connected(stream, input),
            Command::CallBack => {
                // Whatever connection there was, the other server has lost it.
                self.link = None;
                self.dial();
            }
            Command::Dialed(result) => {
                self.dialing = JoinSet::new();
                self.dialed(result);
            }
            Command::Lost(link) if link == self.links => self.link = None,
            Command::Lost(_) => {}
        }
    }

    fn dialed(&mut self, result: io::Result<Option<TcpStream>>) {
        match result {
            Ok(stream) => {
                self.unresolved = false;
                match stream {
                    Some(stream) => self.connected(stream, BytesMut::new()),
                    None => self.retry_later(),
                }
            }
            Err(error) => {
                let unresolved = error.get_ref().is_some_and(|inner| inner.is::<Unresolved>());
                // Once: it is tried again every second.
                if unresolved && !self.unresolved {
                    tracing::warn!(peer = %self.id, "{error}");
                } else {
                    tracing::debug!(peer = %self.id, %error, "no connection with its election port");
                }
                self.unresolved = unresolved;
                self.retry_later();
            }
        }
    }

    /// Sends what is to be sent, or sees to it that it can be sent.
    async fn go_on(&mut self) {
        let Some(notification) = self.unsent else { return };
        if let Some(link) = &mut self.link {
            let mut out = Vec::with_capacity(512);
            encode_notification(&mut out, &named(notification, self.options.own), &self.options.config);
            match timeout(self.options.connect_timeout, link.output.write_all(&out)).await {
                Ok(Ok(())) => {
                    self.last = self.unsent.take();
                    return;
                }
                _ => self.link = None,
            }
        }
        if self.retry_at.is_none() {
            self.dial();
        }
    }

    fn connected(&mut self, stream: TcpStream, input: BytesMut) {
        let _ = stream.set_nodelay(true);
        let _ = rustix::net::sockopt::set_socket_keepalive(&stream, true);
        self.links += 1;
        let (number, (reader, output)) = (self.links, stream.into_split());
        let (id, events, commands) = (self.id, self.events.clone(), self.commands.clone());
        let mut reading = JoinSet::new();
        reading.spawn(async move {
            let error = read(id, reader, input, &events).await;
            tracing::info!(peer = %id, %error, "an election connection has ended");
            if let Some(commands) = commands.upgrade() {
                let _ = commands.send(Command::Lost(number));
            }
        });
        self.link = Some(Link { output, _reader: reading });
        (self.retry_at, self.wait) = (None, FIRST_WAIT);
        // The last may have been lost with the last connection; to hear it twice does no harm.
        self.unsent = self.unsent.or(self.last);
    }

    fn retry_later(&mut self) {
        if self.link.is_none() {
            self.retry_at = Some(Instant::now() + self.wait);
            self.wait = (2 * self.wait).min(LAST_WAIT);
        }
    }

    /// Begins to connect, unless that goes on already.
    fn dial(&mut self) {
        if !self.dialing.is_empty() {
            return;
        }
        let (id, options, commands) = (self.id, self.options.clone(), self.commands.clone());
        self.dialing.spawn(async move {
            let stream = dial(id, &options).await;
            if let Some(commands) = commands.upgrade() {
                let _ = commands.send(Command::Dialed(stream));
            }
        });
    }
}

/// Puts a vote in place of none: for the server itself, with zxid −1, in which nobody hears a vote. Java's observers
/// name nobody at all. A voter of weight 0 must name a server that has a weight, if only 0: while Java's wait for a
/// better vote, they look it up (`FastLeaderElection.totalOrderPredicate`), and an election ends that does not find it.
fn named(notification: Notification, own: ServerId) -> Notification {
    let untrusted = Vote { leader: own, zxid: Zxid(u64::MAX), peer_epoch: Epoch(0) };
    Notification { vote: notification.vote.or(Some(untrusted)), ..notification }
}

/// Connects with another server and says hello; to a larger one, no more than that.
async fn dial(id: ServerId, options: &ElectionOptions) -> io::Result<Option<TcpStream>> {
    let addresses = options.peers.get(&id).ok_or(io::ErrorKind::NotFound)?;
    let mut stream = connect(addresses, options.connect_timeout).await?;
    let _ = stream.set_nodelay(true);
    let mut hello = Vec::with_capacity(64);
    Hello { id: options.own, addresses: options.address.clone() }.encode(&mut hello);
    // In one segment: Java gives up on an address that comes in two.
    stream.write_all(&hello).await?;
    Ok((id < options.own).then_some(stream))
}

/// Tries every address, one after the other.
async fn connect(addresses: &[HostPort], longest: Duration) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "there is no address");
    for address in addresses {
        match connect_to(address, longest).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn connect_to(address: &HostPort, longest: Duration) -> io::Result<TcpStream> {
    let host = address.host.as_deref().unwrap_or("localhost");
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let found = timeout(longest, tokio::net::lookup_host((host, address.port))).await.map_err(io::Error::from);
    let unresolved = |error| io::Error::other(Unresolved { host: host.to_owned(), error });
    for address in found.and_then(|found| found).map_err(unresolved)? {
        match timeout(longest, TcpStream::connect(address)).await {
            // On the loopback interface a port where nobody listens can connect with itself.
            Ok(Ok(stream)) if stream.local_addr()? == stream.peer_addr()? => {
                failure = io::ErrorKind::ConnectionRefused.into();
            }
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = error,
            Err(_) => failure = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failure)
}

/// Reads notifications until the connection ends, and tells why.
async fn read(id: ServerId, mut stream: OwnedReadHalf, mut input: BytesMut, events: &Events) -> io::Error {
    let mut frames = FrameDecoder::client(LONGEST_NOTIFICATION);
    loop {
        match frames.decode(&mut input) {
            Ok(Some(Frame::Packet(bytes))) if !bytes.is_empty() => match decode_notification(&bytes) {
                Ok(notification) => events(LinkEvent::Notification(id, notification)),
                // As in Java, the next one may make sense.
                Err(error) => tracing::warn!(peer = %id, %error, "a notification is ignored"),
            },
            Ok(Some(_)) => return io::Error::other("a notification without bytes"),
            Err(error) => return io::Error::other(error),
            Ok(None) => match stream.read_buf(&mut input).await {
                Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
                Ok(_) => {}
                Err(error) => return error,
            },
        }
    }
}

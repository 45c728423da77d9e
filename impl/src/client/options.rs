//! How a client is set up.

use super::address::{ConnectString, ServerAddress};
use super::answer::{Answer, Answered};
use super::connector::{Connector, TcpConnector};
use super::driver::{Driver, Settings, Waiting};
use super::error::{ConnectError, Error};
use super::handle::Client;
use super::registry::Registry;
use super::servers::Servers;
use super::session::{SessionCredentials, SessionState};
use super::shared::Shared;
use crate::wire::request::AuthPacket;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::Instrument;
use zab::Zxid;
use zab::tree::Acl;

/// How a client is set up: [`ClientOptions::new`] gives the defaults, [`ClientOptions::connect`] the client.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientOptions {
    connect_string: String,
    session_timeout: Duration,
    connect_timeout: Option<Duration>,
    read_only: bool,
    shuffle: bool,
    auths: Vec<AuthPacket>,
    session: Option<SessionCredentials>,
    back_off: (Duration, Duration),
    longest_packet: usize,
    longest_request: usize,
    acl: Vec<Acl>,
    connector: Arc<dyn Connector>,
}

impl ClientOptions {
    /// The defaults, for `host:port,host:port/chroot`. It is read by [`ClientOptions::connect`].
    pub fn new(connect_string: impl Into<String>) -> ClientOptions {
        ClientOptions {
            connect_string: connect_string.into(),
            session_timeout: Duration::from_secs(30),
            connect_timeout: None,
            read_only: false,
            shuffle: true,
            auths: Vec::new(),
            session: None,
            back_off: (Duration::from_millis(50), Duration::from_secs(1)),
            longest_packet: 64 << 20,
            longest_request: (1 << 20) - 1,
            acl: Acl::open(),
            connector: Arc::new(TcpConnector),
        }
    }

    /// The session's timeout that is asked for, 30 seconds by default; the server bounds it, usually to 2 and 20 of its
    /// ticks.
    pub fn session_timeout(self, session_timeout: Duration) -> ClientOptions {
        ClientOptions { session_timeout, ..self }
    }

    /// How long [`ClientOptions::connect`] tries; the session's timeout by default. Each server gets its part of it.
    pub fn connect_timeout(self, connect_timeout: Duration) -> ClientOptions {
        ClientOptions { connect_timeout: Some(connect_timeout), ..self }
    }

    /// Whether a server that has lost its ensemble, and only reads, will do for the time being; not by default.
    pub fn read_only(self, read_only: bool) -> ClientOptions {
        ClientOptions { read_only, ..self }
    }

    /// Whether the servers are tried in a random order, as by default, or in that of the connect string.
    pub fn shuffle(self, shuffle: bool) -> ClientOptions {
        ClientOptions { shuffle, ..self }
    }

    /// Proves who the client is, as [`Client::add_auth`], from the first connection on.
    pub fn auth(mut self, scheme: &str, auth: impl AsRef<[u8]>) -> ClientOptions {
        self.auths.push(auth_packet(scheme, auth.as_ref()));
        self
    }

    /// Takes over this session, instead of opening a new one.
    pub fn session(self, session: SessionCredentials) -> ClientOptions {
        ClientOptions { session: Some(session), ..self }
    }

    /// Before an attempt to connect is a random pause, but for the first after a connection that lasted for `longest`
    /// (a second by default). Its limit is `shortest` (50 milliseconds) at first, doubles whenever all servers have
    /// been tried, and grows up to `longest`.
    pub fn back_off(self, shortest: Duration, longest: Duration) -> ClientOptions {
        ClientOptions { back_off: (shortest, longest), ..self }
    }

    /// The longest packet in bytes that is taken from a server, 64 MiB by default; longer ones end the connection.
    /// (Java's limit of 1 MiB makes znodes with many children unreadable.)
    pub fn longest_packet(self, longest_packet: usize) -> ClientOptions {
        ClientOptions { longest_packet, ..self }
    }

    /// The longest request in bytes that is sent, 1,048,575 by default: as long as servers take it, if they are not
    /// told otherwise (`jute.maxbuffer`). They close the connection on longer ones, and other requests are lost with
    /// it; so such a request fails here, with [`Error::TooLong`](super::Error::TooLong).
    pub fn longest_request(self, longest_request: usize) -> ClientOptions {
        ClientOptions { longest_request, ..self }
    }

    /// Who may do what with the znodes that [recipes](crate::recipes) create for this client, and with those above
    /// them that they create on the way. Everybody everything by default ([`Acl::open`]); with a proof
    /// ([`ClientOptions::auth`]), [`Acl::creator_all`] keeps others out of a lock. All who take part in a recipe must
    /// be let in.
    ///
    /// *Java:* Curator's `ACLProvider`.
    pub fn acl(self, acl: Vec<Acl>) -> ClientOptions {
        ClientOptions { acl, ..self }
    }

    /// Another way to the servers than plain TCP: TLS, a proxy, a simulated network.
    pub fn connector(self, connector: impl Connector + 'static) -> ClientOptions {
        ClientOptions { connector: Arc::new(connector), ..self }
    }

    /// Opens the session, and returns when it is open.
    ///
    /// # Errors
    /// [`ConnectError`]. Before the time is over, failures of single servers are none: the next one is tried.
    ///
    /// # Panics
    /// Outside of a tokio runtime with time and I/O.
    pub async fn connect(self) -> Result<Client, ConnectError> {
        let after = self.connect_timeout.unwrap_or(self.session_timeout);
        let proofs = self.auths.clone();
        let (client, proven) = self.start(after)?;
        let proofs: Vec<_> = proofs.into_iter().zip(proven).collect();
        let mut state = client.state();
        let settled = state.wait_for(|state| *state != SessionState::Connecting);
        match tokio::time::timeout(after, settled).await.map(|settled| settled.map(|state| *state)) {
            Ok(Ok(SessionState::Connected | SessionState::ConnectedReadOnly)) => prove(client, proofs, after).await,
            Ok(Ok(SessionState::Expired)) => Err(ConnectError::SessionExpired),
            Ok(Ok(SessionState::AuthFailed)) => Err(ConnectError::AuthFailed),
            _ => {
                let last = client.last_disconnect().map(|why| why.to_string());
                Err(ConnectError::TimedOut { after, last: last.unwrap_or_else(|| "no server was reached".to_owned()) })
            }
        }
    }

    /// The client, and where the answers to its proofs come.
    fn start(self, connect_timeout: Duration) -> Result<(Client, Vec<oneshot::Receiver<Answered>>), ConnectError> {
        let ConnectString { servers, chroot } = ConnectString::parse(&self.connect_string)?;
        let genuine = self.session.is_some();
        let credentials = self.session.unwrap_or_else(SessionCredentials::none);
        let shared = Arc::new(Shared::new(credentials, self.session_timeout));
        let (sender, commands) = mpsc::unbounded_channel();
        let (answers, proven): (Vec<_>, _) = self.auths.iter().map(|proof| Answer::to_auth(&proof.scheme)).unzip();
        let waiting = self.auths.iter().cloned().zip(answers).map(|(proof, answer)| Waiting::Auth(proof, answer));
        let driver = Driver {
            shared: shared.clone(),
            commands,
            servers: Servers::new(servers, self.shuffle, self.back_off.0, self.back_off.1),
            chroot: chroot.clone(),
            connector: self.connector,
            settings: Settings {
                session_timeout: self.session_timeout,
                connect_timeout,
                read_only: self.read_only,
                longest_packet: self.longest_packet,
                longest_request: self.longest_request,
            },
            waiting: waiting.collect(),
            auths: self.auths,
            watches: Registry::default(),
            closing: Vec::new(),
            last_zxid: Zxid::ZERO,
            negotiated: None,
            genuine,
            heard: Instant::now(),
        };
        let span = tracing::info_span!("zookeeper", servers = self.connect_string, session = tracing::field::Empty);
        tokio::spawn(driver.run().instrument(span));
        Ok((Client::new(sender, shared, chroot, self.acl), proven))
    }

    /// Which servers it names, in their order.
    ///
    /// # Errors
    /// [`ConnectError::ConnectString`].
    pub fn servers(&self) -> Result<Vec<ServerAddress>, ConnectError> {
        Ok(ConnectString::parse(&self.connect_string)?.servers)
    }
}

type Proofs = Vec<(AuthPacket, oneshot::Receiver<Answered>)>;

/// Waits until a server has taken the proofs. If the connection was lost before, they are given once more.
async fn prove(client: Client, proofs: Proofs, after: Duration) -> Result<Client, ConnectError> {
    let taken = async {
        for (proof, proven) in proofs {
            let refused = match proven.await {
                Ok(Err(Error::ConnectionLoss)) => {
                    client.add_auth(&proof.scheme, proof.auth.unwrap_or_default()).await == Err(Error::AuthFailed)
                }
                answered => matches!(answered, Ok(Err(Error::AuthFailed))),
            };
            if refused {
                return Err(ConnectError::AuthFailed);
            }
        }
        Ok(())
    };
    // A server that is slow to say so has not refused them.
    tokio::time::timeout(after, taken).await.unwrap_or(Ok(()))?;
    Ok(client)
}

pub(super) fn auth_packet(scheme: &str, auth: &[u8]) -> AuthPacket {
    AuthPacket { kind: 0, scheme: scheme.to_owned(), auth: Some(Bytes::copy_from_slice(auth)) }
}

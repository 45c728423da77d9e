//! The task of a client: it keeps the session, goes from server to server, and gives every request one answer.
//!
//! *Java:* `ClientCnxn.SendThread`.

use super::address::Chroot;
use super::answer::Answer;
use super::command::{Call, Command};
use super::connection::Connection;
use super::connector::Connector;
use super::error::{Disconnect, Error};
use super::metrics::count;
use super::registry::Registry;
use super::servers::Servers;
use super::session::{SessionCredentials, SessionState};
use super::shared::Shared;
use super::watch::WatchedEvent;
use crate::wire::request::AuthPacket;
use crate::wire::{ConnectRequest, ConnectResponse, KeeperState};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};
use zab::Zxid;
use zab::tree::SessionId;

/// Why a client ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Expired,
    AuthFailed,
    Closed,
}

impl End {
    fn error(self) -> Error {
        match self {
            End::Expired => Error::SessionExpired,
            End::AuthFailed => Error::AuthFailed,
            End::Closed => Error::Closed,
        }
    }

    fn states(self) -> (SessionState, KeeperState) {
        match self {
            End::Expired => (SessionState::Expired, KeeperState::Expired),
            End::AuthFailed => (SessionState::AuthFailed, KeeperState::AuthFailed),
            End::Closed => (SessionState::Closed, KeeperState::Closed),
        }
    }
}

/// How serving a connection ended.
#[derive(Debug)]
pub(super) enum Ending {
    Over(End),
    Lost(Disconnect),
}

impl From<Disconnect> for Ending {
    fn from(why: Disconnect) -> Ending {
        Ending::Lost(why)
    }
}

/// Wishes that do not change.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub session_timeout: Duration,
    /// For the first session, all servers together.
    pub connect_timeout: Duration,
    pub read_only: bool,
    pub longest_packet: usize,
    pub longest_request: usize,
}

pub(super) struct Driver {
    pub shared: Arc<Shared>,
    pub commands: UnboundedReceiver<Command>,
    pub servers: Servers,
    pub chroot: Chroot,
    pub connector: Arc<dyn Connector>,
    pub settings: Settings,
    pub auths: Vec<AuthPacket>,
    /// Made while there is no connection; sent first on the next one, or failed with it.
    pub waiting: VecDeque<Waiting>,
    pub watches: Registry,
    /// Who waits for the end.
    pub closing: Vec<oneshot::Sender<()>>,
    pub last_zxid: Zxid,
    /// As the server has it; `None` before the first session.
    pub negotiated: Option<Duration>,
    /// Whether the session is one of the ensemble. A read-only server's own sessions are worth nothing elsewhere.
    pub genuine: bool,
    /// When a server was last reached.
    pub heard: Instant,
}

/// What needs a connection.
pub(super) enum Waiting {
    Call(Call),
    /// The proof is also among [`Driver::auths`].
    Auth(AuthPacket, Answer),
}

impl Waiting {
    fn fail(self, error: &Error) {
        let answer = match self {
            Waiting::Call(call) => call.answer,
            Waiting::Auth(_, answer) => Some(answer),
        };
        if let Some(answer) = answer {
            answer.give(Err(error.clone()));
        }
    }
}

impl Driver {
    /// Lives as long as the session, or until the client is closed.
    pub async fn run(mut self) {
        let end = self.live().await;
        tracing::info!(?end, "the session has ended");
        self.finish(end);
    }

    async fn live(&mut self) -> End {
        loop {
            let mut connection = match self.establish().await {
                Ok(connection) => connection,
                Err(end) => return end,
            };
            let opened = Instant::now();
            let ending = self.serve(&mut connection).await;
            self.heard = connection.heard;
            self.servers.lost(opened.elapsed());
            match ending {
                Ending::Over(end) => {
                    connection.fail(&end.error());
                    return end;
                }
                Ending::Lost(why) => {
                    // A server may close the connection before it has answered the closing of the session.
                    if !self.closing.is_empty() || self.commands.is_closed() && self.commands.is_empty() {
                        connection.fail(&Error::Closed);
                        return End::Closed;
                    }
                    self.shared.state.send_replace(SessionState::Connecting);
                    connection.fail(&Error::ConnectionLoss);
                    if let Err(end) = self.lost(why) {
                        return end;
                    }
                    self.watches.announce(&WatchedEvent::of_state(KeeperState::Disconnected));
                }
            }
        }
    }

    /// Tries one server after another until there is a session on a connection.
    async fn establish(&mut self) -> Result<Connection, End> {
        loop {
            self.check_expiry()?;
            self.meanwhile(sleep(self.servers.pause())).await?;
            let (server, limit) = (self.servers.next(), self.attempt_limit());
            tracing::debug!(%server, "connecting");
            let connector = self.connector.clone();
            let longest = (self.settings.longest_packet, self.settings.longest_request);
            let metrics = self.shared.metrics.clone();
            let attempt = Connection::open(connector, server.clone(), self.opening(), longest, metrics);
            let opened = self.meanwhile(timeout(limit, attempt)).await?;
            match opened.unwrap_or(Err(Disconnect::ConnectTimeout(limit))) {
                Ok((connection, response)) => {
                    self.accept(&response)?;
                    tracing::info!(%server, session = %format_args!("0x{:x}", response.session.0), "connected");
                    return Ok(connection);
                }
                Err(why) => {
                    if !matches!(&why, Disconnect::Io(_) | Disconnect::ConnectTimeout(_)) {
                        // It was reached: the session need not be over because nobody could be asked.
                        self.heard = Instant::now();
                    }
                    tracing::debug!(%server, %why, "no session");
                    self.lost(why)?;
                }
            }
        }
    }

    /// Nobody was reached for so long that the ensemble must have ended the session (ZOOKEEPER-4508).
    fn check_expiry(&self) -> Result<(), End> {
        match self.negotiated {
            Some(timeout) if self.genuine && self.heard.elapsed() > timeout * 4 / 3 => Err(End::Expired),
            _ => Ok(()),
        }
    }

    fn attempt_limit(&self) -> Duration {
        let whole = self.negotiated.unwrap_or(self.settings.connect_timeout);
        let servers = u32::try_from(self.servers.list().len()).unwrap_or(u32::MAX);
        (whole / servers).max(Duration::from_millis(1))
    }

    fn opening(&self) -> ConnectRequest {
        let credentials = match self.genuine {
            true => self.shared.credentials(),
            false => SessionCredentials::none(),
        };
        ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: self.last_zxid,
            timeout: i32::try_from(self.settings.session_timeout.as_millis()).unwrap_or(i32::MAX),
            session: credentials.id,
            password: Some(credentials.password),
            read_only: Some(self.settings.read_only),
        }
    }

    fn accept(&mut self, response: &ConnectResponse) -> Result<(), End> {
        let timeout = match u64::try_from(response.timeout) {
            Ok(timeout @ 1..) if response.session != SessionId(0) => Duration::from_millis(timeout),
            _ => return Err(End::Expired),
        };
        let read_only = response.read_only == Some(true);
        self.negotiated = Some(timeout);
        self.genuine |= !read_only;
        let password = response.password.clone().unwrap_or_default();
        // A copy: the packet's memory is not kept for it.
        let password = bytes::Bytes::copy_from_slice(&password);
        self.shared.set_session(SessionCredentials { id: response.session, password }, timeout);
        count(&self.shared.metrics.connections, 1);
        tracing::Span::current().record("session", format!("0x{:x}", response.session.0));
        let state = if read_only { SessionState::ConnectedReadOnly } else { SessionState::Connected };
        self.shared.state.send_replace(state);
        Ok(())
    }

    /// Waits for something while there is no connection; what is asked meanwhile is kept.
    async fn meanwhile<F: Future>(&mut self, awaited: F) -> Result<F::Output, End> {
        let mut awaited = std::pin::pin!(awaited);
        loop {
            let command = tokio::select! {
                output = &mut awaited => return Ok(output),
                command = self.commands.recv() => command,
            };
            self.keep(command)?;
        }
    }

    fn keep(&mut self, command: Option<Command>) -> Result<(), End> {
        match command {
            Some(Command::Request(call)) => self.waiting.push_back(Waiting::Call(call)),
            Some(Command::Auth { packet, answer }) => {
                self.learn(packet.clone());
                self.waiting.push_back(Waiting::Auth(packet, answer));
            }
            Some(Command::Unwatch { path, id }) => drop(self.watches.remove(&path, id)),
            // As Java: a session that cannot be closed now ends by its timeout.
            Some(Command::Close { done }) => {
                self.closing.push(done);
                return Err(End::Closed);
            }
            None => return Err(End::Closed),
        }
        Ok(())
    }

    /// A proof, to be given on every connection from now on.
    pub(super) fn learn(&mut self, packet: AuthPacket) {
        if !self.auths.contains(&packet) {
            self.auths.push(packet);
        }
    }

    /// A connection, or an attempt at one, is lost, and what waited for it.
    fn lost(&mut self, why: Disconnect) -> Result<(), End> {
        // What was asked before anybody could know is lost with it (`ClientCnxn.cleanup` empties both queues).
        while let Ok(command) = self.commands.try_recv() {
            self.keep(Some(command))?;
        }
        count(&self.shared.metrics.disconnections, 1);
        tracing::warn!(%why, "disconnected");
        self.shared.set_disconnect(why);
        for waiting in self.waiting.drain(..) {
            waiting.fail(&Error::ConnectionLoss);
        }
        Ok(())
    }

    fn finish(&mut self, end: End) {
        let (state, told) = end.states();
        self.shared.state.send_replace(state);
        self.commands.close();
        self.watches.finish(&WatchedEvent::of_state(told));
        while let Ok(command) = self.commands.try_recv() {
            // Closed already, whatever it is; only its answer is wanted.
            let _ = self.keep(Some(command));
        }
        for waiting in self.waiting.drain(..) {
            waiting.fail(&end.error());
        }
        for done in self.closing.drain(..) {
            let _ = done.send(());
        }
    }
}

/// A task that is ended from outside, with its runtime, says so.
impl Drop for Driver {
    fn drop(&mut self) {
        if !self.shared.state.borrow().is_over() {
            self.finish(End::Closed);
        }
    }
}

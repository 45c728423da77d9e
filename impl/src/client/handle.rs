//! The client as its users hold it: the session, and how requests go to the task.

use super::address::Chroot;
use super::answer::Answer;
use super::command::{Call, Command, Hears, Watcher};
use super::error::{ConnectError, Disconnect, Error};
use super::metrics::Metrics;
use super::options::{ClientOptions, auth_packet};
use super::pending::Pending;
use super::session::{SessionCredentials, SessionState};
use super::shared::Shared;
use super::watch::{OneShotWatch, Registration};
use crate::wire::{ClientRequest, Reply};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{oneshot, watch};
use zab::tree::path::{validate, validate_sequential};
use zab::tree::{Acl, SessionId};

/// A session with an ensemble. Clones are cheap and share it; it is closed by [`Client::close`], or when the last clone
/// is dropped. See [the module](super) for what it promises.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    commands: UnboundedSender<Command>,
    shared: Arc<Shared>,
    chroot: Arc<Chroot>,
    acl: Vec<Acl>,
    last_watch: AtomicU64,
}

// ---- The session --------------------------------------------------------------------------------------------------

impl Client {
    pub(super) fn new(
        commands: UnboundedSender<Command>,
        shared: Arc<Shared>,
        chroot: Chroot,
        acl: Vec<Acl>,
    ) -> Client {
        let inner = Inner { commands, shared, chroot: Arc::new(chroot), acl, last_watch: AtomicU64::new(0) };
        Client { inner: Arc::new(inner) }
    }

    /// Opens a session with the defaults of [`ClientOptions`]: `h1:2181,h2:2181/chroot`.
    ///
    /// # Errors
    /// [`ConnectError`]: no server opened a session in 30 seconds.
    ///
    /// # Panics
    /// Outside of a tokio runtime with time and I/O.
    pub async fn connect(connect_string: &str) -> Result<Client, ConnectError> {
        ClientOptions::new(connect_string).connect().await
    }

    /// How the session stands, now and later.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<SessionState> {
        self.inner.shared.state.subscribe()
    }

    /// The session's identifier; 0 before the first connection.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        self.credentials().id
    }

    /// What another client needs to take the session over.
    #[must_use]
    pub fn credentials(&self) -> SessionCredentials {
        self.inner.shared.credentials()
    }

    /// The session's timeout, as the server has it.
    #[must_use]
    pub fn session_timeout(&self) -> Duration {
        self.inner.shared.timeout()
    }

    /// The access control list of what recipes create for this client ([`ClientOptions::acl`]).
    #[must_use]
    pub fn acl(&self) -> &[Acl] {
        &self.inner.acl
    }

    /// What this client counts.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.inner.shared.metrics
    }

    /// Why the last connection, or attempt at one, ended.
    #[must_use]
    pub fn last_disconnect(&self) -> Option<Arc<Disconnect>> {
        self.inner.shared.disconnect()
    }

    /// Closes the session for all clones: what was asked before is done first, its ephemeral znodes go, watches end.
    /// Without a connection the session is left to its timeout. To close again does nothing.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.inner.commands.send(Command::Close { done }).is_ok() {
            // Without answer only where the task was ended from outside, with its runtime.
            let _ = closed.await;
        }
    }

    /// Proves who the client is, now and on every later connection: `digest` with `user:password`, ….
    ///
    /// # Errors
    /// [`Error::AuthFailed`], which ends the client. After [`Error::ConnectionLoss`] the proof will be given again on
    /// the next connection.
    pub fn add_auth(&self, scheme: &str, auth: impl AsRef<[u8]>) -> Pending<()> {
        let (answer, reply) = Answer::to_auth(scheme);
        let packet = auth_packet(scheme, auth.as_ref());
        match self.inner.commands.send(Command::Auth { packet, answer }) {
            Ok(()) => Pending::new(reply, |reply| reply.map(|_| ())),
            Err(_) => Pending::refused(self.over()),
        }
    }
}

// ---- Requests -----------------------------------------------------------------------------------------------------

impl Client {
    pub(super) fn chroot(&self) -> Arc<Chroot> {
        self.inner.chroot.clone()
    }

    /// The path as the server knows it.
    pub(super) fn path(&self, path: &str) -> Result<String, Error> {
        match validate(path) {
            Ok(()) => Ok(self.inner.chroot.server_path(path)),
            Err(error) => Err(Error::BadArguments { path: path.to_owned(), error }),
        }
    }

    /// The path of a znode that is to be created, likewise.
    pub(super) fn path_to_create(&self, path: &str, sequential: bool) -> Result<String, Error> {
        if !sequential {
            return self.path(path);
        }
        match validate_sequential(path) {
            Ok(()) => Ok(self.inner.chroot.server_prefix(path)),
            Err(error) => Err(Error::BadArguments { path: path.to_owned(), error }),
        }
    }

    /// Sends a request, if there is one.
    pub(super) fn ask<T>(
        &self,
        request: Result<ClientRequest, Error>,
        finish: impl FnOnce(Result<Reply, Error>) -> Result<T, Error> + Send + 'static,
    ) -> Pending<T> {
        match request {
            Ok(request) => self.send(request, None, finish),
            Err(error) => Pending::refused(error),
        }
    }

    pub(super) fn send<T>(
        &self,
        request: ClientRequest,
        watch: Option<Watcher>,
        finish: impl FnOnce(Result<Reply, Error>) -> Result<T, Error> + Send + 'static,
    ) -> Pending<T> {
        let (answer, reply) = Answer::to(&request, || self.session_id().0);
        let call = Call { request, answer: Some(answer), watch };
        match self.inner.commands.send(Command::Request(call)) {
            Ok(()) => Pending::new(reply, finish),
            Err(_) => Pending::refused(self.over()),
        }
    }

    /// Sends a request that leaves a one-shot watch on `path`, as the server knows it.
    pub(super) fn ask_watching<T>(
        &self,
        path: Result<String, Error>,
        request: impl FnOnce(String) -> ClientRequest,
        finish: impl FnOnce(Result<Reply, Error>) -> Result<T, Error> + Send + 'static,
    ) -> Pending<(T, OneShotWatch)> {
        let path = match path {
            Ok(path) => path,
            Err(error) => return Pending::refused(error),
        };
        let (sender, event) = oneshot::channel();
        let registration = self.registration(path.clone());
        let watcher = Watcher { id: registration.id, hears: Hears::Once(sender) };
        let watch = OneShotWatch { event, registration: Some(registration) };
        self.send(request(path), Some(watcher), move |reply| Ok((finish(reply)?, watch)))
    }

    /// A new watch's own number.
    pub(super) fn registration(&self, path: String) -> Registration {
        let id = self.inner.last_watch.fetch_add(1, Ordering::Relaxed);
        Registration { commands: self.inner.commands.downgrade(), path, id }
    }

    /// Why the client has ended.
    fn over(&self) -> Error {
        match *self.inner.shared.state.borrow() {
            SessionState::Expired => Error::SessionExpired,
            SessionState::AuthFailed => Error::AuthFailed,
            _ => Error::Closed,
        }
    }
}

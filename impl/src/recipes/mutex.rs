//! A lock that one client at a time has.
//!
//! *Java:* Curator's `InterProcessMutex`.

use super::line::Place;
use super::retry::persist;
use crate::client::{Client, Code, Error, SessionState};
use std::time::Duration;
use zab::Zxid;
use zab::recipes::lock::sequence;

/// What the names of all in the line hold.
pub(super) const LOCK: &str = "lock-";

/// A lock: all who name the same path share it. The line of those who want it stands below that path, in the order in
/// which they came, and each watches only the one before.
///
/// It is not reentrant: who asks twice waits for himself.
#[derive(Clone, Debug)]
pub struct Mutex {
    client: Client,
    path: String,
}

/// How sure the holder of a lock can be of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The server was heard of recently.
    Held,
    /// There is no connection: the server may end the session, and give the lock to another, before this client knows.
    /// Who cannot fence stops here.
    InDoubt,
    /// The session is over.
    Lost,
}

impl Mutex {
    /// Nothing is asked yet. The path is created when needed, as a container.
    #[must_use]
    pub fn new(client: &Client, path: &str) -> Mutex {
        Mutex { client: client.clone(), path: path.to_owned() }
    }

    /// Waits for the lock. It waits through lost connections. The future may be dropped: it leaves the line.
    ///
    /// # Errors
    /// [`Error::SessionExpired`] and others, but not [`Error::ConnectionLoss`].
    pub async fn lock(&self) -> Result<MutexGuard, Error> {
        loop {
            let place = Place::take(&self.client, &self.path, LOCK, b"").await?;
            if place.turn(|name| name.contains(LOCK)).await? {
                return Ok(MutexGuard { place });
            }
        }
    }

    /// Waits no longer than this; `None` if that was not enough. The time includes that of the requests, two round
    /// trips at least: less than that gives `None` in any case.
    ///
    /// # Errors
    /// As [`Mutex::lock`].
    pub async fn try_lock(&self, timeout: Duration) -> Result<Option<MutexGuard>, Error> {
        within(timeout, self.lock()).await
    }

    /// The names of all in the line, the holder first (`getParticipantNodes`).
    ///
    /// # Errors
    /// As [`Mutex::lock`].
    pub async fn participants(&self) -> Result<Vec<String>, Error> {
        participants(&self.client, &self.path).await
    }
}

/// What is waited for, if it comes in time.
pub(super) async fn within<T>(
    timeout: Duration,
    waiting: impl Future<Output = Result<T, Error>>,
) -> Result<Option<T>, Error> {
    tokio::time::timeout(timeout, waiting).await.map_or(Ok(None), |got| got.map(Some))
}

/// The names below a path which have a number, in its order.
pub(super) async fn participants(client: &Client, path: &str) -> Result<Vec<String>, Error> {
    let names = match persist(client, || client.get_children(path)).await {
        Err(Error::Server(Code::NoNode)) => return Ok(Vec::new()),
        names => names?,
    };
    let mut names: Vec<_> = names.into_iter().filter_map(|name| Some((sequence(&name)?, name))).collect();
    names.sort_unstable();
    Ok(names.into_iter().map(|(_, name)| name).collect())
}

/// The lock, held. Dropped, it is released in the background.
///
/// **A guard is no proof.** A process may sleep over the end of its session, wake, and act for a moment on a lock that
/// another has. Only what the lock protects can refuse it: give it [`MutexGuard::fencing_token`] with every request,
/// and let it refuse any that is smaller than one it has seen.
#[derive(Debug)]
#[must_use = "a lock whose guard is dropped is released"]
pub struct MutexGuard {
    pub(super) place: Place,
}

impl MutexGuard {
    /// Greater than that of every holder before: the transaction that created this holder's znode.
    #[must_use]
    pub fn fencing_token(&self) -> Zxid {
        self.place.created
    }

    /// How sure one can be of it now, by the session. Whether somebody has deleted the holder's znode only
    /// [`MutexGuard::lost`] tells.
    #[must_use]
    pub fn standing(&self) -> Standing {
        standing(*self.place.client.state().borrow())
    }

    /// Waits until one can no longer be sure of it: the first moment without connection.
    pub async fn doubted(&self) {
        let mut state = self.place.client.state();
        let _ = state.wait_for(|state| standing(*state) != Standing::Held).await;
    }

    /// Waits until the lock is lost: the session has ended, or somebody has deleted the holder's znode.
    pub async fn lost(&self) {
        self.place.lost().await;
    }

    /// The holder's znode, `_c_<uuid>-lock-NNNNNNNNNN` below the path of the lock.
    #[must_use]
    pub fn path(&self) -> String {
        self.place.path()
    }

    /// Releases it, and returns when it is free. When the session has ended it is free.
    ///
    /// # Errors
    /// [`Error`]: for example that the lock's path forbids deleting.
    pub async fn release(self) -> Result<(), Error> {
        self.place.leave().await
    }
}

fn standing(state: SessionState) -> Standing {
    match state {
        SessionState::Connected => Standing::Held,
        // A server that only reads has lost its ensemble, which may end the session.
        SessionState::Connecting | SessionState::ConnectedReadOnly => Standing::InDoubt,
        SessionState::Expired | SessionState::AuthFailed | SessionState::Closed => Standing::Lost,
    }
}

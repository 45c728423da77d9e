//! What the handles of a client and its task both see.

use super::error::Disconnect;
use super::metrics::Metrics;
use super::session::{SessionCredentials, SessionState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

#[derive(Debug)]
pub(super) struct Shared {
    pub state: watch::Sender<SessionState>,
    pub metrics: Arc<Metrics>,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    credentials: SessionCredentials,
    /// As negotiated; before that as wished.
    timeout: Duration,
    disconnect: Option<Arc<Disconnect>>,
}

impl Shared {
    pub fn new(credentials: SessionCredentials, timeout: Duration) -> Shared {
        let known = Mutex::new(Known { credentials, timeout, disconnect: None });
        Shared { state: watch::Sender::new(SessionState::Connecting), metrics: Arc::default(), known }
    }

    /// Nothing is done under the lock that could fail half way.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn credentials(&self) -> SessionCredentials {
        self.known().credentials.clone()
    }

    pub fn timeout(&self) -> Duration {
        self.known().timeout
    }

    pub fn disconnect(&self) -> Option<Arc<Disconnect>> {
        self.known().disconnect.clone()
    }

    pub fn set_session(&self, credentials: SessionCredentials, timeout: Duration) {
        let mut known = self.known();
        (known.credentials, known.timeout) = (credentials, timeout);
    }

    pub fn set_disconnect(&self, why: Disconnect) {
        self.known().disconnect = Some(Arc::new(why));
    }
}

//! A lock that so many clients at a time have.
//!
//! *Java:* Curator's `InterProcessSemaphoreV2`.

use super::line::Place;
use super::mutex::{Mutex, MutexGuard, participants, within};
use super::retry::{child, settled};
use crate::client::{Client, Error};
use std::time::Duration;

/// A number of permits. Who waits for one holds a [`Mutex`] meanwhile, so that only one watches the permits and they
/// are given out in order. All who name the same path must agree on the number.
#[derive(Clone, Debug)]
pub struct Semaphore {
    client: Client,
    permits: usize,
    line: Mutex,
    leases: String,
}

/// A permit. Dropped, it is given back in the background; as of a lock, a holder whose session ends has lost it.
pub type SemaphorePermit = MutexGuard;

impl Semaphore {
    /// Nothing is asked yet. The paths `locks` and `leases` below `path` are created when needed.
    #[must_use]
    pub fn new(client: &Client, path: &str, permits: usize) -> Semaphore {
        let line = Mutex::new(client, &child(path, "locks"));
        Semaphore { client: client.clone(), permits, line, leases: child(path, "leases") }
    }

    /// Waits for a permit.
    ///
    /// # Errors
    /// [`Error::SessionExpired`] and others, but not [`Error::ConnectionLoss`].
    pub async fn acquire(&self) -> Result<SemaphorePermit, Error> {
        let turn = self.line.lock().await?;
        let place = Place::take(&self.client, &self.leases, "lease-", b"").await?;
        while !self.has_room().await? {}
        turn.release().await?;
        Ok(MutexGuard { place })
    }

    /// Waits no longer than this; `None` if that was not enough. As [`Mutex::try_lock`].
    ///
    /// # Errors
    /// As [`Semaphore::acquire`].
    pub async fn try_acquire(&self, timeout: Duration) -> Result<Option<SemaphorePermit>, Error> {
        within(timeout, self.acquire()).await
    }

    /// Whether the permits suffice for all who have one, and the one who is about to. If not, waits for a change.
    async fn has_room(&self) -> Result<bool, Error> {
        match self.client.get_children_and_watch(&self.leases).await {
            Ok((names, _)) if names.len() <= self.permits => Ok(true),
            Ok((_, watch)) => {
                drop(watch.await);
                Ok(false)
            }
            Err(Error::ConnectionLoss) => {
                settled(&self.client).await;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// How many permits are out, that of one who is about to have it included.
    ///
    /// # Errors
    /// [`Error::SessionExpired`] and others, but not [`Error::ConnectionLoss`].
    pub async fn taken(&self) -> Result<usize, Error> {
        participants(&self.client, &self.leases).await.map(|names| names.len())
    }
}

//! A lock that many readers or one writer have.
//!
//! *Java:* Curator's `InterProcessReadWriteLock`.

use super::line::Place;
use super::mutex::{MutexGuard, within};
use crate::client::{Client, Error};
use std::time::Duration;

/// What readers' and writers' names hold; Curator's.
const READ: &str = "__READ__";
const WRITE: &str = "__WRIT__";

/// A lock for readers and writers, who stand in one line: a reader waits for the writers before it, a writer for all
/// before it. So no writer waits for ever, and readers of one release wake together.
#[derive(Clone, Debug)]
pub struct ReadWriteLock {
    client: Client,
    path: String,
}

impl ReadWriteLock {
    /// Nothing is asked yet. The path is created when needed, as a container.
    #[must_use]
    pub fn new(client: &Client, path: &str) -> ReadWriteLock {
        ReadWriteLock { client: client.clone(), path: path.to_owned() }
    }

    /// Waits for the lock, together with other readers. As [`Mutex::lock`](super::Mutex::lock).
    ///
    /// # Errors
    /// [`Error::SessionExpired`] and others, but not [`Error::ConnectionLoss`].
    pub async fn read(&self) -> Result<MutexGuard, Error> {
        self.lock(READ, |name| name.contains(WRITE)).await
    }

    /// Waits for the lock, alone. As [`Mutex::lock`](super::Mutex::lock).
    ///
    /// # Errors
    /// [`Error::SessionExpired`] and others, but not [`Error::ConnectionLoss`].
    pub async fn write(&self) -> Result<MutexGuard, Error> {
        self.lock(WRITE, |name| name.contains(WRITE) || name.contains(READ)).await
    }

    /// As [`ReadWriteLock::read`], but no longer than this; `None` if that was not enough.
    ///
    /// # Errors
    /// As [`ReadWriteLock::read`].
    pub async fn try_read(&self, timeout: Duration) -> Result<Option<MutexGuard>, Error> {
        within(timeout, self.read()).await
    }

    /// As [`ReadWriteLock::write`], but no longer than this; `None` if that was not enough.
    ///
    /// # Errors
    /// As [`ReadWriteLock::write`].
    pub async fn try_write(&self, timeout: Duration) -> Result<Option<MutexGuard>, Error> {
        within(timeout, self.write()).await
    }

    async fn lock(&self, kind: &str, counts: impl Fn(&str) -> bool) -> Result<MutexGuard, Error> {
        loop {
            let place = Place::take(&self.client, &self.path, kind, b"").await?;
            if place.turn(&counts).await? {
                return Ok(MutexGuard { place });
            }
        }
    }
}

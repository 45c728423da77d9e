//! A number that many read and change.
//!
//! *Java:* Curator's `SharedCount`, `DistributedAtomicLong`.

use super::retry::{ensure_containers, persist};
use crate::client::{Client, Code, CreateMode, Error, OneShotWatch, Stat};

/// A number in a znode, eight bytes with the highest first.
#[derive(Clone, Debug)]
pub struct SharedCount {
    client: Client,
    path: String,
    seed: i64,
}

/// The number, and how often it was set before: who sets it must have seen the last one (`VersionedValue`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VersionedValue {
    /// The znode's version.
    pub version: i32,
    /// The number.
    pub value: i64,
}

/// The numbers that a [`SharedCount`] has, one after another; between two that are told may be others that are not.
#[derive(Debug)]
pub struct SharedCountValues {
    count: SharedCount,
    watch: Option<OneShotWatch>,
    told: Option<VersionedValue>,
}

impl SharedCountValues {
    /// At first the number now, later the next that was set after the last one told. To drop the future loses none.
    ///
    /// # Errors
    /// [`Error::SessionExpired`] and others, but not [`Error::ConnectionLoss`].
    pub async fn next(&mut self) -> Result<VersionedValue, Error> {
        let SharedCount { client, path, .. } = &self.count;
        loop {
            if let Some(watch) = &mut self.watch {
                watch.await;
                self.watch = None;
            }
            match persist(client, || client.get_data_and_watch(path)).await {
                Ok(((data, stat), watch)) => {
                    self.watch = Some(watch);
                    let value = self.count.value(&data, &stat);
                    if self.told.replace(value) != Some(value) {
                        return Ok(value);
                    }
                }
                Err(Error::Server(Code::NoNode)) => self.count.create().await?,
                Err(error) => return Err(error),
            }
        }
    }
}

impl SharedCount {
    /// Nothing is asked yet. The first use creates it with the number `seed`.
    #[must_use]
    pub fn new(client: &Client, path: &str, seed: i64) -> SharedCount {
        SharedCount { client: client.clone(), path: path.to_owned(), seed }
    }

    /// The number now. Data of another length read as the seed.
    ///
    /// # Errors
    /// [`Error::SessionExpired`] and others, but not [`Error::ConnectionLoss`].
    pub async fn get(&self) -> Result<VersionedValue, Error> {
        loop {
            match persist(&self.client, || self.client.get_data(&self.path)).await {
                Ok((data, stat)) => return Ok(self.value(&data, &stat)),
                Err(Error::Server(Code::NoNode)) => self.create().await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// The number now, and then whenever it is another (`SharedCountListener`).
    #[must_use]
    pub fn values(&self) -> SharedCountValues {
        SharedCountValues { count: self.clone(), watch: None, told: None }
    }

    fn value(&self, data: &[u8], stat: &Stat) -> VersionedValue {
        let value = data.try_into().map_or(self.seed, i64::from_be_bytes);
        VersionedValue { version: stat.persisted.version, value }
    }

    async fn create(&self) -> Result<(), Error> {
        let parent = self.path.rsplit_once('/').map_or("", |(parent, _)| parent);
        ensure_containers(&self.client, parent).await?;
        let seed = self.seed.to_be_bytes();
        let create = || self.client.create(&self.path, seed, CreateMode::Persistent, self.client.acl());
        match persist(&self.client, create).await {
            // Without the parent it has gone meanwhile: the caller tries again.
            Ok(_) | Err(Error::Server(Code::NodeExists | Code::NoNode)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Sets it, if nobody has set it since `previous` was read (`trySetCount`). Gives what is there now if so; `None`
    /// if somebody has.
    ///
    /// # Errors
    /// [`Error::ConnectionLoss`]: whether it was set is not known. And others.
    pub async fn try_set(&self, previous: VersionedValue, value: i64) -> Result<Option<VersionedValue>, Error> {
        match self.client.set_data(&self.path, value.to_be_bytes(), Some(previous.version)).await {
            Ok(stat) => Ok(Some(VersionedValue { version: stat.persisted.version, value })),
            Err(Error::Server(Code::BadVersion | Code::NoNode)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Adds to it, whatever it is (`DistributedAtomicLong.add`); beyond the ends of 64 bits it goes round. Gives what
    /// is there now.
    ///
    /// # Errors
    /// [`Error::ConnectionLoss`]: whether it was added is not known. And others.
    pub async fn add(&self, difference: i64) -> Result<VersionedValue, Error> {
        loop {
            let previous = self.get().await?;
            if let Some(now) = self.try_set(previous, previous.value.wrapping_add(difference)).await? {
                return Ok(now);
            }
        }
    }
}

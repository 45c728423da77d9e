//! Waiting for each other.
//!
//! *Java:* Curator's `DistributedBarrier`, `DistributedDoubleBarrier`.

use super::protection::Protection;
use super::retry::{child, ensure_containers, persist, remove, settled, until_gone};
use crate::client::{Client, Code, CreateMode, Error};

/// While its znode is there, all wait.
#[derive(Clone, Debug)]
pub struct Barrier {
    client: Client,
    path: String,
}

impl Barrier {
    /// Nothing is asked yet.
    #[must_use]
    pub fn new(client: &Client, path: &str) -> Barrier {
        Barrier { client: client.clone(), path: path.to_owned() }
    }

    /// Sets it up, if it is not. It stays when the session ends.
    ///
    /// # Errors
    /// [`Error::SessionExpired`] and others, but not [`Error::ConnectionLoss`].
    pub async fn set(&self) -> Result<(), Error> {
        let parent = self.path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let create = || self.client.create(&self.path, b"", CreateMode::Persistent, self.client.acl());
        loop {
            match persist(&self.client, create).await {
                Ok(_) | Err(Error::Server(Code::NodeExists)) => return Ok(()),
                Err(Error::Server(Code::NoNode)) => ensure_containers(&self.client, parent).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes it away: all who wait go on.
    ///
    /// # Errors
    /// As [`Barrier::set`].
    pub async fn remove(&self) -> Result<(), Error> {
        remove(&self.client, &self.path).await
    }

    /// Waits until it is away (`waitOnBarrier`).
    ///
    /// # Errors
    /// As [`Barrier::set`].
    pub async fn wait(&self) -> Result<(), Error> {
        until_gone(&self.client, &self.path).await
    }
}

/// So many begin together, and end together. Once: for the next time take another path.
#[derive(Debug)]
pub struct DoubleBarrier {
    client: Client,
    path: String,
    members: usize,
    /// One's own znode.
    member: String,
}

impl DoubleBarrier {
    /// Nothing is asked yet. The path belongs to this barrier alone.
    #[must_use]
    pub fn new(client: &Client, path: &str, members: usize) -> DoubleBarrier {
        let member = child(path, Protection::new(client).uuid());
        DoubleBarrier { client: client.clone(), path: path.to_owned(), members, member }
    }

    fn ready(&self) -> String {
        child(&self.path, "ready")
    }

    /// Waits until so many have entered. Who goes while it waits, by a dropped future too, has entered until it leaves
    /// or its session ends.
    ///
    /// # Errors
    /// [`Error::SessionExpired`] and others, but not [`Error::ConnectionLoss`].
    pub async fn enter(&self) -> Result<(), Error> {
        ensure_containers(&self.client, &self.path).await?;
        self.create(&self.member, CreateMode::Ephemeral).await?;
        loop {
            // Watch first: the last one to enter makes the znode afterwards.
            let ready = self.ready();
            let (there, watch) = match self.client.exists_and_watch(&ready).await {
                Err(Error::ConnectionLoss) => {
                    settled(&self.client).await;
                    continue;
                }
                result => result?,
            };
            if there.is_some() {
                return Ok(());
            }
            if self.entered().await?.len() >= self.members {
                return self.create(&ready, CreateMode::Persistent).await;
            }
            drop(watch.await);
        }
    }

    /// Waits until all have left.
    ///
    /// # Errors
    /// As [`DoubleBarrier::enter`].
    pub async fn leave(&self) -> Result<(), Error> {
        remove(&self.client, &self.member).await?;
        while let Some(other) = self.entered().await?.first() {
            until_gone(&self.client, &child(&self.path, other)).await?;
        }
        // Not before: somebody may not have seen it yet.
        remove(&self.client, &self.ready()).await
    }

    /// The names of those who have entered and not left.
    async fn entered(&self) -> Result<Vec<String>, Error> {
        match persist(&self.client, || self.client.get_children(&self.path)).await {
            Ok(names) => Ok(names.into_iter().filter(|name| name != "ready").collect()),
            Err(Error::Server(Code::NoNode)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn create(&self, path: &str, mode: CreateMode) -> Result<(), Error> {
        match persist(&self.client, || self.client.create(path, b"", mode, self.client.acl())).await {
            Ok(_) | Err(Error::Server(Code::NodeExists)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

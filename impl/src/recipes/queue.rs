//! First in, first out.
//!
//! *Java:* Curator's `SimpleDistributedQueue`, with each item taken exactly once.

use super::mutex::participants;
use super::protection::Protection;
use super::retry::{child, ensure_containers, persist, settled};
use crate::client::{Client, Code, CreateMode, Error, Multi};
use bytes::Bytes;

/// A queue of items, at most a server's longest packet each; better thousands of them than millions.
#[derive(Clone, Debug)]
pub struct Queue {
    client: Client,
    items: String,
    claims: String,
}

impl Queue {
    /// Nothing is asked yet. The paths `items` and `claims` below `path` are created when needed.
    #[must_use]
    pub fn new(client: &Client, path: &str) -> Queue {
        Queue { client: client.clone(), items: child(path, "items"), claims: child(path, "claims") }
    }

    /// Puts an item at the end (`offer`). Once, whatever becomes of connections; it outlives the session. A dropped
    /// future may have put it or not.
    ///
    /// # Errors
    /// [`Error::SessionExpired`] and others, but not [`Error::ConnectionLoss`].
    pub async fn put(&self, item: &[u8]) -> Result<(), Error> {
        let path = child(&self.items, "item-");
        let create = |multi: Multi| multi.create(&path, item, CreateMode::PersistentSequential, self.client.acl());
        while !self.once(create).await? {
            ensure_containers(&self.client, &self.items).await?;
        }
        Ok(())
    }

    /// Takes the first item; waits for one (`take`). Once: no other takes it too. A dropped future may have taken an
    /// item, which is lost then.
    ///
    /// # Errors
    /// [`Error::SessionExpired`] and others, but not [`Error::ConnectionLoss`].
    pub async fn take(&self) -> Result<Bytes, Error> {
        loop {
            // Watch first, so that no item is missed.
            let watch = match self.client.get_children_and_watch(&self.items).await {
                Ok((_, watch)) => watch,
                Err(Error::Server(Code::NoNode)) => {
                    ensure_containers(&self.client, &self.items).await?;
                    continue;
                }
                Err(Error::ConnectionLoss) => {
                    settled(&self.client).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some(item) = self.poll().await? {
                return Ok(item);
            }
            drop(watch.await);
        }
    }

    /// Takes the first item, if there is one (`poll`).
    ///
    /// # Errors
    /// As [`Queue::take`].
    pub async fn poll(&self) -> Result<Option<Bytes>, Error> {
        for name in participants(&self.client, &self.items).await? {
            let path = child(&self.items, &name);
            let item = match persist(&self.client, || self.client.get_data(&path)).await {
                Ok((item, _)) => item,
                Err(Error::Server(Code::NoNode)) => continue,
                Err(error) => return Err(error),
            };
            if self.once(|multi| multi.delete(&path, None)).await? {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    /// Does something together with the creation of a sign: if the reply is lost, the sign tells that it was done.
    /// `false` if what it concerns is not there.
    async fn once(&self, what: impl Fn(Multi) -> Multi) -> Result<bool, Error> {
        let sign = child(&self.claims, Protection::new(&self.client).uuid());
        loop {
            let sign = self.client.multi().create(&sign, b"", CreateMode::Ephemeral, self.client.acl());
            match what(sign).commit().await {
                Ok(_) | Err(Error::Multi { index: 0, code: Code::NodeExists }) => break,
                Err(Error::Multi { index: 0, code: Code::NoNode }) => {
                    ensure_containers(&self.client, &self.claims).await?;
                }
                Err(Error::Multi { code: Code::NoNode, .. }) => return Ok(false),
                Err(Error::ConnectionLoss) => settled(&self.client).await,
                Err(error) => return Err(error),
            }
        }
        // Nobody waits for that; with the session it goes in any case.
        drop(self.client.delete(&sign, None));
        Ok(true)
    }
}

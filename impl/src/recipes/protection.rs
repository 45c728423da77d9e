//! A name by which a create whose reply was lost is found again.
//!
//! *Java:* Curator's `ProtectedUtils`, `CreateBuilder.withProtection`.

use super::retry::{child, ensure_containers, persist, remove, settled};
use crate::client::{Client, Code, CreateMode, Error};
use std::hash::{BuildHasher, RandomState};
use zab::Zxid;

/// `_c_<uuid>-`: what the name of a protected znode begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Protection(String);

impl Protection {
    /// One that nobody else has: half of it is the session's number, the other half random by the operating system.
    pub fn new(client: &Client) -> Protection {
        let session = client.session_id().0.cast_unsigned();
        let random = RandomState::new().hash_one(session);
        let text = format!("{session:016x}{random:016x}");
        let parts = [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]];
        Protection(format!("_c_{}-", parts.join("-")))
    }

    /// The part between `_c_` and the dash.
    pub fn uuid(&self) -> &str {
        &self.0[3..self.0.len() - 1]
    }

    pub fn covers(&self, name: &str) -> bool {
        name.starts_with(&self.0)
    }

    /// Creates a sequential znode `_c_<uuid>-<kind>NNNNNNNNNN` once, whatever becomes of replies; the parents too.
    /// Gives its name and the transaction that created it. Who drops the future calls [`Protection::remove`].
    pub async fn create(
        &self,
        client: &Client,
        parent: &str,
        kind: &str,
        data: &[u8],
        mode: CreateMode,
    ) -> Result<(String, Zxid), Error> {
        let path = child(parent, &format!("{}{kind}", self.0));
        loop {
            match client.create(&path, data, mode, client.acl()).await {
                Ok((path, stat)) => {
                    let name = path.rsplit('/').next().unwrap_or_default();
                    return Ok((name.to_owned(), stat.persisted.czxid));
                }
                Err(Error::Server(Code::NoNode)) => ensure_containers(client, parent).await?,
                Err(Error::ConnectionLoss) => {
                    settled(client).await;
                    if let Some(found) = self.find(client, parent).await? {
                        return Ok(found);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The znode, if it was created after all.
    async fn find(&self, client: &Client, parent: &str) -> Result<Option<(String, Zxid)>, Error> {
        for name in self.names(client, parent).await? {
            let path = child(parent, &name);
            if let Some(stat) = persist(client, || client.exists(&path)).await? {
                return Ok(Some((name, stat.persisted.czxid)));
            }
        }
        Ok(None)
    }

    /// The names that it covers. The sync makes sure that what an earlier connection asked is seen, though another
    /// server may serve this one; Curator does without.
    async fn names(&self, client: &Client, parent: &str) -> Result<Vec<String>, Error> {
        let synced = persist(client, || client.sync(parent)).await;
        match synced.and(persist(client, || client.get_children(parent)).await) {
            Ok(names) => Ok(names.into_iter().filter(|name| self.covers(name)).collect()),
            Err(Error::Server(Code::NoNode)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Deletes whatever it covers.
    pub async fn remove(&self, client: &Client, parent: &str) -> Result<(), Error> {
        for name in self.names(client, parent).await? {
            remove(client, &child(parent, &name)).await?;
        }
        Ok(())
    }
}

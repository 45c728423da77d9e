//! A place in a line of sequential znodes: what lock, semaphore and latch have in common. Whom to watch is said by
//! [`zab::recipes::lock`], which the model checks; here are the requests.
//!
//! *Java:* Curator's `LockInternals`.

use super::protection::Protection;
use super::retry::{child, persist, remove, settled};
use crate::client::{Client, Code, CreateMode, Error};
use tokio::runtime::Handle;
use zab::Zxid;
use zab::recipes::lock::{Before, before};

/// One's own sequential ephemeral znode. Dropped, it is deleted in the background, also if its creation was not
/// finished.
#[derive(Debug)]
pub(super) struct Place {
    pub client: Client,
    parent: String,
    protection: Protection,
    /// Empty until it is known.
    name: String,
    /// By which transaction it was created.
    pub created: Zxid,
    runtime: Handle,
    removed: bool,
}

impl Place {
    /// Takes the last place. `kind` is what stands before the number: `lock-`.
    pub async fn take(client: &Client, parent: &str, kind: &str, data: &[u8]) -> Result<Place, Error> {
        let mut place = Place {
            client: client.clone(),
            parent: parent.to_owned(),
            protection: Protection::new(client),
            name: String::new(),
            created: Zxid::ZERO,
            runtime: Handle::current(),
            removed: false,
        };
        let mode = CreateMode::EphemeralSequential;
        (place.name, place.created) = place.protection.create(client, parent, kind, data, mode).await?;
        Ok(place)
    }

    /// The path of one's own znode.
    pub fn path(&self) -> String {
        child(&self.parent, &self.name)
    }

    /// Waits until nobody who counts stands before this one. `false` if somebody has deleted one's own znode.
    pub async fn turn(&self, counts: impl Fn(&str) -> bool) -> Result<bool, Error> {
        loop {
            let names = match persist(&self.client, || self.client.get_children(&self.parent)).await {
                Err(Error::Server(Code::NoNode)) => return Ok(false),
                names => names?,
            };
            let next = match before(&self.name, &names, &counts) {
                Before::Nobody => return Ok(true),
                Before::Gone => return Ok(false),
                Before::Waits(name) => child(&self.parent, name),
            };
            // Not exists, which would leave a watch where nothing is to come.
            match self.client.get_data_and_watch(&next).await {
                // Whatever it tells: who stands before may have left the line out of turn, so all is looked at again.
                Ok((_, watch)) => drop(watch.await),
                // It went between the two requests.
                Err(Error::Server(Code::NoNode)) => {}
                Err(Error::ConnectionLoss) => settled(&self.client).await,
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until one's own znode is gone, with the session or by another's hand.
    pub async fn lost(&self) {
        let path = self.path();
        loop {
            match self.client.exists_and_watch(&path).await {
                Ok((Some(_), watch)) => drop(watch.await),
                Err(Error::ConnectionLoss) => settled(&self.client).await,
                Ok((None, _)) | Err(_) => return,
            }
        }
    }

    /// Deletes the znode now, and says when that is done. If the session has ended it is done.
    pub async fn leave(mut self) -> Result<(), Error> {
        let result = match remove(&self.client, &self.path()).await {
            Err(Error::SessionExpired | Error::Closed) => Ok(()),
            result => result,
        };
        self.removed = result.is_ok();
        result
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.removed || self.client.state().borrow().is_over() {
            return;
        }
        let (client, parent) = (self.client.clone(), std::mem::take(&mut self.parent));
        let (protection, name) = (self.protection.clone(), std::mem::take(&mut self.name));
        self.runtime.spawn(async move {
            // When the session ends, the server does it.
            let _ = match name.as_str() {
                "" => protection.remove(&client, &parent).await,
                name => remove(&client, &child(&parent, name)).await,
            };
        });
    }
}

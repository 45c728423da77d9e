//! An ephemeral znode that is there as long as its owner, over all sessions.
//!
//! *Java:* Curator's `PersistentNode`, with `CreateMode.EPHEMERAL`.

use super::retry::{ensure_containers, persist, remove, settled};
use super::sessions::{Sessions, Task};
use crate::client::{Client, Code, CreateMode, Error};
use bytes::Bytes;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Between two attempts, where the server refuses.
const PAUSE: Duration = Duration::from_millis(500);

/// An ephemeral znode that comes back: after the end of a session with the next one, and when somebody deletes it.
/// Dropped, it is deleted in the background.
#[derive(Debug)]
pub struct PersistentNode {
    path: String,
    data: watch::Sender<Bytes>,
    /// How often it was made.
    made: watch::Receiver<u64>,
    sessions: Sessions,
    task: Option<Task>,
}

impl PersistentNode {
    /// Creates it, and returns when it is there. Its parents are created as containers. A znode of this path that
    /// belongs to another session is replaced: it is this owner's own from before.
    ///
    /// # Errors
    /// What the server says to the first attempt. Later ones are repeated.
    pub async fn start(sessions: &Sessions, path: &str, data: &[u8]) -> Result<PersistentNode, Error> {
        let data = watch::Sender::new(Bytes::copy_from_slice(data));
        let (sender, made) = watch::channel(0);
        let first = loop {
            let client = sessions.client().await?;
            let value = data.borrow().clone();
            match make(&client, path, &value).await {
                Ok(()) => break client,
                Err(Error::SessionExpired | Error::Closed) => {}
                Err(error) => return Err(error),
            }
        };
        sender.send_replace(1);
        let keeping = keep(sessions.clone(), first, path.to_owned(), data.subscribe(), sender);
        let task = Some(Task(tokio::spawn(keeping)));
        Ok(PersistentNode { path: path.to_owned(), data, made, sessions: sessions.clone(), task })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Sets its data, now and for every time that it is created again. Returns at once.
    pub fn set_data(&self, data: &[u8]) {
        self.data.send_replace(Bytes::copy_from_slice(data));
    }

    /// How often it was made, or found to be there after a reconnection: it changes when it is there again.
    #[must_use]
    pub fn made(&self) -> watch::Receiver<u64> {
        self.made.clone()
    }

    /// Deletes it, and returns when it is gone.
    ///
    /// # Errors
    /// What the server says.
    pub async fn close(mut self) -> Result<(), Error> {
        if let Some(mut task) = self.task.take() {
            task.0.abort();
            // What it has asked is asked before what follows.
            let _ = (&mut task.0).await;
        }
        let client = self.sessions.client().await?;
        match remove(&client, &self.path).await {
            Err(Error::SessionExpired | Error::Closed) => Ok(()),
            result => result,
        }
    }
}

impl Drop for PersistentNode {
    fn drop(&mut self) {
        let Some(mut task) = self.task.take() else { return };
        task.0.abort();
        let (sessions, path) = (self.sessions.clone(), std::mem::take(&mut self.path));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = (&mut task.0).await;
                if let Ok(client) = sessions.client().await {
                    let _ = remove(&client, &path).await;
                }
            });
        }
    }
}

/// Keeps it there.
async fn keep(
    sessions: Sessions,
    first: Client,
    path: String,
    mut data: watch::Receiver<Bytes>,
    made: watch::Sender<u64>,
) {
    let mut client = first;
    let mut made_at = Instant::now();
    loop {
        match attend(&client, &path, &mut data).await {
            // Two of one name would take it from each other as fast as they can.
            Ok(Want::Znode) if made_at.elapsed() < PAUSE => tokio::time::sleep(PAUSE).await,
            Ok(_) => {}
            Err(Error::ConnectionLoss) => settled(&client).await,
            Err(Error::SessionExpired | Error::Closed) => match sessions.client().await {
                Ok(next) => client = next,
                Err(_) => return,
            },
            Err(error) => {
                tracing::warn!(%error, path, "the znode cannot be kept there");
                tokio::time::sleep(PAUSE).await;
            }
        }
        let content = data.borrow_and_update().clone();
        if make(&client, &path, &content).await.is_ok() {
            made.send_modify(|made| *made += 1);
        }
        made_at = Instant::now();
    }
}

/// What is wanted.
enum Want {
    /// The znode has gone, or is another's.
    Znode,
    /// It shall have other data.
    Data,
}

/// Returns when there is something to do.
async fn attend(client: &Client, path: &str, data: &mut watch::Receiver<Bytes>) -> Result<Want, Error> {
    loop {
        let (stat, watch) = client.exists_and_watch(path).await?;
        if stat.is_none_or(|stat| stat.persisted.ephemeral_owner != client.session_id().0) {
            return Ok(Want::Znode);
        }
        tokio::select! {
            _ = watch => {}
            changed = data.changed() => return changed.map(|()| Want::Data).map_err(|_| Error::Closed),
        }
    }
}

/// Sees to it that the znode is there, belongs to this session and has these data.
async fn make(client: &Client, path: &str, data: &[u8]) -> Result<(), Error> {
    loop {
        match persist(client, || client.create(path, data, CreateMode::Ephemeral, client.acl())).await {
            Ok(_) => return Ok(()),
            Err(Error::Server(Code::NoNode)) => {
                let parent = path.rsplit_once('/').map_or("/", |(parent, _)| parent);
                ensure_containers(client, parent).await?;
            }
            Err(Error::Server(Code::NodeExists)) => match persist(client, || client.get_data(path)).await {
                Ok((_, stat)) if stat.persisted.ephemeral_owner != client.session_id().0 => {
                    // That session is over, or soon will be, and would take the znode along.
                    remove(client, path).await?;
                }
                Ok((present, _)) if present == data => return Ok(()),
                Ok(_) => match persist(client, || client.set_data(path, data, None)).await {
                    Ok(_) => return Ok(()),
                    Err(Error::Server(Code::NoNode)) => {}
                    Err(error) => return Err(error),
                },
                Err(Error::Server(Code::NoNode)) => {}
                Err(error) => return Err(error),
            },
            Err(error) => return Err(error),
        }
    }
}

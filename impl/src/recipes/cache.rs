//! A copy of a znode, or of a whole tree, that watches keep current.
//!
//! *Java:* Curator's `NodeCache`, `TreeCache`, `CuratorCache`.

use super::cache_state::{Change, Changes, Shared};
use super::retry::{child, settled};
use super::sessions::{Sessions, Task};
use crate::client::{AddWatchMode, Client, Code, Error, EventType, KeeperState, Stat, Watch};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Between two attempts, where the server refuses.
const PAUSE: Duration = Duration::from_millis(500);

/// A znode as a cache knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildData {
    /// Where it is.
    pub path: String,
    /// Its data when they were read last.
    pub data: Bytes,
    /// Its Stat from then. The children may have changed since.
    pub stat: Stat,
}

/// How far a cache reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Node,
    Tree,
}

/// A copy of a znode and all below it. Reads answer from memory, also while there is no server; the copy may be behind
/// the ensemble, but comes up with it, and never goes back in time.
///
/// Znodes below the root that the client may not read are not shown, nor what is below them.
///
/// Java's servers before 3.9 keep one persistent watch of a session on a path (ZOOKEEPER-4466): there, a [`NodeCache`]
/// of the root needs [`Sessions`] of its own.
#[derive(Debug)]
pub struct TreeCache {
    shared: Arc<Shared>,
    root: String,
    _task: Task,
}

/// A copy of one znode, there or not.
#[derive(Debug)]
pub struct NodeCache {
    tree: TreeCache,
}

impl TreeCache {
    /// Reads everything below `root`, which need not be there, and returns when it is read. Needs a server with
    /// persistent watches: 3.6 or later.
    ///
    /// # Errors
    /// What the server says to the first attempt. Later ones are repeated.
    pub async fn start(sessions: &Sessions, root: &str) -> Result<TreeCache, Error> {
        TreeCache::reaching(sessions, root, Reach::Tree).await
    }

    async fn reaching(sessions: &Sessions, root: &str, reach: Reach) -> Result<TreeCache, Error> {
        let shared = Arc::new(Shared::default());
        let mut reader =
            Reader { client: sessions.client().await?, root: root.to_owned(), reach, shared: shared.clone() };
        let watch = loop {
            match reader.begin().await {
                Ok(watch) => break watch,
                Err(Error::ConnectionLoss) => settled(&reader.client).await,
                Err(Error::SessionExpired | Error::Closed) => reader.client = sessions.client().await?,
                Err(error) => return Err(error),
            }
        };
        let task = Task(tokio::spawn(reader.follow(sessions.clone(), watch)));
        Ok(TreeCache { shared, root: root.to_owned(), _task: task })
    }

    /// A znode, if it is there (`getCurrentData`).
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Arc<ChildData>> {
        self.shared.state().nodes.get(path).cloned()
    }

    /// The children of a znode, by their names (`getCurrentChildren`). Those of one that is not there are none.
    #[must_use]
    pub fn children(&self, path: &str) -> BTreeMap<String, Arc<ChildData>> {
        let prefix = child(path, "");
        let state = self.shared.state();
        let below = state.nodes.range(prefix.clone()..).take_while(|(path, _)| path.starts_with(&prefix));
        let named = below.map(|(path, node)| (path[prefix.len()..].to_owned(), node.clone()));
        named.filter(|(name, _)| !name.is_empty() && !name.contains('/')).collect()
    }

    /// What the cache reaches.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Grows with every change.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.shared.state().revision
    }

    /// Whether it hears of changes now; not while there is no connection.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.shared.state().current
    }

    /// All changes from now on, after what is there now, as added.
    pub fn changes(&self) -> Changes {
        self.shared.subscribe()
    }
}

impl NodeCache {
    /// Reads the znode, which need not be there, and returns when it is read.
    ///
    /// # Errors
    /// As [`TreeCache::start`].
    pub async fn start(sessions: &Sessions, path: &str) -> Result<NodeCache, Error> {
        Ok(NodeCache { tree: TreeCache::reaching(sessions, path, Reach::Node).await? })
    }

    /// The znode, if it is there (`getCurrentData`).
    #[must_use]
    pub fn get(&self) -> Option<Arc<ChildData>> {
        self.tree.get(self.tree.root())
    }

    /// As [`TreeCache::changes`].
    pub fn changes(&self) -> Changes {
        self.tree.changes()
    }
}

/// What keeps a cache current.
struct Reader {
    client: Client,
    root: String,
    reach: Reach,
    shared: Arc<Shared>,
}

impl Reader {
    /// Watches first and reads afterwards, so that nothing falls between.
    async fn begin(&self) -> Result<Watch, Error> {
        let mode = match self.reach {
            Reach::Node => AddWatchMode::Persistent,
            Reach::Tree => AddWatchMode::PersistentRecursive,
        };
        let watch = self.client.watch(&self.root, mode).await?;
        // A new session may meet a server that is behind what the former one has seen.
        self.client.sync(&self.root).await?;
        self.read_all().await?;
        Ok(watch)
    }

    /// Takes everything as it is now; what is not found has gone.
    async fn read_all(&self) -> Result<(), Error> {
        let mut left = vec![self.root.clone()];
        let unseen = |path: &str, code: Code| code == Code::NoNode || code == Code::NoAuth && *path != self.root;
        let mut found = BTreeSet::new();
        while let Some(path) = left.pop() {
            if self.read(&path).await? {
                if self.reach == Reach::Tree {
                    match self.client.get_children(&path).await {
                        Ok(names) => left.extend(names.iter().map(|name| child(&path, name))),
                        Err(Error::Server(code)) if unseen(&path, code) => {}
                        Err(error) => return Err(error),
                    }
                }
                found.insert(path);
            }
        }
        self.shared.keep_only(&found);
        self.shared.set_current(true);
        Ok(())
    }

    /// Takes one znode as it is now. Whether it is there.
    async fn read(&self, path: &str) -> Result<bool, Error> {
        match self.client.get_data(path).await {
            Ok((data, stat)) => {
                self.shared.put(ChildData { path: path.to_owned(), data, stat });
                Ok(true)
            }
            // What one may not read is not shown; the root is what was asked for.
            Err(Error::Server(code)) if code == Code::NoNode || code == Code::NoAuth && path != self.root => {
                self.shared.remove(path);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    async fn follow(mut self, sessions: Sessions, watch: Watch) {
        let mut watch = Some(watch);
        loop {
            let result = match &mut watch {
                Some(watch) => self.events(watch).await,
                None => self.begin().await.map(|begun| watch = Some(begun)),
            };
            match result {
                Ok(()) => continue,
                Err(Error::ConnectionLoss) => settled(&self.client).await,
                Err(Error::SessionExpired | Error::Closed) => match sessions.client().await {
                    Ok(next) => self.client = next,
                    Err(_) => return,
                },
                Err(error) => {
                    tracing::warn!(%error, root = self.root, "the cache cannot be kept current");
                    tokio::time::sleep(PAUSE).await;
                }
            }
            self.shared.set_current(false);
            watch = None;
        }
    }

    /// Reads again what the watch tells of, for ever. An event says that something happened, not how it stands now.
    async fn events(&self, watch: &mut Watch) -> Result<(), Error> {
        loop {
            let event = watch.next().await.ok_or(Error::Closed)?;
            match (event.kind, event.state) {
                (EventType::None, KeeperState::SyncConnected | KeeperState::ConnectedReadOnly) => {
                    self.read_all().await?;
                }
                (EventType::None, KeeperState::Disconnected) => self.shared.set_current(false),
                // The end of the session, or somebody removed the watch.
                (EventType::None, _) => return Err(Error::SessionExpired),
                (EventType::PersistentWatchRemoved, _) => return Err(Error::ConnectionLoss),
                _ => {
                    self.read(&event.path).await?;
                }
            }
        }
    }
}

impl Change {
    /// The znode that changed, as it is now, or was at last.
    #[must_use]
    pub fn node(&self) -> &Arc<ChildData> {
        match self {
            Change::Added(node) | Change::Updated { now: node, .. } | Change::Removed(node) => node,
        }
    }
}

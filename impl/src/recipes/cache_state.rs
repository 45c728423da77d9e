//! What a cache holds, and who hears of its changes.

use super::cache::ChildData;
use futures_core::Stream;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// What happened to a cache (`TreeCacheEvent`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A znode is there that was not.
    Added(Arc<ChildData>),
    /// Its data were set, or another of the same path took its place: then the `czxid` differ.
    Updated {
        /// As it was.
        before: Arc<ChildData>,
        /// As it is.
        now: Arc<ChildData>,
    },
    /// It has gone. As it was at last.
    Removed(Arc<ChildData>),
}

/// The changes of a cache: a stream that ends with the cache. What is not taken is kept.
#[derive(Debug)]
pub struct Changes(mpsc::UnboundedReceiver<Change>);

impl Changes {
    /// The next change; `None` when the cache has ended. Cancellation loses none.
    pub async fn next(&mut self) -> Option<Change> {
        self.0.recv().await
    }
}

/// As [`Changes::next`].
impl Stream for Changes {
    type Item = Change;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Change>> {
        self.0.poll_recv(context)
    }
}

/// What the cache and its task share.
#[derive(Debug, Default)]
pub(super) struct Shared(Mutex<State>);

#[derive(Debug, Default)]
pub(super) struct State {
    /// By path.
    pub nodes: BTreeMap<String, Arc<ChildData>>,
    pub revision: u64,
    pub current: bool,
    subscribers: Vec<mpsc::UnboundedSender<Change>>,
}

impl Shared {
    /// Nothing is done under the lock that could fail half way.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_current(&self, current: bool) {
        self.state().current = current;
    }

    pub fn subscribe(&self) -> Changes {
        let (sender, changes) = mpsc::unbounded_channel();
        let mut state = self.state();
        for node in state.nodes.values() {
            let _ = sender.send(Change::Added(node.clone()));
        }
        state.subscribers.push(sender);
        Changes(changes)
    }

    pub fn put(&self, node: ChildData) {
        let node = Arc::new(node);
        let mut state = self.state();
        match state.nodes.insert(node.path.clone(), node.clone()) {
            None => state.tell(&Change::Added(node)),
            Some(before) if before == node => {}
            // Only its children changed.
            Some(before) if before.stat.persisted.mzxid == node.stat.persisted.mzxid => {}
            Some(before) => state.tell(&Change::Updated { before, now: node }),
        }
    }

    pub fn remove(&self, path: &str) {
        let mut state = self.state();
        if let Some(node) = state.nodes.remove(path) {
            state.tell(&Change::Removed(node));
        }
    }

    /// Removes what was not found.
    pub fn keep_only(&self, found: &BTreeSet<String>) {
        let mut state = self.state();
        let gone: Vec<String> = state.nodes.keys().filter(|path| !found.contains(*path)).cloned().collect();
        for path in gone {
            if let Some(node) = state.nodes.remove(&path) {
                state.tell(&Change::Removed(node));
            }
        }
    }
}

impl State {
    fn tell(&mut self, change: &Change) {
        self.revision += 1;
        self.subscribers.retain(|subscriber| subscriber.send(change.clone()).is_ok());
    }
}

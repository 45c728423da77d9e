//! The watches of Java's `DataTree`, word by word, with its two `WatchManager`s as plain lists.

use std::collections::BTreeSet;
use zab::tree::{EventKind, WatchMode, WatcherId, WatcherType};

use EventKind::{ChildrenChanged, Created, DataChanged, Deleted};
use WatchMode::{Children, Data, Persistent, PersistentRecursive};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WatcherMode {
    Standard,
    Persistent,
    Recursive,
}

/// Java's `WatchManager`, as a plain list of who watches what.
#[derive(Default)]
pub struct WatchManager {
    watches: BTreeSet<(String, WatcherId, WatcherMode)>,
    /// The keys of `watch2Paths`.
    pub watchers: BTreeSet<WatcherId>,
}

impl WatchManager {
    pub fn add(&mut self, path: &str, watcher: WatcherId, mode: WatcherMode) {
        self.watches.insert((path.to_owned(), watcher, mode));
        self.watchers.insert(watcher);
    }

    pub fn trigger(&mut self, path: &str) -> BTreeSet<WatcherId> {
        let below = |at: &str| at == "/" || path.strip_prefix(at).is_some_and(|rest| rest.starts_with('/'));
        let hears = |(at, _, mode): &&(String, WatcherId, WatcherMode)| {
            at == path || (*mode == WatcherMode::Recursive && below(at) && !at.is_empty())
        };
        let heard = self.watches.iter().filter(hears).map(|(_, watcher, _)| *watcher).collect();
        self.watches.retain(|(at, _, mode)| !(at == path && *mode == WatcherMode::Standard));
        heard
    }

    pub fn has(&self, path: &str, watcher: WatcherId, mode: Option<WatcherMode>) -> bool {
        let of = |w: &&(String, WatcherId, WatcherMode)| w.0 == path && w.1 == watcher && mode.is_none_or(|m| w.2 == m);
        self.watches.iter().any(|w| of(&w))
    }

    pub fn remove(&mut self, path: &str, watcher: WatcherId, mode: Option<WatcherMode>) -> bool {
        if !self.has(path, watcher, mode) {
            return false;
        }
        self.watches.retain(|w| !(w.0 == path && w.1 == watcher && mode.is_none_or(|mode| w.2 == mode)));
        if !self.watches.iter().any(|w| w.1 == watcher) {
            self.watchers.remove(&watcher);
        }
        true
    }

    pub fn remove_watcher(&mut self, watcher: WatcherId) {
        self.watches.retain(|w| w.1 != watcher);
        self.watchers.remove(&watcher);
    }

    pub fn pairs(&self) -> BTreeSet<(&str, WatcherId)> {
        self.watches.iter().map(|(path, watcher, _)| (path.as_str(), *watcher)).collect()
    }
}

/// Java's `DataTree`, of which only the watches.
#[derive(Default)]
pub struct DataTree {
    pub data: WatchManager,
    pub child: WatchManager,
}

impl DataTree {
    pub fn add(&mut self, watcher: WatcherId, path: &str, mode: WatchMode) {
        match mode {
            Data => self.data.add(path, watcher, WatcherMode::Standard),
            Children => self.child.add(path, watcher, WatcherMode::Standard),
            Persistent => {
                self.data.add(path, watcher, WatcherMode::Persistent);
                self.child.add(path, watcher, WatcherMode::Persistent);
            }
            PersistentRecursive => self.data.add(path, watcher, WatcherMode::Recursive),
        }
    }

    pub fn trigger(&mut self, kind: EventKind, path: &str) -> Vec<WatcherId> {
        match kind {
            Created | DataChanged => self.data.trigger(path).into_iter().collect(),
            ChildrenChanged => self.child.trigger(path).into_iter().collect(),
            Deleted => {
                let processed = self.data.trigger(path);
                let others = self.child.trigger(path);
                // Sorted together: Java's order among watchers is that of a hash table.
                processed.union(&others).copied().collect()
            }
        }
    }

    pub fn contains(&self, watcher: WatcherId, path: &str, kind: WatcherType) -> bool {
        match kind {
            WatcherType::Children => self.child.has(path, watcher, Some(WatcherMode::Standard)),
            WatcherType::Data => self.data.has(path, watcher, Some(WatcherMode::Standard)),
            WatcherType::Persistent => self.data.has(path, watcher, Some(WatcherMode::Persistent)),
            WatcherType::PersistentRecursive => self.data.has(path, watcher, Some(WatcherMode::Recursive)),
            WatcherType::Any => self.child.has(path, watcher, None) || self.data.has(path, watcher, None),
        }
    }

    pub fn remove(&mut self, watcher: WatcherId, path: &str, kind: WatcherType) -> bool {
        match kind {
            WatcherType::Children => self.child.remove(path, watcher, Some(WatcherMode::Standard)),
            WatcherType::Data => self.data.remove(path, watcher, Some(WatcherMode::Standard)),
            WatcherType::Persistent => {
                self.child.remove(path, watcher, Some(WatcherMode::Persistent))
                    | self.data.remove(path, watcher, Some(WatcherMode::Persistent))
            }
            WatcherType::PersistentRecursive => self.data.remove(path, watcher, Some(WatcherMode::Recursive)),
            WatcherType::Any => self.child.remove(path, watcher, None) | self.data.remove(path, watcher, None),
        }
    }
}

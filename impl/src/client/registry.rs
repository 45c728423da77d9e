//! The watches of a client: who hears what, and how the next server is told of them. It does no I/O.
//!
//! *Java:* `ZKWatchManager`, and the batches in `ClientCnxn.primeConnection`. Paths are those of the server.

use super::command::{Hears, Watcher};
use super::watch::WatchedEvent;
use crate::wire::EventType;
use crate::wire::request::SetWatches;
use std::collections::HashMap;
use zab::Zxid;
use zab::tree::WatcherType;
use zab::tree::path::{ROOT, parent};

/// The longest setWatches in bytes of its paths: far below what any server refuses (`SET_WATCHES_MAX_LENGTH`).
const BATCH: usize = 128 << 10;

/// In which of the client's five tables a watch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Of getData, and of exists where there was a znode.
    Data,
    /// Of exists where there was none.
    Exist,
    /// Of getChildren.
    Child,
    Persistent,
    PersistentRecursive,
}

impl Kind {
    const ALL: [Kind; 5] = [Kind::Data, Kind::Exist, Kind::Child, Kind::Persistent, Kind::PersistentRecursive];

    /// What removeWatches calls it.
    pub fn watcher_type(self) -> WatcherType {
        match self {
            Kind::Data | Kind::Exist => WatcherType::Data,
            Kind::Child => WatcherType::Children,
            Kind::Persistent => WatcherType::Persistent,
            Kind::PersistentRecursive => WatcherType::PersistentRecursive,
        }
    }

    pub fn is_persistent(self) -> bool {
        matches!(self, Kind::Persistent | Kind::PersistentRecursive)
    }

    /// What is told when it was removed on request.
    fn removal(self) -> EventType {
        match self {
            Kind::Data | Kind::Exist => EventType::DataWatchRemoved,
            Kind::Child => EventType::ChildWatchRemoved,
            Kind::Persistent | Kind::PersistentRecursive => EventType::PersistentWatchRemoved,
        }
    }
}

type Table = HashMap<String, Vec<Watcher>>;

#[derive(Debug, Default)]
pub(super) struct Registry {
    tables: [Table; 5],
}

impl Registry {
    fn table(&mut self, kind: Kind) -> &mut Table {
        &mut self.tables[kind as usize]
    }

    pub fn add(&mut self, kind: Kind, path: String, watcher: Watcher) {
        let watchers = self.table(kind).entry(path).or_default();
        watchers.push(watcher);
    }

    /// Forgets one watch. Gives its kind if it was persistent and the last of that kind on its path.
    pub fn remove(&mut self, path: &str, id: u64) -> Option<Kind> {
        for kind in Kind::ALL {
            let Some(watchers) = self.table(kind).get_mut(path) else { continue };
            let before = watchers.len();
            watchers.retain(|watcher| watcher.id != id);
            if watchers.len() == before {
                continue;
            }
            let last = watchers.is_empty();
            if last {
                self.table(kind).remove(path);
            }
            return (last && kind.is_persistent()).then_some(kind);
        }
        None
    }

    pub fn has(&self, kind: Kind, path: &str) -> bool {
        self.tables[kind as usize].contains_key(path)
    }

    pub fn has_any(&self, path: &str) -> bool {
        Kind::ALL.into_iter().any(|kind| self.has(kind, path))
    }

    /// The watches of this type on this path end, because the server has removed them. `told` is the path as their
    /// owners know it.
    pub fn remove_all(&mut self, path: &str, which: WatcherType, told: &WatchedEvent) {
        for kind in Kind::ALL {
            if which != WatcherType::Any && which != kind.watcher_type() {
                continue;
            }
            for watcher in self.table(kind).remove(path).unwrap_or_default() {
                watcher.finish(WatchedEvent { kind: kind.removal(), ..told.clone() });
            }
        }
    }

    /// Tells an event of the znode `path` to all whom it concerns.
    pub fn fire(&mut self, path: &str, event: &WatchedEvent) {
        let once: &[Kind] = match event.kind {
            EventType::NodeCreated | EventType::NodeDataChanged => &[Kind::Data, Kind::Exist],
            EventType::NodeDeleted => &[Kind::Data, Kind::Exist, Kind::Child],
            EventType::NodeChildrenChanged => &[Kind::Child],
            // No server sends these.
            _ => return,
        };
        for kind in once {
            for watcher in self.table(*kind).remove(path).unwrap_or_default() {
                watcher.finish(event.clone());
            }
        }
        tell(self.table(Kind::Persistent).get(path), event);
        let recursive = self.table(Kind::PersistentRecursive);
        // A recursive watch says this by the coming and going of the child; a standard one on the same path gets it.
        if recursive.is_empty() || event.kind == EventType::NodeChildrenChanged {
            return;
        }
        let mut at = path;
        loop {
            tell(recursive.get(at), event);
            if at == ROOT || at.is_empty() {
                return;
            }
            at = parent(at);
        }
    }

    /// Tells a change of the session's state to the persistent watches.
    pub fn announce(&self, event: &WatchedEvent) {
        for kind in [Kind::Persistent, Kind::PersistentRecursive] {
            for watchers in self.tables[kind as usize].values() {
                tell(Some(watchers), event);
            }
        }
    }

    /// Tells everybody the end.
    pub fn finish(&mut self, event: &WatchedEvent) {
        for table in &mut self.tables {
            for watcher in table.drain().flat_map(|(_, watchers)| watchers) {
                watcher.finish(event.clone());
            }
        }
    }

    /// What a server must be told that does not know them, in pieces that it takes.
    pub fn batches(&self, relative_zxid: Zxid) -> Vec<SetWatches> {
        let empty = || SetWatches { relative_zxid, ..SetWatches::default() };
        let (mut batches, mut batch, mut length) = (Vec::new(), empty(), 0);
        for kind in Kind::ALL {
            for path in self.tables[kind as usize].keys() {
                let more = path.len() + 4;
                if length + more > BATCH && length > 0 {
                    batches.push(std::mem::replace(&mut batch, empty()));
                    length = 0;
                }
                length += more;
                list(&mut batch, kind).push(path.clone());
            }
        }
        if length > 0 {
            batches.push(batch);
        }
        batches
    }
}

fn list(batch: &mut SetWatches, kind: Kind) -> &mut Vec<String> {
    match kind {
        Kind::Data => &mut batch.data,
        Kind::Exist => &mut batch.exist,
        Kind::Child => &mut batch.child,
        Kind::Persistent => &mut batch.persistent,
        Kind::PersistentRecursive => &mut batch.persistent_recursive,
    }
}

fn tell(watchers: Option<&Vec<Watcher>>, event: &WatchedEvent) {
    for watcher in watchers.into_iter().flatten() {
        if let Hears::Always(sender) = &watcher.hears {
            // Who is gone has said so, and is removed soon.
            let _ = sender.send(event.clone());
        }
    }
}

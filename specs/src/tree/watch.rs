#![doc = include_str!("watch.md")]

mod registrations;

use super::acl::Acl;
use super::apply::{Event, EventKind};
use super::error::Code;
use super::path;
use super::stat::StatPersisted;
use crate::Zxid;
use registrations::{Modes, Registrations};
use serde::{Deserialize, Serialize};

/// Who watches: a connection of a client to this server. Watches live and die with the connection, not with the
/// session: a client that connects again sets its watches again ([`Watches::set_watches`]). So a server never uses a
/// number twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WatcherId(pub u64);

impl EventKind {
    /// Its number on the wire (`Watcher.Event.EventType`).
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            EventKind::Created => 1,
            EventKind::Deleted => 2,
            EventKind::DataChanged => 3,
            EventKind::ChildrenChanged => 4,
        }
    }
}

/// What a watcher is told (`WatcherEvent`, with the zxid that stands in the header before it).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Notification {
    /// What happened.
    pub kind: EventKind,
    /// To which znode: not always the one watched, see [`WatchMode::PersistentRecursive`].
    pub path: String,
    /// By which transaction. `None`, −1 on the wire, in the answers of [`Watches::set_watches`], which know that
    /// something happened and not when.
    pub zxid: Option<Zxid>,
}

impl From<&Event> for Notification {
    fn from(event: &Event) -> Notification {
        Notification { kind: event.kind, path: event.path.clone(), zxid: Some(event.zxid) }
    }
}

/// How a path is watched (`WatcherMode`, where `STANDARD` is the first two).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WatchMode {
    /// Once, for the znode itself: what `getData` and `exists` leave.
    Data,
    /// Once, for the children and the znode's deletion: what `getChildren` leaves.
    Children,
    /// For everything, until removed (`addWatch` mode 0).
    Persistent,
    /// For everything that happens to the znode and to all below it but [`EventKind::ChildrenChanged`], which would
    /// say the same twice, until removed (`addWatch` mode 1).
    PersistentRecursive,
}

impl WatchMode {
    /// The mode of an `addWatch` with this number, if there is one. ZooKeeper answers others with
    /// [`Code::MarshallingError`].
    #[must_use]
    pub fn from_add_watch(number: i32) -> Option<WatchMode> {
        match number {
            0 => Some(WatchMode::Persistent),
            1 => Some(WatchMode::PersistentRecursive),
            _ => None,
        }
    }
}

/// Which watches `checkWatches` and `removeWatches` mean (`Watcher.WatcherType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WatcherType {
    /// [`WatchMode::Children`].
    Children,
    /// [`WatchMode::Data`].
    Data,
    /// Every mode.
    Any,
    /// [`WatchMode::Persistent`].
    Persistent,
    /// [`WatchMode::PersistentRecursive`].
    PersistentRecursive,
}

impl WatcherType {
    /// The type with this number on the wire, if there is one. ZooKeeper answers others with
    /// [`Code::MarshallingError`].
    #[must_use]
    pub fn from_number(number: i32) -> Option<WatcherType> {
        use WatcherType::*;
        let types = [Children, Data, Any, Persistent, PersistentRecursive];
        types.into_iter().find(|kind| kind.number() == number)
    }

    /// Its number on the wire.
    #[must_use]
    pub fn number(self) -> i32 {
        self as i32 + 1
    }
}

/// The watches that a client had before its connection broke, to be set again on another (`SetWatches2`;
/// `SetWatches` has the first three lists only).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SetWatches {
    /// The last transaction that the client heard of. A negative number on the wire is [`Zxid::ZERO`].
    pub relative_zxid: Zxid,
    /// Paths watched by `getData`, or by `exists` where there was a znode.
    pub data: Vec<String>,
    /// Paths watched by `exists` where there was none.
    pub exist: Vec<String>,
    /// Paths watched by `getChildren`.
    pub children: Vec<String>,
    /// Paths with [`WatchMode::Persistent`].
    pub persistent: Vec<String>,
    /// Paths with [`WatchMode::PersistentRecursive`].
    pub persistent_recursive: Vec<String>,
}

/// What `wchs` says (`WatchesSummary`), of data watches only: see the chapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WatchesSummary {
    /// Watchers that have such a watch, or had one that fired.
    pub watchers: usize,
    /// Paths that are so watched.
    pub paths: usize,
    /// Pairs of both.
    pub watches: usize,
}

/// All watches of a server (`DataTree.dataWatches` and `childWatches`, both `WatchManager`).
#[derive(Clone, Debug, Default)]
pub struct Watches {
    registrations: Registrations,
}

impl Watches {
    /// No watches.
    #[must_use]
    pub fn new() -> Watches {
        Watches::default()
    }

    /// From now on `watcher` watches `path` in this way too. There need not be such a znode; `path` may be any text.
    ///
    /// The watcher must not be one that has gone ([`Watches::remove_watcher`]): nobody would remove its watches.
    pub fn add(&mut self, watcher: WatcherId, path: &str, mode: WatchMode) {
        self.registrations.add(watcher, path, Modes::of(mode));
    }

    /// Who is to be told of `event`, each once, in ascending order: whoever watches and may read the znode, as
    /// `may_read` judges by the event's ACL. All of them are told the same, `Notification::from(event)`.
    ///
    /// One-shot watches are spent, those of watchers that may not read too: they learn nothing, not even by a second
    /// event (CVE-2024-23944).
    pub fn trigger(&mut self, event: &Event, mut may_read: impl FnMut(WatcherId, &[Acl]) -> bool) -> Vec<WatcherId> {
        // Rule OneEventPerWatcher: Java fires NodeDeleted in both its tables, and suppresses in the second who was
        // served in the first. With one table it is enough that parents add nobody twice.
        let (heard, spent) = match event.kind {
            EventKind::Created | EventKind::DataChanged => (Modes::IN_DATA, Modes::DATA),
            EventKind::Deleted => (Modes::ALL, Modes::ONE_SHOT),
            EventKind::ChildrenChanged => (Modes::IN_CHILDREN, Modes::CHILDREN),
        };
        let mut watchers = self.registrations.hear(&event.path, heard, spent);
        if event.kind != EventKind::ChildrenChanged && self.registrations.has_recursive() {
            for parent in parents(&event.path) {
                watchers.extend(self.registrations.recursive(parent));
            }
            watchers.sort_unstable();
            watchers.dedup();
        }
        // Rule ReadToHear.
        watchers.retain(|watcher| may_read(*watcher, &event.acl));
        watchers
    }

    /// `removeWatches`: those of `watcher` on exactly `path`. [`WatcherType::Any`] removes all there are.
    ///
    /// # Errors
    /// [`Code::NoWatcher`] where there is none of this type.
    pub fn remove(&mut self, watcher: WatcherId, path: &str, kind: WatcherType) -> Result<(), Code> {
        if self.registrations.remove(watcher, path, Modes::of_type(kind)) { Ok(()) } else { Err(Code::NoWatcher) }
    }

    /// `checkWatches`: whether `watcher` has a watch of this type on exactly `path`. ZooKeeper answers
    /// [`Code::NoWatcher`] where it has not.
    #[must_use]
    pub fn contains(&self, watcher: WatcherId, path: &str, kind: WatcherType) -> bool {
        self.registrations.modes(watcher, path).intersects(Modes::of_type(kind))
    }

    /// The connection has gone, with all its watches.
    pub fn remove_watcher(&mut self, watcher: WatcherId) {
        self.registrations.remove_watcher(watcher);
    }

    /// `setWatches`, `setWatches2`: what the client missed, in the order in which it is told, and otherwise the watch
    /// again (`DataTree.setWatches`). `stat` is the tree's view of a path; `None` where there is no znode.
    ///
    /// Like ZooKeeper this asks no ACL, and answers every list by itself: a path in two of them may give the same
    /// notification twice.
    pub fn set_watches(
        &mut self,
        watcher: WatcherId,
        request: &SetWatches,
        stat: impl Fn(&str) -> Option<StatPersisted>,
    ) -> Vec<Notification> {
        use EventKind::{ChildrenChanged, Created, DataChanged, Deleted};
        let since = request.relative_zxid;
        let data = |found: Option<StatPersisted>| match found {
            None => Some(Deleted),
            Some(stat) => (stat.mzxid > since).then_some(DataChanged),
        };
        let exist = |found: Option<StatPersisted>| found.map(|_| Created);
        let children = |found: Option<StatPersisted>| match found {
            None => Some(Deleted),
            Some(stat) => (stat.pzxid > since).then_some(ChildrenChanged),
        };
        let mut missed = Vec::new();
        let mut set =
            |paths: &[String], mode: WatchMode, judge: &dyn Fn(Option<StatPersisted>) -> Option<EventKind>| {
                for path in paths {
                    match judge(stat(path)) {
                        Some(kind) => missed.push(Notification { kind, path: path.clone(), zxid: None }),
                        None => self.add(watcher, path, mode),
                    }
                }
            };
        set(&request.data, WatchMode::Data, &data);
        set(&request.exist, WatchMode::Data, &exist);
        set(&request.children, WatchMode::Children, &children);
        // These two have missed events as well, and are not told: a client that must know reads again.
        set(&request.persistent, WatchMode::Persistent, &|_| None);
        set(&request.persistent_recursive, WatchMode::PersistentRecursive, &|_| None);
        missed
    }

    /// `zk_watch_count`: pairs of a path and a watcher. As in Java, who watches data and children counts twice, and so
    /// does a persistent watch that is not recursive (`DataTree.getWatchCount`).
    #[must_use]
    pub fn count(&self) -> usize {
        self.registrations.count()
    }

    /// `wchs`.
    #[must_use]
    pub fn summary(&self) -> WatchesSummary {
        self.registrations.summary()
    }

    /// `wchc`: watchers in ascending order, each with its paths in the order of text (`WatchesReport`). Data watches
    /// only; a watcher whose watches fired stands here with no paths.
    pub fn by_watcher(&self) -> impl Iterator<Item = (WatcherId, Vec<&str>)> {
        self.registrations.by_watcher()
    }

    /// `wchp`: paths in the order of text, each with its watchers in ascending order (`WatchesPathReport`). Data
    /// watches only.
    pub fn by_path(&self) -> impl Iterator<Item = (&str, Vec<WatcherId>)> {
        self.registrations.by_path()
    }
}

/// The znodes above `path`, from the nearest up to `/` (`PathParentIterator`).
fn parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(parent(path), |path| parent(path))
}

fn parent(path: &str) -> Option<&str> {
    let parent = path::parent(path);
    (parent.len() < path.len()).then_some(parent)
}

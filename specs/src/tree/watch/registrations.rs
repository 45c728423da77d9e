//! Who watches which path how: one table, kept in two orders.

use super::{WatchMode, WatcherId, WatcherType, WatchesSummary};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// A set of [`WatchMode`]s (`WatchStats`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Modes(u8);

impl Modes {
    pub(super) const NONE: Modes = Modes(0);
    pub(super) const DATA: Modes = Modes(1);
    pub(super) const CHILDREN: Modes = Modes(2);
    const PERSISTENT: Modes = Modes(4);
    const RECURSIVE: Modes = Modes(8);
    pub(super) const ALL: Modes = Modes(15);
    /// Those that fire once.
    pub(super) const ONE_SHOT: Modes = Modes(Modes::DATA.0 | Modes::CHILDREN.0);
    /// Those in Java's table `dataWatches`.
    pub(super) const IN_DATA: Modes = Modes(Modes::DATA.0 | Modes::PERSISTENT.0 | Modes::RECURSIVE.0);
    /// Those in Java's table `childWatches`. A persistent watch is always in both tables, a recursive one never here:
    /// that is why one table with four modes says as much as two with three.
    pub(super) const IN_CHILDREN: Modes = Modes(Modes::CHILDREN.0 | Modes::PERSISTENT.0);

    pub(super) fn of(mode: WatchMode) -> Modes {
        match mode {
            WatchMode::Data => Modes::DATA,
            WatchMode::Children => Modes::CHILDREN,
            WatchMode::Persistent => Modes::PERSISTENT,
            WatchMode::PersistentRecursive => Modes::RECURSIVE,
        }
    }

    pub(super) fn of_type(kind: WatcherType) -> Modes {
        match kind {
            WatcherType::Children => Modes::CHILDREN,
            WatcherType::Data => Modes::DATA,
            WatcherType::Any => Modes::ALL,
            WatcherType::Persistent => Modes::PERSISTENT,
            WatcherType::PersistentRecursive => Modes::RECURSIVE,
        }
    }

    pub(super) fn intersects(self, others: Modes) -> bool {
        self.0 & others.0 != 0
    }

    fn with(self, others: Modes) -> Modes {
        Modes(self.0 | others.0)
    }

    fn without(self, others: Modes) -> Modes {
        Modes(self.0 & !others.0)
    }
}

/// A watched path. A number where the text would stand a hundred times keeps a watch small, and its comparisons cheap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PathId(u32);

/// What one watcher watches.
#[derive(Clone, Debug, Default)]
struct Watching {
    paths: BTreeSet<PathId>,
    /// How many of them with a mode of [`Modes::IN_DATA`].
    data: usize,
    /// Whether reports name it. Java's table of watchers forgets one whose last data watch was *removed*, and keeps
    /// one whose last *fired*, so that reports show it, without paths, until the connection closes.
    reported: bool,
}

/// The table.
#[derive(Clone, Debug, Default)]
pub(super) struct Registrations {
    ids: BTreeMap<Arc<str>, PathId>,
    /// The texts by [`PathId`]; `None` where the number is free.
    texts: Vec<Option<Arc<str>>>,
    free: Vec<PathId>,
    /// Never [`Modes::NONE`].
    modes: BTreeMap<(PathId, WatcherId), Modes>,
    /// Those of `modes` that are recursive: every event asks for them at each of its parents, where hundreds of
    /// others may watch.
    recursive: BTreeSet<(PathId, WatcherId)>,
    watchers: BTreeMap<WatcherId, Watching>,
    /// Pairs with a mode of [`Modes::IN_DATA`], and with one of [`Modes::IN_CHILDREN`].
    in_data: usize,
    in_children: usize,
}

impl Registrations {
    pub(super) fn add(&mut self, watcher: WatcherId, path: &str, modes: Modes) {
        let path = self.intern(path);
        let old = self.modes.get(&(path, watcher)).copied().unwrap_or_default();
        self.replace(path, watcher, old, old.with(modes));
    }

    /// Whether one of these was there.
    pub(super) fn remove(&mut self, watcher: WatcherId, path: &str, modes: Modes) -> bool {
        let old = self.modes(watcher, path);
        let Some(id) = self.ids.get(path).copied().filter(|_| old.intersects(modes)) else { return false };
        let new = old.without(modes);
        self.replace(id, watcher, old, new);
        if let Some(watching) = self.watchers.get_mut(&watcher) {
            let data_ended = old.intersects(Modes::IN_DATA) && !new.intersects(Modes::IN_DATA);
            watching.reported &= !(data_ended && watching.data == 0);
        }
        self.forget_if_idle(watcher);
        true
    }

    /// Who watches exactly `path` in one of the modes `heard`, in ascending order. They lose the modes `spent`.
    pub(super) fn hear(&mut self, path: &str, heard: Modes, spent: Modes) -> Vec<WatcherId> {
        let Some(id) = self.ids.get(path).copied() else { return Vec::new() };
        let there = self.modes.range(everybody(id)).filter(|(_, modes)| modes.intersects(heard));
        let hearing: Vec<(WatcherId, Modes)> = there.map(|((_, watcher), modes)| (*watcher, *modes)).collect();
        for (watcher, modes) in &hearing {
            if modes.intersects(spent) {
                self.replace(id, *watcher, *modes, modes.without(spent));
                self.forget_if_idle(*watcher);
            }
        }
        hearing.into_iter().map(|(watcher, _)| watcher).collect()
    }

    pub(super) fn has_recursive(&self) -> bool {
        !self.recursive.is_empty()
    }

    /// Who watches `path` and all below it, in ascending order.
    pub(super) fn recursive(&self, path: &str) -> impl Iterator<Item = WatcherId> {
        let id = self.ids.get(path).copied();
        id.into_iter().flat_map(|id| self.recursive.range(everybody(id))).map(|(_, watcher)| *watcher)
    }

    pub(super) fn modes(&self, watcher: WatcherId, path: &str) -> Modes {
        let id = self.ids.get(path);
        id.and_then(|id| self.modes.get(&(*id, watcher))).copied().unwrap_or_default()
    }

    pub(super) fn remove_watcher(&mut self, watcher: WatcherId) {
        let paths: Vec<PathId> = self.watchers.get(&watcher).into_iter().flat_map(|w| &w.paths).copied().collect();
        for path in paths {
            let old = self.modes.get(&(path, watcher)).copied().unwrap_or_default();
            self.replace(path, watcher, old, Modes::NONE);
        }
        self.watchers.remove(&watcher);
    }

    pub(super) fn count(&self) -> usize {
        self.in_data + self.in_children
    }

    pub(super) fn summary(&self) -> WatchesSummary {
        // Pairs of one path stand together, so a path that differs from the one before is a new one.
        let in_data = self.modes.iter().filter(|(_, modes)| modes.intersects(Modes::IN_DATA));
        let (paths, _) = in_data
            .fold((0, None), |(paths, before), ((path, _), _)| (paths + usize::from(before != Some(path)), Some(path)));
        WatchesSummary {
            watchers: self.watchers.values().filter(|watching| watching.reported).count(),
            paths,
            watches: self.in_data,
        }
    }

    pub(super) fn by_watcher(&self) -> impl Iterator<Item = (WatcherId, Vec<&str>)> {
        let reported = self.watchers.iter().filter(|(_, watching)| watching.reported);
        reported.map(|(watcher, watching)| {
            let data =
                |path: &&PathId| self.modes.get(&(**path, *watcher)).is_some_and(|m| m.intersects(Modes::IN_DATA));
            let paths = watching.paths.iter().filter(data);
            let mut paths: Vec<&str> = paths.filter_map(|path| self.text(*path)).collect();
            paths.sort_unstable();
            (*watcher, paths)
        })
    }

    pub(super) fn by_path(&self) -> impl Iterator<Item = (&str, Vec<WatcherId>)> {
        let paths = self.ids.iter().map(|(text, id)| {
            let watchers = self.modes.range(everybody(*id)).filter(|(_, modes)| modes.intersects(Modes::IN_DATA));
            (&**text, watchers.map(|((_, watcher), _)| *watcher).collect::<Vec<_>>())
        });
        paths.filter(|(_, watchers)| !watchers.is_empty())
    }

    /// The only function that changes who watches what: it keeps both orders and the counts together.
    fn replace(&mut self, path: PathId, watcher: WatcherId, old: Modes, new: Modes) {
        if new == Modes::NONE {
            self.modes.remove(&(path, watcher));
        } else {
            self.modes.insert((path, watcher), new);
        }
        let watching = self.watchers.entry(watcher).or_default();
        if new == Modes::NONE {
            watching.paths.remove(&path);
        } else if old == Modes::NONE {
            watching.paths.insert(path);
        }
        count(&mut watching.data, old.intersects(Modes::IN_DATA), new.intersects(Modes::IN_DATA));
        watching.reported |= new.intersects(Modes::IN_DATA);
        count(&mut self.in_data, old.intersects(Modes::IN_DATA), new.intersects(Modes::IN_DATA));
        count(&mut self.in_children, old.intersects(Modes::IN_CHILDREN), new.intersects(Modes::IN_CHILDREN));
        match (old.intersects(Modes::RECURSIVE), new.intersects(Modes::RECURSIVE)) {
            (false, true) => _ = self.recursive.insert((path, watcher)),
            (true, false) => _ = self.recursive.remove(&(path, watcher)),
            _ => {}
        }
        if new == Modes::NONE && self.modes.range(everybody(path)).next().is_none() {
            self.release(path);
        }
    }

    /// A watcher without watches and without a mention in reports leaves nothing behind.
    fn forget_if_idle(&mut self, watcher: WatcherId) {
        if self.watchers.get(&watcher).is_some_and(|watching| watching.paths.is_empty() && !watching.reported) {
            self.watchers.remove(&watcher);
        }
    }

    fn text(&self, path: PathId) -> Option<&str> {
        self.texts.get(path.0 as usize)?.as_deref()
    }

    fn intern(&mut self, path: &str) -> PathId {
        if let Some(id) = self.ids.get(path) {
            return *id;
        }
        let text: Arc<str> = path.into();
        let id = self.free.pop().unwrap_or_else(|| {
            self.texts.push(None);
            PathId(u32::try_from(self.texts.len() - 1).expect("fewer than 2³² watched paths"))
        });
        self.texts[id.0 as usize] = Some(Arc::clone(&text));
        self.ids.insert(text, id);
        id
    }

    fn release(&mut self, path: PathId) {
        if let Some(text) = self.texts.get_mut(path.0 as usize).and_then(Option::take) {
            self.ids.remove(&text);
            self.free.push(path);
        }
    }
}

/// The keys of all watchers of a path.
fn everybody(path: PathId) -> RangeInclusive<(PathId, WatcherId)> {
    (path, WatcherId(0))..=(path, WatcherId(u64::MAX))
}

fn count(number: &mut usize, before: bool, after: bool) {
    *number = *number + usize::from(after) - usize::from(before);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server sets and fires watches for years, on paths with ever new numbers.
    #[test]
    fn nothing_is_left_behind() {
        let mut table = Registrations::default();
        for round in 0..100 {
            let (watcher, path) = (WatcherId(round % 3), format!("/a-{round}"));
            table.add(watcher, &path, Modes::ALL);
            table.add(WatcherId(9), &path, Modes::CHILDREN);
            assert_eq!(table.hear(&path, Modes::ALL, Modes::ONE_SHOT), [watcher, WatcherId(9)]);
            match round % 2 {
                0 => table.remove_watcher(watcher),
                _ => assert!(table.remove(watcher, &path, Modes::ALL)),
            }
        }
        assert_eq!(table.texts, [None], "each path had the number of the one before");
        assert_eq!(table.free, [PathId(0)]);
        assert!(table.ids.is_empty() && table.modes.is_empty() && table.recursive.is_empty());
        assert!(table.watchers.is_empty());
        assert_eq!(table.count(), 0);
    }
}

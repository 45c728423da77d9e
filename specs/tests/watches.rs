//! Watches: who hears what and for how long, what a client that comes back is told, and that one table says the same as
//! Java's two.

#[path = "watches/java.rs"]
mod java;

use java::DataTree;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use zab::Zxid;
use zab::tree::watch::WatchesSummary;
use zab::tree::{
    Acl, Code, Event, EventKind, Notification, SetWatches, StatPersisted, WatchMode, WatcherId, WatcherType, Watches,
};

use EventKind::{ChildrenChanged, Created, DataChanged, Deleted};
use WatchMode::{Children, Data, Persistent, PersistentRecursive};

const MODES: [WatchMode; 4] = [Data, Children, Persistent, PersistentRecursive];
const KINDS: [EventKind; 4] = [Created, Deleted, DataChanged, ChildrenChanged];
const TYPES: [WatcherType; 5] = [
    WatcherType::Children,
    WatcherType::Data,
    WatcherType::Any,
    WatcherType::Persistent,
    WatcherType::PersistentRecursive,
];

fn event(kind: EventKind, path: &str) -> Event {
    Event { kind, path: path.to_owned(), zxid: Zxid(7), acl: Acl::open().into() }
}

fn everybody(_: WatcherId, _: &[Acl]) -> bool {
    true
}

/// The numbers of who is told.
fn told(watches: &mut Watches, kind: EventKind, path: &str) -> Vec<u64> {
    watches.trigger(&event(kind, path), everybody).into_iter().map(|watcher| watcher.0).collect()
}

/// Watches as (watcher, path, mode).
fn watching(watches: &[(u64, &str, WatchMode)]) -> Watches {
    let mut all = Watches::new();
    for (watcher, path, mode) in watches {
        all.add(WatcherId(*watcher), path, *mode);
    }
    all
}

fn type_of(mode: WatchMode) -> WatcherType {
    match mode {
        Data => WatcherType::Data,
        Children => WatcherType::Children,
        Persistent => WatcherType::Persistent,
        PersistentRecursive => WatcherType::PersistentRecursive,
    }
}

// ---- Who hears what -----------------------------------------------------------------------------------------------

/// The chapter's first table, every pair of it.
#[test]
fn each_mode_hears_its_events_as_long_as_it_lasts() {
    let table = [
        (Data, vec![Created, Deleted, DataChanged], true),
        (Children, vec![Deleted, ChildrenChanged], true),
        (Persistent, vec![Created, Deleted, DataChanged, ChildrenChanged], false),
        (PersistentRecursive, vec![Created, Deleted, DataChanged], false),
    ];
    for (mode, hears, once) in table {
        for kind in KINDS {
            let mut watches = watching(&[(1, "/a", mode)]);
            let heard = hears.contains(&kind);
            assert_eq!(told(&mut watches, kind, "/a").len(), usize::from(heard), "{mode:?} {kind:?}");
            let stays = !(heard && once);
            assert_eq!(watches.contains(WatcherId(1), "/a", type_of(mode)), stays, "{mode:?} after {kind:?}");
            assert_eq!(told(&mut watches, kind, "/a").len(), usize::from(heard && stays), "{mode:?} {kind:?} again");
        }
    }
}

#[test]
fn only_recursive_watches_hear_of_what_is_below() {
    for mode in MODES {
        for kind in KINDS {
            let mut watches = watching(&[(1, "/a", mode), (2, "/", mode)]);
            let heard = mode == PersistentRecursive && kind != ChildrenChanged;
            let expected: &[u64] = if heard { &[1, 2] } else { &[] };
            assert_eq!(told(&mut watches, kind, "/a/b/c"), expected, "{mode:?} {kind:?}");
            // Nor does anything below hear of what is above, nor a neighbour of nearly the same name.
            let mut watches = watching(&[(1, "/a/b", mode), (2, "/ab", mode), (3, "/a/", mode), (4, "a", mode)]);
            assert_eq!(told(&mut watches, kind, "/a"), &[] as &[u64], "{mode:?} {kind:?}");
        }
    }
}

/// Rule OneEventPerWatcher.
#[test]
fn a_deletion_is_told_once_and_spends_both_one_shot_watches() {
    let mut watches = watching(&[(1, "/a", Data), (1, "/a", Children), (2, "/a", Children), (1, "/", Children)]);
    watches.add(WatcherId(1), "/", PersistentRecursive);
    assert_eq!(told(&mut watches, Deleted, "/a"), [1, 2]);
    assert_eq!(told(&mut watches, ChildrenChanged, "/"), [1], "the parent's event is another one");
    assert!(!watches.contains(WatcherId(1), "/a", WatcherType::Any));
    assert!(!watches.contains(WatcherId(2), "/a", WatcherType::Any));
    assert_eq!(told(&mut watches, Deleted, "/a"), [1], "the recursive watch stays");
}

/// ZOOKEEPER-4466: before 3.9 the last mode added replaced the others.
#[test]
fn modes_stand_side_by_side() {
    let mut watches = watching(&MODES.map(|mode| (1, "/a", mode)));
    assert_eq!(told(&mut watches, DataChanged, "/a"), [1]);
    let there = |watches: &Watches| MODES.map(|mode| watches.contains(WatcherId(1), "/a", type_of(mode)));
    assert_eq!(there(&watches), [false, true, true, true]);
    assert_eq!(told(&mut watches, ChildrenChanged, "/a"), [1]);
    assert_eq!(there(&watches), [false, false, true, true]);
    assert_eq!(watches.remove(WatcherId(1), "/a", WatcherType::Persistent), Ok(()));
    assert_eq!(there(&watches), [false, false, false, true]);
    assert_eq!(told(&mut watches, ChildrenChanged, "/a"), &[] as &[u64]);
    assert_eq!(told(&mut watches, Created, "/a"), [1]);
}

/// Rule ReadToHear.
#[test]
fn who_may_not_read_is_not_told_and_its_watch_is_spent() {
    let mut watches = watching(&[(1, "/a", Data), (2, "/a", Data), (3, "/", PersistentRecursive)]);
    let mut asked = Vec::new();
    let told = watches.trigger(&event(Deleted, "/a"), |watcher, acl| {
        asked.push((watcher.0, acl.to_vec()));
        watcher != WatcherId(1)
    });
    assert_eq!(told, [WatcherId(2), WatcherId(3)]);
    assert_eq!(asked, [1, 2, 3].map(|watcher| (watcher, Acl::open())), "by the ACL of the event, each once");
    assert!(!watches.contains(WatcherId(1), "/a", WatcherType::Any));
    let again = watches.trigger(&event(Created, "/a"), everybody);
    assert_eq!(again, [WatcherId(3)], "a recursive watch that was not told stays");
}

#[test]
fn a_notification_is_what_happened() {
    let expected = Notification { kind: Created, path: "/a".to_owned(), zxid: Some(Zxid(7)) };
    assert_eq!(Notification::from(&event(Created, "/a")), expected);
    assert_eq!(KINDS.map(EventKind::number), [1, 2, 3, 4]);
}

// ---- Removing and checking ----------------------------------------------------------------------------------------

#[test]
fn only_the_watches_of_the_type_are_found_and_removed() {
    for mode in MODES {
        for kind in TYPES {
            let mut watches = watching(&[(1, "/a", mode), (2, "/a", mode)]);
            let matches = kind == WatcherType::Any || kind == type_of(mode);
            assert_eq!(watches.contains(WatcherId(1), "/a", kind), matches, "{mode:?} {kind:?}");
            let result = watches.remove(WatcherId(1), "/a", kind);
            assert_eq!(result, if matches { Ok(()) } else { Err(Code::NoWatcher) }, "{mode:?} {kind:?}");
            assert_eq!(watches.contains(WatcherId(1), "/a", type_of(mode)), !matches);
            assert!(watches.contains(WatcherId(2), "/a", type_of(mode)), "another's watch stays");
            assert_eq!(watches.remove(WatcherId(1), "/a/b", kind), Err(Code::NoWatcher), "another path");
            assert_eq!(watches.remove(WatcherId(3), "/a", kind), Err(Code::NoWatcher), "another watcher");
        }
    }
}

#[test]
fn numbers_on_the_wire() {
    assert_eq!(TYPES.map(WatcherType::number), [1, 2, 3, 4, 5]);
    for number in [-1, 0, 6, i32::MIN, i32::MAX] {
        assert_eq!(WatcherType::from_number(number), None);
    }
    assert!(TYPES.into_iter().all(|kind| WatcherType::from_number(kind.number()) == Some(kind)));
    let modes = [-1, 0, 1, 2].map(WatchMode::from_add_watch);
    assert_eq!(modes, [None, Some(Persistent), Some(PersistentRecursive), None]);
}

#[test]
fn a_watcher_goes_with_all_its_watches() {
    let mut watches =
        watching(&[(1, "/a", Data), (1, "/b", Persistent), (1, "/", PersistentRecursive), (2, "/a", Data)]);
    watches.remove_watcher(WatcherId(1));
    assert_eq!(told(&mut watches, DataChanged, "/a"), [2]);
    assert_eq!(told(&mut watches, DataChanged, "/b"), &[] as &[u64]);
    watches.remove_watcher(WatcherId(2));
    assert_eq!((watches.count(), watches.summary()), (0, WatchesSummary::default()));
}

// ---- After a reconnection -----------------------------------------------------------------------------------------

/// The chapter's second table, every cell of it, and the boundary: what the client heard of is not new.
#[test]
fn what_was_missed_is_told_and_the_rest_watched_again() {
    let stat = |mzxid, pzxid| StatPersisted { mzxid: Zxid(mzxid), pzxid: Zxid(pzxid), ..StatPersisted::default() };
    let tree = BTreeMap::from([
        ("/same", stat(5, 5)),
        ("/data", stat(6, 5)),
        ("/children", stat(5, 6)),
        ("/both", stat(9, u64::MAX)),
    ]);
    let paths = ["/gone", "/same", "/data", "/children", "/both"].map(str::to_owned).to_vec();
    let empty = || SetWatches { relative_zxid: Zxid(5), ..SetWatches::default() };
    let watched = None;
    let table = [
        (
            SetWatches { data: paths.clone(), ..empty() },
            [Some(Deleted), watched, Some(DataChanged), watched, Some(DataChanged)],
            Data,
        ),
        (
            SetWatches { exist: paths.clone(), ..empty() },
            [watched, Some(Created), Some(Created), Some(Created), Some(Created)],
            Data,
        ),
        (
            SetWatches { children: paths.clone(), ..empty() },
            [Some(Deleted), watched, watched, Some(ChildrenChanged), Some(ChildrenChanged)],
            Children,
        ),
        (SetWatches { persistent: paths.clone(), ..empty() }, [watched; 5], Persistent),
        (SetWatches { persistent_recursive: paths.clone(), ..empty() }, [watched; 5], PersistentRecursive),
    ];
    for (request, expected, mode) in table {
        let mut watches = Watches::new();
        let missed = watches.set_watches(WatcherId(1), &request, |path| tree.get(path).copied());
        let told = paths
            .iter()
            .zip(expected)
            .filter_map(|(path, kind)| kind.map(|kind| Notification { kind, path: path.clone(), zxid: None }));
        assert_eq!(missed, told.collect::<Vec<_>>(), "{request:?}");
        for (path, kind) in paths.iter().zip(expected) {
            assert_eq!(watches.contains(WatcherId(1), path, WatcherType::Any), kind.is_none(), "{path} of {request:?}");
            assert_eq!(watches.contains(WatcherId(1), path, type_of(mode)), kind.is_none(), "{path} of {request:?}");
        }
    }
}

#[test]
fn every_list_is_answered_by_itself_in_javas_order() {
    let one = || vec!["/a".to_owned()];
    let request = SetWatches {
        relative_zxid: Zxid::ZERO,
        data: one(),
        exist: one(),
        children: one(),
        persistent: one(),
        persistent_recursive: one(),
    };
    let mut watches = Watches::new();
    let missed = watches.set_watches(WatcherId(1), &request, |_| None);
    assert_eq!(missed.iter().map(|told| told.kind).collect::<Vec<_>>(), [Deleted, Deleted]);
    assert!(watches.contains(WatcherId(1), "/a", WatcherType::Data), "by the exist list");
    let stat = StatPersisted { mzxid: Zxid(1), pzxid: Zxid(1), ..StatPersisted::default() };
    let missed = watches.set_watches(WatcherId(2), &request, |_| Some(stat));
    assert_eq!(missed.iter().map(|told| told.kind).collect::<Vec<_>>(), [DataChanged, Created, ChildrenChanged]);
    assert_eq!(told(&mut watches, ChildrenChanged, "/a"), [1, 2], "the persistent watches are set");
}

// ---- Reports ------------------------------------------------------------------------------------------------------

#[test]
fn reports_show_data_watches_and_who_once_had_one() {
    let watches = watching(&[
        (2, "/b", Data),
        (2, "/a", Persistent),
        (1, "/a", PersistentRecursive),
        (3, "/a", Children),
        (1, "/a", Children),
    ]);
    assert_eq!(watches.count(), 6, "(1, /a) and (2, /a) stand in both tables of Java");
    assert_eq!(watches.summary(), WatchesSummary { watchers: 2, paths: 2, watches: 3 });
    let by_path = vec![("/a", vec![WatcherId(1), WatcherId(2)]), ("/b", vec![WatcherId(2)])];
    assert_eq!(watches.by_path().collect::<Vec<_>>(), by_path);
    let by_watcher = vec![(WatcherId(1), vec!["/a"]), (WatcherId(2), vec!["/a", "/b"])];
    assert_eq!(watches.by_watcher().collect::<Vec<_>>(), by_watcher);
}

/// `WatchManager.triggerWatch` leaves an empty map behind where `removeWatcher` does not.
#[test]
fn who_heard_is_reported_until_it_goes_and_who_took_back_is_not() {
    let mut watches = watching(&[(1, "/a", Data), (2, "/a", Data), (2, "/b", Children)]);
    assert_eq!(watches.remove(WatcherId(2), "/a", WatcherType::Data), Ok(()));
    assert_eq!(told(&mut watches, Created, "/a"), [1]);
    assert_eq!(watches.summary(), WatchesSummary { watchers: 1, paths: 0, watches: 0 });
    assert_eq!(watches.by_watcher().collect::<Vec<_>>(), [(WatcherId(1), vec![])]);
    watches.add(WatcherId(1), "/a", Children);
    assert_eq!(watches.remove(WatcherId(1), "/a", WatcherType::Any), Ok(()));
    assert_eq!(watches.summary().watchers, 1, "what was taken back was no data watch");
    watches.remove_watcher(WatcherId(1));
    assert_eq!(watches.summary(), WatchesSummary::default());
    assert_eq!(watches.count(), 1);
}

#[test]
fn ten_thousand_hear_and_all_are_spent() {
    let mut watches = Watches::new();
    for watcher in (0..10_000).rev() {
        watches.add(WatcherId(watcher), "/a", Data);
        watches.add(WatcherId(watcher), &format!("/of/{watcher}"), Persistent);
    }
    assert_eq!(told(&mut watches, DataChanged, "/a"), (0..10_000).collect::<Vec<_>>());
    assert_eq!(told(&mut watches, DataChanged, "/a"), &[] as &[u64]);
    assert_eq!(watches.summary(), WatchesSummary { watchers: 10_000, paths: 10_000, watches: 10_000 });
    (0..10_000).for_each(|watcher| watches.remove_watcher(WatcherId(watcher)));
    assert_eq!((watches.count(), watches.summary()), (0, WatchesSummary::default()));
}

// ---- Against Java's two tables ------------------------------------------------------------------------------------

#[derive(Clone, Debug)]
enum Step {
    Add(WatcherId, &'static str, WatchMode),
    /// Who may read: a bit for each watcher.
    Trigger(EventKind, &'static str, u8),
    Remove(WatcherId, &'static str, WatcherType),
    Gone(WatcherId),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let watcher = || (0_u64..4).prop_map(WatcherId);
    let znode = || prop::sample::select(vec!["/", "/a", "/a/b", "/a/b/c", "/ab"]);
    // What is watched need not name a znode.
    let path = || prop_oneof![9 => znode(), 1 => prop::sample::select(vec!["", "a", "/a/", "//"])];
    let step = prop_oneof![
        6 => (watcher(), path(), prop::sample::select(MODES.to_vec())).prop_map(|(w, p, m)| Step::Add(w, p, m)),
        4 => (prop::sample::select(KINDS.to_vec()), znode(), any::<u8>()).prop_map(|(k, p, r)| Step::Trigger(k, p, r)),
        3 => (watcher(), path(), prop::sample::select(TYPES.to_vec())).prop_map(|(w, p, t)| Step::Remove(w, p, t)),
        1 => watcher().prop_map(Step::Gone),
    ];
    prop::collection::vec(step, 0..60)
}

/// What a person can see of both.
fn compare(ours: &Watches, java: &DataTree) {
    for watcher in (0..4).map(WatcherId) {
        for path in ["/", "/a", "/a/b", "/a/b/c", "/ab", "", "a", "/a/", "//"] {
            for kind in TYPES {
                assert_eq!(ours.contains(watcher, path, kind), java.contains(watcher, path, kind), "{path} {kind:?}");
            }
        }
    }
    let pairs = java.data.pairs();
    assert_eq!(ours.count(), pairs.len() + java.child.pairs().len());
    let paths: BTreeSet<&str> = pairs.iter().map(|(path, _)| *path).collect();
    let summary = WatchesSummary { watchers: java.data.watchers.len(), paths: paths.len(), watches: pairs.len() };
    assert_eq!(ours.summary(), summary);
    let by_path = |path: &str| pairs.iter().filter(|pair| pair.0 == path).map(|pair| pair.1).collect::<Vec<_>>();
    assert_eq!(ours.by_path().collect::<Vec<_>>(), paths.iter().map(|path| (*path, by_path(path))).collect::<Vec<_>>());
    let by_watcher = |watcher| pairs.iter().filter(|pair| pair.1 == watcher).map(|pair| pair.0).collect::<Vec<_>>();
    let watchers = java.data.watchers.iter().map(|watcher| (*watcher, by_watcher(*watcher)));
    assert_eq!(ours.by_watcher().collect::<Vec<_>>(), watchers.collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn one_table_says_the_same_as_javas_two(steps in steps()) {
        let (mut ours, mut java) = (Watches::new(), DataTree::default());
        for step in steps {
            match step {
                Step::Add(watcher, path, mode) => {
                    ours.add(watcher, path, mode);
                    java.add(watcher, path, mode);
                }
                Step::Trigger(kind, path, readers) => {
                    let may_read = |watcher: &WatcherId| readers >> watcher.0 & 1 == 1;
                    let told = ours.trigger(&event(kind, path), |watcher, _| may_read(&watcher));
                    let expected: Vec<_> = java.trigger(kind, path).into_iter().filter(may_read).collect();
                    prop_assert_eq!(told, expected);
                }
                Step::Remove(watcher, path, kind) => {
                    let expected = if java.remove(watcher, path, kind) { Ok(()) } else { Err(Code::NoWatcher) };
                    prop_assert_eq!(ours.remove(watcher, path, kind), expected);
                }
                Step::Gone(watcher) => {
                    ours.remove_watcher(watcher);
                    java.data.remove_watcher(watcher);
                    java.child.remove_watcher(watcher);
                }
            }
            compare(&ours, &java);
        }
    }
}

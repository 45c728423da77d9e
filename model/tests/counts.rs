//! Small runs explored to the end, by both engines, with the counts pinned: a change of the protocol, the world or an
//! engine that changes what is explored shows here, and must say why.

use model::bounds::{Bounds, Grain, Kind, Oracle, Timing};
use model::engine::{Completion, Progress, Settings};
use model::runner::{Engine, run};
use model::world::Budget;
use model::zookeeper::ZooKeeper;

/// Explores to the end and asserts the number of distinct states, of steps, and that everything holds.
fn check(bounds: Bounds, distinct: u64, generated: u64) {
    let model = ZooKeeper::new(bounds);
    for engine in [Engine::Graph, Engine::Stateright] {
        let outcome =
            run("pinned", &model, engine, &Settings::default(), &Progress::new()).expect("the model is sound");
        let failed: Vec<_> = outcome.report.verdicts.iter().filter(|verdict| !verdict.holds).collect();
        assert!(failed.is_empty(), "{bounds}: {failed:?}");
        assert_eq!(outcome.report.completion, Completion::Exhausted, "{bounds}");
        let counts = (outcome.report.distinct, outcome.report.generated);
        assert_eq!(counts, (distinct, generated), "{bounds} by {engine:?}");
    }
}

fn zab() -> Bounds {
    Bounds::default_of(Kind::Zab)
}

fn timely(bounds: Bounds) -> Bounds {
    Bounds { timing: Timing::Timely, oracle: Oracle::Best, ..bounds }
}

#[test]
fn an_election_of_three() {
    check(Bounds { budget: Budget::default(), ..Bounds::default_of(Kind::Election) }, 37_536, 143_128);
}

#[test]
fn an_election_that_loses_a_server() {
    check(timely(Bounds::default_of(Kind::Election)), 45_648, 137_432);
}

#[test]
fn two_servers_and_a_transaction() {
    check(Bounds { servers: 2, ..zab() }, 1381, 2256);
}

#[test]
fn a_crash_between_any_two_writes() {
    check(zab(), 314_585, 894_090);
}

#[test]
fn two_transactions_and_a_crash() {
    let budget = Budget { transactions: 2, ..zab().budget };
    check(Bounds { grain: Grain::Atomic, budget, ..zab() }, 307_283, 786_300);
}

#[test]
fn an_epoch_that_is_full() {
    let budget = Budget { transactions: 2, crashes: 0, elections: 3, ..zab().budget };
    check(Bounds { last_counter: 1, grain: Grain::Atomic, budget, ..zab() }, 136_162, 304_542);
}

#[test]
fn everyone_is_served_again_after_a_crash() {
    let budget = Budget { elections: 4, ..zab().budget };
    check(timely(Bounds { budget, ..zab() }), 92_039, 260_282);
}

#[test]
fn every_sync_is_answered() {
    let budget = Budget { syncs: 1, crashes: 0, elections: 2, ..zab().budget };
    check(timely(Bounds { forward: true, grain: Grain::Atomic, budget, ..zab() }), 5_737, 14_391);
}

#[test]
fn an_ensemble_starts_and_serves() {
    let budget = Budget { transactions: 1, ..Budget::default() };
    check(timely(Bounds { budget, ..Bounds::default_of(Kind::Ensemble) }), 1532, 4286);
}

/// The grains see the same protocol: what a coarser one lets happen, a finer one does.
#[test]
fn finer_disks_have_more_states_and_hold_the_same() {
    let mut last = 0;
    for grain in [Grain::Atomic, Grain::Batch, Grain::Write] {
        let model = ZooKeeper::new(Bounds { grain, ..zab() });
        let outcome = run("grain", &model, Engine::Graph, &Settings::default(), &Progress::new()).expect("it is sound");
        assert!(outcome.report.success(), "{grain:?}: {:?}", outcome.report.verdicts);
        assert!(outcome.report.distinct >= last, "{grain:?}");
        last = outcome.report.distinct;
    }
}

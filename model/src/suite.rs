//! The runs of the suites. Each is a model within bounds, with the reason why these.

use crate::bounds::{Bounds, Grain, Kind, Oracle, Timing};
use crate::world::Budget;

/// A run of a suite.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Its name, unique in its suite.
    pub name: &'static str,
    /// What it is for.
    pub reason: &'static str,
    /// How far it goes.
    pub bounds: Bounds,
    /// Whether stateright's engine explores it as well, and must count the same.
    pub twice: bool,
}

const NOTHING: Budget =
    Budget { crashes: 0, breaks: 0, transactions: 0, syncs: 0, elections: 0, timeouts: 0, snapshots: 0 };

const ELECTION: Bounds = Bounds {
    kind: Kind::Election,
    servers: 3,
    observers: 0,
    histories: 2,
    budget: NOTHING,
    last_counter: 0,
    forward: false,
    grain: Grain::Write,
    oracle: Oracle::Any,
    timing: Timing::Asynchronous,
};

const ZAB: Bounds = Bounds {
    kind: Kind::Zab,
    histories: 1,
    budget: Budget { transactions: 1, crashes: 1, elections: 2, ..NOTHING },
    ..ELECTION
};

const ENSEMBLE: Bounds = Bounds { kind: Kind::Ensemble, budget: Budget { transactions: 1, ..NOTHING }, ..ZAB };

const fn timely(bounds: Bounds) -> Bounds {
    Bounds { timing: Timing::Timely, oracle: Oracle::Best, ..bounds }
}

const fn atomic(bounds: Bounds) -> Bounds {
    Bounds { grain: Grain::Atomic, ..bounds }
}

const fn with(bounds: Bounds, budget: Budget) -> Bounds {
    Bounds { budget, ..bounds }
}

/// What `model check` runs: both halves of the protocol and their composition, safety and liveness, in minutes.
#[must_use]
pub fn default() -> Vec<Run> {
    let mut runs = safety();
    runs.extend(liveness());
    runs
}

fn safety() -> Vec<Run> {
    let zab = ZAB.budget;
    vec![
        run("election", "votes and histories as they come, impatient servers", ELECTION, true),
        run(
            "election-observer",
            "an observer finds the leader",
            Bounds { servers: 2, observers: 1, ..with(ELECTION, Budget { crashes: 1, ..NOTHING }) },
            true,
        ),
        run("zab", "a crash between any two writes, and the reign after it", ZAB, true),
        run(
            "zab-transactions",
            "two transactions, of one epoch and of two",
            atomic(with(ZAB, Budget { transactions: 2, ..zab })),
            true,
        ),
        run(
            "zab-break",
            "a broken link that each end notices by itself, and three epochs",
            Bounds { oracle: Oracle::Best, ..atomic(with(ZAB, Budget { breaks: 1, elections: 3, ..zab })) },
            false,
        ),
        run(
            "zab-observer",
            "an observer learns from two voters",
            Bounds { servers: 2, observers: 1, ..with(ZAB, Budget { breaks: 1, ..zab }) },
            true,
        ),
        run(
            "zab-snapshot",
            "a log that begins with a snapshot, and a learner that has less",
            atomic(with(ZAB, Budget { transactions: 2, snapshots: 1, ..zab })),
            true,
        ),
        run(
            "zab-counter",
            "an epoch of one transaction comes to its end",
            Bounds {
                last_counter: 1,
                ..atomic(with(ZAB, Budget { transactions: 2, crashes: 0, elections: 3, ..zab }))
            },
            true,
        ),
        run(
            "zab-sync",
            "a sync answered by a leader that may be deposed",
            Bounds { forward: true, ..atomic(with(ZAB, Budget { syncs: 1, crashes: 0, breaks: 1, ..zab })) },
            false,
        ),
        run("ensemble", "election and Zab together", ENSEMBLE, true),
    ]
}

fn liveness() -> Vec<Run> {
    let zab = Budget { elections: 5, ..ZAB.budget };
    vec![
        run(
            "election-live",
            "two crashes, and everyone finds one leader",
            timely(Bounds { histories: 1, ..with(ELECTION, Budget { crashes: 2, ..NOTHING }) }),
            true,
        ),
        run(
            "election-observer-live",
            "so does an observer",
            timely(Bounds { servers: 2, observers: 1, ..with(ELECTION, Budget { crashes: 1, ..NOTHING }) }),
            true,
        ),
        run("zab-live", "a crash between any two writes", timely(with(ZAB, zab)), true),
        run(
            "zab-faults-live",
            "a crash and a broken link",
            timely(atomic(with(ZAB, Budget { breaks: 1, ..zab }))),
            false,
        ),
        run(
            "zab-counter-live",
            "the ensemble goes on when an epoch is full",
            timely(Bounds { last_counter: 1, ..with(ZAB, Budget { transactions: 2, crashes: 0, ..zab }) }),
            true,
        ),
        run(
            "zab-sync-live",
            "every sync is answered",
            timely(Bounds { forward: true, ..atomic(with(ZAB, Budget { syncs: 1, crashes: 0, ..zab })) }),
            true,
        ),
        run(
            "ensemble-live",
            "election and Zab together, a crash",
            timely(atomic(with(ENSEMBLE, Budget { crashes: 1, ..ENSEMBLE.budget }))),
            false,
        ),
    ]
}

/// What `model check --deep` runs: as far as a machine with 24 GB goes in an hour or two.
#[must_use]
pub fn deep() -> Vec<Run> {
    vec![
        run("election-5", "five servers", timely(Bounds { servers: 5, ..ELECTION }), false),
        run(
            "zab-2-2-2",
            "two transactions, two crashes, two breaks",
            Bounds {
                oracle: Oracle::Best,
                ..atomic(with(ZAB, Budget { transactions: 2, crashes: 2, breaks: 2, elections: 4, ..NOTHING }))
            },
            false,
        ),
        run(
            "ensemble-1-1-1",
            "election and Zab together: a transaction, a crash, a break",
            timely(atomic(with(ENSEMBLE, Budget { transactions: 1, crashes: 1, breaks: 1, ..NOTHING }))),
            false,
        ),
    ]
}

const fn run(name: &'static str, reason: &'static str, bounds: Bounds, twice: bool) -> Run {
    Run { name, reason, bounds, twice }
}

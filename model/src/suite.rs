//! The runs of the suites. Each is a model within bounds, with the reason why these.

use crate::bounds::{Bounds, Discovery, Grain, Kind, Oracle, Timing};
use crate::recipes::Setting;
use crate::recipes::lock::{self, Lock};
use crate::recipes::registry::Registry;
use crate::recipes::two_phase_commit::{self as commit, TwoPhaseCommit};
use crate::runner::Engine;
use crate::subject::Subject;
use crate::world::Budget;

/// A run of a suite.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Its name, unique in its suite.
    pub name: &'static str,
    /// What it is for.
    pub reason: &'static str,
    /// What it checks, and how far it goes.
    pub subject: Subject,
    /// Which engines explore it; where there are two, they must count the same.
    pub engines: &'static [Engine],
}

const GRAPH: &[Engine] = &[Engine::Graph];
const STATERIGHT: &[Engine] = &[Engine::Stateright];
const BOTH: &[Engine] = &[Engine::Graph, Engine::Stateright];

const NOTHING: Budget =
    Budget { crashes: 0, breaks: 0, transactions: 0, syncs: 0, elections: 0, timeouts: 0, snapshots: 0, delays: 0 };

const ELECTION: Bounds = Bounds {
    kind: Kind::Election,
    servers: 3,
    observers: 0,
    histories: 2,
    budget: NOTHING,
    last_counter: 0,
    forward: false,
    delays: None,
    grain: Grain::Write,
    discovery: Discovery::Messages,
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
    runs.extend(uses());
    runs
}

/// What people do with a ZooKeeper, safety and liveness at once. What is wrong is planted in tests, and by `--variant`.
#[must_use]
pub fn uses() -> Vec<Run> {
    let lock = Lock::default();
    let commit = |variant| Setting::TwoPhaseCommit(TwoPhaseCommit::of(variant));
    let run = |name, reason, setting| Run { name, reason, subject: Subject::Use(setting), engines: BOTH };
    vec![
        run("lock", "a session that expires: one holds, in order, one is woken", Setting::Lock(lock)),
        run("lock-replies", "an answer that is lost", Setting::Lock(Lock { expiries: 0, breaks: 1, ..lock })),
        run("lock-both", "both at once", Setting::Lock(Lock { contenders: 2, breaks: 1, ..lock })),
        run("lock-herd", "all watch one znode: right, and what it costs", Setting::Lock(Lock::of(lock::Variant::Herd))),
        run("registry", "a cache follows the providers, and never goes back", Setting::Registry(Registry::default())),
        run("two-phase-commit", "atomic, and blocked when 0 dies for good", commit(commit::Variant::Classic)),
        run("two-phase-commit-returns", "not blocked when 0 returns", commit(commit::Variant::ClassicReturns)),
        run("two-phase-commit-zab", "no refusal, a majority: not blocked at all", commit(commit::Variant::Zab)),
        run(
            "two-phase-commit-zab-early",
            "two coordinate at a time",
            Setting::TwoPhaseCommit(TwoPhaseCommit {
                crashes: 0,
                elections: 1,
                ..TwoPhaseCommit::of(commit::Variant::Zab)
            }),
        ),
    ]
}

fn safety() -> Vec<Run> {
    let zab = ZAB.budget;
    vec![
        run("election", "votes and histories as they come, impatient servers", ELECTION, BOTH),
        run(
            "election-observer",
            "an observer finds the leader",
            Bounds { servers: 2, observers: 1, ..with(ELECTION, Budget { crashes: 1, ..NOTHING }) },
            BOTH,
        ),
        run("zab", "a crash between any two writes, and the reign after it", ZAB, BOTH),
        run(
            "zab-transactions",
            "two transactions, of one epoch and of two",
            atomic(with(ZAB, Budget { transactions: 2, ..zab })),
            BOTH,
        ),
        run(
            "zab-break",
            "a broken link that each end notices by itself, and three epochs",
            Bounds { oracle: Oracle::Best, ..atomic(with(ZAB, Budget { breaks: 1, elections: 3, ..zab })) },
            GRAPH,
        ),
        run(
            "zab-observer",
            "an observer learns from two voters",
            Bounds { servers: 2, observers: 1, ..with(ZAB, Budget { breaks: 1, ..zab }) },
            BOTH,
        ),
        run(
            "zab-snapshot",
            "a log that begins with a snapshot, and a learner that has less",
            atomic(with(ZAB, Budget { transactions: 2, snapshots: 1, ..zab })),
            BOTH,
        ),
        run(
            "zab-counter",
            "an epoch of one transaction comes to its end",
            Bounds {
                last_counter: 1,
                ..atomic(with(ZAB, Budget { transactions: 2, crashes: 0, elections: 3, ..zab }))
            },
            BOTH,
        ),
        run(
            "zab-sync",
            "a sync answered by a leader that may be deposed",
            Bounds { forward: true, ..atomic(with(ZAB, Budget { syncs: 1, crashes: 0, breaks: 1, ..zab })) },
            GRAPH,
        ),
        run("ensemble", "election and Zab together", ENSEMBLE, BOTH),
    ]
}

fn liveness() -> Vec<Run> {
    let zab = Budget { elections: 5, ..ZAB.budget };
    vec![
        run(
            "election-live",
            "two crashes, and everyone finds one leader",
            timely(Bounds { histories: 1, ..with(ELECTION, Budget { crashes: 2, ..NOTHING }) }),
            BOTH,
        ),
        run(
            "election-observer-live",
            "so does an observer",
            timely(Bounds { servers: 2, observers: 1, ..with(ELECTION, Budget { crashes: 1, ..NOTHING }) }),
            BOTH,
        ),
        run("zab-live", "a crash between any two writes", timely(with(ZAB, zab)), BOTH),
        run(
            "zab-faults-live",
            "a crash and a broken link",
            timely(atomic(with(ZAB, Budget { breaks: 1, ..zab }))),
            GRAPH,
        ),
        run(
            "zab-counter-live",
            "the ensemble goes on when an epoch is full",
            timely(Bounds { last_counter: 1, ..with(ZAB, Budget { transactions: 2, crashes: 0, ..zab }) }),
            BOTH,
        ),
        run(
            "zab-sync-live",
            "every sync is answered",
            timely(Bounds { forward: true, ..atomic(with(ZAB, Budget { syncs: 1, crashes: 0, ..zab })) }),
            BOTH,
        ),
        run(
            "ensemble-live",
            "election and Zab together, a crash",
            timely(atomic(with(ENSEMBLE, Budget { crashes: 1, ..ENSEMBLE.budget }))),
            GRAPH,
        ),
    ]
}

/// What `model check --deep` runs: what a machine with 24 GB and two cores explores in an hour.
///
/// Two bounds more than faults make these finite in practice. Late notifications: of five servers each sends to four
/// others, and any of them may be overtaken so often, in every combination. Whole discovery: its interleavings are the
/// default suite's, and `zab-messages`' with a fault of each kind.
#[must_use]
pub fn deep() -> Vec<Run> {
    let faults =
        |transactions, crashes, breaks, elections| Budget { transactions, crashes, breaks, elections, ..NOTHING };
    let best = Bounds { oracle: Oracle::Best, ..atomic(ZAB) };
    let timely_election = |servers, histories, crashes, delays| {
        timely(Bounds { servers, histories, delays, ..with(ELECTION, Budget { crashes, ..NOTHING }) })
    };
    vec![
        run("election-4", "four servers, notifications in any order", timely_election(4, 1, 0, None), BOTH),
        run("election-5", "five servers, any of two histories each", timely_election(5, 2, 0, Some(3)), GRAPH),
        run("election-5-crash", "five servers, one of which crashes", timely_election(5, 2, 1, Some(1)), GRAPH),
        run("zab-messages", "a fault of each kind at any message", with(best, faults(2, 1, 1, 3)), STATERIGHT),
        run(
            "zab-2-2-2",
            "two transactions, two crashes, two breaks",
            Bounds { discovery: Discovery::Whole, ..with(best, faults(2, 2, 2, 3)) },
            STATERIGHT,
        ),
        run(
            "ensemble-1-1-1-live",
            "election and Zab together: a transaction, a crash, a break",
            timely(atomic(Bounds { delays: Some(1), ..with(ENSEMBLE, faults(1, 1, 1, 0)) })),
            GRAPH,
        ),
        run(
            "ensemble-1-1-1",
            "the same, notifications in any order",
            timely(atomic(with(ENSEMBLE, faults(1, 1, 1, 0)))),
            STATERIGHT,
        ),
        Run {
            name: "lock-3-1-1",
            reason: "a session that expires, and an answer that is lost",
            subject: Subject::Use(Setting::Lock(Lock { breaks: 1, ..Lock::default() })),
            engines: BOTH,
        },
    ]
}

const fn run(name: &'static str, reason: &'static str, bounds: Bounds, engines: &'static [Engine]) -> Run {
    Run { name, reason, subject: Subject::Protocol(bounds), engines }
}

//! The engines on graphs wide enough that threads meet: exact counts, and by hand the throughput.

use model::engine::{Completion, Fair, Goal, Progress, Settings};
use model::engine::{explore, explore_depth_first, peak_resident_bytes, reset_peak};
use stateright::{Model, Property};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

const ALL: Settings = Settings { threads: 2, stop_at_first: true, max_states: None, liveness: false };

/// Counters below a base, spread over a state of a realistic size.
#[derive(Clone, Copy, PartialEq)]
struct Counters([u8; 152]);

impl Hash for Counters {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write(&self.0);
    }
}

impl Counters {
    fn get(&self, counter: u8) -> u8 {
        self.0[usize::from(counter) * 20]
    }
}

/// Every counter may be counted up, which is owed; the first two may also be counted down, which is not.
struct Grid {
    base: u8,
    counters: u8,
}

impl Grid {
    fn states(&self) -> u64 {
        u64::from(self.base).pow(u32::from(self.counters))
    }

    fn edges(&self) -> u64 {
        let each = self.states() / u64::from(self.base) * u64::from(self.base - 1);
        each * u64::from(self.counters + 2)
    }

    fn full(&self, state: &Counters, first: u8) -> bool {
        (first..self.counters).all(|counter| state.get(counter) + 1 == self.base)
    }
}

impl Model for Grid {
    type State = Counters;
    type Action = (u8, i8);

    fn init_states(&self) -> Vec<Counters> {
        vec![Counters([0; 152])]
    }

    fn actions(&self, state: &Counters, actions: &mut Vec<(u8, i8)>) {
        actions.extend((0..self.counters).filter(|&at| state.get(at) + 1 < self.base).map(|at| (at, 1)));
        actions.extend((0..2).filter(|&at| state.get(at) > 0).map(|at| (at, -1)));
    }

    fn next_state(&self, state: &Counters, (counter, change): (u8, i8)) -> Option<Counters> {
        let mut next = *state;
        let value = &mut next.0[usize::from(counter) * 20];
        *value = value.checked_add_signed(change).expect("within the base");
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("within the base", |grid: &Grid, state: &Counters| {
                (0..grid.counters).all(|counter| state.get(counter) < grid.base)
            }),
            Property::sometimes("full", |grid: &Grid, state: &Counters| grid.full(state, 0)),
        ]
    }
}

impl Fair for Grid {
    fn class(&self, _: &Counters, &(counter, change): &(u8, i8)) -> Option<u8> {
        (change > 0).then_some(counter)
    }

    fn goals(&self) -> Vec<Goal<Self>> {
        vec![
            Goal { name: "the others stay full", reached: |grid, state| grid.full(state, 2) },
            Goal { name: "all are full", reached: |grid, state| grid.full(state, 0) },
        ]
    }
}

#[test]
fn any_number_of_threads_counts_the_same() {
    let grid = Arc::new(Grid { base: 9, counters: 6 });
    let depth = u64::from((grid.base - 1) * grid.counters);
    for threads in [1, 2, 3] {
        let progress = Progress::new();
        let report = explore(&*grid, &Settings { threads, ..ALL }, &progress).expect("not refused");
        assert!(report.success());
        assert_eq!((report.distinct, report.generated, report.depth), (grid.states(), grid.edges(), depth));
        assert_eq!((progress.distinct(), progress.queue()), (grid.states(), 0));
        let path = report.verdict("full").expect("a property").path.as_ref();
        assert_eq!(path.map(|path| path.len() as u64), Some(depth));
    }
    for threads in [1, 2] {
        let settings = Settings { threads, ..ALL };
        let report = explore_depth_first(Arc::clone(&grid), &settings, &Progress::new()).expect("not refused");
        assert!(report.success());
        assert_eq!((report.distinct, report.generated), (grid.states(), grid.edges()));
    }
}

#[test]
fn one_thread_is_deterministic() {
    let grid = Grid { base: 5, counters: 6 };
    let run = || {
        let settings = Settings { threads: 1, liveness: true, ..ALL };
        explore(&grid, &settings, &Progress::new()).expect("not refused").verdicts
    };
    assert!(run() == run());
}

#[test]
fn goals_on_a_wide_graph_are_decided_with_any_number_of_threads() {
    let grid = Grid { base: 7, counters: 6 };
    for threads in [1, 2] {
        let settings = Settings { threads, liveness: true, ..ALL };
        let report = explore(&grid, &settings, &Progress::new()).expect("not refused");
        assert_eq!(report.completion, Completion::Exhausted);
        assert!(report.verdict("the others stay full").expect("a goal").holds);
        let verdict = report.verdict("all are full").expect("a goal");
        let (stem, cycle) = (verdict.path.as_ref().expect("a stem"), verdict.cycle.as_ref().expect("a cycle"));
        // The others must fill up first: until then something is owed that no cycle can take.
        assert_eq!(stem.len(), 4 * 6);
        let sum =
            |counter: u8| cycle.iter().filter(|step| step.0 == counter).map(|step| i32::from(step.1)).sum::<i32>();
        assert!(!cycle.is_empty() && sum(0) == 0 && sum(1) == 0);
    }
}

/// `cargo test --test engine_scale -- --ignored --nocapture --test-threads 1`
#[test]
#[ignore = "a measurement: some minutes, a gigabyte and a half"]
fn throughput() {
    let grid = Arc::new(Grid { base: 16, counters: 6 });
    for (name, threads, liveness) in
        [("graph", 1, false), ("graph", 2, false), ("liveness", 2, true), ("dfs", 2, false)]
    {
        let _ = reset_peak();
        let settings = Settings { threads, liveness, ..ALL };
        let report = if name == "dfs" {
            explore_depth_first(Arc::clone(&grid), &settings, &Progress::new())
        } else {
            explore(&*grid, &settings, &Progress::new())
        };
        let report = report.expect("not refused");
        let (states, seconds) = (report.distinct as f64, report.elapsed.as_secs_f64());
        println!(
            "{name}, {threads} threads: {} states, {} edges, {:.0} thousand/s, {:.0} ns/edge, {:.1} bytes/state",
            report.distinct,
            report.generated,
            states / seconds / 1e3,
            seconds * 1e9 / report.generated as f64,
            peak_resident_bytes().unwrap_or(0) as f64 / states,
        );
    }
}

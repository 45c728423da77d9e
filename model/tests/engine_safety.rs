//! The engines against the ways in which a checker can seem to have checked (reference/stateright.md §2.2–2.4).

mod engine_support;

use engine_support::{Edge, Graph, graph};
use model::engine::{Completion, EngineError, NO_PANIC, Progress, Report, Settings};
use model::engine::{explore, explore_depth_first};
use proptest::prelude::*;
use std::sync::Arc;

const ONE: Settings = Settings { threads: 1, stop_at_first: true, max_states: None, liveness: false };
const ALL: Settings = Settings { stop_at_first: false, ..ONE };

fn depth_first(graph: &Graph, settings: Settings) -> Report<usize> {
    explore_depth_first(Arc::new(graph.clone()), &settings, &Progress::new()).expect("not refused")
}

fn both(graph: &Graph, settings: Settings) -> [Report<usize>; 2] {
    [graph.explore(settings), depth_first(graph, settings)]
}

fn chain(length: u32) -> Graph {
    let edges = (0..length).map(|from| Edge { from, to: from + 1, class: Some(0) });
    Graph { initial: vec![0], edges: edges.collect(), seen: [0].into(), ..Graph::default() }
}

#[test]
fn a_shallow_counterexample_is_not_overwritten_by_a_deeper_one() {
    let graph = graph("0-100 100-101 101-102").bad([100, 101, 102]).seen([101, 102]);
    for settings in [ONE, ALL] {
        let report = graph.explore(settings);
        let verdict = report.verdict("never bad").expect("a property");
        assert!(!verdict.holds && verdict.decided);
        assert_eq!(verdict.path.as_deref(), Some(&[0][..]));
    }
    let report = graph.explore(ALL);
    assert_eq!(report.verdict("sometimes seen").expect("a property").path.as_deref(), Some(&[0, 1][..]));
    let path = depth_first(&graph, ALL).verdict("never bad").expect("a property").path.clone();
    assert_eq!(path, Some(vec![0]));
}

#[test]
fn counting_goes_on_after_a_violation_and_hunting_stops() {
    let graph = graph("0-1 0-2 1-3 2-3 3-4 4-0").bad([0]).seen([4]);
    for report in both(&graph, ALL) {
        assert_eq!((report.completion, report.distinct, report.generated), (Completion::Exhausted, 5, 6));
        assert!(!report.success());
    }
    for report in both(&graph, ONE) {
        assert_eq!(report.completion, Completion::Violated);
        assert!(report.distinct < 5 && !report.success());
        assert!(!report.verdict("sometimes seen").expect("a property").decided);
    }
}

#[test]
fn a_model_without_properties_is_explored_all_the_same() {
    let graph = Graph { without_properties: true, ..graph("0-1 1-2 2-0") };
    for report in both(&graph, ONE) {
        assert_eq!((report.distinct, report.success()), (3, true));
    }
}

#[test]
fn a_missing_witness_is_no_success() {
    for report in both(&graph("0-1"), ONE) {
        assert_eq!(report.completion, Completion::Exhausted);
        let verdict = report.verdict("sometimes seen").expect("a property");
        assert!(!verdict.holds && verdict.decided && !report.success());
    }
}

#[test]
fn a_panic_is_a_violation_with_its_path_wherever_it_happens() {
    let plain = graph("0-1 1-2 2-3").seen([0]);
    let in_step = Graph { edge_panics: Some(1), ..plain.clone() };
    let in_actions = Graph { actions_panic: Some(2), ..plain.clone() };
    let in_property = Graph { property_panics: Some(2), ..plain.clone() };
    let cases = [(in_step, "no way through here"), (in_actions, "no actions here"), (in_property, "no opinion here")];
    for (graph, message) in cases {
        for settings in [ONE, ALL] {
            for report in both(&graph, settings) {
                let verdict = report.verdict(NO_PANIC).expect("always there");
                assert!(!verdict.holds && !report.success(), "{message}");
                let note = verdict.note.as_deref().expect("a panic has a note");
                assert!(note.contains(message) && note.contains("mod.rs:"), "{note}");
            }
            let report = graph.explore(settings);
            let path = report.verdict(NO_PANIC).expect("always there").path.as_deref();
            assert_eq!(path, Some(&[0, 1][..]), "{message}");
            let ended = if settings.stop_at_first { Completion::Violated } else { Completion::Exhausted };
            assert_eq!(report.completion, ended);
        }
    }
}

#[test]
fn a_panic_leaves_liveness_undecided() {
    let graph = Graph { edge_panics: Some(0), ..graph("0-1a 0-2a").goal([1, 2]).seen([0]) };
    let report = graph.explore(Settings { liveness: true, ..ALL });
    let verdict = report.verdict("goal").expect("a goal");
    assert!(!verdict.holds && !verdict.decided);
}

#[test]
fn a_cap_and_an_interruption_are_no_success() {
    let graph = chain(5000);
    for report in both(&graph, Settings { max_states: Some(1000), ..ONE }) {
        assert_eq!(report.completion, Completion::Capped);
        assert!(!report.success() && !report.verdict("never bad").expect("a property").decided);
    }
    let progress = Progress::new();
    progress.request_stop();
    let report = explore(&graph, &ONE, &progress).expect("not refused");
    assert_eq!((report.completion, report.success()), (Completion::Interrupted, false));
    let exact = graph.explore(Settings { max_states: Some(5001), ..ONE });
    assert!(exact.success());
}

#[test]
fn what_cannot_be_checked_soundly_is_refused() {
    let refused = |graph: &Graph| {
        let first = explore(graph, &ONE, &Progress::new()).expect_err("refused");
        let second = explore_depth_first(Arc::new(graph.clone()), &ONE, &Progress::new()).expect_err("refused");
        assert_eq!(first, second);
        first
    };
    let plain = graph("0-1 1-2").seen([0]);
    let eventually = Graph { eventually: true, ..plain.clone() };
    assert_eq!(refused(&eventually), EngineError::EventuallyRefused("eventually goal"));
    let boundary = Graph { outside_boundary: Some(2), ..plain.clone() };
    assert_eq!(refused(&boundary), EngineError::BoundaryRefused);
    let unborn = Graph { initial: Vec::new(), ..plain.clone() };
    assert_eq!(refused(&unborn), EngineError::NoInitialState);
    let liveness = Settings { liveness: true, ..ONE };
    let error = explore_depth_first(Arc::new(plain), &liveness, &Progress::new()).expect_err("refused");
    assert_eq!(error, EngineError::LivenessNeedsGraph);
    let many = Graph { edges: vec![Edge { from: 0, to: 1, class: Some(64) }], ..chain(1) };
    let error = explore(&many, &liveness, &Progress::new()).expect_err("refused");
    assert_eq!(error, EngineError::ClassOutOfRange(64));
}

#[test]
fn two_initial_states_are_told_apart_and_equal_ones_counted_once() {
    let graph = Graph { initial: vec![7, 7, 0], ..graph("0-1 7-0").bad([1]).seen([0]) };
    for report in both(&graph, ALL) {
        assert_eq!((report.distinct, report.generated), (3, 2));
    }
    let report = graph.explore(ALL);
    let verdict = report.verdict("never bad").expect("a property");
    assert_eq!((verdict.initial, verdict.path.as_deref()), (2, Some(&[0][..])));
}

#[test]
fn a_long_chain_fits_on_the_stack() {
    struct Line;
    impl stateright::Model for Line {
        type State = u32;
        type Action = ();
        fn init_states(&self) -> Vec<u32> {
            vec![0]
        }
        fn actions(&self, state: &u32, actions: &mut Vec<()>) {
            actions.extend((*state < 100_000).then_some(()));
        }
        fn next_state(&self, state: &u32, (): ()) -> Option<u32> {
            Some(state + 1)
        }
    }
    impl model::engine::Fair for Line {
        fn goals(&self) -> Vec<model::engine::Goal<Self>> {
            vec![model::engine::Goal { name: "never", reached: |_, _| false }]
        }
    }
    let report = explore(&Line, &Settings { liveness: true, ..ONE }, &Progress::new()).expect("not refused");
    assert_eq!((report.distinct, report.depth), (100_001, 100_000));
    let verdict = report.verdict("never").expect("a goal");
    // The line is owed nothing, so the nearest rest is the first state.
    assert_eq!((verdict.path.as_deref(), verdict.cycle.as_deref()), (Some(&[][..]), Some(&[][..])));
}

fn graphs() -> impl Strategy<Value = Graph> {
    (1u32..40).prop_flat_map(|states| {
        let edges = prop::collection::vec((0..states, 0..states), 0..120);
        let initial = prop::collection::vec(0..states, 1..3);
        let marks = prop::collection::btree_set(0..states, 0..4);
        (edges, initial, marks.clone(), marks).prop_map(|(edges, initial, bad, seen)| Graph {
            initial,
            edges: edges.into_iter().map(|(from, to)| Edge { from, to, class: None }).collect(),
            bad,
            seen,
            ..Graph::default()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn all_engines_count_what_a_naive_search_counts(graph in graphs()) {
        let distances = graph.distances();
        let edges = distances.keys().map(|&state| graph.leaving(state).count() as u64).sum::<u64>();
        let shallowest = |marks: &std::collections::BTreeSet<u32>| {
            marks.iter().filter_map(|state| distances.get(state)).min().copied()
        };
        for threads in [1, 2] {
            let settings = Settings { threads, ..ALL };
            let [breadth_first, depth_first] = both(&graph, settings);
            for report in [&breadth_first, &depth_first] {
                prop_assert_eq!(report.completion, Completion::Exhausted);
                prop_assert_eq!((report.distinct, report.generated), (distances.len() as u64, edges));
                let bad = report.verdict("never bad").expect("a property");
                prop_assert_eq!(bad.holds, shallowest(&graph.bad).is_none());
                let seen = report.verdict("sometimes seen").expect("a property");
                prop_assert_eq!(seen.holds, shallowest(&graph.seen).is_some());
                for (verdict, marks) in [(bad, &graph.bad), (seen, &graph.seen)] {
                    if let Some(path) = &verdict.path {
                        let states = graph.follow(graph.initial[verdict.initial], path);
                        prop_assert!(marks.contains(states.last().expect("not empty")));
                    }
                }
            }
            prop_assert_eq!(Some(&breadth_first.depth), distances.values().max());
            for (name, marks) in [("never bad", &graph.bad), ("sometimes seen", &graph.seen)] {
                let path = breadth_first.verdict(name).expect("a property").path.as_ref();
                prop_assert_eq!(path.map(|path| path.len() as u64), shallowest(marks));
            }
        }
    }
}

#[test]
fn a_checker_thread_that_dies_is_an_error() {
    #[derive(Clone, PartialEq)]
    struct Unhashable(u32);
    impl std::hash::Hash for Unhashable {
        fn hash<H: std::hash::Hasher>(&self, hasher: &mut H) {
            assert_ne!(self.0, 1, "no hash here");
            hasher.write_u32(self.0);
        }
    }
    struct Step;
    impl stateright::Model for Step {
        type State = Unhashable;
        type Action = ();
        fn init_states(&self) -> Vec<Unhashable> {
            vec![Unhashable(0)]
        }
        fn actions(&self, _: &Unhashable, actions: &mut Vec<()>) {
            actions.push(());
        }
        fn next_state(&self, state: &Unhashable, (): ()) -> Option<Unhashable> {
            Some(Unhashable(state.0 + 1))
        }
    }
    impl model::engine::Fair for Step {}
    let report = explore(&Step, &ONE, &Progress::new()).expect("not refused");
    let verdict = report.verdict(NO_PANIC).expect("always there");
    assert_eq!((verdict.holds, verdict.path.as_deref()), (false, Some(&[()][..])));
    let error = explore_depth_first(Arc::new(Step), &ONE, &Progress::new()).expect_err("dead");
    assert!(matches!(error, EngineError::CheckerPanicked(note) if note.contains("no hash here")));
}

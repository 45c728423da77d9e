//! Liveness against the traps others fell into (reference/stateright.md §2.1, §2.7) and against brute force.

mod engine_support;

use engine_support::{Edge, Graph, graph};
use model::engine::{Completion, Report, Settings, Verdict};
use proptest::prelude::*;

const LIVE: Settings = Settings { threads: 1, stop_at_first: false, max_states: None, liveness: true };

fn live(report: &Report<usize>) -> &Verdict<usize> {
    report.verdict("goal").expect("liveness was asked for")
}

/// Checks that the evidence is a behaviour: a path from an initial state, and then a cycle that closes, avoids the goal
/// and is fair to every class. Returns the stem's length.
fn assert_evidence(graph: &Graph, verdict: &Verdict<usize>) -> usize {
    let (stem, cycle) = (verdict.path.as_ref().expect("a stem"), verdict.cycle.as_ref().expect("a cycle"));
    let stem_states = graph.follow(graph.initial[verdict.initial], stem);
    let states = graph.follow(stem_states[stem_states.len() - 1], cycle);
    assert_eq!(states.first(), states.last(), "the cycle does not close");
    assert!(states.iter().all(|state| !graph.goal.contains(state)), "the cycle reaches the goal");
    for class in 0..64 {
        let rests = states.iter().any(|&state| !graph.enabled(state, class));
        let taken = cycle.iter().any(|&action| graph.edges[action].class == Some(class));
        assert!(rests || taken, "the cycle is unfair to class {class}");
    }
    stem.len()
}

fn violated(graph: Graph) -> (Vec<usize>, Vec<usize>) {
    let report = graph.explore(LIVE);
    assert_eq!(report.completion, Completion::Exhausted);
    let verdict = live(&report);
    assert!(!verdict.holds && verdict.decided && !report.success());
    assert_evidence(&graph, verdict);
    (verdict.path.clone().expect("a stem"), verdict.cycle.clone().expect("a cycle"))
}

fn holds(graph: Graph) {
    let report = graph.explore(LIVE);
    let verdict = live(&report);
    assert!(verdict.holds && verdict.decided, "stem {:?}, cycle {:?}", verdict.path, verdict.cycle);
    assert_eq!((&verdict.path, &verdict.cycle), (&None, &None));
}

#[test]
fn a_cycle_or_a_loop_that_never_arrives_is_found() {
    assert_eq!(violated(graph("0-2a 2-0a").goal([1])), (vec![], vec![0, 1]));
    assert_eq!(violated(graph("0-0a").goal([1])), (vec![], vec![0]));
}

#[test]
fn a_join_is_found_in_either_order() {
    let one = violated(graph("0-1a 0-2a 1-4a 2-4a 4-6a").goal([1]));
    let other = violated(graph("0-2a 0-1a 2-4a 1-4a 4-6a").goal([1]));
    assert_eq!((one.0.len(), one.1.len()), (3, 0));
    assert_eq!((other.0.len(), other.1.len()), (3, 0));
}

#[test]
fn a_loop_with_an_exit_depends_on_the_exits_fairness() {
    // Nothing obliges the exit to be taken.
    violated(graph("0-2 2-0 0-1 2-1").goal([1]));
    // The exit is owed, and never disabled.
    holds(graph("0-2 2-0 0-1a 2-1a").goal([1]));
    // Owed, but disabled time and again: weak fairness is not strong fairness.
    violated(graph("0-2a 2-0a 2-1b").goal([1]));
}

#[test]
fn an_unfair_cycle_is_no_violation() {
    // tla-rs #59: the loop at 1 forgets class b for ever.
    holds(graph("0-1a 1-1a 0-2b 1-2b").goal([2]));
}

#[test]
fn fairness_is_judged_inside_the_part_that_avoids_the_goal() {
    // tla-rs #59: class a is taken in the outer component, but only on the way through the goal 1.
    holds(graph("0-1a 1-0a 0-2 2-0 2-1a").goal([1]));
    // Class b is disabled in the goal only: no excuse either.
    holds(graph("0-1a 1-0 0-2c 2-0c 0-1b 2-1b").goal([1]));
}

#[test]
fn enabledness_is_judged_in_the_full_graph() {
    // From both states of the loop the only a-edge leaves the loop: it is enabled there all the same.
    holds(graph("0-2b 2-0b 0-1a 2-3a").goal([1, 3]));
}

#[test]
fn resting_is_a_behaviour() {
    // tla-rs #62: nothing obliges the step, so the system may stay where it is.
    assert_eq!(violated(graph("0-1").goal([1])), (vec![], vec![]));
    holds(graph("0-1a").goal([1]));
    assert_eq!(violated(graph("0-1a 1-2a").goal([1])), (vec![0, 1], vec![]));
}

#[test]
fn what_is_shown_is_a_cycle_even_if_the_component_is_an_eight() {
    // tla-rs #64: a and b are owed everywhere, and each is taken in one half of the eight only.
    let (_, cycle) = violated(graph("0-1a 1-0a 0-2b 2-0b 1-3b 2-3a").goal([3]));
    assert_eq!(cycle.len(), 4);
}

#[test]
fn a_goal_reached_once_must_be_reached_again() {
    violated(graph("0-1a 1-2a 2-2a").goal([0, 1]));
    holds(graph("0-1a 1-2a 2-0a").goal([1]));
}

#[test]
fn the_violation_with_the_shortest_stem_is_shown() {
    // Three steps to the loop found first by depth, two to that at 5; the loop at 4 owes b.
    let (stem, _) = violated(graph("0-1a 1-2a 2-3a 3-3a 0-4b 4-4a 4-5b 5-5b").goal([0]));
    assert_eq!(stem, [4, 6]);
}

/// Whether some fair behaviour stays in some set of states that avoids the goal: every set is tried. Returns the least
/// distance to any of them.
fn brute_force(graph: &Graph) -> Option<u64> {
    let distances = graph.distances();
    let avoiding: Vec<u32> = distances.keys().copied().filter(|state| !graph.goal.contains(state)).collect();
    let sets = 1u32..1 << avoiding.len();
    let sets = sets.map(|bits| avoiding.iter().enumerate().filter(move |(at, _)| bits >> at & 1 == 1));
    let sets = sets.map(|set| set.map(|(_, &state)| state).collect::<Vec<u32>>());
    sets.filter(|set| can_stay(graph, set)).filter_map(|set| set.iter().map(|state| distances[state]).min()).min()
}

fn can_stay(graph: &Graph, set: &[u32]) -> bool {
    let inside: Vec<&Edge> =
        graph.edges.iter().filter(|edge| set.contains(&edge.from) && set.contains(&edge.to)).collect();
    let connected = set.iter().all(|&start| {
        let mut reached = vec![start];
        while let Some(edge) = inside.iter().find(|edge| reached.contains(&edge.from) && !reached.contains(&edge.to)) {
            reached.push(edge.to);
        }
        reached.len() == set.len()
    });
    connected
        && (0..64).all(|class| {
            set.iter().any(|&state| !graph.enabled(state, class)) || inside.iter().any(|edge| edge.class == Some(class))
        })
}

fn graphs() -> impl Strategy<Value = Graph> {
    (1u32..8).prop_flat_map(|states| {
        let edges = prop::collection::vec((0..states, 0..states, prop::option::weighted(0.8, 0u8..3)), 0..22);
        let goal = prop::collection::btree_set(0..states, 0..3);
        let initial = prop::collection::vec(0..states, 1..3);
        (edges, goal, initial).prop_map(|(edges, goal, initial)| Graph {
            initial,
            edges: edges.into_iter().map(|(from, to, class)| Edge { from, to, class }).collect(),
            goal,
            ..Graph::default()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn the_verdict_is_that_of_brute_force(graph in graphs(), threads in 1usize..3) {
        let report = graph.explore(Settings { threads, ..LIVE });
        let verdict = live(&report);
        let nearest = brute_force(&graph);
        prop_assert_eq!(verdict.holds, nearest.is_none());
        if let Some(distance) = nearest {
            prop_assert_eq!(assert_evidence(&graph, verdict) as u64, distance);
        }
    }
}

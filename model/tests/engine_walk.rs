//! Random walks and the shrinking of what they find.

mod engine_support;

use engine_support::{Edge, Graph, graph};
use model::engine::{NO_PANIC, WalkEnd, replay, shrink, walk};
use stateright::{Model, Property};

/// Counts up and down; bad at ten.
struct Counter;

impl Model for Counter {
    type State = i32;
    type Action = i32;

    fn init_states(&self) -> Vec<i32> {
        vec![0]
    }

    fn actions(&self, _: &i32, actions: &mut Vec<i32>) {
        actions.extend([-1, 1, 3, 0]);
    }

    fn next_state(&self, state: &i32, action: i32) -> Option<i32> {
        let next = state + action;
        (action != 0 && next >= 0).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("below ten", |_, state| *state < 10)]
    }
}

fn violated(name: &str) -> WalkEnd {
    WalkEnd::Violated { name: name.to_owned(), note: None }
}

#[test]
fn a_walk_is_its_seed() {
    let once = walk(&Counter, 7, 500, |_, _| 1).expect("not refused");
    assert_eq!(once, walk(&Counter, 7, 500, |_, _| 1).expect("not refused"));
    assert_ne!(once.actions, walk(&Counter, 8, 500, |_, _| 1).expect("not refused").actions);
    // The same on every platform and with every version of the crates below.
    assert_eq!(once.actions[..8], [1, -1, 1, 1, 1, 1, -1, 3]);
}

#[test]
fn a_walk_finds_and_shrinking_shortens() {
    let found = walk(&Counter, 1, 10_000, |_, action| if *action < 0 { 3 } else { 2 }).expect("not refused");
    assert_eq!(found.end, violated("below ten"));
    assert!(found.actions.len() > 8);
    assert!(found.actions.iter().all(|&action| action != 0), "an action without effect was recorded");
    let fails = |replayed: &model::engine::Replayed<i32>| replayed.end == Some(violated("below ten"));
    let short = shrink(&Counter, found.initial, &found.actions, fails).expect("not refused");
    for dropped in 0..short.len() {
        let mut shorter = short.clone();
        shorter.remove(dropped);
        assert_eq!(replay(&Counter, 0, &shorter).expect("not refused").end, None);
    }
    assert!(short.iter().all(|&action| action > 0) && short.len() < found.actions.len());
}

#[test]
fn weights_of_zero_and_limits_are_respected() {
    let up = walk(&Counter, 3, 100, |_, action| u32::from(*action == 3)).expect("not refused");
    assert_eq!((up.actions, up.end), (vec![3; 4], violated("below ten")));
    let short = walk(&Counter, 3, 2, |_, action| u32::from(*action == 3)).expect("not refused");
    assert_eq!((short.actions, short.end), (vec![3; 2], WalkEnd::StepLimit));
    let still = walk(&Counter, 3, 2, |_, _| 0).expect("not refused");
    assert_eq!((still.actions, still.end), (vec![], WalkEnd::DeadEnd));
    let blocked = walk(&Counter, 3, 2, |_, action| u32::from(*action < 0)).expect("not refused");
    assert_eq!(blocked.end, WalkEnd::DeadEnd);
}

#[test]
fn a_panic_on_a_walk_is_found_and_shrinks() {
    let mut edges = graph("0-1 1-0 1-2 2-1 2-3").edges;
    edges.push(Edge { from: 0, to: 0, class: None });
    let graph = Graph { initial: vec![0], edges, edge_panics: Some(4), ..Graph::default() };
    let found = walk(&graph, 5, 10_000, |_, _| 1).expect("not refused");
    let WalkEnd::Violated { name, note: Some(note) } = &found.end else { panic!("{:?}", found.end) };
    assert!(name == NO_PANIC && note.contains("no way through here"));
    let short = shrink(&graph, found.initial, &found.actions, |replayed| replayed.end == Some(found.end.clone()));
    assert_eq!(short, Ok(vec![0, 2, 4]));
}

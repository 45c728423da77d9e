//! Fair cycles that avoid a goal.
//!
//! A weakly fair behaviour that reaches the goal only finitely often ends in a set of states that avoids the goal, is
//! strongly connected, and for every fairness class has a state in which the class is disabled, or an edge of the class
//! inside. If some such set exists then the maximal component around it (of the subgraph that avoids the goal) is such
//! a set too, for both ways of being fair only grow with the set. So it is exact to test maximal components: of the
//! *subgraph*, since a class taken only on the way through the goal is no excuse. A single state without a loop counts
//! as a set: a system may rest (stutter) where no class is enabled. Enabledness is that of the full graph.

use super::components::{Component, Components};
use super::edges::Graph;

/// The states of the violating component nearest to the initial states, sorted; the first is the nearest of them.
pub(super) fn nearest_violation(graph: &Graph, goal: usize) -> Option<Vec<u32>> {
    let mut components = Components::new(graph, |state| graph.reached(state, goal));
    let mut best: Option<(u32, Vec<u32>)> = None;
    for root in 0..graph.states() {
        // A component not yet seen has no state before this root.
        if best.as_ref().is_some_and(|(nearest, _)| *nearest < root) {
            break;
        }
        components.visit_from(root, |component| {
            let nearest = *component.states.iter().min().expect("components are not empty");
            let nearer = best.as_ref().is_none_or(|(known, _)| nearest < *known);
            if nearer && is_fair(graph, &component) {
                best = Some((nearest, component.states.to_vec()));
            }
        });
    }
    let (_, mut states) = best?;
    states.sort_unstable();
    Some(states)
}

/// Whether a behaviour may stay in this component for ever without being unfair to any class.
fn is_fair(graph: &Graph, component: &Component<'_>) -> bool {
    let mut owed = component.states.iter().fold(u64::MAX, |owed, &state| owed & graph.enabled(state));
    for &state in component.states {
        if owed == 0 {
            return true;
        }
        for edge in graph.edges(state).filter(|&edge| component.contains(graph.target(edge))) {
            owed &= !graph.taken(edge);
        }
    }
    owed == 0
}

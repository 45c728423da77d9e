//! A real cycle through a violating component: what is shown must be a behaviour, not a set of states.

use super::edges::Graph;
use std::collections::{HashMap, VecDeque};

/// A walk inside one component that is fair to every class.
struct Walk<'a> {
    graph: &'a Graph,
    /// The component, sorted.
    states: &'a [u32],
    edges: Vec<u64>,
    at: u32,
    /// The classes enabled in every state of the walk so far and not taken yet.
    owed: u64,
}

/// The edges of a fair cycle from the first state of the (sorted) component back to it.
///
/// It goes to the nearest witness of any class still owed (a state where the class is disabled, or an edge that takes
/// it), on from there, and in the end home. A first state that owes nothing needs no step: the empty cycle.
pub(super) fn fair_cycle(graph: &Graph, states: &[u32]) -> Vec<u64> {
    let home = states[0];
    let mut walk = Walk { graph, states, edges: Vec::new(), at: home, owed: graph.enabled(home) };
    while walk.owed != 0 {
        let owed = walk.owed;
        walk.go(|edge| owed & graph.taken(edge) != 0 || owed & !graph.enabled(graph.target(edge)) != 0);
    }
    if walk.at != home {
        walk.go(|edge| graph.target(edge) == home);
    }
    walk.edges
}

impl Walk<'_> {
    /// Appends a shortest path that ends with an edge as wanted; in a violating component there is one.
    fn go(&mut self, wanted: impl Fn(u64) -> bool) {
        let mut origins = HashMap::new();
        let mut queue = VecDeque::from([self.at]);
        while let Some(from) = queue.pop_front() {
            for edge in self.graph.edges(from) {
                let target = self.graph.target(edge);
                if self.states.binary_search(&target).is_err() {
                    continue;
                }
                if wanted(edge) {
                    return self.append(&origins, from, edge);
                }
                if target != self.at && !origins.contains_key(&target) {
                    origins.insert(target, (from, edge));
                    queue.push_back(target);
                }
            }
        }
        unreachable!("a violating component is strongly connected and fair to every class");
    }

    fn append(&mut self, origins: &HashMap<u32, (u32, u64)>, from: u32, last: u64) {
        let mut path = vec![last];
        let mut at = from;
        while at != self.at {
            let (before, edge) = origins[&at];
            path.push(edge);
            at = before;
        }
        path.reverse();
        for edge in path {
            self.at = self.graph.target(edge);
            self.owed &= self.graph.enabled(self.at) & !self.graph.taken(edge);
            self.edges.push(edge);
        }
    }
}

//! Strongly connected components of the part of a graph that avoids a goal.
//!
//! Pearce's space-efficient form of Tarjan's algorithm (2016), with an explicit stack: a chain of a million states must
//! not overflow ours. One word a state: 0 before it is visited, then its low-link, which counts up, and finally the
//! number of its component, which counts down from the top: a finished state never looks lower than an open one.

use super::edges::Graph;
use super::segments::Segments;

/// Not part of the searched subgraph: never unvisited and never lower than anything.
const OUTSIDE: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Frame {
    state: u32,
    root: bool,
    edge: u64,
}

/// A finished component and the labels by which its states know each other.
pub(super) struct Component<'a> {
    /// Its states, in no particular order.
    pub(super) states: &'a [u32],
    label: u32,
    labels: &'a [u32],
}

impl Component<'_> {
    pub(super) fn contains(&self, state: u32) -> bool {
        self.labels[state as usize] == self.label
    }
}

/// The search, which can be asked for one tree of the depth-first forest after the other.
pub(super) struct Components<'a> {
    graph: &'a Graph,
    labels: Vec<u32>,
    open: Segments<u32>,
    frames: Segments<Frame>,
    members: Vec<u32>,
    index: u32,
    label: u32,
}

impl<'a> Components<'a> {
    /// Over the states that are not `outside`.
    pub(super) fn new(graph: &'a Graph, outside: impl Fn(u32) -> bool) -> Self {
        let labels = (0..graph.states()).map(|state| if outside(state) { OUTSIDE } else { 0 }).collect();
        let (open, frames, members) = (Segments::new(), Segments::new(), Vec::new());
        Components { graph, labels, open, frames, members, index: 1, label: OUTSIDE - 1 }
    }

    /// Visits every component reachable from `root` that was not visited before.
    pub(super) fn visit_from(&mut self, root: u32, mut visit: impl FnMut(Component<'_>)) {
        if self.labels[root as usize] != 0 {
            return;
        }
        self.enter(root);
        while let Some(frame) = self.frames.last() {
            if frame.edge == self.graph.edges(frame.state).end {
                self.frames.pop();
                self.leave(frame, &mut visit);
                continue;
            }
            let target = self.graph.target(frame.edge);
            let low = self.labels[target as usize];
            if low == 0 {
                // This edge is looked at again when the target is left.
                self.enter(target);
                continue;
            }
            let top = self.frames.last_mut().expect("just seen");
            top.edge += 1;
            let own = &mut self.labels[frame.state as usize];
            if low < *own {
                *own = low;
                top.root = false;
            }
        }
    }

    fn enter(&mut self, state: u32) {
        self.labels[state as usize] = self.index;
        self.index += 1;
        self.frames.push(Frame { state, root: true, edge: self.graph.edges(state).start });
    }

    fn leave(&mut self, frame: Frame, visit: &mut impl FnMut(Component<'_>)) {
        if !frame.root {
            self.open.push(frame.state);
            return;
        }
        self.members.clear();
        self.members.push(frame.state);
        let low = self.labels[frame.state as usize];
        while let Some(state) = self.open.last().filter(|&state| low <= self.labels[state as usize]) {
            self.open.pop();
            self.members.push(state);
        }
        for &state in &self.members {
            self.labels[state as usize] = self.label;
        }
        self.index -= self.members.len() as u32;
        visit(Component { states: &self.members, label: self.label, labels: &self.labels });
        self.label -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use petgraph::{algo::kosaraju_scc, graph::DiGraph};
    use proptest::prelude::*;

    fn partition(states: u32, edges: &[(u32, u32)], outside: u64) -> Vec<Vec<u32>> {
        let graph = Graph::of_shape(states, edges);
        let mut components = Components::new(&graph, |state| outside >> state & 1 == 1);
        let mut partition = Vec::new();
        for root in 0..states {
            components.visit_from(root, |component| {
                assert!(component.states.iter().all(|&state| component.contains(state)));
                partition.push(component.states.to_vec());
            });
        }
        sorted(partition)
    }

    fn oracle(states: u32, edges: &[(u32, u32)], outside: u64) -> Vec<Vec<u32>> {
        let mut graph = DiGraph::<u32, ()>::new();
        let nodes: Vec<_> = (0..states).map(|state| graph.add_node(state)).collect();
        for &(from, to) in edges {
            if (outside >> from | outside >> to) & 1 == 0 {
                graph.add_edge(nodes[from as usize], nodes[to as usize], ());
            }
        }
        let inside = |component: &Vec<u32>| outside >> component[0] & 1 == 0;
        let components = kosaraju_scc(&graph).into_iter();
        let components = components.map(|component| component.into_iter().map(|node| graph[node]).collect::<Vec<_>>());
        sorted(components.filter(inside).collect())
    }

    fn sorted(mut partition: Vec<Vec<u32>>) -> Vec<Vec<u32>> {
        partition.iter_mut().for_each(|component| component.sort());
        partition.sort();
        partition
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn partition_is_that_of_kosaraju(
            (states, edges, outside) in (1u32..24).prop_flat_map(|states| {
                (Just(states), prop::collection::vec((0..states, 0..states), 0..60), any::<u64>())
            }),
            some_outside in any::<bool>(),
        ) {
            let outside = if some_outside { outside & outside >> 32 } else { 0 };
            prop_assert_eq!(partition(states, &edges, outside), oracle(states, &edges, outside));
        }
    }

    #[test]
    fn a_ring_of_a_million_states_is_one_component() {
        let states = 1_000_000u32;
        let mut log = super::super::edges::EdgeLog::new();
        for id in 0..states {
            let source = super::super::edges::Source { id, degree: 1, enabled: 0, goals: 0 };
            let (targets, classes) = (vec![(id + 1) % states], vec![super::super::edges::NO_CLASS]);
            log.append(&super::super::edges::EdgeBatch { sources: vec![source], targets, classes });
        }
        let graph = log.into_graph(states as usize);
        let mut sizes = Vec::new();
        Components::new(&graph, |_| false).visit_from(0, |component| sizes.push(component.states.len()));
        assert_eq!(sizes, [states as usize]);
    }
}

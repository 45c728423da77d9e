//! A model that is a small explicit graph, written as text.
#![allow(dead_code)]

use model::engine::{Fair, Goal, Progress, Report, Settings, explore};
use stateright::{Model, Property};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// An arrow; its index is the action.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    pub from: u32,
    pub to: u32,
    pub class: Option<u8>,
}

/// States are numbers, actions are indices of edges.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    pub initial: Vec<u32>,
    pub edges: Vec<Edge>,
    pub goal: BTreeSet<u32>,
    /// "never bad" is violated here.
    pub bad: BTreeSet<u32>,
    /// "sometimes seen" is witnessed here.
    pub seen: BTreeSet<u32>,
    /// The edges that panic, the states whose actions panic, and those in which the property panics.
    pub edge_panics: Option<usize>,
    pub actions_panic: Option<u32>,
    pub property_panics: Option<u32>,
    pub outside_boundary: Option<u32>,
    pub eventually: bool,
    pub without_properties: bool,
}

/// `"0-1a 1-0"`: an arrow of class a (0) from 0 to 1, and an unfair one back. The initial state is 0.
pub fn graph(text: &str) -> Graph {
    let edges = text.split_whitespace().map(|word| {
        let (from, to) = word.split_once('-').expect("from-to");
        let class = to.bytes().last().filter(u8::is_ascii_lowercase).map(|letter| letter - b'a');
        let to = to.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
        Edge { from: from.parse().expect("a number"), to: to.parse().expect("a number"), class }
    });
    Graph { initial: vec![0], edges: edges.collect(), ..Graph::default() }
}

impl Graph {
    pub fn goal(mut self, states: impl IntoIterator<Item = u32>) -> Self {
        self.goal = states.into_iter().collect();
        self
    }

    pub fn bad(mut self, states: impl IntoIterator<Item = u32>) -> Self {
        self.bad = states.into_iter().collect();
        self
    }

    pub fn seen(mut self, states: impl IntoIterator<Item = u32>) -> Self {
        self.seen = states.into_iter().collect();
        self
    }

    pub fn leaving(&self, state: u32) -> impl Iterator<Item = (usize, &Edge)> {
        self.edges.iter().enumerate().filter(move |(_, edge)| edge.from == state)
    }

    pub fn enabled(&self, state: u32, class: u8) -> bool {
        self.leaving(state).any(|(_, edge)| edge.class == Some(class))
    }

    /// The states along a list of actions, which must fit together.
    pub fn follow(&self, start: u32, actions: &[usize]) -> Vec<u32> {
        let mut states = vec![start];
        for &action in actions {
            let edge = self.edges[action];
            assert_eq!(edge.from, states[states.len() - 1], "the path jumps");
            states.push(edge.to);
        }
        states
    }

    /// Every reachable state with its distance: the naive oracle.
    pub fn distances(&self) -> BTreeMap<u32, u64> {
        let mut distances: BTreeMap<u32, u64> = self.initial.iter().map(|&state| (state, 0)).collect();
        let mut queue: VecDeque<u32> = distances.keys().copied().collect();
        while let Some(state) = queue.pop_front() {
            let next = distances[&state] + 1;
            for (_, edge) in self.leaving(state) {
                distances.entry(edge.to).or_insert_with(|| {
                    queue.push_back(edge.to);
                    next
                });
            }
        }
        distances
    }

    pub fn explore(&self, settings: Settings) -> Report<usize> {
        explore(self, &settings, &Progress::new()).expect("not refused")
    }
}

impl Model for Graph {
    type State = u32;
    type Action = usize;

    fn init_states(&self) -> Vec<u32> {
        self.initial.clone()
    }

    fn actions(&self, state: &u32, actions: &mut Vec<usize>) {
        assert_ne!(self.actions_panic, Some(*state), "no actions here");
        actions.extend(self.leaving(*state).map(|(index, _)| index));
    }

    fn next_state(&self, _: &u32, action: usize) -> Option<u32> {
        assert_ne!(self.edge_panics, Some(action), "no way through here");
        Some(self.edges[action].to)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        if self.without_properties {
            return Vec::new();
        }
        let mut properties = vec![
            Property::always("never bad", |model: &Graph, state| {
                assert_ne!(model.property_panics, Some(*state), "no opinion here");
                !model.bad.contains(state)
            }),
            Property::sometimes("sometimes seen", |model: &Graph, state| model.seen.contains(state)),
        ];
        if self.eventually {
            properties.push(Property::eventually("eventually goal", |model: &Graph, state| model.goal.contains(state)));
        }
        properties
    }

    fn within_boundary(&self, state: &u32) -> bool {
        self.outside_boundary != Some(*state)
    }
}

impl Fair for Graph {
    fn class(&self, _: &u32, action: &usize) -> Option<u8> {
        self.edges[*action].class
    }

    fn goals(&self) -> Vec<Goal<Self>> {
        vec![Goal { name: "goal", reached: |model, state| model.goal.contains(state) }]
    }
}

//! Paths that together take every edge of a graph of the model.
//!
//! From the initial states breadth first, all of the graph is found. Then a path goes along edges that no path took
//! before; where all that leave a state are taken, it goes on to the nearest state with one that is not, and where
//! there is none ahead, the next path begins, with the shortest way to such a state.

use model::world::{Action, World};
use model::zookeeper::ZooKeeper;
use stateright::Model;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A graph whose states have numbers, in the order of their finding; the initial ones come first.
#[derive(Debug, Default)]
pub struct Graph {
    /// For each initial state of the model, its number: equal ones have the same.
    pub initial: Vec<u32>,
    /// For each state the states that its actions lead to, in the order of the actions.
    pub edges: Vec<Vec<u32>>,
}

/// A path: where it begins, and which of each state's actions it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The place of the initial state.
    pub initial: usize,
    /// The actions, by their places.
    pub places: Vec<usize>,
}

/// The graph has more states than were allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the model has more than {0} states within these bounds; choose smaller ones")]
pub struct TooLarge(pub usize);

impl Graph {
    /// Finds all of a model's graph.
    ///
    /// # Errors
    /// When it has more than `limit` states.
    pub fn of(model: &ZooKeeper, limit: usize) -> Result<Graph, TooLarge> {
        let (mut graph, mut numbers, mut frontier) = (Graph::default(), HashMap::new(), VecDeque::new());
        let mut number = |world: World, frontier: &mut VecDeque<World>| {
            let next = numbers.len() as u32;
            match numbers.entry(fingerprint(&world)) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => {
                    frontier.push_back(world);
                    *new.insert(next)
                }
            }
        };
        for world in model.init_states() {
            graph.initial.push(number(world, &mut frontier));
        }
        while let Some(world) = frontier.pop_front() {
            if graph.edges.len() == limit {
                return Err(TooLarge(limit));
            }
            let mut actions = Vec::new();
            model.actions(&world, &mut actions);
            let next = actions.into_iter().filter_map(|action| model.next_state(&world, action));
            let targets = next.map(|next| number(next, &mut frontier)).collect();
            graph.edges.push(targets);
        }
        Ok(graph)
    }

    /// How many edges there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.edges.iter().map(Vec::len).sum()
    }

    /// Paths that take every edge at least once.
    #[must_use]
    pub fn cover(&self) -> Vec<Path> {
        let mut open: Vec<HashSet<usize>> = self.edges.iter().map(|targets| (0..targets.len()).collect()).collect();
        let mut paths = Vec::new();
        while let Some((initial, places, mut at)) = self.begin(&open) {
            let mut path = Path { initial, places };
            loop {
                if let Some(place) = open[at as usize].iter().min().copied() {
                    open[at as usize].remove(&place);
                    path.places.push(place);
                    at = self.edges[at as usize][place];
                } else if let Some((way, there)) = self.nearest(&[at], &open).map(|(_, way, there)| (way, there)) {
                    path.places.extend(way);
                    at = there;
                } else {
                    break;
                }
            }
            paths.push(path);
        }
        paths
    }

    fn begin(&self, open: &[HashSet<usize>]) -> Option<(usize, Vec<usize>, u32)> {
        let (first, way, there) = self.nearest(&self.initial, open)?;
        Some((self.initial.iter().position(|initial| *initial == first)?, way, there))
    }

    /// The nearest state with an open edge: from which of these states on, by which way.
    fn nearest(&self, from: &[u32], open: &[HashSet<usize>]) -> Option<(u32, Vec<usize>, u32)> {
        let mut origins: HashMap<u32, Option<(u32, usize)>> = from.iter().map(|state| (*state, None)).collect();
        let mut frontier: VecDeque<u32> = from.iter().copied().collect();
        while let Some(state) = frontier.pop_front() {
            if !open[state as usize].is_empty() {
                let (mut way, mut at) = (Vec::new(), state);
                while let Some((before, place)) = origins[&at] {
                    way.push(place);
                    at = before;
                }
                way.reverse();
                return Some((at, way, state));
            }
            for (place, next) in self.edges[state as usize].iter().enumerate() {
                if let Entry::Vacant(new) = origins.entry(*next) {
                    new.insert(Some((state, place)));
                    frontier.push_back(*next);
                }
            }
        }
        None
    }
}

/// The action at this place of a state.
#[must_use]
pub fn action(model: &ZooKeeper, world: &World, place: usize) -> Option<Action> {
    let mut actions = Vec::new();
    model.actions(world, &mut actions);
    actions.get(place).copied()
}

fn fingerprint(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edge_of_a_graph_with_cycles_and_ends_is_taken() {
        // 0 ⇄ 1 → 2, 0 → 3 → 3, and 4 is another beginning that leads to 3.
        let graph = Graph { initial: vec![0, 4], edges: vec![vec![1, 3], vec![0, 2], vec![], vec![3], vec![3]] };
        let mut taken = HashSet::new();
        for path in graph.cover() {
            let mut at = graph.initial[path.initial];
            for place in path.places {
                taken.insert((at, place));
                at = graph.edges[at as usize][place];
            }
        }
        assert_eq!(taken.len(), graph.size());
    }
}

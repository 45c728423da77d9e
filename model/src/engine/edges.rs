//! The recorded graph: 5 bytes an edge and 18 a state while exploring, then in rows.
//!
//! While exploring, states appear by id, in the order of their expansion. Afterwards they are renumbered by that order,
//! their *rank*: ranks are dense, and the smaller of two ranks is never the deeper state.

use super::segments::Segments;

/// The class of an edge that nothing obliges to happen.
pub(super) const NO_CLASS: u8 = u8::MAX;

/// An expanded state.
#[derive(Clone, Copy)]
pub(super) struct Source {
    pub(super) id: u32,
    /// How many edges leave it.
    pub(super) degree: u16,
    /// The fairness classes enabled in it, one bit each.
    pub(super) enabled: u64,
    /// The goals reached in it, one bit each.
    pub(super) goals: u32,
}

/// Expanded states with all their edges, in order, on their way into the log.
#[derive(Default)]
pub(super) struct EdgeBatch {
    pub(super) sources: Vec<Source>,
    pub(super) targets: Vec<u32>,
    pub(super) classes: Vec<u8>,
}

impl EdgeBatch {
    pub(super) fn clear(&mut self) {
        self.sources.clear();
        self.targets.clear();
        self.classes.clear();
    }
}

/// The graph as it is recorded.
pub(super) struct EdgeLog {
    ids: Segments<u32>,
    degrees: Segments<u16>,
    enabled: Segments<u64>,
    goals: Segments<u32>,
    targets: Segments<u32>,
    classes: Segments<u8>,
}

impl EdgeLog {
    pub(super) fn new() -> Self {
        EdgeLog {
            ids: Segments::new(),
            degrees: Segments::new(),
            enabled: Segments::new(),
            goals: Segments::new(),
            targets: Segments::new(),
            classes: Segments::new(),
        }
    }

    pub(super) fn append(&mut self, batch: &EdgeBatch) {
        for source in &batch.sources {
            self.ids.push(source.id);
            self.degrees.push(source.degree);
            self.enabled.push(source.enabled);
            self.goals.push(source.goals);
        }
        self.targets.extend(&batch.targets);
        self.classes.extend(&batch.classes);
    }

    /// Renumbers ids (all below `id_bound`) to ranks.
    pub(super) fn into_graph(mut self, id_bound: usize) -> Graph {
        let mut ranks = vec![u32::MAX; id_bound];
        for (rank, id) in self.ids.iter().enumerate() {
            ranks[id as usize] = rank as u32;
        }
        for target in self.targets.iter_mut() {
            *target = ranks[*target as usize];
            assert_ne!(*target, u32::MAX, "an edge leads to a state that was never expanded");
        }
        let mut starts = Vec::with_capacity(self.ids.len() + 1);
        let mut start = 0;
        starts.push(start);
        for degree in self.degrees.iter() {
            start += u64::from(degree);
            starts.push(start);
        }
        assert_eq!(start, self.targets.len() as u64, "every edge belongs to one state");
        let EdgeLog { ids, enabled, goals, targets, classes, .. } = self;
        Graph { ids, starts, enabled, goals, targets, classes }
    }
}

/// The graph in rows: the edges of the state of rank `r` are those from `starts[r]` to `starts[r + 1]`.
pub(super) struct Graph {
    ids: Segments<u32>,
    starts: Vec<u64>,
    enabled: Segments<u64>,
    goals: Segments<u32>,
    targets: Segments<u32>,
    classes: Segments<u8>,
}

impl Graph {
    pub(super) fn states(&self) -> u32 {
        self.ids.len() as u32
    }

    pub(super) fn id(&self, state: u32) -> u32 {
        self.ids.get(state as usize)
    }

    pub(super) fn enabled(&self, state: u32) -> u64 {
        self.enabled.get(state as usize)
    }

    pub(super) fn reached(&self, state: u32, goal: usize) -> bool {
        self.goals.get(state as usize) >> goal & 1 == 1
    }

    /// The numbers of the edges that leave a state.
    pub(super) fn edges(&self, state: u32) -> std::ops::Range<u64> {
        self.starts[state as usize]..self.starts[state as usize + 1]
    }

    pub(super) fn target(&self, edge: u64) -> u32 {
        self.targets.get(edge as usize)
    }

    pub(super) fn class(&self, edge: u64) -> u8 {
        self.classes.get(edge as usize)
    }

    /// The fairness classes taken by this edge: one bit or none.
    pub(super) fn taken(&self, edge: u64) -> u64 {
        1u64.checked_shl(u32::from(self.class(edge))).unwrap_or(0)
    }
}

#[cfg(test)]
impl Graph {
    /// A graph without fairness or goals, for tests of its shape.
    pub(super) fn of_shape(states: u32, edges: &[(u32, u32)]) -> Graph {
        let mut log = EdgeLog::new();
        for id in 0..states {
            let targets: Vec<u32> = edges.iter().filter(|edge| edge.0 == id).map(|edge| edge.1).collect();
            let source = Source { id, degree: targets.len() as u16, enabled: 0, goals: 0 };
            let classes = vec![NO_CLASS; targets.len()];
            log.append(&EdgeBatch { sources: vec![source], targets, classes });
        }
        log.into_graph(states as usize)
    }
}

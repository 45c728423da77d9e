//! The only full states kept: those of the level being expanded and of the next.
//!
//! They lie in chunks, which are the unit of work as well: a worker takes a whole chunk, and its memory is free again
//! before the next is taken.

use super::Fair;
use std::collections::VecDeque;
use std::sync::Mutex;

/// States with their ids: as bytes where the model can pack them, whole otherwise.
pub(super) struct Chunk<S> {
    ids: Vec<u32>,
    states: Vec<S>,
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

/// Large enough that a shard's lock serves several states, small enough that the successors of a chunk stay in cache.
const CHUNK: usize = 128;

impl<S> Chunk<S> {
    fn new() -> Self {
        Chunk { ids: Vec::with_capacity(CHUNK), states: Vec::new(), bytes: Vec::new(), ends: Vec::new() }
    }

    /// How many states it holds.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    fn push<M: Fair<State = S>>(&mut self, model: &M, id: u32, state: S) {
        self.ids.push(id);
        if model.pack(&state, &mut self.bytes) {
            self.ends.push(u32::try_from(self.bytes.len()).expect("a chunk is small"));
        } else {
            self.states.push(state);
        }
    }

    /// Calls `visit` with every state.
    pub(super) fn for_each<M: Fair<State = S>>(&self, model: &M, mut visit: impl FnMut(u32, &S)) {
        let mut start = 0;
        for (at, id) in self.ids.iter().enumerate() {
            match self.ends.get(at) {
                Some(end) => visit(*id, &model.unpack(&self.bytes[start..*end as usize])),
                None => visit(*id, &self.states[at]),
            }
            start = self.ends.get(at).map_or(0, |end| *end as usize);
        }
    }
}

/// The states of the next level, as one worker finds them.
pub(super) struct Found<S> {
    chunks: Vec<Chunk<S>>,
}

impl<S> Found<S> {
    pub(super) fn new() -> Self {
        Found { chunks: Vec::new() }
    }

    pub(super) fn push<M: Fair<State = S>>(&mut self, model: &M, id: u32, state: S) {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            if let Some(full) = self.chunks.last_mut() {
                full.bytes.shrink_to_fit();
            }
            self.chunks.push(Chunk::new());
        }
        let chunk = self.chunks.last_mut().expect("one was pushed where none was");
        chunk.push(model, id, state);
    }
}

/// The states of the level being expanded, shared between workers.
pub(super) struct Level<S> {
    chunks: Mutex<VecDeque<Chunk<S>>>,
}

impl<S> Level<S> {
    /// Gathers what the workers found.
    pub(super) fn gather<'a>(found: impl Iterator<Item = &'a mut Found<S>>) -> Self
    where
        S: 'a,
    {
        let chunks = found.flat_map(|found| std::mem::take(&mut found.chunks)).collect();
        Level { chunks: Mutex::new(chunks) }
    }

    /// The next chunk to expand.
    pub(super) fn take(&self) -> Option<Chunk<S>> {
        self.chunks.lock().expect("no worker panicked").pop_front()
    }

    /// How many chunks wait.
    pub(super) fn len(&self) -> usize {
        self.chunks.lock().expect("no worker panicked").len()
    }
}

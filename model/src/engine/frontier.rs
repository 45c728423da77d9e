//! The only full states kept: those of the level being expanded and of the next.
//!
//! They lie in chunks, which are the unit of work as well: a worker takes a whole chunk, and its memory is free again
//! before the next is taken.

use std::collections::VecDeque;
use std::sync::Mutex;

/// States with their ids.
pub(super) type Chunk<S> = Vec<(u32, S)>;

/// Large enough that a shard's lock serves several states, small enough that the successors of a chunk stay in cache.
const CHUNK: usize = 128;

/// The states of the next level, as one worker finds them.
pub(super) struct Found<S> {
    chunks: Vec<Chunk<S>>,
}

impl<S> Found<S> {
    pub(super) fn new() -> Self {
        Found { chunks: Vec::new() }
    }

    pub(super) fn push(&mut self, id: u32, state: S) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push((id, state)),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push((id, state));
                self.chunks.push(chunk);
            }
        }
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

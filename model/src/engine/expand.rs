//! The worker: takes a chunk of states, takes every action, and hands in what is new.
//!
//! ```text
//! chunk ──successors──▶ candidates ──settle──▶ ids, new or known ──admit──▶ next level
//!                                    by shard                     checked      + edges
//! ```
//!
//! A chunk goes through each stage as a whole: so a lock is taken once for several states, and the cache misses of the
//! table overlap. Candidates are admitted in the order in which they were generated; one worker alone is deterministic.

use super::edges::{EdgeBatch, NO_CLASS, Source};
use super::findings::{Halt, Search};
use super::fingerprint::Fingerprinter;
use super::frontier::{Chunk, Found, Level};
use super::premises::MAX_ACTIONS;
use super::table::{NO_PARENT, SHARDS, shard_of};
use super::{EngineError, Fair, quiet};
use stateright::Model;
use std::hash::Hash;

/// A successor on its way to being known or new.
struct Candidate<S> {
    state: S,
    fingerprint: u128,
    parent: u32,
    id: u32,
    action: u16,
    class: u8,
    fresh: bool,
}

/// One worker's scratch space, kept from level to level, and what it found for the next.
pub(super) struct Worker<M: Model> {
    number: usize,
    fingerprinter: Fingerprinter,
    actions: Vec<M::Action>,
    candidates: Vec<Candidate<M::State>>,
    order: Vec<u32>,
    batch: EdgeBatch,
    pub(super) found: Found<M::State>,
}

impl<M: Fair> Worker<M>
where
    M::State: Hash,
{
    pub(super) fn new(number: usize) -> Self {
        Worker {
            number,
            fingerprinter: Fingerprinter::default(),
            actions: Vec::new(),
            candidates: Vec::new(),
            order: Vec::new(),
            batch: EdgeBatch::default(),
            found: Found::new(),
        }
    }

    /// Admits the initial states.
    pub(super) fn begin(&mut self, search: &Search<'_, M>, states: Vec<M::State>) {
        for (at, state) in states.into_iter().enumerate() {
            let fingerprint = match quiet::catch(|| self.fingerprinter.of(&state)) {
                Ok(fingerprint) => fingerprint,
                Err(note) => {
                    search.panicked(NO_PARENT, None, note);
                    continue;
                }
            };
            let (parent, action) = (NO_PARENT, at as u16);
            let candidate = Candidate { state, fingerprint, parent, id: 0, action, class: NO_CLASS, fresh: false };
            self.candidates.push(candidate);
        }
        self.settle(search);
        let fresh = self.admit(search);
        search.advance(0, 0, fresh);
        self.batch.clear();
    }

    /// Expands chunks until the level is empty or the search halts.
    pub(super) fn run(&mut self, search: &Search<'_, M>, level: &Level<M::State>) {
        while !search.halted() {
            let Some(chunk) = level.take() else { return };
            self.expand(search, chunk);
        }
    }

    fn expand(&mut self, search: &Search<'_, M>, chunk: Chunk<M::State>) {
        chunk.for_each(search.model, |id, state| {
            let source = self.successors(search, id, state);
            if search.settings.liveness {
                self.batch.sources.push(source);
            }
        });
        let (expanded, generated) = (chunk.len() as u64, self.candidates.len() as u64);
        drop(chunk);
        self.settle(search);
        let fresh = self.admit(search);
        if search.settings.liveness {
            search.edges.lock().expect("no worker panicked").append(&self.batch);
            self.batch.clear();
        }
        search.advance(expanded, generated, fresh);
    }

    /// Takes every action of one state.
    fn successors(&mut self, search: &Search<'_, M>, id: u32, state: &M::State) -> Source {
        let mut source = Source { id, degree: 0, enabled: 0, goals: 0 };
        let model = search.model;
        self.actions.clear();
        if let Err(note) = quiet::catch(|| model.actions(state, &mut self.actions)) {
            search.panicked(id, None, note);
            return source;
        }
        if self.actions.len() > MAX_ACTIONS {
            search.stop(Halt::Refused(EngineError::TooManyActions(self.actions.len())));
            return source;
        }
        for (bit, goal) in search.goals.iter().enumerate() {
            match quiet::catch(|| (goal.reached)(model, state)) {
                Ok(reached) => source.goals |= u32::from(reached) << bit,
                Err(note) => search.panicked(id, None, note),
            }
        }
        let fingerprinter = &mut self.fingerprinter;
        for (at, action) in self.actions.drain(..).enumerate() {
            let step = quiet::catch(|| {
                let class = if search.settings.liveness { model.class(state, &action) } else { None };
                let next = model.next_state(state, action)?;
                let fingerprint = fingerprinter.of(&next);
                Some((next, fingerprint, class))
            });
            let (next, fingerprint, class) = match step {
                Ok(Some(step)) => step,
                Ok(None) => continue,
                Err(note) => {
                    search.panicked(id, Some(at as u16), note);
                    continue;
                }
            };
            match class {
                Some(class @ 64..) => search.stop(Halt::Refused(EngineError::ClassOutOfRange(class))),
                Some(class) => source.enabled |= 1 << class,
                None => {}
            }
            source.degree += 1;
            let (action, class) = (at as u16, class.unwrap_or(NO_CLASS));
            let candidate = Candidate { state: next, fingerprint, parent: id, id: 0, action, class, fresh: false };
            self.candidates.push(candidate);
        }
        source
    }

    /// Looks every candidate up, one shard after the other.
    fn settle(&mut self, search: &Search<'_, M>) {
        let mut ends = [0u32; SHARDS];
        for candidate in &self.candidates {
            ends[shard_of(candidate.fingerprint)] += 1;
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum;
        }
        let mut starts = ends;
        self.order.resize(self.candidates.len(), 0);
        for (at, candidate) in self.candidates.iter().enumerate().rev() {
            let start = &mut starts[shard_of(candidate.fingerprint)];
            *start -= 1;
            self.order[*start as usize] = at as u32;
        }
        for turn in 0..SHARDS {
            // Each worker begins elsewhere, so that they seldom meet at a lock.
            let shard = (turn + self.number * (SHARDS / 2 + 1)) % SHARDS;
            let group = &self.order[starts[shard] as usize..ends[shard] as usize];
            if group.is_empty() {
                continue;
            }
            let mut shard = search.table.shards[shard].lock().expect("no worker panicked");
            shard.touch(group.iter().map(|&at| self.candidates[at as usize].fingerprint));
            for &at in group {
                let candidate = &mut self.candidates[at as usize];
                let (id, fresh) = shard.insert(candidate.fingerprint, candidate.parent, candidate.action);
                (candidate.id, candidate.fresh) = (id, fresh);
            }
        }
    }

    /// Checks the new states and keeps them for the next level; says how many there were.
    fn admit(&mut self, search: &Search<'_, M>) -> u64 {
        let mut fresh = 0;
        for candidate in self.candidates.drain(..) {
            if search.settings.liveness {
                self.batch.targets.push(candidate.id);
                self.batch.classes.push(candidate.class);
            }
            if candidate.fresh {
                fresh += 1;
                search.check(candidate.id, &candidate.state);
                self.found.push(search.model, candidate.id, candidate.state);
            }
        }
        fresh
    }
}

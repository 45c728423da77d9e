//! What all workers of one exploration share: the claims still open, the findings, and why to stop.

use super::edges::EdgeLog;
use super::table::{MAX_STATES, NO_PARENT, Table};
use super::{EngineError, Fair, Goal, Progress, Settings, premises, quiet};
use stateright::{Expectation, Property};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock};

/// Why the workers stop before they run out of states.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Halt {
    Violated,
    Capped,
    Interrupted,
    Refused(EngineError),
}

/// Which verdict a finding decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    Property(usize),
    NoPanic,
}

/// Evidence: the path to `state`, and then perhaps one action more.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) claim: Claim,
    pub(super) state: u32,
    pub(super) then: Option<u16>,
    pub(super) note: Option<String>,
}

/// One exploration, as its workers see it.
pub(super) struct Search<'a, M: Fair> {
    pub(super) model: &'a M,
    pub(super) settings: &'a Settings,
    pub(super) progress: &'a Progress,
    pub(super) properties: Vec<Property<M>>,
    pub(super) goals: Vec<Goal<M>>,
    pub(super) table: Table,
    pub(super) edges: Mutex<EdgeLog>,
    pub(super) findings: Mutex<Vec<Finding>>,
    pub(super) halt: OnceLock<Halt>,
    /// One bit for each property not yet decided.
    open: AtomicU64,
    panicked: AtomicBool,
}

impl<'a, M: Fair> Search<'a, M> {
    pub(super) fn new(model: &'a M, settings: &'a Settings, progress: &'a Progress) -> Result<Self, EngineError> {
        let properties = model.properties();
        let goals = if settings.liveness { model.goals() } else { Vec::new() };
        premises::check_claims(&properties, &goals)?;
        let open = u64::MAX.checked_shr(64 - properties.len() as u32).unwrap_or(0);
        Ok(Search {
            model,
            settings,
            progress,
            properties,
            goals,
            table: Table::new(),
            edges: Mutex::new(EdgeLog::new()),
            findings: Mutex::new(Vec::new()),
            halt: OnceLock::new(),
            open: AtomicU64::new(open),
            panicked: AtomicBool::new(false),
        })
    }

    pub(super) fn halted(&self) -> bool {
        self.halt.get().is_some()
    }

    /// Stops all workers; the first reason stands.
    pub(super) fn stop(&self, reason: Halt) {
        let _ = self.halt.set(reason);
    }

    /// Records the first panic; `then` is the action that panics, unless the state itself does.
    pub(super) fn panicked(&self, state: u32, then: Option<u16>, note: String) {
        if !self.panicked.swap(true, Relaxed) {
            self.record(Finding { claim: Claim::NoPanic, state, then, note: Some(note) });
        }
        if self.settings.stop_at_first {
            self.stop(Halt::Violated);
        }
    }

    /// Checks what is still open on a newly found state.
    pub(super) fn check(&self, id: u32, state: &M::State) {
        match quiet::catch(|| self.model.within_boundary(state)) {
            Ok(true) => {}
            Ok(false) => self.stop(Halt::Refused(EngineError::BoundaryRefused)),
            Err(note) => self.panicked(id, None, note),
        }
        let mut open = self.open.load(Relaxed);
        while open != 0 {
            let at = open.trailing_zeros() as usize;
            open &= open - 1;
            let property = &self.properties[at];
            let sought = property.expectation == Expectation::Sometimes;
            match quiet::catch(|| (property.condition)(self.model, state)) {
                Ok(value) if value == sought => self.decided(at, id),
                Ok(_) => {}
                Err(note) => self.panicked(id, None, note),
            }
        }
    }

    /// Closes a property with this state as evidence. Whoever comes first is as shallow as can be: no state of the
    /// next level is found before this level is done.
    fn decided(&self, at: usize, state: u32) {
        if self.open.fetch_and(!(1 << at), Relaxed) >> at & 1 == 0 {
            return;
        }
        self.record(Finding { claim: Claim::Property(at), state, then: None, note: None });
        if self.settings.stop_at_first && self.properties[at].expectation == Expectation::Always {
            self.stop(Halt::Violated);
        }
    }

    fn record(&self, finding: Finding) {
        self.findings.lock().expect("no worker panicked").push(finding);
    }

    /// Counts one expanded chunk, and stops if that was enough.
    pub(super) fn advance(&self, expanded: u64, generated: u64, fresh: u64) {
        let progress = self.progress;
        let distinct = progress.distinct.fetch_add(fresh, Relaxed) + fresh;
        progress.generated.fetch_add(generated, Relaxed);
        progress.queue.fetch_add(fresh, Relaxed);
        progress.queue.fetch_sub(expanded, Relaxed);
        if distinct > self.settings.max_states.unwrap_or(MAX_STATES).min(MAX_STATES) {
            self.stop(Halt::Capped);
        }
        if progress.stop_requested() {
            self.stop(Halt::Interrupted);
        }
    }
}

impl Finding {
    /// A panic before there was any state.
    pub(super) fn at_birth(note: String) -> Self {
        Finding { claim: Claim::NoPanic, state: NO_PARENT, then: None, note: Some(note) }
    }
}

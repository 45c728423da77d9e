//! What must be true of a model before any engine starts, so that a run cannot quietly mean less than it says.

use super::{EngineError, Goal, NO_PANIC, Settings, quiet};
use stateright::{Expectation, Model, Property};
use std::collections::BTreeSet;

/// An action (and an initial state) is remembered by its 16-bit index.
pub(super) const MAX_ACTIONS: usize = u16::MAX as usize;

/// Refuses properties that cannot be checked soundly, or not told apart.
pub(super) fn check_claims<M: Model>(properties: &[Property<M>], goals: &[Goal<M>]) -> Result<(), EngineError> {
    if properties.len() > 64 {
        return Err(EngineError::TooManyProperties(properties.len()));
    }
    if goals.len() > 32 {
        return Err(EngineError::TooManyGoals(goals.len()));
    }
    if let Some(property) = properties.iter().find(|property| property.expectation == Expectation::Eventually) {
        return Err(EngineError::EventuallyRefused(property.name));
    }
    let mut names = BTreeSet::from([NO_PANIC]);
    let claimed = properties.iter().map(|property| property.name).chain(goals.iter().map(|goal| goal.name));
    match claimed.into_iter().find(|name| !names.insert(name)) {
        Some(name) => Err(EngineError::DuplicateName(name)),
        None => Ok(()),
    }
}

/// The initial states, of which there must be some but not too many. A panic comes back as the inner error.
pub(super) fn initial_states<M: Model>(model: &M) -> Result<Result<Vec<M::State>, String>, EngineError> {
    match quiet::catch(|| model.init_states()) {
        Ok(states) if states.is_empty() => Err(EngineError::NoInitialState),
        Ok(states) if states.len() > MAX_ACTIONS => Err(EngineError::TooManyActions(states.len())),
        outcome => Ok(outcome),
    }
}

/// At least one worker, whatever was asked for.
pub(super) fn threads(settings: &Settings) -> usize {
    settings.threads.max(1)
}

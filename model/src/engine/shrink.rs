//! Making a failing list of actions short: delta debugging over lenient replays.

use super::walk::{panicked, violation};
use super::{EngineError, WalkEnd, premises, quiet};
use stateright::Model;

/// What a list of actions did when it was replayed.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed<A> {
    /// The actions that were enabled when their turn came, up to the first violation.
    pub actions: Vec<A>,
    /// The violation ([`WalkEnd::Violated`]), if there was one.
    pub end: Option<WalkEnd>,
}

/// Replays a list of actions from an initial state (by its place in `init_states`), leniently: an action that is not
/// among `actions(state)`, or has no effect, is skipped. Stops at the first violation of an `always`, or panic.
///
/// # Errors
///
/// If the model cannot be checked soundly; see [`EngineError`].
pub fn replay<M: Model>(model: &M, initial: usize, actions: &[M::Action]) -> Result<Replayed<M::Action>, EngineError>
where
    M::Action: Clone + PartialEq,
{
    quiet::install();
    let properties = model.properties();
    let mut taken = Vec::new();
    let states = match premises::initial_states(model)? {
        Ok(states) => states,
        Err(note) => {
            return Ok(Replayed { actions: taken, end: Some(panicked(note)) });
        }
    };
    let mut state = states.into_iter().nth(initial).ok_or(EngineError::NotDeterministic)?;
    let mut end = violation(model, &properties, &state)?;
    let mut enabled = Vec::new();
    for action in actions {
        if end.is_some() {
            break;
        }
        enabled.clear();
        if let Err(note) = quiet::catch(|| model.actions(&state, &mut enabled)) {
            end = Some(panicked(note));
            break;
        }
        if !enabled.contains(action) {
            continue;
        }
        match quiet::catch(|| model.next_state(&state, action.clone())) {
            Ok(Some(next)) => {
                state = next;
                taken.push(action.clone());
                end = violation(model, &properties, &state)?;
            }
            Ok(None) => {}
            Err(note) => {
                taken.push(action.clone());
                end = Some(panicked(note));
            }
        }
    }
    Ok(Replayed { actions: taken, end })
}

/// Drops from a failing list all that it can do without: first halves, then ever smaller pieces, at last single
/// actions, until no single action can be dropped.
///
/// `still_fails` is asked about lists as they were really replayed (see [`replay`]), with how the replay ended: it says
/// whether this is still the failure in question.
///
/// # Errors
///
/// If the model cannot be checked soundly; see [`EngineError`].
pub fn shrink<M: Model>(
    model: &M,
    initial: usize,
    actions: &[M::Action],
    mut still_fails: impl FnMut(&Replayed<M::Action>) -> bool,
) -> Result<Vec<M::Action>, EngineError>
where
    M::Action: Clone + PartialEq,
{
    let mut shortest = actions.to_vec();
    let whole = replay(model, initial, actions)?;
    if whole.actions.len() < shortest.len() && still_fails(&whole) {
        shortest = whole.actions;
    }
    let mut piece = shortest.len().div_ceil(2);
    while piece > 0 {
        let mut dropped = false;
        let mut start = 0;
        while start < shortest.len() {
            let end = (start + piece).min(shortest.len());
            let attempt = [&shortest[..start], &shortest[end..]].concat();
            let attempt = replay(model, initial, &attempt)?;
            if still_fails(&attempt) {
                // The replay may have skipped more: go on from the same place, in the shorter list.
                shortest = attempt.actions;
                dropped = true;
            } else {
                start = end;
            }
        }
        // Single actions are tried again until none can go, since each one gone may free another.
        piece = if piece > 1 { piece / 2 } else { usize::from(dropped) };
    }
    Ok(shortest)
}

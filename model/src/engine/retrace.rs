//! Counterexamples, made from parents: the model is run again along the remembered indices.
//!
//! Every step is compared with the remembered fingerprint, so a model that is not deterministic is found out here and
//! not by the reader of a wrong path.

use super::EngineError;
use super::fingerprint::Fingerprinter;
use super::quiet;
use super::table::{NO_PARENT, Origins};
use stateright::Model;
use std::hash::Hash;

/// A path from an initial state.
pub(super) struct Trace<M: Model> {
    pub(super) initial: usize,
    pub(super) actions: Vec<M::Action>,
    pub(super) last: M::State,
}

/// Runs the model again.
pub(super) struct Retrace<'a, M: Model> {
    pub(super) model: &'a M,
    pub(super) origins: &'a Origins,
}

impl<M: Model> Retrace<'_, M>
where
    M::State: Hash,
    M::Action: Clone,
{
    /// The path by which this state was found first.
    pub(super) fn path(&self, state: u32) -> Result<Trace<M>, EngineError> {
        let mut steps = Vec::new();
        let mut at = state;
        let initial = loop {
            let (parent, index) = self.origins.origin(at);
            if parent == NO_PARENT {
                break usize::from(index);
            }
            steps.push((usize::from(index), at));
            at = parent;
        };
        let states = quiet::catch(|| self.model.init_states()).map_err(|_| EngineError::NotDeterministic)?;
        let mut last = states.into_iter().nth(initial).ok_or(EngineError::NotDeterministic)?;
        let mut actions = Vec::with_capacity(steps.len());
        for (index, id) in steps.into_iter().rev() {
            let action = self.action(&last, index)?;
            last = self.step(&last, &action, id)?.ok_or(EngineError::NotDeterministic)?;
            actions.push(action);
        }
        Ok(Trace { initial, actions, last })
    }

    /// The action of this index.
    pub(super) fn action(&self, state: &M::State, index: usize) -> Result<M::Action, EngineError> {
        self.actions(state)?.into_iter().nth(index).ok_or(EngineError::NotDeterministic)
    }

    /// Some wanted action that leads to this state, and the state.
    pub(super) fn follow(
        &self,
        state: &M::State,
        id: u32,
        wanted: impl Fn(&M::Action) -> bool,
    ) -> Result<(M::Action, M::State), EngineError> {
        for action in self.actions(state)? {
            if wanted(&action)
                && let Some(next) = self.step(state, &action, id)?
            {
                return Ok((action, next));
            }
        }
        Err(EngineError::NotDeterministic)
    }

    fn actions(&self, state: &M::State) -> Result<Vec<M::Action>, EngineError> {
        let mut actions = Vec::new();
        quiet::catch(|| self.model.actions(state, &mut actions)).map_err(|_| EngineError::NotDeterministic)?;
        Ok(actions)
    }

    /// The state after this action, if it is the one of this id.
    fn step(&self, state: &M::State, action: &M::Action, id: u32) -> Result<Option<M::State>, EngineError> {
        let next = quiet::catch(|| self.model.next_state(state, action.clone()));
        let next = next.map_err(|_| EngineError::NotDeterministic)?;
        Ok(next.filter(|next| Fingerprinter::default().of(next) == self.origins.fingerprint(id)))
    }
}

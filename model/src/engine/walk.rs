//! Random deep walks: for models too large to exhaust, and for depths no exploration reaches.
//!
//! A walk is reproduced by its seed on every platform: the choices come from ChaCha8.

use super::{EngineError, NO_PANIC, premises, quiet};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use stateright::{Expectation, Model, Property};

/// How a walk ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalkEnd {
    /// It took all the steps it was allowed.
    StepLimit,
    /// No action with a weight was effective.
    DeadEnd,
    /// An `always` property was violated, or the model panicked ([`NO_PANIC`]).
    Violated {
        /// The property.
        name: String,
        /// The message and the place of a panic.
        note: Option<String>,
    },
}

/// Where a walk went and how it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct WalkOutcome<A> {
    /// Which initial state (by its place in `init_states`) it started from.
    pub initial: usize,
    /// The actions taken; the last one led to the violation, or panicked.
    pub actions: Vec<A>,
    /// How it ended.
    pub end: WalkEnd,
}

/// Walks at random for at most `max_steps`, checking every `always` property at each state.
///
/// An action is chosen with a probability in proportion to its `weight`; one of weight 0 never is. `sometimes`
/// properties are not looked at: a walk cannot decide them.
///
/// # Errors
///
/// If the model cannot be checked soundly; see [`EngineError`].
pub fn walk<M: Model>(
    model: &M,
    seed: u64,
    max_steps: usize,
    weight: impl Fn(&M::State, &M::Action) -> u32,
) -> Result<WalkOutcome<M::Action>, EngineError>
where
    M::Action: Clone,
{
    quiet::install();
    let properties = model.properties();
    premises::check_claims(&properties, &[])?;
    let states = match premises::initial_states(model)? {
        Ok(states) => states,
        Err(note) => {
            return Ok(WalkOutcome { initial: 0, actions: Vec::new(), end: panicked(note) });
        }
    };
    let mut dice = Dice::new(seed);
    let initial = dice.below(states.len() as u64) as usize;
    let mut state = states.into_iter().nth(initial).expect("below the number of states");
    let mut actions = Vec::new();
    let mut end = violation(model, &properties, &state)?;
    while end.is_none() {
        if actions.len() == max_steps {
            end = Some(WalkEnd::StepLimit);
            break;
        }
        end = match step(model, &state, &mut dice, &weight) {
            Step::Taken(action, next) => {
                actions.push(action);
                state = next;
                violation(model, &properties, &state)?
            }
            Step::DeadEnd => Some(WalkEnd::DeadEnd),
            Step::Panicked(action, note) => {
                actions.extend(action);
                Some(panicked(note))
            }
        };
    }
    Ok(WalkOutcome { initial, actions, end: end.expect("the loop ends with a reason") })
}

/// One attempt to go on.
enum Step<S, A> {
    Taken(A, S),
    DeadEnd,
    Panicked(Option<A>, String),
}

/// Chooses among the actions until one is effective.
fn step<M: Model>(
    model: &M,
    state: &M::State,
    dice: &mut Dice,
    weight: impl Fn(&M::State, &M::Action) -> u32,
) -> Step<M::State, M::Action>
where
    M::Action: Clone,
{
    let mut actions = Vec::new();
    if let Err(note) = quiet::catch(|| model.actions(state, &mut actions)) {
        return Step::Panicked(None, note);
    }
    let mut choices: Vec<(u64, M::Action)> =
        actions.into_iter().map(|action| (u64::from(weight(state, &action)), action)).collect();
    loop {
        let total = choices.iter().map(|(weight, _)| weight).sum();
        if total == 0 {
            return Step::DeadEnd;
        }
        let mut point = dice.below(total);
        let chosen = choices.iter().position(|(weight, _)| {
            let here = point < *weight;
            point = point.saturating_sub(*weight);
            here
        });
        let (_, action) = choices.remove(chosen.expect("the point lies below the sum of the weights"));
        match quiet::catch(|| model.next_state(state, action.clone())) {
            Ok(Some(next)) => return Step::Taken(action, next),
            Ok(None) => {}
            Err(note) => return Step::Panicked(Some(action), note),
        }
    }
}

/// The first `always` property that is violated in this state, or a panic of one.
pub(super) fn violation<M: Model>(
    model: &M,
    properties: &[Property<M>],
    state: &M::State,
) -> Result<Option<WalkEnd>, EngineError> {
    match quiet::catch(|| model.within_boundary(state)) {
        Ok(true) => {}
        Ok(false) => return Err(EngineError::BoundaryRefused),
        Err(note) => return Ok(Some(panicked(note))),
    }
    for property in properties.iter().filter(|property| property.expectation == Expectation::Always) {
        match quiet::catch(|| (property.condition)(model, state)) {
            Ok(true) => {}
            Ok(false) => {
                return Ok(Some(WalkEnd::Violated { name: property.name.to_owned(), note: None }));
            }
            Err(note) => return Ok(Some(panicked(note))),
        }
    }
    Ok(None)
}

/// The end of a walk in a panic.
pub(super) fn panicked(note: String) -> WalkEnd {
    WalkEnd::Violated { name: NO_PANIC.to_owned(), note: Some(note) }
}

/// Choices that depend on the seed alone.
struct Dice(ChaCha8Rng);

impl Dice {
    /// The seed is spread by hand: how the crate spreads a small one may change with its version.
    fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Dice(ChaCha8Rng::from_seed(bytes))
    }

    /// A number below `bound`; the bias is below 2⁻³².
    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }
}

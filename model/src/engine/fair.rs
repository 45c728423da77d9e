//! What a model says about fairness, and the goals that it must reach again and again.
//!
//! A behaviour is *weakly fair* if no class stays enabled for ever without being taken. A [`Goal`] holds if every
//! weakly fair behaviour reaches it infinitely often (□◇). Faults, client requests and spurious timers are unfair:
//! nothing obliges them to happen.

use stateright::Model;

/// A model whose actions may be owed: the second half of a specification, beside [`Model`].
///
/// All methods have defaults, so `impl Fair for MyModel {}` suffices for safety alone.
pub trait Fair: Model {
    /// The weak-fairness class (below 64) of this action, or `None` for one that nothing obliges to happen.
    ///
    /// A class is enabled in a state if some action of that class is effective there.
    fn class(&self, state: &Self::State, action: &Self::Action) -> Option<u8> {
        let _ = (state, action);
        None
    }

    /// Appends a state in few bytes, if the model knows how: the frontier then holds bytes instead of states, which
    /// are many times larger. [`Fair::unpack`] must give back an equal state.
    fn pack(&self, state: &Self::State, bytes: &mut Vec<u8>) -> bool {
        let _ = (state, bytes);
        false
    }

    /// The state that [`Fair::pack`] wrote.
    ///
    /// # Panics
    /// When the bytes are of no state; never called where `pack` said no.
    fn unpack(&self, bytes: &[u8]) -> Self::State {
        unreachable!("{} bytes were packed by nobody", bytes.len())
    }

    /// What every fair behaviour must reach infinitely often.
    fn goals(&self) -> Vec<Goal<Self>> {
        Vec::new()
    }
}

/// A named predicate that must be reached always and again: □◇`reached` under weak fairness of every class.
pub struct Goal<M: Model> {
    /// The name under which its verdict is reported.
    pub name: &'static str,
    /// Whether this state is in the goal.
    pub reached: fn(&M, &M::State) -> bool,
}

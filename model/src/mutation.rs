//! Planted changes of the order of outputs, between a step and the world.

use zab::{Input, Output};

/// What is done to the outputs of a step before the world sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mutation {
    /// Nothing.
    #[default]
    None,
}

impl Mutation {
    /// Changes the outputs of a step that took `input`.
    pub fn reorder(&self, _input: &Input, _outputs: &mut Vec<Output>) {}
}

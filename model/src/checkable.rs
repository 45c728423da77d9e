//! What the command needs of a model beside its states: a name, bounds in words, and counterexamples that can be read.
//!
//! Whatever is [`Checkable`] is checked, counted, told and explored alike; the command knows no model by its type.

use crate::cli::verdict::Word;
use crate::engine::{Fair, Verdict};
use serde_json::Value;
use stateright::Model;
use std::fmt::Debug;
use std::hash::Hash;
use std::path::Path;
use std::sync::Arc;

/// A model that the command can check.
pub trait Checkable: Fair + Model<State: State, Action: Action> + Clone + Send + Sync + 'static {
    /// Its name, as commands and tables have it.
    fn name(&self) -> &'static str;

    /// Its bounds in words, for tables.
    fn bounds(&self) -> String;

    /// Its bounds for machines.
    fn bounds_for_machines(&self) -> Value;

    /// Whether its goals are to be checked: whether everything that it owes is in time.
    fn is_live(&self) -> bool;

    /// Where the model is there to show that this claim fails: the words for it, which begin with "expected". Such a
    /// failure is no fault, and its absence is one.
    fn expected(&self, claim: &str) -> Option<&'static str> {
        let _ = claim;
        None
    }

    /// What is to be said of a verdict.
    fn word(&self, verdict: &Verdict<Self::Action>) -> Word {
        Word::plain(verdict, self.expected(&verdict.name))
    }

    /// The evidence of a verdict, told; `None` if it has none.
    fn tell(&self, verdict: &Verdict<Self::Action>, word: Word) -> Option<Arc<dyn Told>>;

    /// The command that opens it in the Explorer, if there is one for these bounds.
    fn explorer_command(&self, verdict: &Verdict<Self::Action>) -> Option<String>;
}

/// What a state must be able to do.
pub trait State: Hash + Clone + PartialEq + Debug + Send + Sync + 'static {}
impl<S: Hash + Clone + PartialEq + Debug + Send + Sync + 'static> State for S {}

/// What an action must be able to do.
pub trait Action: Clone + PartialEq + Debug + Send + Sync + 'static {}
impl<A: Clone + PartialEq + Debug + Send + Sync + 'static> Action for A {}

/// A path of a model, told.
pub trait Told: Debug + Send + Sync {
    /// Numbered steps with their effects, in words.
    fn text(&self) -> String;

    /// What every step is about, in a line each; those that repeat for ever apart.
    fn labels(&self) -> (Vec<String>, Vec<String>);

    /// Writes it into files `NAME.…` of a directory, and says with which endings.
    ///
    /// # Errors
    /// When the directory cannot be written.
    fn write_all(&self, directory: &Path, name: &str) -> std::io::Result<&'static str>;
}

//! What a run checks: any of the models, within bounds. The one place where they are told apart.

use crate::bounds::{Bounds, Kind, Timing};
use crate::checkable::Checkable;
use crate::engine::{EngineError, Progress, Settings};
use crate::recipes::{self, Setting, Use};
use crate::runner::{self, Engine, Outcome};
use crate::zookeeper::ZooKeeper;
use clap::ValueEnum;
use clap::builder::PossibleValue;

/// The name of a model on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// Of the protocol.
    Protocol(Kind),
    /// Of a use.
    Use(Use),
}

impl ValueEnum for Name {
    fn value_variants<'a>() -> &'a [Name] {
        &[
            Name::Protocol(Kind::Election),
            Name::Protocol(Kind::Zab),
            Name::Protocol(Kind::Ensemble),
            Name::Use(Use::Lock),
            Name::Use(Use::Registry),
            Name::Use(Use::TwoPhaseCommit),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Name::Protocol(kind) => kind.to_possible_value(),
            Name::Use(name) => name.to_possible_value(),
        }
    }
}

/// A model within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The protocol between servers.
    Protocol(Bounds),
    /// What people do with it.
    Use(Setting),
}

impl Subject {
    /// The model's name, as commands and tables have it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Subject::Protocol(bounds) => bounds.kind.name(),
            Subject::Use(setting) => recipes::each!(setting, model => Checkable::name(model)),
        }
    }

    /// Its bounds in words.
    #[must_use]
    pub fn bounds(&self) -> String {
        match self {
            Subject::Protocol(bounds) => bounds.to_string(),
            Subject::Use(setting) => recipes::each!(setting, model => Checkable::bounds(model)),
        }
    }

    /// Whether its goals are checked.
    #[must_use]
    pub fn is_live(&self) -> bool {
        match self {
            Subject::Protocol(bounds) => bounds.timing == Timing::Timely,
            Subject::Use(setting) => recipes::each!(setting, model => model.is_live()),
        }
    }

    /// Explores it; see [`runner::run`].
    ///
    /// # Errors
    /// When the engine refuses the model or finds itself deceived.
    pub fn run(
        &self,
        name: &str,
        engine: Engine,
        settings: &Settings,
        progress: &Progress,
    ) -> Result<Outcome, EngineError> {
        match self {
            Subject::Protocol(bounds) => runner::run(name, &ZooKeeper::new(*bounds), engine, settings, progress),
            Subject::Use(setting) => {
                recipes::each!(setting, model => runner::run(name, model, engine, settings, progress))
            }
        }
    }
}

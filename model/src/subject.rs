//! What a run checks: any of the models, within bounds. The one place where they are told apart.

use crate::bounds::{Bounds, Timing};
use crate::engine::{EngineError, Progress, Settings};
use crate::runner::{self, Engine, Outcome};
use crate::zookeeper::ZooKeeper;

/// A model within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The protocol between servers.
    Protocol(Bounds),
}

impl Subject {
    /// The model's name, as commands and tables have it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Subject::Protocol(bounds) => bounds.kind.name(),
        }
    }

    /// Its bounds in words.
    #[must_use]
    pub fn bounds(&self) -> String {
        match self {
            Subject::Protocol(bounds) => bounds.to_string(),
        }
    }

    /// Whether its goals are checked.
    #[must_use]
    pub fn is_live(&self) -> bool {
        match self {
            Subject::Protocol(bounds) => bounds.timing == Timing::Timely,
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
        }
    }
}

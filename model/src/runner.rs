//! Running one model with one engine, watched: what `check`, `bench` and the suites share.

use crate::bounds::{Bounds, Timing};
use crate::engine::{
    EngineError, Progress, Report, Settings, explore, explore_depth_first, peak_resident_bytes, reset_peak,
};
use crate::world::Action;
use crate::zookeeper::ZooKeeper;
use clap::ValueEnum;
use std::sync::Arc;

/// Which engine explores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Ours: breadth first, shortest counterexamples, liveness.
    Graph,
    /// Stateright's depth-first search: little memory, safety only.
    Stateright,
}

impl Engine {
    /// Its name in tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Engine::Graph => "graph",
            Engine::Stateright => "stateright",
        }
    }
}

/// A run and how it ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The run's name.
    pub name: String,
    /// Its bounds.
    pub bounds: Bounds,
    /// Who explored.
    pub engine: Engine,
    /// What was found.
    pub report: Report<Action>,
    /// The most memory that the process held during the run, where the system tells.
    pub peak_bytes: Option<u64>,
}

impl Outcome {
    /// Distinct states per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.report.distinct as f64 / self.report.elapsed.as_secs_f64().max(1e-9)
    }
}

/// Runs a model to its end, or until something is found, or until `progress` is asked to stop.
///
/// # Errors
/// When the engine refuses the model or finds itself deceived.
pub fn run(
    name: &str,
    model: &ZooKeeper,
    engine: Engine,
    settings: &Settings,
    progress: &Progress,
) -> Result<Outcome, EngineError> {
    let _ = reset_peak();
    let bounds = model.bounds;
    let report = match engine {
        Engine::Graph => {
            let liveness = bounds.timing == Timing::Timely;
            explore(model, &Settings { liveness, ..*settings }, progress)?
        }
        Engine::Stateright => explore_depth_first(Arc::new(model.clone()), settings, progress)?,
    };
    Ok(Outcome { name: name.to_owned(), bounds, engine, report, peak_bytes: peak_resident_bytes() })
}

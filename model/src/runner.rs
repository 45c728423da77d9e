//! Running one model with one engine, watched: what `check`, `bench` and the suites share.

use crate::checkable::{Checkable, Told};
use crate::cli::verdict::Word;
use crate::engine::{
    EngineError, Kind, Progress, Report, Settings, Verdict, explore, explore_depth_first, peak_resident_bytes,
    reset_peak,
};
use crate::explorer;
use clap::ValueEnum;
use serde_json::Value;
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
    /// The model's name.
    pub model: &'static str,
    /// The model's bounds in words.
    pub bounds: String,
    /// The model's bounds for machines.
    pub bounds_for_machines: Value,
    /// Who explored.
    pub engine: Engine,
    /// What was found. Paths are in `findings`, told.
    pub report: Report<()>,
    /// What is to be said of each verdict of the report, in their order.
    pub findings: Vec<Finding>,
    /// The most memory that the process held during the run, where the system tells.
    pub peak_bytes: Option<u64>,
}

/// What is to be said of a verdict.
#[derive(Clone, Debug)]
pub struct Finding {
    /// In a word.
    pub word: Word,
    /// The evidence of what does not hold, if there is any.
    pub story: Option<Arc<dyn Told>>,
    /// How to walk through it in the Explorer: the command, and the address to open then.
    pub walk: Option<(String, String)>,
}

impl Outcome {
    /// Every verdict, with what is to be said of it.
    pub fn verdicts(&self) -> impl Iterator<Item = (&Verdict<()>, &Finding)> {
        self.report.verdicts.iter().zip(&self.findings)
    }

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
pub fn run<M: Checkable>(
    name: &str,
    model: &M,
    engine: Engine,
    settings: &Settings,
    progress: &Progress,
) -> Result<Outcome, EngineError> {
    let _ = reset_peak();
    let report = match engine {
        Engine::Graph => explore(model, &Settings { liveness: model.is_live(), ..*settings }, progress)?,
        Engine::Stateright => explore_depth_first(Arc::new(model.clone()), settings, progress)?,
    };
    let peak_bytes = peak_resident_bytes();
    Ok(Outcome {
        name: name.to_owned(),
        model: model.name(),
        bounds: model.bounds(),
        bounds_for_machines: model.bounds_for_machines(),
        engine,
        findings: report.verdicts.iter().map(|verdict| finding(model, verdict)).collect(),
        report: without_paths(report),
        peak_bytes,
    })
}

fn finding<M: Checkable>(model: &M, verdict: &Verdict<M::Action>) -> Finding {
    let word = model.word(verdict);
    if matches!(word, Word::Holds | Word::Undecided) {
        return Finding { word, story: None, walk: None };
    }
    let path = verdict.path.as_deref();
    let address = path.and_then(|path| explorer::address_of(explorer::ADDRESS, model, verdict.initial, path));
    let walk = address.and_then(|address| Some((model.explorer_command(verdict)?, address)));
    Finding { word, story: model.tell(verdict, word), walk }
}

/// The report without the model's types. That there is a cycle is still to be seen.
fn without_paths<A>(report: Report<A>) -> Report<()> {
    let Report { distinct, generated, depth, elapsed, completion, verdicts } = report;
    let verdicts = verdicts.into_iter().map(|verdict| Verdict {
        name: verdict.name,
        kind: verdict.kind,
        holds: verdict.holds,
        decided: verdict.decided,
        initial: verdict.initial,
        path: None,
        cycle: verdict.cycle.filter(|_| verdict.kind == Kind::Live).map(|_| Vec::new()),
        note: verdict.note,
    });
    Report { distinct, generated, depth, elapsed, completion, verdicts: verdicts.collect() }
}

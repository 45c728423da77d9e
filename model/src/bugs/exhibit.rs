//! What a run found, small enough for one line of JSON: the way from the mutated process to the one that asked.

use crate::bounds::{Bounds, Timing};
use crate::cli::table::reason;
use crate::engine::{Completion, EngineError, Kind, Progress, Settings, Verdict, explore};
use crate::story::Story;
use crate::world::Action;
use crate::zookeeper::ZooKeeper;
use serde::{Deserialize, Serialize};

/// No planted bug needs more states; a mutation that makes the graph endless must not eat the machine.
const MAX_STATES: u64 = 20_000_000;

/// What a mutant is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question {
    /// How far to go.
    pub bounds: Bounds,
    /// The properties or goals of which one should break.
    pub expected: Vec<String>,
}

/// What a run found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exhibit {
    /// Whether every state was explored.
    pub complete: bool,
    /// Why not.
    pub reason: Option<String>,
    /// Distinct states.
    pub distinct: u64,
    /// Actions taken.
    pub generated: u64,
    /// Steps to the deepest state.
    pub depth: u64,
    /// Wall time.
    pub seconds: f64,
    /// The properties and goals that do not hold, each with its counterexample.
    pub findings: Vec<Finding>,
}

/// A property or goal that does not hold.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// Its name.
    pub property: String,
    /// The shortest way there, each step with what it is about; for a goal, the stem.
    pub path: Vec<String>,
    /// For a goal: the fair cycle that avoids it; empty where everything rests.
    pub cycle: Option<Vec<String>>,
    /// What a panic said.
    pub note: Option<String>,
    /// The counterexample in words, as only the one who found it can tell it.
    pub story: String,
}

impl Question {
    /// Explores until something breaks; if that is not what is expected, explores everything, to see whether the
    /// expected breaks as well. With one thread, so that the counts are the same on every machine.
    ///
    /// # Errors
    /// When the engine refuses the model.
    pub fn answer(&self) -> Result<Exhibit, EngineError> {
        let first = exhibit(self.bounds, 1, true)?;
        if first.complete || first.findings.is_empty() || first.expected(&self.expected).is_some() {
            return Ok(first);
        }
        exhibit(self.bounds, 1, false)
    }
}

impl Exhibit {
    /// The first of these properties that was found broken.
    #[must_use]
    pub fn expected(&self, names: &[String]) -> Option<&Finding> {
        names.iter().find_map(|name| self.findings.iter().find(|finding| finding.is_named(name)))
    }
}

impl Finding {
    /// Whether this is its property; a goal may be named by its number alone: `L1`.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        self.property == name || self.property.split(' ').next() == Some(name)
    }
}

/// Explores the model within `bounds`. Goals need the whole graph, so that with them nothing ends the run early;
/// otherwise `stop_at_first` tells.
///
/// # Errors
/// When the engine refuses the model.
pub fn exhibit(bounds: Bounds, threads: usize, stop_at_first: bool) -> Result<Exhibit, EngineError> {
    let liveness = bounds.timing == Timing::Timely;
    let stop_at_first = stop_at_first && !liveness;
    let settings = Settings { threads, stop_at_first, max_states: Some(MAX_STATES), liveness };
    let model = ZooKeeper::new(bounds);
    let report = explore(&model, &settings, &Progress::new())?;
    let broken = |verdict: &&Verdict<Action>| verdict.kind != Kind::Sometimes && verdict.decided && !verdict.holds;
    Ok(Exhibit {
        complete: report.completion == Completion::Exhausted,
        reason: reason(report.completion).map(str::to_owned),
        distinct: report.distinct,
        generated: report.generated,
        depth: report.depth,
        seconds: report.elapsed.as_secs_f64(),
        findings: report.verdicts.iter().filter(broken).map(|verdict| finding(&model, verdict)).collect(),
    })
}

fn finding(model: &ZooKeeper, verdict: &Verdict<Action>) -> Finding {
    let story = Story::of_verdict(model, verdict);
    let (path, cycle) = story.as_ref().map(Story::labels).unwrap_or_default();
    Finding {
        property: verdict.name.clone(),
        path,
        cycle: verdict.cycle.as_ref().map(|_| cycle),
        note: verdict.note.clone(),
        story: story.map_or_else(String::new, |story| story.text()),
    }
}

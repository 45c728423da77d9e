//! `model check`: the main job.

use super::bounds::BoundsArguments;
use super::output::say;
use super::{progress, table};
use crate::bounds::{Bounds, Kind, Oracle, Timing};
use crate::engine::{Completion, Progress, Settings, Verdict};
use crate::explorer;
use crate::invocation;
use crate::runner::{self, Engine, Outcome};
use crate::story::{self, Story};
use crate::suite::{self, Run};
use crate::world::Action;
use crate::zookeeper::ZooKeeper;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// The arguments of `model check`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The model to check; without one, the default suite.
    #[arg(conflicts_with_all = ["deep", "run"])]
    name: Option<Kind>,
    /// Run only these runs of the suite (see `model list`).
    #[arg(long, value_name = "RUN", value_delimiter = ',')]
    run: Vec<String>,
    /// The large bounds: up to an hour, and 12 GB.
    #[arg(long)]
    deep: bool,
    /// Liveness: with a model, servers are given time and the goals are checked; without one, only those runs.
    #[arg(long)]
    liveness: bool,
    /// The engine for a named model.
    #[arg(long, default_value = "graph", requires = "name")]
    engine: Engine,
    /// Worker threads.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: u8,
    /// Explore to the end even where something was found.
    #[arg(long)]
    exhaust: bool,
    /// Stop, without success, at so many states.
    #[arg(long)]
    max_states: Option<u64>,
    /// Print JSON instead of tables and words.
    #[arg(long)]
    json: bool,
    /// Write each counterexample here, as scenario, trace and diagram.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    bounds: BoundsArguments,
}

/// Runs it.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let runs = match plan(arguments) {
        Ok(runs) => runs,
        Err(sentence) => {
            eprintln!("error: {sentence}");
            return ExitCode::from(2);
        }
    };
    let mut outcomes = Vec::new();
    let mut well = true;
    for (run, engine) in runs {
        if progress::interrupted() {
            well = false;
            break;
        }
        match check(arguments, &run, engine) {
            Ok(outcome) => {
                well &= outcome.report.success();
                well &= counts_agree(&outcomes, &outcome, arguments.json);
                report(arguments, &outcome);
                outcomes.push(outcome);
            }
            Err(error) => {
                eprintln!("error: {}: {error}", run.name);
                well = false;
            }
        }
    }
    if arguments.json {
        say!("{}", table::json_of_outcomes(&outcomes));
    } else {
        say!("{}\n\n{}\n", table::of_properties(&outcomes), table::of_outcomes(&outcomes));
        say!(
            "{}",
            if well { "Every property holds." } else { "NOT everything holds, or not everything was explored." }
        );
    }
    if well { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// What is to be run, on which engine.
fn plan(arguments: &Arguments) -> Result<Vec<(Run, Engine)>, String> {
    if let Some(kind) = arguments.name {
        if kind != Kind::Election && arguments.bounds.histories.is_some() {
            return Err(
                "--histories belongs to the model election: where transactions are made, all begin alike".into()
            );
        }
        if arguments.liveness && arguments.engine == Engine::Stateright {
            return Err("stateright's engine checks safety only: --liveness needs --engine graph".into());
        }
        let bounds = named(arguments, kind);
        let run = Run { name: kind_name(kind), reason: "", bounds, engines: &[] };
        return Ok(vec![(run, arguments.engine)]);
    }
    if arguments.bounds.is_any_set() {
        return Err("bounds need the name of a model: election, zab or ensemble".into());
    }
    let mut runs = if arguments.deep { suite::deep() } else { suite::default() };
    for name in &arguments.run {
        if !runs.iter().any(|run| run.name == name) {
            return Err(format!("there is no run `{name}` in this suite; `model list` shows them"));
        }
    }
    runs.retain(|run| arguments.run.is_empty() || arguments.run.iter().any(|name| name == run.name));
    runs.retain(|run| !arguments.liveness || run.bounds.timing == Timing::Timely);
    if runs.is_empty() {
        return Err("none of these runs is one of liveness; `model list` shows which are (timely)".into());
    }
    Ok(runs.into_iter().flat_map(|run| run.engines.iter().map(move |engine| (run, *engine))).collect())
}

fn named(arguments: &Arguments, kind: Kind) -> Bounds {
    let mut bounds = Bounds::default_of(kind);
    if arguments.liveness {
        bounds.timing = Timing::Timely;
        bounds.oracle = Oracle::Best;
        bounds.budget.elections *= 2;
    }
    arguments.bounds.apply_to(bounds)
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Election => "election",
        Kind::Zab => "zab",
        Kind::Ensemble => "ensemble",
    }
}

fn check(arguments: &Arguments, run: &Run, engine: Engine) -> Result<Outcome, crate::engine::EngineError> {
    let model = ZooKeeper::new(run.bounds);
    let settings = Settings {
        threads: arguments.threads.into(),
        stop_at_first: !arguments.exhaust,
        max_states: arguments.max_states,
        liveness: false,
    };
    let progress = Arc::new(Progress::new());
    let label = format!("{} ({})", run.name, engine.name());
    progress::watched(&label, &progress, |progress| runner::run(run.name, &model, engine, &settings, progress))
}

/// Both engines must count the same states of the same run; one that counts fewer has overlooked some.
fn counts_agree(earlier: &[Outcome], outcome: &Outcome, silent: bool) -> bool {
    let Some(other) = earlier.iter().find(|other| other.name == outcome.name) else { return true };
    let complete = |outcome: &Outcome| outcome.report.completion == Completion::Exhausted;
    let agree = other.report.distinct == outcome.report.distinct || !complete(other) || !complete(outcome);
    if !agree && !silent {
        let (ours, theirs) = (other.report.distinct, outcome.report.distinct);
        eprintln!("error: {}: the engines count {ours} and {theirs} distinct states", outcome.name);
    }
    agree
}

/// Says what was found: in words, and where asked as scenario, trace and diagram.
fn report(arguments: &Arguments, outcome: &Outcome) {
    let model = ZooKeeper::new(outcome.bounds);
    for verdict in outcome.report.verdicts.iter().filter(|verdict| !verdict.holds && verdict.decided) {
        let story = Story::of_verdict(&model, verdict);
        if !arguments.json {
            tell(outcome, &model, verdict, story.as_ref());
        }
        if let (Some(directory), Some(story)) = (&arguments.out, &story) {
            let name = format!("{}-{}", outcome.name, file_name(&verdict.name));
            match story::write_all(directory, &name, story) {
                Ok(()) => eprintln!("{name}.txt, .ndjson and .svg are in {}", directory.display()),
                Err(error) => eprintln!("error: {} cannot be written: {error}", directory.display()),
            }
        }
    }
}

fn tell(outcome: &Outcome, model: &ZooKeeper, verdict: &Verdict<Action>, story: Option<&Story>) {
    say!("{}: {} does not hold ({})", outcome.name, verdict.name, outcome.bounds);
    if let Some(note) = &verdict.note {
        say!("  {note}");
    }
    if let Some(story) = story {
        say!("{}", story.text());
    }
    let path = verdict.path.as_deref().unwrap_or_default();
    if let Some(address) = explorer::address_of(explorer::ADDRESS, model, verdict.initial, path) {
        say!("To walk through it: `{}`, then open {address}\n", invocation::command_of(&outcome.bounds));
    }
}

/// A property's name as part of a file's name.
fn file_name(property: &str) -> String {
    property.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect()
}

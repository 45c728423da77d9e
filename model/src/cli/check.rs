//! `model check`: the main job.

use super::bounds::BoundsArguments;
use super::output::{hint, make_directory, say};
use super::table::counted;
use super::verdict::Word;
use super::{progress, table};
use crate::bounds::Bounds;
use crate::engine::{Completion, Progress, Settings, Verdict};
use crate::invocation;
use crate::recipes::Setting;
use crate::runner::{Engine, Finding, Outcome};
use crate::subject::{Name, Subject};
use crate::suite::{self, Run};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// What is said below the help.
const EXIT_CODES: &str = "\
Exit codes:
  0  everything was explored, and every property and goal holds
  1  something is violated, a goal is not reached, or not everything was explored
  2  the arguments are wrong
A `sometimes` that is not reached says that what it is the premise of was not put to the test. In the runs of the suites
each is expected to be reached, and exit code 1 says that one is not. With the name of a model, whose bounds may be too
small for it, it is only told.";

/// The arguments of `model check`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub struct Arguments {
    /// The model to check; without one, the default suite.
    #[arg(conflicts_with_all = ["deep", "run"])]
    name: Option<Name>,
    /// Of lock, registry and two-phase-commit: this variant only, or planted mistake; `model list` names them.
    #[arg(long, requires = "name")]
    variant: Option<String>,
    /// Run only these runs of the suite (see `model list`).
    #[arg(long, value_name = "RUN", value_delimiter = ',')]
    run: Vec<String>,
    /// The large bounds: up to an hour, and 12 GB.
    #[arg(long)]
    deep: bool,
    /// Liveness: with a model, servers are given time and the goals are checked; without one, only those runs.
    #[arg(long)]
    liveness: bool,
    /// Explore with this engine only: a named model with `graph` unless told otherwise, runs with each of their own.
    #[arg(long)]
    engine: Option<Engine>,
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
    let directory = arguments.out.as_deref().map_or(Ok(()), make_directory);
    let runs = match plan(arguments).and_then(|runs| directory.map(|()| runs)) {
        Ok(runs) => runs,
        Err(sentence) => {
            hint!("error: {sentence}");
            return ExitCode::from(2);
        }
    };
    let (mut outcomes, mut not_run, mut well) = (Vec::new(), Vec::new(), true);
    for (run, engine) in runs {
        if progress::interrupted() {
            not_run.push(run.name);
            continue;
        }
        match check(arguments, &run, engine) {
            Ok(outcome) => {
                well &= is_well(arguments, &outcome);
                well &= counts_agree(&outcomes, &outcome, arguments.json);
                well &= report(arguments, &outcome);
                outcomes.push(outcome);
            }
            Err(error) => {
                hint!("error: {}: {error}", run.name);
                not_run.push(run.name);
            }
        }
    }
    conclude(arguments, &outcomes, &not_run, well && not_run.is_empty())
}

/// The tables, and the sentence at the end.
fn conclude(arguments: &Arguments, outcomes: &[Outcome], not_run: &[&str], well: bool) -> ExitCode {
    let code = if well { ExitCode::SUCCESS } else { ExitCode::from(1) };
    if arguments.json {
        say!("{}", table::json_of_outcomes(outcomes, not_run));
        return code;
    }
    say!("{}\n\n{}\n", table::of_properties(outcomes), table::of_outcomes(outcomes));
    if !not_run.is_empty() {
        say!("Not run: {}.", not_run.join(", "));
    }
    let words: Vec<Word> = outcomes.iter().flat_map(table::words).map(|(_, word)| word).collect();
    let unreached = words.iter().filter(|word| word.is_of_bounds()).count();
    let told = counted(unreached, "claim is", "claims are");
    let expected = words.iter().filter(|word| matches!(word, Word::Expected(_))).count();
    if words.iter().any(|word| matches!(word, Word::Violated | Word::NotLive | Word::NotAsExpected)) {
        say!("NOT everything holds.");
    } else if well && expected > 0 {
        say!("Every property holds, but for {} that fails as expected.", table::grouped(expected as u64));
    } else if well && unreached == 0 {
        say!("Every property holds.");
    } else if well {
        say!("Every property holds, but {told} not reached within these bounds.");
    } else if unreached > 0 {
        say!("Nothing is violated, but {told} NOT reached within these bounds.");
    } else {
        say!("Nothing is violated so far, but NOT everything was explored.");
    }
    code
}

/// What is to be run, on which engine.
fn plan(arguments: &Arguments) -> Result<Vec<(Run, Engine)>, String> {
    if arguments.liveness && arguments.engine == Some(Engine::Stateright) {
        return Err("stateright's engine checks safety only: --liveness needs --engine graph".into());
    }
    if let Some(name) = arguments.name {
        let subject = named(arguments, name)?;
        let engine = arguments.engine.unwrap_or(Engine::Graph);
        if let (Name::Use(_), None) = (name, &arguments.variant) {
            // All that there is to see of it, side by side.
            let runs = suite::uses().into_iter().filter(|run| run.subject.name() == subject.name());
            return Ok(runs.map(|run| (run, engine)).collect());
        }
        let run = Run { name: subject.name(), reason: "", subject, engines: &[] };
        return Ok(vec![(run, engine)]);
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
    runs.retain(|run| !arguments.liveness || run.subject.is_live());
    if runs.is_empty() {
        return Err("none of these runs is one of liveness; `model list` shows which are (timely)".into());
    }
    with_engine(arguments, runs)
}

/// The named model within the bounds, or as the variant, that the arguments give.
fn named(arguments: &Arguments, name: Name) -> Result<Subject, String> {
    match name {
        Name::Protocol(kind) => {
            if arguments.variant.is_some() {
                return Err("--variant means nothing here, only in lock, registry and two-phase-commit".into());
            }
            let usual = if arguments.liveness { invocation::timely(kind) } else { Bounds::default_of(kind) };
            Ok(Subject::Protocol(arguments.bounds.meant_for(kind)?.apply_to(usual)))
        }
        Name::Use(_) if arguments.bounds.is_any_set() => {
            Err("bounds mean nothing here, only in election, zab and ensemble".into())
        }
        Name::Use(name) => Ok(Subject::Use(Setting::of(name, arguments.variant.as_deref())?)),
    }
}

/// The runs on each of their engines, or on the one that was asked for.
fn with_engine(arguments: &Arguments, runs: Vec<Run>) -> Result<Vec<(Run, Engine)>, String> {
    let Some(engine) = arguments.engine else {
        return Ok(runs.into_iter().flat_map(|run| run.engines.iter().map(move |engine| (run, *engine))).collect());
    };
    let (runs, others): (Vec<Run>, Vec<Run>) = runs.into_iter().partition(|run| run.engines.contains(&engine));
    match others.first() {
        Some(other) if !arguments.run.is_empty() => Err(format!(
            "the run `{}` is not explored with {}; `model list` shows which are",
            other.name,
            engine.name()
        )),
        _ => Ok(runs.into_iter().map(|run| (run, engine)).collect()),
    }
}

/// Whether everything was explored and everything holds. The bounds of a named model may be too small for a
/// `sometimes`; those of a suite's run are not.
fn is_well(arguments: &Arguments, outcome: &Outcome) -> bool {
    let forgiven = |word| word == Word::NotReached && matches!(arguments.name, Some(Name::Protocol(_)));
    outcome.report.completion == Completion::Exhausted
        && table::words(outcome).all(|(_, word)| word.is_well() || forgiven(word))
}

fn check(arguments: &Arguments, run: &Run, engine: Engine) -> Result<Outcome, crate::engine::EngineError> {
    let settings = Settings {
        threads: arguments.threads.into(),
        stop_at_first: !arguments.exhaust,
        max_states: arguments.max_states,
        liveness: false,
    };
    let progress = Arc::new(Progress::new());
    let label = format!("{} ({})", run.name, engine.name());
    progress::watched(&label, &progress, |progress| run.subject.run(run.name, engine, &settings, progress))
}

/// Both engines must count the same states of the same run; one that counts fewer has overlooked some.
fn counts_agree(earlier: &[Outcome], outcome: &Outcome, silent: bool) -> bool {
    let Some(other) = earlier.iter().find(|other| other.name == outcome.name) else { return true };
    let complete = |outcome: &Outcome| outcome.report.completion == Completion::Exhausted;
    let agree = other.report.distinct == outcome.report.distinct || !complete(other) || !complete(outcome);
    if !agree && !silent {
        let (ours, theirs) = (other.report.distinct, outcome.report.distinct);
        hint!("error: {}: the engines count {ours} and {theirs} distinct states", outcome.name);
    }
    agree
}

/// Says what was found: in words, and where asked as scenario, trace and diagram. Whether all of it could be written.
fn report(arguments: &Arguments, outcome: &Outcome) -> bool {
    let mut written = true;
    for (verdict, finding) in outcome.verdicts() {
        if matches!(finding.word, Word::Holds | Word::Undecided) {
            continue;
        }
        if !arguments.json {
            tell(outcome, verdict, finding);
        }
        if let (Some(directory), Some(story)) = (&arguments.out, &finding.story) {
            let name = format!("{}-{}", outcome.name, file_name(&verdict.name));
            match story.write_all(directory, &name) {
                Ok(endings) => hint!("{name}{endings} in {}", directory.display()),
                Err(error) => {
                    written = false;
                    hint!("error: {name} cannot be written into {}: {error}", directory.display());
                }
            }
        }
    }
    written
}

fn tell(outcome: &Outcome, verdict: &Verdict<()>, finding: &Finding) {
    say!("{}: {} {} ({})", outcome.name, verdict.name, finding.word.sentence(), outcome.bounds);
    if let Some(note) = &verdict.note {
        say!("  {note}");
    }
    let Some(story) = &finding.story else { return };
    say!("{}", story.text());
    if let Some((command, address)) = &finding.walk {
        say!("To walk through it: `{command}`, then open {address}\n");
    }
}

/// A property's name as part of a file's name.
fn file_name(property: &str) -> String {
    property.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect()
}

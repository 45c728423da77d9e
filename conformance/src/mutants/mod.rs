//! Mutants of the specification, judged by the model, the stories and the tests.
//!
//! `cargo mutants` (a tool, not a library of this project: `cargo install cargo-mutants --locked`) says what can be
//! changed in the protocol's chapters ([`mod@list`]). Nearly all changes are woven into one copy of the specification,
//! each behind a switch (`weave.rs`); the others are planted one by one, as the bugs of `model bugs` are. Each is
//! judged ([`judge`]). One that nobody tells from the specification shows a rule that nothing needs, or a test that is
//! missing, or is as good as the original: the last stand in `specs/mutants.md` ([`explained`]), and one that does not
//! stand there makes the command fail.

pub mod explained;
pub mod judge;
pub mod list;
mod sites;
mod weave;

use crate::results::{Results, root};
use explained::Explained;
use judge::{Court, Judgement};
use list::{CHAPTERS, Mutant, OTHERS};
use model::bounds::{Bounds, Kind};
use model::bugs::{Bug, BugError, Workshop};
use model::cli::simulate::Shard;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Where survivors are explained.
pub const PAGE: &str = "specs/mutants.md";

/// The name of these results.
pub const PART: &str = "mutants";

/// The arguments of `conformance mutants`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Mutate only these chapters of the protocol: `broadcast`, …; or what else is named here.
    #[arg(long, value_delimiter = ',', value_parser = all())]
    file: Vec<String>,
    /// Judge only those in whose place or change this stands.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Judge only the I-th of N parts of them.
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    shard: Shard,
    /// Let only those judge who take seconds: a first look, and what they kill is not judged again.
    #[arg(long)]
    fast: bool,
    /// Only name them.
    #[arg(long)]
    list: bool,
    /// Write what was found here after each mutant. What is found here of the same specification is not judged again.
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
}

/// All chapters.
fn all() -> clap::builder::PossibleValuesParser {
    CHAPTERS.into_iter().chain(OTHERS).into()
}

/// Why mutants could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum MutantsError {
    /// The tool that proposes mutants is missing, or was not understood.
    #[error("`cargo mutants --list` is needed (cargo install cargo-mutants --locked): {0}")]
    List(String),
    /// A file does not do what is needed.
    #[error("{0}: {1}")]
    File(String, std::io::Error),
    /// The specification as it is does not please a judge.
    #[error("`{0}` fails for the specification as it is")]
    Judge(String),
    /// A chapter is not Rust.
    #[error("{0}: {1}")]
    Source(String, String),
    /// The tests do not compile.
    #[error("the tests of a mutant do not compile:\n{0}")]
    Tests(String),
    /// The workshop does not work.
    #[error(transparent)]
    Workshop(#[from] BugError),
}

/// Judges them; fails if one survives that is not explained.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    match judge_all(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn judge_all(arguments: &Arguments) -> Result<bool, MutantsError> {
    let chapters = if arguments.file.is_empty() { CHAPTERS.map(str::to_owned).into() } else { arguments.file.clone() };
    let wanted = |mutant: &Mutant| arguments.only.as_ref().is_none_or(|text| mutant.place().contains(text));
    let mutants = list::list(root(), &chapters)?.into_iter().filter(wanted).enumerate();
    let mutants = mutants.filter(|(number, _)| arguments.shard.holds(*number as u64)).map(|(_, mutant)| mutant);
    let mutants: Vec<Mutant> = mutants.collect();
    if arguments.list {
        mutants.iter().for_each(|mutant| println!("{}  // {}", mutant.place(), mutant.text));
        return Ok(true);
    }
    let page = std::fs::read_to_string(root().join(PAGE)).unwrap_or_default();
    let mut book = Book::open(arguments.results.clone(), explained::read(&page))?;
    let open: Vec<&Mutant> = mutants.iter().filter(|mutant| !book.knows(mutant)).collect();
    println!("{} mutants, of which {} are to be judged", mutants.len(), open.len());
    if !open.is_empty() {
        judge_open(arguments, &mut book, &open)?;
    }
    Ok(book.conclude(&mutants))
}

/// Judges the woven ones first, then one by one the others.
fn judge_open(arguments: &Arguments, book: &mut Book, open: &[&Mutant]) -> Result<(), MutantsError> {
    let numbered: BTreeMap<usize, &Mutant> = open.iter().enumerate().map(|(at, mutant)| (at + 1, *mutant)).collect();
    let workshop = Workshop::open(root())?;
    let woven = weave::weave(&workshop, &numbered)?;
    println!("{} are woven into one program; the specification as it is comes before the judges …", woven.len());
    workshop.build(&bug("the specification with all mutants", String::new()))?;
    let court = Court::assemble(root(), &workshop, arguments.fast)?;
    let (together, alone): (Vec<_>, Vec<_>) = numbered.iter().partition(|(number, _)| woven.contains(number));
    for (number, mutant) in together.into_iter().chain(alone) {
        let start = Instant::now();
        let judgement = match woven.contains(number) {
            true => court.judge_woven(*number, &mutant.file)?,
            false => judge_one(&workshop, &court, mutant)?,
        };
        let word = book.note(mutant, &judgement)?;
        println!("{number:>4}/{} {:>5.1} s {}: {word}", open.len(), start.elapsed().as_secs_f64(), mutant.place());
    }
    Ok(())
}

fn judge_one(workshop: &Workshop, court: &Court, mutant: &Mutant) -> Result<Judgement, MutantsError> {
    let bug = bug(&mutant.place(), mutant.diff.clone());
    workshop.plant(&bug)?;
    match workshop.build(&bug) {
        Ok(()) => court.judge(workshop, &mutant.file),
        Err(BugError::Build { .. }) => Ok(Judgement::Unviable),
        Err(error) => Err(error.into()),
    }
}

/// A mutant as the workshop plants it.
fn bug(place: &str, diff: String) -> Bug {
    Bug {
        id: place.to_owned(),
        title: place.to_owned(),
        properties: Vec::new(),
        check: String::new(),
        bounds: Bounds::default_of(Kind::Zab),
        published: None,
        source: None,
        note: String::new(),
        diff,
    }
}

/// What is known of the mutants.
struct Book {
    directory: Option<PathBuf>,
    explained: Vec<Explained>,
    /// By their diffs, with whoever killed them, or how they were let go.
    judged: BTreeMap<String, String>,
}

const SURVIVED: &str = "SURVIVED";
const EXPLAINED: &str = "survived, explained";
const UNVIABLE: &str = "does not compile";

impl Book {
    /// With what is known of the same specification. Survivors come before the judges again: there may be new ones.
    fn open(directory: Option<PathBuf>, explained: Vec<Explained>) -> Result<Book, MutantsError> {
        let mut book = Book { directory, explained, judged: BTreeMap::new() };
        if let Some(directory) = &book.directory {
            let read = Results::read(directory, PART);
            let read = read.map_err(|error| MutantsError::File(directory.display().to_string(), error))?;
            let known = read.filter(Results::is_current).map(|results| results.details);
            let known = known.as_ref().and_then(Value::as_object).into_iter().flatten();
            let known = known.filter_map(|(diff, word)| Some((diff.clone(), word.as_str()?.to_owned())));
            book.judged = known.filter(|(_, word)| word != SURVIVED && word != EXPLAINED).collect();
        }
        Ok(book)
    }

    fn knows(&self, mutant: &Mutant) -> bool {
        self.judged.contains_key(&mutant.diff)
    }

    fn note(&mut self, mutant: &Mutant, judgement: &Judgement) -> Result<String, MutantsError> {
        let word = match judgement {
            Judgement::Killed(by) => format!("killed by {by}"),
            Judgement::Survived if self.explained.iter().any(|explained| explained.is(mutant)) => EXPLAINED.to_owned(),
            Judgement::Survived => SURVIVED.to_owned(),
            Judgement::Unviable => UNVIABLE.to_owned(),
        };
        self.judged.insert(mutant.diff.clone(), word.clone());
        if let Some(directory) = &self.directory {
            let results = self.results();
            results.write(directory).map_err(|error| MutantsError::File(directory.display().to_string(), error))?;
        }
        Ok(word)
    }

    fn results(&self) -> Results {
        let count = |wanted: fn(&str) -> bool| self.judged.values().filter(|word| wanted(word)).count();
        let survivors = count(|word| word == SURVIVED);
        let details: Map<String, Value> = self.judged.iter().map(|(diff, word)| (diff.clone(), json!(word))).collect();
        let mut results = Results::new(PART)
            .figure("mutants", self.judged.len())
            .figure("do not compile", count(|word| word == UNVIABLE))
            .figure("killed by model check", count(|word| word.starts_with("killed by check")))
            .figure("by scenarios", count(|word| word == "killed by scenarios"))
            .figure("by random walks", count(|word| word == "killed by simulate"))
            .figure("by tests of the specification", count(|word| word.starts_with("killed by test")))
            .figure("survive, explained in specs/mutants.md", count(|word| word == EXPLAINED))
            .figure("survive", survivors);
        results.well = survivors == 0;
        results.details = details.into();
        results
    }

    /// Says what became of these mutants; whether all is well.
    fn conclude(&self, mutants: &[Mutant]) -> bool {
        let word = |mutant: &&Mutant| self.judged.get(&mutant.diff).map(String::as_str) == Some(SURVIVED);
        let survivors: Vec<&Mutant> = mutants.iter().filter(word).collect();
        println!();
        self.results().figures.iter().for_each(|(what, figure)| println!("{figure:>5}  {what}"));
        if !survivors.is_empty() {
            println!("\nKill these, or say in {PAGE} why they are as good as the specification:\n");
            survivors.iter().for_each(|mutant| println!("{}", explained::to_explain(mutant)));
        }
        survivors.is_empty()
    }
}

//! Which lines of the specification are executed: by the model's suite and the stories, and by the server's tests.
//!
//! *Nothing lives in `specs` that the model or a scenario does not execute*: for the protocol's chapters that is
//! measured here, and a line that neither executes makes the command fail. The tree is the server's, and judged by its
//! tests. Lines are what the stable compiler counts (`-C instrument-coverage`); it has no counters for branches yet.

pub mod lines;
pub mod measure;

use crate::mutants::list::CHAPTERS;
use crate::results::{Results, root};
use lines::Lines;
use measure::Laboratory;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The name of these results, with the name of what executed.
pub const PARTS: [&str; 2] = ["coverage-model", "coverage-server"];

/// Who executes the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Under {
    /// The suite of `model check`, and the stories of the model and of this package.
    Model,
    /// The tests of the server: minutes, and more to compile them.
    Server,
}

/// The arguments of `conformance coverage`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Who executes it.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "model")]
    under: Vec<Under>,
    /// Run only these of the server's tests: `node`, …
    #[arg(long, value_delimiter = ',', value_name = "TEST")]
    test: Vec<String>,
    /// Write the figures here, for the report.
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum CoverageError {
    /// A file does not do what is needed.
    #[error("{0}: {1}")]
    File(String, std::io::Error),
    /// A program failed.
    #[error("{0}: {1}")]
    Failed(String, String),
    /// The tools are not installed.
    #[error("`{0}` is needed: rustup component add llvm-tools")]
    Tools(String),
}

impl CoverageError {
    fn file(path: &Path) -> impl FnOnce(std::io::Error) -> CoverageError {
        let path = path.display().to_string();
        move |error| CoverageError::File(path, error)
    }
}

/// Measures; fails if a line of the protocol is executed by neither model nor story.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for under in &arguments.under {
        match measure(arguments, *under) {
            Ok(true) => {}
            Ok(false) => code = ExitCode::FAILURE,
            Err(error) => {
                eprintln!("error: {error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

fn measure(arguments: &Arguments, under: Under) -> Result<bool, CoverageError> {
    let (lines, failed) = match under {
        Under::Model => (of_model()?, Vec::new()),
        Under::Server => of_server(&arguments.test)?,
    };
    let results = results(&lines, under, &failed);
    print!("{}", table(&lines));
    results.notes.iter().for_each(|note| println!("{note}"));
    if let Some(directory) = &arguments.results {
        results.write(directory).map_err(CoverageError::file(directory))?;
    }
    Ok(results.well)
}

fn of_model() -> Result<Lines, CoverageError> {
    let mut laboratory = Laboratory::open(root(), PARTS[0])?;
    let built = laboratory.build(&["build", "--package", "model", "--bin", "model"])?;
    let (_, model) = built.first().ok_or_else(|| CoverageError::Failed("cargo".into(), "built no model".into()))?;
    let mut told = vec!["scenario".to_owned()];
    for folder in ["model/scenarios", "conformance/scenarios"] {
        let entries = std::fs::read_dir(root().join(folder)).map_err(CoverageError::file(&root().join(folder)))?;
        let files = entries.flatten().map(|entry| entry.path());
        let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "txt"));
        told.extend(files.map(|path| path.display().to_string()));
    }
    // Threads would share the counters, and spend their time on that.
    let check = ["check", "--engine", "graph", "--threads", "1"].map(str::to_owned).to_vec();
    for words in [told, check] {
        if !laboratory.run(model, &words, root())? {
            return Err(CoverageError::Failed(format!("model {}", words[0]), "it does not end well".into()));
        }
    }
    laboratory.counted()
}

/// And the tests that failed: on a busy machine some may, and what they executed counts as well.
fn of_server(tests: &[String]) -> Result<(Lines, Vec<String>), CoverageError> {
    let mut laboratory = Laboratory::open(root(), PARTS[1])?;
    let mut words = vec!["test", "--no-run", "--package", "zabkeeper"];
    tests.iter().for_each(|test| words.extend(["--test", test]));
    let mut failed = Vec::new();
    for (name, program) in laboratory.build(&words)? {
        // Programs that are no tests are started by those that are.
        let is_test = program.components().any(|part| part.as_os_str() == "deps");
        if is_test && !laboratory.run(&program, &[], &root().join("impl"))? {
            failed.push(name);
        }
    }
    Ok((laboratory.counted()?, failed))
}

/// The files whose every line must be executed by the model or a story.
fn is_protocol(file: &str) -> bool {
    CHAPTERS.iter().any(|chapter| file == format!("specs/src/{chapter}.rs"))
}

fn results(lines: &Lines, under: Under, failed: &[String]) -> Results {
    let part = match under {
        Under::Model => PARTS[0],
        Under::Server => PARTS[1],
    };
    let share = |wanted: fn(&str) -> bool| {
        let files = lines.files.keys().filter(|file| wanted(file)).map(|file| lines.of(file));
        let (all, executed) = files.fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
        format!("{executed} of {all} lines, {}", percent(executed, all))
    };
    let mut results = Results::new(part)
        .figure("the protocol's chapters", share(is_protocol))
        .figure("the tree", share(|file| file.starts_with("specs/src/tree/")))
        .figure("the rest (messages, properties, traces)", share(is_rest));
    for file in lines.files.keys().filter(|file| is_protocol(file)) {
        let text = std::fs::read_to_string(root().join(file)).unwrap_or_default();
        for (first, last) in lines.missed(file) {
            let line = text.lines().nth(first as usize - 1).unwrap_or_default().trim();
            results.notes.push(format!("not executed: {file}:{first}-{last}: {line}"));
        }
    }
    results.well = under == Under::Server || results.notes.is_empty();
    results.notes.extend(failed.iter().map(|test| format!("this test did not end well: {test}")));
    results
}

fn is_rest(file: &str) -> bool {
    !is_protocol(file) && !file.starts_with("specs/src/tree/")
}

fn percent(part: usize, all: usize) -> String {
    format!("{:.1} %", 100.0 * part as f64 / all.max(1) as f64)
}

fn table(lines: &Lines) -> String {
    let mut text = format!("{:<40} {:>6} {:>9} {:>8}\n", "file", "lines", "executed", "");
    for file in lines.files.keys() {
        let (all, executed) = lines.of(file);
        text += &format!("{file:<40} {all:>6} {executed:>9} {:>8}\n", percent(executed, all));
    }
    text
}

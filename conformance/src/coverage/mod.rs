//! Which lines of the specification are executed: by the model's suite and the stories, and by the server's tests.
//!
//! *Nothing lives in `specs` that the model or a scenario does not execute*: for the protocol's chapters that is
//! measured here. What they leave out is what nobody does who keeps to the protocol, and words for people: the
//! specification's own tests execute that, and a line that they do not either makes the command fail, unless it is
//! a way out that only the compiler asks for. The tree is the server's, and judged by its tests. Lines are what the
//! stable compiler counts (`-C instrument-coverage`); it has no counters for branches yet.

pub mod lines;
pub mod measure;

use crate::mutants::judge::TESTS;
use crate::mutants::list::CHAPTERS;
use crate::results::{Results, root};
use lines::Lines;
use measure::Laboratory;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The name of these results, with the name of what executed.
pub const PARTS: [&str; 2] = ["coverage-model", "coverage-server"];

/// Who executes the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Under {
    /// The suite of `model check`, and the stories of the model and of this package; what is left, the tests of the
    /// specification.
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

/// Measures; fails if nobody executes a line of the protocol.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for under in &arguments.under {
        let results = match under {
            Under::Model => model(),
            Under::Server => server(&arguments.test),
        };
        let written = results.and_then(|results| {
            results.notes.iter().for_each(|note| println!("{note}"));
            let write = |directory: &PathBuf| results.write(directory).map_err(CoverageError::file(directory));
            arguments.results.as_ref().map_or(Ok(()), write).map(|()| results.well)
        });
        match written {
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

/// Under the model and the stories; and what is left under the specification's own tests.
fn model() -> Result<Results, CoverageError> {
    let told = of_model()?;
    let (tested, failed) = of_tests("coverage-tests", "zab", TESTS)?;
    let mut both = told.clone();
    both.add(&tested);
    let mut results = results(PARTS[0], &told, &failed)
        .figure("the protocol's chapters, with the specification's own tests", share(&both, is_protocol));
    for file in both.files.keys().filter(|file| is_protocol(file)) {
        let text = std::fs::read_to_string(root().join(file)).unwrap_or_default();
        for line in both.missed(file) {
            let words = text.lines().nth(line as usize - 1).unwrap_or_default().trim();
            if !is_way_out(words) {
                results.well = false;
                results.notes.push(format!("not executed: {file}:{line}: {words}"));
            }
        }
    }
    print!("{}", table(&[("model", &told), ("with tests", &both)]));
    Ok(results)
}

fn server(tests: &[String]) -> Result<Results, CoverageError> {
    let tests: Vec<&str> = tests.iter().map(String::as_str).collect();
    let (lines, failed) = of_tests(PARTS[1], "zabkeeper", &tests)?;
    print!("{}", table(&[("server", &lines)]));
    Ok(results(PARTS[1], &lines, &failed))
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

/// And the tests that failed: on a busy machine some of the server's may, and what they executed counts as well.
fn of_tests(name: &str, package: &str, tests: &[&str]) -> Result<(Lines, Vec<String>), CoverageError> {
    let mut laboratory = Laboratory::open(root(), name)?;
    let mut words = vec!["test", "--no-run", "--package", package];
    tests.iter().for_each(|test| words.extend(["--test", test]));
    let folder = root().join(if package == "zab" { "specs" } else { "impl" });
    let mut failed = Vec::new();
    for (name, program) in laboratory.build(&words)? {
        // Programs that are no tests are started by those that are.
        let is_test = program.components().any(|part| part.as_os_str() == "deps");
        if is_test && !laboratory.run(&program, &[], &folder)? {
            failed.push(name);
        }
    }
    Ok((laboratory.counted()?, failed))
}

/// The files whose every line must be executed.
fn is_protocol(file: &str) -> bool {
    CHAPTERS.iter().any(|chapter| file == format!("specs/src/{chapter}.rs"))
}

fn is_rest(file: &str) -> bool {
    !is_protocol(file) && !file.starts_with("specs/src/tree/")
}

/// Whether a line only leaves a function or a choice, without doing anything: where types say less than is known.
fn is_way_out(line: &str) -> bool {
    ["return;", "return false;", "_ => None,", "}", "};"].contains(&line)
        || line.ends_with(" => {}")
        || line.starts_with("_ => unreachable!")
}

fn results(part: &str, lines: &Lines, failed: &[String]) -> Results {
    let mut results = Results::new(part)
        .figure("the protocol's chapters", share(lines, is_protocol))
        .figure("the tree", share(lines, |file| file.starts_with("specs/src/tree/")))
        .figure("the rest (messages, properties, traces)", share(lines, is_rest));
    results.notes.extend(failed.iter().map(|test| format!("this test did not end well: {test}")));
    results
}

fn share(lines: &Lines, wanted: fn(&str) -> bool) -> String {
    let files = lines.files.keys().filter(|file| wanted(file)).map(|file| lines.of(file));
    let (all, executed) = files.fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
    format!("{executed} of {all} lines, {}", percent(executed, all))
}

fn percent(part: usize, all: usize) -> String {
    format!("{:.1} %", 100.0 * part as f64 / all.max(1) as f64)
}

/// A row a file; how many of its lines were executed, by whom.
fn table(columns: &[(&str, &Lines)]) -> String {
    let mut text = format!("{:<40} {:>6}", "file", "lines");
    columns.iter().for_each(|(name, _)| text += &format!(" {name:>18}"));
    let files: BTreeSet<&String> = columns.iter().flat_map(|(_, lines)| lines.files.keys()).collect();
    for file in files {
        let all = columns.iter().map(|(_, lines)| lines.of(file).0).max().unwrap_or_default();
        text += &format!("\n{file:<40} {all:>6}");
        for (_, lines) in columns {
            let executed = lines.of(file).1;
            text += &format!(" {:>18}", format!("{executed} ({})", percent(executed, all)));
        }
    }
    text + "\n"
}

//! `conformance report`: one page of what was compared, in the terminal and as HTML.
//!
//! What takes seconds is done at once ([`quick`]). What takes minutes is read from where the other commands left it
//! with `--results DIR` ([`crate::results`]); a part that left nothing was not run, and the page says so.

pub mod quick;
pub mod render;
pub mod rows;

use crate::results::{Results, root};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A part of the page.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Its results lie in `NAME.json`.
    pub name: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// How its results come about.
    pub source: Source,
}

/// How results come about.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// The report itself finds them.
    Quick(fn() -> Results),
    /// This command leaves them (`conformance …`, or `model …`).
    Command(&'static str),
}

/// The parts, in their order. A new engine is a line here, and calls [`Results::write`] under its name.
pub const PARTS: [Part; 12] = [
    part("scenarios", "Stories on the specification and on the server", Source::Quick(quick::scenarios)),
    part("replay-small", "Every edge of a small graph of the model, on the server", Source::Quick(quick::replay)),
    part("replay", "Every edge of bounded graphs, on the server", Source::Command("replay --model --kinds")),
    part("recorded", "A recording of three servers, judged", Source::Quick(quick::recorded)),
    part("validate", "A recorded ensemble, judged", Source::Command("validate DIR…")),
    part("simulate", "The server on a simulated network, clock and disk", Source::Command("simulate")),
    part("histories", "Histories of concurrent clients", Source::Command("histories")),
    part("apache", "Apache ZooKeeper faced with scripted peers", Source::Command("apache")),
    part("capture", "Packets of Apache's ensemble, explained by the model", Source::Command("capture")),
    part("mutants", "Mutants of the specification", Source::Command("mutants")),
    part("coverage-model", "Lines executed by model and stories", Source::Command("coverage")),
    part("coverage-server", "Lines executed by the server's tests", Source::Command("coverage --under server")),
];

const fn part(name: &'static str, title: &'static str, source: Source) -> Part {
    Part { name, title, source }
}

/// The pages of what is known to differ, whose rows the report shows.
pub const PAGES: [(&str, &str); 2] = [
    ("specs/exceptions.md", "Differences from Apache ZooKeeper"),
    (crate::mutants::PAGE, "Mutants that are as good as the specification"),
];

/// Where commands leave their results, unless they are told otherwise.
const RESULTS: &str = "target/results";

/// The arguments of `conformance report`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where the other commands left their results.
    #[arg(long, value_name = "DIR", default_value = RESULTS)]
    results: PathBuf,
    /// Write the page here as well.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// A part with what is known of it.
#[derive(Debug)]
pub struct Found {
    /// Which.
    pub part: Part,
    /// What it left; what is wrong with that, if it cannot be read.
    pub results: Result<Option<Results>, String>,
}

impl Found {
    /// Whether something is wrong. What was not run is not wrong.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        match &self.results {
            Ok(Some(results)) => !results.well,
            Ok(None) => false,
            Err(_) => true,
        }
    }
}

/// A page of known differences.
#[derive(Debug)]
pub struct Known {
    /// The heading.
    pub title: &'static str,
    /// The file.
    pub file: &'static str,
    /// What stands there.
    pub sections: Vec<rows::Section>,
}

/// Prints the page; fails if a part that was run found something.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    match report(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all that was run is well.
fn report(Arguments { results, html }: &Arguments) -> Result<bool, String> {
    let told = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    // Where nothing was run yet, there is no such directory; one that somebody names is there.
    if results != Path::new(RESULTS) {
        std::fs::read_dir(results).map_err(|error| told(results, error))?;
    }
    // What cannot be written is told before the work, not after it.
    let mut page = html.as_ref().map(|file| File::create(file).map_err(|error| told(file, error))).transpose()?;
    eprintln!("stories and traces are looked at now; the rest is what other commands left in {}", results.display());
    let (found, known) = (find(results), known());
    print!("{}", render::text(&found, &known));
    if let (Some(page), Some(file)) = (&mut page, html) {
        page.write_all(render::html(&found, &known).as_bytes()).map_err(|error| told(file, error))?;
        println!("\nThe page is in {}.", file.display());
    }
    Ok(!found.iter().any(Found::is_wrong))
}

fn find(directory: &Path) -> Vec<Found> {
    let find = |part: Part| {
        let results = match part.source {
            Source::Quick(find) => Ok(Some(find())),
            Source::Command(_) => Results::read(directory, part.name).map_err(|error| error.to_string()),
        };
        Found { part, results }
    };
    PARTS.into_iter().map(find).collect()
}

fn known() -> Vec<Known> {
    let known = |(file, title)| {
        let page = std::fs::read_to_string(root().join(file)).unwrap_or_default();
        Known { title, file, sections: rows::sections(&page) }
    };
    PAGES.into_iter().map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_run_is_said_and_what_is_wrong_is_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let found = |part: Part| Found {
            part,
            results: Results::read(folder.path(), part.name).map_err(|error| error.to_string()),
        };
        let mutants = PARTS.into_iter().find(|part| part.name == "mutants").expect("a part");
        assert!(!found(mutants).is_wrong());
        assert!(render::text(&[found(mutants)], &[]).contains("not run"));
        let mut results = Results::new("mutants").figure("survive", "<2>");
        results.well = false;
        results.write(folder.path()).expect("written");
        assert!(found(mutants).is_wrong());
        assert!(render::text(&[found(mutants)], &[]).contains("survive: <2>"));
        assert!(render::html(&[found(mutants)], &[]).contains("&lt;2&gt;"));
        results.sources = "of others".into();
        results.write(folder.path()).expect("written");
        assert!(render::text(&[found(mutants)], &[]).contains("the specification has changed since"));
    }
}

//! `model scenario`.

use super::output::{hint, say};
use crate::scenario;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The arguments of `model scenario`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The stories to play, as those in model/scenarios.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Write the answers that come into the files, in place of those that stand there.
    #[arg(long)]
    update: bool,
}

/// Runs it.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let mut code = 0;
    for file in &arguments.files {
        match play(file, arguments.update) {
            Ok(verdict) => say!("{}: {verdict}", file.display()),
            Err(Trouble::Story(failure)) => {
                code = code.max(1);
                say!("{}:{}: {}", file.display(), failure.line, failure.what);
            }
            Err(Trouble::Empty) => {
                code = 2;
                hint!("error: {}: there is no command in it, so there is nothing to play", file.display());
            }
            Err(Trouble::File(error)) => {
                code = 2;
                hint!("error: {}: {error}", file.display());
            }
        }
    }
    ExitCode::from(code)
}

/// Why a file was not played to its end.
enum Trouble {
    Story(scenario::Failure),
    Empty,
    File(std::io::Error),
}

fn play(file: &Path, update: bool) -> Result<&'static str, Trouble> {
    let text = std::fs::read_to_string(file).map_err(Trouble::File)?;
    if scenario::is_empty(&text) {
        return Err(Trouble::Empty);
    }
    if !update {
        return scenario::check(&text).map(|()| "as told").map_err(Trouble::Story);
    }
    let written = scenario::update(&text).map_err(Trouble::Story)?;
    if written == text {
        return Ok("as told");
    }
    std::fs::write(file, written).map_err(Trouble::File)?;
    Ok("written anew")
}

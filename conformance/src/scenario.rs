//! Stories in plain text, played on any of three engines. Their language is the model's
//! (`conformance/scenarios/README.md`).

use crate::apache;
use crate::server::{Medium, Servers};
use model::scenario::{self, Failure};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// On what a story is played, beside the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Nothing else: `zab::Peer`, its disk, and a network in memory.
    Specs,
    /// The server's node, journal, files and packets, compared with the specification after every step.
    Server,
}

/// The engines by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Named {
    /// The specification: `zab::Peer`, its disk, and a network in memory.
    Specs,
    /// The server's node, journal, files and packets, compared with the specification after every step.
    Server,
    /// One process of Apache's, each server of the story in turn, and scripted peers: what `conformance apache` does.
    Apache,
}

/// The arguments of `conformance scenario`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The stories to play, as those in conformance/scenarios and in model/scenarios.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// On what they are played.
    #[arg(long, value_enum, default_value = "specs")]
    engine: Named,
    /// On what disks the server's engine is played.
    #[arg(long, value_enum, default_value = "files")]
    medium: Medium,
    /// Write the answers that come into the files, in place of those that stand there.
    #[arg(long)]
    rewrite: bool,
}

/// Plays every story; fails if one is not as told.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let engine = match arguments.engine {
        Named::Specs => Engine::Specs,
        Named::Server => Engine::Server,
        Named::Apache if arguments.rewrite => {
            eprintln!("error: the answers are the specification's: --rewrite goes with --engine specs or server");
            return ExitCode::from(2);
        }
        Named::Apache => return apache::run(&apache::Arguments::of(arguments.files.clone())),
    };
    let mut code = ExitCode::SUCCESS;
    for file in &arguments.files {
        match play_file(file, engine, arguments) {
            Ok(verdict) => println!("{}: {verdict}", file.display()),
            Err(failure) => {
                code = ExitCode::FAILURE;
                println!("{failure}");
            }
        }
    }
    code
}

fn play_file(file: &Path, engine: Engine, arguments: &Arguments) -> Result<&'static str, String> {
    let medium = arguments.medium;
    let at_file = |failure: Failure| format!("{}:{}: {}", file.display(), failure.line, failure.what);
    let io = |error: std::io::Error| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(io)?;
    if !arguments.rewrite {
        return check(&text, engine, medium).map(|()| "as told").map_err(at_file);
    }
    let written = update(&text, engine, medium).map_err(at_file)?;
    if written == text {
        return Ok("as told");
    }
    std::fs::write(file, written).map_err(io)?;
    Ok("written anew")
}

/// Plays a story and compares every answer.
///
/// # Errors
/// At the first answer that differs, the first command that cannot be obeyed, the first property that is violated, or
/// the first step in which the server does something else than the specification.
pub fn check(text: &str, engine: Engine, medium: Medium) -> Result<(), Failure> {
    match engine {
        Engine::Specs => scenario::check(text),
        Engine::Server => scenario::check_beside(text, Box::new(Servers::new(medium))),
    }
}

/// Plays a story and writes it anew with the answers that it got.
///
/// # Errors
/// As [`check`], but for answers.
pub fn update(text: &str, engine: Engine, medium: Medium) -> Result<String, Failure> {
    match engine {
        Engine::Specs => scenario::update(text),
        Engine::Server => scenario::update_beside(text, Box::new(Servers::new(medium))),
    }
}

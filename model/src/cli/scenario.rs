//! `model scenario`.

use std::process::ExitCode;

/// The arguments of `model scenario`.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Runs it.
#[must_use]
pub fn run(_arguments: &Arguments) -> ExitCode {
    eprintln!("model scenario: is being written");
    ExitCode::from(2)
}

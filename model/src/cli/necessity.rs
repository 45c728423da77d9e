//! `model necessity`.

use std::process::ExitCode;

/// The arguments of `model necessity`.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Runs it.
#[must_use]
pub fn run(_arguments: &Arguments) -> ExitCode {
    eprintln!("model necessity: is being written");
    ExitCode::from(2)
}

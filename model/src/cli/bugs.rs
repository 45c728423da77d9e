//! `model bugs`.

use std::process::ExitCode;

/// The arguments of `model bugs`.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Runs it.
#[must_use]
pub fn run(_arguments: &Arguments) -> ExitCode {
    eprintln!("model bugs: is being written");
    ExitCode::from(2)
}

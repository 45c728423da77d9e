//! `model trace`.

use std::process::ExitCode;

/// The arguments of `model trace`.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Runs it.
#[must_use]
pub fn run(_arguments: &Arguments) -> ExitCode {
    eprintln!("model trace: is being written");
    ExitCode::from(2)
}

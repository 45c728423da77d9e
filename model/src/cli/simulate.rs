//! `model simulate`.

use std::process::ExitCode;

/// The arguments of `model simulate`.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Runs it.
#[must_use]
pub fn run(_arguments: &Arguments) -> ExitCode {
    eprintln!("model simulate: is being written");
    ExitCode::from(2)
}

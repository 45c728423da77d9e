//! `model bench`.

use std::process::ExitCode;

/// The arguments of `model bench`.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Runs it.
#[must_use]
pub fn run(_arguments: &Arguments) -> ExitCode {
    eprintln!("model bench: is being written");
    ExitCode::from(2)
}

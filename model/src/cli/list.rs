//! `model list`.

use std::process::ExitCode;

/// The arguments of `model list`.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Runs it.
#[must_use]
pub fn run(_arguments: &Arguments) -> ExitCode {
    eprintln!("model list: is being written");
    ExitCode::from(2)
}

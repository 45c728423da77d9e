//! `model explore`.

use std::process::ExitCode;

/// The arguments of `model explore`.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Runs it.
#[must_use]
pub fn run(_arguments: &Arguments) -> ExitCode {
    eprintln!("model explore: is being written");
    ExitCode::from(2)
}

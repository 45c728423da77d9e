//! `model check`.

use super::bounds::BoundsArguments;
use crate::bounds::Kind;
use std::process::ExitCode;

/// The arguments of `model check`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The model to check; without one, the default suite.
    name: Option<Kind>,
    #[command(flatten)]
    bounds: BoundsArguments,
}

/// Runs it.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let _ = (arguments.name, &arguments.bounds);
    ExitCode::from(2)
}

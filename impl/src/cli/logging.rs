//! Logging: lines on standard error.

use super::failure::{Exit, Failure};
use std::io::IsTerminal;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Begins to log what `filter` says, or `RUST_LOG`, or everything from level info on. A second call changes nothing.
///
/// # Errors
/// When the filter is none.
pub(super) fn begin(filter: Option<&str>) -> Result<(), Failure> {
    let from_environment = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let filter = filter.map(str::to_owned).or(from_environment).unwrap_or_else(|| "info".to_owned());
    let targets: Targets = filter.parse().map_err(|error| Failure {
        exit: Exit::InvalidInvocation,
        sentence: format!("{filter} is no filter for the log: {error}"),
    })?;
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // Fails only when somebody logs already, as in a test.
    let _ = tracing_subscriber::registry().with(lines).with(targets).try_init();
    Ok(())
}

//! Logging: lines on standard error.

use super::failure::{Exit, Failure};
use std::io::IsTerminal;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// Refuses a filter of the command line that would let nothing through: a word that is no level is taken for the name
/// of a target by the library, and whoever writes one means a level.
///
/// # Errors
/// When the filter is none, or a part of it is such a word.
pub(super) fn check(filter: &str) -> Result<(), Failure> {
    let failure = |sentence| Failure { exit: Exit::InvalidInvocation, sentence };
    filter.parse::<Targets>().map_err(|error| failure(format!("{filter} is no filter for the log: {error}")))?;
    let word = filter.split(',').map(str::trim);
    let word = word.into_iter().find(|part| !part.contains('=') && part.parse::<LevelFilter>().is_err());
    word.map_or(Ok(()), |word| {
        Err(failure(format!(
            "{filter} is no filter for the log: \"{word}\" is no level (error, warn, info, debug, trace, off) and no \
             target=level"
        )))
    })
}

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

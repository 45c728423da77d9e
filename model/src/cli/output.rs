//! Where the command speaks to: standard output, whose reader may leave before the end (`model list | head`).

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// Prints a line. Ends the process, without a word, when nobody reads any more: with the exit code that a shell reports
/// for a program that SIGPIPE ends.
///
/// # Panics
/// When standard output fails otherwise, as `println!` does.
pub(crate) fn line(words: Arguments<'_>) {
    match writeln!(std::io::stdout(), "{words}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(128 + 13),
        outcome => outcome.expect("standard output can be written"),
    }
}

/// `println!` for a reader that may leave.
macro_rules! say {
    ($($words:tt)*) => { crate::cli::output::line(format_args!($($words)*)) };
}
pub(crate) use say;

//! Where the command speaks to. Standard output may have a reader who leaves before the end (`model list | head`), or
//! no room left (`model list > /dev/full`); directories for what is written may be none.

use std::fmt::Arguments;
use std::io::{Error, ErrorKind, Write};
use std::path::Path;
use std::process::exit;

/// Prints a line. Where it cannot be printed, ends the process, see [`give_up`].
pub(crate) fn line(words: Arguments<'_>) {
    if let Err(error) = writeln!(std::io::stdout(), "{words}") {
        give_up(&error);
    }
}

/// Ends the process because standard output takes no more. Where nobody reads any more, without a word, with the exit
/// code that a shell reports for a program that SIGPIPE ends; otherwise with a sentence and exit code 1.
pub(crate) fn give_up(error: &Error) -> ! {
    if error.kind() == ErrorKind::BrokenPipe {
        exit(128 + 13);
    }
    aside(format_args!("error: standard output cannot be written: {error}"));
    exit(1)
}

/// Prints a line on standard error. If even that cannot be written, there is nobody left to tell.
pub(crate) fn aside(words: Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{words}");
}

/// Makes the directory, if there is none, before long work that will write into it.
///
/// # Errors
/// With a sentence, when there is something else, or it cannot be made or written.
pub(crate) fn make_directory(directory: &Path) -> Result<(), String> {
    if directory.exists() && !directory.is_dir() {
        return Err(format!("{} is not a directory", directory.display()));
    }
    std::fs::create_dir_all(directory).map_err(|error| format!("{} cannot be made: {error}", directory.display()))?;
    let probe = directory.join(format!(".model-{}", std::process::id()));
    let written = std::fs::write(&probe, "").and_then(|()| std::fs::remove_file(&probe));
    written.map_err(|error| format!("{} cannot be written: {error}", directory.display()))
}

/// `println!` for a reader that may leave.
macro_rules! say {
    ($($words:tt)*) => { crate::cli::output::line(format_args!($($words)*)) };
}

/// `hint!` that never panics.
macro_rules! hint {
    ($($words:tt)*) => { crate::cli::output::aside(format_args!($($words)*)) };
}
pub(crate) use {hint, say};

//! Where the shell's words go: results and events to the output, everything else to the other one for errors.

use parking_lot::Mutex;
use rustyline::ExternalPrinter;
use std::fmt::Display;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

type Beside = Box<dyn ExternalPrinter + Send>;

/// Both outputs of the process. Clones are the same.
///
/// Nobody may be listening any more, as in `zabkeeper shell ls / | head`: what cannot be printed is lost.
#[derive(Clone, Default)]
pub struct Screen {
    /// Prints beside a line that a person is typing.
    beside: Arc<Mutex<Option<Beside>>>,
    failed: Arc<AtomicBool>,
}

impl Screen {
    /// Prints a result.
    pub fn line(&self, text: impl Display) {
        let mut out = io::stdout().lock();
        if let Err(error) = writeln!(out, "{text}").and_then(|()| out.flush())
            && error.kind() != io::ErrorKind::BrokenPipe
            && !self.failed.swap(true, Ordering::Relaxed)
        {
            self.note(format_args!("cannot print: {error}"));
        }
    }

    /// Whether something could not be printed though somebody listens.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Prints what is no result.
    pub fn note(&self, text: impl Display) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Prints what happened meanwhile; a line that is being typed stays whole.
    pub fn event(&self, text: impl Display) {
        match self.beside.lock().as_mut() {
            Some(beside) => drop(beside.print(format!("{text}\n"))),
            None => self.line(text),
        }
    }

    /// From now on there is a person who types lines.
    pub(super) fn print_beside(&self, printer: impl ExternalPrinter + Send + 'static) {
        *self.beside.lock() = Some(Box::new(printer));
    }
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Screen")
    }
}

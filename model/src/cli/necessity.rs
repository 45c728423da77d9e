//! `model necessity`.

use super::output::{hint, say};
use super::table::counted;
use super::{progress, table};
use crate::engine::{EngineError, Progress};
use crate::necessity::{Fate, kinds_of_steps, orders_to_try};
use std::process::ExitCode;
use std::sync::Arc;

/// The arguments of `model necessity`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many states to look through for each order and bounds.
    #[arg(long, default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    max_states: u64,
    /// Only list the orders.
    #[arg(long)]
    list: bool,
}

/// Runs it.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    match try_all(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            hint!("error: {error}");
            ExitCode::from(1)
        }
    }
}

fn try_all(arguments: &Arguments) -> Result<bool, EngineError> {
    let progress = Arc::new(Progress::new());
    let kinds = progress::watched("kinds of steps", &progress, kinds_of_steps)?;
    let orders = orders_to_try(&kinds);
    say!(
        "{}, {}",
        counted(kinds.len(), "kind of step", "kinds of steps"),
        counted(orders.len(), "other order", "other orders")
    );
    let mut rows = table::table(&["step", "order instead", "fate"], 3);
    let mut unexplained = 0;
    for (number, other) in orders.iter().enumerate() {
        let fate = if arguments.list {
            String::new()
        } else {
            let label = format!("order {} of {}", number + 1, orders.len());
            let progress = Arc::new(Progress::new());
            let fate = progress::watched(&label, &progress, |progress| other.fate(arguments.max_states, progress))?;
            if progress.stop_requested() {
                return Ok(false);
            }
            unexplained += usize::from(fate == Fate::Unexplained);
            in_words(&fate)
        };
        rows.add_row([other.example.input.to_string(), other.outputs().join("; "), fate]);
    }
    say!("{rows}");
    if !arguments.list {
        say!("Orders that are caught or explained: {}; not: {unexplained}.", orders.len() - unexplained);
    }
    Ok(unexplained == 0)
}

fn in_words(fate: &Fate) -> String {
    match fate {
        Fate::Caught { property, steps } => format!("breaks {property} in {}", counted(*steps, "step", "steps")),
        Fate::Harmless(reason) => format!("harmless: {reason}"),
        Fate::Unexplained => "BREAKS NOTHING".into(),
    }
}

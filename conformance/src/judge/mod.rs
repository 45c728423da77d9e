//! The judge: merges what the servers recorded, plays every line through the specification, and looks at properties.
//!
//! What grows with the run (deliveries, broadcasts) is looked at where it grows, once. The
//! predicates of [`zab::properties::safety`] themselves, which look at whole histories, are evaluated in every state
//! while histories are short ([`SHORT`]), and afterwards whenever a server recovers, is elected or changes its phase,
//! and at the end.

mod cuts;
mod deliveries;
mod run;
mod views;
mod violation;

pub use violation::{Fault, Told, Violation};

use crate::links;
use crate::recording::Recording;
use run::Judge;
use zab::Zxid;

/// So many transactions are few: every predicate is evaluated in every state.
pub const SHORT: usize = 64;

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Lines of all servers: each is an event, and leads to a merged state.
    pub events: usize,
    /// States in which every predicate was evaluated on whole histories.
    pub whole: usize,
    /// Transactions that were delivered.
    pub transactions: usize,
    /// Epochs that were established.
    pub epochs: usize,
    /// Whether histories could be looked at: not where servers begin on disks that hold something.
    pub histories: bool,
    /// Receipts whose sending is in no trace, because its server was killed.
    pub lost: usize,
}

/// Judges a recording.
///
/// # Errors
/// With the first line, in an order that causes allow, that the specification would not have written or after which a
/// property does not hold.
pub fn validate(recording: &Recording) -> Result<Report, Box<Violation>> {
    let causes = links::causes(recording).map_err(|fault| {
        let at = (fault.server, fault.line);
        Violation::of_one(recording, at, Fault::NotSent(Box::new(fault)))
    })?;
    let mut judge = Judge::new(recording, &causes);
    judge.merge()?;
    judge.report.lost = causes.lost;
    judge.report.histories = judge.base == Zxid::ZERO;
    judge.report.transactions = judge.past.delivered.len();
    judge.report.epochs = judge.past.established.len();
    Ok(judge.report)
}

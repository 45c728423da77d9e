//! A real ensemble of Java's, explained: proxies between its servers turn packets into messages, and a search finds
//! the hidden steps (what waited for a disk, which of two links was read first, what ran out) with which a
//! [`zab::Peer`] in each server's place says the same.
//!
//! | module | says |
//! |---|---|
//! | [`java`] | three servers of Java's, and what is done to them |
//! | [`proxy`] | a port in front of another one |
//! | [`record`] | what the proxies see |
//! | [`course`] | one possible course of one server |
//! | [`explain`](mod@explain) | the search for the one that was seen |
//! | [`difference`] | what is tolerated, with Java's class and the reason |

pub mod course;
pub mod difference;
pub mod explain;
pub mod java;
pub mod proxy;
pub mod record;

use java::JavaEnsemble;
use record::{Event, Recorder};
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;
use zab::{Ensemble, ServerId};

/// The arguments of `conformance capture`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many znodes each client creates each time.
    #[arg(long, default_value_t = 10)]
    writes: usize,
    /// How often the leader is killed and started again.
    #[arg(long, default_value_t = 1)]
    kills: usize,
    /// Print every message.
    #[arg(long)]
    print: bool,
}

/// Runs Java's servers, and explains what they said; fails if anything is left unexplained.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let start = Instant::now();
    let events = match capture(arguments.writes, arguments.kills) {
        Ok(events) => events,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let recorded = start.elapsed();
    if arguments.print {
        events.iter().enumerate().for_each(|(at, event)| println!("{at:5} {event}"));
    }
    let explanations = explain::explain(&events, &ensemble());
    for explanation in &explanations {
        println!("{explanation}");
        explanation.differences.iter().for_each(|(difference, count)| println!("  {count} × {difference}"));
    }
    let unreadable = events.iter().filter(|event| matches!(event, Event::Unreadable { .. })).count();
    let (sent, explained) = explanations
        .iter()
        .fold((0, 0), |(sent, explained), explanation| (sent + explanation.sent, explained + explanation.explained));
    println!(
        "{explained} of {sent} messages of {} servers are explained, {unreadable} could not be read; {:.1} s, {:.1} s of \
         them to record",
        explanations.len(),
        start.elapsed().as_secs_f64(),
        recorded.as_secs_f64()
    );
    if explained == sent && unreadable == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Who takes part.
///
/// # Panics
/// Never: three voters are an ensemble.
#[must_use]
pub fn ensemble() -> Arc<Ensemble> {
    Arc::new(Ensemble::majority((1..=3).map(ServerId), []).expect("three voters"))
}

/// Starts three servers of Java's, writes at each, kills the leader, writes, starts it again, writes, and tells what
/// passed between them.
///
/// # Errors
/// The system's; a sentence where there is no Java, or it does not come to serve.
pub fn capture(writes: usize, kills: usize) -> io::Result<Vec<Event>> {
    let recorder = Recorder::default();
    let mut java = JavaEnsemble::new(3, recorder.clone())?;
    for id in java.ids() {
        java.start(id)?;
    }
    let mut leader = java.wait_until_serving()?;
    for id in java.ids() {
        java.write(id, &format!("first-{}", id.0), writes)?;
    }
    for kill in 0..kills {
        java.kill(leader);
        let next = java.wait_until_serving()?;
        for id in java.ids().into_iter().filter(|id| *id != leader) {
            java.write(id, &format!("without-{kill}-{}", id.0), writes)?;
        }
        java.start(leader)?;
        java.wait_until_serving()?;
        for id in java.ids() {
            java.write(id, &format!("again-{kill}-{}", id.0), writes)?;
        }
        leader = next;
    }
    Ok(recorder.events())
}

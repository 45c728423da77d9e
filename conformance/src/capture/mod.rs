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

use crate::apache::Client;
use crate::results::Results;
use java::JavaEnsemble;
use record::{Event, Recorder};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
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
    /// Let the clients write at the same time, also when the leader is killed.
    #[arg(long)]
    load: bool,
    /// Let clients write also while the killed leader comes back.
    #[arg(long)]
    overlap: bool,
    /// Print every message.
    #[arg(long)]
    print: bool,
    /// Leave the figures for the report in this directory.
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
}

impl Arguments {
    fn course(&self) -> Course {
        Course { writes: self.writes, kills: self.kills, load: self.load, overlap: self.overlap }
    }
}

/// Runs Java's servers, and explains what they said; fails if anything is left unexplained.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let start = Instant::now();
    let events = match record(arguments.course()) {
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
        "{explained} of {sent} messages of {} servers are explained, {unreadable} could not be read; {:.1} s, {:.1} s \
         of them to record",
        explanations.len(),
        start.elapsed().as_secs_f64(),
        recorded.as_secs_f64()
    );
    let mut results = Results::new("capture");
    results.well = explained == sent && unreadable == 0;
    let results = results.figure("messages of Java's servers", sent).figure("explained", explained);
    results.leave(arguments.results.as_deref())
}

/// Java's servers among themselves fail once in a while: 3.8.0's let clients wait for ever, and a port may be taken by
/// somebody else before one of them has it. That says nothing of what they say.
fn record(course: Course) -> io::Result<Vec<Event>> {
    for _ in 1..ATTEMPTS {
        match capture(course) {
            Ok(events) => return Ok(events),
            Err(error) => eprintln!("once more, as {error}"),
        }
    }
    capture(course)
}

/// So often they are started for one recording.
const ATTEMPTS: usize = 3;

/// Who takes part.
///
/// # Panics
/// Never: three voters are an ensemble.
#[must_use]
pub fn ensemble() -> Arc<Ensemble> {
    Arc::new(Ensemble::majority((1..=3).map(ServerId), []).expect("three voters"))
}

/// What happens to the three servers.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    /// How many znodes each client creates each time.
    pub writes: usize,
    /// How often the leader is killed and started again.
    pub kills: usize,
    /// Whether the clients write at the same time, also when the leader is killed.
    pub load: bool,
    /// Whether they write while the killed server comes back.
    pub overlap: bool,
}

/// Starts three servers of Java's, writes at each, kills the leader, writes, starts it again, writes, and tells what
/// passed between them.
///
/// # Errors
/// The system's; a sentence where there is no Java, or it does not come to serve.
pub fn capture(course: Course) -> io::Result<Vec<Event>> {
    let recorder = Recorder::default();
    let mut java = JavaEnsemble::new(3, recorder.clone())?;
    for id in java.ids() {
        java.start(id)?;
    }
    let mut leader = java.wait_until_serving()?;
    write(&java, &java.ids(), "first", course)?;
    for kill in 0..course.kills {
        let others: Vec<ServerId> = java.ids().into_iter().filter(|id| *id != leader).collect();
        let addresses: Vec<_> = java.ids().into_iter().map(|id| java.client(id)).collect();
        let writers = addresses.into_iter().enumerate().filter(|_| course.load).map(|(place, address)| {
            // The kill ends them, sooner or later.
            std::thread::spawn(move || Client::write(address, &format!("killed-{kill}-{place}"), |_| true))
        });
        let writers: Vec<_> = writers.collect();
        if course.load {
            std::thread::sleep(LOAD);
        }
        java.kill(leader);
        let next = java.wait_until_serving()?;
        write(&java, &others, &format!("without-{kill}"), course)?;
        return_to_work(&mut java, leader, &others, (kill, course.overlap))?;
        write(&java, &java.ids(), &format!("again-{kill}"), course)?;
        for writer in writers {
            // How it ended is the client's affair.
            drop(writer.join());
        }
        leader = next;
    }
    Ok(recorder.events())
}

/// So long clients write before the leader is killed, and when it has come back.
const LOAD: Duration = Duration::from_millis(300);
/// Between two writes while it comes back, so that some of what it lacks is still in the others' memory.
const PAUSE: Duration = Duration::from_millis(4);

/// Starts a server again. If work is to overlap, the others' clients write until it serves, and a little longer.
fn return_to_work(
    java: &mut JavaEnsemble,
    returning: ServerId,
    others: &[ServerId],
    (kill, overlap): (usize, bool),
) -> io::Result<()> {
    let stop = AtomicBool::new(false);
    let goes_on = |_| {
        std::thread::sleep(PAUSE);
        !stop.load(Ordering::Relaxed)
    };
    let clients: Vec<_> = others.iter().filter(|_| overlap).map(|id| (java.client(*id), id.0)).collect();
    std::thread::scope(|scope| {
        let writers = clients.iter().map(|(address, id)| {
            scope.spawn(move || Client::write(*address, &format!("returns-{kill}-{id}"), goes_on))
        });
        let writers: Vec<_> = writers.collect();
        let started = java.start(returning).and_then(|()| java.wait_until_serving());
        if overlap {
            std::thread::sleep(LOAD);
        }
        stop.store(true, Ordering::Relaxed);
        let written =
            writers.into_iter().map(|writer| writer.join().map_err(|_| io::Error::other("a writer has failed"))?);
        started.and(written.collect())
    })
}

fn write(java: &JavaEnsemble, ids: &[ServerId], name: &str, course: Course) -> io::Result<()> {
    let one =
        |id: ServerId| Client::write(java.client(id), &format!("{name}-{}", id.0), |number| number < course.writes);
    if !course.load {
        return ids.iter().try_for_each(|id| one(*id));
    }
    std::thread::scope(|scope| {
        let writers: Vec<_> = ids.iter().map(|id| scope.spawn(|| one(*id))).collect();
        writers.into_iter().try_for_each(|writer| writer.join().map_err(|_| io::Error::other("a writer has failed"))?)
    })
}

//! `conformance histories`: are promises kept, under faults, by simulated servers and by real ones?

use super::{check, processes};
use crate::results::Results;
use crate::simulation::command::{FAULTS, play, schedule};
use crate::{judge, recording};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The arguments of `conformance histories`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many seeds of the simulation.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first seed; for processes, the one that chooses who is killed. [default: 1; for processes the time]
    #[arg(long)]
    first: Option<u64>,
    /// Real servers instead, as processes that are killed.
    #[arg(long)]
    processes: bool,
    /// For how many minutes they are killed.
    #[arg(long, default_value_t = 1.0, requires = "processes")]
    minutes: f64,
    /// How many clients they have.
    #[arg(long, default_value_t = 5, requires = "processes")]
    clients: usize,
    /// The server's program. [default: zabkeeper, beside this program]
    #[arg(long, value_name = "FILE", requires = "processes")]
    server: Option<PathBuf>,
    /// Leave the figures for the report in this directory.
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
}

/// Looks at histories.
#[must_use]
pub fn histories(arguments: &Arguments) -> ExitCode {
    let looked = if arguments.processes { on_processes(arguments) } else { in_simulation(arguments) };
    match looked {
        Ok(told) => {
            println!("{told}");
            Results::new("histories").figure("looked at", told).leave(arguments.results.as_deref())
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn in_simulation(arguments: &Arguments) -> Result<String, String> {
    let (start, first) = (Instant::now(), arguments.first.unwrap_or(1));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let of = |seed| schedule(seed, None, None, FAULTS);
    let total = play(first..first.saturating_add(arguments.seeds), threads, of, None)
        .map_err(|(schedule, error)| format!("{schedule}fails: {error}"))?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(format!("{} histories keep every promise: {}\n{seconds:.1} s", total.runs, total.clients))
}

fn on_processes(arguments: &Arguments) -> Result<String, String> {
    let beside = || Some(std::env::current_exe().ok()?.parent()?.join("zabkeeper"));
    let program = arguments.server.clone().or_else(beside).unwrap_or_default();
    // Servers run in directories of their own.
    let program = program
        .canonicalize()
        .map_err(|error| format!("{}: {error}; build the server, or say where it is (--server)", program.display()))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let (seed, clients) = (arguments.first.unwrap_or(now), arguments.clients);
    let time = Duration::from_secs_f64(arguments.minutes.max(0.0) * 60.0);
    println!("{} minutes, --first {seed}, {}", arguments.minutes, program.display());
    let run = processes::run(&processes::Options { program, time, clients, seed })?;
    let judged = look_at(&run);
    if judged.is_err() {
        println!("the servers' files are left in {}", run.directory.keep().display());
    }
    judged
}

/// Looks at what clients saw, and at what the servers recorded.
fn look_at(run: &processes::Run) -> Result<String, String> {
    let report = check(&run.history).map_err(|broken| {
        let (first, last) = (broken.entry.saturating_sub(40), (broken.entry + 1).min(run.history.entries.len()));
        let entries = run.history.entries[first..last].iter().map(|entry| format!("{entry}\n"));
        format!("{}{broken}", entries.collect::<String>())
    })?;
    let recording = recording::read(&[run.traces()]).map_err(|error| error.to_string())?;
    let judged = judge::validate(&recording).map_err(|violation| violation.to_string())?;
    let (events, killed, epochs) = (judged.events, run.killed, judged.epochs);
    Ok(format!(
        "{report}\n{killed} servers killed, {epochs} epochs; the {events} events of the servers are as specified"
    ))
}

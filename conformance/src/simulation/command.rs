//! `conformance simulate`: many seeds, each judged; one that fails is made short.

use super::schedule::Schedule;
use super::{Defect, run, shrink};
use crate::histories;
use crate::results::Results;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// The arguments of `conformance simulate`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first seed; the next one's is one more.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// How many servers; without it three, four or five, as the seed says.
    #[arg(long, value_parser = clap::value_parser!(u8).range(3..=5))]
    servers: Option<u8>,
    /// How many observers besides; without it none or one, as the seed says.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=2))]
    observers: Option<u8>,
    /// How many faults each run has.
    #[arg(long, default_value_t = FAULTS)]
    steps: usize,
    /// Plants a defect, to see that it is found.
    #[arg(long, value_enum)]
    defect: Option<Defect>,
    /// How many runs may be made to shorten one that fails.
    #[arg(long, default_value_t = 200)]
    shrink: usize,
    /// How many threads share the seeds; without it as many as there are processors.
    #[arg(long)]
    threads: Option<usize>,
    /// Leave the figures for the report in this directory.
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
}

/// So many faults has a run, if nobody says otherwise.
pub const FAULTS: usize = 20;

/// The schedule of a seed: how many servers and observers there are is its choice.
#[must_use]
pub fn schedule(seed: u64, servers: Option<u8>, observers: Option<u8>, faults: usize) -> Schedule {
    let servers = servers.map_or(3 + [0, 0, 2, 1][seed as usize % 4], usize::from);
    let observers = observers.map_or(usize::from(seed % 3 == 2), usize::from);
    Schedule::new(seed, servers, observers, faults)
}

/// What all runs together came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Total {
    /// Runs.
    pub runs: u64,
    /// Events of all servers.
    pub events: usize,
    /// Transactions.
    pub transactions: usize,
    /// Epochs.
    pub epochs: usize,
    /// What clients saw.
    pub clients: histories::Report,
    /// The simulation's time, in milliseconds.
    pub simulated: u64,
    /// The longest time from the end of faults until a write was acknowledged, in milliseconds.
    pub calm_after: u64,
}

impl Total {
    fn add(&mut self, other: &Total) {
        self.runs += other.runs;
        self.events += other.events;
        self.transactions += other.transactions;
        self.epochs += other.epochs;
        self.clients = self.clients.and(other.clients);
        self.simulated += other.simulated;
        self.calm_after = self.calm_after.max(other.calm_after);
    }
}

/// Plays seeds, on several threads.
///
/// # Errors
/// With the lowest seed that fails, its schedule, and why.
pub fn play(
    seeds: std::ops::Range<u64>,
    threads: usize,
    schedule: impl Fn(u64) -> Schedule + Sync,
    defect: Option<Defect>,
) -> Result<Total, (Schedule, String)> {
    let one = |seed: u64| {
        let schedule = schedule(seed);
        let run = run(&schedule, defect).map_err(|error| (schedule.clone(), error))?;
        let verdict = run.verdict.map_err(|error| (schedule, error))?;
        Ok(Total {
            runs: 1,
            events: verdict.servers.events,
            transactions: verdict.servers.transactions,
            epochs: verdict.servers.epochs,
            clients: verdict.clients,
            simulated: run.lasted,
            calm_after: verdict.calm_after,
        })
    };
    let part = |number: usize| {
        let mut total = Total::default();
        for seed in seeds.clone().skip(number).step_by(threads) {
            total.add(&one(seed)?);
        }
        Ok(total)
    };
    let parts: Vec<Result<Total, (Schedule, String)>> = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..threads).map(|number| scope.spawn(move || part(number))).collect();
        parts.into_iter().map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let mut total = Total::default();
    let mut failures = Vec::new();
    for part in parts {
        match part {
            Ok(part) => total.add(&part),
            Err(failure) => failures.push(failure),
        }
    }
    match failures.into_iter().min_by_key(|(schedule, _)| schedule.seed) {
        Some(failure) => Err(failure),
        None => Ok(total),
    }
}

/// Plays all of them.
#[must_use]
pub fn simulate(arguments: &Arguments) -> ExitCode {
    let start = Instant::now();
    let seeds = arguments.first..arguments.first.saturating_add(arguments.seeds);
    let threads = arguments.threads.or_else(|| std::thread::available_parallelism().map(usize::from).ok());
    let of = |seed| schedule(seed, arguments.servers, arguments.observers, arguments.steps);
    let (schedule, error) = match play(seeds, threads.unwrap_or(1).max(1), of, arguments.defect) {
        Ok(total) => {
            let seconds = start.elapsed().as_secs_f64();
            let Total { runs, events, transactions, epochs, clients, simulated, calm_after } = total;
            println!("{runs} runs are as specified: {events} events, {transactions} transactions, {epochs} epochs");
            println!("{clients}");
            println!("the longest time from the last fault to a write: {calm_after} ms");
            println!("{} s simulated in {seconds:.1} s, {:.1} seeds/s", simulated / 1000, runs as f64 / seconds);
            let results = Results::new("simulate").figure("seeds", runs).figure("events", events);
            let results = results.figure("transactions", transactions).figure("epochs", epochs);
            return results.leave(arguments.results.as_deref());
        }
        Err(failure) => failure,
    };
    println!("{schedule}fails: {error}\n");
    let fails = |schedule: &Schedule| run(schedule, arguments.defect).map_or(true, |run| run.verdict.is_err());
    let shortest = shrink(&schedule, arguments.shrink, fails);
    let left = shortest.faults.len();
    print!("shortened to {left} of {} faults: {shortest}", schedule.faults.len());
    if let Ok(Err(error)) = run(&shortest, arguments.defect).map(|run| run.verdict) {
        println!("fails: {error}");
    }
    println!("\nagain: conformance simulate --first {} --seeds 1 --steps {}", schedule.seed, arguments.steps);
    ExitCode::FAILURE
}

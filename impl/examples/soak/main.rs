//! Three servers and an observer, processes of their own, for an hour or as long as you like: mixed load, a fault every
//! ten seconds, and every promise checked all along.
//!
//! ```text
//! cargo build --release -p zabkeeper --bin zabkeeper --example soak
//! target/release/examples/soak --minutes 60 --seed 1
//! ```
//!
//! It ends with a table of the faults and with 0; or as soon as a promise is broken, with 1, the sentence that says
//! which, and the place where the servers' files and logs are left.
//!
//! ```text
//! sessions, ledger   the load, and what each session was promised: no write lost or done twice, order, watches, sync
//! faults             which there are, and what each does
//! story              one after the other; trees that must be equal, logs without errors, servers that must not end
//! pulse, table       how long no write was accepted, and when a server was back
//! flat               memory and descriptors
//! ```

#[path = "../../tests/harness/mod.rs"]
mod harness;

mod faults;
mod flat;
mod ledger;
mod pulse;
mod sessions;
mod story;
mod table;

use clap::Parser;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A soak of a real ensemble.
#[derive(Parser)]
pub struct Options {
    /// How long.
    #[arg(long, default_value_t = 60.0)]
    minutes: f64,
    /// Chooses the faults, their victims and moments, and what is written. [default: the time]
    #[arg(long)]
    seed: Option<u64>,
    /// Seconds from fault to fault.
    #[arg(long, default_value_t = 10)]
    every: u64,
    /// Sessions, spread over the servers.
    #[arg(long, default_value_t = 8)]
    sessions: usize,
    /// Requests a second, all sessions together.
    #[arg(long, default_value_t = 500)]
    rate: u64,
    /// Znodes beside those of the sessions.
    #[arg(long, default_value_t = 2000)]
    znodes: u64,
}

impl Options {
    fn time(&self) -> Duration {
        Duration::from_secs_f64(self.minutes * 60.0)
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let program = harness::process::server_program();
    if !program.is_file() {
        eprintln!("{} is not there: build the server, in the same profile as this", program.display());
        return ExitCode::FAILURE;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let seed = options.seed.unwrap_or(now);
    println!("{} minutes, --seed {seed}, {}", options.minutes, program.display());
    let mut report = story::Report::default();
    // A broken promise is a panic, wherever it is found.
    let ended = catch_unwind(AssertUnwindSafe(|| story::run(&options, seed, &mut report)));
    println!("\n{}\n{}", report.table.show(), report.text);
    match ended {
        Ok(()) => {
            println!("All promises were kept.");
            ExitCode::SUCCESS
        }
        Err(_) => {
            println!("A promise was broken; see above. Again: --seed {seed}");
            ExitCode::FAILURE
        }
    }
}

//! `model bench`: states per second and bytes per state, on bounds that take some seconds.

use super::output::{hint, say};
use super::{progress, table};
use crate::bounds::{Bounds, Grain, Kind, Oracle, Timing};
use crate::engine::{Progress, Settings};
use crate::runner::{self, Engine, Outcome};
use crate::world::Budget;
use crate::zookeeper::ZooKeeper;
use std::process::ExitCode;
use std::sync::Arc;

/// The arguments of `model bench`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How often each measurement is repeated; the median is shown.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=25))]
    repeat: u8,
    /// Worker threads.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: u8,
}

/// What is measured: a million states or more of each composition, as a safety search and as a liveness graph.
fn measured() -> Vec<(&'static str, Bounds)> {
    let zab = Bounds::default_of(Kind::Zab);
    let two = Budget { transactions: 2, ..zab.budget };
    let ensemble = Bounds::default_of(Kind::Ensemble);
    let calm = Budget { crashes: 0, ..ensemble.budget };
    let faults = Budget { crashes: 1, breaks: 1, elections: 5, ..zab.budget };
    let timely = Bounds { timing: Timing::Timely, oracle: Oracle::Best, ..zab };
    vec![
        ("zab", Bounds { budget: two, ..zab }),
        ("zab, liveness", Bounds { budget: faults, grain: Grain::Write, ..timely }),
        ("ensemble", Bounds { budget: calm, ..ensemble }),
    ]
}

/// Runs it.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let settings = Settings { threads: arguments.threads.into(), stop_at_first: false, ..Settings::default() };
    let columns = ["model", "bounds", "engine", "distinct", "seconds", "states/s", "generated/s", "bytes/state"];
    let mut rows = table::table(&columns, 3);
    for (name, bounds) in measured() {
        for engine in [Engine::Graph, Engine::Stateright] {
            let mut outcomes = Vec::new();
            for _ in 0..arguments.repeat {
                let progress = Arc::new(Progress::new());
                let model = ZooKeeper::new(bounds);
                let run = |progress: &Progress| runner::run(name, &model, engine, &settings, progress);
                match progress::watched(name, &progress, run) {
                    Ok(outcome) if !progress.stop_requested() => outcomes.push(outcome),
                    Ok(_) => return ExitCode::from(1),
                    Err(error) => {
                        hint!("error: {error}");
                        return ExitCode::from(1);
                    }
                }
            }
            outcomes.sort_by_key(|outcome| outcome.report.elapsed);
            rows.add_row(row(&outcomes[outcomes.len() / 2]));
        }
    }
    say!("{rows}");
    say!("Bytes are the most that the whole process held, divided by the distinct states.");
    ExitCode::SUCCESS
}

fn row(outcome: &Outcome) -> [String; 8] {
    let report = &outcome.report;
    let seconds = report.elapsed.as_secs_f64().max(1e-9);
    [
        outcome.name.clone(),
        outcome.bounds.clone(),
        outcome.engine.name().to_owned(),
        table::grouped(report.distinct),
        format!("{seconds:.1}"),
        table::grouped(outcome.rate() as u64),
        table::grouped((report.generated as f64 / seconds) as u64),
        outcome.peak_bytes.map_or("?".into(), |bytes| format!("{:.0}", bytes as f64 / report.distinct as f64)),
    ]
}

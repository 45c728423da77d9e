//! `conformance validate DIR…`: did the servers that recorded these traces do what the specification allows?
//! `conformance scenario FILE…`: are these stories told as the specification, or the server, does it?
//! `conformance apache FILE…`: does Apache's server say what the specification says in its place?
//! `conformance replay FILE… | --model`: does the server as the model on these paths, or on all edges of a graph?
//! `conformance simulate`: does the server as specified under faults that seeds choose, in a time of its own?
//! `conformance histories`: are clients' promises kept while servers fail, simulated or as processes?

use clap::{Parser, Subcommand};
use conformance::recording::Recording;
use conformance::results::Results;
use conformance::{
    apache, capture, coverage, histories, judge, mutants, recording, replay, report, scenario, simulation,
};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

#[derive(Parser)]
#[command(about = "Holds the model, the server and the world against each other")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Judge what the servers of an ensemble recorded with --trace.
    Validate {
        /// The folders with the traces of all its servers.
        #[arg(required = true)]
        folders: Vec<PathBuf>,
        /// Where the sequence diagram of a violation goes.
        #[arg(long, value_name = "FILE", default_value = "violation.svg")]
        diagram: PathBuf,
        /// Write the figures here, for the report.
        #[arg(long, value_name = "DIR")]
        results: Option<PathBuf>,
    },
    /// Play stories, as those in conformance/scenarios.
    Scenario(scenario::Arguments),
    /// Play stories in which one server is Apache's: what it says must be what is specified.
    Apache(apache::Arguments),
    /// Play traces, or all edges of graphs of the model, on the server.
    Replay(replay::Arguments),
    /// Play the server under faults that seeds choose, in a time of its own.
    Simulate(simulation::command::Arguments),
    /// Look at what clients see while servers fail, simulated or real.
    Histories(histories::command::Arguments),
    /// Change the specification in one place after another, and see that the model tells.
    Mutants(mutants::Arguments),
    /// Measure which lines of the specification the model and the stories execute, and the server's tests.
    Coverage(coverage::Arguments),
    /// Show on one page what was compared, and what came of it.
    Report(report::Arguments),
    /// Record what three servers of Java's say to each other, and explain it by the specification.
    Capture(capture::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Validate { folders, diagram, results } => validate(&folders, &diagram, results.as_deref()),
        Command::Scenario(arguments) => return scenario::run(&arguments),
        Command::Apache(arguments) => return apache::run(&arguments),
        Command::Replay(arguments) => return replay::run(&arguments),
        Command::Simulate(arguments) => return simulation::command::simulate(&arguments),
        Command::Histories(arguments) => return histories::command::histories(&arguments),
        Command::Mutants(arguments) => return mutants::run(&arguments),
        Command::Coverage(arguments) => return coverage::run(&arguments),
        Command::Report(arguments) => return report::run(&arguments),
        Command::Capture(arguments) => return capture::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn validate(folders: &[PathBuf], diagram: &Path, results: Option<&Path>) -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let recording = recording::read(folders)?;
    let read = start.elapsed();
    if let Some(silent) = silent(&recording) {
        println!("{silent}");
    }
    let draw = |violation: &_| std::fs::write(diagram, conformance::diagram::svg(violation));
    let report = match judge::validate(&recording) {
        Ok(report) => report,
        Err(violation) => {
            match draw(&violation) {
                Ok(()) => eprintln!("the sequence diagram is in {}", diagram.display()),
                Err(error) => eprintln!("{}: {error}", diagram.display()),
            }
            let failed = Results { well: false, notes: vec![violation.to_string()], ..Results::new("validate") };
            results.map_or(Ok(()), |directory| failed.write(directory))?;
            return Err(violation.into());
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} events of {} servers are as specified: {} transactions, {} epochs",
        report.events,
        recording.servers.len(),
        report.transactions,
        report.epochs
    );
    println!("{} receipts come from what a killed server did not record", report.lost);
    if report.histories {
        println!("24 properties held; those of whole histories were looked at in {} states", report.whole);
    } else {
        println!(
            "7 properties held; the servers began on disks that held something, so that the others were not judged"
        );
    }
    if let Some(directory) = results {
        Results::new("validate")
            .figure("servers", recording.servers.len())
            .figure("events", report.events)
            .figure("events a second", format!("{:.0}", report.events as f64 / seconds))
            .figure("transactions", report.transactions)
            .figure("epochs", report.epochs)
            .figure("receipts of what a killed server did not record", report.lost)
            .write(directory)?;
    }
    println!("{seconds:.2} s ({:.2} s to read), {:.0} events/s", read.as_secs_f64(), report.events as f64 / seconds);
    Ok(())
}

/// Who took part and left no trace: that hides much of what the others did.
fn silent(recording: &Recording) -> Option<String> {
    let ids = recording.ensemble.servers().filter(|id| !recording.servers.contains_key(id));
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    (!ids.is_empty()).then(|| format!("no trace of {} is here: what came from there is believed", ids.join(", ")))
}

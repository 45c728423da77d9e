//! `conformance validate DIR…`: did the servers that recorded these traces do what the specification allows?
//! `conformance scenario FILE…`: are these stories told as the specification, or the server, does it?
//! `conformance replay FILE… | --model`: does the server as the model on these paths, or on all edges of a graph?
//! `conformance capture`: does the specification explain what Java's servers say to each other?

use clap::{Parser, Subcommand};
use conformance::{capture, judge, recording, replay, scenario};
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
    },
    /// Play stories, as those in conformance/scenarios.
    Scenario(scenario::Arguments),
    /// Play traces, or all edges of graphs of the model, on the server.
    Replay(replay::Arguments),
    /// Record what three servers of Java's say to each other, and explain it by the specification.
    Capture(capture::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Validate { folders, diagram } => validate(&folders, &diagram),
        Command::Scenario(arguments) => return scenario::run(&arguments),
        Command::Replay(arguments) => return replay::run(&arguments),
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

fn validate(folders: &[PathBuf], diagram: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let recording = recording::read(folders)?;
    let read = start.elapsed();
    let draw = |violation: &_| std::fs::write(diagram, conformance::diagram::svg(violation));
    let report = judge::validate(&recording).inspect_err(|violation| match draw(violation) {
        Ok(()) => eprintln!("the sequence diagram is in {}", diagram.display()),
        Err(error) => eprintln!("{}: {error}", diagram.display()),
    })?;
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
    println!("{seconds:.2} s ({:.2} s to read), {:.0} events/s", read.as_secs_f64(), report.events as f64 / seconds);
    Ok(())
}

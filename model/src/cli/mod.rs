//! The command: one file a subcommand. Exit codes: 0 all is well, 1 something was found or left undone, 2 the arguments
//! are wrong.

pub mod bench;
pub mod bounds;
pub mod bugs;
pub mod check;
pub mod explore;
pub mod list;
pub mod necessity;
mod output;
pub mod progress;
pub mod scenario;
pub mod simulate;
pub mod table;
pub mod trace;
pub mod verdict;

use clap::{Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;

/// What is said below the help.
const EXIT_CODES: &str = "Exit codes: 0 all is well; 1 something was found, or not everything could be done; 2 the \
                          arguments are wrong.";

/// Checks every behaviour of the specification of FastLeaderElection and Zab within stated bounds.
#[derive(Debug, Parser)]
#[command(name = "model", version, about, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Command {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Explore every behaviour within bounds: the default suite, a named model, or the large bounds.
    Check(check::Arguments),
    /// List the models, their properties, and the runs of the suites.
    List(list::Arguments),
    /// Plant each of the catalogue's bugs and see it caught.
    Bugs(bugs::Arguments),
    /// Try every other order of every step's outputs and see which of them are needed.
    Necessity(necessity::Arguments),
    /// Walk at random far beyond the bounds, from a seed.
    Simulate(simulate::Arguments),
    /// Write paths of a model that together cover every kind of transition.
    Trace(trace::Arguments),
    /// Play scenario files and compare the answers printed in them.
    Scenario(scenario::Arguments),
    /// Walk through a model in the browser, with stateright's Explorer.
    Explore(explore::Arguments),
    /// Measure states per second and bytes per state.
    Bench(bench::Arguments),
}

/// Runs the command of this process.
#[must_use]
pub fn run() -> ExitCode {
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(error) => return tell(&error),
    };
    match command.command {
        Subcommands::Check(arguments) => check::run(&arguments),
        Subcommands::List(arguments) => list::run(&arguments),
        Subcommands::Bugs(arguments) => bugs::run(&arguments),
        Subcommands::Necessity(arguments) => necessity::run(&arguments),
        Subcommands::Simulate(arguments) => simulate::run(&arguments),
        Subcommands::Trace(arguments) => trace::run(&arguments),
        Subcommands::Scenario(arguments) => scenario::run(&arguments),
        Subcommands::Explore(arguments) => explore::run(&arguments),
        Subcommands::Bench(arguments) => bench::run(&arguments),
    }
}

/// Prints help, or what is wrong with the arguments.
fn tell(error: &clap::Error) -> ExitCode {
    let printed = error.print().and_then(|()| std::io::stdout().flush());
    match printed {
        Err(failure) if !error.use_stderr() => output::give_up(&failure),
        _ => ExitCode::from(error.exit_code() as u8),
    }
}

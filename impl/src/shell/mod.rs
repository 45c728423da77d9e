//! `zabkeeper shell`: a server's znodes from the command line, as `zkCli.sh`.
//!
//! Three ways to use it: one command as arguments, for scripts (`zabkeeper shell get /app`); commands on the standard
//! input, a line each; or typed by a person, with history and completion.
//!
//! Commands, options, output, sentences and exit codes are those of ZooKeeper 3.9: 0, 1 when a command is refused, 127
//! when there is none of this name; of several commands that of the last. What is different, and why:
//!
//! - Only a person at a terminal is told what the shell itself does (`Connecting to …`, `WATCHER::` of the connection);
//!   otherwise the output holds results and events of znodes, and nothing else.
//! - Without a server the shell says so after five seconds, instead of failing at the first command.
//! - `delete path version` means that version. Java deletes any.
//! - Numbers and base64 that cannot be read are refused with a sentence, where Java dies of an exception.
//! - Times are shown in UTC.
//!
//! *Java:* `ZooKeeperMain`, and the package `org.apache.zookeeper.cli`.
//!
//! ```text
//!  line ── words ──▶ grammar ──▶ commands ──▶ session (client) ──▶ print ──▶ screen
//!  typing, complete                               events ────────────────────▲
//! ```

mod commands;
mod complete;
mod console;
mod events;
mod grammar;
mod invocation;
mod print;
mod refusal;
mod screen;
mod session;
mod typing;
mod words;

use commands::{Command, Notes};
use console::Console;
use events::Telling;
use invocation::{Asked, Invocation};
use std::io::IsTerminal;
use std::process::ExitCode;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::runtime::{Builder, Runtime};

/// Java's code for arguments that are wrong.
const WRONG_ARGUMENTS: u8 = 2;

/// Does what the arguments behind `shell` say, and tells how the process should end.
pub fn run(arguments: &[String]) -> ExitCode {
    let invocation = match invocation::parse(arguments) {
        Ok(Asked::Run(invocation)) => invocation,
        Ok(Asked::Help) => {
            println!("{}", invocation::usage());
            return ExitCode::SUCCESS;
        }
        Err(sentence) => {
            eprintln!("{sentence}\n{}", invocation::usage());
            return WRONG_ARGUMENTS.into();
        }
    };
    let is_typed = invocation.command.is_empty() && std::io::stdin().is_terminal();
    // While a person thinks, the session must be kept by another thread.
    let mut builder = if is_typed { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    let runtime = match builder.worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("the shell cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let exit = match (is_typed, invocation.command.is_empty()) {
        (true, _) => talk(&runtime, invocation),
        (false, true) => runtime.block_on(run_script(invocation)),
        (false, false) => runtime.block_on(run_command(invocation)),
    };
    // A thread may still wait for a line.
    runtime.shutdown_background();
    exit.into()
}

fn talk(runtime: &Runtime, invocation: Invocation) -> u8 {
    println!("Connecting to {}\nWelcome to Zabkeeper!", invocation.server);
    let mut console = Console::new(invocation, Telling::Everything);
    if let Err(error) = typing::converse(runtime, &mut console) {
        eprintln!("the terminal cannot be used: {error}");
        return 1;
    }
    runtime.block_on(console.close());
    console.exit()
}

/// Commands on the standard input, a line each. They go on behind one that is refused.
async fn run_script(invocation: Invocation) -> u8 {
    let mut console = Console::new(invocation, Telling::Znodes);
    if let Err(refusal) = console.connect().await {
        eprintln!("{refusal}");
        return refusal.exit;
    }
    let mut lines = BufReader::new(tokio::io::stdin()).split(b'\n');
    while !console.has_quit() {
        match lines.next_segment().await {
            Ok(Some(line)) => {
                let line = String::from_utf8_lossy(&line);
                console.line(line.trim_end_matches('\r')).await;
                settle().await;
            }
            Ok(None) => break,
            Err(error) => {
                eprintln!("the standard input cannot be read: {error}");
                return 1;
            }
        }
    }
    console.close().await;
    console.exit()
}

/// Lets the tasks of watches print what has come before the last reply, so that it stands before the next result.
async fn settle() {
    const TURNS: usize = 8;
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

/// The one command of the arguments. What needs no session, such as a mistake, is not kept waiting for a server.
async fn run_command(invocation: Invocation) -> u8 {
    let words = invocation.command.clone();
    let asks = matches!(Command::parse(&words, &mut Notes::new()), Ok(Command::Asked(_)));
    let mut console = Console::new(invocation, Telling::Nothing);
    if asks && let Err(refusal) = console.connect().await {
        eprintln!("{refusal}");
        return refusal.exit;
    }
    console.command(&words).await;
    console.close().await;
    console.exit()
}

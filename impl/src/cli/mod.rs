//! The command line: `zabkeeper start | start-foreground | stop | restart | status | version`, as `zkServer.sh`;
//! `cluster`, which runs a whole ensemble; and `txnlog | snapshot | check-data`, which look at files.
//!
//! Flags for Java are accepted anywhere, so that scripts which start Java can start this: `-Dkey=value` is a setting,
//! `-X…` means nothing here. Of the environment, `JVMFLAGS`, `SERVER_JVMFLAGS`, `ZOOCFGDIR`, `ZOOCFG`, `ZOOPIDFILE` and
//! `ZOO_LOG_DIR` count as they do for the script.

mod failure;
mod locate;
mod logging;
mod process;
mod question;
mod status;
mod table;

pub use failure::{Exit, Failure};
pub use locate::{Environment, locate};
pub(crate) use process::tail;
pub use process::{PID_FILE, Started, pid_file, start, stop};
pub use question::ask;
pub(crate) use question::reachable;
pub use status::{Place, Row, ask_all};
pub(crate) use table::{cell, table};

use crate::config::{Config, Overrides};
use crate::inspect::{self, CheckData, PrintLog, PrintSnapshot};
use crate::{cluster, shell, version};
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// How long `start` watches a server that neither ends nor answers, before it counts as started.
const PATIENCE_TO_START: Duration = Duration::from_secs(10);
/// How long `stop` waits for a server to leave.
const PATIENCE_TO_STOP: Duration = Duration::from_secs(60);

/// A coordination server that ZooKeeper's clients cannot tell from ZooKeeper.
#[derive(Debug, Parser)]
#[command(name = "zabkeeper", version, after_help = "-Dkey=value, anywhere, sets what zoo.cfg sets, and wins.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// What to log, as RUST_LOG: a level (error, warn, info, debug, trace), or target=level with commas between.
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
    /// The folder of zoo.cfg (otherwise ZOOCFGDIR).
    #[arg(long, global = true, value_name = "DIR")]
    config: Option<PathBuf>,
    /// Record what happens to the server there, for `conformance validate` (the setting traceDir).
    #[arg(long, global = true, value_name = "DIR")]
    trace: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a server in the background.
    Start(Target),
    /// Run a server here, until SIGTERM or Ctrl-C.
    StartForeground(Target),
    /// Stop the server that start started.
    Stop(Target),
    /// Stop, then start.
    Restart(Target),
    /// Say whether the server serves, and in which mode; of an ensemble, show every server.
    Status(status::Status),
    /// Run a whole ensemble on this machine, until SIGTERM or Ctrl-C.
    Cluster(cluster::Cluster),
    /// Say which version this is.
    Version,
    /// Print the transactions of log files.
    #[command(name = "txnlog")]
    TxnLog(PrintLog),
    /// Print the tree of a snapshot.
    Snapshot(PrintSnapshot),
    /// Verify all files of a data directory.
    CheckData(CheckData),
    /// Ask a server, as zkCli.sh: a command given here, or many that are typed or piped in.
    #[command(disable_help_flag = true)]
    Shell {
        /// [-server host:port] [-timeout milliseconds] [-r] [-waitforconnection] [command arguments]; -help for more.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "arguments")]
        arguments: Vec<String>,
    },
}

/// Which server is meant.
#[derive(Args, Debug)]
struct Target {
    /// Its configuration. Without one: zoo.cfg in --config or ZOOCFGDIR; without those, a standalone server on port
    /// 2181 with its data in ./zabkeeper-data.
    #[arg(value_name = "zoo.cfg")]
    file: Option<PathBuf>,
}

/// Everything that is the same for all commands.
struct Context {
    file: Option<PathBuf>,
    overrides: Overrides,
    flags: Vec<String>,
    log: Option<String>,
}

/// Does what the arguments (the first is the program) and the environment say. `serve` runs a server until it is told
/// to stop; it is called by `start-foreground` only, in this thread, after logging has begun.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    serve: impl FnOnce(Config) -> Result<(), Failure>,
) -> ExitCode {
    let (flags, others) = split_flags(arguments);
    let parsed = match Arguments::try_parse_from(others) {
        Ok(Arguments { command: Command::Shell { arguments }, .. }) => return shell::run(&arguments),
        Ok(parsed) => parsed,
        // Help and version are such errors too; clap knows where each belongs.
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::InvalidInvocation.into() } else { ExitCode::SUCCESS };
        }
    };
    match execute(parsed, flags, &Environment::of_process(), serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            failure.exit.into()
        }
    }
}

/// Takes Java's flags out. A word that is no UTF-8 is none of them.
fn split_flags(arguments: impl IntoIterator<Item = OsString>) -> (Vec<String>, Vec<OsString>) {
    let (mut flags, mut others) = (Vec::new(), Vec::new());
    for argument in arguments {
        match argument.into_string() {
            Ok(word) if word.starts_with("-D") || word.starts_with("-X") => flags.push(word),
            Ok(word) => others.push(word.into()),
            Err(argument) => others.push(argument),
        }
    }
    (flags, others)
}

fn execute(
    parsed: Arguments,
    mut flags: Vec<String>,
    environment: &Environment,
    serve: impl FnOnce(Config) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if let Some(filter) = &parsed.log {
        logging::check(filter)?;
    }
    flags.extend(parsed.trace.iter().map(|folder| format!("-DtraceDir={}", folder.display())));
    let mut overrides = environment.overrides();
    for flag in &flags {
        overrides.take_flag(flag);
    }
    let target = match &parsed.command {
        Command::Version => {
            let line = format!("zabkeeper {}, as ZooKeeper {}", version::PACKAGE, version::ZOOKEEPER);
            return Ok(inspect::print(|out| Ok(writeln!(out, "{line}")?))?);
        }
        Command::TxnLog(asked) => return Ok(inspect::print(|out| asked.run(out))?),
        Command::Snapshot(asked) => return Ok(inspect::print(|out| asked.run(out))?),
        Command::CheckData(asked) => return Ok(inspect::print(|out| asked.run(out))?),
        // It has exit codes of its own.
        Command::Shell { .. } => return Ok(()),
        Command::Status(asked) => return status::run(asked, parsed.config.as_deref(), environment, &overrides),
        Command::Cluster(asked) => {
            return cluster::run(asked, parsed.config.as_deref(), environment, &flags, parsed.log.as_deref());
        }
        Command::Start(target) | Command::StartForeground(target) => target,
        Command::Stop(target) | Command::Restart(target) => target,
    };
    let file = locate(target.file.as_deref(), parsed.config.as_deref(), environment);
    let context = Context { file, overrides, flags, log: parsed.log };
    match parsed.command {
        Command::StartForeground(_) => start_foreground(&context, serve),
        Command::Start(_) => start_in_background(&context, environment),
        Command::Stop(_) => stop_running(&context, environment),
        Command::Restart(_) => {
            stop_running(&context, environment)?;
            start_in_background(&context, environment)
        }
        Command::Version | Command::Shell { .. } | Command::Status(_) | Command::Cluster(_) => Ok(()),
        Command::TxnLog(_) | Command::Snapshot(_) | Command::CheckData(_) => Ok(()),
    }
}

impl Context {
    fn config(&self) -> Result<Config, Failure> {
        let config = match &self.file {
            Some(file) => Config::from_file(file, &self.overrides),
            None => Config::embedded_default(&self.overrides),
        };
        Ok(config?)
    }

    /// This very program in the foreground, with the same settings.
    fn foreground(&self) -> Result<std::process::Command, Failure> {
        let program = std::env::current_exe()
            .map_err(|error| Failure::unexpected(format!("this program's own file is not known: {error}")))?;
        let mut command = std::process::Command::new(program);
        command.arg("start-foreground").args(&self.flags);
        if let Some(filter) = &self.log {
            command.arg("--log").arg(filter);
        }
        command.args(&self.file);
        Ok(command)
    }
}

fn announce(config: &Config) {
    match &config.file {
        Some(file) => eprintln!("Using config: {}", file.display()),
        None => eprintln!("Using no config; data in {}", config.data_dir.display()),
    }
}

fn start_foreground(context: &Context, serve: impl FnOnce(Config) -> Result<(), Failure>) -> Result<(), Failure> {
    logging::begin(context.log.as_deref())?;
    let config = context.config()?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    match &config.file {
        Some(file) => tracing::info!("configuration from {}", file.display()),
        None => tracing::info!("no configuration: data in {}", config.data_dir.display()),
    }
    serve(config)
}

fn start_in_background(context: &Context, environment: &Environment) -> Result<(), Failure> {
    let config = context.config()?;
    announce(&config);
    let started = start(&config, environment, context.foreground()?, PATIENCE_TO_START)?;
    println!("Starting zabkeeper ... STARTED as process {}", started.pid);
    Ok(())
}

fn stop_running(context: &Context, environment: &Environment) -> Result<(), Failure> {
    let config = context.config()?;
    announce(&config);
    match stop(&config, environment, PATIENCE_TO_STOP)? {
        Some(_) => println!("Stopping zabkeeper ... STOPPED"),
        None => {
            let file = pid_file(&config, environment);
            println!("Stopping zabkeeper ... no zookeeper to stop (could not find file {})", file.display());
        }
    }
    Ok(())
}

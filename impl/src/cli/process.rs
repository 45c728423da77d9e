//! A server in the background, and the pid file by which it is found again.

use super::failure::{Exit, Failure};
use super::locate::Environment;
use super::question::{ask, client_address};
use crate::config::{Config, HostPort};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The name of the pid file in the data directory.
pub const PID_FILE: &str = "zookeeper_server.pid";

/// The name of the file with what a server in the background prints.
const OUTPUT_FILE: &str = "zabkeeper.out";

/// How often a server that starts or stops is looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// How long one that starts may take to answer.
const PATIENCE_TO_ASK: Duration = Duration::from_secs(1);

/// So many of its last lines are shown when it cannot start.
const LAST_LINES: usize = 5;

/// A server that runs in the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// Its process.
    pub pid: i32,
}

/// `ZOOPIDFILE`, or the file in the data directory.
pub fn pid_file(config: &Config, environment: &Environment) -> PathBuf {
    environment.pid_file.clone().unwrap_or_else(|| config.data_dir.join(PID_FILE))
}

/// Starts a server in a process group of its own, its output going to `zabkeeper.out` in `ZOO_LOG_DIR` or the data
/// directory, and writes the pid file. `foreground` runs it. It counts as started when it answers `srvr`, or still runs
/// after `patience`.
///
/// # Errors
/// When it runs already, ends at once, or a file cannot be written.
pub fn start(
    config: &Config,
    environment: &Environment,
    mut foreground: Command,
    patience: Duration,
) -> Result<Started, Failure> {
    let pid_file = pid_file(config, environment);
    if let Some(pid) = read_pid(&pid_file)?.filter(|pid| is_alive(*pid)) {
        return Err(Failure::unexpected(format!("already running as process {}", pid.as_raw_nonzero())));
    }
    let address = client_address(config).filter(|address| address.port != 0);
    if let Some(address) = address.as_ref().filter(|address| ask(address, "srvr", PATIENCE_TO_ASK).is_ok()) {
        return Err(Failure::unexpected(format!("another server already answers at {address}")));
    }
    let log_dir = environment.log_dir.clone().unwrap_or_else(|| config.data_dir.clone());
    for dir in [&config.data_dir, &log_dir, &pid_file.parent().unwrap_or(Path::new(".")).to_owned()] {
        fs::create_dir_all(dir).map_err(|error| unusable(dir, &error))?;
    }
    let output = log_dir.join(OUTPUT_FILE);
    let log = OpenOptions::new().create(true).append(true).open(&output).map_err(|error| unusable(&output, &error))?;
    let (begin, errors) = (log.metadata(), log.try_clone());
    let begin = begin.map_err(|error| unusable(&output, &error))?.len();
    let errors = errors.map_err(|error| unusable(&output, &error))?;
    foreground.stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0);
    let mut child = foreground.spawn().map_err(|error| {
        Failure::unexpected(format!("FAILED TO START: {}: {error}", foreground.get_program().display()))
    })?;
    let pid = i32::try_from(child.id()).unwrap_or(0);
    if let Err(error) = fs::write(&pid_file, pid.to_string()) {
        let _ = child.kill();
        return Err(unusable(&pid_file, &error));
    }
    match watch(address.as_ref(), &mut child, patience) {
        None => Ok(Started { pid }),
        Some(status) => {
            let _ = fs::remove_file(&pid_file);
            let said = tail(&output, begin, LAST_LINES);
            Err(Failure::unexpected(format!("FAILED TO START ({status}; see {})\n{said}", output.display())))
        }
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure { exit: Exit::DataDirectory, sentence: format!("{}: cannot be used: {error}", path.display()) }
}

/// How the server ended, if it did before it answered or `patience` was over.
fn watch(address: Option<&HostPort>, child: &mut Child, patience: Duration) -> Option<String> {
    let end = Instant::now() + patience;
    while Instant::now() < end {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.to_string()),
            Ok(None) => {}
            Err(error) => return Some(error.to_string()),
        }
        if address.is_some_and(|address| ask(address, "srvr", PATIENCE_TO_ASK).is_ok()) {
            return None;
        }
        thread::sleep(GLANCE);
    }
    None
}

/// The last lines of a file, from `begin` on.
pub(crate) fn tail(path: &Path, begin: u64, most: usize) -> String {
    const BYTES: u64 = 4096;
    let read = || -> std::io::Result<String> {
        let mut file = fs::File::open(path)?;
        let from = file.metadata()?.len().saturating_sub(BYTES).max(begin);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(most)..].join("\n")
}

/// Sends SIGTERM to the server of the pid file, waits until it is gone, and removes the file. `None` when there is no
/// such file.
///
/// # Errors
/// When it does not leave within `patience`, or may not be told to.
pub fn stop(config: &Config, environment: &Environment, patience: Duration) -> Result<Option<i32>, Failure> {
    let pid_file = pid_file(config, environment);
    let Some(pid) = read_pid(&pid_file)? else { return Ok(None) };
    let number = pid.as_raw_nonzero().get();
    if is_alive(pid) {
        kill_process(pid, Signal::TERM)
            .map_err(|error| Failure::unexpected(format!("process {number} cannot be told to stop: {error}")))?;
    }
    let end = Instant::now() + patience;
    while is_alive(pid) {
        if Instant::now() >= end {
            let seconds = patience.as_secs();
            return Err(Failure::unexpected(format!("process {number} has not stopped within {seconds} s")));
        }
        thread::sleep(GLANCE);
    }
    fs::remove_file(&pid_file).or_else(|error| match error.kind() {
        // The server may have removed it itself.
        ErrorKind::NotFound => Ok(()),
        _ => Err(unusable(&pid_file, &error)),
    })?;
    Ok(Some(number))
}

/// The process that a pid file names. A file that names none is an error: nothing may be killed by guess.
fn read_pid(file: &Path) -> Result<Option<Pid>, Failure> {
    let text = match fs::read(file) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(file, &error)),
    };
    let number: Option<i32> = text.trim().parse().ok().filter(|number| *number > 1);
    let pid = number.and_then(Pid::from_raw);
    let none = || Failure::unexpected(format!("{}: holds no process: {:?}", file.display(), text.trim()));
    pid.map(Some).ok_or_else(none)
}

/// Whether a process runs. One that has ended and that its parent has not asked about yet does not.
fn is_alive(pid: Pid) -> bool {
    let ended = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).is_ok_and(|stat| {
        // The state comes after the name in parentheses, which may hold anything.
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
    });
    // One that may not be told anything runs as well, as somebody else.
    !ended && !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

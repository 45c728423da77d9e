//! The program: run to its end, or in the background as long as a value lives.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// For what happens at once, on a machine that has much else to do.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The program, with none of the variables that count.
pub fn program(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zabkeeper"));
    for name in ["ZOOCFGDIR", "ZOOCFG", "ZOOPIDFILE", "ZOO_LOG_DIR", "SERVER_JVMFLAGS", "JVMFLAGS", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(directory).stdin(Stdio::null());
    command
}

pub fn run(directory: &Path, arguments: &[&str]) -> Output {
    program(directory, arguments).output().expect("it can be run")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What it prints on standard output, when all goes well.
pub fn said(directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Its one sentence on standard error, and its exit code.
pub fn refused(directory: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let output = run(directory, arguments);
    let sentence = text(&output.stderr);
    assert!(!output.status.success(), "{arguments:?}: {}", text(&output.stdout));
    (sentence.trim_end().to_owned(), output.status.code())
}

pub fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process");
    // One that has ended is not there to be told.
    let _ = kill_process(pid, signal);
}

/// Waits until something is so.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what} does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A command that goes on until it is told to stop.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    /// Everything it has said that was looked at.
    pub seen: Vec<String>,
}

impl Running {
    pub fn start(directory: &Path, arguments: &[&str]) -> Running {
        let mut command = program(directory, arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it can be run");
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Running { child, lines, seen: Vec::new() }
    }

    /// Waits for a line with these words.
    pub fn wait_for(&mut self, words: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no {words:?} in {:#?}", self.seen));
            self.seen.push(line.clone());
            if line.contains(words) {
                return line;
            }
        }
    }

    /// The rows of the table that `cluster` prints, in words.
    pub fn table(&mut self) -> Vec<Vec<String>> {
        self.wait_for("server  role");
        self.wait_for("Clients may connect to ");
        let start = self.seen.iter().rposition(|line| line.starts_with("server  role")).expect("the headings");
        let rows = &self.seen[start + 1..self.seen.len() - 1];
        rows.iter().map(|row| row.split_whitespace().map(str::to_owned).collect()).collect()
    }

    /// SIGTERM; says how it ended.
    pub fn stop(&mut self) -> Option<i32> {
        signal(self.child.id(), Signal::TERM);
        let status = until("the end", || self.child.try_wait().expect("a child"));
        self.seen.extend(self.lines.iter());
        status.code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            // It stops its servers, twice told without delay.
            signal(self.child.id(), Signal::TERM);
            let start = Instant::now();
            while self.child.try_wait().is_ok_and(|status| status.is_none()) && start.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

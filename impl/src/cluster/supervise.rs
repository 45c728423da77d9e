//! The processes: started, looked after, stopped in good order.

use super::layout::{ensemble, unusable};
use super::member::Member;
use crate::cli::{Failure, Place, Row, ask_all, cell, table, tail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// How often the processes are looked at.
const GLANCE: Duration = Duration::from_millis(50);
/// How long the servers may take to elect before they are shown as they are.
const PATIENCE_TO_ELECT: Duration = Duration::from_secs(30);
/// How long a server may take to say what it is.
const PATIENCE_TO_ASK: Duration = Duration::from_secs(1);
/// How long a server may take to leave before it is killed.
const PATIENCE_TO_STOP: Duration = Duration::from_secs(20);
/// The first wait before a server is started again; each further one is twice as long, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// A server that has run so long has got over what made it end before.
const WELL: Duration = Duration::from_secs(30);

/// The ensemble's processes.
pub(super) struct Supervisor {
    servers: Vec<Server>,
    restart: bool,
    flags: Vec<String>,
    filter: Option<String>,
    told_to_end: Receiver<()>,
}

struct Server {
    member: Member,
    child: Option<Child>,
    started: Instant,
    /// How often it has ended by itself, without having been well in between.
    ends: u32,
    /// When it is started again.
    again: Option<Instant>,
}

/// A line for whoever watches; if nobody does, the servers run all the same.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{}", line.trim_end_matches('\n')).and_then(|()| out.flush());
}

impl Supervisor {
    /// Starts nothing yet, but hears signals from now on.
    pub fn new(
        members: Vec<Member>,
        restart: bool,
        flags: &[String],
        log: Option<&str>,
    ) -> Result<Supervisor, Failure> {
        let server = |member| Server { member, child: None, started: Instant::now(), ends: 0, again: None };
        let (flags, filter) = (flags.to_vec(), log.map(str::to_owned));
        let told_to_end = signals().map_err(|error| Failure::unexpected(format!("no signals can be had: {error}")))?;
        Ok(Supervisor { servers: members.into_iter().map(server).collect(), restart, flags, filter, told_to_end })
    }

    /// Runs all servers until SIGINT, SIGTERM or SIGHUP, or until none is left.
    pub fn run(mut self) -> Result<(), Failure> {
        let observers = self.servers.iter().filter(|server| server.member.is_observer).count();
        say(&format!("Starting {} ...", ensemble(self.servers.len() - observers, observers)));
        let started = (0..self.servers.len()).try_for_each(|index| self.start(index));
        let ended = started.and_then(|()| self.look_after());
        self.stop();
        ended
    }

    fn look_after(&mut self) -> Result<(), Failure> {
        let (start, mut introduced) = (Instant::now(), false);
        loop {
            match self.told_to_end.recv_timeout(GLANCE) {
                Err(RecvTimeoutError::Timeout) => {}
                _ => return Ok(()),
            }
            for index in 0..self.servers.len() {
                self.look_at(index)?;
            }
            if !self.servers.iter().any(|server| server.child.is_some() || server.again.is_some()) {
                return Err(Failure::unexpected("no server is left".to_owned()));
            }
            if !introduced {
                let rows = self.rows();
                introduced = rows.iter().all(Row::is_serving) || start.elapsed() > PATIENCE_TO_ELECT;
                if introduced {
                    self.introduce(&rows);
                }
            }
        }
    }

    fn start(&mut self, index: usize) -> Result<(), Failure> {
        let server = &mut self.servers[index];
        let path = &server.member.log;
        let log = OpenOptions::new().create(true).append(true).open(path).map_err(|error| unusable(path, &error))?;
        let errors = log.try_clone().map_err(|error| unusable(path, &error))?;
        let program = std::env::current_exe();
        let program = program.map_err(|error| Failure::unexpected(format!("this program is not known: {error}")))?;
        let mut command = Command::new(program);
        command.arg("start-foreground").args(&self.flags);
        if let Some(filter) = &self.filter {
            command.arg("--log").arg(filter);
        }
        command.args(&server.member.config.file);
        // In a process group of its own, so that Ctrl-C reaches this process alone, which then stops all in order.
        command.stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0);
        let child = command.spawn();
        let child = child.map_err(|error| Failure::unexpected(format!("no process can be started: {error}")))?;
        (server.child, server.started, server.again) = (Some(child), Instant::now(), None);
        Ok(())
    }

    /// Whether it still runs; started again if it does not and it is time.
    fn look_at(&mut self, index: usize) -> Result<(), Failure> {
        let restart = self.restart;
        let server = &mut self.servers[index];
        let id = server.member.id.0;
        if let Some(child) = &mut server.child
            && let Ok(Some(status)) = child.try_wait()
        {
            server.child = None;
            if server.started.elapsed() > WELL {
                server.ends = 0;
            }
            let wait = (FIRST_WAIT * 2u32.saturating_pow(server.ends.min(16))).min(LONGEST_WAIT);
            server.ends += 1;
            // Who is killed has said nothing about it.
            let last = status.code().filter(|code| *code != 0).map(|_| tail(&server.member.log, 0, 1));
            let said = last.filter(|last| !last.is_empty()).map_or_else(String::new, |last| format!(": {last}"));
            let next = if restart {
                server.again = Some(Instant::now() + wait);
                format!("it is started again in {} s", wait.as_secs_f64())
            } else {
                "it stays down (--no-restart)".to_owned()
            };
            say(&format!("server {id} has ended by itself ({status}){said}; {next}"));
        }
        if server.again.is_some_and(|again| again <= Instant::now()) {
            self.start(index)?;
            let pid = self.servers[index].child.as_ref().map_or(0, Child::id);
            say(&format!("server {id} is started again, as process {pid}"));
        }
        Ok(())
    }

    fn rows(&self) -> Vec<Row> {
        let places: Vec<Place> = self.servers.iter().map(|server| server.member.place()).collect();
        ask_all(&places, PATIENCE_TO_ASK)
    }

    fn introduce(&self, rows: &[Row]) {
        const HEADINGS: [&str; 8] = ["server", "role", "client", "quorum", "election", "process", "data", "log"];
        let cells = |(server, row): (&Server, &Row)| {
            let Member { id, client, quorum, election, data, log, .. } = &server.member;
            let pid = server.child.as_ref().map(Child::id);
            let paths = [data, log].map(|path| path.display().to_string());
            let ports = [client, quorum, election].map(ToString::to_string);
            [vec![id.0.to_string(), row.role.clone()], ports.to_vec(), vec![cell(pid)], paths.to_vec()].concat()
        };
        say(&table(&HEADINGS, &self.servers.iter().zip(rows).map(cells).collect::<Vec<_>>()));
        let clients: Vec<String> = self.servers.iter().map(|server| server.member.client.to_string()).collect();
        say(&format!("Clients may connect to {}. Ctrl-C stops all.", clients.join(",")));
    }

    // ---- Stopping ------------------------------------------------------------------------------------------------

    /// Observers first, the leader last: so nobody elects in between. A second signal kills what is left.
    fn stop(mut self) {
        let rows = self.rows();
        let place = |role: &str| ["observer", "down", "looking", "follower", "leader"].iter().position(|r| *r == role);
        let mut order: Vec<usize> =
            (0..self.servers.len()).filter(|index| self.servers[*index].child.is_some()).collect();
        order.sort_by_key(|index| (place(&rows[*index].role), std::cmp::Reverse(*index)));
        if order.is_empty() {
            return;
        }
        say("Stopping ...");
        let mut hurry = false;
        for index in order {
            let Server { member, child, .. } = &mut self.servers[index];
            let Some(child) = child else { continue };
            let how = end(child, &self.told_to_end, &mut hurry);
            say(&format!("server {} ({}) {how}", member.id.0, rows[index].role));
        }
        say("All servers have stopped; their data and ports are kept.");
    }
}

/// Asks a process to leave, and kills it if it does not or there is a hurry; says which.
fn end(child: &mut Child, told_to_end: &Receiver<()>, hurry: &mut bool) -> &'static str {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // One that has ended meanwhile is not there to be told.
        let _ = kill_process(pid, Signal::TERM);
    }
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return "has stopped",
            Ok(Some(_)) => return "has ended, not in good order: see its log",
            _ => {}
        }
        *hurry |= told_to_end.try_recv().is_ok();
        if *hurry || start.elapsed() > PATIENCE_TO_STOP {
            let _ = child.kill();
            let _ = child.wait();
            return if *hurry { "is killed, as you are in a hurry" } else { "did not leave, and is killed" };
        }
        std::thread::sleep(GLANCE / 5);
    }
}

/// One message for each SIGINT, SIGTERM or SIGHUP.
fn signals() -> std::io::Result<Receiver<()>> {
    let (sender, receiver) = channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let inside = runtime.enter();
    let [mut interrupt, mut terminate, mut hangup] =
        [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
    drop(inside);
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
                if sender.send(()).is_err() {
                    return;
                }
            }
        });
    })?;
    Ok(receiver)
}

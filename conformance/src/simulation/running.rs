//! A server that is up: its clocks, and what it and its disk are at.

use super::Defect;
use super::port::Asked;
use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use zab::Write;
use zab::trace::Line;
use zab::tree::Tree;
use zabkeeper::client_port::connection::Connection;
use zabkeeper::disk::{Compression, DataDirectory, DiskError, write_snapshot};
use zabkeeper::node::journal::{Command, Durable, Journal, Release};
use zabkeeper::node::{Handle, Incoming, Node, Recorder};
use zabkeeper::shared::Shared;
use zabkeeper::time_source::SetTime;

/// A server that is up.
pub(super) struct Running {
    pub node: Node,
    pub handle: Handle,
    pub shared: Arc<Shared>,
    pub time: Arc<SetTime>,
    /// When it started.
    pub booted: u64,
    /// How far its clocks have jumped since.
    pub ahead: u64,
    /// When it is woken next.
    pub wake: Option<u64>,
    pub asked: Arc<Mutex<VecDeque<Asked>>>,
    /// The connections of its clients, by number.
    pub connections: BTreeMap<u64, Arc<Connection>>,
    /// A snapshot that is being written.
    pub snapshot: Option<Tree>,
    pub directory: DataDirectory,
    pub journal: Journal,
    pub commands: Receiver<Vec<Command>>,
    pub waiting: Vec<Vec<Command>>,
    /// What the disk is at.
    pub group: Option<Vec<Vec<Command>>>,
    pub recorder: Recorder,
    pub recorded: Receiver<Line>,
}

impl Running {
    /// When it is to be woken, in the simulation's time.
    pub(super) fn deadline(&self) -> u64 {
        (self.time.until(self.node.deadline()) + self.booted).saturating_sub(self.ahead)
    }

    /// Sets its clocks.
    pub(super) fn set_time(&self, now: u64, wrong: i64) {
        self.time.set(now - self.booted + self.ahead, calendar(now, wrong));
    }

    /// Begins to write what waits, all together, if the disk is free. Whether it does, and whether it has to sync.
    pub(super) fn begin_group(&mut self, defect: Option<Defect>) -> Option<bool> {
        self.waiting.extend(self.commands.try_iter());
        if self.group.is_some() || self.waiting.is_empty() {
            return None;
        }
        let mut group = std::mem::take(&mut self.waiting);
        if defect == Some(Defect::AckBeforeSync) {
            let mut early = Vec::new();
            for turn in &mut group {
                early
                    .extend(turn.extract_if(.., |command| matches!(command, Command::Release(_))).filter_map(released));
            }
            let durable = Durable { turns: 0, released: early };
            self.handle.send(Incoming::Durable(durable));
        }
        let writes = group.iter().flatten().any(|command| matches!(command, Command::Write(_) | Command::Replace(_)));
        self.group = Some(group);
        Some(writes)
    }

    /// The disk is done with it. How many turns, and what waited for them.
    ///
    /// # Errors
    /// A disk that fails.
    pub(super) fn end_group(&mut self, defect: Option<Defect>) -> Result<(usize, Vec<Release>), String> {
        let group = self.group.take().unwrap_or_default();
        let (turns, mut released) = (group.len(), Vec::new());
        let mut commands = Vec::new();
        for command in group.into_iter().flatten() {
            match command {
                Command::Write(write @ Write::Truncate(_)) if defect == Some(Defect::TruncateForgotten) => {
                    released.extend(self.journal.settle(std::mem::take(&mut commands)).map_err(told)?);
                    let mut lied = Vec::new();
                    self.recorder.written(&mut lied, write);
                    self.recorder.flushed(&mut lied);
                }
                other => commands.push(other),
            }
        }
        released.extend(self.journal.settle(commands).map_err(told)?);
        Ok((turns, released))
    }

    /// A snapshot begins: the next transaction begins a new log.
    pub(super) fn begin_snapshot(&mut self) -> bool {
        if self.snapshot.is_some() || !self.node.peer().is_serving() {
            return false;
        }
        self.snapshot = Some(self.shared.tree.read().clone());
        self.waiting.push(vec![Command::Roll]);
        true
    }

    /// The snapshot's file is written, durably.
    ///
    /// # Errors
    /// A disk that fails.
    pub(super) fn end_snapshot(&mut self) -> Result<Option<zab::Zxid>, String> {
        let Some(tree) = self.snapshot.take() else { return Ok(None) };
        let (files, folder) = (self.directory.files(), self.directory.snapshot_directory());
        write_snapshot(&**files, folder, &tree, Compression::Plain).map_err(told)?;
        Ok(Some(tree.last_zxid()))
    }
}

/// What a group leaves on the disk.
pub(super) fn writes(group: &[Vec<Command>]) -> Vec<Write> {
    let write = |command: &Command| match command {
        Command::Write(write) => Some(write.clone()),
        _ => None,
    };
    group.iter().flatten().filter_map(write).collect()
}

fn released(command: Command) -> Option<Release> {
    match command {
        Command::Release(release) => Some(release),
        _ => None,
    }
}

/// Milliseconds since 1970, by a server's calendar.
pub(super) fn calendar(now: u64, wrong: i64) -> i64 {
    1_700_000_000_000 + i64::try_from(now / 1000).unwrap_or(0) + wrong
}

pub(super) fn told(error: DiskError) -> String {
    error.to_string()
}

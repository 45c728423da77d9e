//! The disk's thread: makes the core's writes durable in their order, many with one sync.

use super::recorder::{Flush, Recorder};
use crate::disk::{Compression, DataDirectory, DiskError, EpochFiles, FileLog, UnfinishedSnapshot};
use crate::link::ConnectionId;
use crate::shared::Shared;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use zab::tree::Tree;
use zab::{Message, ServerId, Write};

/// What the node hands over, in order.
#[derive(Debug)]
pub enum Command {
    /// Make this durable.
    Write(Write),
    /// Hand this back when everything before is durable.
    Release(Release),
    /// Put this tree, which the leader sent, in the place of snapshots and log.
    Replace(Tree),
    /// Let the next transaction begin a new log file: a snapshot is about to be taken.
    Roll,
}

/// A message that waits for the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Whom it is for.
    pub to: ServerId,
    /// By which way.
    pub route: Route,
    /// What is said.
    pub message: Message,
}

/// The way of a message. It was chosen when the message was made: if it is gone by the time the disk has come so far,
/// so is the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// To this server itself, unless what waited was forgotten since: then the number is another.
    Own(u64),
    /// The election port.
    Election,
    /// A quorum connection.
    Connection(ConnectionId),
}

/// What the disk has come to.
#[derive(Debug)]
pub struct Durable {
    /// So many of the node's turns are done.
    pub turns: usize,
    /// What waited for them.
    pub released: Vec<Release>,
}

/// How writes wait for each other, to share a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// So many transactions are synced without looking for more (`maxBatchSize`).
    pub most: usize,
    /// So long is waited for more (`flushDelay`).
    pub delay: Duration,
    /// A sync that takes longer is worth a warning (`fsync.warningthresholdms`).
    pub slow: Duration,
}

/// The files of a server, while it runs.
#[derive(Debug)]
pub struct Journal {
    log: FileLog,
    epochs: EpochFiles,
    directory: DataDirectory,
    released: Vec<Release>,
    batching: Batching,
    shared: Arc<Shared>,
    /// Transactions since the last sync.
    gathered: usize,
    /// Where this run is recorded, if it is, and the writes since it was told last.
    recorder: Option<Recorder>,
    unrecorded: Vec<Flush>,
}

impl Journal {
    /// On an open log.
    #[must_use]
    pub fn new(
        directory: DataDirectory,
        log: FileLog,
        epochs: EpochFiles,
        batching: Batching,
        shared: Arc<Shared>,
    ) -> Journal {
        let (released, unrecorded) = Default::default();
        Journal { log, epochs, directory, released, batching, shared, gathered: 0, recorder: None, unrecorded }
    }

    /// Tells this recorder what becomes durable.
    #[must_use]
    pub fn recorded(mut self, recorder: Option<Recorder>) -> Journal {
        self.recorder = recorder;
        self
    }

    /// Whether every write waits some time for others to share its sync.
    pub(super) fn delays(&self) -> bool {
        !self.batching.delay.is_zero()
    }

    /// Runs until the node hangs up or the disk fails. `durable` is called after each sync.
    ///
    /// Group commit: whatever has come while the last sync was under way shares the next one.
    ///
    /// # Errors
    /// A disk that fails. What is on it is not known then, so the process must stop.
    pub fn run(
        journal: &Mutex<Journal>,
        commands: &Receiver<Vec<Command>>,
        mut durable: impl FnMut(Durable),
    ) -> Result<(), DiskError> {
        while let Ok(first) = commands.recv() {
            let group = journal.lock().group(first, commands)?;
            durable(group);
        }
        journal.lock().log.roll()
    }

    fn group(&mut self, first: Vec<Command>, commands: &Receiver<Vec<Command>>) -> Result<Durable, DiskError> {
        let until = Instant::now() + self.batching.delay;
        let mut turns = 1;
        self.perform(first)?;
        while let Some(more) = self.more(commands, until) {
            self.perform(more)?;
            turns += 1;
        }
        Ok(Durable { turns, released: self.finish()? })
    }

    /// Makes one turn of the node durable with what came before, and says what waited for it.
    ///
    /// # Errors
    /// As [`Journal::run`].
    pub fn settle(&mut self, commands: Vec<Command>) -> Result<Vec<Release>, DiskError> {
        self.perform(commands)?;
        self.finish()
    }

    fn finish(&mut self) -> Result<Vec<Release>, DiskError> {
        self.commit()?;
        self.record();
        Ok(std::mem::take(&mut self.released))
    }

    /// What shares the next sync, if there is anything (`SyncRequestProcessor.shouldFlush`). Nothing is waited for as
    /// long as there is nothing to sync.
    fn more(&self, commands: &Receiver<Vec<Command>>, until: Instant) -> Option<Vec<Command>> {
        if self.gathered >= self.batching.most {
            return None;
        }
        let more = commands.try_recv().ok();
        if more.is_some() || self.gathered == 0 || self.batching.delay.is_zero() {
            return more;
        }
        commands.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
    }

    /// Before what waited for these writes is released.
    fn record(&mut self) {
        if let Some(recorder) = &self.recorder {
            recorder.flushed(&mut self.unrecorded);
        }
    }

    fn commit(&mut self) -> Result<(), DiskError> {
        let gathered = std::mem::take(&mut self.gathered);
        if self.log.commit()? == 0 {
            return Ok(());
        }
        let (counters, took) = (&self.shared.counters, self.log.sync_time());
        counters.measures.add("sync_processor_batch_size", i64::try_from(gathered).unwrap_or(i64::MAX));
        counters.measures.add_time("fsynctime", took);
        if took > self.batching.slow {
            counters.slow_syncs.fetch_add(1, Ordering::Relaxed);
            let (directory, slow) = (self.directory.log_directory().display(), self.batching.slow);
            tracing::warn!(
                "syncing the log in {directory} took {took:?}, more than {slow:?}: every write waits for it"
            );
        }
        Ok(())
    }

    fn perform(&mut self, commands: Vec<Command>) -> Result<(), DiskError> {
        for command in commands {
            match command {
                Command::Write(write) => self.write(write)?,
                Command::Release(release) => self.released.push(release),
                Command::Replace(tree) => self.replace(&tree)?,
                Command::Roll => {
                    self.commit()?;
                    self.log.roll()?;
                }
            }
        }
        Ok(())
    }

    /// Where Apache's layout spreads the order over several files, a sync stands between them.
    fn write(&mut self, write: Write) -> Result<(), DiskError> {
        match &write {
            Write::Append(txn) => {
                self.gathered += 1;
                self.log.append(&txn.payload.0)?;
            }
            Write::AcceptedEpoch(epoch) => {
                self.commit()?;
                self.epochs.write_accepted(*epoch)?;
            }
            Write::CurrentEpoch(epoch) => {
                self.commit()?;
                self.epochs.write_current(*epoch)?;
            }
            Write::Truncate(zxid) => self.directory.truncate(&mut self.log, *zxid)?,
            // Its file was published before the core heard of it; what a leader sends comes with its tree.
            Write::Snapshot(_) | Write::Replace(_) => {}
        }
        if let Some(recorder) = &self.recorder {
            recorder.written(&mut self.unrecorded, write);
        }
        Ok(())
    }

    fn replace(&mut self, tree: &Tree) -> Result<(), DiskError> {
        self.log.commit()?;
        let (files, directory) = (&**self.directory.files(), self.directory.snapshot_directory());
        let snapshot = UnfinishedSnapshot::write(files, directory, tree, Compression::Plain)?;
        self.directory.replace(&mut self.log, snapshot)?;
        Ok(())
    }
}

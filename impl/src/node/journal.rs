//! The disk's thread: makes the core's writes durable in their order, many with one sync.

use crate::disk::{DataDirectory, DiskError, EpochFiles, FileLog};
use crate::shared::Shared;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use zab::{Message, ServerId, Write};

/// What the node hands over, in order.
#[derive(Debug)]
pub enum Command {
    /// Make this durable.
    Write(Write),
    /// Hand this back when everything before is durable.
    Release(ServerId, Message),
    /// Let the next transaction begin a new log file: a snapshot is about to be taken.
    Roll,
}

/// What was handed over to be released, and is durable now.
pub type Released = Vec<(ServerId, Message)>;

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
    released: Released,
    batching: Batching,
    shared: Arc<Shared>,
    /// Transactions since the last sync.
    gathered: usize,
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
        Journal { log, epochs, directory, released: Released::new(), batching, shared, gathered: 0 }
    }

    /// Runs until the node hangs up or the disk fails. `durable` is called after each sync.
    ///
    /// Group commit: whatever has come while the last sync was under way shares the next one.
    ///
    /// # Errors
    /// A disk that fails. What is on it is not known then, so the process must stop.
    pub fn run(
        mut self,
        commands: &Receiver<Vec<Command>>,
        mut durable: impl FnMut(Released),
    ) -> Result<(), DiskError> {
        while let Ok(first) = commands.recv() {
            let until = Instant::now() + self.batching.delay;
            self.perform(first)?;
            while let Some(more) = self.more(commands, until) {
                self.perform(more)?;
            }
            self.commit()?;
            if !self.released.is_empty() {
                durable(std::mem::take(&mut self.released));
            }
        }
        self.log.roll()
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
                Command::Release(to, message) => self.released.push((to, message)),
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
        match write {
            Write::Append(txn) => {
                self.gathered += 1;
                self.log.append(&txn.payload.0)
            }
            Write::AcceptedEpoch(epoch) => {
                self.commit()?;
                self.epochs.write_accepted(epoch)
            }
            Write::CurrentEpoch(epoch) => {
                self.commit()?;
                self.epochs.write_current(epoch)
            }
            Write::Truncate(zxid) => self.directory.truncate(&mut self.log, zxid),
            // Its file was published before the core heard of it.
            Write::Snapshot(_) => Ok(()),
            Write::Replace(zxid) => unreachable!("no leader sends a snapshot (of {zxid}) in an ensemble of one"),
        }
    }
}

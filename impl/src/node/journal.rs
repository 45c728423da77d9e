//! The disk's thread: makes the core's writes durable in their order, many with one sync.

use crate::disk::{DataDirectory, DiskError, EpochFiles, FileLog};
use std::sync::mpsc::Receiver;
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

/// The files of a server, while it runs.
#[derive(Debug)]
pub struct Journal {
    log: FileLog,
    epochs: EpochFiles,
    directory: DataDirectory,
    released: Released,
}

impl Journal {
    /// On an open log.
    #[must_use]
    pub fn new(directory: DataDirectory, log: FileLog, epochs: EpochFiles) -> Journal {
        Journal { log, epochs, directory, released: Released::new() }
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
            self.perform(first)?;
            while let Ok(more) = commands.try_recv() {
                self.perform(more)?;
            }
            self.log.commit()?;
            if !self.released.is_empty() {
                durable(std::mem::take(&mut self.released));
            }
        }
        self.log.roll()
    }

    fn perform(&mut self, commands: Vec<Command>) -> Result<(), DiskError> {
        for command in commands {
            match command {
                Command::Write(write) => self.write(write)?,
                Command::Release(to, message) => self.release(to, message),
                Command::Roll => self.log.roll()?,
            }
        }
        Ok(())
    }

    /// An ACK says that everything up to its zxid is logged, so of several in a row the last one says it all: the node
    /// then delivers all of them in one step. (An ACK with counter 0 is NEWLEADER's, and stays.)
    fn release(&mut self, to: ServerId, message: Message) {
        if let (Message::Ack(zxid), Some((same, Message::Ack(last)))) = (&message, self.released.last_mut())
            && *same == to
            && last.counter() > 0
            && zxid.counter() > 0
            && zxid.epoch() == last.epoch()
        {
            *last = *zxid;
            return;
        }
        self.released.push((to, message));
    }

    /// Where Apache's layout spreads the order over several files, a sync stands between them.
    fn write(&mut self, write: Write) -> Result<(), DiskError> {
        match write {
            Write::Append(txn) => self.log.append(&txn.payload.0),
            Write::AcceptedEpoch(epoch) => {
                self.log.commit()?;
                self.epochs.write_accepted(epoch)
            }
            Write::CurrentEpoch(epoch) => {
                self.log.commit()?;
                self.epochs.write_current(epoch)
            }
            Write::Truncate(zxid) => self.directory.truncate(&mut self.log, zxid),
            // Its file was published before the core heard of it.
            Write::Snapshot(_) => Ok(()),
            Write::Replace(zxid) => unreachable!("no leader sends a snapshot (of {zxid}) in an ensemble of one"),
        }
    }
}

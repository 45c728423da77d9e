//! The node's way to the disk: by the journal's thread or, when few requests wait, by itself.
//!
//! With two threads the node prepares what comes while the disk works. Clients that wait for every reply before they
//! ask again give it little to prepare: the way to the other thread and back then only takes time, most of all where
//! both must wait for a processor that something else has.

use super::journal::{Command, Journal, Release};
use crate::disk::DiskError;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// The journal, as the node sees it.
#[derive(Debug)]
pub struct ToJournal {
    thread: Sender<Vec<Command>>,
    /// What the node may use by itself when the thread does not.
    journal: Option<Arc<Mutex<Journal>>>,
    /// Turns that the thread was given, and that the node has not seen the end of.
    under_way: usize,
}

impl ToJournal {
    /// By its thread; and without it if the node may wait for the disk: it may when nothing but the disk is waited for.
    /// A server with others must answer them however slow its disk is.
    #[must_use]
    pub fn new(thread: Sender<Vec<Command>>, journal: Arc<Mutex<Journal>>, may_wait: bool) -> ToJournal {
        let may_wait = may_wait && !journal.lock().delays();
        ToJournal { thread, journal: may_wait.then_some(journal), under_way: 0 }
    }

    /// By its thread alone, or by whoever else takes the commands.
    #[must_use]
    pub fn by_thread(thread: Sender<Vec<Command>>) -> ToJournal {
        ToJournal { thread, journal: None, under_way: 0 }
    }

    /// Hands a turn to the thread.
    pub(super) fn send(&mut self, commands: Vec<Command>) {
        self.under_way += 1;
        // A thread that has left has said why; that message is in the inbox.
        let _ = self.thread.send(commands);
    }

    /// The end of so many turns was seen.
    pub(super) fn came_back(&mut self, turns: usize) {
        self.under_way = self.under_way.saturating_sub(turns);
    }

    /// Makes a turn durable now, and says what waited for it; gives it back if the node may not, or if something that
    /// comes before is not seen to be durable.
    pub(super) fn write(&mut self, commands: Vec<Command>) -> Result<Result<Vec<Release>, DiskError>, Vec<Command>> {
        match &self.journal {
            Some(journal) if self.under_way == 0 => Ok(journal.lock().settle(commands)),
            _ => Err(commands),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{DataDirectory, EpochFiles, FileLog, FileSystem, LogOptions, SimulatedDisk};
    use crate::node::journal::Batching;
    use crate::shared::Shared;
    use std::path::Path;
    use std::time::Duration;
    use zab::tree::Tree;

    fn journal(delay: Duration) -> Arc<Mutex<Journal>> {
        let files: Arc<dyn FileSystem> = Arc::new(SimulatedDisk::new());
        let directory = DataDirectory::new(files.clone(), Path::new("/data"), Path::new("/data"));
        directory.create(true).unwrap();
        let log = FileLog::open(files.clone(), directory.log_directory(), LogOptions::default()).unwrap();
        let epochs = EpochFiles::new(files, directory.snapshot_directory());
        let batching = Batching { most: 1000, delay, slow: Duration::from_secs(1) };
        let shared = Arc::new(Shared::new(Tree::new(zab::tree::TreeOptions::default())));
        Arc::new(Mutex::new(Journal::new(directory, log, epochs, batching, shared)))
    }

    #[test]
    fn nothing_overtakes_what_the_thread_has() {
        let (thread, _commands) = std::sync::mpsc::channel();
        let mut to_journal = ToJournal::new(thread, journal(Duration::ZERO), true);
        assert!(to_journal.write(vec![Command::Roll]).is_ok());
        to_journal.send(vec![Command::Roll]);
        to_journal.send(vec![Command::Roll]);
        to_journal.came_back(1);
        let back = to_journal.write(vec![Command::Roll]).expect_err("one is under way");
        assert_eq!(back.len(), 1);
        to_journal.came_back(1);
        assert!(to_journal.write(vec![Command::Roll]).is_ok());
    }

    #[test]
    fn who_must_not_wait_or_would_wait_on_purpose_leaves_it_to_the_thread() {
        for (may_wait, delay) in [(false, Duration::ZERO), (true, Duration::from_millis(1))] {
            let (thread, _commands) = std::sync::mpsc::channel();
            let mut to_journal = ToJournal::new(thread, journal(delay), may_wait);
            assert!(to_journal.write(vec![Command::Roll]).is_err());
        }
    }
}

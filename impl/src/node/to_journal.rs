//! The node's way to the disk: by the journal's thread or, when one request is all that anybody waits for, by itself.
//!
//! With two threads the node prepares what comes while the disk works. Who waits for every reply before he asks again
//! gives it nothing to prepare: the way to the other thread and back then only takes time. On a machine with more to
//! do than it has processors that is most of the time, because each of the two threads that wake one another waits for
//! its turn.

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
            Some(journal) if self.under_way == 0 => Ok(journal.lock().turn(commands)),
            _ => Err(commands),
        }
    }
}

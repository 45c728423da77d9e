#![doc = include_str!("disk.md")]

use crate::history::{History, Txn};
use crate::number::{Epoch, Zxid};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a server finds when it starts again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Disk {
    /// The last epoch proposed by a leader that this server accepted (file `acceptedEpoch`; `f.p` of the paper).
    pub accepted_epoch: Epoch,
    /// The last epoch whose initial history this server took over (file `currentEpoch`; `f.a` of the paper).
    pub current_epoch: Epoch,
    /// Snapshot and log.
    pub history: History,
}

/// A change of the disk. Changes become durable in the order in which they were emitted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Write {
    /// Replace the accepted epoch.
    AcceptedEpoch(Epoch),
    /// Replace the current epoch.
    CurrentEpoch(Epoch),
    /// Add a transaction to the log.
    Append(Txn),
    /// Cut the log after this zxid.
    Truncate(Zxid),
    /// A snapshot of the state machine as it was delivered up to this zxid; the log before it may go.
    Snapshot(Zxid),
    /// A snapshot received from a leader, in place of snapshot and log.
    Replace(Zxid),
}

impl Disk {
    /// The disk after `write`: the meaning of every [`Write`], for memory and disk alike.
    ///
    /// # Panics
    /// When the write breaks an invariant of the disk: an epoch that goes back, a current epoch beyond the accepted
    /// one, a history with a hole. The peer never emits such a write; a disk layer that sees one must stop.
    pub fn apply(&mut self, write: &Write) {
        match write {
            Write::AcceptedEpoch(epoch) => {
                assert!(*epoch > self.accepted_epoch, "accepted epoch {epoch} after {}", self.accepted_epoch);
                self.accepted_epoch = *epoch;
            }
            Write::CurrentEpoch(epoch) => {
                assert!(*epoch >= self.current_epoch, "current epoch {epoch} after {}", self.current_epoch);
                assert!(*epoch <= self.accepted_epoch, "current epoch {epoch} was never accepted");
                self.current_epoch = *epoch;
            }
            Write::Append(txn) => self.history.append(txn.clone()),
            Write::Truncate(zxid) => self.history.truncate(*zxid),
            Write::Snapshot(zxid) => self.history.compact(*zxid),
            Write::Replace(zxid) => self.history = History::from_snapshot(*zxid),
        }
    }
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Write::AcceptedEpoch(epoch) => write!(f, "acceptedEpoch={}", epoch.0),
            Write::CurrentEpoch(epoch) => write!(f, "currentEpoch={}", epoch.0),
            Write::Append(txn) => write!(f, "append {}", txn.zxid),
            Write::Truncate(zxid) => write!(f, "truncate {zxid}"),
            Write::Snapshot(zxid) => write!(f, "snapshot {zxid}"),
            Write::Replace(zxid) => write!(f, "replace {zxid}"),
        }
    }
}

#![doc = include_str!("history.md")]

use crate::hexadecimal::Digits;
use crate::number::Zxid;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a transaction says. The protocol orders payloads and never looks into them. Traces write them in hexadecimal,
/// and shorten what has more than 16 bytes ([`crate::trace`]).
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Payload(#[serde(with = "crate::hexadecimal")] pub Bytes);

impl Payload {
    /// What traces write in its place.
    #[must_use]
    pub fn digits(&self) -> Digits {
        Digits::new(&self.0)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A transaction: a payload with its place in the order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Txn {
    /// Its place.
    pub zxid: Zxid,
    /// What it says.
    pub payload: Payload,
}

impl fmt::Display for Txn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.zxid)
    }
}

/// The transactions that a server has accepted, oldest first: a snapshot that stands for the older ones, and a log.
///
/// **Invariants of a history**, which its methods keep and [`History::assert_valid`] states:
/// 1. the zxids of the log are consecutive inside each epoch and increase from epoch to epoch;
/// 2. the first of the log follows the snapshot: nothing is missing between them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct History {
    snapshot: Zxid,
    log: Vec<Txn>,
}

impl History {
    /// A history of nothing but a snapshot.
    #[must_use]
    pub fn from_snapshot(snapshot: Zxid) -> History {
        History { snapshot, log: Vec::new() }
    }

    /// The last transaction inside the snapshot; [`Zxid::ZERO`] for the empty one.
    #[must_use]
    pub fn snapshot(&self) -> Zxid {
        self.snapshot
    }

    /// The transactions after the snapshot.
    #[must_use]
    pub fn log(&self) -> &[Txn] {
        &self.log
    }

    /// The last transaction, in the log or in the snapshot.
    #[must_use]
    pub fn last(&self) -> Zxid {
        self.log.last().map_or(self.snapshot, |txn| txn.zxid)
    }

    /// Whether a history that ends at `zxid` can be made of this one by cutting its log.
    #[must_use]
    pub fn can_end_at(&self, zxid: Zxid) -> bool {
        zxid == self.snapshot || self.log.binary_search_by_key(&zxid, |txn| txn.zxid).is_ok()
    }

    /// The transactions of the log that come after `zxid`.
    #[must_use]
    pub fn after(&self, zxid: Zxid) -> &[Txn] {
        &self.log[self.log.partition_point(|txn| txn.zxid <= zxid)..]
    }

    /// The last transaction that is not after `zxid`, or the snapshot where the log has none.
    #[must_use]
    pub fn floor(&self, zxid: Zxid) -> Zxid {
        match self.log.partition_point(|txn| txn.zxid <= zxid) {
            0 => self.snapshot,
            count => self.log[count - 1].zxid,
        }
    }

    /// Adds a transaction.
    ///
    /// # Panics
    /// When it does not follow the last one: callers check what they receive with [`Zxid::follows`].
    pub fn append(&mut self, txn: Txn) {
        assert!(txn.zxid.follows(self.last()), "{} does not follow {}", txn.zxid, self.last());
        self.log.push(txn);
    }

    /// Forgets every transaction after `zxid`.
    ///
    /// # Panics
    /// When the history cannot end there: cutting elsewhere would keep or lose a neighbour (hazard of Java's
    /// `FileTxnLog.truncate`, which keeps the record after a zxid that it does not find).
    pub fn truncate(&mut self, zxid: Zxid) {
        assert!(self.can_end_at(zxid), "the log cannot be cut at {zxid}");
        self.log.truncate(self.log.partition_point(|txn| txn.zxid <= zxid));
    }

    /// Lets a snapshot at `zxid` stand for the transactions up to it.
    ///
    /// # Panics
    /// When the history does not reach `zxid`.
    pub fn compact(&mut self, zxid: Zxid) {
        assert!(self.can_end_at(zxid), "a snapshot at {zxid} is not of this history");
        self.log.drain(..self.log.partition_point(|txn| txn.zxid <= zxid));
        self.snapshot = zxid;
    }

    /// This history with its beginning: `older` up to where this one begins, then this one. `None` when they do not
    /// meet, or `older` adds nothing.
    #[must_use]
    pub fn extended(&self, older: &History) -> Option<History> {
        let meets = older.snapshot < self.snapshot && older.can_end_at(self.snapshot);
        meets.then(|| {
            let mut whole = older.clone();
            whole.truncate(self.snapshot);
            whole.log.extend_from_slice(&self.log);
            whole
        })
    }

    /// The invariants, as an assertion for those who read a history from elsewhere.
    ///
    /// # Panics
    /// When one does not hold.
    pub fn assert_valid(&self) {
        let mut previous = self.snapshot;
        for txn in &self.log {
            assert!(txn.zxid.follows(previous), "{} after {previous} in a history", txn.zxid);
            previous = txn.zxid;
        }
    }
}

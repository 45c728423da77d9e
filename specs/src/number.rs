#![doc = include_str!("number.md")]

use serde::{Deserialize, Serialize};
use std::fmt;

/// The identifier of a server of the ensemble: the number in its `myid` file, 1 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServerId(pub u8);

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", self.0)
    }
}

/// The number of a leader's reign. Every established leader has an epoch of its own.
///
/// 32 bits, because it is the high half of a [`Zxid`]; the wire carries it as such.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u32);

impl Epoch {
    /// The last epoch that 32 bits can say. No server accepts it, so that there is always a next one.
    pub const LAST: Epoch = Epoch(u32::MAX);

    /// The epoch after this one.
    ///
    /// # Panics
    /// When the 32 bits are spent: four thousand million elections.
    #[must_use]
    pub fn next(self) -> Epoch {
        Epoch(self.0.checked_add(1).expect("the 32 bits of the epoch are spent"))
    }

    /// `(epoch, 0)`: the zxid of NEWLEADER and of its acknowledgement; no transaction ever has it.
    #[must_use]
    pub fn start(self) -> Zxid {
        Zxid::new(self, 0)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{}", self.0)
    }
}

/// The number of a server's election, Java's `logicalclock`. It lives in memory only and starts again at 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Round(pub u64);

/// A transaction's identifier: the epoch of the leader that proposed it, and a counter inside that epoch.
///
/// Ordered by epoch, then by counter, which is the order of the 64-bit number on ZooKeeper's wire.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Zxid(pub u64);

impl Zxid {
    /// Before every transaction: the zxid of an empty history.
    pub const ZERO: Zxid = Zxid(0);

    /// The zxid with these halves.
    #[must_use]
    pub fn new(epoch: Epoch, counter: u32) -> Zxid {
        Zxid(u64::from(epoch.0) << 32 | u64::from(counter))
    }

    /// The high half.
    #[must_use]
    pub fn epoch(self) -> Epoch {
        Epoch((self.0 >> 32) as u32)
    }

    /// The low half: 1 for the first transaction of an epoch.
    #[must_use]
    pub fn counter(self) -> u32 {
        self.0 as u32
    }

    /// Whether a transaction with this zxid may directly follow one with zxid `previous` in a history:
    /// the next of its epoch, or the first of a later epoch.
    #[must_use]
    pub fn follows(self, previous: Zxid) -> bool {
        if self.epoch() == previous.epoch() {
            previous.counter().checked_add(1) == Some(self.counter())
        } else {
            self.epoch() > previous.epoch() && self.counter() == 1
        }
    }
}

impl fmt::Display for Zxid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.epoch().0, self.counter())
    }
}

impl fmt::Debug for Zxid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zxid{self}")
    }
}

#![doc = include_str!("registry.md")]

use std::collections::BTreeSet;

/// A consumer's cache of the providers that are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cache {
    /// The registrations that it shows, by their names.
    pub shown: BTreeSet<String>,
    /// Whether a list is asked for and has not come.
    pub asks: bool,
}

/// What a cache is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tell {
    /// To begin.
    Begin,
    /// These registrations there are; whoever listed them watches from here on.
    Listed(Vec<String>),
    /// They are others now.
    Changed,
    /// The connection broke: what was asked may be lost. A watch that was left is set again by the client.
    Interrupted,
}

/// What a cache does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// `getChildren`, with a watch: both happen at one moment.
    ListAndWatch,
}

impl Cache {
    /// Takes one thing in, and says what to ask next, if anything.
    pub fn step(&mut self, tell: Tell) -> Option<Ask> {
        match tell {
            Tell::Listed(names) => {
                // Rule ShowOneMoment: all of the list, and nothing of before.
                self.shown = names.into_iter().collect();
                self.asks = false;
                None
            }
            // What is asked for already will be answered with what is there then.
            Tell::Changed if self.asks => None,
            Tell::Interrupted if !self.asks => None,
            // Rule ListAgain.
            Tell::Begin | Tell::Changed | Tell::Interrupted => {
                self.asks = true;
                Some(Ask::ListAndWatch)
            }
        }
    }
}

/// Whether a client that has heard of `seen` may move to a server that is at `there`. Rule NeverBackwards.
#[must_use]
pub fn may_move(seen: crate::Zxid, there: crate::Zxid) -> bool {
    there >= seen
}

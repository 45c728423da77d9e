//! The bounds of every model, and why they are what they are: the one place where defaults stand.

use crate::world::Budget;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Which parts of the protocol a model runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// FastLeaderElection alone, message by message; histories stand still.
    Election,
    /// Zab over an oracle that elects.
    Zab,
    /// Both together.
    Ensemble,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Election, Kind::Zab, Kind::Ensemble];

    /// The model's name, as commands and tables have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Election => "election",
            Kind::Zab => "zab",
            Kind::Ensemble => "ensemble",
        }
    }

    /// Whether the switch `--SWITCH` changes anything in this model.
    #[must_use]
    pub fn knows(self, switch: &str) -> bool {
        match switch {
            "histories" => self == Kind::Election,
            "elections" | "oracle" => self == Kind::Zab,
            "delays" => self != Kind::Zab,
            // Where there is only the election nobody serves, and no disk is written: but by a server that is alone,
            // which is the quorum of its own epoch. That is Zab's, and explored there.
            "transactions" | "syncs" | "snapshots" | "timeouts" | "last-counter" | "forward" | "discovery"
            | "grain" => self != Kind::Election,
            _ => true,
        }
    }
}

/// How fine the disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Grain {
    /// One write after another: a crash can fall between any two.
    Write,
    /// The whole queue in one flush; a crash loses all of it or nothing.
    Batch,
    /// Every write is durable at once.
    Atomic,
}

/// Whom the oracle of `zab` may elect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Oracle {
    /// Anyone, whenever a quorum is looking: safety needs nothing of the election.
    Any,
    /// One that is at least as recent as a quorum that is looking: what `election` proves of its winners.
    Best,
}

/// How fine the discovery of an epoch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Discovery {
    /// Message by message: anything can happen between FOLLOWERINFO, LEADERINFO and ACKEPOCH.
    Messages,
    /// Each of these messages arrives as soon as it is sent. What that leaves out, epochs that some accept and nobody
    /// leads, is what the fine grain explores.
    Whole,
}

/// When timers fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Timing {
    /// A server may lose patience at any time (within the budget where it could repeat for ever).
    Asynchronous,
    /// A server waits as long as what it waits for can still come: the assumption of liveness.
    Timely,
}

/// A model's bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bounds {
    /// Which parts run.
    pub kind: Kind,
    /// Servers that vote.
    pub servers: u8,
    /// Servers that observe.
    pub observers: u8,
    /// How many different histories servers may start with (model election; each server has any of them).
    pub histories: u8,
    /// What may go wrong and what is asked.
    pub budget: Budget,
    /// The counter of the last transaction of an epoch; 0 for ZooKeeper's 2³² − 1.
    pub last_counter: u8,
    /// Whether clients ask learners as well, or only the leader.
    pub forward: bool,
    /// How often notifications may be late: each arrives in the order in which all were sent, but for so many that let
    /// others pass. `None` for any order (but the FIFO one of each link).
    pub delays: Option<u8>,
    /// How fine the disk is.
    pub grain: Grain,
    /// How fine discovery is.
    pub discovery: Discovery,
    /// Whom the oracle may elect.
    pub oracle: Oracle,
    /// When timers fire.
    pub timing: Timing,
}

impl Bounds {
    /// The bounds of `model check NAME` without switches: small enough for seconds, large enough for every phase,
    /// one fault of each kind, and a reign after it.
    #[must_use]
    pub fn default_of(kind: Kind) -> Bounds {
        let budget = match kind {
            Kind::Election => Budget { crashes: 1, ..Budget::default() },
            Kind::Zab => Budget { transactions: 1, crashes: 1, elections: 2, ..Budget::default() },
            Kind::Ensemble => Budget { transactions: 1, crashes: 1, ..Budget::default() },
        };
        Bounds {
            kind,
            servers: 3,
            observers: 0,
            histories: if kind == Kind::Election { 2 } else { 1 },
            budget,
            last_counter: 0,
            forward: false,
            delays: None,
            grain: Grain::Write,
            discovery: Discovery::Messages,
            oracle: Oracle::Any,
            timing: Timing::Asynchronous,
        }
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.servers, if self.servers == 1 { "server" } else { "servers" })?;
        let budget = &self.budget;
        let counted = [
            (self.observers, "observer", "observers"),
            (budget.transactions, "transaction", "transactions"),
            (budget.crashes, "crash", "crashes"),
            (budget.breaks, "break", "breaks"),
            (if self.kind == Kind::Zab { budget.elections } else { 0 }, "election", "elections"),
            (budget.timeouts, "timeout", "timeouts"),
            (budget.snapshots, "snapshot", "snapshots"),
            (budget.syncs, "sync", "syncs"),
        ];
        for (count, one, many) in counted.into_iter().filter(|(count, ..)| *count > 0) {
            write!(f, ", {count} {}", if count == 1 { one } else { many })?;
        }
        if self.histories > 1 {
            write!(f, ", {} histories", self.histories)?;
        }
        if let Some(delays) = self.delays {
            write!(f, ", {delays} late {}", if delays == 1 { "notification" } else { "notifications" })?;
        }
        if self.last_counter > 0 {
            write!(f, ", epochs of {}", self.last_counter)?;
        }
        match self.grain {
            Grain::Write => {}
            Grain::Batch => write!(f, ", batch disk")?,
            Grain::Atomic => write!(f, ", atomic disk")?,
        }
        if self.discovery == Discovery::Whole {
            write!(f, ", whole discovery")?;
        }
        if self.forward {
            write!(f, ", learners forward")?;
        }
        if self.kind == Kind::Zab && self.oracle == Oracle::Best {
            write!(f, ", best elected")?;
        }
        if self.timing == Timing::Timely {
            write!(f, ", timely")?;
        }
        Ok(())
    }
}

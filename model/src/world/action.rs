//! What can happen next, and how it is written: every action is one line of the scenario language.

use super::End;
use serde::{Deserialize, Serialize};
use std::fmt;
use zab::{ServerId, Timer};

/// One thing that can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Action {
    /// The oldest message on the way to this end of the quorum connection arrives.
    Deliver {
        /// Who opened the connection.
        learner: ServerId,
        /// On whose port it is.
        leader: ServerId,
        /// Where the message arrives.
        to: End,
    },
    /// The notification on the wire arrives.
    Notify {
        /// Its sender.
        from: ServerId,
        /// Its receiver.
        to: ServerId,
    },
    /// The oldest write in the server's queue becomes durable, and what waited for it leaves. With the coarse grain,
    /// the whole queue.
    Flush(ServerId),
    /// The server stops; its disk keeps what is durable.
    Crash(ServerId),
    /// The server starts again.
    Restart(ServerId),
    /// The link between two servers breaks.
    Break(ServerId, ServerId),
    /// An end of a quorum connection notices that it is gone.
    Notice {
        /// Who opened the connection.
        learner: ServerId,
        /// On whose port it is.
        leader: ServerId,
        /// Which end notices.
        at: End,
    },
    /// A learner's connection to its leader opens.
    Connect {
        /// Who opens it.
        learner: ServerId,
        /// On whose port.
        leader: ServerId,
    },
    /// A wait is over.
    Timeout(ServerId, Timer),
    /// A client of this server asks for a transaction.
    Write(ServerId),
    /// A client of this server asks for a sync.
    Sync(ServerId),
    /// The server takes a snapshot of what was delivered.
    Snapshot(ServerId),
    /// A leader's log on the disk was read for a learner that lacks more than memory has.
    Recall {
        /// Whose log.
        leader: ServerId,
        /// For whom.
        learner: ServerId,
        /// Whether it goes back so far.
        found: bool,
    },
    /// The oracle elects.
    Elect {
        /// Who learns of the choice.
        at: ServerId,
        /// Whom it names.
        leader: ServerId,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Action::Deliver { learner, leader, to: End::Learner } => write!(f, "deliver {leader} -> {learner}"),
            Action::Deliver { learner, leader, to: End::Leader } => write!(f, "deliver {learner} -> {leader}"),
            Action::Notify { from, to } => write!(f, "notify {from} -> {to}"),
            Action::Flush(id) => write!(f, "flush {id}"),
            Action::Crash(id) => write!(f, "crash {id}"),
            Action::Restart(id) => write!(f, "restart {id}"),
            Action::Break(a, b) => write!(f, "break {a} - {b}"),
            Action::Notice { learner, leader, at: End::Learner } => {
                write!(f, "notice {learner}: its leader {leader} is gone")
            }
            Action::Notice { learner, leader, at: End::Leader } => {
                write!(f, "notice {leader}: its learner {learner} is gone")
            }
            Action::Connect { learner, leader } => write!(f, "connect {learner} -> {leader}"),
            Action::Timeout(id, timer) => write!(f, "timeout {id} {timer:?}"),
            Action::Write(id) => write!(f, "write {id}"),
            Action::Sync(id) => write!(f, "sync {id}"),
            Action::Snapshot(id) => write!(f, "snapshot {id}"),
            Action::Recall { leader, learner, found } => {
                write!(f, "recall {leader} for {learner}{}", if found { "" } else { " in vain" })
            }
            Action::Elect { at, leader } if at == leader => write!(f, "elect {leader}"),
            Action::Elect { at, leader } => write!(f, "elect {leader} at {at}"),
        }
    }
}

#![doc = include_str!("contract.md")]

use crate::disk::Write;
use crate::history::{History, Payload, Txn};
use crate::message::{Message, Request};
use crate::number::{ServerId, Zxid};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What can happen to a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Input {
    /// A message arrived; from this server itself, one that was waiting for its disk.
    Receive(ServerId, Message),
    /// The connection to the leader's quorum port that [`Output::Connect`] asked for is open.
    Connected(ServerId),
    /// The quorum connection with this server is gone, or could not be opened.
    Disconnected(ServerId),
    /// A wait that [`Output::Arm`] began is over.
    Timeout(Timer),
    /// A client of this server asks.
    Request(Request),
    /// The node has made a transaction of the request that [`Output::Prepare`] handed out.
    Propose(Payload),
    /// A session moved to this server: ask the leader about it.
    Revalidate(Payload),
    /// The node's answer to [`Output::Revalidate`], for this learner.
    Revalidated(ServerId, Payload),
    /// A snapshot of the state machine, taken when it had been delivered up to this zxid, is ready to be kept.
    Snapshotted(Zxid),
    /// What the log on the disk holds of what [`Output::Recall`] asked for, for this learner; an empty history when it
    /// does not go back so far, or is too long to be sent.
    Recalled(ServerId, History),
    /// An election held elsewhere has decided: for drivers that bring their own, as the coarse model does.
    Elected(ServerId),
}

/// What a server does in answer, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Output {
    /// Queue this change of the disk.
    Write(Write),
    /// Send at once.
    Send(ServerId, Message),
    /// Send when every write emitted before this is durable; to this server itself: hand it back then.
    SendWhenDurable(ServerId, Message),
    /// Apply this transaction to the state machine: it is committed.
    Deliver(Txn),
    /// Let the snapshot that came with the leader's SNAP be the state machine.
    Install(Zxid),
    /// Open a connection to the quorum port of this server.
    Connect(ServerId),
    /// Close the quorum connection with this server and forget what still waits to be sent on it or was
    /// received on it; for this server itself: close the quorum port with every connection accepted there, and
    /// forget what waits for the disk on the way to itself.
    Disconnect(ServerId),
    /// Begin this wait, anew if it has begun already.
    Arm(Timer),
    /// Make a transaction of this request, which came from this server, and propose it.
    Prepare(ServerId, Request),
    /// The oldest unanswered sync of this server's clients is answered.
    Synced,
    /// Ask the state machine about a session, for this learner.
    Revalidate(ServerId, Payload),
    /// The leader's answer about a session.
    Revalidated(Payload),
    /// This learner's history ends at this zxid, before the history in memory begins: look what the log on the disk
    /// still has behind it.
    Recall(ServerId, Zxid),
    /// This server cannot go on.
    Halt(Halt),
}

/// Why a server cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Halt {
    /// The leader asked to cut the history at a zxid where it cannot end: this disk and the ensemble disagree
    /// on what was committed. Java leaves with exit code 13.
    CannotTruncate {
        /// Where the leader wants it to end.
        to: Zxid,
        /// The last delivered transaction (at least the snapshot's), below which nothing can be cut.
        snapshot: Zxid,
        /// The last transaction.
        last: Zxid,
    },
}

/// A wait. How long it lasts is the server's affair, see the chapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Timer {
    /// For more notifications (200 ms, doubling to 60 s: `fastleader.minNotificationInterval`, `max…`).
    Notification,
    /// For a better vote, when a quorum agrees already (`finalizeWait`, 200 ms).
    Settle,
    /// For an epoch to be established (`initLimit` ticks).
    Init,
    /// Until the leader pings its learners again (half a tick).
    Ping,
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::Receive(from, message) => write!(f, "receive {message} from {from}"),
            Input::Connected(id) => write!(f, "connected to {id}"),
            Input::Disconnected(id) => write!(f, "disconnected from {id}"),
            Input::Timeout(timer) => write!(f, "timeout {timer:?}"),
            Input::Request(Request::Write(_)) => write!(f, "request write"),
            Input::Request(Request::Sync(_)) => write!(f, "request sync"),
            Input::Propose(_) => write!(f, "propose"),
            Input::Revalidate(_) => write!(f, "revalidate"),
            Input::Revalidated(id, _) => write!(f, "revalidated for {id}"),
            Input::Snapshotted(zxid) => write!(f, "snapshotted {zxid}"),
            Input::Recalled(id, history) => {
                write!(f, "recalled for {id} what is after {} up to {}", history.snapshot(), history.last())
            }
            Input::Elected(id) => write!(f, "elected {id}"),
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Output::Write(write) => write!(f, "write {write}"),
            Output::Send(to, message) => write!(f, "send {message} to {to}"),
            Output::SendWhenDurable(to, message) => {
                write!(f, "when durable send {message} to {to}")
            }
            Output::Deliver(txn) => write!(f, "deliver {txn}"),
            Output::Install(zxid) => write!(f, "install {zxid}"),
            Output::Connect(id) => write!(f, "connect to {id}"),
            Output::Disconnect(id) => write!(f, "disconnect from {id}"),
            Output::Arm(timer) => write!(f, "arm {timer:?}"),
            Output::Prepare(from, _) => write!(f, "prepare a request of {from}"),
            Output::Synced => write!(f, "synced"),
            Output::Revalidate(from, _) => write!(f, "revalidate for {from}"),
            Output::Revalidated(_) => write!(f, "revalidated"),
            Output::Recall(to, after) => write!(f, "recall what is after {after} for {to}"),
            Output::Halt(Halt::CannotTruncate { to, snapshot, last }) => {
                write!(f, "halt: cannot cut at {to} a history that reaches from {snapshot} to {last}")
            }
        }
    }
}

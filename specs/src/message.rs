#![doc = include_str!("message.md")]

use crate::history::{Payload, Txn};
use crate::number::{Epoch, Round, ServerId, Zxid};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What servers say to each other, one to one with the packets on ZooKeeper's wire.
///
/// [`Message::Notification`] travels on the election port; all others on the quorum port, on a connection that a
/// learner opened to the server that it takes for the leader.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// Election: a vote, and where its sender stands.
    Notification(Notification),
    /// FOLLOWERINFO: a voter asks to follow; its accepted epoch.
    FollowerInfo(Epoch),
    /// OBSERVERINFO: an observer asks to follow; its accepted epoch.
    ObserverInfo(Epoch),
    /// LEADERINFO: the epoch that the leader proposes.
    LeaderInfo(Epoch),
    /// ACKEPOCH: the learner accepted the epoch.
    AckEpoch(AckEpoch),
    /// DIFF: keep your history; what is missing up to this zxid follows.
    Diff(Zxid),
    /// TRUNC: cut your history after this zxid.
    Trunc(Zxid),
    /// SNAP: a snapshot of the state machine at this zxid. Its bytes are attached at the edge.
    Snap(Zxid),
    /// NEWLEADER: the history sent so far is the initial history of this epoch.
    NewLeader(Epoch),
    /// UPTODATE: the epoch is established, serve.
    UpToDate,
    /// PROPOSAL: log this and acknowledge.
    Proposal(Txn),
    /// ACK: logged up to this zxid; `(epoch, 0)` acknowledges NEWLEADER and, a second time, UPTODATE.
    Ack(Zxid),
    /// COMMIT: deliver the oldest proposal that is not delivered yet, which has this zxid.
    Commit(Zxid),
    /// INFORM: to observers, a transaction that is committed already.
    Inform(Txn),
    /// REQUEST: a learner forwards what a client asked.
    Request(Request),
    /// SYNC: the leader answers the oldest unanswered sync of the learner.
    Sync,
    /// PING: is the other still there? The number comes back unchanged.
    Ping(u64),
    /// REVALIDATE: a session that moved to this learner, and the leader's answer; opaque here.
    Revalidate(Payload),
}

/// ACKEPOCH's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AckEpoch {
    /// The learner's current epoch; `None` (−1 on the wire) when it had accepted this very epoch before, so that
    /// this is no acknowledgement to count.
    pub current_epoch: Option<Epoch>,
    /// The last transaction in the learner's history.
    pub last_zxid: Zxid,
}

/// What a client asks and only the leader can answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Request {
    /// Change the state: becomes a transaction. The payload is the request as the client sent it.
    Write(Payload),
    /// `sync`: answer when this server has everything that was committed before. The payload names the client's
    /// request on ZooKeeper's wire and is not looked into.
    Sync(Payload),
}

/// Where a server stands, as notifications report it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ServerState {
    /// In an election.
    Looking,
    /// A voter that follows a leader.
    Following,
    /// Leading, or trying to.
    Leading,
    /// An observer that follows a leader.
    Observing,
}

/// A vote: this server shall lead, because its history is this recent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Vote {
    /// The candidate.
    pub leader: ServerId,
    /// The last transaction of the candidate's history.
    pub zxid: Zxid,
    /// The candidate's current epoch; once an epoch is established, that epoch.
    pub peer_epoch: Epoch,
}

/// An election message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Notification {
    /// Where the sender stands.
    pub state: ServerState,
    /// The sender's round.
    pub round: Round,
    /// Its vote; `None` for a server that has none to give (an observer that has heard of nobody yet;
    /// `Long.MIN_VALUE` on the wire).
    pub vote: Option<Vote>,
}

impl Message {
    /// The packet's name on ZooKeeper's wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Message::Notification(_) => "NOTIFICATION",
            Message::FollowerInfo(_) => "FOLLOWERINFO",
            Message::ObserverInfo(_) => "OBSERVERINFO",
            Message::LeaderInfo(_) => "LEADERINFO",
            Message::AckEpoch(_) => "ACKEPOCH",
            Message::Diff(_) => "DIFF",
            Message::Trunc(_) => "TRUNC",
            Message::Snap(_) => "SNAP",
            Message::NewLeader(_) => "NEWLEADER",
            Message::UpToDate => "UPTODATE",
            Message::Proposal(_) => "PROPOSAL",
            Message::Ack(_) => "ACK",
            Message::Commit(_) => "COMMIT",
            Message::Inform(_) => "INFORM",
            Message::Request(_) => "REQUEST",
            Message::Sync => "SYNC",
            Message::Ping(_) => "PING",
            Message::Revalidate(_) => "REVALIDATE",
        }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self {
            Message::Notification(notification) => write!(f, "{name} {notification}"),
            Message::FollowerInfo(epoch)
            | Message::ObserverInfo(epoch)
            | Message::LeaderInfo(epoch)
            | Message::NewLeader(epoch) => write!(f, "{name} {epoch}"),
            Message::AckEpoch(AckEpoch { current_epoch: Some(epoch), last_zxid }) => {
                write!(f, "{name} {epoch} {last_zxid}")
            }
            Message::AckEpoch(AckEpoch { current_epoch: None, last_zxid }) => write!(f, "{name} again {last_zxid}"),
            Message::Diff(zxid)
            | Message::Trunc(zxid)
            | Message::Snap(zxid)
            | Message::Ack(zxid)
            | Message::Commit(zxid) => write!(f, "{name} {zxid}"),
            Message::Proposal(txn) | Message::Inform(txn) => write!(f, "{name} {txn}"),
            Message::Request(Request::Write(_)) => write!(f, "{name} write"),
            Message::Request(Request::Sync(_)) => write!(f, "{name} sync"),
            Message::Ping(number) => write!(f, "{name} {number}"),
            Message::UpToDate | Message::Sync | Message::Revalidate(_) => write!(f, "{name}"),
        }
    }
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            ServerState::Looking => "LOOKING",
            ServerState::Following => "FOLLOWING",
            ServerState::Leading => "LEADING",
            ServerState::Observing => "OBSERVING",
        };
        match self.vote {
            Some(vote) => {
                write!(f, "{state} round {} votes {} {} {}", self.round.0, vote.leader, vote.peer_epoch, vote.zxid)
            }
            None => write!(f, "{state} round {} without a vote", self.round.0),
        }
    }
}

//! What is known to differ between Apache's server and the specification, and why.

use std::collections::{BTreeSet, VecDeque};
use zab::{Epoch, Message, Notification, ServerState, Zxid};
use zabkeeper::wire::quorum::Packet;

/// A known difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// `Follower.processPacket`, `LearnerHandler.ping`: it pings by its own clock.
    Pings,
    /// `Learner.syncWithLeader` (3.8.0): each transaction of the initial history is acknowledged.
    AcknowledgesHistory,
    /// `LearnerHandler.syncFollower`: what is not in the window of 500 transactions, and whose files are longer than
    /// a part of the snapshot, is sent as a tree; and so is what one step of another epoch parts from the window.
    SendsTrees,
    /// `Learner.syncWithLeader`: what it is brought up to date with is in memory only, until NEWLEADER.
    LogsLater,
    /// `FileTxnLog.truncate`: where the log does not hold the transaction after which it is to be cut, the next stays.
    CutsTooLittle,
    /// `QuorumPeer.loadDataBase`: it does not start where a transaction is of a later epoch than `currentEpoch`, which
    /// a crash between the two leaves.
    RefusesEpoch,
    /// `FastLeaderElection.lookForLeader`, the loop of `finalizeWait`: while it waits for a better vote, one that is no
    /// better is thrown away, even if it is of a later round.
    DropsWhileSettling,
    /// `Leader.waitForEpochAck`, `LearnerHandler.run`: a learner that is promised to a later epoch is let go, and stays
    /// away for ever (ZOOKEEPER-4040).
    LeavesBehind,
    /// `Leader.lead`: the tree of a new leader is called by the start of its epoch.
    NamesEpoch,
    /// `Learner.syncWithLeader`, exit code 13: as is specified for a history that cannot be cut.
    Leaves,
}

impl Note {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Note::Pings => "pings by its own clock",
            Note::AcknowledgesHistory => "acknowledges each transaction that it was brought up to date with",
            Note::LogsLater => "has not logged yet what it was brought up to date with",
            Note::CutsTooLittle => "keeps a transaction too many where the log begins behind the cut",
            Note::RefusesEpoch => "does not start when its epoch file is behind its log",
            Note::DropsWhileSettling => "does not hear of a later round while it waits for a better vote",
            Note::LeavesBehind => "lets a learner go that is promised to a later epoch",
            Note::NamesEpoch => "calls its tree by the start of its epoch",
            Note::Leaves => "leaves, as is specified",
            Note::SendsTrees => "sends a tree instead of what is missing",
        }
    }
}

/// Leaves out what comes before `expected` and means nothing. `history` was called committed.
pub fn skip(packets: &mut VecDeque<Packet>, expected: &Message, history: &BTreeSet<Zxid>, notes: &mut BTreeSet<Note>) {
    while let Some(packet) = packets.front() {
        let note = match (&packet.message, expected) {
            (Message::Ping(_), _) => Note::Pings,
            (Message::Ack(zxid), Message::Ack(wanted)) if zxid != wanted && history.contains(zxid) => {
                Note::AcknowledgesHistory
            }
            _ => return,
        };
        notes.insert(note);
        packets.pop_front();
    }
}

/// Leaves out what means nothing at the end.
pub fn skip_all(packets: &mut VecDeque<Packet>, notes: &mut BTreeSet<Note>) {
    while let Some(Message::Ping(_)) = packets.front().map(|packet| &packet.message) {
        notes.insert(Note::Pings);
        packets.pop_front();
    }
}

/// The known difference that these two messages are, behind which a story cannot go on.
#[must_use]
pub fn ends_with(expected: &Message, own: &Message) -> Option<Note> {
    match (expected, own) {
        (Message::Diff(_) | Message::Trunc(_), Message::Snap(_)) => Some(Note::SendsTrees),
        _ => None,
    }
}

/// Whether both are the tree of a leader whose epoch has no transaction yet.
pub fn is_same_tree(expected: &Message, own: &Message, notes: &mut BTreeSet<Note>) -> bool {
    match (expected, own) {
        (Message::Snap(last), Message::Snap(start)) if start.counter() == 0 && last.epoch() < start.epoch() => {
            notes.insert(Note::NamesEpoch);
            true
        }
        _ => false,
    }
}

/// The known difference between a vote and that of a server which has logged less.
#[must_use]
pub fn ends_with_vote(specified: &Notification, own: Option<&Notification>) -> Option<Note> {
    let (own, own_vote, vote) = (own?, own?.vote?, specified.vote?);
    let but_zxid = (own.state, own.round, own_vote.leader, own_vote.peer_epoch)
        == (specified.state, specified.round, vote.leader, vote.peer_epoch);
    (but_zxid && own_vote.zxid < vote.zxid).then_some(Note::LogsLater)
}

/// The known difference between two disks (accepted and current epoch, last transaction), where a log was cut
/// (`truncated`), or while it is brought up to date (`learns`).
#[must_use]
pub fn ends_with_disk(
    wanted: (Epoch, Epoch, Zxid),
    own: (Epoch, Epoch, Zxid),
    truncated: bool,
    learns: bool,
) -> Option<Note> {
    if (wanted.0, wanted.1) != (own.0, own.1) {
        return None;
    }
    let (more, less) = (truncated && own.2.follows(wanted.2), learns && own.2 < wanted.2);
    more.then_some(Note::CutsTooLittle).or(less.then_some(Note::LogsLater))
}

/// Whether a notification says what another should. An observer that asks is answered by a voter that is electing with
/// the vote that this began with (`FastLeaderElection.WorkerReceiver`: `self.getCurrentVote`); it cannot decide by
/// either.
#[must_use]
pub fn is_said(specified: &Notification, own: &Notification, to_observer: bool) -> bool {
    let electing = [specified.state, own.state] == [ServerState::Looking; 2];
    specified == own || to_observer && electing && own.round <= specified.round
}

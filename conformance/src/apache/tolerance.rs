//! What is known to differ between Apache's server and the specification, and why.

use std::collections::{BTreeSet, VecDeque};
use zab::{Epoch, Message, Notification, ServerId, ServerState, Txn, Vote, Zxid};
use zabkeeper::wire::quorum::Packet;

/// A known difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// `Follower.processPacket`, `LearnerHandler.ping`: it pings by its own clock.
    Pings,
    /// `Learner.syncWithLeader` (before 3.9.3): each transaction of the initial history is acknowledged.
    AcknowledgesHistory,
    /// `LearnerHandler.syncFollower`: what is not in its logs from the learner's last transaction on is sent as a tree,
    /// and so is what is to be cut at a transaction of another epoch (`queueCommittedProposals`).
    SendsTrees,
    /// `Learner.syncWithLeader`: what it is brought up to date with is in memory only, until NEWLEADER or UPTODATE.
    LogsLater,
    /// `Learner.syncWithLeader`, `writeToTxnLog`: behind TRUNC and SNAP it applies what is committed before it has
    /// logged it; when the connection is lost then, it never logs it (ZOOKEEPER-5094).
    NeverLogs,
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
    /// `Leader.waitForEpochAck`, `LearnerHandler.run`: a learner with a longer history is let go; the leader waits for
    /// others until `initLimit`.
    WaitsForOthers,
    /// `Leader.startZkServer`: the tree of a new leader is called by the start of its epoch, and so is it in votes.
    NamesEpoch,
    /// `Learner.syncWithLeader`, exit code 13: as is specified for a history that cannot be cut.
    Leaves,
    /// `LearnerHandler.run`, `Leader.startForwarding`: what is open, proposed, or committed when a learner comes is
    /// queued before NEWLEADER.
    OpenFirst,
    /// `LearnerHandler.run`: UPTODATE is queued by a thread of its own, and others overtake it.
    Overtakes,
    /// Nothing of Java's: its disk was done before the story's, and was put back when it was killed.
    PutBack,
}

impl Note {
    /// All that are differences.
    pub const ALL: [Note; 13] = [
        Note::Pings,
        Note::AcknowledgesHistory,
        Note::SendsTrees,
        Note::LogsLater,
        Note::NeverLogs,
        Note::CutsTooLittle,
        Note::RefusesEpoch,
        Note::DropsWhileSettling,
        Note::LeavesBehind,
        Note::WaitsForOthers,
        Note::NamesEpoch,
        Note::OpenFirst,
        Note::Overtakes,
    ];

    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Note::Pings => "pings by its own clock",
            Note::AcknowledgesHistory => "acknowledges each transaction that it was brought up to date with",
            Note::LogsLater => "has not logged yet what it was brought up to date with",
            Note::NeverLogs => "never logs what it has applied before NEWLEADER (ZOOKEEPER-5094)",
            Note::CutsTooLittle => "keeps a transaction too many where the log begins behind the cut",
            Note::RefusesEpoch => "does not start when its epoch file is behind its log",
            Note::DropsWhileSettling => "does not hear of a later round while it waits for a better vote",
            Note::LeavesBehind => "lets a learner go that is promised to a later epoch",
            Note::WaitsForOthers => "waits for others when a learner has a longer history",
            Note::NamesEpoch => "calls its tree by the start of its epoch",
            Note::Leaves => "leaves, as is specified",
            Note::SendsTrees => "sends a tree instead of what is missing",
            Note::OpenFirst => "sends what is open before NEWLEADER",
            Note::Overtakes => "lets others overtake UPTODATE",
            Note::PutBack => "had its disk put back to what was durable when it was killed",
        }
    }
}

/// How Apache's server is brought up to date, or was: what it has not logged (`Learner.syncWithLeader`).
#[derive(Clone, Debug, Default)]
pub struct Synchronization {
    /// Its log was cut once.
    truncated: bool,
    /// It applies what is committed before it has logged it: behind TRUNC and SNAP, until NEWLEADER.
    applies: bool,
    /// It has heard of these, and logs them later.
    unlogged: BTreeSet<Zxid>,
    /// Of these it had heard, but the connection was lost.
    lost: BTreeSet<Zxid>,
    /// These it has applied, and will not log.
    never: BTreeSet<Zxid>,
    /// It is told UPTODATE next, or less.
    learns: bool,
}

impl Synchronization {
    /// It is told this.
    pub fn hears(&mut self, message: &Message) {
        match message {
            Message::Diff(_) | Message::Trunc(_) | Message::Snap(_) => {
                let (cuts, replaces) = (matches!(message, Message::Trunc(_)), matches!(message, Message::Snap(_)));
                (self.learns, self.applies) = (true, cuts || replaces);
                self.truncated |= cuts;
                self.lost.clear();
                self.unlogged.clear();
                if let Message::Snap(zxid) = message {
                    self.unlogged.insert(*zxid);
                }
            }
            Message::Proposal(txn) | Message::Inform(txn) if self.learns => drop(self.unlogged.insert(txn.zxid)),
            Message::NewLeader(_) if self.applies => {
                // A snapshot is taken of all that is applied.
                (self.applies, self.never) = (false, BTreeSet::new());
                self.unlogged.clear();
            }
            Message::NewLeader(_) => self.unlogged.clear(),
            Message::UpToDate => {
                self.learns = false;
                self.unlogged.clear();
            }
            _ => {}
        }
    }

    /// Whether it is not serving yet.
    #[must_use]
    pub fn learns(&self) -> bool {
        self.learns
    }

    /// The connection with its leader is lost.
    pub fn ends(&mut self) {
        let unlogged = std::mem::take(&mut self.unlogged);
        if self.applies {
            self.never.extend(&unlogged);
        }
        (self.lost, self.learns, self.applies) = (unlogged, false, false);
    }

    /// It is killed: what it has not logged it has never heard of.
    pub fn dies(&mut self) {
        *self = Synchronization::default();
    }

    /// The known difference between a vote and that of a server which has logged less.
    #[must_use]
    pub fn explains_vote(&self, specified: &Notification, own: Option<&Notification>) -> Option<Note> {
        let (own, own_vote, vote) = (own?, own?.vote?, specified.vote?);
        let but_zxid = (own.state, own.round, own_vote.leader, own_vote.peer_epoch)
            == (specified.state, specified.round, vote.leader, vote.peer_epoch);
        (but_zxid && is_without(&self.lost, vote.zxid, own_vote.zxid)).then_some(Note::LogsLater)
    }

    /// The known difference between two disks (accepted and current epoch, last transaction).
    #[must_use]
    pub fn explains_disk(&self, wanted: (Epoch, Epoch, Zxid), own: (Epoch, Epoch, Zxid)) -> Option<Note> {
        if (wanted.0, wanted.1) != (own.0, own.1) {
            return None;
        }
        if is_without(&self.never, wanted.2, own.2) && !self.applies {
            return Some(Note::NeverLogs);
        }
        let later = is_without(&self.unlogged, wanted.2, own.2) || is_without(&self.lost, wanted.2, own.2);
        let more = self.truncated && own.2.follows(wanted.2);
        later.then_some(Note::LogsLater).or(more.then_some(Note::CutsTooLittle))
    }
}

/// Whether one who lacks these, the last of which is `wanted`, would have `own` as the last.
fn is_without(lacking: &BTreeSet<Zxid>, wanted: Zxid, own: Zxid) -> bool {
    lacking.contains(&wanted) && lacking.first().is_some_and(|first| own < *first)
}

/// Leaves out what comes before `expected`, or in the end, and means nothing. `history` is what Apache's server was
/// brought up to date with, and may acknowledge once.
fn skip(
    packets: &mut VecDeque<Packet>,
    expected: Option<&Message>,
    history: &mut BTreeSet<Zxid>,
    notes: &mut BTreeSet<Note>,
) {
    while let Some(packet) = packets.front() {
        let note = match &packet.message {
            Message::Ping(_) => Note::Pings,
            Message::Ack(zxid) if Some(&packet.message) != expected && history.remove(zxid) => {
                Note::AcknowledgesHistory
            }
            _ => return,
        };
        notes.insert(note);
        packets.pop_front();
    }
}

/// What is left in the end, and means something.
pub fn rest<'a>(
    packets: &'a mut VecDeque<Packet>,
    history: &mut BTreeSet<Zxid>,
    notes: &mut BTreeSet<Note>,
) -> Option<&'a Packet> {
    skip(packets, None, history, notes);
    packets.front()
}

/// The next packet, if it is here. UPTODATE and NEWLEADER may have been overtaken by proposals and commits, which are
/// compared behind it.
pub fn next(
    packets: &mut VecDeque<Packet>,
    expected: &Message,
    history: &mut BTreeSet<Zxid>,
    notes: &mut BTreeSet<Note>,
) -> Option<Packet> {
    skip(packets, Some(expected), history, notes);
    let goes_on = |packet: &&Packet| {
        matches!(packet.message, Message::Proposal(_) | Message::Commit(_) | Message::Inform(_) | Message::Ping(_))
    };
    let (ahead, note) = match expected {
        Message::NewLeader(_) => (packets.iter().take_while(goes_on).count(), Note::OpenFirst),
        Message::UpToDate => (packets.iter().take_while(goes_on).count(), Note::Overtakes),
        _ => (0, Note::Pings),
    };
    if ahead == 0 {
        return packets.pop_front();
    }
    let packet = packets.remove(ahead)?;
    notes.insert(note);
    Some(packet)
}

/// Whether a tree comes where something shorter was specified, for a reason that is known: it is for a learner whose
/// history ends at `last`, and this is the leader's log.
pub fn is_tree_instead(expected: &Message, own: &Message, last: Zxid, log: &[Txn]) -> bool {
    if !matches!((expected, own), (Message::Diff(_) | Message::Trunc(_), Message::Snap(_))) {
        return false;
    }
    let next = log.iter().find(|txn| txn.zxid > last).map(|txn| txn.zxid.epoch());
    if matches!(expected, Message::Trunc(to) if *to >= last) {
        return false;
    }
    let cuts_across = matches!(expected, Message::Trunc(_)) && next.is_some_and(|next| next != last.epoch());
    cuts_across || log.first().is_none_or(|first| last < first.zxid)
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

/// Whether two disks (accepted and current epoch, last transaction) differ only in that a snapshot of Apache's is
/// called by the start of an epoch.
#[must_use]
pub fn is_same_disk(wanted: (Epoch, Epoch, Zxid), own: (Epoch, Epoch, Zxid)) -> bool {
    let begins = own.2.counter() == 0 && own.2.epoch() <= own.1;
    (wanted.0, wanted.1) == (own.0, own.1) && begins && wanted.2 < own.2
}

/// Whether a notification says what another should, or only calls the end of the own history by the start of its epoch.
/// An observer that asks is answered by a voter that is electing with the vote that this began with
/// (`FastLeaderElection.WorkerReceiver`: `self.getCurrentVote`); it cannot decide by either.
#[must_use]
pub fn is_said(specified: &Notification, own: &Notification, to_observer: bool) -> bool {
    let electing = [specified.state, own.state] == [ServerState::Looking; 2];
    specified == own || to_observer && electing && own.round <= specified.round || is_named_by_epoch(specified, own)
}

/// A vote for Apache's server `java`, as a server says it that has heard Apache's vote for itself: called by the start
/// of its epoch, if that is how it calls the end of its history. Votes of which only one is called so do not count
/// together (`Vote.equals`).
#[must_use]
pub fn as_named(said: &Notification, java: ServerId, heard: &VecDeque<Notification>) -> Option<Notification> {
    let vote = said.vote.filter(|vote| vote.leader == java)?;
    let own = heard.iter().rev().filter_map(|own| own.vote).find(|own| own.leader == java)?;
    let named = Notification { vote: Some(Vote { zxid: own.zxid, ..vote }), ..*said };
    is_named_by_epoch(said, &named).then_some(named)
}

fn is_named_by_epoch(specified: &Notification, own: &Notification) -> bool {
    let (Some(vote), Some(own_vote)) = (specified.vote, own.vote) else { return false };
    let renamed = Notification { vote: Some(Vote { zxid: own_vote.zxid, ..vote }), ..*specified };
    let begins = own_vote.zxid.counter() == 0 && own_vote.zxid.epoch() <= own_vote.peer_epoch;
    renamed == *own && begins && vote.zxid < own_vote.zxid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_listed() {
        let page = include_str!("../../../specs/exceptions.md");
        for note in Note::ALL {
            let name = format!("`{note:?}`");
            let listed = page.lines().any(|line| line.starts_with('|') && line.contains(&name));
            assert!(listed, "{name} does not stand in specs/exceptions.md");
        }
    }

    #[test]
    fn a_tree_is_known_only_where_java_has_no_other_way() {
        let txn = |epoch, counter| Txn { zxid: Zxid::new(Epoch(epoch), counter), payload: zab::Payload::default() };
        let log = [txn(1, 1), txn(1, 3), txn(2, 1)];
        let at = |epoch, counter| Zxid::new(Epoch(epoch), counter);
        let (diff, trunc, snap) = (Message::Diff(at(2, 1)), Message::Trunc(at(1, 1)), Message::Snap(at(3, 0)));
        let known = |expected: &Message, last: Zxid| is_tree_instead(expected, &snap, last, &log);
        assert!(known(&diff, Zxid::ZERO), "the log does not hold what is before it");
        assert!(!known(&diff, at(1, 1)), "the log holds it");
        assert!(!known(&trunc, at(1, 2)), "what is next is of the same epoch");
        assert!(known(&Message::Trunc(at(1, 3)), at(1, 4)), "what is next is of another epoch");
        assert!(!known(&trunc, at(1, 1)), "nothing is to be cut");
        assert!(!is_tree_instead(&snap, &snap, Zxid::ZERO, &log), "a tree was specified");
        assert!(!is_tree_instead(&snap, &diff, Zxid::ZERO, &log), "it is no tree");
    }

    #[test]
    fn a_vote_is_called_as_its_candidate_calls_it() {
        let vote = |leader, zxid| Vote { leader: ServerId(leader), zxid, peer_epoch: Epoch(1) };
        let says = |leader, zxid| {
            let vote = Some(vote(leader, zxid));
            Notification { state: ServerState::Looking, round: zab::Round(2), vote }
        };
        let (none, start) = (Zxid::ZERO, Zxid::new(Epoch(1), 0));
        let heard = VecDeque::from([says(5, start), says(8, none)]);
        assert_eq!(as_named(&says(5, none), ServerId(5), &heard), Some(says(5, start)));
        assert_eq!(as_named(&says(8, none), ServerId(5), &heard), None, "it is a vote for somebody else");
        assert_eq!(as_named(&says(5, start), ServerId(5), &heard), None, "it is called so already");
        assert_eq!(as_named(&says(5, none), ServerId(5), &VecDeque::new()), None, "nobody has called it so");
    }

    #[test]
    fn a_snapshot_may_be_called_by_its_epoch_only() {
        let disk = |epoch, zxid| (Epoch(2), Epoch(epoch), zxid);
        let at = |epoch, counter| Zxid::new(Epoch(epoch), counter);
        assert!(is_same_disk(disk(2, at(1, 3)), disk(2, at(2, 0))));
        assert!(!is_same_disk(disk(2, at(1, 3)), disk(2, at(2, 1))), "there is a transaction too many");
        assert!(!is_same_disk(disk(2, at(1, 3)), disk(2, at(1, 0))), "three are missing");
        assert!(!is_same_disk(disk(2, at(1, 3)), disk(1, at(1, 0))), "the epoch is another");
        assert!(!is_same_disk(disk(1, at(1, 3)), disk(1, at(2, 0))), "nobody leads that epoch");
    }

    #[test]
    fn what_is_not_logged_explains_only_what_it_may() {
        let at = |counter| Zxid::new(Epoch(1), counter);
        let txn = |counter| Message::Proposal(Txn { zxid: at(counter), payload: zab::Payload::default() });
        let mut learner = Synchronization::default();
        learner.hears(&Message::Diff(at(3)));
        learner.hears(&txn(2));
        learner.hears(&txn(3));
        let disk = |counter| (Epoch(1), Epoch(1), at(counter));
        assert_eq!(learner.explains_disk(disk(3), disk(1)), Some(Note::LogsLater));
        assert_eq!(learner.explains_disk(disk(3), disk(2)), None, "it logs all of it at one time");
        assert_eq!(learner.explains_disk((Epoch(2), Epoch(1), at(3)), disk(1)), None, "of epochs it says nothing");
        learner.hears(&Message::NewLeader(Epoch(1)));
        assert_eq!(learner.explains_disk(disk(3), disk(1)), None, "it has logged it");
        // Behind TRUNC it is applied at once, and when the connection is lost, never logged.
        learner.hears(&Message::Trunc(at(3)));
        learner.hears(&txn(4));
        learner.ends();
        learner.hears(&Message::Diff(at(4)));
        assert_eq!(learner.explains_disk(disk(4), disk(3)), Some(Note::NeverLogs));
        learner.dies();
        assert_eq!(learner.explains_disk(disk(4), disk(3)), None, "it has started anew");
    }
}

//! One possible course of one run of a server: a [`Peer`], what its disk has not done, and what it has said.

mod steps;

use super::difference::Difference;
use super::record::Connection;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use zab::peer::{Learner, LearnerPhase};
use zab::{
    Disk, Ensemble, History, Input, Message, Notification, Output, Peer, Role, ServerId, ServerState, Txn, Write, Zxid,
};

/// A message that a server was seen to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its place in the recording.
    pub at: usize,
    /// To whom.
    pub to: ServerId,
    /// Where; `None` on the election port.
    pub connection: Option<Connection>,
    /// What.
    pub message: Message,
}

/// Something that comes to a server, on one of its links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its place in the recording: it did not come before.
    pub at: usize,
    /// From whom.
    pub from: ServerId,
    /// Where; `None` on the election port.
    pub connection: Option<Connection>,
    /// What; `None` for the connection's end.
    pub message: Option<Message>,
}

/// What happened around a server between its start and its end.
#[derive(Clone, Debug)]
pub struct Script {
    /// Whose.
    pub id: ServerId,
    /// What it was seen to send, in the order in which it was seen.
    pub sent: Vec<Sent>,
    /// What came, a link each: from a server on the election port, on connections to it, and on those from it. Each is
    /// first in, first out.
    pub links: Vec<Vec<Receipt>>,
}

/// A step that nobody outside sees.
#[derive(Clone, Debug)]
pub enum Hidden {
    /// The next of a link arrives.
    Receive(usize),
    /// The next of a link is lost: a notification that Java clears away, or what a server that does not lead hears.
    Lose(usize),
    /// The disk does so many of the things that wait for it.
    Flush(usize),
    /// Something else comes in.
    Step(Input),
    /// The connection on which the server will speak next is open.
    Open(Connection),
    /// A leader gives up on its own.
    GiveUp,
    /// A learner's first acknowledgement is taken for NEWLEADER's, as Java does.
    MistakeAck(ServerId),
    /// A sync is answered as Java does.
    ConfirmSync,
    /// The next of a link is a sync, which waits while what comes behind it does not.
    DeferSync(usize),
    /// The first sync that waits is asked for now.
    TakeSync,
    /// The notification that was seen is an older one, sent again.
    Repeat,
    /// A learner's connection is lost, and with it what it was brought up to date with, up to its last transaction
    /// before or to a later one.
    Forget(Zxid),
}

#[derive(Clone, Debug, Hash)]
enum Waiting {
    Write(Write),
    Send(ServerId, Message),
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Course {
    peer: Peer,
    durable: Disk,
    waiting: VecDeque<Waiting>,
    /// How far each link was read.
    read: Vec<usize>,
    /// Said on the connection with this server, and not seen yet.
    said: BTreeMap<ServerId, (Connection, VecDeque<Message>)>,
    /// Notifications for this server from the one on that was seen last.
    voted: BTreeMap<ServerId, VecDeque<Notification>>,
    /// Answers to who looks for a leader, said while this server had one, which what it said later has overtaken.
    late: BTreeMap<ServerId, Notification>,
    /// Votes for this server that the one that was seen last has overtaken.
    overtaken: BTreeMap<ServerId, Vec<Notification>>,
    /// Syncs that have come and wait to be asked for.
    deferred: VecDeque<(ServerId, Message)>,
    /// Proposed between DIFF and NEWLEADER, and not acknowledged.
    initial: BTreeSet<Zxid>,
    /// Of these, what was open at NEWLEADER and is acknowledged before UPTODATE.
    early: BTreeSet<Zxid>,
    /// The last transaction when it was brought up to date.
    before: Zxid,
    /// The next notification is an older one, sent again, though it stands with a leader by now.
    repeats: bool,
    /// How often each difference was needed.
    pub differences: BTreeMap<Difference, usize>,
}

impl Course {
    /// A server that starts on this disk.
    #[must_use]
    pub fn begin(script: &Script, ensemble: Arc<Ensemble>, disk: &Disk) -> Course {
        let mut out = Vec::new();
        let peer = Peer::recover(script.id, ensemble, disk, &mut out);
        let (waiting, said, voted, late, overtaken, deferred, initial, early, differences) = Default::default();
        let read = vec![0; script.links.len()];
        let (durable, before) = (disk.clone(), disk.history.last());
        let repeats = false;
        let mut course = Course {
            peer,
            durable,
            waiting,
            read,
            said,
            voted,
            late,
            overtaken,
            deferred,
            initial,
            early,
            before,
            repeats,
            differences,
        };
        course.take(out);
        course
    }

    /// The server.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// A number that differs for courses that go on differently.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.peer, &self.waiting, &self.read, &self.initial, &self.early, self.repeats).hash(&mut hasher);
        for (id, (connection, messages)) in &self.said {
            (id, connection, messages).hash(&mut hasher);
        }
        (&self.voted, &self.late, &self.overtaken, &self.deferred).hash(&mut hasher);
        hasher.finish()
    }

    /// What the disk may hold if the server is killed now: everything first, then less and less.
    #[must_use]
    pub fn disks(&self) -> Vec<Disk> {
        let mut disks = vec![self.durable.clone()];
        for waiting in &self.waiting {
            if let Waiting::Write(write) = waiting {
                let mut disk = disks[disks.len() - 1].clone();
                disk.apply(write);
                disks.push(disk);
            }
        }
        disks.reverse();
        disks
    }

    // ---- What comes out -------------------------------------------------------------------------------------------

    fn step(&mut self, input: Input) {
        let mut out = Vec::new();
        self.peer.step(input, &mut out);
        self.take(out);
    }

    fn take(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Write(write) => self.waiting.push_back(Waiting::Write(write)),
                Output::Send(to, message) => self.say(to, message),
                Output::SendWhenDurable(_, Message::Ack(zxid)) if self.early.remove(&zxid) => {}
                Output::SendWhenDurable(to, message) => self.waiting.push_back(Waiting::Send(to, message)),
                Output::Disconnect(id) => self.forget(id),
                // The log behind a snapshot is not known here: the leader sends its own.
                Output::Recall(to, _) => self.step(Input::Recalled(to, History::default())),
                _ => {}
            }
        }
    }

    fn say(&mut self, to: ServerId, message: Message) {
        match message {
            Message::Notification(notification) => self.voted.entry(to).or_default().push_back(notification),
            Message::Ping(_) if self.leads() => {}
            message => {
                if let Some((_, said)) = self.said.get_mut(&to) {
                    said.push_back(message);
                }
            }
        }
    }

    fn forget(&mut self, id: ServerId) {
        self.said.remove(&id);
        self.deferred.retain(|(from, _)| *from != id);
        self.waiting.retain(|waiting| !matches!(waiting, Waiting::Send(to, _) if *to == id));
    }

    fn leads(&self) -> bool {
        matches!(self.peer.role, Role::Leading(_))
    }

    fn learner(&self, id: ServerId) -> Option<&Learner> {
        match &self.peer.role {
            Role::Leading(leading) => leading.learners.iter().find(|learner| learner.id == id),
            _ => None,
        }
    }

    // ---- What was seen --------------------------------------------------------------------------------------------

    /// Whether the server has said this, and nothing else before it that was not seen.
    pub fn meets(&mut self, sent: &Sent) -> bool {
        let Some(connection) = sent.connection else {
            return self.meets_notification(sent);
        };
        // Whoever pings on a connection to its own port leads.
        if let (Message::Ping(_), true) = (&sent.message, connection.leader == self.peer.id) {
            return self.excuse(Difference::Ping);
        }
        let Some((open, said)) = self.said.get_mut(&sent.to).filter(|(open, _)| *open == connection) else {
            return false;
        };
        if said.front() == Some(&sent.message) {
            said.pop_front();
            return true;
        }
        let learns = open.learner == self.peer.id;
        match (&sent.message, said.front()) {
            (Message::Ack(zxid), _) if learns && self.initial.remove(zxid) => {
                if self.acknowledges_later(*zxid) {
                    self.early.insert(*zxid);
                }
                self.excuse(Difference::AckOfHistory)
            }
            (Message::Proposal(seen), Some(Message::Proposal(txn))) if is_without_digest(seen, txn) => {
                said.pop_front();
                self.excuse(Difference::WithoutDigest)
            }
            (Message::Diff(seen), Some(Message::Diff(specified))) if seen < specified => {
                said.pop_front();
                self.excuse(Difference::DiffOfApplied)
            }
            (Message::Snap(zxid), Some(Message::Diff(_) | Message::Trunc(_) | Message::Snap(_))) => {
                let zxid = *zxid;
                said.pop_front();
                while said.front().is_some_and(|message| is_in_snapshot(message, zxid)) {
                    said.pop_front();
                }
                self.excuse(Difference::SnapForDiff)
            }
            _ => match overtaken(said, &sent.message) {
                Some((place, difference)) => {
                    said.remove(place);
                    self.excuse(difference)
                }
                None => false,
            },
        }
    }

    /// Whether the specification acknowledges this itself, after UPTODATE: it was open at NEWLEADER.
    fn acknowledges_later(&self, zxid: Zxid) -> bool {
        match &self.peer.role {
            Role::Following(following) => {
                following.phase == LearnerPhase::NewLeaderAcknowledged && zxid > following.acknowledged
            }
            _ => false,
        }
    }

    fn meets_notification(&mut self, sent: &Sent) -> bool {
        let Message::Notification(seen) = &sent.message else { return false };
        let looks = |notification: &Notification| notification.state == ServerState::Looking;
        let voted = self.voted.entry(sent.to).or_default();
        let Some(place) = voted.iter().position(|notification| notification == seen) else {
            return self.meets_late(sent.to, seen);
        };
        let stands = !matches!(self.peer.role, Role::Looking(_));
        if looks(seen) && stands && !std::mem::take(&mut self.repeats) {
            return false;
        }
        // It stays the first: it may be sent again.
        let (votes, answers): (Vec<Notification>, Vec<Notification>) = voted.drain(..place).partition(looks);
        if place > 0 {
            self.overtaken.insert(sent.to, votes);
        }
        self.late.extend(answers.into_iter().map(|answer| (sent.to, answer)));
        true
    }

    /// Whether what was seen is older than what was seen before it.
    fn meets_late(&mut self, to: ServerId, seen: &Notification) -> bool {
        if self.late.get(&to) == Some(seen) {
            self.late.remove(&to);
            return self.excuse(Difference::AnswersLate);
        }
        let votes = self.overtaken.entry(to).or_default();
        match votes.iter().position(|vote| vote == seen) {
            Some(place) => {
                votes.remove(place);
                self.excuse(Difference::VotesOvertaken)
            }
            None => false,
        }
    }

    fn excuse(&mut self, difference: Difference) -> bool {
        *self.differences.entry(difference).or_default() += 1;
        true
    }

    /// What was said to this server on this connection and not seen yet, or to all voters: for people.
    #[must_use]
    pub fn expected(&self, sent: &Sent) -> Vec<String> {
        match sent.connection {
            None => self.voted.get(&sent.to).into_iter().flatten().map(ToString::to_string).collect(),
            Some(connection) => {
                let open = self.said.get(&sent.to).filter(|(open, _)| *open == connection);
                open.into_iter().flat_map(|(_, said)| said).map(ToString::to_string).collect()
            }
        }
    }
}

/// Where among what was said this is, and what it takes that it was seen before the first: NEWLEADER and UPTODATE are
/// queued by a thread of their own, and what is committed when forwarding begins comes at once with its COMMIT.
fn overtaken(said: &VecDeque<Message>, seen: &Message) -> Option<(usize, Difference)> {
    let place = said.iter().position(|message| message == seen)?;
    let before = |allowed: &dyn Fn(&Message) -> bool| said.iter().take(place).all(allowed);
    let forwarded = |message: &Message| matches!(message, Message::Proposal(_) | Message::Commit(_));
    let begins = |message: &Message| matches!(message, Message::NewLeader(_));
    let waits = said.iter().any(begins);
    match seen {
        Message::UpToDate if before(&forwarded) => Some((place, Difference::UpToDateOvertaken)),
        Message::Proposal(_) if before(&begins) => Some((place, Difference::OpenBeforeNewLeader)),
        Message::Commit(zxid) if waits && before(&|message| begins(message) || is_proposed_after(message, *zxid)) => {
            Some((place, Difference::OpenBeforeNewLeader))
        }
        _ if before(&|message| *message == Message::UpToDate) => Some((place, Difference::UpToDateOvertaken)),
        _ => None,
    }
}

fn is_proposed_after(message: &Message, zxid: Zxid) -> bool {
    matches!(message, Message::Proposal(txn) if txn.zxid > zxid)
}

fn is_without_digest(seen: &Txn, txn: &Txn) -> bool {
    seen.zxid == txn.zxid && !seen.payload.0.is_empty() && txn.payload.0.starts_with(&seen.payload.0)
}

fn is_in_snapshot(message: &Message, snapshot: Zxid) -> bool {
    match message {
        Message::Proposal(txn) => txn.zxid <= snapshot,
        Message::Commit(zxid) => *zxid <= snapshot,
        _ => false,
    }
}

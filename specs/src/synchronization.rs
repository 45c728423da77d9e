#![doc = include_str!("synchronization.md")]

use crate::broadcast;
use crate::contract::{Halt, Output};
use crate::discovery::drop_learner;
use crate::disk::Write;
use crate::history::History;
use crate::message::Message;
use crate::number::{Epoch, ServerId, Zxid};
use crate::peer::{HandlerPhase, LeaderPhase, LearnerPhase, Peer, Role};

/// How a learner's history is brought to the leader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// It is a prefix of the leader's.
    Diff,
    /// It is one after a cut at this zxid.
    Trunc(Zxid),
    /// It ends before the leader's log begins, or is of another kind: take the leader's state instead.
    Snap,
}

/// The plan for a learner whose last transaction is `last`, when the leader sends `history` up to `horizon`.
///
/// Rule CutIsExact: a cut is at a transaction that the learner has. The learner got its last transaction from the
/// leader of that transaction's epoch, after the initial history of that epoch, and the leader here has that initial
/// history as well: so the last transaction of the leader that is not beyond `last` is in both.
#[must_use]
pub fn plan(history: &History, horizon: Zxid, last: Zxid) -> Plan {
    // A zxid with counter 0 is no transaction: Java's servers report it after a snapshot at the start of an epoch.
    let is_transaction = last.counter() != 0;
    if last == horizon {
        Plan::Diff
    } else if last > horizon {
        if is_transaction { Plan::Trunc(horizon) } else { Plan::Snap }
    } else if last < history.snapshot() {
        Plan::Snap
    } else if history.can_end_at(last) || !is_transaction {
        Plan::Diff
    } else {
        Plan::Trunc(history.floor(last))
    }
}

// ---- The leader's half --------------------------------------------------------------------------------------------

/// A quorum has accepted the epoch: this history is its initial history.
pub(crate) fn begin(peer: &mut Peer, out: &mut Vec<Output>) {
    let (id, epoch, last) = (peer.id, peer.memory.accepted_epoch, peer.last_zxid());
    let Some(leading) = peer.leading() else {
        return;
    };
    leading.phase = LeaderPhase::Synchronization;
    let own = leading.learner(id).expect("a leader is its own learner");
    own.phase = HandlerPhase::Synchronizing;
    own.zxid = last;
    let ready = leading.learners.iter().filter(|learner| WAITING.contains(&learner.phase));
    let ready: Vec<ServerId> = ready.map(|learner| learner.id).collect();
    // Rule HistoryThenEpochThenAck, for the leader's own disk as for any other.
    peer.write(Write::CurrentEpoch(epoch), out);
    out.push(Output::SendWhenDurable(id, Message::Ack(epoch.start())));
    for learner in ready {
        synchronize(peer, learner, out);
    }
}

/// Brings a learner to this history: from memory, or when it ends before that begins, from the log on the disk.
pub(crate) fn synchronize(peer: &mut Peer, to: ServerId, out: &mut Vec<Output>) {
    let begins = peer.memory.history.snapshot();
    let last = peer.leading().and_then(|leading| leading.learner(to)).map(|learner| learner.zxid);
    match last.filter(|last| *last < begins) {
        Some(last) => out.push(Output::Recall(to, last)),
        None => send_history(peer, to, None, out),
    }
}

/// The log on the disk was read for a learner that still waits.
///
/// Nothing depends on when (rule WhatIsOldIsCommitted: what was in a snapshot is the beginning of every later history).
pub(crate) fn on_recalled(peer: &mut Peer, to: ServerId, older: &History, out: &mut Vec<Output>) {
    let whole = peer.memory.history.extended(older);
    let Some(leading) = peer.leading().filter(|leading| leading.phase >= LeaderPhase::Synchronization) else {
        return;
    };
    if leading.learner(to).is_some_and(|learner| WAITING.contains(&learner.phase)) {
        send_history(peer, to, whole.as_ref(), out);
    }
}

/// The phases in which a learner has said what it has, and was not sent anything.
const WAITING: [HandlerPhase; 2] = [HandlerPhase::EpochKnown, HandlerPhase::EpochAcknowledged];

/// Sends a learner what it lacks of the history, NEWLEADER, and from now on every proposal (rule NothingBetween:
/// in one step, so that no transaction falls between the two; ZOOKEEPER-962). `whole` is the history with more of its
/// beginning than memory has.
fn send_history(peer: &mut Peer, to: ServerId, whole: Option<&History>, out: &mut Vec<Output>) {
    let (epoch, delivered, votes) = (peer.memory.accepted_epoch, peer.delivered, peer.ensemble.is_voter(to));
    let Role::Leading(leading) = &mut peer.role else {
        return;
    };
    let established = leading.phase == LeaderPhase::Broadcast;
    let history = whole.unwrap_or(&peer.memory.history);
    let horizon = if established { leading.committed } else { history.last() };
    let Some(learner) = leading.learner(to) else {
        return;
    };
    let (first, after) = match plan(history, horizon, learner.zxid) {
        Plan::Diff => (Message::Diff(horizon), learner.zxid),
        Plan::Trunc(zxid) => (Message::Trunc(zxid), zxid),
        Plan::Snap => (Message::Snap(delivered), delivered),
    };
    learner.phase = HandlerPhase::Synchronizing;
    learner.zxid = horizon;
    out.push(Output::Send(to, first));
    for txn in history.after(after).iter().take_while(|txn| txn.zxid <= horizon) {
        out.push(Output::Send(to, Message::Proposal(txn.clone())));
        out.push(Output::Send(to, Message::Commit(txn.zxid)));
    }
    out.push(Output::Send(to, Message::NewLeader(epoch)));
    // Rule OpenComesAfter: their COMMIT comes when they are committed, and no learner has to keep them apart.
    let open = history.after(horizon).iter().filter(|_| votes);
    out.extend(open.map(|txn| Output::Send(to, Message::Proposal(txn.clone()))));
}

/// ACK of NEWLEADER, or of UPTODATE, which says nothing new.
pub(crate) fn on_ack_new_leader(peer: &mut Peer, from: ServerId, zxid: Zxid, out: &mut Vec<Output>) {
    let epoch = peer.memory.accepted_epoch;
    let Some(leading) = peer.leading() else {
        return;
    };
    let established = leading.phase == LeaderPhase::Broadcast;
    let Some(learner) = leading.learner(from).filter(|_| zxid == epoch.start()) else {
        return drop_learner(peer, from, out);
    };
    match learner.phase {
        HandlerPhase::UpToDate => return,
        HandlerPhase::Synchronizing => learner.phase = HandlerPhase::NewLeaderAcknowledged,
        _ => return drop_learner(peer, from, out),
    }
    if established {
        tell_up_to_date(peer, out);
        // What this learner acknowledged before NEWLEADER (Java's 3.8.0 does) counts from now on.
        broadcast::commit(peer, out);
    } else if peer.is_supported() {
        establish(peer, out);
    }
}

/// A quorum has taken over the initial history: it is committed, and the reign begins (rule
/// InitialHistoryIsCommitted).
fn establish(peer: &mut Peer, out: &mut Vec<Output>) {
    let (epoch, last) = (peer.memory.accepted_epoch, peer.last_zxid());
    let Some(leading) = peer.leading() else {
        return;
    };
    leading.phase = LeaderPhase::Broadcast;
    leading.committed = last;
    peer.raise_vote(epoch);
    peer.deliver(last, out);
    out.push(Output::Arm(crate::contract::Timer::Ping));
    tell_up_to_date(peer, out);
}

fn tell_up_to_date(peer: &mut Peer, out: &mut Vec<Output>) {
    let id = peer.id;
    let Some(leading) = peer.leading() else {
        return;
    };
    for learner in &mut leading.learners {
        if learner.phase == HandlerPhase::NewLeaderAcknowledged {
            learner.phase = HandlerPhase::UpToDate;
            if learner.id != id {
                out.push(Output::Send(learner.id, Message::UpToDate));
            }
        }
    }
}

// ---- The learner's half -------------------------------------------------------------------------------------------

/// DIFF: the history stands.
pub(crate) fn on_diff(peer: &mut Peer, from: ServerId, zxid: Zxid, out: &mut Vec<Output>) {
    start(peer, from, zxid, out);
}

/// TRUNC: the end of the history was never committed.
pub(crate) fn on_trunc(peer: &mut Peer, from: ServerId, zxid: Zxid, out: &mut Vec<Output>) {
    if !start(peer, from, zxid, out) {
        return;
    }
    let (history, delivered) = (&peer.memory.history, peer.delivered);
    if history.can_end_at(zxid) && delivered <= zxid {
        peer.write(Write::Truncate(zxid), out);
    } else {
        let halt = Halt::CannotTruncate { to: zxid, snapshot: delivered, last: history.last() };
        out.push(Output::Halt(halt));
        peer.step_down(out);
    }
}

/// SNAP: the leader's state in place of the history.
pub(crate) fn on_snap(peer: &mut Peer, from: ServerId, zxid: Zxid, out: &mut Vec<Output>) {
    if zxid.epoch() > peer.memory.accepted_epoch && peer.following(from).is_some() {
        return peer.step_down(out);
    }
    if start(peer, from, zxid, out) {
        peer.write(Write::Replace(zxid), out);
        peer.delivered = zxid;
        out.push(Output::Install(zxid));
    }
}

/// The first packet of a synchronisation; whether it is the right time for one.
fn start(peer: &mut Peer, from: ServerId, committed: Zxid, out: &mut Vec<Output>) -> bool {
    let Some(following) = peer.following(from) else {
        return false;
    };
    let expected = following.phase == LearnerPhase::EpochAccepted;
    if expected {
        following.phase = LearnerPhase::Synchronization;
        following.committed = committed;
    } else {
        peer.step_down(out);
    }
    expected
}

/// NEWLEADER: the history is the initial history of the epoch.
pub(crate) fn on_new_leader(peer: &mut Peer, from: ServerId, epoch: Epoch, out: &mut Vec<Output>) {
    let (accepted, last) = (peer.memory.accepted_epoch, peer.last_zxid());
    let Some(following) = peer.following(from) else {
        return;
    };
    if following.phase != LearnerPhase::Synchronization || epoch != accepted || following.committed > last {
        return peer.step_down(out);
    }
    following.phase = LearnerPhase::NewLeaderAcknowledged;
    following.acknowledged = following.committed;
    // Rule HistoryThenEpochThenAck. The epoch before the history: after a crash this server would outrank others
    // with a history that lacks what they committed (ZOOKEEPER-4643). The acknowledgement before the history: the
    // leader would count on transactions that a crash can still take (ZOOKEEPER-3911, -4646, -4785).
    peer.write(Write::CurrentEpoch(epoch), out);
    out.push(Output::SendWhenDurable(from, Message::Ack(epoch.start())));
}

/// UPTODATE: the epoch is established, what the leader called committed is.
pub(crate) fn on_up_to_date(peer: &mut Peer, from: ServerId, out: &mut Vec<Output>) {
    let (epoch, votes) = (peer.memory.accepted_epoch, peer.ensemble.is_voter(peer.id));
    let Some(following) = peer.following(from) else {
        return;
    };
    if following.phase != LearnerPhase::NewLeaderAcknowledged {
        return peer.step_down(out);
    }
    following.phase = LearnerPhase::Broadcast;
    let (committed, acknowledged) = (following.committed, following.acknowledged);
    following.acknowledged = Zxid::ZERO;
    following.committed = Zxid::ZERO;
    // Rule AckAfterUpToDate: Java's leader accepts nothing before the acknowledgement of NEWLEADER (ZOOKEEPER-4685),
    // and Java's learners keep the rest until now.
    out.push(Output::SendWhenDurable(from, Message::Ack(epoch.start())));
    if votes {
        let waiting = peer.memory.history.after(acknowledged);
        out.extend(waiting.iter().map(|txn| Output::SendWhenDurable(from, Message::Ack(txn.zxid))));
    }
    peer.raise_vote(epoch);
    peer.deliver(committed, out);
}

#![doc = include_str!("broadcast.md")]

use crate::contract::{Output, Timer};
use crate::discovery::drop_learner;
use crate::disk::Write;
use crate::ensemble::Ensemble;
use crate::history::{Payload, Txn};
use crate::message::{Message, Request};
use crate::number::{ServerId, Zxid};
use crate::peer::{HandlerPhase, LeaderPhase, Leading, LearnerPhase, Peer, PendingSync, Role};

// ---- Transactions: the leader's half ------------------------------------------------------------------------------

impl Peer {
    /// The zxid of the next transaction, if this server leads an established epoch that has room for one.
    #[must_use]
    pub fn next_zxid(&self) -> Option<Zxid> {
        let Role::Leading(Leading { phase: LeaderPhase::Broadcast, .. }) = &self.role else {
            return None;
        };
        let (epoch, last) = (self.memory.accepted_epoch, self.last_zxid());
        let counter = if last.epoch() == epoch { last.counter() } else { 0 };
        (counter < self.ensemble.last_counter()).then(|| Zxid::new(epoch, counter + 1))
    }

    /// A learner is gone; without a quorum of them there is no reign.
    pub(crate) fn learner_left(&mut self, id: ServerId, out: &mut Vec<Output>) {
        let Some(leading) = self.leading() else {
            return;
        };
        leading.learners.retain(|learner| learner.id != id);
        leading.syncs.retain(|sync| sync.from != id);
        let broadcasts = leading.phase == LeaderPhase::Broadcast;
        if broadcasts && !self.is_supported() {
            self.step_down(out);
        } else {
            answer_syncs(self, out);
        }
    }
}

/// A transaction to order: PROPOSAL to every follower, and the leader's own log.
pub(crate) fn propose(peer: &mut Peer, payload: Payload, out: &mut Vec<Output>) {
    let Some(zxid) = peer.next_zxid() else { return };
    let txn = Txn { zxid, payload };
    let Role::Leading(leading) = &peer.role else {
        return;
    };
    for to in leading.at_least(HandlerPhase::Synchronizing).filter(|to| *to != peer.id) {
        if peer.ensemble.is_voter(to) {
            out.push(Output::Send(to, Message::Proposal(txn.clone())));
        }
    }
    // The followers' disks and this one work at the same time; this one counts when it has it (rule LogBeforeAck).
    peer.write(Write::Append(txn), out);
    out.push(Output::SendWhenDurable(peer.id, Message::Ack(zxid)));
}

/// ACK: a voter has logged everything up to `zxid`.
pub(crate) fn on_ack(peer: &mut Peer, from: ServerId, zxid: Zxid, out: &mut Vec<Output>) {
    let (epoch, last) = (peer.memory.accepted_epoch, peer.last_zxid());
    let Some(leading) = peer.leading() else {
        return;
    };
    // Java's learners before 3.9.3 acknowledge after UPTODATE what they were sent as committed before it.
    if zxid <= leading.committed && leading.is_up_to_date(from) {
        return;
    }
    let Some(learner) = leading.learner(from).filter(|learner| learner.phase >= HandlerPhase::Synchronizing) else {
        return drop_learner(peer, from, out);
    };
    // Until 3.8.0 at least they acknowledge each transaction of the initial history, some before NEWLEADER: what they
    // acknowledge is logged, but counts only with NEWLEADER's acknowledgement.
    if zxid <= learner.zxid {
        return;
    }
    if zxid.epoch() != epoch || zxid > last {
        return drop_learner(peer, from, out);
    }
    learner.zxid = zxid;
    commit(peer, out);
}

/// Commits, in order, what a quorum has logged, and answers each sync before what was proposed after it came (rules
/// QuorumLogsBeforeCommit, CommitInOrder, SyncIsNotOvertaken).
pub(crate) fn commit(peer: &mut Peer, out: &mut Vec<Output>) {
    let committed = |peer: &mut Peer| peer.leading().map(|leading| leading.committed);
    loop {
        answer_syncs(peer, out);
        let before = committed(peer);
        commit_until_sync(peer, out);
        if committed(peer) == before {
            return;
        }
    }
}

/// Whether a quorum has logged this transaction.
fn is_logged(ensemble: &Ensemble, leading: &Leading, txn: &Txn) -> bool {
    let counts = |phase| phase >= HandlerPhase::NewLeaderAcknowledged;
    let counted = leading.learners.iter().filter(|learner| counts(learner.phase) && learner.zxid >= txn.zxid);
    ensemble.is_quorum(counted.map(|learner| learner.id))
}

fn commit_until_sync(peer: &mut Peer, out: &mut Vec<Output>) {
    let Role::Leading(leading) = &mut peer.role else {
        return;
    };
    if leading.phase != LeaderPhase::Broadcast {
        return;
    }
    let (before, sync) = (leading.committed, leading.syncs.first().map(|sync| sync.zxid));
    for txn in peer.memory.history.after(before) {
        if sync.is_some_and(|sync| txn.zxid > sync) || !is_logged(&peer.ensemble, leading, txn) {
            break;
        }
        for to in leading.at_least(HandlerPhase::Synchronizing).filter(|to| *to != peer.id) {
            let news =
                if peer.ensemble.is_voter(to) { Message::Commit(txn.zxid) } else { Message::Inform(txn.clone()) };
            out.push(Output::Send(to, news));
        }
        leading.committed = txn.zxid;
    }
    let committed = leading.committed;
    if committed > before {
        peer.deliver(committed, out);
        answer_syncs(peer, out);
        // Rule EpochHasAnEnd: with the last counter of the epoch committed, the next transaction needs a new one.
        if committed == peer.last_zxid() && peer.next_zxid().is_none() {
            peer.step_down(out);
        }
    }
}

// ---- Transactions: the learner's half -----------------------------------------------------------------------------

/// PROPOSAL: log it, and acknowledge it when it is durable.
pub(crate) fn on_proposal(peer: &mut Peer, from: ServerId, txn: Txn, out: &mut Vec<Output>) {
    let Some(phase) = peer.following(from).map(|following| following.phase) else {
        return;
    };
    if is_in_snapshot(peer, phase, &txn) {
        return;
    }
    if phase < LearnerPhase::Synchronization || !is_next(peer, &txn) {
        return peer.step_down(out);
    }
    let zxid = txn.zxid;
    peer.write(Write::Append(txn), out);
    if phase == LearnerPhase::Broadcast {
        out.push(Output::SendWhenDurable(from, Message::Ack(zxid)));
    }
}

/// Whether a transaction may follow the history: it is the next one, and of no epoch that was not accepted.
fn is_next(peer: &Peer, txn: &Txn) -> bool {
    txn.zxid.follows(peer.last_zxid()) && txn.zxid.epoch() <= peer.memory.accepted_epoch
}

/// Java's leader begins to forward before it takes the snapshot that it sends: what follows SNAP may be in it.
fn is_in_snapshot(peer: &Peer, phase: LearnerPhase, txn: &Txn) -> bool {
    let history = &peer.memory.history;
    phase == LearnerPhase::Synchronization && history.log().is_empty() && txn.zxid <= history.snapshot()
}

/// COMMIT: the next undelivered transaction is committed.
pub(crate) fn on_commit(peer: &mut Peer, from: ServerId, zxid: Zxid, out: &mut Vec<Output>) {
    let next = peer.memory.history.after(peer.delivered).first().map(|txn| txn.zxid);
    let last = peer.last_zxid();
    let Some(following) = peer.following(from) else {
        return;
    };
    match following.phase {
        LearnerPhase::Broadcast if next == Some(zxid) => peer.deliver(zxid, out),
        // Believed from UPTODATE on: an epoch that is never established commits nothing (ZOOKEEPER-4394: such a
        // COMMIT may also be for a proposal that was not committed yet when NEWLEADER came).
        LearnerPhase::Synchronization | LearnerPhase::NewLeaderAcknowledged if zxid <= last => {
            following.committed = following.committed.max(zxid);
        }
        _ => peer.step_down(out),
    }
}

/// INFORM: an observer logs and delivers at once.
pub(crate) fn on_inform(peer: &mut Peer, from: ServerId, txn: Txn, out: &mut Vec<Output>) {
    let next = is_next(peer, &txn);
    let Some(phase) = peer.following(from).map(|following| following.phase) else {
        return;
    };
    if is_in_snapshot(peer, phase, &txn) {
        return;
    }
    let Some(following) = peer.following(from) else {
        return;
    };
    if phase < LearnerPhase::Synchronization || !next {
        return peer.step_down(out);
    }
    let zxid = txn.zxid;
    let serving = phase == LearnerPhase::Broadcast;
    if !serving {
        following.committed = following.committed.max(zxid);
    }
    peer.write(Write::Append(txn), out);
    if serving {
        peer.deliver(zxid, out);
    }
}

// ---- Requests -----------------------------------------------------------------------------------------------------

/// A client of this server asks: a learner forwards it, the leader treats it.
pub(crate) fn on_client_request(peer: &mut Peer, request: Request, out: &mut Vec<Output>) {
    match &peer.role {
        Role::Following(following) if following.phase == LearnerPhase::Broadcast => {
            out.push(Output::Send(following.leader, Message::Request(request)));
        }
        Role::Leading(leading) if leading.phase == LeaderPhase::Broadcast => treat(peer, peer.id, request, out),
        _ => {}
    }
}

/// REQUEST: a learner forwards what its client asked.
pub(crate) fn on_learner_request(peer: &mut Peer, from: ServerId, request: Request, out: &mut Vec<Output>) {
    let Some(leading) = peer.leading() else {
        return;
    };
    if leading.is_up_to_date(from) {
        treat(peer, from, request, out);
    } else {
        drop_learner(peer, from, out);
    }
}

fn treat(peer: &mut Peer, from: ServerId, request: Request, out: &mut Vec<Output>) {
    match request {
        Request::Write(_) => out.push(Output::Prepare(from, request)),
        Request::Sync(_) => {
            let zxid = peer.last_zxid();
            let Some(leading) = peer.leading() else {
                return;
            };
            let ping = leading.ping + 1;
            leading.syncs.push(PendingSync { from, ping, zxid });
            self::ping(peer, out);
        }
    }
}

/// Sends every learner a PING with a new number.
pub(crate) fn ping(peer: &mut Peer, out: &mut Vec<Output>) {
    let id = peer.id;
    let Some(leading) = peer.leading().filter(|leading| leading.phase == LeaderPhase::Broadcast) else {
        return;
    };
    leading.ping += 1;
    let number = leading.ping;
    for learner in leading.learners.iter_mut().filter(|learner| learner.phase == HandlerPhase::UpToDate) {
        if learner.id == id {
            learner.ping = number;
        } else {
            out.push(Output::Send(learner.id, Message::Ping(number)));
        }
    }
    out.push(Output::Arm(Timer::Ping));
    answer_syncs(peer, out);
}

/// PING: a learner returns it; to the leader it says that the learner still followed it after it was sent.
pub(crate) fn on_ping(peer: &mut Peer, from: ServerId, number: u64, out: &mut Vec<Output>) {
    match &mut peer.role {
        Role::Following(following) if following.leader == from && following.phase == LearnerPhase::Broadcast => {
            out.push(Output::Send(from, Message::Ping(number)));
        }
        Role::Leading(leading) => {
            if let Some(learner) = leading.learner(from) {
                learner.ping = learner.ping.max(number);
                answer_syncs(peer, out);
            }
        }
        _ => {}
    }
}

/// Answers the syncs that are confirmed (rule SyncIsConfirmed: a quorum has returned a PING sent after the sync
/// came, or logged what was proposed after it, so no other epoch had been established by then; everything known then
/// is committed).
fn answer_syncs(peer: &mut Peer, out: &mut Vec<Output>) {
    let Role::Leading(leading) = &mut peer.role else {
        return;
    };
    while let Some(sync) = leading.syncs.first() {
        let next = peer.memory.history.after(leading.committed).first();
        let later = next.is_some_and(|txn| txn.zxid > sync.zxid && is_logged(&peer.ensemble, leading, txn));
        let confirming = leading.learners.iter().filter(|learner| learner.ping >= sync.ping);
        let confirmed = later || peer.ensemble.is_quorum(confirming.map(|learner| learner.id));
        if leading.committed < sync.zxid || !confirmed {
            return;
        }
        let sync = leading.syncs.remove(0);
        out.push(if sync.from == peer.id { Output::Synced } else { Output::Send(sync.from, Message::Sync) });
    }
}

/// SYNC: everything that was committed before the oldest open sync was asked has been delivered here.
pub(crate) fn on_sync(peer: &mut Peer, from: ServerId, out: &mut Vec<Output>) {
    if peer.following(from).is_some_and(|following| following.phase == LearnerPhase::Broadcast) {
        out.push(Output::Synced);
    }
}

// ---- Sessions that move -------------------------------------------------------------------------------------------

/// A session moved to this server: a learner asks its leader, the leader its own state machine.
pub(crate) fn on_session_moved(peer: &mut Peer, session: Payload, out: &mut Vec<Output>) {
    match &peer.role {
        Role::Following(following) if following.phase == LearnerPhase::Broadcast => {
            out.push(Output::Send(following.leader, Message::Revalidate(session)));
        }
        Role::Leading(leading) if leading.phase == LeaderPhase::Broadcast => {
            out.push(Output::Revalidate(peer.id, session));
        }
        _ => {}
    }
}

/// REVALIDATE: to the leader a question, to a learner the answer.
pub(crate) fn on_revalidate(peer: &mut Peer, from: ServerId, session: Payload, out: &mut Vec<Output>) {
    match &mut peer.role {
        Role::Following(following) if following.leader == from && following.phase == LearnerPhase::Broadcast => {
            out.push(Output::Revalidated(session));
        }
        Role::Leading(leading) if leading.is_up_to_date(from) => out.push(Output::Revalidate(from, session)),
        _ => {}
    }
}

/// The state machine's answer, for the server that asked.
pub(crate) fn on_session_checked(peer: &mut Peer, to: ServerId, answer: Payload, out: &mut Vec<Output>) {
    if to == peer.id {
        out.push(Output::Revalidated(answer));
    } else if peer.leading().is_some_and(|leading| leading.is_up_to_date(to)) {
        out.push(Output::Send(to, Message::Revalidate(answer)));
    }
}

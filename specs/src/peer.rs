#![doc = include_str!("peer.md")]

use crate::broadcast;
use crate::contract::{Input, Output, Timer};
use crate::discovery;
use crate::disk::{Disk, Write};
use crate::election::Looking;
use crate::ensemble::Ensemble;
use crate::message::{Message, ServerState, Vote};
use crate::number::{Epoch, Round, ServerId, Zxid};
use crate::synchronization;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A server of the ensemble: everything that the protocol keeps in its memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Peer {
    /// Who it is.
    pub id: ServerId,
    /// Who takes part.
    pub ensemble: Arc<Ensemble>,
    /// What the disk will hold when the queued writes are durable. Touched only together with emitting the write.
    pub memory: Disk,
    /// The last transaction that the state machine was given.
    pub delivered: Zxid,
    /// The election's round (`logicalclock`).
    pub round: Round,
    /// While looking, the vote that this server proposes; afterwards the vote by which it chose its leader.
    pub vote: Option<Vote>,
    /// What it is doing.
    pub role: Role,
}

/// What a server is doing, with what it knows only while doing it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Electing.
    Looking(Looking),
    /// Learning from a leader, as a follower or as an observer.
    Following(Following),
    /// Leading, or on the way to it.
    Leading(Leading),
}

/// A learner's view of its leader.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Following {
    /// Whom it follows.
    pub leader: ServerId,
    /// How far it has come.
    pub phase: LearnerPhase,
    /// What the leader has said to be committed in this connection. It is believed from UPTODATE on.
    pub committed: Zxid,
    /// Between NEWLEADER and UPTODATE: transactions up to here were acknowledged with NEWLEADER.
    pub acknowledged: Zxid,
}

/// How far a learner has come with its leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LearnerPhase {
    /// The connection is not open yet.
    Connecting,
    /// FOLLOWERINFO is sent; LEADERINFO comes next.
    Discovery,
    /// ACKEPOCH is sent; DIFF, TRUNC or SNAP comes next.
    EpochAccepted,
    /// The initial history is coming; NEWLEADER ends it.
    Synchronization,
    /// NEWLEADER is acknowledged; UPTODATE comes next.
    NewLeaderAcknowledged,
    /// Serving.
    Broadcast,
}

/// A leader's view of its reign.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Leading {
    /// How far the reign has come.
    pub phase: LeaderPhase,
    /// This server and the learners that are connected to it, in the order of their ids.
    pub learners: Vec<Learner>,
    /// In broadcast: the last committed transaction.
    pub committed: Zxid,
    /// The number of the last PING.
    pub ping: u64,
    /// Syncs that are not answered yet, oldest first.
    pub syncs: Vec<PendingSync>,
}

/// How far a reign has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LeaderPhase {
    /// Waiting for a quorum of FOLLOWERINFO, to choose the epoch.
    Discovery,
    /// The epoch is chosen; waiting for a quorum of ACKEPOCH.
    EpochProposed,
    /// The initial history is fixed; waiting for a quorum of acknowledged NEWLEADER.
    Synchronization,
    /// The epoch is established.
    Broadcast,
}

/// A leader's view of one learner; it keeps one of itself as well.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Learner {
    /// Who.
    pub id: ServerId,
    /// How far the conversation has come.
    pub phase: HandlerPhase,
    /// FOLLOWERINFO's accepted epoch, until the epoch is chosen; afterwards zero.
    pub accepted_epoch: Epoch,
    /// From ACKEPOCH until synchronisation: the last transaction in its history. Then: the last transaction that it
    /// is known to have logged (once it has acknowledged NEWLEADER).
    pub zxid: Zxid,
    /// The number of the last PING that it returned.
    pub ping: u64,
}

/// How far the leader's conversation with one learner has come (Java's `LearnerHandler`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HandlerPhase {
    /// FOLLOWERINFO has come.
    Connected,
    /// LEADERINFO is on its way.
    EpochProposed,
    /// ACKEPOCH has come, from a server that had accepted the epoch before: it does not count.
    EpochKnown,
    /// ACKEPOCH has come.
    EpochAcknowledged,
    /// The initial history and NEWLEADER are on their way; proposals follow them.
    Synchronizing,
    /// NEWLEADER is acknowledged.
    NewLeaderAcknowledged,
    /// UPTODATE is on its way.
    UpToDate,
}

/// A sync that waits for its confirmation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PendingSync {
    /// Whose client asked.
    pub from: ServerId,
    /// A quorum must have returned a PING with this number or a later one.
    pub ping: u64,
    /// Everything up to this zxid must be committed.
    pub zxid: Zxid,
}

impl Peer {
    /// What a server does when it starts on what its disk holds: it looks for a leader.
    ///
    /// Only the snapshot is delivered: what the log holds beyond it may or may not be committed.
    ///
    /// # Panics
    /// When `id` is not in the ensemble, or the disk breaks its invariants.
    pub fn recover(id: ServerId, ensemble: Arc<Ensemble>, disk: &Disk, out: &mut Vec<Output>) -> Peer {
        assert!(ensemble.is_voter(id) || ensemble.is_observer(id), "{id} is not in the ensemble");
        assert!(disk.current_epoch <= disk.accepted_epoch, "the current epoch was never accepted");
        assert!(disk.accepted_epoch < Epoch::LAST, "the 32 bits of the epoch are spent");
        disk.history.assert_valid();
        let mut peer = Peer {
            id,
            ensemble,
            memory: disk.clone(),
            delivered: disk.history.snapshot(),
            round: Round::default(),
            vote: None,
            role: Role::Looking(Looking::default()),
        };
        peer.look_for_leader(out);
        peer
    }

    /// Whatever happens to the server happens here. Total and deterministic: never fails, never blocks, reads no
    /// clock. What does not belong is ignored, or answered with [`Output::Disconnect`].
    pub fn step(&mut self, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Receive(from, message) => self.on_message(from, message, out),
            Input::Connected(leader) => discovery::on_connected(self, leader, out),
            Input::Disconnected(id) => self.on_disconnected(id, out),
            Input::Timeout(timer) => self.on_timeout(timer, out),
            Input::Request(request) => broadcast::on_client_request(self, request, out),
            Input::Propose(payload) => broadcast::propose(self, payload, out),
            Input::Revalidate(session) => broadcast::on_session_moved(self, session, out),
            Input::Revalidated(to, answer) => broadcast::on_session_checked(self, to, answer, out),
            Input::Snapshotted(zxid) => self.on_snapshotted(zxid, out),
            Input::Recalled(to, older) => synchronization::on_recalled(self, to, &older, out),
            Input::Elected(leader) => {
                if matches!(self.role, Role::Looking(_)) {
                    self.decide(leader, out);
                }
            }
        }
    }

    fn on_message(&mut self, from: ServerId, message: Message, out: &mut Vec<Output>) {
        match message {
            Message::Notification(notification) => self.on_notification(from, notification, out),
            Message::FollowerInfo(epoch) => discovery::on_learner_info(self, from, epoch, true, out),
            Message::ObserverInfo(epoch) => discovery::on_learner_info(self, from, epoch, false, out),
            Message::LeaderInfo(epoch) => discovery::on_leader_info(self, from, epoch, out),
            Message::AckEpoch(ack) => discovery::on_ack_epoch(self, from, ack, out),
            Message::Diff(zxid) => synchronization::on_diff(self, from, zxid, out),
            Message::Trunc(zxid) => synchronization::on_trunc(self, from, zxid, out),
            Message::Snap(zxid) => synchronization::on_snap(self, from, zxid, out),
            Message::NewLeader(epoch) => synchronization::on_new_leader(self, from, epoch, out),
            Message::UpToDate => synchronization::on_up_to_date(self, from, out),
            Message::Proposal(txn) => broadcast::on_proposal(self, from, txn, out),
            Message::Ack(zxid) if zxid.counter() == 0 => synchronization::on_ack_new_leader(self, from, zxid, out),
            Message::Ack(zxid) => broadcast::on_ack(self, from, zxid, out),
            Message::Commit(zxid) => broadcast::on_commit(self, from, zxid, out),
            Message::Inform(txn) => broadcast::on_inform(self, from, txn, out),
            Message::Request(request) => broadcast::on_learner_request(self, from, request, out),
            Message::Sync => broadcast::on_sync(self, from, out),
            Message::Ping(number) => broadcast::on_ping(self, from, number, out),
            Message::Revalidate(session) => broadcast::on_revalidate(self, from, session, out),
        }
    }

    fn on_disconnected(&mut self, id: ServerId, out: &mut Vec<Output>) {
        match &mut self.role {
            Role::Looking(_) => {}
            Role::Following(following) => {
                if following.leader == id {
                    self.look_for_leader(out);
                }
            }
            Role::Leading(_) => {
                if id != self.id {
                    self.learner_left(id, out);
                }
            }
        }
    }

    fn on_timeout(&mut self, timer: Timer, out: &mut Vec<Output>) {
        match (timer, &self.role) {
            (Timer::Notification, Role::Looking(_)) => self.send_notifications(out),
            (Timer::Settle, Role::Looking(_)) => self.on_settled(out),
            (Timer::Init, Role::Following(following)) if following.phase < LearnerPhase::Broadcast => {
                self.step_down(out);
            }
            (Timer::Init, Role::Leading(leading)) if leading.phase < LeaderPhase::Broadcast => self.step_down(out),
            (Timer::Ping, Role::Leading(_)) => broadcast::ping(self, out),
            _ => {}
        }
    }

    fn on_snapshotted(&mut self, zxid: Zxid, out: &mut Vec<Output>) {
        // Between the taking of a snapshot and its end, a leader's SNAP may have replaced all that it stands for.
        let history = &self.memory.history;
        if history.snapshot() < zxid && zxid <= self.delivered && history.can_end_at(zxid) {
            self.write(Write::Snapshot(zxid), out);
        }
    }

    /// Takes the role that an election gave.
    pub(crate) fn decide(&mut self, leader: ServerId, out: &mut Vec<Output>) {
        if leader == self.id {
            discovery::lead(self, out);
        } else {
            discovery::follow(self, leader, out);
        }
    }

    /// Leaves a leader or a reign, closes its connections, and looks for a leader again.
    pub(crate) fn step_down(&mut self, out: &mut Vec<Output>) {
        match &self.role {
            Role::Looking(_) => {}
            Role::Following(following) => out.push(Output::Disconnect(following.leader)),
            Role::Leading(leading) => {
                out.extend(leading.learners.iter().map(|learner| Output::Disconnect(learner.id)));
            }
        }
        self.look_for_leader(out);
    }

    /// Changes memory and emits the write that will change the disk: nothing else may do either.
    pub(crate) fn write(&mut self, write: Write, out: &mut Vec<Output>) {
        self.memory.apply(&write);
        out.push(Output::Write(write));
    }

    /// Gives the state machine everything up to `zxid` that it does not have.
    pub(crate) fn deliver(&mut self, zxid: Zxid, out: &mut Vec<Output>) {
        let undelivered = self.memory.history.after(self.delivered);
        out.extend(undelivered.iter().take_while(|txn| txn.zxid <= zxid).cloned().map(Output::Deliver));
        self.delivered = self.delivered.max(self.memory.history.floor(zxid));
    }

    /// The state that notifications report.
    #[must_use]
    pub fn state(&self) -> ServerState {
        match &self.role {
            Role::Looking(_) => ServerState::Looking,
            Role::Following(_) if self.ensemble.is_observer(self.id) => ServerState::Observing,
            Role::Following(_) => ServerState::Following,
            Role::Leading(_) => ServerState::Leading,
        }
    }

    /// Whether the server serves clients: it leads an established epoch, or was told UPTODATE.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        match &self.role {
            Role::Looking(_) => false,
            Role::Following(following) => following.phase == LearnerPhase::Broadcast,
            Role::Leading(leading) => leading.phase == LeaderPhase::Broadcast,
        }
    }

    /// The last transaction of the history.
    #[must_use]
    pub fn last_zxid(&self) -> Zxid {
        self.memory.history.last()
    }

    /// Whether a leader still has a quorum of servers that took over its initial history.
    pub(crate) fn is_supported(&self) -> bool {
        let Role::Leading(leading) = &self.role else {
            return false;
        };
        self.ensemble.is_quorum(leading.at_least(HandlerPhase::NewLeaderAcknowledged))
    }

    /// The leader's phase and learners, if this server leads.
    pub(crate) fn leading(&mut self) -> Option<&mut Leading> {
        match &mut self.role {
            Role::Leading(leading) => Some(leading),
            _ => None,
        }
    }

    /// The learner's view, if this server follows `leader`: what comes from elsewhere does not belong.
    pub(crate) fn following(&mut self, leader: ServerId) -> Option<&mut Following> {
        match &mut self.role {
            Role::Following(following) if following.leader == leader => Some(following),
            _ => None,
        }
    }
}

impl Leading {
    /// The learner with this id.
    pub(crate) fn learner(&mut self, id: ServerId) -> Option<&mut Learner> {
        self.learners.iter_mut().find(|learner| learner.id == id)
    }

    /// Whether this learner was told UPTODATE.
    pub(crate) fn is_up_to_date(&self, id: ServerId) -> bool {
        self.at_least(HandlerPhase::UpToDate).any(|learner| learner == id)
    }

    /// The learners that have come as far as `phase`.
    pub(crate) fn at_least(&self, phase: HandlerPhase) -> impl Iterator<Item = ServerId> + '_ {
        self.learners.iter().filter(move |learner| learner.phase >= phase).map(|learner| learner.id)
    }
}

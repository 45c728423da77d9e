#![doc = include_str!("discovery.md")]

use crate::contract::{Output, Timer};
use crate::disk::Write;
use crate::message::{AckEpoch, Message};
use crate::number::{Epoch, ServerId, Zxid};
use crate::peer::{Following, HandlerPhase, LeaderPhase, Leading, Learner, LearnerPhase, Peer, Role};
use crate::synchronization;

// ---- The learner's half -------------------------------------------------------------------------------------------

/// The election named another server.
pub(crate) fn follow(peer: &mut Peer, leader: ServerId, out: &mut Vec<Output>) {
    peer.role = Role::Following(Following {
        leader,
        phase: LearnerPhase::Connecting,
        committed: Zxid::ZERO,
        acknowledged: Zxid::ZERO,
    });
    out.push(Output::Arm(Timer::Init));
    out.push(Output::Connect(leader));
}

/// The connection is open: say who asks, and what it has promised before.
pub(crate) fn on_connected(peer: &mut Peer, leader: ServerId, out: &mut Vec<Output>) {
    let accepted = peer.memory.accepted_epoch;
    let observes = peer.ensemble.is_observer(peer.id);
    let Some(following) = peer.following(leader).filter(|f| f.phase == LearnerPhase::Connecting) else {
        return;
    };
    following.phase = LearnerPhase::Discovery;
    let info = if observes { Message::ObserverInfo(accepted) } else { Message::FollowerInfo(accepted) };
    out.push(Output::Send(leader, info));
}

/// LEADERINFO: accept the epoch, unless a later one was accepted before.
pub(crate) fn on_leader_info(peer: &mut Peer, from: ServerId, epoch: Epoch, out: &mut Vec<Output>) {
    let Some(following) = peer.following(from) else {
        return;
    };
    if following.phase != LearnerPhase::Discovery {
        return peer.step_down(out);
    }
    following.phase = LearnerPhase::EpochAccepted;
    let (accepted, last_zxid) = (peer.memory.accepted_epoch, peer.last_zxid());
    if epoch < accepted || epoch == Epoch::LAST {
        return peer.step_down(out);
    }
    let mut ack = AckEpoch { current_epoch: None, last_zxid };
    if epoch > accepted {
        ack.current_epoch = Some(peer.memory.current_epoch);
        peer.write(Write::AcceptedEpoch(epoch), out);
    }
    // Rule AcceptBeforeAckEpoch: the promise to follow no earlier leader must survive a crash before the leader
    // counts on it. The same wait makes the history that the answer reports durable.
    out.push(Output::SendWhenDurable(from, Message::AckEpoch(ack)));
}

// ---- The leader's half --------------------------------------------------------------------------------------------

/// The election named this server: wait for a quorum to come.
pub(crate) fn lead(peer: &mut Peer, out: &mut Vec<Output>) {
    let own = Learner {
        id: peer.id,
        phase: HandlerPhase::Connected,
        accepted_epoch: peer.memory.accepted_epoch,
        zxid: Zxid::ZERO,
        ping: 0,
    };
    peer.role = Role::Leading(Leading {
        phase: LeaderPhase::Discovery,
        learners: vec![own],
        committed: Zxid::ZERO,
        ping: 0,
        syncs: Vec::new(),
    });
    out.push(Output::Arm(Timer::Init));
    propose_epoch(peer, out);
}

/// FOLLOWERINFO or OBSERVERINFO: a learner has come. `votes` tells which of the two it said.
pub(crate) fn on_learner_info(peer: &mut Peer, from: ServerId, accepted: Epoch, votes: bool, out: &mut Vec<Output>) {
    let known = if votes { peer.ensemble.is_voter(from) } else { peer.ensemble.is_observer(from) };
    let epoch = peer.memory.accepted_epoch;
    let Some(leading) = peer.leading().filter(|_| known) else {
        return;
    };
    // A second introduction on the same connection, or an epoch with none after it: nobody who keeps to the protocol
    // says that.
    if leading.learner(from).is_some() || accepted.0 >= Epoch::LAST.0 - 1 {
        return drop_learner(peer, from, out);
    }
    let proposed = leading.phase > LeaderPhase::Discovery;
    let (phase, kept) =
        if proposed { (HandlerPhase::EpochProposed, Epoch(0)) } else { (HandlerPhase::Connected, accepted) };
    let learner = Learner { id: from, phase, accepted_epoch: kept, zxid: Zxid::ZERO, ping: 0 };
    let place = leading.learners.partition_point(|other| other.id < from);
    leading.learners.insert(place, learner);
    if !proposed {
        propose_epoch(peer, out);
    } else if accepted > epoch {
        // Rule NobodyIsLeftBehind: it has promised itself to a later epoch that was never established. It can
        // follow no epoch up to that one, so this reign ends and the next begins above (ZOOKEEPER-4040).
        peer.step_down(out);
    } else {
        out.push(Output::SendWhenDurable(from, Message::LeaderInfo(epoch)));
    }
}

/// With a quorum of voters here, chooses the epoch: above all that any of them has accepted (rule EpochsGrow).
fn propose_epoch(peer: &mut Peer, out: &mut Vec<Output>) {
    let id = peer.id;
    let Role::Leading(leading) = &mut peer.role else {
        return;
    };
    if !peer.ensemble.is_quorum(leading.learners.iter().map(|learner| learner.id)) {
        return;
    }
    leading.phase = LeaderPhase::EpochProposed;
    let mut epoch = Epoch(0);
    for learner in &mut leading.learners {
        epoch = epoch.max(learner.accepted_epoch.next());
        learner.accepted_epoch = Epoch(0);
        learner.phase = HandlerPhase::EpochProposed;
    }
    let learners: Vec<ServerId> = leading.at_least(HandlerPhase::EpochProposed).filter(|to| *to != id).collect();
    let own = AckEpoch { current_epoch: Some(peer.memory.current_epoch), last_zxid: peer.last_zxid() };
    // Rule AcceptBeforeLeaderInfo: a leader that forgot its own proposal could propose the same epoch again, and
    // so lead it twice (ZOOKEEPER-1291).
    peer.write(Write::AcceptedEpoch(epoch), out);
    out.push(Output::SendWhenDurable(id, Message::AckEpoch(own)));
    out.extend(learners.into_iter().map(|to| Output::SendWhenDurable(to, Message::LeaderInfo(epoch))));
}

/// ACKEPOCH: count it, compare histories, and go on when a quorum has accepted.
pub(crate) fn on_ack_epoch(peer: &mut Peer, from: ServerId, ack: AckEpoch, out: &mut Vec<Output>) {
    let (own, may_lead) = ((peer.memory.current_epoch, peer.last_zxid()), peer.ensemble.may_lead(from));
    let Some(leading) = peer.leading() else {
        return;
    };
    let phase = leading.phase;
    let Some(learner) = leading.learner(from).filter(|learner| learner.phase == HandlerPhase::EpochProposed) else {
        return drop_learner(peer, from, out);
    };
    let counts = ack.current_epoch.is_some();
    learner.phase = if counts { HandlerPhase::EpochAcknowledged } else { HandlerPhase::EpochKnown };
    learner.zxid = ack.last_zxid;
    if phase > LeaderPhase::EpochProposed {
        return synchronization::synchronize(peer, from, out);
    }
    // Rule LeaderIsMostRecent: the initial history must hold whatever a quorum may have committed before. A
    // server with a longer one may have been part of that quorum, so this one must not lead. A server that no quorum
    // needs says nothing about quorums, and as it can never lead itself, stepping down for it would never end.
    if may_lead && ack.current_epoch.is_some_and(|current| (current, ack.last_zxid) > own) {
        return peer.step_down(out);
    }
    let accepted: Vec<ServerId> = leading.at_least(HandlerPhase::EpochAcknowledged).collect();
    if accepted.contains(&peer.id) && peer.ensemble.is_quorum(accepted) {
        synchronization::begin(peer, out);
    }
}

/// Closes the connection with a learner that does not keep to the protocol.
pub(crate) fn drop_learner(peer: &mut Peer, id: ServerId, out: &mut Vec<Output>) {
    if id == peer.id {
        return;
    }
    out.push(Output::Disconnect(id));
    peer.learner_left(id, out);
}

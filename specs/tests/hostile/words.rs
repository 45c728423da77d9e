//! What a hostile network says: anything, with numbers near those that the server knows, or absurd ones; and between
//! that, what fits, so that the server comes far enough to be hurt.

use super::txn;
use proptest::prelude::*;
use zab::peer::{HandlerPhase, LeaderPhase, LearnerPhase, Role};
use zab::{
    AckEpoch, Epoch, History, Input, Message, Notification, Payload, Peer, Request, Round, ServerId, ServerState,
    Timer, Vote, Zxid,
};

/// A message with numbers near those that the server knows, or absurd ones.
#[derive(Clone, Debug)]
pub enum Wild {
    Notification(u8, u8, u8, u8, u8),
    FollowerInfo(u8),
    ObserverInfo(u8),
    LeaderInfo(u8),
    AckEpoch(Option<u8>, u8),
    Diff(u8),
    Trunc(u8),
    Snap(u8),
    NewLeader(u8),
    UpToDate,
    Proposal(u8),
    Ack(u8),
    Commit(u8),
    Inform(u8),
    Write,
    Sync,
    Synced,
    Ping(u8),
    Revalidate,
}

/// Any message.
pub fn wild() -> impl Strategy<Value = Wild> {
    let n = any::<u8>;
    prop_oneof![
        3 => (n(), n(), n(), n(), n()).prop_map(|(a, b, c, d, e)| Wild::Notification(a, b, c, d, e)),
        1 => n().prop_map(Wild::FollowerInfo),
        1 => n().prop_map(Wild::ObserverInfo),
        2 => n().prop_map(Wild::LeaderInfo),
        2 => (any::<Option<u8>>(), n()).prop_map(|(epoch, zxid)| Wild::AckEpoch(epoch, zxid)),
        1 => n().prop_map(Wild::Diff),
        1 => n().prop_map(Wild::Trunc),
        1 => n().prop_map(Wild::Snap),
        1 => n().prop_map(Wild::NewLeader),
        1 => Just(Wild::UpToDate),
        2 => n().prop_map(Wild::Proposal),
        2 => n().prop_map(Wild::Ack),
        2 => n().prop_map(Wild::Commit),
        2 => n().prop_map(Wild::Inform),
        1 => Just(Wild::Write),
        1 => Just(Wild::Sync),
        1 => Just(Wild::Synced),
        1 => n().prop_map(Wild::Ping),
        1 => Just(Wild::Revalidate),
    ]
}

fn epoch_near(peer: &Peer, choice: u8) -> Epoch {
    let (accepted, current) = (peer.memory.accepted_epoch, peer.memory.current_epoch);
    match choice % 8 {
        0 => Epoch(0),
        1 => current,
        2 | 3 => accepted,
        4 | 5 => Epoch(accepted.0.saturating_add(1)),
        6 => Epoch(accepted.0.saturating_add(2)),
        _ => Epoch(u32::MAX),
    }
}

fn zxid_near(peer: &Peer, choice: u8) -> Zxid {
    let (last, epoch) = (peer.last_zxid(), epoch_near(peer, choice / 16));
    match choice % 13 {
        0 => Zxid::ZERO,
        1 => peer.memory.history.snapshot(),
        2 => peer.delivered,
        3 => last,
        4 | 5 => Zxid::new(last.epoch(), last.counter().saturating_add(1)),
        6 => Zxid::new(last.epoch(), last.counter().saturating_sub(1)),
        7 => Zxid::new(epoch, 1),
        8 => Zxid::new(epoch, 0),
        9 => Zxid::new(epoch, u32::MAX),
        10 => Zxid::new(last.epoch(), 0),
        _ => Zxid(u64::MAX),
    }
}

/// The message, with numbers for this server.
pub fn wild_message(peer: &Peer, wild: &Wild) -> Message {
    let (epoch, zxid) = (|choice| epoch_near(peer, choice), |choice| zxid_near(peer, choice));
    match *wild {
        Wild::Notification(state, round, leader, last, peer_epoch) => Message::Notification(Notification {
            state: state_of(state),
            round: round_near(peer, round),
            vote: (leader % 8 > 0).then(|| Vote {
                leader: ServerId(leader % 8),
                zxid: zxid(last),
                peer_epoch: epoch(peer_epoch),
            }),
        }),
        Wild::FollowerInfo(e) => Message::FollowerInfo(epoch(e)),
        Wild::ObserverInfo(e) => Message::ObserverInfo(epoch(e)),
        Wild::LeaderInfo(e) => Message::LeaderInfo(epoch(e)),
        Wild::AckEpoch(e, z) => Message::AckEpoch(AckEpoch { current_epoch: e.map(epoch), last_zxid: zxid(z) }),
        Wild::Diff(z) => Message::Diff(zxid(z)),
        Wild::Trunc(z) => Message::Trunc(zxid(z)),
        Wild::Snap(z) => Message::Snap(zxid(z)),
        Wild::NewLeader(e) => Message::NewLeader(epoch(e)),
        Wild::UpToDate => Message::UpToDate,
        Wild::Proposal(z) => Message::Proposal(txn(zxid(z))),
        Wild::Ack(z) => Message::Ack(zxid(z)),
        Wild::Commit(z) => Message::Commit(zxid(z)),
        Wild::Inform(z) => Message::Inform(txn(zxid(z))),
        Wild::Write => Message::Request(Request::Write(Payload::default())),
        Wild::Sync => Message::Request(Request::Sync(Payload::default())),
        Wild::Synced => Message::Sync,
        Wild::Ping(n) => Message::Ping(if n > 250 { u64::MAX } else { u64::from(n % 4) }),
        Wild::Revalidate => Message::Revalidate(Payload::default()),
    }
}

fn state_of(choice: u8) -> ServerState {
    [ServerState::Looking, ServerState::Following, ServerState::Leading, ServerState::Observing]
        [usize::from(choice % 4)]
}

fn round_near(peer: &Peer, choice: u8) -> Round {
    Round(match choice % 8 {
        0 => 0,
        1 => peer.round.0.saturating_sub(1),
        2..=5 => peer.round.0,
        6 => peer.round.0.saturating_add(1),
        _ => u64::MAX,
    })
}

/// What a server that keeps to the protocol could say now.
pub fn fitting(peer: &Peer, choice: u8) -> Input {
    let others: Vec<ServerId> = peer.ensemble.servers().filter(|id| *id != peer.id).collect();
    let other = others[usize::from(choice) % others.len()];
    match &peer.role {
        Role::Looking(looking) if looking.settling && choice.is_multiple_of(2) => Input::Timeout(Timer::Settle),
        Role::Looking(_) => {
            let own = Vote { leader: peer.id, zxid: peer.last_zxid(), peer_epoch: peer.memory.current_epoch };
            let vote = peer.vote.or(Some(own)).map(|vote| match choice % 5 {
                0 => Vote { leader: other, ..vote },
                _ => vote,
            });
            let state = if choice.is_multiple_of(7) { ServerState::Leading } else { ServerState::Looking };
            Input::Receive(other, Message::Notification(Notification { state, round: peer.round, vote }))
        }
        Role::Following(following) => match following.phase {
            LearnerPhase::Connecting => Input::Connected(following.leader),
            _ => Input::Receive(following.leader, from_leader(peer, following.phase, choice)),
        },
        Role::Leading(leading) => match leading.learners.iter().find(|learner| learner.id == other) {
            None if peer.ensemble.is_voter(other) => {
                Input::Receive(other, Message::FollowerInfo(Epoch(peer.memory.accepted_epoch.0.saturating_sub(1))))
            }
            None => Input::Receive(other, Message::ObserverInfo(Epoch(0))),
            Some(learner) => from_learner(peer, leading.phase, other, learner.phase, choice),
        },
    }
}

fn from_leader(peer: &Peer, phase: LearnerPhase, choice: u8) -> Message {
    let (last, accepted) = (peer.last_zxid(), peer.memory.accepted_epoch);
    let counter = if last.epoch() == accepted { last.counter().saturating_add(1) } else { 1 };
    let proposal = Message::Proposal(txn(Zxid::new(accepted, counter)));
    let undelivered = peer.memory.history.after(peer.delivered).first().map_or(last, |txn| txn.zxid);
    match phase {
        LearnerPhase::Connecting | LearnerPhase::Discovery => Message::LeaderInfo(epoch_near(peer, 2 + choice % 4)),
        LearnerPhase::EpochAccepted => match choice % 4 {
            0 => Message::Snap(Zxid::new(accepted, 1)),
            1 => Message::Trunc(peer.delivered),
            _ => Message::Diff(last),
        },
        LearnerPhase::Synchronization if choice.is_multiple_of(2) => Message::NewLeader(accepted),
        LearnerPhase::NewLeaderAcknowledged if choice.is_multiple_of(2) => Message::UpToDate,
        _ => match choice % 8 {
            0 | 1 => Message::Commit(undelivered),
            2 | 3 => Message::Inform(txn(Zxid::new(accepted, counter))),
            4 => Message::Ping(3),
            _ => proposal,
        },
    }
}

fn from_learner(peer: &Peer, reign: LeaderPhase, from: ServerId, phase: HandlerPhase, choice: u8) -> Input {
    let (last, accepted) = (peer.last_zxid(), peer.memory.accepted_epoch);
    let message = match phase {
        HandlerPhase::EpochProposed => {
            let current_epoch = (!choice.is_multiple_of(4)).then_some(Epoch(0));
            Message::AckEpoch(AckEpoch { current_epoch, last_zxid: zxid_near(peer, choice) })
        }
        HandlerPhase::Synchronizing | HandlerPhase::NewLeaderAcknowledged => Message::Ack(accepted.start()),
        _ if reign == LeaderPhase::Broadcast && choice.is_multiple_of(3) => return Input::Propose(Payload::default()),
        _ if last.epoch() == accepted && choice % 3 == 1 => Message::Ack(last),
        HandlerPhase::UpToDate => Message::Request(Request::Sync(Payload::default())),
        _ => Message::Ping(1),
    };
    Input::Receive(from, message)
}

/// What its own node could tell it. It was `delivered` up to these zxids so far.
pub fn own(peer: &Peer, delivered: &[Zxid], choice: u8) -> Input {
    let other = ServerId(choice / 16 % 6);
    match choice % 12 {
        0 => Input::Timeout(Timer::Notification),
        1 => Input::Timeout(Timer::Settle),
        2 => Input::Timeout(Timer::Init),
        3 => Input::Timeout(Timer::Ping),
        4 => Input::Disconnected(if other == peer.id { ServerId(9) } else { other }),
        5 => Input::Connected(other),
        6 => Input::Request(Request::Write(Payload::default())),
        7 => Input::Request(Request::Sync(Payload::default())),
        8 => Input::Snapshotted(delivered[usize::from(choice / 12) % delivered.len()]),
        9 => Input::Revalidate(Payload::default()),
        10 => Input::Revalidated(other, Payload::default()),
        // What its log still held, if it held it.
        11 => Input::Recalled(other, older(delivered, choice)),
        _ => match peer.ensemble.voters().find(|id| peer.ensemble.may_lead(*id) && id.0 >= choice / 64) {
            Some(leader) => Input::Elected(leader),
            None => Input::Propose(Payload::default()),
        },
    }
}

/// A piece of its log that ends where its history in memory may begin.
fn older(delivered: &[Zxid], choice: u8) -> History {
    let from = usize::from(choice / 13) % delivered.len();
    let mut history = History::from_snapshot(delivered[from]);
    for zxid in &delivered[from + 1..] {
        if zxid.follows(history.last()) {
            history.append(txn(*zxid));
        }
    }
    history
}

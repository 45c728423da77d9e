//! What a server that looks makes of those that stand already: whom it joins, and whom it does not believe.

use std::sync::Arc;
use zab::peer::Role;
use zab::{Disk, Ensemble, Epoch, Input, Message, Notification, Peer, Round, ServerId, ServerState, Vote, Zxid};

/// Server 1 of `1..=voters`, which has nothing and has just begun to look.
fn newcomer(voters: u8) -> Peer {
    let ensemble = Arc::new(Ensemble::majority((1..=voters).map(ServerId), []).expect("an ensemble"));
    Peer::recover(ServerId(1), ensemble, &Disk::default(), &mut Vec::new())
}

fn vote(leader: u8, epoch: u32) -> Vote {
    Vote { leader: ServerId(leader), zxid: Zxid::new(Epoch(epoch), 1), peer_epoch: Epoch(epoch) }
}

/// Another server says where it stands, in this round.
fn hear(peer: &mut Peer, from: u8, state: ServerState, round: Round, vote: Vote) {
    let notification = Message::Notification(Notification { state, round, vote: Some(vote) });
    peer.step(Input::Receive(ServerId(from), notification), &mut Vec::new());
}

/// Whom it has joined; itself if it leads.
fn joined(peer: &Peer) -> Option<u8> {
    match &peer.role {
        Role::Looking(_) => None,
        Role::Following(following) => Some(following.leader.0),
        Role::Leading(_) => Some(peer.id.0),
    }
}

use ServerState::{Following, Leading, Looking};

/// In the same round, who stands agrees with whoever names the same leader, though the votes are of different epochs.
#[test]
fn in_one_round_those_that_stand_need_only_name_the_same_leader() {
    let mut peer = newcomer(3);
    let round = peer.round;
    hear(&mut peer, 2, Following, round, vote(3, 1));
    assert_eq!(joined(&peer), None);
    hear(&mut peer, 3, Leading, round, vote(3, 2));
    assert_eq!(joined(&peer), Some(3));
}

/// A quorum of followers is none before the leader itself has said that it leads.
#[test]
fn a_leader_that_does_not_say_so_is_not_followed() {
    let mut peer = newcomer(5);
    let round = peer.round;
    for from in 2..=4 {
        hear(&mut peer, from, Following, round, vote(5, 1));
    }
    assert_eq!(joined(&peer), None);
    hear(&mut peer, 5, Leading, round, vote(5, 1));
    assert_eq!(joined(&peer), Some(5));
}

/// Nor is one that was heard, but looks again or follows another.
#[test]
fn a_leader_that_says_otherwise_is_not_followed() {
    for (state, names, later) in [(Looking, 3, 0), (Following, 5, 4)] {
        let mut peer = newcomer(5);
        let round = Round(peer.round.0 + later);
        hear(&mut peer, 3, state, round, vote(names, 1));
        for from in [2, 4, 5] {
            hear(&mut peer, from, Following, round, vote(3, 2));
        }
        assert_eq!(joined(&peer), None, "{state:?}");
    }
}

/// In another round, those that stand must be of one epoch as well.
#[test]
fn in_another_round_those_that_stand_are_of_one_epoch() {
    let mut peer = newcomer(5);
    let round = Round(peer.round.0 + 4);
    hear(&mut peer, 2, Following, round, vote(3, 1));
    hear(&mut peer, 4, Following, round, vote(3, 2));
    hear(&mut peer, 3, Leading, round, vote(3, 2));
    assert_eq!(joined(&peer), None);
    hear(&mut peer, 5, Following, round, vote(3, 2));
    assert_eq!(joined(&peer), Some(3));
}

/// A server that looks as well supports a leader if its vote is the leader's own, in everything.
#[test]
fn who_looks_supports_only_what_it_votes_for() {
    let mut agreeing = newcomer(3);
    let round = agreeing.round;
    hear(&mut agreeing, 2, Looking, round, vote(3, 1));
    hear(&mut agreeing, 3, Leading, round, vote(3, 1));
    assert_eq!(joined(&agreeing), Some(3));

    // Server 1 has the vote of server 2, which is the better one, and so does not support 5 either.
    let mut other = newcomer(3);
    hear(&mut other, 2, Looking, round, vote(3, 2));
    hear(&mut other, 3, Leading, round, vote(3, 1));
    assert_eq!(joined(&other), None);
}

/// Followers may still name a server that has come back and knows nothing of it: it leads only if they are in its
/// round, in which it may have been elected without noticing.
#[test]
fn nobody_leads_by_the_word_of_another_round() {
    let mut peer = newcomer(3);
    let round = peer.round;
    hear(&mut peer, 2, Following, Round(round.0 + 4), vote(1, 1));
    hear(&mut peer, 3, Following, Round(round.0 + 4), vote(1, 1));
    assert_eq!(joined(&peer), None);

    let mut elected = newcomer(3);
    hear(&mut elected, 2, Following, round, vote(1, 1));
    hear(&mut elected, 3, Following, round, vote(1, 1));
    assert_eq!(joined(&elected), Some(1));
}

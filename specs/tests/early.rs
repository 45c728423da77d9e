//! Acknowledgements that come before NEWLEADER's, as those of Java's learners up to 3.8.0 may: the leader keeps the
//! learner, and counts them when the learner has taken over its history.

use std::sync::Arc;
use zab::{AckEpoch, Disk, Ensemble, Epoch, History, Input, Message, Output, Payload, Peer, ServerId, Txn, Zxid};

const LEADER: ServerId = ServerId(3);
const FOLLOWER: ServerId = ServerId(2);
const LATE: ServerId = ServerId(1);
const EPOCH: Epoch = Epoch(2);

fn step(peer: &mut Peer, input: Input) -> Vec<Output> {
    let mut out = Vec::new();
    peer.step(input, &mut out);
    out
}

fn receive(peer: &mut Peer, from: ServerId, message: Message) -> Vec<Output> {
    step(peer, Input::Receive(from, message))
}

/// A learner that has nothing introduces itself and accepts the epoch.
fn joins(peer: &mut Peer, from: ServerId, last_zxid: Zxid) -> Vec<Output> {
    receive(peer, from, Message::FollowerInfo(Epoch(1)));
    receive(peer, from, Message::AckEpoch(AckEpoch { current_epoch: Some(Epoch(1)), last_zxid }))
}

/// The leader's own disk is done.
fn durable(peer: &mut Peer, out: Vec<Output>) {
    for output in out {
        if let Output::SendWhenDurable(LEADER, message) = output {
            let more = receive(peer, LEADER, message);
            durable(peer, more);
        }
    }
}

/// Established with one follower; two transactions are of the epoch before.
fn leader() -> Peer {
    let ensemble = Arc::new(Ensemble::majority((1..=3).map(ServerId), []).expect("an ensemble"));
    let mut history = History::from_snapshot(Zxid::ZERO);
    for counter in 1..=2 {
        history.append(Txn { zxid: Zxid::new(Epoch(1), counter), payload: Payload::default() });
    }
    let disk = Disk { accepted_epoch: Epoch(1), current_epoch: Epoch(1), history };
    let mut peer = Peer::recover(LEADER, ensemble, &disk, &mut Vec::new());
    let last_zxid = Zxid::new(Epoch(1), 2);
    let ack = AckEpoch { current_epoch: Some(Epoch(1)), last_zxid };
    let elected = step(&mut peer, Input::Elected(LEADER));
    durable(&mut peer, elected);
    for said in [Message::FollowerInfo(Epoch(1)), Message::AckEpoch(ack), Message::Ack(EPOCH.start())] {
        let out = receive(&mut peer, FOLLOWER, said);
        durable(&mut peer, out);
    }
    assert!(peer.is_serving());
    peer
}

fn is_kept(out: &[Output]) -> bool {
    !out.contains(&Output::Disconnect(LATE))
}

#[test]
fn what_brings_a_learner_up_to_date_may_be_acknowledged_one_by_one() {
    let mut peer = leader();
    let out = joins(&mut peer, LATE, Zxid::ZERO);
    assert!(out.contains(&Output::Send(LATE, Message::NewLeader(EPOCH))), "{out:?}");
    for counter in 1..=2 {
        assert_eq!(receive(&mut peer, LATE, Message::Ack(Zxid::new(Epoch(1), counter))), []);
    }
    let out = receive(&mut peer, LATE, Message::Ack(EPOCH.start()));
    assert_eq!(out, [Output::Send(LATE, Message::UpToDate)]);
}

#[test]
fn an_early_acknowledgement_of_a_proposal_counts_with_newleaders() {
    let mut peer = leader();
    step(&mut peer, Input::Propose(Payload::default()));
    let zxid = Zxid::new(EPOCH, 1);
    joins(&mut peer, LATE, Zxid::new(Epoch(1), 2));
    assert!(is_kept(&receive(&mut peer, LATE, Message::Ack(zxid))));
    let out = receive(&mut peer, LEADER, Message::Ack(zxid));
    assert_eq!(out, [], "one of three has it for certain");
    let out = receive(&mut peer, LATE, Message::Ack(EPOCH.start()));
    let commit = Output::Send(LATE, Message::Commit(zxid));
    assert_eq!(out[..1], [Output::Send(LATE, Message::UpToDate)]);
    assert!(out.contains(&commit), "{out:?}");
}

#[test]
fn what_was_never_sent_cannot_be_acknowledged() {
    for wrong in [Zxid::new(EPOCH, 1), Zxid::new(Epoch(3), 1)] {
        let mut peer = leader();
        joins(&mut peer, LATE, Zxid::ZERO);
        assert!(!is_kept(&receive(&mut peer, LATE, Message::Ack(wrong))), "{wrong}");
    }
    let mut peer = leader();
    receive(&mut peer, LATE, Message::FollowerInfo(Epoch(1)));
    let early = Message::Ack(Zxid::new(Epoch(1), 1));
    assert!(!is_kept(&receive(&mut peer, LATE, early)), "nothing was sent at all");
}

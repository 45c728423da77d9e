//! What a learner does with what does not belong: in each phase, the messages of others, and what can be wrong with
//! those that belong. Models hardly see these, because nobody in them breaks the protocol.

use std::sync::Arc;
use zab::peer::{LearnerPhase, Role};
use zab::{
    Disk, Ensemble, Epoch, Halt, History, Input, Message, Output, Payload, Peer, Request, ServerId, ServerState, Timer,
    Txn, Write, Zxid,
};

const LEADER: ServerId = ServerId(3);
const LEARNER: ServerId = ServerId(2);
const OTHER: ServerId = ServerId(1);
const OBSERVER: ServerId = ServerId(4);
const EPOCH: Epoch = Epoch(2);

use LearnerPhase::{Broadcast, Connecting, Discovery, EpochAccepted, NewLeaderAcknowledged, Synchronization};
const PHASES: [LearnerPhase; 6] =
    [Connecting, Discovery, EpochAccepted, Synchronization, NewLeaderAcknowledged, Broadcast];

fn zxid(epoch: u32, counter: u32) -> Zxid {
    Zxid::new(Epoch(epoch), counter)
}

fn txn(epoch: u32, counter: u32) -> Txn {
    Txn { zxid: zxid(epoch, counter), payload: Payload::default() }
}

fn step(peer: &mut Peer, input: Input) -> Vec<Output> {
    let mut out = Vec::new();
    peer.step(input, &mut out);
    out
}

fn receive(peer: &mut Peer, message: Message) -> Vec<Output> {
    step(peer, Input::Receive(LEADER, message))
}

/// A server with a transaction of the first epoch, that has come so far with a leader of the second which has the same.
fn learner(id: ServerId, phase: LearnerPhase) -> Peer {
    let ensemble = Arc::new(Ensemble::majority((1..=3).map(ServerId), [OBSERVER]).expect("an ensemble"));
    let mut history = History::from_snapshot(Zxid::ZERO);
    history.append(txn(1, 1));
    let disk = Disk { accepted_epoch: Epoch(1), current_epoch: Epoch(1), history };
    let mut peer = Peer::recover(id, ensemble, &disk, &mut Vec::new());
    let steps = [
        Input::Elected(LEADER),
        Input::Connected(LEADER),
        Input::Receive(LEADER, Message::LeaderInfo(EPOCH)),
        Input::Receive(LEADER, Message::Diff(zxid(1, 1))),
        Input::Receive(LEADER, Message::NewLeader(EPOCH)),
        Input::Receive(LEADER, Message::UpToDate),
    ];
    for (input, reached) in steps.into_iter().zip(PHASES).take_while(|(_, reached)| *reached <= phase) {
        step(&mut peer, input);
        assert!(matches!(&peer.role, Role::Following(following) if following.phase == reached), "{reached:?}");
    }
    peer
}

fn leaves(out: &[Output]) -> bool {
    out.contains(&Output::Disconnect(LEADER))
}

#[test]
fn every_message_has_its_phase() {
    let after_diff = &PHASES[3..];
    let messages: [(Message, &[LearnerPhase]); 8] = [
        (Message::LeaderInfo(EPOCH), &[Discovery]),
        (Message::Diff(zxid(1, 1)), &[EpochAccepted]),
        (Message::Trunc(zxid(1, 1)), &[EpochAccepted]),
        (Message::Snap(zxid(1, 1)), &[EpochAccepted]),
        (Message::NewLeader(EPOCH), &[Synchronization]),
        (Message::UpToDate, &[NewLeaderAcknowledged]),
        (Message::Proposal(txn(2, 1)), after_diff),
        (Message::Inform(txn(2, 1)), after_diff),
    ];
    for (message, welcome) in messages {
        for id in [LEARNER, OBSERVER] {
            for phase in PHASES {
                let before = learner(id, phase);
                let out = receive(&mut before.clone(), message.clone());
                assert_eq!(leaves(&out), !welcome.contains(&phase), "{message} to {id} in {phase:?}: {out:?}");
                // From anyone but the leader it is nothing at all.
                let mut peer = before.clone();
                let out = step(&mut peer, Input::Receive(OTHER, message.clone()));
                assert!(out.is_empty() && peer == before, "{message} of another in {phase:?}: {out:?}");
            }
        }
    }
}

#[test]
fn only_who_serves_asks_and_answers() {
    let (session, request) = (Payload::default(), Request::Write(Payload::default()));
    let cases = [
        (Input::Receive(LEADER, Message::Sync), Output::Synced),
        (Input::Receive(LEADER, Message::Ping(7)), Output::Send(LEADER, Message::Ping(7))),
        (Input::Receive(LEADER, Message::Revalidate(session.clone())), Output::Revalidated(session.clone())),
        (Input::Request(request.clone()), Output::Send(LEADER, Message::Request(request))),
        (Input::Revalidate(session.clone()), Output::Send(LEADER, Message::Revalidate(session))),
    ];
    for (input, answer) in cases {
        for phase in PHASES {
            let before = learner(LEARNER, phase);
            let mut peer = before.clone();
            let out = step(&mut peer, input.clone());
            let expected = if phase == Broadcast { vec![answer.clone()] } else { Vec::new() };
            assert!(out == expected && peer == before, "{input} in {phase:?}: {out:?}");
            if let Input::Receive(_, message) = &input {
                let out = step(&mut peer, Input::Receive(OTHER, message.clone()));
                assert!(out.is_empty() && peer == before, "{message} of another in {phase:?}: {out:?}");
            }
        }
    }
}

#[test]
fn a_transaction_must_be_the_next_and_of_no_later_epoch() {
    for phase in [Synchronization, NewLeaderAcknowledged, Broadcast] {
        for wrong in [txn(1, 1), txn(1, 3), txn(2, 2), txn(3, 1)] {
            for message in [Message::Proposal(wrong.clone()), Message::Inform(wrong.clone())] {
                let out = receive(&mut learner(OBSERVER, phase), message.clone());
                assert!(leaves(&out), "{message} in {phase:?}: {out:?}");
            }
        }
    }
}

#[test]
fn what_a_snapshot_holds_already_may_come_once_more() {
    for id in [LEARNER, OBSERVER] {
        let mut peer = learner(id, EpochAccepted);
        receive(&mut peer, Message::Snap(zxid(1, 3)));
        for message in [Message::Proposal(txn(1, 2)), Message::Inform(txn(1, 3)), Message::Proposal(txn(1, 3))] {
            assert_eq!(receive(&mut peer, message.clone()), [], "{message}");
        }
        let out = receive(&mut peer.clone(), Message::Proposal(txn(1, 4)));
        assert_eq!(out, [Output::Write(Write::Append(txn(1, 4)))]);
        // Not when the synchronisation is over, and not behind a transaction of the log.
        let mut later = peer.clone();
        receive(&mut later, Message::Proposal(txn(1, 4)));
        assert!(leaves(&receive(&mut later.clone(), Message::Proposal(txn(1, 3)))));
        assert!(leaves(&receive(&mut later, Message::Inform(txn(1, 3)))));
        receive(&mut peer, Message::NewLeader(EPOCH));
        assert!(leaves(&receive(&mut peer.clone(), Message::Proposal(txn(1, 3)))));
        assert!(leaves(&receive(&mut peer, Message::Inform(txn(1, 3)))));
    }
}

#[test]
fn a_commit_must_be_of_what_is_known() {
    let commit = |counter| Message::Commit(zxid(2, counter));
    for phase in [Connecting, Discovery, EpochAccepted] {
        assert!(leaves(&receive(&mut learner(LEARNER, phase), Message::Commit(zxid(1, 1)))), "{phase:?}");
    }
    for phase in [Synchronization, NewLeaderAcknowledged] {
        let mut peer = learner(LEARNER, phase);
        assert!(leaves(&receive(&mut peer.clone(), commit(1))), "{phase:?}");
        receive(&mut peer, Message::Proposal(txn(2, 1)));
        assert_eq!(receive(&mut peer, commit(1)), []);
        // What came before stays committed.
        assert_eq!(receive(&mut peer, Message::Commit(zxid(1, 1))), []);
        receive(&mut peer, Message::NewLeader(EPOCH));
        let out = receive(&mut peer, Message::UpToDate);
        if phase == Synchronization {
            assert!(out.contains(&Output::Deliver(txn(2, 1))), "{out:?}");
        }
    }
    let mut peer = learner(LEARNER, Broadcast);
    receive(&mut peer, Message::Proposal(txn(2, 1)));
    receive(&mut peer, Message::Proposal(txn(2, 2)));
    assert!(leaves(&receive(&mut peer.clone(), commit(2))), "not the next");
    assert_eq!(receive(&mut peer, commit(1)), [Output::Deliver(txn(2, 1))]);
    assert!(leaves(&receive(&mut peer.clone(), commit(1))), "once is enough");
    assert_eq!(receive(&mut peer, commit(2)), [Output::Deliver(txn(2, 2))]);
}

#[test]
fn a_promise_is_to_no_earlier_epoch_and_not_to_the_last_of_all() {
    for (epoch, refused) in [(0, true), (1, false), (2, false), (u32::MAX - 1, false), (u32::MAX, true)] {
        let mut peer = learner(LEARNER, Discovery);
        let out = receive(&mut peer, Message::LeaderInfo(Epoch(epoch)));
        assert_eq!(leaves(&out), refused, "{epoch}: {out:?}");
        let promised = out.contains(&Output::Write(Write::AcceptedEpoch(Epoch(epoch))));
        assert_eq!(promised, !refused && epoch > 1, "{epoch}: {out:?}");
    }
}

#[test]
fn an_initial_history_is_whole_and_of_the_epoch_that_was_accepted() {
    let mut peer = learner(LEARNER, Synchronization);
    for epoch in [1, 3] {
        assert!(leaves(&receive(&mut peer.clone(), Message::NewLeader(Epoch(epoch)))), "{epoch}");
    }
    assert!(!leaves(&receive(&mut peer, Message::NewLeader(EPOCH))));
    let mut peer = learner(LEARNER, EpochAccepted);
    receive(&mut peer, Message::Diff(zxid(1, 2)));
    assert!(leaves(&receive(&mut peer.clone(), Message::NewLeader(EPOCH))), "a transaction is missing");
    receive(&mut peer, Message::Proposal(txn(1, 2)));
    assert!(!leaves(&receive(&mut peer, Message::NewLeader(EPOCH))));
    for (epoch, refused) in [(2, false), (3, true)] {
        let mut peer = learner(LEARNER, EpochAccepted);
        assert_eq!(leaves(&receive(&mut peer, Message::Snap(zxid(epoch, 0)))), refused, "{epoch}");
    }
}

#[test]
fn a_history_is_cut_only_where_it_can_end() {
    let halts = |out: &[Output]| out.iter().any(|output| matches!(output, Output::Halt(Halt::CannotTruncate { .. })));
    let out = receive(&mut learner(LEARNER, EpochAccepted), Message::Trunc(zxid(1, 2)));
    assert!(halts(&out) && leaves(&out), "it has no such transaction: {out:?}");
    let out = receive(&mut learner(LEARNER, EpochAccepted), Message::Trunc(Zxid::ZERO));
    assert_eq!(out, [Output::Write(Write::Truncate(Zxid::ZERO))]);
    // What was delivered stays; exactly up to there it can be cut.
    let mut peer = learner(LEARNER, Broadcast);
    receive(&mut peer, Message::Proposal(txn(2, 1)));
    step(&mut peer, Input::Disconnected(LEADER));
    for input in [Input::Elected(LEADER), Input::Connected(LEADER)] {
        step(&mut peer, input);
    }
    receive(&mut peer, Message::LeaderInfo(Epoch(3)));
    assert!(halts(&receive(&mut peer.clone(), Message::Trunc(Zxid::ZERO))));
    let out = receive(&mut peer, Message::Trunc(zxid(1, 1)));
    assert_eq!(out, [Output::Write(Write::Truncate(zxid(1, 1)))]);
}

#[test]
fn a_snapshot_stands_for_what_was_delivered_and_is_still_there() {
    let mut peer = learner(LEARNER, Broadcast);
    for counter in 1..=2 {
        receive(&mut peer, Message::Proposal(txn(2, counter)));
    }
    receive(&mut peer, Message::Commit(zxid(2, 1)));
    for nothing in [Zxid::ZERO, zxid(1, 5), zxid(2, 2)] {
        assert_eq!(step(&mut peer, Input::Snapshotted(nothing)), [], "{nothing}");
    }
    let written = Output::Write(Write::Snapshot(zxid(2, 1)));
    assert_eq!(step(&mut peer, Input::Snapshotted(zxid(2, 1))), [written]);
    assert_eq!(step(&mut peer, Input::Snapshotted(zxid(2, 1))), [], "it has it");
}

#[test]
fn patience_ends_only_before_the_epoch_is_established() {
    for phase in PHASES {
        let before = learner(LEARNER, phase);
        let out = step(&mut before.clone(), Input::Timeout(Timer::Init));
        assert_eq!(leaves(&out), phase < Broadcast, "{phase:?}");
        for timer in [Timer::Notification, Timer::Settle, Timer::Ping] {
            let mut peer = before.clone();
            assert!(step(&mut peer, Input::Timeout(timer)).is_empty() && peer == before, "{timer:?} in {phase:?}");
        }
        for input in [Input::Elected(OTHER), Input::Disconnected(OTHER), Input::Connected(OTHER)] {
            let mut peer = before.clone();
            assert!(step(&mut peer, input.clone()).is_empty() && peer == before, "{input} in {phase:?}");
        }
        let mut peer = before.clone();
        let again = step(&mut peer, Input::Connected(LEADER));
        assert_eq!(again.is_empty(), phase > Connecting, "{phase:?}");
        assert!(!step(&mut before.clone(), Input::Disconnected(LEADER)).is_empty(), "{phase:?}");
    }
}

#[test]
fn an_observer_acknowledges_no_transaction() {
    let mut peer = learner(OBSERVER, NewLeaderAcknowledged);
    receive(&mut peer, Message::Inform(txn(2, 1)));
    let out = receive(&mut peer, Message::UpToDate);
    let acknowledged = |out: &[Output]| {
        let is_ack =
            |output: &Output| matches!(output, Output::SendWhenDurable(_, Message::Ack(zxid)) if zxid.counter() > 0);
        out.iter().any(is_ack)
    };
    assert!(!acknowledged(&out) && out.contains(&Output::Deliver(txn(2, 1))), "{out:?}");
    let mut peer = learner(LEARNER, NewLeaderAcknowledged);
    receive(&mut peer, Message::Proposal(txn(2, 1)));
    let out = receive(&mut peer, Message::UpToDate);
    assert!(acknowledged(&out) && !out.contains(&Output::Deliver(txn(2, 1))), "{out:?}");
}

/// What others are told of a learner: an observer observes, whichever leader it follows.
#[test]
fn a_learner_says_whether_it_votes() {
    assert_eq!(learner(LEARNER, Connecting).state(), ServerState::Following);
    assert_eq!(learner(OBSERVER, Connecting).state(), ServerState::Observing);
}

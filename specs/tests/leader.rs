//! What a leader does with what does not belong: with learners that do not keep to the protocol, and with what comes
//! too early, too late or twice. Models hardly see these, because nobody in them breaks the protocol.

use std::sync::Arc;
use zab::peer::{LeaderPhase, Role};
use zab::{
    AckEpoch, Disk, Ensemble, Epoch, History, Input, Message, Notification, Output, Payload, Peer, Request, Round,
    ServerId, ServerState, Timer, Txn, Vote, Zxid,
};

const LEADER: ServerId = ServerId(3);
const FOLLOWER: ServerId = ServerId(2);
const LATE: ServerId = ServerId(1);
const OBSERVER: ServerId = ServerId(4);
const STRANGER: ServerId = ServerId(9);
const EPOCH: Epoch = Epoch(2);

use LeaderPhase::{Broadcast, Discovery, EpochProposed, Synchronization};
const PHASES: [LeaderPhase; 4] = [Discovery, EpochProposed, Synchronization, Broadcast];

fn step(peer: &mut Peer, input: Input) -> Vec<Output> {
    let mut out = Vec::new();
    peer.step(input, &mut out);
    out
}

fn receive(peer: &mut Peer, from: ServerId, message: Message) -> Vec<Output> {
    step(peer, Input::Receive(from, message))
}

/// As [`receive`], and the leader's own disk is done at once.
fn durable(peer: &mut Peer, input: Input) -> Vec<Output> {
    let mut all = step(peer, input);
    let mut place = 0;
    while let Some(output) = all.get(place).cloned() {
        if let Output::SendWhenDurable(LEADER, message) = output {
            all.extend(receive(peer, LEADER, message));
        }
        place += 1;
    }
    all
}

fn has(counter: u32) -> AckEpoch {
    AckEpoch { current_epoch: Some(Epoch(1)), last_zxid: Zxid::new(Epoch(1), counter) }
}

fn recovered(id: ServerId) -> Peer {
    let ensemble = Arc::new(Ensemble::majority((1..=3).map(ServerId), [OBSERVER]).expect("an ensemble"));
    let mut history = History::from_snapshot(Zxid::ZERO);
    for counter in 1..=2 {
        history.append(Txn { zxid: Zxid::new(Epoch(1), counter), payload: Payload::default() });
    }
    let disk = Disk { accepted_epoch: Epoch(1), current_epoch: Epoch(1), history };
    Peer::recover(id, ensemble, &disk, &mut Vec::new())
}

/// A leader whose reign has come so far, with one follower.
fn leader(phase: LeaderPhase) -> Peer {
    let mut peer = recovered(LEADER);
    let steps = [
        Input::Elected(LEADER),
        Input::Receive(FOLLOWER, Message::FollowerInfo(Epoch(1))),
        Input::Receive(FOLLOWER, Message::AckEpoch(has(2))),
        Input::Receive(FOLLOWER, Message::Ack(EPOCH.start())),
    ];
    for (input, reached) in steps.into_iter().zip(PHASES).take_while(|(_, reached)| *reached <= phase) {
        durable(&mut peer, input);
        assert!(matches!(&peer.role, Role::Leading(leading) if leading.phase == reached), "{reached:?}");
    }
    peer
}

/// Another learner comes, and is brought up to date.
fn join(peer: &mut Peer, id: ServerId) -> Vec<Output> {
    let info = if id == OBSERVER { Message::ObserverInfo(Epoch(1)) } else { Message::FollowerInfo(Epoch(1)) };
    let said = [info, Message::AckEpoch(has(2)), Message::Ack(EPOCH.start())];
    said.into_iter().flat_map(|message| receive(peer, id, message)).collect()
}

fn drops(out: &[Output], id: ServerId) -> bool {
    out.contains(&Output::Disconnect(id))
}

fn reigns(peer: &Peer) -> bool {
    matches!(peer.role, Role::Leading(_))
}

#[test]
fn who_introduces_himself_is_known_and_does_it_once() {
    for phase in PHASES {
        for (id, info) in [
            (OBSERVER, Message::FollowerInfo(Epoch(1))),
            (LATE, Message::ObserverInfo(Epoch(1))),
            (STRANGER, Message::FollowerInfo(Epoch(1))),
            (STRANGER, Message::ObserverInfo(Epoch(1))),
        ] {
            let before = leader(phase);
            let mut peer = before.clone();
            let out = receive(&mut peer, id, info.clone());
            assert!(out.is_empty() && peer == before, "{info} of {id} in {phase:?}: {out:?}");
        }
        let mut peer = leader(phase);
        receive(&mut peer, OBSERVER, Message::ObserverInfo(Epoch(1)));
        assert!(drops(&receive(&mut peer, OBSERVER, Message::ObserverInfo(Epoch(1))), OBSERVER), "{phase:?}");
    }
}

#[test]
fn a_promise_that_leaves_no_room_is_refused() {
    for (accepted, refused) in [(u32::MAX - 2, false), (u32::MAX - 1, true), (u32::MAX, true)] {
        let mut peer = leader(Discovery);
        let out = receive(&mut peer, FOLLOWER, Message::FollowerInfo(Epoch(accepted)));
        assert_eq!(drops(&out, FOLLOWER), refused, "{accepted}: {out:?}");
    }
}

#[test]
fn a_reign_ends_for_a_learner_that_promised_itself_to_a_later_epoch() {
    for phase in [EpochProposed, Synchronization, Broadcast] {
        for (accepted, ends) in [(1, false), (2, false), (3, true)] {
            let mut peer = leader(phase);
            receive(&mut peer, LATE, Message::FollowerInfo(Epoch(accepted)));
            assert_eq!(reigns(&peer), !ends, "{accepted} in {phase:?}");
        }
    }
}

#[test]
fn an_acknowledgement_belongs_to_what_was_sent() {
    // Of the epoch: once, after LEADERINFO.
    for phase in PHASES {
        let mut peer = leader(phase);
        assert!(drops(&receive(&mut peer, LATE, Message::AckEpoch(has(2))), LATE), "{phase:?}");
        receive(&mut peer, LATE, Message::FollowerInfo(Epoch(1)));
        let early = drops(&receive(&mut peer, LATE, Message::AckEpoch(has(2))), LATE);
        if phase == Discovery {
            // Two are a quorum: LEADERINFO is on its way.
            assert!(!early);
        } else {
            assert!(!early, "{phase:?}");
            assert!(drops(&receive(&mut peer, LATE, Message::AckEpoch(has(2))), LATE), "{phase:?}");
        }
    }
    // Of NEWLEADER: after NEWLEADER, and of this epoch.
    for phase in PHASES {
        let mut peer = leader(phase);
        assert!(drops(&receive(&mut peer.clone(), LATE, Message::Ack(EPOCH.start())), LATE), "{phase:?}");
        receive(&mut peer, LATE, Message::FollowerInfo(Epoch(1)));
        assert!(drops(&receive(&mut peer, LATE, Message::Ack(EPOCH.start())), LATE), "{phase:?}");
    }
    for epoch in [1, 3] {
        let mut peer = leader(Synchronization);
        assert!(drops(&receive(&mut peer, FOLLOWER, Message::Ack(Epoch(epoch).start())), FOLLOWER), "{epoch}");
    }
    // Of UPTODATE: says nothing new.
    let mut peer = leader(Broadcast);
    assert_eq!(receive(&mut peer, FOLLOWER, Message::Ack(EPOCH.start())), []);
    assert!(drops(&receive(&mut peer, FOLLOWER, Message::Ack(Epoch(3).start())), FOLLOWER));
}

#[test]
fn what_is_acknowledged_is_of_this_epoch_and_was_proposed() {
    let mut peer = leader(Broadcast);
    durable(&mut peer, Input::Propose(Payload::default()));
    for (epoch, counter) in [(1, 3), (2, 2), (3, 1)] {
        let wrong = Message::Ack(Zxid::new(Epoch(epoch), counter));
        assert!(drops(&receive(&mut peer.clone(), FOLLOWER, wrong.clone()), FOLLOWER), "{wrong}");
    }
    let out = receive(&mut peer, FOLLOWER, Message::Ack(Zxid::new(EPOCH, 1)));
    assert!(out.contains(&Output::Send(FOLLOWER, Message::Commit(Zxid::new(EPOCH, 1)))), "{out:?}");
    // What is committed already may be acknowledged again by who is up to date, and by nobody else.
    assert_eq!(receive(&mut peer, FOLLOWER, Message::Ack(Zxid::new(EPOCH, 1))), []);
    assert_eq!(receive(&mut peer, FOLLOWER, Message::Ack(Zxid::new(Epoch(1), 1))), []);
    assert!(drops(&receive(&mut peer, LATE, Message::Ack(Zxid::new(EPOCH, 1))), LATE));
}

#[test]
fn requests_are_of_learners_that_are_up_to_date() {
    let request = || Request::Write(Payload::default());
    for phase in PHASES {
        let mut peer = leader(phase);
        let out = receive(&mut peer.clone(), FOLLOWER, Message::Request(request()));
        let prepared = out.contains(&Output::Prepare(FOLLOWER, request()));
        assert_eq!((prepared, drops(&out, FOLLOWER)), (phase == Broadcast, phase != Broadcast), "{phase:?}");
        let out = step(&mut peer.clone(), Input::Request(request()));
        assert_eq!(out == [Output::Prepare(LEADER, request())], phase == Broadcast, "{phase:?}: {out:?}");
        assert_eq!(out.is_empty(), phase != Broadcast);
        let out = step(&mut peer.clone(), Input::Revalidate(Payload::default()));
        assert_eq!(out == [Output::Revalidate(LEADER, Payload::default())], phase == Broadcast, "{phase:?}: {out:?}");
        assert_eq!(out.is_empty(), phase != Broadcast);
        assert_eq!(step(&mut peer.clone(), Input::Propose(Payload::default())).is_empty(), phase != Broadcast);
        let out = receive(&mut peer.clone(), FOLLOWER, Message::Revalidate(Payload::default()));
        assert_eq!(out == [Output::Revalidate(FOLLOWER, Payload::default())], phase == Broadcast, "{phase:?}: {out:?}");
        assert_eq!(out.is_empty(), phase != Broadcast);
        let out = step(&mut peer, Input::Revalidated(FOLLOWER, Payload::default()));
        assert_eq!(out == [Output::Send(FOLLOWER, Message::Revalidate(Payload::default()))], phase == Broadcast);
        assert_eq!(out.is_empty(), phase != Broadcast, "{phase:?}: {out:?}");
    }
    let mut peer = leader(Broadcast);
    receive(&mut peer, LATE, Message::FollowerInfo(Epoch(1)));
    receive(&mut peer, LATE, Message::AckEpoch(has(2)));
    assert!(drops(&receive(&mut peer.clone(), LATE, Message::Request(request())), LATE));
    assert_eq!(receive(&mut peer.clone(), LATE, Message::Revalidate(Payload::default())), []);
    assert_eq!(step(&mut peer, Input::Revalidated(LATE, Payload::default())), []);
}

const SYNC: fn() -> Request = || Request::Sync(Payload::default());

/// The syncs that these outputs answer, by who asked.
fn answered(out: &[Output]) -> Vec<ServerId> {
    let asked = |output: &Output| match output {
        Output::Send(to, Message::Sync) => Some(*to),
        Output::Synced => Some(LEADER),
        _ => None,
    };
    out.iter().filter_map(asked).collect()
}

#[test]
fn who_leaves_takes_along_his_own_syncs_only() {
    let mut peer = leader(Broadcast);
    join(&mut peer, LATE);
    let asked = [FOLLOWER, LATE, FOLLOWER].map(|id| receive(&mut peer, id, Message::Request(SYNC())));
    assert!(asked.iter().all(|out| answered(out).is_empty()), "{asked:?}");
    assert_eq!(answered(&step(&mut peer, Input::Disconnected(FOLLOWER))), []);
    assert_eq!(answered(&receive(&mut peer, LATE, Message::Ping(3))), [LATE]);
    assert!(reigns(&peer));
}

#[test]
fn a_sync_is_confirmed_by_a_ping_that_was_sent_after_it() {
    let mut peer = leader(Broadcast);
    join(&mut peer, OBSERVER);
    assert_eq!(answered(&receive(&mut peer, FOLLOWER, Message::Request(SYNC()))), []);
    let out = receive(&mut peer, OBSERVER, Message::Request(SYNC()));
    assert!(out.contains(&Output::Send(FOLLOWER, Message::Ping(2))) && answered(&out).is_empty(), "{out:?}");
    assert_eq!(answered(&receive(&mut peer, OBSERVER, Message::Ping(2))), [], "an observer is of no quorum");
    assert_eq!(answered(&receive(&mut peer, FOLLOWER, Message::Ping(0))), []);
    assert_eq!(answered(&receive(&mut peer, FOLLOWER, Message::Ping(1))), [FOLLOWER]);
    assert_eq!(answered(&receive(&mut peer, FOLLOWER, Message::Ping(2))), [OBSERVER]);
    assert_eq!(answered(&step(&mut peer, Input::Request(SYNC()))), []);
    assert_eq!(answered(&receive(&mut peer, FOLLOWER, Message::Ping(2))), []);
    assert_eq!(answered(&receive(&mut peer, FOLLOWER, Message::Ping(3))), [LEADER]);
}

#[test]
fn a_sync_waits_for_what_was_proposed_before_it_and_for_nothing_else() {
    let mut peer = leader(Broadcast);
    let zxid = |counter| Zxid::new(EPOCH, counter);
    durable(&mut peer, Input::Propose(Payload::default()));
    receive(&mut peer, FOLLOWER, Message::Request(SYNC()));
    durable(&mut peer, Input::Propose(Payload::default()));
    assert_eq!(answered(&receive(&mut peer, FOLLOWER, Message::Ping(1))), [], "the first is not committed");
    // Both are logged at once: the answer stands between the two commits.
    let out = receive(&mut peer, FOLLOWER, Message::Ack(zxid(2)));
    let told: Vec<&Output> = out.iter().filter(|output| matches!(output, Output::Send(FOLLOWER, _))).collect();
    let [first, answer, second] = [Message::Commit(zxid(1)), Message::Sync, Message::Commit(zxid(2))]
        .map(|message| Output::Send(FOLLOWER, message));
    assert_eq!(told, [&first, &answer, &second]);
    let place = |wanted: &dyn Fn(&Output) -> bool| out.iter().position(wanted);
    let delivered = |counter| place(&|output| matches!(output, Output::Deliver(txn) if txn.zxid == zxid(counter)));
    assert!(delivered(1) < place(&|output| *output == answer), "{out:?}");
    assert!(delivered(1).is_some() && delivered(1) < delivered(2), "{out:?}");
}

#[test]
fn a_sync_is_confirmed_by_what_a_quorum_has_logged_after_it() {
    let mut peer = leader(Broadcast);
    receive(&mut peer, FOLLOWER, Message::Request(SYNC()));
    let out = durable(&mut peer, Input::Propose(Payload::default()));
    assert_eq!(answered(&out), [], "one of three is no quorum");
    let zxid = Zxid::new(EPOCH, 1);
    let out = receive(&mut peer, FOLLOWER, Message::Ack(zxid));
    let told = [Message::Sync, Message::Commit(zxid)].map(|message| Output::Send(FOLLOWER, message));
    assert_eq!(out[..2], told, "{out:?}");
}

#[test]
fn pings_are_for_learners_that_are_up_to_date() {
    for phase in PHASES {
        let mut peer = leader(phase);
        let out = step(&mut peer, Input::Timeout(Timer::Ping));
        assert_eq!(out.is_empty(), phase != Broadcast, "{phase:?}: {out:?}");
    }
    let mut peer = leader(Broadcast);
    receive(&mut peer, LATE, Message::FollowerInfo(Epoch(1)));
    receive(&mut peer, LATE, Message::AckEpoch(has(2)));
    let out = step(&mut peer, Input::Timeout(Timer::Ping));
    assert_eq!(out, [Output::Send(FOLLOWER, Message::Ping(1)), Output::Arm(Timer::Ping)]);
}

#[test]
fn a_reign_ends_when_no_quorum_is_left_and_patience_only_before_it() {
    for phase in PHASES {
        let before = leader(phase);
        let mut peer = before.clone();
        step(&mut peer, Input::Timeout(Timer::Init));
        assert_eq!(reigns(&peer), phase == Broadcast, "{phase:?}");
        let mut peer = before.clone();
        step(&mut peer, Input::Disconnected(FOLLOWER));
        assert_eq!(reigns(&peer), phase != Broadcast, "{phase:?}");
        for input in [
            Input::Disconnected(LEADER),
            Input::Disconnected(STRANGER),
            Input::Timeout(Timer::Notification),
            Input::Timeout(Timer::Settle),
            Input::Elected(FOLLOWER),
        ] {
            let mut peer = before.clone();
            let out = step(&mut peer, input.clone());
            assert!(out.is_empty() && peer == before, "{input} in {phase:?}: {out:?}");
        }
    }
    let mut peer = leader(Broadcast);
    join(&mut peer, LATE);
    step(&mut peer, Input::Disconnected(FOLLOWER));
    assert!(reigns(&peer));
    step(&mut peer, Input::Disconnected(LATE));
    assert!(!reigns(&peer));
}

#[test]
fn a_leader_follows_nobody() {
    let txn = || Txn { zxid: Zxid::new(EPOCH, 1), payload: Payload::default() };
    for message in [
        Message::LeaderInfo(EPOCH),
        Message::Diff(Zxid::new(Epoch(1), 2)),
        Message::Trunc(Zxid::ZERO),
        Message::Snap(Zxid::new(Epoch(1), 2)),
        Message::NewLeader(EPOCH),
        Message::UpToDate,
        Message::Proposal(txn()),
        Message::Commit(txn().zxid),
        Message::Inform(txn()),
        Message::Sync,
    ] {
        for phase in PHASES {
            let before = leader(phase);
            let mut peer = before.clone();
            let out = receive(&mut peer, FOLLOWER, message.clone());
            assert!(out.is_empty() && peer == before, "{message} in {phase:?}: {out:?}");
        }
    }
}

#[test]
fn a_longer_history_ends_a_reign_before_it_has_begun() {
    for (counter, ends) in [(1, false), (2, false), (3, true)] {
        let mut peer = leader(EpochProposed);
        receive(&mut peer, FOLLOWER, Message::AckEpoch(has(counter)));
        assert_eq!(!reigns(&peer), ends, "{counter}");
        // An observer's says nothing about quorums.
        let mut peer = leader(EpochProposed);
        receive(&mut peer, OBSERVER, Message::ObserverInfo(Epoch(1)));
        receive(&mut peer, OBSERVER, Message::AckEpoch(has(counter)));
        assert!(reigns(&peer), "{counter}");
    }
}

#[test]
fn what_the_disk_still_has_is_for_a_learner_that_waits_for_it() {
    let zxid = |counter| Zxid::new(Epoch(1), counter);
    let log = |from: u32, last: u32| {
        let mut history = History::from_snapshot(if from == 0 { Zxid::ZERO } else { zxid(from) });
        (from + 1..=last).for_each(|counter| history.append(Txn { zxid: zxid(counter), payload: Payload::default() }));
        history
    };
    let first_sent = |out: &[Output]| match out.first() {
        Some(Output::Send(LATE, message)) => Some(message.clone()),
        _ => None,
    };
    let mut peer = leader(Broadcast);
    step(&mut peer, Input::Snapshotted(zxid(2)));
    for early in [LATE, STRANGER, FOLLOWER, LEADER] {
        let before = peer.clone();
        assert_eq!(step(&mut peer, Input::Recalled(early, log(0, 2))), [], "{early}");
        assert_eq!(peer, before);
    }
    receive(&mut peer, LATE, Message::FollowerInfo(Epoch(1)));
    assert_eq!(step(&mut peer, Input::Recalled(LATE, log(0, 2))), [], "it has not said what it has");
    let out = receive(&mut peer, LATE, Message::AckEpoch(has(1)));
    assert_eq!(out, [Output::Recall(LATE, zxid(1))]);
    for (found, sent) in [
        (log(0, 2), Message::Diff(zxid(2))),
        (log(1, 2), Message::Diff(zxid(2))),
        (log(0, 3), Message::Diff(zxid(2))),
        (log(0, 1), Message::Snap(zxid(2))),
        (log(2, 2), Message::Snap(zxid(2))),
        (History::from_snapshot(Zxid::ZERO), Message::Snap(zxid(2))),
    ] {
        let mut peer = peer.clone();
        let out = step(&mut peer, Input::Recalled(LATE, found.clone()));
        assert_eq!(first_sent(&out), Some(sent), "{found:?}: {out:?}");
        assert!(out.contains(&Output::Send(LATE, Message::NewLeader(EPOCH))), "{out:?}");
        assert_eq!(step(&mut peer, Input::Recalled(LATE, found)), [], "once is enough");
    }
    step(&mut peer, Input::Disconnected(LATE));
    assert_eq!(step(&mut peer, Input::Recalled(LATE, log(0, 2))), [], "it is gone");
}

// ---- Notifications that count for nothing -------------------------------------------------------------------------

fn notification(state: ServerState, round: u64, leader: ServerId) -> Notification {
    let vote = Some(Vote { leader, zxid: Zxid::new(Epoch(9), 1), peer_epoch: Epoch(9) });
    Notification { state, round: Round(round), vote }
}

#[test]
fn notifications_are_of_voters_for_voters_and_of_rounds_that_can_be_counted_on() {
    let states = [ServerState::Looking, ServerState::Following, ServerState::Leading, ServerState::Observing];
    let before = recovered(FOLLOWER);
    for state in states {
        for (from, told) in [
            (FOLLOWER, notification(state, 1, LEADER)),
            (LEADER, notification(state, i64::MAX as u64 + 1, LEADER)),
            (LEADER, notification(state, 1, OBSERVER)),
            (LEADER, notification(state, 1, STRANGER)),
            (LEADER, Notification { vote: None, ..notification(state, 1, LEADER) }),
        ] {
            let mut peer = before.clone();
            let out = receive(&mut peer, from, Message::Notification(told));
            assert!(out.is_empty() && peer == before, "{told:?} of {from}: {out:?}");
        }
        for stranger in [OBSERVER, STRANGER] {
            let mut peer = before.clone();
            let told = Message::Notification(notification(state, 1, LEADER));
            let out = receive(&mut peer, stranger, told);
            assert!(matches!(out[..], [Output::Send(to, Message::Notification(_))] if to == stranger), "{out:?}");
            assert_eq!(peer, before);
        }
    }
    for input in [
        Input::Receive(LEADER, Message::Notification(notification(ServerState::Observing, 1, LEADER))),
        Input::Disconnected(LEADER),
    ] {
        let mut peer = before.clone();
        assert!(step(&mut peer, input.clone()).is_empty() && peer == before, "{input}");
    }
    let mut peer = before.clone();
    let last = notification(ServerState::Looking, i64::MAX as u64, LEADER);
    receive(&mut peer, LEADER, Message::Notification(last));
    assert_eq!((peer.round, peer.vote), (Round(i64::MAX as u64), last.vote));
    // Whoever has a leader answers who looks, and nobody else.
    for phase in PHASES {
        for state in states {
            let before = leader(phase);
            let mut peer = before.clone();
            let out = receive(&mut peer, FOLLOWER, Message::Notification(notification(state, 7, FOLLOWER)));
            assert_eq!(out.is_empty(), state != ServerState::Looking, "{state:?}: {out:?}");
            assert_eq!(peer, before);
        }
    }
}

//! Three servers of Java's, with a leader killed and started again: the specification explains every message, and does
//! not explain what Java would say with a defect.
//!
//! Java's are Debian's 3.8.0, or what `ZABKEEPER_APACHE_CLASSPATH` names. Without them the test says what it skips.

use conformance::apache::class_path;
use conformance::capture::explain::{Explanation, explain};
use conformance::capture::record::Event;
use conformance::capture::{Course, capture, ensemble};
use std::io::Write;
use zab::{AckEpoch, Epoch, Message, ServerState, Zxid};

#[test]
fn java_is_explained_and_javas_defects_are_not() {
    if let Err(why) = class_path() {
        let _ = writeln!(std::io::stderr(), "capture: skipped, there is no Apache ZooKeeper: {why}");
        return;
    }
    for load in [false, true] {
        // With 3.8.0's servers among themselves clients wait for ever, once in a while: that is not asked here.
        let recorded = (0..3).find_map(|_| capture(Course { writes: 4, kills: 1, load, overlap: false }).ok());
        let events = recorded.expect("a recording");
        is_explained(&events);
        if !load {
            defects_are_found(&events);
        }
    }
}

fn is_explained(events: &[Event]) {
    let explanations = explain(events, &ensemble());
    for explanation in &explanations {
        assert!(explanation.unexplained.is_none(), "{explanation}");
        assert_eq!(explanation.explained, explanation.sent);
        assert!(explanation.sent > 50, "{explanation}");
    }
    assert!(!events.iter().any(|event| matches!(event, Event::Unreadable { .. })), "a packet could not be read");
}

/// Changes what one server says, in one message, and sees that it is that server that is not explained any more.
fn defects_are_found(events: &[Event]) {
    let missing = |wanted: fn(&Message) -> bool| {
        let mut events = events.to_vec();
        let at = place(&events, wanted);
        let sender = sender(&events.remove(at));
        refused(&events, sender, "without a message")
    };
    let changed = |wanted: fn(&Message) -> bool, change: fn(&mut Message)| {
        let mut events = events.to_vec();
        let at = place(&events, wanted);
        let who = sender(&events[at]);
        let Event::Passed { message, .. } = &mut events[at] else { unreachable!("a message") };
        change(message);
        refused(&events, who, "with another message")
    };
    missing(|message| matches!(message, Message::Commit(_)));
    missing(|message| matches!(message, Message::NewLeader(_)));
    missing(|message| matches!(message, Message::UpToDate));
    missing(|message| matches!(message, Message::Ack(zxid) if zxid.counter() > 1));
    changed(|message| matches!(message, Message::LeaderInfo(_)), |message| *message = Message::LeaderInfo(Epoch(9)));
    changed(
        |message| matches!(message, Message::AckEpoch(_)),
        |message| *message = Message::AckEpoch(AckEpoch { current_epoch: None, last_zxid: Zxid::ZERO }),
    );
    changed(|message| matches!(message, Message::Diff(_)), |message| *message = Message::Trunc(Zxid::ZERO));
    changed(
        |message| matches!(message, Message::Commit(zxid) if zxid.counter() == 3),
        |message| *message = Message::Commit(Zxid::new(Epoch(1), 4)),
    );
    changed(
        |message| matches!(message, Message::Notification(n) if n.state == ServerState::Looking),
        |message| {
            if let Message::Notification(notification) = message {
                notification.round.0 += 7;
            }
        },
    );
    early_acknowledgement(events);
}

/// An acknowledgement that comes before the proposal: of what is not written.
fn early_acknowledgement(events: &[Event]) {
    let mut events = events.to_vec();
    let ack = |message: &Message| matches!(message, Message::Ack(zxid) if zxid.counter() > 2);
    let at = place(&events, ack);
    let Event::Passed { from: follower, message: Message::Ack(zxid), .. } = events[at].clone() else {
        unreachable!("an acknowledgement")
    };
    let proposal = events.iter().position(|event| {
        matches!(event, Event::Passed { to, message: Message::Proposal(txn), .. }
            if *to == follower && txn.zxid == zxid)
    });
    let moved = events.remove(at);
    events.insert(proposal.expect("its proposal"), moved);
    refused(&events, follower.0, "with an acknowledgement before the write");
}

fn place(events: &[Event], wanted: fn(&Message) -> bool) -> usize {
    let is_wanted = |event: &Event| matches!(event, Event::Passed { message, .. } if wanted(message));
    events.iter().position(is_wanted).expect("such a message")
}

fn sender(event: &Event) -> u8 {
    let Event::Passed { from, .. } = event else { unreachable!("a message") };
    from.0
}

fn refused(events: &[Event], id: u8, what: &str) {
    let explanations: Vec<Explanation> = explain(events, &ensemble());
    let explanation = explanations.iter().find(|explanation| explanation.id.0 == id).expect("a server");
    assert!(explanation.unexplained.is_some(), "{what} it is still explained: {explanation}");
    let _ = writeln!(std::io::stderr(), "{what}: {explanation}");
}

//! What a line of a recording must stand behind.

use conformance::links::causes;
use conformance::merge::At;
use conformance::recording::{Entry, Place, Recording};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use zab::trace::Event;
use zab::{Disk, Ensemble, Epoch, Input, Message, Output, Payload, ServerId, Txn, Write, Zxid};

const LEADER: ServerId = ServerId(2);
const LEARNER: ServerId = ServerId(1);

fn entries(events: impl IntoIterator<Item = Event>) -> Vec<Entry> {
    let place = Place { file: Arc::from(Path::new("x")), line: 1 };
    events.into_iter().map(|event| Entry { event, place: place.clone() }).collect()
}

fn step(input: Input, outputs: Vec<Output>) -> Event {
    Event::Stepped { input, outputs }
}

fn recovered(log: &[Txn]) -> Event {
    let mut disk = Disk::default();
    log.iter().for_each(|txn| disk.history.append(txn.clone()));
    Event::Recovered { disk: Some(disk), outputs: Vec::new() }
}

/// A learner is killed, and its recorder knows of one of two proposals; its disk holds `kept`.
fn before_the_next_run(kept: &[Txn], sent: &[Txn]) -> Vec<At> {
    let info = Message::FollowerInfo(Epoch(0));
    let proposal = |txn: &Txn| {
        vec![Output::Send(LEARNER, Message::Proposal(txn.clone())), Output::Write(Write::Append(txn.clone()))]
    };
    let mut of_leader = vec![recovered(&[]), step(Input::Receive(LEARNER, info.clone()), Vec::new())];
    of_leader.extend(sent.iter().map(|txn| step(Input::Propose(txn.payload.clone()), proposal(txn))));
    let of_learner = [
        recovered(&[]),
        step(Input::Connected(LEADER), vec![Output::Send(LEADER, info)]),
        step(Input::Receive(LEADER, Message::Proposal(sent[0].clone())), Vec::new()),
        recovered(kept),
    ];
    let servers = BTreeMap::from([(LEADER, entries(of_leader)), (LEARNER, entries(of_learner))]);
    let ensemble = Arc::new(Ensemble::majority([LEARNER, LEADER], []).expect("an ensemble"));
    let recording = Recording { ensemble, servers };
    causes(&recording).expect("all was sent").also.remove(&(LEARNER, 3)).unwrap_or_default()
}

#[test]
fn what_the_next_run_finds_was_sent_before() {
    let txn = |zxid, data: &'static str| Txn { zxid: Zxid(zxid), payload: Payload(data.into()) };
    let sent = [txn(1, "a"), txn(2, "b"), txn(3, "c")];
    assert_eq!(before_the_next_run(&sent[..2], &sent), [(LEADER, 3)]);
    assert_eq!(before_the_next_run(&sent, &sent), [(LEADER, 4)]);
    // Of another epoch, by way of another leader.
    assert_eq!(before_the_next_run(&[txn(1, "a"), txn(1 << 32 | 1, "x")], &sent), []);
}

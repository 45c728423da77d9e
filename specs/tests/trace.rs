//! Traces: what is written is what is read, what a server did is accepted, and what it did not do is refused.

use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::Arc;
use zab::trace::{Difference, Elections, Event, FORMAT, Header, Line, VERSION, validate};
use zab::{
    AckEpoch, Disk, Ensemble, Epoch, Halt, History, Input, Message, Notification, Output, Payload, Peer, Request,
    Round, ServerId, ServerState, Timer, Txn, Vote, Write, Zxid,
};

const ME: ServerId = ServerId(1);

// ---- Everything that a line can say -------------------------------------------------------------------------------

fn id() -> impl Strategy<Value = ServerId> {
    (1..=255u8).prop_map(ServerId)
}

fn zxid() -> impl Strategy<Value = Zxid> {
    prop_oneof![any::<u64>(), 0..5u64].prop_map(Zxid)
}

fn payload() -> impl Strategy<Value = Payload> {
    proptest::collection::vec(any::<u8>(), 0..5).prop_map(|bytes| Payload(bytes.into()))
}

fn txn() -> impl Strategy<Value = Txn> {
    (zxid(), payload()).prop_map(|(zxid, payload)| Txn { zxid, payload })
}

fn epoch() -> impl Strategy<Value = Epoch> {
    any::<u32>().prop_map(Epoch)
}

fn timer() -> impl Strategy<Value = Timer> {
    proptest::sample::select(vec![Timer::Notification, Timer::Settle, Timer::Init, Timer::Ping])
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![payload().prop_map(Request::Write), payload().prop_map(Request::Sync)]
}

fn notification() -> impl Strategy<Value = Notification> {
    use ServerState::{Following, Leading, Looking, Observing};
    let state = proptest::sample::select(vec![Looking, Following, Leading, Observing]);
    let vote = (id(), zxid(), epoch()).prop_map(|(leader, zxid, peer_epoch)| Vote { leader, zxid, peer_epoch });
    let parts = (state, any::<u64>(), proptest::option::of(vote));
    parts.prop_map(|(state, round, vote)| Notification { state, round: Round(round), vote })
}

fn message() -> impl Strategy<Value = Message> {
    let ack = (proptest::option::of(epoch()), zxid());
    let ack = ack.prop_map(|(current_epoch, last_zxid)| AckEpoch { current_epoch, last_zxid });
    let quorum = prop_oneof![
        epoch().prop_map(Message::FollowerInfo),
        epoch().prop_map(Message::ObserverInfo),
        epoch().prop_map(Message::LeaderInfo),
        epoch().prop_map(Message::NewLeader),
        ack.prop_map(Message::AckEpoch),
        zxid().prop_map(Message::Diff),
        zxid().prop_map(Message::Trunc),
        zxid().prop_map(Message::Snap),
        zxid().prop_map(Message::Ack),
        zxid().prop_map(Message::Commit),
    ];
    prop_oneof![
        quorum,
        notification().prop_map(Message::Notification),
        txn().prop_map(Message::Proposal),
        txn().prop_map(Message::Inform),
        request().prop_map(Message::Request),
        payload().prop_map(Message::Revalidate),
        any::<u64>().prop_map(Message::Ping),
        Just(Message::Sync),
        Just(Message::UpToDate),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        (id(), message()).prop_map(|(from, message)| Input::Receive(from, message)),
        id().prop_map(Input::Connected),
        id().prop_map(Input::Disconnected),
        timer().prop_map(Input::Timeout),
        request().prop_map(Input::Request),
        payload().prop_map(Input::Propose),
        payload().prop_map(Input::Revalidate),
        (id(), payload()).prop_map(|(to, answer)| Input::Revalidated(to, answer)),
        zxid().prop_map(Input::Snapshotted),
        (id(), zxid()).prop_map(|(to, zxid)| Input::Recalled(to, History::from_snapshot(zxid))),
        id().prop_map(Input::Elected),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        epoch().prop_map(Write::AcceptedEpoch),
        epoch().prop_map(Write::CurrentEpoch),
        txn().prop_map(Write::Append),
        zxid().prop_map(Write::Truncate),
        zxid().prop_map(Write::Snapshot),
        zxid().prop_map(Write::Replace),
    ]
}

fn output() -> impl Strategy<Value = Output> {
    let halt = (zxid(), zxid(), zxid());
    let halt = halt.prop_map(|(to, snapshot, last)| Halt::CannotTruncate { to, snapshot, last });
    prop_oneof![
        write().prop_map(Output::Write),
        (id(), message()).prop_map(|(to, message)| Output::Send(to, message)),
        (id(), message()).prop_map(|(to, message)| Output::SendWhenDurable(to, message)),
        txn().prop_map(Output::Deliver),
        zxid().prop_map(Output::Install),
        prop_oneof![id().prop_map(Output::Connect), id().prop_map(Output::Disconnect)],
        timer().prop_map(Output::Arm),
        (id(), request()).prop_map(|(from, request)| Output::Prepare(from, request)),
        (id(), payload()).prop_map(|(from, session)| Output::Revalidate(from, session)),
        payload().prop_map(Output::Revalidated),
        (id(), zxid()).prop_map(|(to, after)| Output::Recall(to, after)),
        halt.prop_map(Output::Halt),
        Just(Output::Synced),
    ]
}

fn disk() -> impl Strategy<Value = Disk> {
    (epoch(), epoch(), zxid()).prop_map(|(accepted_epoch, current_epoch, snapshot)| Disk {
        accepted_epoch,
        current_epoch,
        history: History::from_snapshot(snapshot),
    })
}

fn event() -> impl Strategy<Value = Event> {
    let outputs = || proptest::collection::vec(output(), 0..4);
    prop_oneof![
        (proptest::option::of(disk()), outputs()).prop_map(|(disk, outputs)| Event::Recovered { disk, outputs }),
        (input(), outputs()).prop_map(|(input, outputs)| Event::Stepped { input, outputs }),
        (1..3_usize, write()).prop_map(|(count, write)| Event::Flushed { count, write }),
        Just(Event::Crashed),
    ]
}

proptest! {
    #[test]
    fn a_line_survives_json(server in id(), event in event()) {
        let line = Line { server, event };
        let text = serde_json::to_string(&line).unwrap();
        prop_assert!(!text.contains('\n'));
        prop_assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
    }
}

// ---- A server that is alone: it elects itself, and its own disk is the only one that it waits for -----------------

fn header() -> Header {
    let ensemble = Arc::new(Ensemble::majority([ME], []).unwrap());
    let recorded_by = "a test".to_owned();
    Header { format: FORMAT.to_owned(), version: VERSION, ensemble, elections: Elections::Held, recorded_by }
}

#[test]
fn a_header_survives_json() {
    let text = serde_json::to_string(&header()).unwrap();
    assert_eq!(serde_json::from_str::<Header>(&text).unwrap(), header());
}

enum Waiting {
    Write(Write),
    Own(Message),
}

struct Alone {
    peer: Option<Peer>,
    disk: Disk,
    queue: VecDeque<Waiting>,
    inputs: VecDeque<Input>,
    lines: Vec<Line>,
}

impl Alone {
    /// The trace of a server to which these things happen, where they can.
    fn trace(choices: &[u8]) -> Vec<Line> {
        let (disk, queue, inputs, lines) = Default::default();
        let mut alone = Alone { peer: None, disk, queue, inputs, lines };
        for choice in choices {
            alone.act(*choice);
        }
        alone.lines
    }

    fn act(&mut self, choice: u8) {
        let Some(peer) = &self.peer else {
            let mut outputs = Vec::new();
            self.peer = Some(Peer::recover(ME, header().ensemble, &self.disk, &mut outputs));
            self.perform(&outputs);
            return self.record(Event::Recovered { disk: Some(self.disk.clone()), outputs });
        };
        match choice {
            0 => {
                self.peer = None;
                self.queue.clear();
                self.inputs.clear();
                self.record(Event::Crashed);
            }
            1..=9 if !self.inputs.is_empty() => {
                let input = self.inputs.pop_front().unwrap();
                self.step(input);
            }
            10..=19 if !self.queue.is_empty() => self.flush(),
            20..=29 if peer.is_serving() => self.step(Input::Request(Request::Write(Payload(vec![choice].into())))),
            30..=31 if peer.is_serving() => self.step(Input::Snapshotted(peer.delivered)),
            32 => self.step(Input::Timeout(Timer::Init)),
            _ => self.step(Input::Timeout(Timer::Settle)),
        }
    }

    fn flush(&mut self) {
        if let Some(Waiting::Write(write)) = self.queue.pop_front() {
            self.disk.apply(&write);
            self.record(Event::Flushed { count: 1, write });
        }
        self.release();
    }

    fn release(&mut self) {
        while let Some(Waiting::Own(message)) = self.queue.front() {
            self.inputs.push_back(Input::Receive(ME, message.clone()));
            self.queue.pop_front();
        }
    }

    fn step(&mut self, input: Input) {
        let mut outputs = Vec::new();
        self.peer.as_mut().unwrap().step(input.clone(), &mut outputs);
        self.perform(&outputs);
        self.record(Event::Stepped { input, outputs });
    }

    fn perform(&mut self, outputs: &[Output]) {
        for output in outputs {
            match output {
                Output::Write(write) => self.queue.push_back(Waiting::Write(write.clone())),
                Output::SendWhenDurable(_, message) => self.queue.push_back(Waiting::Own(message.clone())),
                Output::Prepare(_, Request::Write(payload)) => self.inputs.push_back(Input::Propose(payload.clone())),
                Output::Disconnect(ME) => {
                    self.queue.retain(|waiting| matches!(waiting, Waiting::Write(_)));
                    self.inputs.clear();
                }
                _ => {}
            }
        }
        self.release();
    }

    fn record(&mut self, event: Event) {
        self.lines.push(Line { server: ME, event });
    }
}

fn refusal(lines: &[Line]) -> Option<Difference> {
    validate(&header(), lines).err().map(|refusal| refusal.difference)
}

/// A trace in which the server leads, serves, delivers a transaction of its own, crashes and comes back.
fn long() -> Vec<Line> {
    let reign = [40, 40, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 20, 1, 10, 1, 30, 10];
    let lines = Alone::trace(&[&reign[..], &[0], &reign[..]].concat());
    let delivers = |output: &Output| matches!(output, Output::Deliver(_));
    let delivered =
        |line: &&Line| matches!(&line.event, Event::Stepped { outputs, .. } if outputs.iter().any(delivers));
    assert_eq!(lines.iter().filter(delivered).count(), 2, "{lines:#?}");
    lines
}

proptest! {
    #[test]
    fn what_a_server_did_is_accepted(choices in proptest::collection::vec(0..40u8, 0..120)) {
        let lines = Alone::trace(&choices);
        prop_assert_eq!(refusal(&lines), None);
    }

    #[test]
    fn a_lost_flush_is_refused(choices in proptest::collection::vec(1..32u8, 60..120)) {
        // Whatever comes after it shows that it is missing: another flush, an own message, or a recovery.
        let mut lines = Alone::trace(&[&[40, 40][..], &choices, &[0, 40]].concat());
        let flush = lines.iter().position(|line| matches!(line.event, Event::Flushed { .. }));
        prop_assume!(flush.is_some());
        lines.remove(flush.unwrap());
        prop_assert!(refusal(&lines).is_some());
    }

    #[test]
    fn a_flush_of_several_is_one_line(choices in proptest::collection::vec(1..32u8, 60..120), wrong in 0..4_usize) {
        let mut lines = Vec::<Line>::new();
        for line in Alone::trace(&[&[40, 40][..], &choices].concat()) {
            match (lines.last_mut().map(|last| &mut last.event), line.event) {
                (Some(Event::Flushed { count, write }), Event::Flushed { write: later, .. }) => {
                    (*count, *write) = (*count + 1, later);
                }
                (_, event) => lines.push(Line { server: ME, event }),
            }
        }
        prop_assert_eq!(refusal(&lines), None);
        let flush = lines.iter_mut().find_map(|line| match &mut line.event {
            Event::Flushed { count, .. } if *count > 1 && *count != wrong => Some(count),
            _ => None,
        });
        prop_assume!(flush.is_some());
        *flush.unwrap() = wrong;
        prop_assert!(matches!(refusal(&lines), Some(Difference::Flushed { .. })), "{:?}", refusal(&lines));
    }

    #[test]
    fn outputs_in_another_order_are_refused(choices in proptest::collection::vec(1..32u8, 30..80), pick: usize) {
        let mut lines = Alone::trace(&[&[40, 40][..], &choices].concat());
        let mut pairs: Vec<_> = lines.iter_mut().filter_map(|line| match &mut line.event {
            Event::Recovered { outputs, .. } | Event::Stepped { outputs, .. } if outputs.len() > 1 => Some(outputs),
            _ => None,
        }).collect();
        prop_assume!(!pairs.is_empty());
        let place = pick % pairs.len();
        let outputs = &mut pairs[place];
        prop_assume!(outputs[0] != outputs[1]);
        outputs.swap(0, 1);
        let refusal = refusal(&lines);
        prop_assert!(matches!(refusal, Some(Difference::Outputs { place: 1, .. })), "{refusal:?}");
    }
}

#[test]
fn an_acknowledgement_before_its_write_is_refused() {
    let mut lines = long();
    assert_eq!(refusal(&lines), None);
    // The own acknowledgement of the transaction moves before the flush that releases it.
    let is_append = |line: &Line| matches!(line.event, Event::Flushed { write: Write::Append(_), .. });
    let flush = lines.iter().position(is_append).unwrap();
    assert!(matches!(&lines[flush + 1].event, Event::Stepped { input: Input::Receive(ME, Message::Ack(_)), .. }));
    lines.swap(flush, flush + 1);
    let refusal = validate(&header(), &lines).unwrap_err();
    assert_eq!((refusal.line, refusal.server), (flush + 2, ME));
    assert!(matches!(refusal.difference, Difference::NotReleased { expected: None, .. }), "{refusal}");
    let end = "received from itself: ACK (1,1); before what this waits for was durable";
    assert_eq!(refusal.to_string(), format!("line {} (s1): {end}", flush + 2));
}

#[test]
fn a_disk_that_lost_a_durable_write_is_refused() {
    let mut lines = long();
    let crash = lines.iter().position(|line| line.event == Event::Crashed).unwrap();
    let Event::Recovered { disk: Some(disk), .. } = &mut lines[crash + 1].event else { panic!("it recovers") };
    assert_eq!(disk.history.last(), Zxid::new(Epoch(1), 1));
    disk.history = History::default();
    assert!(matches!(refusal(&lines), Some(Difference::Disk { .. })));
}

#[test]
fn events_of_a_server_in_the_wrong_life_are_refused() {
    let crash = Line { server: ME, event: Event::Crashed };
    assert_eq!(refusal(std::slice::from_ref(&crash)), Some(Difference::Down));
    let up = Alone::trace(&[40]);
    assert_eq!(refusal(&[up[0].clone(), up[0].clone()]), Some(Difference::Up));
    assert_eq!(refusal(&[up[0].clone(), crash.clone(), crash]), Some(Difference::Down));
    let stranger = Line { server: ServerId(9), event: Event::Crashed };
    assert_eq!(refusal(&[stranger]), Some(Difference::NotInEnsemble));
    let broken = Disk { current_epoch: Epoch(1), ..Disk::default() };
    let recovered = Event::Recovered { disk: Some(broken), outputs: Vec::new() };
    assert_eq!(refusal(&[Line { server: ME, event: recovered }]), Some(Difference::BrokenDisk));
}

/// Traces write a payload's digits; of one with more than 16 bytes, those of its first 12 and of the CRC-32 of all.
#[test]
fn a_payload_is_its_digits() {
    let digits = |length: u8| {
        let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_add(250)).collect();
        let payload = Payload(bytes.into());
        let digits = String::from_utf8(payload.digits().as_bytes().to_vec()).expect("digits are text");
        assert_eq!(serde_json::to_value(&payload).expect("plain data"), digits);
        digits
    };
    assert_eq!(digits(0), "");
    assert_eq!(digits(3), "fafbfc");
    assert_eq!(digits(16), "fafbfcfdfeff00010203040506070809");
    assert_eq!(digits(17), "fafbfcfdfeff0001020304053fb8ea6b");
}

#[test]
fn half_a_byte_is_no_payload() {
    let read = |text: &str| serde_json::from_value::<Payload>(text.into()).map(|payload| payload.0);
    assert_eq!(read("ab0F").expect("two bytes"), [0xab, 0x0f].as_slice());
    assert!(read("ab0").is_err() && read("abxy").is_err());
    let bytes: Payload = serde_json::from_str("[171, 15]").expect("an array of bytes");
    assert_eq!(bytes.0, [0xab, 0x0f].as_slice());
    let error = serde_json::from_str::<Payload>("true").expect_err("neither").to_string();
    assert!(error.contains("an even number of hexadecimal digits, or an array of bytes"), "{error}");
}

#[test]
fn a_flush_says_how_many_if_there_are_several() {
    let write = Write::AcceptedEpoch(Epoch(1));
    let text = |count| {
        let event = Event::Flushed { count, write: write.clone() };
        serde_json::to_string(&Line { server: ServerId(1), event }).expect("plain data")
    };
    assert_eq!(text(1), r#"{"server":1,"event":"flushed","write":{"AcceptedEpoch":1}}"#);
    assert_eq!(text(2), r#"{"server":1,"event":"flushed","count":2,"write":{"AcceptedEpoch":1}}"#);
}

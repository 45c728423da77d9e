//! Traces of one server among three: what waits for the disk on the way to itself and to others, and elections that
//! were held elsewhere.

use std::sync::Arc;
use zab::trace::{Difference, Elections, Event, FORMAT, Header, Line, Replay, VERSION, is_of_elections, validate};
use zab::{
    Disk, Ensemble, Epoch, Input, Message, Notification, Output, Peer, Round, ServerId, ServerState, Timer, Write,
};

const ME: ServerId = ServerId(1);
const LEADER: ServerId = ServerId(3);

/// Server 1 of three meets these inputs, with all its outputs; then its promise to the first epoch is durable.
fn promise(inputs: &[Input]) -> Vec<Event> {
    let (mut outputs, disk) = (Vec::new(), Disk::default());
    let mut peer = Peer::recover(ME, ensemble(), &disk, &mut outputs);
    let mut events = vec![Event::Recovered { disk: Some(disk), outputs }];
    for input in inputs {
        let mut outputs = Vec::new();
        peer.step(input.clone(), &mut outputs);
        events.push(Event::Stepped { input: input.clone(), outputs });
    }
    events.push(Event::Flushed { count: 1, write: Write::AcceptedEpoch(Epoch(1)) });
    events
}

fn follows() -> Vec<Event> {
    let told = Input::Receive(LEADER, Message::LeaderInfo(Epoch(1)));
    promise(&[Input::Elected(LEADER), Input::Connected(LEADER), told])
}

fn ensemble() -> Arc<Ensemble> {
    Arc::new(Ensemble::majority((1..=3).map(ServerId), []).expect("an ensemble"))
}

fn refusal(elections: Elections, events: &[Event]) -> Option<Difference> {
    let (format, recorded_by) = (FORMAT.to_owned(), "a test".to_owned());
    let header = Header { format, version: VERSION, ensemble: ensemble(), elections, recorded_by };
    let lines: Vec<Line> = events.iter().map(|event| Line { server: ME, event: event.clone() }).collect();
    validate(&header, &lines).err().map(|refusal| refusal.difference)
}

/// What of this is on its way through the disk to this server.
fn on_its_way(events: &[Event], server: ServerId) -> Message {
    let outputs = events.iter().flat_map(|event| match event {
        Event::Stepped { outputs, .. } => outputs.as_slice(),
        _ => &[],
    });
    let mut messages = outputs.filter_map(|output| match output {
        Output::SendWhenDurable(to, message) if *to == server => Some(message.clone()),
        _ => None,
    });
    messages.next().expect("something is")
}

#[test]
fn a_replay_shows_memory_and_disk() {
    let mut replay = Replay::new(ME, ensemble(), Elections::Held);
    assert!(replay.peer().is_none() && replay.disk().is_none(), "nothing is known yet");
    for event in follows() {
        replay.take(&event).expect("as specified");
    }
    assert_eq!(replay.peer().map(|peer| peer.memory.accepted_epoch), Some(Epoch(1)));
    assert_eq!(replay.disk().map(|disk| disk.accepted_epoch), Some(Epoch(1)));
    replay.take(&Event::Crashed).expect("it may crash");
    assert!(replay.peer().is_none() && replay.disk().is_some());
}

#[test]
fn a_refusal_says_both_outputs_in_full() {
    let mut events = follows();
    let Some(Event::Stepped { outputs, .. }) = events.get_mut(2) else { panic!("a step") };
    let specified = outputs.pop().expect("an output");
    let difference = refusal(Elections::Held, &events).expect("an output is missing");
    let text = difference.to_string();
    assert!(text.contains(&format!("should be: {specified} [{specified:?}]; recorded is: nothing more")), "{text}");
}

#[test]
fn what_was_sent_to_others_does_not_come_back() {
    let mut events = follows();
    assert_eq!(refusal(Elections::Held, &events), None);
    let message = on_its_way(&events, LEADER);
    events.push(Event::Stepped { input: Input::Receive(ME, message), outputs: Vec::new() });
    let difference = refusal(Elections::Held, &events);
    assert!(matches!(difference, Some(Difference::NotReleased { .. })), "{difference:?}");
}

#[test]
fn what_waits_on_the_way_to_itself_does_so_whoever_is_sent_away() {
    let came = Input::Receive(ServerId(2), Message::FollowerInfo(Epoch(0)));
    let mut events = promise(&[Input::Elected(ME), came.clone(), came]);
    let gone = |output: &Output| *output == Output::Disconnect(ServerId(2));
    assert!(events.iter().any(|event| matches!(event, Event::Stepped { outputs, .. } if outputs.iter().any(gone))));
    let message = on_its_way(&events, ME);
    events.push(Event::Stepped { input: Input::Receive(ME, message), outputs: Vec::new() });
    assert_eq!(refusal(Elections::Held, &events), None);
}

#[test]
fn what_is_said_and_waited_for_in_elections() {
    let spoken = Message::Notification(Notification { state: ServerState::Looking, round: Round(1), vote: None });
    assert!(is_of_elections(&Output::Send(LEADER, spoken)));
    assert!(!is_of_elections(&Output::Send(LEADER, Message::FollowerInfo(Epoch(0)))));
    assert!(is_of_elections(&Output::Arm(Timer::Notification)) && is_of_elections(&Output::Arm(Timer::Settle)));
    assert!(!is_of_elections(&Output::Arm(Timer::Init)) && !is_of_elections(&Output::Connect(LEADER)));
}

#[test]
fn elections_elsewhere_are_not_compared() {
    let mut events = follows();
    let difference = refusal(Elections::Elsewhere, &events);
    assert!(matches!(difference, Some(Difference::Outputs { .. })), "it says what nobody asked for: {difference:?}");
    for event in &mut events {
        if let Event::Recovered { outputs, .. } | Event::Stepped { outputs, .. } = event {
            outputs.retain(|output| !is_of_elections(output));
        }
    }
    assert_eq!(refusal(Elections::Elsewhere, &events), None);
    let difference = refusal(Elections::Held, &events);
    assert!(matches!(difference, Some(Difference::Outputs { .. })), "what it said is missing: {difference:?}");
}

//! The recipes' rules, one by one: what their models cannot tell, because it only costs messages.

use zab::recipes::registry::{Ask, Cache, Tell};
use zab::recipes::two_phase_commit::{Effect, Form, Message, Process, Record};

#[test]
fn a_cache_asks_for_what_it_does_not_wait_for() {
    let mut cache = Cache::default();
    assert_eq!(cache.step(Tell::Begin), Some(Ask::ListAndWatch));
    assert_eq!(cache.step(Tell::Changed), None, "the answer that it waits for says it");
    assert_eq!(cache.step(Tell::Interrupted), Some(Ask::ListAndWatch), "the answer may be lost");
    assert_eq!(cache.step(Tell::Listed(vec!["a".to_owned()])), None);
    assert_eq!(cache.step(Tell::Interrupted), None, "nothing is lost, and the watch is set again");
    assert_eq!(cache.step(Tell::Changed), Some(Ask::ListAndWatch));
}

const PREPARED: Record = Record::Accepted { epoch: 1, has: true };

/// What a process of three does when it starts again with this log.
fn recovered(id: u8, log: &[Record]) -> Vec<Effect> {
    let mut effects = Vec::new();
    let _ = Process::new(id, 3, Form::Classic, true).recover(log, false, &mut effects);
    effects
}

#[test]
fn the_coordinator_tells_its_decision_again_and_nobody_else_does() {
    let told = |id| Effect::SendWhenDurable(id, Message::Decide(true));
    let log = [PREPARED, Record::Decided(true)];
    assert_eq!(recovered(0, &log), [told(1), told(2)]);
    assert_eq!(recovered(1, &log), []);
}

#[test]
fn a_coordinator_without_a_decision_aborts_and_a_participant_asks() {
    let told = |id| Effect::SendWhenDurable(id, Message::Decide(false));
    assert_eq!(recovered(0, &[PREPARED]), [Effect::Write(Record::Decided(false)), told(1), told(2)]);
    let [ask, vote] = [Effect::Send(0, Message::Ask), Effect::Send(0, Message::Vote(1, true))];
    assert_eq!(recovered(1, &[PREPARED]), [ask, Effect::Send(2, Message::Ask), vote]);
}

#[test]
fn only_a_coordinator_that_has_not_decided_gives_up() {
    let mut effects = Vec::new();
    let mut participant = Process::new(1, 3, Form::Classic, true);
    participant.give_up(&mut effects);
    assert_eq!((participant.decided, effects.len()), (None, 0));
    let mut coordinator = Process::new(0, 3, Form::Classic, true);
    coordinator.begin(&mut effects);
    coordinator.give_up(&mut effects);
    assert_eq!(coordinator.decided, Some(false));
    effects.clear();
    coordinator.give_up(&mut effects);
    assert_eq!(effects, []);
}

/// What a process does that is told this.
fn answers(process: &mut Process, message: Message) -> Vec<Effect> {
    let mut effects = Vec::new();
    process.receive(0, message, &mut effects);
    effects
}

#[test]
fn a_decision_is_passed_on_by_who_coordinates_only() {
    let mut participant = Process::new(1, 3, Form::Classic, true);
    answers(&mut participant, Message::Propose(1, true));
    assert_eq!(answers(&mut participant, Message::Decide(true)), [Effect::Write(Record::Decided(true))]);
}

#[test]
fn a_late_vote_is_answered_in_the_classic_form_only() {
    let told = |form| {
        let mut process = Process::new(1, 3, form, true);
        answers(&mut process, Message::Decide(true));
        answers(&mut process, Message::Vote(1, true))
    };
    assert_eq!(told(Form::Classic), [Effect::SendWhenDurable(0, Message::Decide(true))]);
    assert_eq!(told(Form::Zab), []);
}

#[test]
fn nobody_promises_an_epoch_twice() {
    let mut process = Process::new(1, 3, Form::Zab, true);
    let promise = Effect::SendWhenDurable(0, Message::Promise(2, None));
    assert_eq!(answers(&mut process, Message::NewEpoch(2)), [Effect::Write(Record::Promised(2)), promise]);
    assert_eq!(answers(&mut process, Message::NewEpoch(2)), []);
}

#[test]
fn who_cannot_do_its_part_refuses_in_the_classic_form_only() {
    let vote = |form| {
        let effects = answers(&mut Process::new(1, 3, form, false), Message::Propose(1, true));
        effects.last().copied()
    };
    assert_eq!(vote(Form::Classic), Some(Effect::SendWhenDurable(0, Message::Vote(1, false))));
    assert_eq!(vote(Form::Zab), Some(Effect::SendWhenDurable(0, Message::Vote(1, true))));
}

#[test]
fn a_majority_decides_in_zabs_form() {
    let mut effects = Vec::new();
    let mut coordinator = Process::new(0, 5, Form::Zab, true);
    coordinator.begin(&mut effects);
    let mut votes = |from| {
        coordinator.receive(from, Message::Vote(1, true), &mut effects);
        coordinator.decided
    };
    assert_eq!([votes(0), votes(1), votes(1), votes(2)], [None, None, None, Some(true)]);
}

#[test]
fn without_a_majority_nobody_coordinates() {
    let mut effects = Vec::new();
    let mut coordinator = Process::new(0, 3, Form::Zab, true);
    coordinator.begin(&mut effects);
    coordinator.lose_majority();
    assert_eq!(coordinator.leads, None);
    for from in [1, 2] {
        coordinator.receive(from, Message::Vote(1, true), &mut effects);
    }
    assert_eq!(coordinator.decided, None, "votes come too late");
}

//! What each action does, and where the mistakes are planted: between a process and its disk and wire.

use super::{Action, COUNT, TwoPhaseCommit, Variant, World};
use std::collections::VecDeque;
use zab::recipes::two_phase_commit::{Effect, Form, Message, Process, Record};

/// Takes the action.
pub fn act(model: &TwoPhaseCommit, world: &mut World, action: Action) {
    match action {
        Action::Begin => {
            world.begun = true;
            with(model, world, 0, Process::begin);
        }
        Action::Deliver(from, to, message) => {
            world.wire.remove(&(from, to, message));
            with(model, world, to, |process, effects| receive(model, process, from, message, effects));
        }
        Action::Flush(id) => flush(model, world, id),
        Action::FlushPage(id) => {
            let place = &mut world.places[usize::from(id)];
            place.page = place.up.as_ref().is_some_and(|process| process.page);
        }
        Action::GiveUp => with(model, world, 0, Process::give_up),
        Action::Ask(id) => with(model, world, id, |process, effects| process.ask(effects)),
        Action::LosePatience(id) => {
            with(model, world, id, |process, effects| process.receive(id, Message::Decide(false), effects));
        }
        Action::Crash(id) => {
            world.crashes -= 1;
            crash(model, world, id);
        }
        Action::Restart(id) => restart(model, world, id),
        Action::Die => {
            world.crashes -= 1;
            (world.may_die, world.places[0].dead) = (false, true);
            crash(model, world, 0);
        }
        Action::TakeOver(id) => {
            world.elections -= u8::from(!model.is_vacant(world));
            world.epoch += 1;
            let epoch = world.epoch;
            with(model, world, id, |process, effects| process.take_over(epoch, effects));
        }
    }
    remember(model, world);
    forget_what_has_no_effect(model, world);
}

fn receive(model: &TwoPhaseCommit, process: &mut Process, from: u8, message: Message, effects: &mut Vec<Effect>) {
    let message = match message {
        Message::Promise(epoch, _) if model.variant == Variant::ForgetsTheLatest => Message::Promise(epoch, None),
        message => message,
    };
    if let (Variant::BreaksItsPromise, Message::Propose(epoch, _)) = (model.variant, message) {
        process.promised = process.promised.min(epoch);
    }
    process.receive(from, message, effects);
}

/// A process does something, and its effects are on their way.
fn with(model: &TwoPhaseCommit, world: &mut World, id: u8, does: impl FnOnce(&mut Process, &mut Vec<Effect>)) {
    let mut effects = Vec::new();
    let Some(process) = &mut world.places[usize::from(id)].up else { return };
    does(process, &mut effects);
    enact(model, world, id, effects);
}

/// Effects go to the wire or wait for the disk. What a process tells itself it hears at once.
fn enact(model: &TwoPhaseCommit, world: &mut World, id: u8, effects: Vec<Effect>) {
    let mut effects = VecDeque::from(effects);
    while let Some(effect) = effects.pop_front() {
        let place = &mut world.places[usize::from(id)];
        let early = match effect {
            Effect::SendWhenDurable(_, Message::Vote(..)) => model.variant == Variant::VotesEarly,
            Effect::SendWhenDurable(_, Message::Decide(_)) => model.variant == Variant::DecidesEarly,
            _ => false,
        };
        match effect {
            Effect::Write(_) => place.queue.push(effect),
            Effect::SendWhenDurable(..) if !place.queue.is_empty() && !early => {
                // On the wire it would be one message, too.
                if !place.queue.contains(&effect) {
                    place.queue.push(effect);
                }
            }
            Effect::Send(to, message) | Effect::SendWhenDurable(to, message) if to == id => {
                let mut more = Vec::new();
                if let Some(process) = &mut place.up {
                    receive(model, process, id, message, &mut more);
                }
                effects.extend(more);
            }
            Effect::Send(to, message) | Effect::SendWhenDurable(to, message) => {
                world.wire.insert((id, to, message));
            }
        }
    }
}

/// The first write is durable, and what waited for it alone leaves.
fn flush(model: &TwoPhaseCommit, world: &mut World, id: u8) {
    let place = &mut world.places[usize::from(id)];
    if let Effect::Write(record) = place.queue.remove(0) {
        place.log.push(record);
    }
    let mut free = Vec::new();
    while let Some(Effect::SendWhenDurable(to, message)) = place.queue.first().copied() {
        place.queue.remove(0);
        free.push(Effect::Send(to, message));
    }
    enact(model, world, id, free);
}

fn crash(model: &TwoPhaseCommit, world: &mut World, id: u8) {
    let place = &mut world.places[usize::from(id)];
    (place.up, place.queue) = (None, Vec::new());
    if model.form() == Form::Zab && world.places.iter().filter(|place| place.up.is_some()).count() < 2 {
        world.places.iter_mut().filter_map(|place| place.up.as_mut()).for_each(Process::lose_majority);
    }
}

fn restart(model: &TwoPhaseCommit, world: &mut World, id: u8) {
    let (place, mut effects) = (&mut world.places[usize::from(id)], Vec::new());
    let mut log = place.log.clone();
    if model.variant == Variant::ForgetsItsVote && id != 0 {
        log.retain(|record| !matches!(record, Record::Accepted { .. }));
    }
    let process = Process::new(id, COUNT, model.form(), place.willing);
    let mut process = process.recover(&log, place.page, &mut effects);
    if model.variant == Variant::NoRedoNoUndo {
        process.page = place.page;
    }
    place.up = Some(process);
    enact(model, world, id, effects);
}

/// What came of it stays true, whoever forgets it. What the classic coordinator has in mind is nothing yet: the
/// record in its log is the decision.
fn remember(model: &TwoPhaseCommit, world: &mut World) {
    for (place, id) in world.places.iter().zip(0..) {
        let logged = place.log.iter().filter_map(|record| match record {
            Record::Decided(done) => Some(*done),
            _ => None,
        });
        let in_mind = place.up.as_ref().filter(|_| id != 0 || model.form() == Form::Zab);
        for done in logged.chain(in_mind.and_then(|process| process.decided)) {
            world.known[usize::from(!done)] = true;
        }
    }
}

/// Takes off the wire what nobody reads, and what changes nothing whenever it is read.
fn forget_what_has_no_effect(model: &TwoPhaseCommit, world: &mut World) {
    let World { places, wire, crashes, .. } = world;
    wire.retain(|(from, to, message)| {
        let place = &places[usize::from(*to)];
        let Some(process) = &place.up else { return !place.dead };
        let knows = matches!(place.log.last(), Some(Record::Decided(_)));
        let forgets = *crashes > 0;
        let answers = matches!(message, Message::Ask);
        if answers || (forgets && !knows) {
            return true;
        }
        // It keeps for ever what makes it ignore this: a decision, a promise, or that it does not lead this epoch.
        let (mut after, mut effects) = (process.clone(), Vec::new());
        receive(model, &mut after, *from, *message, &mut effects);
        after != *process || !effects.is_empty()
    });
}

//! The model of [`zab::recipes::two_phase_commit`]: processes on disks that crash, and one that may die for good.

use super::name_of;
use super::tale::Recipe;
use crate::engine::{Fair, Goal};
use clap::ValueEnum;
use stateright::{Model, Property};
use std::collections::BTreeSet;
use zab::recipes::two_phase_commit::{Effect, Form, Message, Process, Record};

/// Which protocol, or which mistake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Variant {
    /// The classic protocol; its coordinator may die, and then it blocks. The run is to show that.
    #[default]
    Classic,
    /// The classic protocol with a coordinator that always comes back.
    ClassicReturns,
    /// Zab's form; its coordinator may die, and it does not block.
    Zab,
    /// Votes leave before they are durable.
    VotesEarly,
    /// After a crash the page on the disk is believed: nothing is redone or undone.
    NoRedoNoUndo,
    /// Zab's form without the epoch's promise: a new coordinator finishes without asking what others accepted.
    ForgetsTheLatest,
}

/// The model, within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TwoPhaseCommit {
    /// How many processes crash, and start again.
    pub crashes: u8,
    /// What is planted.
    pub variant: Variant,
}

impl Default for TwoPhaseCommit {
    fn default() -> TwoPhaseCommit {
        TwoPhaseCommit { crashes: 1, variant: Variant::Classic }
    }
}

/// Processes.
const COUNT: u8 = 3;
/// The goal that the classic protocol misses.
const DECIDES: &str = "L nobody stays in doubt";

/// A process with its disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Its memory, while it is up.
    pub up: Option<Process>,
    /// Whether it comes back.
    pub dead: bool,
    /// Whether it can do its part.
    pub willing: bool,
    /// Its log, as it is durable.
    pub log: Vec<Record>,
    /// Its page, as it is on the disk.
    pub page: bool,
    /// What waits for the disk, in order.
    pub queue: Vec<Effect>,
}

/// A state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The processes.
    pub places: Vec<Place>,
    /// Messages on their way: they may overtake each other, and wait for who is down.
    pub wire: BTreeSet<(u8, u8, Message)>,
    /// Whether the transaction has begun.
    pub begun: bool,
    /// The highest epoch.
    pub epoch: u8,
    /// Crashes that are left.
    pub crashes: u8,
    /// Whether process 0 may still die.
    pub may_die: bool,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Process 0 begins.
    Begin,
    /// A message arrives.
    Deliver(u8, u8, Message),
    /// What waits longest for this disk is durable.
    Flush(u8),
    /// The page is written, because its memory is needed for another.
    FlushPage(u8),
    /// The coordinator waits no longer.
    GiveUp,
    /// A process loses its memory.
    Crash(u8),
    /// It starts again.
    Restart(u8),
    /// Process 0 is gone for good.
    Die,
    /// A process is elected, and begins an epoch.
    TakeOver(u8),
}

impl TwoPhaseCommit {
    fn form(&self) -> Form {
        if matches!(self.variant, Variant::Zab | Variant::ForgetsTheLatest) { Form::Zab } else { Form::Classic }
    }

    /// A process does something, and its effects are on their way.
    fn with(&self, world: &mut World, id: u8, does: impl FnOnce(&mut Process, &mut Vec<Effect>)) {
        let mut effects = Vec::new();
        let Some(process) = &mut world.places[usize::from(id)].up else { return };
        does(process, &mut effects);
        self.enact(world, id, effects);
    }

    fn enact(&self, world: &mut World, id: u8, effects: Vec<Effect>) {
        for effect in effects {
            let queue = &mut world.places[usize::from(id)].queue;
            match effect {
                Effect::Send(to, message) => drop(world.wire.insert((id, to, message))),
                Effect::SendWhenDurable(to, message) if queue.is_empty() || self.variant == Variant::VotesEarly => {
                    world.wire.insert((id, to, message));
                }
                waiting => queue.push(waiting),
            }
        }
    }

    fn flush(&self, world: &mut World, id: u8) {
        let place = &mut world.places[usize::from(id)];
        if let Effect::Write(record) = place.queue.remove(0) {
            place.log.push(record);
        }
        while let Some(Effect::SendWhenDurable(to, message)) = place.queue.first().copied() {
            place.queue.remove(0);
            world.wire.insert((id, to, message));
        }
    }

    fn crash(&self, world: &mut World, id: u8) {
        let place = &mut world.places[usize::from(id)];
        (place.up, place.queue) = (None, Vec::new());
        if self.form() == Form::Zab && world.places.iter().filter(|place| place.up.is_some()).count() < 2 {
            world.places.iter_mut().filter_map(|place| place.up.as_mut()).for_each(Process::lose_majority);
        }
    }

    fn restart(&self, world: &mut World, id: u8) {
        let (place, mut effects) = (&mut world.places[usize::from(id)], Vec::new());
        let mut process = Process::start(id, COUNT, self.form(), place.willing, &place.log, &mut effects);
        if self.variant == Variant::NoRedoNoUndo {
            process.page = place.page;
        }
        place.up = Some(process);
        self.enact(world, id, effects);
    }

    fn deliver(&self, world: &mut World, from: u8, to: u8, message: Message) {
        world.wire.remove(&(from, to, message));
        let message = match message {
            Message::Promise(epoch, _) if self.variant == Variant::ForgetsTheLatest => Message::Promise(epoch, None),
            message => message,
        };
        self.with(world, to, |process, effects| process.receive(from, message, effects));
    }
}

impl Model for TwoPhaseCommit {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let initial = |willing: bool| {
            let place = |id| Place {
                up: None,
                dead: false,
                willing: willing || id != 2,
                log: Vec::new(),
                page: false,
                queue: Vec::new(),
            };
            let mut world = World {
                places: (0..COUNT).map(place).collect(),
                wire: BTreeSet::new(),
                begun: false,
                epoch: 1,
                crashes: self.crashes,
                may_die: self.variant != Variant::ClassicReturns,
            };
            (0..COUNT).for_each(|id| self.restart(&mut world, id));
            world
        };
        vec![initial(true), initial(false)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let up = |id: u8| world.places[usize::from(id)].up.as_ref();
        let leads = (0..COUNT)
            .filter_map(up)
            .any(|process| process.leads.as_ref().is_some_and(|lead| lead.epoch == world.epoch));
        if !world.begun && up(0).is_some() {
            actions.push(Action::Begin);
        }
        let waits = |process: &Process| process.leads.is_some() && process.decided.is_none();
        if self.form() == Form::Classic && up(0).is_some_and(waits) {
            actions.push(Action::GiveUp);
        }
        if world.may_die && !world.places[0].dead {
            actions.push(Action::Die);
        }
        let majority = (0..COUNT).filter(|id| up(*id).is_some()).count() >= 2;
        for (place, id) in world.places.iter().zip(0..) {
            let restarts = place.up.is_none() && !place.dead;
            let page = place.up.as_ref().map(|process| process.page);
            // The record that can undo a page is written before the page.
            let covered = place.queue.is_empty() && page.is_some_and(|page| page != place.page);
            let elected = self.form() == Form::Zab && world.begun && majority && !leads;
            let undecided = place.up.as_ref().is_some_and(|process| process.decided.is_none());
            let offered = [
                (Action::Flush(id), !place.queue.is_empty()),
                (Action::FlushPage(id), covered),
                (Action::Crash(id), world.crashes > 0 && place.up.is_some()),
                (Action::Restart(id), restarts),
                (Action::TakeOver(id), elected && undecided),
            ];
            actions.extend(offered.into_iter().filter(|(_, may)| *may).map(|(action, _)| action));
        }
        let arriving = world.wire.iter().filter(|(_, to, _)| up(*to).is_some());
        actions.extend(arriving.map(|(from, to, message)| Action::Deliver(*from, *to, *message)));
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        match action {
            Action::Begin => {
                world.begun = true;
                self.with(&mut world, 0, Process::begin);
            }
            Action::Deliver(from, to, message) => self.deliver(&mut world, from, to, message),
            Action::Flush(id) => self.flush(&mut world, id),
            Action::FlushPage(id) => {
                let place = &mut world.places[usize::from(id)];
                place.page = place.up.as_ref()?.page;
            }
            Action::GiveUp => self.with(&mut world, 0, Process::give_up),
            Action::Crash(id) => {
                world.crashes -= 1;
                self.crash(&mut world, id);
            }
            Action::Restart(id) => self.restart(&mut world, id),
            Action::Die => {
                (world.may_die, world.places[0].dead) = (false, true);
                self.crash(&mut world, 0);
            }
            Action::TakeOver(id) => {
                world.epoch += 1;
                let epoch = world.epoch;
                self.with(&mut world, id, |process, effects| process.take_over(epoch, effects));
            }
        }
        Some(world)
    }

    fn format_action(&self, action: &Action) -> String {
        format!("{action:?}")
    }

    fn format_step(&self, last: &World, action: Action) -> Option<String> {
        let label = self.label(last, &action);
        self.next_state(last, action).map(|next| [vec![label], self.facts(&next)].concat().join("\n"))
    }

    fn properties(&self) -> Vec<Property<TwoPhaseCommit>> {
        let mut all = vec![
            Property::<TwoPhaseCommit>::always("Atomicity", |_, world| {
                !(came_to(world, true) && came_to(world, false))
            }),
            Property::<TwoPhaseCommit>::sometimes("Atomicity: one knows, another is in doubt", |_, world| {
                came_to(world, true) && in_doubt(world)
            }),
            Property::<TwoPhaseCommit>::always("DoneNeedsVotes", |model, world| {
                let logged = |place: &&Place| {
                    place.log.iter().any(|record| matches!(record, Record::Accepted { has: true, .. }))
                };
                let needed = if model.form() == Form::Zab { 2 } else { 3 };
                !came_to(world, true) || world.places.iter().filter(logged).count() >= needed
            }),
            Property::<TwoPhaseCommit>::sometimes("DoneNeedsVotes: it is done", |_, world| came_to(world, true)),
            Property::<TwoPhaseCommit>::always("PageFollowsDecision", |_, world| {
                let mut up = world.places.iter().filter_map(|place| place.up.as_ref());
                up.all(|process| process.decided.is_none_or(|done| done == process.page))
            }),
            Property::<TwoPhaseCommit>::sometimes("PageFollowsDecision: there is something to redo", |_, world| {
                world
                    .places
                    .iter()
                    .any(|place| place.up.is_none() && place.log.contains(&Record::Decided(true)) && !place.page)
            }),
            Property::<TwoPhaseCommit>::sometimes("Atomicity: it is not done", |_, world| came_to(world, false)),
        ];
        if self.form() == Form::Classic {
            all.push(Property::<TwoPhaseCommit>::sometimes(
                "PageFollowsDecision: there is something to undo",
                |_, world| {
                    world
                        .places
                        .iter()
                        .any(|place| place.up.is_none() && place.log.contains(&Record::Decided(false)) && place.page)
                },
            ));
        }
        all
    }
}

/// Whether this is what came of it at some process, in memory or on a disk.
fn came_to(world: &World, done: bool) -> bool {
    world.places.iter().any(|place| {
        place.log.contains(&Record::Decided(done))
            || place.up.as_ref().is_some_and(|process| process.decided == Some(done))
    })
}

fn in_doubt(world: &World) -> bool {
    world.places.iter().filter_map(|place| place.up.as_ref()).any(Process::is_in_doubt)
}

impl Fair for TwoPhaseCommit {
    fn class(&self, _world: &World, action: &Action) -> Option<u8> {
        match *action {
            Action::Deliver(from, to, _) => Some(from * COUNT + to),
            Action::Flush(id) => Some(9 + id),
            Action::Restart(id) => Some(12 + id),
            Action::GiveUp => Some(15),
            Action::TakeOver(_) => Some(16),
            Action::Begin | Action::FlushPage(_) | Action::Crash(_) | Action::Die => None,
        }
    }

    fn goals(&self) -> Vec<Goal<TwoPhaseCommit>> {
        let reached = |_: &TwoPhaseCommit, world: &World| !in_doubt(world);
        vec![Goal { name: DECIDES, reached }]
    }
}

impl Recipe for TwoPhaseCommit {
    fn name(&self) -> &'static str {
        "two-phase-commit"
    }

    fn bounds(&self) -> String {
        let dies = if self.variant == Variant::ClassicReturns { "" } else { ", the coordinator may die" };
        format!("{COUNT} processes, {} crash{dies}, {}", self.crashes, self.variant())
    }

    fn variant(&self) -> String {
        name_of(&self.variant)
    }

    fn shows(&self, claim: &str) -> bool {
        self.variant == Variant::Classic && claim == DECIDES
    }

    fn label(&self, world: &World, action: &Action) -> String {
        match *action {
            Action::Begin => "process 0 begins the transaction".to_owned(),
            Action::Deliver(from, to, message) => format!("{from} -> {to}: {message:?}"),
            Action::Flush(id) => format!("{:?} is durable at {id}", world.places[usize::from(id)].queue[0]),
            Action::FlushPage(id) => format!("the page of {id} is written"),
            Action::GiveUp => "the coordinator waits no longer".to_owned(),
            Action::Crash(id) => format!("{id} crashes"),
            Action::Restart(id) => format!("{id} starts again"),
            Action::Die => "the coordinator, process 0, is gone for good".to_owned(),
            Action::TakeOver(id) => format!("{id} is elected, and begins epoch {}", world.epoch + 1),
        }
    }

    fn facts(&self, world: &World) -> Vec<String> {
        let mut facts = Vec::new();
        for (place, id) in world.places.iter().zip(0..) {
            facts.push(match &place.up {
                None if place.dead => format!("{id} is gone"),
                None => format!("{id} is down"),
                Some(process) if process.is_in_doubt() => format!("{id} is in doubt"),
                Some(Process { decided: Some(true), .. }) => format!("{id} has done it"),
                Some(Process { decided: Some(false), .. }) => format!("{id} has not done it"),
                Some(_) => format!("{id} has heard of nothing"),
            });
            facts.push(format!("the log of {id} holds {:?}", place.log));
        }
        facts.extend(world.wire.iter().map(|(from, to, message)| format!("on its way, {from} -> {to}: {message:?}")));
        facts
    }
}

//! The model of [`zab::recipes::two_phase_commit`]: processes on disks that crash, and a coordinator that may die for
//! good.
//!
//! What is left out, and why nothing is lost by it: a message to oneself takes no time, for no network carries it. A
//! message that will never have an effect, whenever it arrives, is taken off the wire (see `step`). In Zab's form pages
//! are not written: what a follower has of a tree on its disk is its snapshot's concern, which Zab's own models have.

mod claims;
mod step;

use super::name_of;
use super::tale::Recipe;
use crate::cli::table::counted;
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
    /// Mistake: a vote leaves before undo and redo are in the log.
    VotesEarly,
    /// Mistake: the coordinator tells its decision before the log has it.
    DecidesEarly,
    /// Mistake: after a crash a participant does not look at what it has voted.
    ForgetsItsVote,
    /// Mistake: a participant in doubt loses patience, and undoes its part.
    LosesPatience,
    /// Mistake: a page is written before the record that can undo it.
    PagesEarly,
    /// Mistake: after a crash the page on the disk is believed, and nothing is redone or undone.
    NoRedoNoUndo,
    /// Mistake, in Zab's form: a new coordinator does not ask what others have accepted.
    ForgetsTheLatest,
    /// Mistake, in Zab's form: who follows a new epoch accepts what an older one proposes.
    BreaksItsPromise,
}

/// The model, within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TwoPhaseCommit {
    /// How often a process crashes, and starts again; but process 0 perhaps not.
    pub crashes: u8,
    /// Zab's form: how often another is elected although the coordinator is there, and only slow.
    pub elections: u8,
    /// What is planted.
    pub variant: Variant,
}

impl Default for TwoPhaseCommit {
    fn default() -> TwoPhaseCommit {
        TwoPhaseCommit { crashes: 1, elections: 0, variant: Variant::Classic }
    }
}

impl TwoPhaseCommit {
    /// The bounds that show what there is to see of a variant.
    #[must_use]
    pub fn of(variant: Variant) -> TwoPhaseCommit {
        match variant {
            Variant::BreaksItsPromise => TwoPhaseCommit { crashes: 0, elections: 1, variant },
            _ => TwoPhaseCommit { variant, ..TwoPhaseCommit::default() },
        }
    }
}

/// Processes.
const COUNT: u8 = 3;

/// A process with its disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Its memory, while it is up.
    pub up: Option<Process>,
    /// Whether it never comes back.
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
    /// Elections that are left, beside those that are due.
    pub elections: u8,
    /// Whether process 0 may still die.
    pub may_die: bool,
    /// Whether some process has ever known that it is done; that it is not done.
    pub known: [bool; 2],
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
    /// The coordinator waits no longer for votes.
    GiveUp,
    /// A process in doubt, that hears nothing of the coordinator, asks the others.
    Ask(u8),
    /// A process in doubt waits no longer: only where that is planted.
    LosePatience(u8),
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
        match self.variant {
            Variant::Zab | Variant::ForgetsTheLatest | Variant::BreaksItsPromise => Form::Zab,
            _ => Form::Classic,
        }
    }

    /// What may happen to one process.
    fn offer(&self, world: &World, id: u8, actions: &mut Vec<Action>) {
        let place = &world.places[usize::from(id)];
        let classic = self.form() == Form::Classic;
        let Some(process) = &place.up else {
            actions.extend((!place.dead).then_some(Action::Restart(id)));
            return;
        };
        let in_doubt = classic && process.is_in_doubt();
        let asked = world.wire.iter().any(|(from, _, message)| (*from, *message) == (id, Message::Ask));
        // Rule RedoAndUndo: the record that can undo a page is written before the page.
        let covered = place.queue.is_empty() || self.variant == Variant::PagesEarly;
        let early = world.begun && world.elections > 0 && process.leads.is_none();
        let offered = [
            (Action::Flush(id), !place.queue.is_empty()),
            (Action::FlushPage(id), classic && covered && process.page != place.page),
            (Action::GiveUp, classic && process.leads.is_some() && process.decided.is_none()),
            (Action::Ask(id), in_doubt && id != 0 && !self.is_at_work(world) && !asked),
            (Action::LosePatience(id), in_doubt && id != 0 && self.variant == Variant::LosesPatience),
            (Action::Crash(id), world.crashes > 0),
            (Action::TakeOver(id), process.decided.is_none() && (self.is_vacant(world) || early)),
        ];
        actions.extend(offered.into_iter().filter(|(_, may)| *may).map(|(action, _)| action));
    }

    /// Whether the classic coordinator is up, and has not forgotten what it began.
    fn is_at_work(&self, world: &World) -> bool {
        world.places[0].up.as_ref().is_some_and(|process| process.leads.is_some() || process.decided.is_some())
    }

    /// Whether a majority is up, and nobody of it coordinates: there will be an election.
    fn is_vacant(&self, world: &World) -> bool {
        let up = || world.places.iter().filter_map(|place| place.up.as_ref());
        let mut leads = up().filter_map(|process| process.leads.as_ref());
        self.form() == Form::Zab && world.begun && up().count() >= 2 && leads.all(|lead| lead.epoch != world.epoch)
    }

    /// Whether the coordinator may die now. In the classic protocol it dies when all have voted: an earlier death
    /// blocks as well, but a later one is the story.
    fn dies(&self, world: &World) -> bool {
        let voted = || world.places.iter().all(|place| !place.log.is_empty());
        world.may_die && world.crashes > 0 && world.begun && (self.form() == Form::Zab || voted())
    }

    fn initial(&self, all_willing: bool) -> World {
        let place = |id| {
            let willing = all_willing || id != 2;
            let up = Some(Process::new(id, COUNT, self.form(), willing));
            Place { up, dead: false, willing, log: Vec::new(), page: false, queue: Vec::new() }
        };
        World {
            places: (0..COUNT).map(place).collect(),
            wire: BTreeSet::new(),
            begun: false,
            epoch: 1,
            crashes: self.crashes,
            elections: self.elections,
            may_die: self.variant != Variant::ClassicReturns,
            known: [false; 2],
        }
    }
}

impl Model for TwoPhaseCommit {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        match self.form() {
            Form::Classic => vec![self.initial(true), self.initial(false)],
            // Nobody is asked.
            Form::Zab => vec![self.initial(true)],
        }
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if !world.begun && world.places[0].up.is_some() {
            actions.push(Action::Begin);
        }
        if self.dies(world) {
            actions.push(Action::Die);
        }
        (0..COUNT).for_each(|id| self.offer(world, id, actions));
        let arriving = world.wire.iter().filter(|(_, to, _)| world.places[usize::from(*to)].up.is_some());
        actions.extend(arriving.map(|(from, to, message)| Action::Deliver(*from, *to, *message)));
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        step::act(self, &mut world, action);
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
        claims::properties(self)
    }
}

impl Fair for TwoPhaseCommit {
    fn class(&self, world: &World, action: &Action) -> Option<u8> {
        match *action {
            Action::Deliver(from, to, _) => Some(from * COUNT + to),
            Action::Flush(id) => Some(9 + id),
            Action::Restart(id) => Some(12 + id),
            Action::GiveUp => Some(15),
            Action::TakeOver(_) => self.is_vacant(world).then_some(16),
            Action::Ask(id) => Some(17 + id),
            Action::Begin | Action::FlushPage(_) | Action::LosePatience(_) | Action::Crash(_) | Action::Die => None,
        }
    }

    fn goals(&self) -> Vec<Goal<TwoPhaseCommit>> {
        vec![Goal { name: claims::DECIDES, reached: |_, world| !claims::in_doubt(world) }]
    }
}

impl Recipe for TwoPhaseCommit {
    fn name(&self) -> &'static str {
        "two-phase-commit"
    }

    fn bounds(&self) -> String {
        let mut words = format!("{COUNT} processes");
        if self.crashes > 0 {
            let dies = if self.variant == Variant::ClassicReturns { "" } else { " (of 0 for good, perhaps)" };
            words = format!("{words}, {}{dies}", counted(self.crashes.into(), "crash", "crashes"));
        }
        if self.elections > 0 {
            words = format!("{words}, {}", counted(self.elections.into(), "early election", "early elections"));
        }
        format!("{words}, {}", self.variant())
    }

    fn variant(&self) -> String {
        name_of(&self.variant)
    }

    fn is_usual(&self) -> bool {
        *self == TwoPhaseCommit::of(self.variant)
    }

    fn expected(&self, claim: &str) -> Option<&'static str> {
        (self.variant == Variant::Classic && claim == claims::DECIDES).then_some("expected: blocks")
    }

    fn label(&self, world: &World, action: &Action) -> String {
        match *action {
            Action::Begin => "0 begins the transaction".to_owned(),
            Action::Deliver(from, to, message) => format!("{from} -> {to}: {}", words(message)),
            Action::Flush(id) => match world.places[usize::from(id)].queue[0] {
                Effect::Write(record) => format!("the log of {id}: {}", record_in_words(record)),
                Effect::Send(..) | Effect::SendWhenDurable(..) => format!("{id} sends what has waited"),
            },
            Action::FlushPage(id) => format!("{id} writes its page"),
            Action::GiveUp => "0 waits no longer for votes".to_owned(),
            Action::Ask(id) => format!("{id} hears nothing of 0, and asks the others"),
            Action::LosePatience(id) => format!("{id} loses patience"),
            Action::Crash(id) => format!("{id} crashes"),
            Action::Restart(id) => format!("{id} starts again"),
            Action::Die => "0, the coordinator, is gone for good".to_owned(),
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
                Some(Process { decided: Some(true), page: false, .. }) => {
                    format!("{id} knows that it is done, but its own part is missing")
                }
                Some(Process { decided: Some(false), page: true, .. }) => {
                    format!("{id} knows that it is not done, but its own part is")
                }
                Some(Process { decided: Some(true), .. }) => format!("{id} knows that it is done"),
                Some(Process { decided: Some(false), .. }) => format!("{id} knows that it is not done"),
                Some(Process { page: true, .. }) => format!("{id} has heard of nothing, but its part is done"),
                Some(_) => format!("{id} has heard of nothing"),
            });
        }
        facts.extend(world.wire.iter().map(|(from, to, message)| {
            let waits = if world.places[usize::from(*to)].up.is_some() { "" } else { " (waits until it is up)" };
            format!("on its way, {from} -> {to}: {}{waits}", words(*message))
        }));
        facts
    }
}

fn words(message: Message) -> String {
    match message {
        Message::Propose(epoch, has) => format!("propose {}", in_epoch(epoch, has)),
        Message::Vote(epoch, yes) => format!("vote {} (epoch {epoch})", if yes { "yes" } else { "no" }),
        Message::Decide(done) => if done { "it is done" } else { "it is not done" }.to_owned(),
        Message::Ask => "what came of it?".to_owned(),
        Message::NewEpoch(epoch) => format!("follow me into epoch {epoch}"),
        Message::Promise(epoch, None) => format!("I follow into epoch {epoch}, and have accepted nothing"),
        Message::Promise(epoch, Some((of, has))) => {
            format!("I follow into epoch {epoch}, and have accepted {}", in_epoch(of, has))
        }
    }
}

fn record_in_words(record: Record) -> String {
    match record {
        Record::Promised(epoch) => format!("promised epoch {epoch}"),
        Record::Accepted { epoch, has } => format!("undo and redo of {}", in_epoch(epoch, has)),
        Record::Decided(done) => if done { "done" } else { "not done" }.to_owned(),
    }
}

fn in_epoch(epoch: u8, has: bool) -> String {
    format!("{} (epoch {epoch})", if has { "the transaction" } else { "nothing" })
}

//! Plays the commands of a story, one after another.

use super::Failure;
use super::command::{Command, parse};
use super::double::{Beside, Double};
use super::narrator::Narrator;
use super::script::Block;
use super::setup::Setup;
use super::show;
use crate::bounds::Timing;
use crate::engine::{NO_PANIC, quiet};
use crate::mutation::Mutation;
use crate::properties;
use crate::world::step::Stepper;
use crate::world::{Action, End, Queued, World, enabled};
use crate::zookeeper::ZooKeeper;
use stateright::Expectation;
use std::collections::VecDeque;
use zab::peer::Role;
use zab::{Input, Payload, ServerId, Timer};

/// How many actions one command may take: far beyond every story, and a story that never comes to rest says so.
const LIMIT: usize = 10_000;

/// The one who plays.
#[derive(Default)]
pub struct Player {
    setup: Setup,
    mutation: Mutation,
    /// Whether properties may be violated without a word before.
    lenient: bool,
    /// Who is to play beside the world.
    double: Option<Box<dyn Double>>,
    stage: Option<Stage>,
}

/// The ensemble at work.
struct Stage {
    model: ZooKeeper,
    world: World,
    double: Option<Box<dyn Double>>,
    /// What may be violated now.
    allowed: Allowed,
    /// What was violated, as announced.
    violated: Vec<String>,
}

/// Which properties may be violated.
enum Allowed {
    /// Any.
    Any,
    /// These.
    These(Vec<String>),
}

impl Player {
    /// One who plays on a specification with this planted in it.
    pub fn of(mutation: &Mutation) -> Player {
        Player { mutation: mutation.clone(), ..Player::default() }
    }

    /// One who plays on another engine as well.
    pub fn beside(double: Box<dyn Double>) -> Player {
        Player { double: Some(double), ..Player::default() }
    }

    /// Obeys a command, whatever it violates: what that is, and the answer.
    pub fn observe(&mut self, command: &str) -> Result<(Vec<String>, Vec<String>), String> {
        self.lenient = true;
        let before = self.stage.as_ref().map_or(0, |stage| stage.violated.len());
        let answer = self.obey(parse(command)?)?;
        let violated = self.stage.as_ref().map_or(&[][..], |stage| &stage.violated[before..]);
        Ok((violated.to_vec(), answer))
    }

    /// Plays the commands of a block; their answer, line by line.
    pub fn play(&mut self, block: &Block) -> Result<Vec<String>, Failure> {
        let mut answer = Vec::new();
        for (line, text) in &block.commands {
            let lines = parse(text).and_then(|command| self.obey(command));
            answer.extend(lines.map_err(|what| Failure { line: *line, what: format!("`{text}`: {what}") })?);
        }
        Ok(answer)
    }

    fn obey(&mut self, command: Command) -> Result<Vec<String>, String> {
        if let Command::Begin(beginning) = command {
            if self.stage.is_some() {
                return Err("the story has begun: this must stand before its first server starts".to_owned());
            }
            self.setup.say(beginning);
            return Ok(Vec::new());
        }
        let stage = match &mut self.stage {
            Some(stage) => stage,
            empty => {
                let (model, world) = self.setup.build(&self.mutation)?;
                let allowed = if self.lenient { Allowed::Any } else { Allowed::These(Vec::new()) };
                let mut double = self.double.take();
                double.as_mut().map_or(Ok(()), |double| double.begin(&model, &world))?;
                empty.insert(Stage { model, world, double, allowed, violated: Vec::new() })
            }
        };
        stage.obey(command)
    }
}

impl Stage {
    fn obey(&mut self, command: Command) -> Result<Vec<String>, String> {
        match command {
            Command::Begin(_) => unreachable!("what belongs to the beginning never comes to the stage"),
            Command::Quietly(command) => self.obey(*command).map(|_| Vec::new()),
            Command::Start(ids) => self.start(ids),
            Command::Act(line) => {
                let action = self.find(&line)?;
                self.act(action, false)
            }
            Command::Cannot(line) => match self.find(&line) {
                Ok(_) => Err("but it can".to_owned()),
                Err(_) => Ok(Vec::new()),
            },
            Command::Violates(names, command) => self.violate(names, *command),
            Command::Revalidate(id) => self.revalidate(id),
            Command::Settle => self.repeat(Stage::fair),
            Command::Drain(from, to) => {
                let line = Action::Deliver { learner: from, leader: to, to: End::Leader }.to_string();
                self.repeat(|stage| stage.enabled().into_iter().filter(|action| action.to_string() == line).collect())
            }
            Command::All(word) => {
                let begins = |action: &Action| action.to_string().starts_with(&word);
                self.repeat(|stage| stage.enabled().into_iter().filter(begins).collect())
            }
            Command::Show(ids) => {
                let ids = if ids.is_empty() { self.world.ids().collect() } else { self.known(ids)? };
                ids.into_iter().map(|id| self.show(id)).collect()
            }
            Command::Network => Ok(show::network(&self.world)),
            Command::Properties => Ok(self.properties()),
        }
    }

    fn show(&mut self, id: ServerId) -> Result<String, String> {
        match &mut self.double {
            Some(double) => Ok(show::server(id, &double.server(id)?)),
            None => Ok(show::server(id, self.world.server(id))),
        }
    }

    fn known(&self, ids: Vec<ServerId>) -> Result<Vec<ServerId>, String> {
        match ids.iter().find(|id| !self.world.ids().any(|known| known == **id)) {
            Some(stranger) => Err(format!("{stranger} is not in the ensemble")),
            None => Ok(ids),
        }
    }

    fn start(&mut self, ids: Vec<ServerId>) -> Result<Vec<String>, String> {
        let down = |id: &ServerId| self.world.server(*id).peer.is_none();
        let ids = if ids.is_empty() { self.world.ids().filter(down).collect() } else { self.known(ids)? };
        if let Some(up) = ids.iter().find(|id| !down(id)) {
            return Err(format!("{up} is up"));
        }
        let mut narrator = Narrator::default();
        self.step(&mut narrator, |stepper| stepper.start_together(&ids))?;
        Ok(narrator.lines)
    }

    fn revalidate(&mut self, id: ServerId) -> Result<Vec<String>, String> {
        self.known(vec![id])?;
        if self.world.server(id).peer.is_none() {
            return Err(format!("{id} is down"));
        }
        let mut narrator = Narrator::default();
        let input = Input::Revalidate(Payload::default());
        self.step(&mut narrator, |stepper| stepper.take(id, input))?;
        Ok(narrator.lines)
    }

    /// Obeys the command, which must violate these properties, and no others.
    fn violate(&mut self, names: Vec<String>, command: Command) -> Result<Vec<String>, String> {
        let before = std::mem::replace(&mut self.allowed, Allowed::These(names.clone()));
        let answer = self.obey(command);
        self.allowed = before;
        match names.iter().find(|name| !self.violated.contains(name)) {
            Some(name) if answer.is_ok() => Err(format!("{name} is not violated")),
            _ => answer,
        }
    }

    // ---- Actions ------------------------------------------------------------------------------------------------

    fn enabled(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        enabled::actions(&self.model, &self.world, &mut actions);
        actions
    }

    /// The action that is printed like this, if it is enabled.
    fn find(&self, line: &str) -> Result<Action, String> {
        let enabled = self.enabled();
        let found = enabled.iter().find(|action| action.to_string() == line);
        found.copied().ok_or_else(|| {
            let lines: Vec<String> = enabled.iter().map(|action| format!("\n    {action}")).collect();
            format!("this is no command, or not possible now; possible are{}", lines.concat())
        })
    }

    fn act(&mut self, action: Action, brief: bool) -> Result<Vec<String>, String> {
        let mut narrator = Narrator { brief, released: self.released_by(action), ..Narrator::default() };
        if brief {
            narrator.lines.push(self.in_brief(action));
        }
        self.step(&mut narrator, |stepper| stepper.act(action))?;
        if narrator.lines.is_empty() {
            narrator.lines.push(action.to_string());
        }
        Ok(narrator.lines)
    }

    /// Takes a step. One that panics changes nothing but what is violated.
    fn step(
        &mut self,
        narrator: &mut Narrator,
        take: impl FnOnce(&mut Stepper<Beside<Narrator>>),
    ) -> Result<(), String> {
        quiet::install();
        let mut world = self.world.clone();
        let mut watch = Beside::new(narrator, self.double.as_mut().map(|double| &mut **double as &mut dyn Double));
        let taken = quiet::catch(|| take(&mut Stepper::new(&self.model, &mut world, &mut watch)));
        watch.fault.take().map_or(Ok(()), Err)?;
        match taken {
            Ok(()) => {
                self.world = world;
                self.double.as_mut().map_or(Ok(()), |double| double.compare(&self.world))?;
                self.check(narrator)
            }
            Err(words) => self.is_violated(NO_PANIC, &format!(": {words}"), narrator),
        }
    }

    /// For each write that this action could make durable: the messages to others that leave with it.
    fn released_by(&self, action: Action) -> VecDeque<Vec<String>> {
        let Action::Flush(id) = action else { return VecDeque::new() };
        let mut released = VecDeque::new();
        for queued in &self.world.server(id).queue {
            match queued {
                Queued::Send(to, message) if *to != id => {
                    released.back_mut().into_iter().for_each(|messages: &mut Vec<String>| {
                        messages.push(format!("    send {message} to {to}"));
                    });
                }
                Queued::Send(..) => {}
                Queued::Write(_) | Queued::Snapshot(..) => released.push_back(Vec::new()),
            }
        }
        released
    }

    /// An action in a line, with what it moves.
    fn in_brief(&self, action: Action) -> String {
        match action {
            Action::Deliver { learner, leader, to } => {
                let mut connections = self.world.connections.iter();
                let connection = connections.find(|c| (c.learner, c.leader) == (learner, leader));
                let message = connection.and_then(|connection| connection.inbound(to).first());
                let (from, to) = if to == End::Leader { (learner, leader) } else { (leader, learner) };
                message.map_or(action.to_string(), |message| format!("{from} -> {to} {message}"))
            }
            Action::Notify { from, to } => match &self.world.link(from, to).wire {
                Some(notification) => format!("{from} -> {to} NOTIFICATION {notification}"),
                None => action.to_string(),
            },
            Action::Flush(id) => match self.world.server(id).queue.first() {
                Some(Queued::Write(write) | Queued::Snapshot(write, _)) => format!("{id} durable {write}"),
                _ => action.to_string(),
            },
            _ => action.to_string(),
        }
    }

    /// Makes all those happen that `choose` names, and what it names then, until it names nothing.
    fn repeat(&mut self, choose: impl Fn(&Stage) -> Vec<Action>) -> Result<Vec<String>, String> {
        let (mut lines, mut taken) = (Vec::new(), 0);
        loop {
            let chosen = choose(self);
            if chosen.is_empty() {
                return Ok(lines);
            }
            for action in chosen {
                // An action before it may have made it impossible.
                if self.enabled().contains(&action) {
                    taken += 1;
                    lines.extend(self.act(action, true)?);
                }
            }
            if taken > LIMIT {
                return Err(format!(
                    "no rest after {LIMIT} actions; the last ones were {:#?}",
                    &lines[lines.len() - 20..]
                ));
            }
        }
    }

    /// What is due: whatever cannot be put off for ever, waits last, patience very last, and nobody is restarted.
    fn fair(&self) -> Vec<Action> {
        let timely = ZooKeeper {
            bounds: crate::bounds::Bounds { timing: Timing::Timely, ..self.model.bounds },
            ..self.model.clone()
        };
        let mut calm = self.world.clone();
        calm.budget = Default::default();
        let mut actions = Vec::new();
        enabled::actions(&timely, &calm, &mut actions);
        let is_due = |action: &Action| {
            let by_itself = !matches!(action, Action::Restart(_) | Action::Timeout(_, Timer::Init));
            by_itself && timely.class_of(action).is_some()
        };
        actions.retain(is_due);
        let (waits, events): (Vec<_>, Vec<_>) =
            actions.into_iter().partition(|action| matches!(action, Action::Timeout(..)));
        match (events.is_empty(), waits.is_empty()) {
            (false, _) => events,
            (true, false) => waits,
            (true, true) => self.out_of_patience().into_iter().collect(),
        }
    }

    /// The server whose patience ends first: a leader's wait began before those of its learners.
    fn out_of_patience(&self) -> Option<Action> {
        let leads = |id: ServerId| {
            self.world.server(id).peer.as_ref().is_some_and(|peer| matches!(peer.role, Role::Leading(_)))
        };
        let waits = self.enabled().into_iter().filter_map(|action| match action {
            Action::Timeout(id, Timer::Init) => Some((!leads(id), id)),
            _ => None,
        });
        waits.min().map(|(_, id)| Action::Timeout(id, Timer::Init))
    }

    // ---- Properties ---------------------------------------------------------------------------------------------

    /// Every property that must always hold, does so, or may be violated now.
    fn check(&mut self, narrator: &mut Narrator) -> Result<(), String> {
        let mut always = properties::of(&self.model.bounds);
        always.retain(|property| property.expectation == Expectation::Always);
        for property in always {
            match quiet::catch(|| (property.condition)(&self.model, &self.world)) {
                Ok(true) => {}
                Ok(false) => self.is_violated(property.name, "", narrator)?,
                Err(words) => self.is_violated(NO_PANIC, &format!(": {words}"), narrator)?,
            }
        }
        Ok(())
    }

    /// Notes that a property is violated, once, if that may be.
    fn is_violated(&mut self, name: &str, how: &str, narrator: &mut Narrator) -> Result<(), String> {
        if self.violated.iter().any(|known| known == name) {
            return Ok(());
        }
        let allowed = match &self.allowed {
            Allowed::Any => true,
            Allowed::These(names) => names.iter().any(|allowed| allowed == name),
        };
        if !allowed {
            return Err(format!("{name} is violated{how}"));
        }
        self.violated.push(name.to_owned());
        narrator.lines.push(format!("{name} is violated"));
        Ok(())
    }

    /// All hold, or the story had ended; and which premises are met.
    fn properties(&self) -> Vec<String> {
        let met = properties::of(&self.model.bounds).into_iter().filter(|property| {
            property.expectation == Expectation::Sometimes && (property.condition)(&self.model, &self.world)
        });
        std::iter::once("all hold".to_owned()).chain(met.map(|property| format!("    {}", property.name))).collect()
    }
}

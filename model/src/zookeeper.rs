//! The model itself: stateright's `Model` and our `Fair`, over [`World`].

use crate::bounds::{Bounds, Kind};
use crate::engine::{Fair, Goal};
use crate::mutation::Mutation;
use crate::world::step::Stepper;
use crate::world::{Action, Budget, Server, World, enabled, packed};
use crate::{goals, properties};
use stateright::{Model, Property};
use std::sync::Arc;
use zab::properties::Past;
use zab::{Disk, Ensemble, Epoch, History, ServerId, Timer, Zxid};

/// An ensemble within bounds.
#[derive(Clone, Debug)]
pub struct ZooKeeper {
    /// The bounds.
    pub bounds: Bounds,
    /// Who takes part.
    pub ensemble: Arc<Ensemble>,
    /// What is planted.
    pub mutation: Mutation,
}

impl ZooKeeper {
    /// The model with these bounds.
    ///
    /// # Panics
    /// When there is no voter.
    #[must_use]
    pub fn new(bounds: Bounds) -> ZooKeeper {
        let voters = (1..=bounds.servers).map(ServerId);
        let observers = (bounds.servers + 1..=bounds.servers + bounds.observers).map(ServerId);
        let mut ensemble = Ensemble::majority(voters, observers).expect("bounds name at least one voter");
        if bounds.last_counter > 0 {
            ensemble = ensemble.with_last_counter(bounds.last_counter.into());
        }
        ZooKeeper { bounds, ensemble: Arc::new(ensemble), mutation: Mutation::None }
    }

    /// The world of the initial state at this place, before its servers start; `None` where there are not so many.
    #[must_use]
    pub fn before_start(&self, place: usize) -> Option<World> {
        let choice = u32::try_from(place).ok().filter(|choice| *choice < self.choices())?;
        Some(self.down(choice))
    }

    /// How many initial states there are.
    fn choices(&self) -> u32 {
        self.kinds_of_histories().pow(self.ensemble.servers().count() as u32)
    }

    fn kinds_of_histories(&self) -> u32 {
        u32::from(self.bounds.histories.max(1))
    }

    fn initial(&self, choice: u32) -> World {
        let mut world = self.down(choice);
        Stepper::new(self, &mut world, &mut ()).start();
        world
    }

    fn down(&self, choice: u32) -> World {
        let disks = disks(self.ensemble.servers().count(), self.kinds_of_histories(), choice);
        let count = disks.len();
        let server = |disk| Server {
            peer: None,
            disk,
            snapshot: Vec::new(),
            queue: Vec::new(),
            delivered: Vec::new(),
            syncs: Vec::new(),
        };
        let links = if self.bounds.kind == Kind::Zab { 0 } else { count * count };
        World {
            servers: disks.into_iter().map(server).collect(),
            connections: Vec::new(),
            election: vec![Default::default(); links],
            due: Vec::new(),
            budget: Budget { delays: self.bounds.delays.unwrap_or_default(), ..self.bounds.budget },
            past: Past::default(),
        }
    }

    /// The fairness class of an action: it may not be put off for ever while it stays enabled.
    #[must_use]
    pub fn class_of(&self, action: &Action) -> Option<u8> {
        let count = self.ensemble.servers().count() as u8;
        let pair = |a: ServerId, b: ServerId| (a.0 - 1) * count + b.0 - 1;
        match *action {
            Action::Flush(id) => Some(id.0 - 1),
            Action::Restart(id) => Some(count + id.0 - 1),
            Action::Timeout(id, Timer::Init) => Some(2 * count + id.0 - 1),
            Action::Timeout(id, Timer::Settle | Timer::Notification) => Some(3 * count + id.0 - 1),
            Action::Elect { at, .. } | Action::Connect { learner: at, .. } => Some(4 * count + at.0 - 1),
            Action::Deliver { learner, leader, .. }
            | Action::Notice { learner, leader, .. }
            | Action::Recall { learner, leader, .. } => Some(5 * count + pair(learner, leader)),
            // Where there are no quorum connections, their classes are free: five servers have no others to spare.
            Action::Notify { from, to } if self.bounds.kind == Kind::Election => Some(5 * count + pair(from, to)),
            Action::Notify { from, to } => Some((5 + count) * count + pair(from, to)),
            _ => None,
        }
    }
}

/// The disks of `count` servers of which each has one of `kinds` histories, for this `choice` of them: those of a first
/// epoch that got further with some than with others, and one that a second epoch took over as it was empty, so that
/// epochs and transactions order it differently.
fn disks(count: usize, kinds: u32, choice: u32) -> Vec<Disk> {
    let digits = (0..count as u32).map(|place| choice / kinds.pow(place) % kinds);
    let first = u32::from(kinds > 1);
    let disk = |kind| {
        let (epoch, length) = if kind == 2 { (first + 1, 0) } else { (first, kind) };
        let history = History::from_snapshot(Zxid::new(Epoch(first), length));
        Disk { accepted_epoch: Epoch(epoch), current_epoch: Epoch(epoch), history }
    };
    digits.map(disk).collect()
}

impl Model for ZooKeeper {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        (0..self.choices()).map(|choice| self.initial(choice)).collect()
    }

    fn actions(&self, state: &World, actions: &mut Vec<Action>) {
        enabled::actions(self, state, actions);
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        Stepper::new(self, &mut world, &mut ()).act(action);
        Some(world)
    }

    fn format_action(&self, action: &Action) -> String {
        action.to_string()
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::of(&self.bounds)
    }
}

impl Fair for ZooKeeper {
    fn class(&self, _state: &World, action: &Action) -> Option<u8> {
        self.class_of(action)
    }

    fn pack(&self, state: &World, bytes: &mut Vec<u8>) -> bool {
        packed::pack(state, bytes);
        true
    }

    fn unpack(&self, bytes: &[u8]) -> World {
        packed::unpack(&self.ensemble, bytes)
    }

    fn goals(&self) -> Vec<Goal<Self>> {
        goals::of(self)
    }
}

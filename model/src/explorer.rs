//! The model in the browser: stateright's Explorer, shown what a person needs to see.
//!
//! The [`Explorer`] is the same graph as [`ZooKeeper`], state by state and action by action; it only wears labels.
//! An action carries its line with the message it brings, since stateright formats an action without its state. A step
//! is shown as what changed and what is on its way, a path as the [`diagram`] with the verdict of every property on the
//! state that it ends in: the icons that the Explorer itself draws beside a state are not evaluated there.
//!
//! | what the Explorer shows | is |
//! |---|---|
//! | a path's address | the initial state's place, then each action's place among the enabled ones: `#/steps/0/3/1` |
//! | "Complete State?" | one line a server, in full: different states have different texts |
//! | a liveness counterexample | `always "no fair cycle avoids …"`, violated by the states of the cycle found |
//!
//! It works without a network. Stateright serves files of its page from `./ui/` of the current directory, where there
//! is such a folder, in place of its own: start it elsewhere then.

use crate::engine::{EngineError, Progress, Settings, explore};
use crate::properties;
use crate::story::diagram::{self, Banner, Mood};
use crate::story::{Story, effects, label};
use crate::world::{Action, Server, World};
use crate::zookeeper::ZooKeeper;
use clap::ValueEnum;
use stateright::{Expectation, Model, Path, Property};
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};

/// Where the Explorer listens unless told otherwise.
pub const ADDRESS: &str = "127.0.0.1:3000";

/// Where the Explorer, opened with the model's bounds, shows this path: `http://127.0.0.1:3000/#/steps/0/3/1`. `None`
/// if it is no path of the model.
#[must_use]
pub fn address_of<M>(host: &str, model: &M, initial: usize, actions: &[M::Action]) -> Option<String>
where
    M: Model<Action: Clone + PartialEq>,
{
    let mut world = model.init_states().into_iter().nth(initial)?;
    let mut address = format!("http://{host}/#/steps/{initial}");
    let mut enabled = Vec::new();
    for (place, action) in actions.iter().enumerate() {
        enabled.clear();
        model.actions(&world, &mut enabled);
        address.push_str(&format!("/{}", enabled.iter().position(|other| other == action)?));
        // The last action of a counterexample may be one that panics.
        if place + 1 < actions.len() {
            world = model.next_state(&world, action.clone())?;
        }
    }
    Some(address)
}

/// The initial state's place and the actions of a path such as `0/3/1`.
///
/// # Errors
/// With a sentence, when it is not a path of the model.
pub fn path_at<M: Model<Action: Clone>>(model: &M, path: &str) -> Result<(usize, Vec<M::Action>), String> {
    let mut places = path
        .trim_matches('/')
        .split('/')
        .map(|place| place.parse::<usize>().map_err(|_| format!("`{path}` is not a path: it should look like 0/3/1")));
    let initial = places.next().unwrap_or(Ok(0))?;
    let mut world = model.init_states().into_iter().nth(initial);
    let mut actions = Vec::new();
    for place in places {
        let place = place?;
        let (last, mut enabled) = (world.ok_or_else(|| beyond(path, initial))?, Vec::new());
        model.actions(&last, &mut enabled);
        let action = enabled.get(place).ok_or_else(|| {
            let step = actions.len() + 1;
            format!(
                "`{path}` is not a path of this model: in step {step} there is no action {place}, the last is {}",
                enabled.len().saturating_sub(1)
            )
        })?;
        world = model.next_state(&last, action.clone());
        actions.push(action.clone());
    }
    world.map(|_| (initial, actions)).ok_or_else(|| beyond(path, initial))
}

fn beyond(path: &str, initial: usize) -> String {
    format!("`{path}` is not a path of this model: it has no initial state {initial}")
}

/// A state, with a text of its own for every state.
#[derive(Clone, PartialEq, Eq)]
pub struct Shown(pub World);

impl Hash for Shown {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

// Compact, and different for different states: all that is left out is the ensemble, which never changes.
impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let world = &self.0;
        for (id, Server { peer, disk, snapshot, queue, delivered, syncs }) in world.ids().zip(&world.servers) {
            match peer {
                Some(peer) => writeln!(
                    f,
                    "{id} {:?}\n  round {:?} vote {:?} delivered {:?}\n  memory {:?}",
                    peer.role, peer.round, peer.vote, peer.delivered, peer.memory
                )?,
                None => writeln!(f, "{id} down")?,
            }
            writeln!(f, "  disk {disk:?}\n  snapshot {snapshot:?} delivered {delivered:?} syncs {syncs:?}")?;
            writeln!(f, "  queue {queue:?}")?;
        }
        for connection in &world.connections {
            writeln!(f, "{connection:?}")?;
        }
        writeln!(f, "election {:?}", world.election)?;
        write!(f, "{:?}\n{:?}", world.budget, world.past)
    }
}

/// An action with what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// The action.
    pub action: Action,
    /// Its line, with the message.
    pub label: String,
}

/// A fair cycle that avoids a goal.
#[derive(Clone, Debug)]
pub struct Lasso {
    /// The property under which the Explorer lists it.
    pub name: &'static str,
    /// Where it begins.
    pub initial: usize,
    /// How the cycle is reached.
    pub stem: Vec<Action>,
    /// The cycle.
    pub cycle: Vec<Action>,
    states: HashSet<World>,
}

/// The model as the Explorer walks it.
pub struct Explorer {
    model: ZooKeeper,
    properties: Vec<Property<ZooKeeper>>,
    lassos: Vec<Lasso>,
    premises: bool,
}

impl Explorer {
    /// The model, with nothing known of its liveness.
    #[must_use]
    pub fn new(model: ZooKeeper) -> Explorer {
        let properties = properties::of(&model.bounds);
        assert!(properties.len() <= CONDITIONS.len(), "the table of conditions is too short");
        Explorer { model, properties, lassos: Vec::new(), premises: false }
    }

    /// Lists the premises as well (each `sometimes`), so that "Run to completion" finds an example of each. Without,
    /// the list is short enough to leave room for the path; the diagram tells them in any case.
    #[must_use]
    pub fn with_premises(self) -> Explorer {
        Explorer { premises: true, ..self }
    }

    /// Explores the whole model for fair cycles that avoid a goal, and marks what it finds.
    ///
    /// # Errors
    /// When the engine refuses the model.
    pub fn with_lassos(mut self) -> Result<Explorer, EngineError> {
        let settings = Settings { liveness: true, ..Settings::default() };
        let report = explore(&self.model, &settings, &Progress::new())?;
        for verdict in report.verdicts {
            if let (Some(stem), Some(cycle)) = (verdict.path, verdict.cycle) {
                let lasso = self.lasso(&verdict.name, verdict.initial, stem, cycle);
                self.lassos.push(lasso);
            }
        }
        Ok(self)
    }

    fn lasso(&self, goal: &str, initial: usize, stem: Vec<Action>, cycle: Vec<Action>) -> Lasso {
        let mut world = self.model.init_states().swap_remove(initial);
        let mut states = HashSet::new();
        for (place, action) in stem.iter().chain(&cycle).enumerate() {
            if place >= stem.len() {
                states.insert(world.clone());
            }
            world = self.model.next_state(&world, *action).expect("a counterexample is a path");
        }
        states.insert(world);
        // Stateright wants names that live for ever; there are as many as there are goals.
        let name = Box::leak(format!("no fair cycle avoids {goal}").into_boxed_str());
        Lasso { name, initial, stem, cycle, states }
    }

    /// The cycles that were found.
    #[must_use]
    pub fn lassos(&self) -> &[Lasso] {
        &self.lassos
    }

    fn story(&self, initial: &World, actions: &[Action]) -> Story {
        let name =
            self.model.bounds.kind.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned());
        let title = format!("{name}: {}; step {}", self.model.bounds, actions.len());
        let lasso = self.lassos.iter().find(|lasso| {
            let whole = [&lasso.stem[..], &lasso.cycle].concat();
            actions.len() >= lasso.stem.len() && whole.starts_with(actions)
        });
        let mut story = Story::tell(&self.model, &title, initial, actions);
        if let Some(lasso) = lasso {
            story.returns_to = (actions.len() > lasso.stem.len()).then_some(lasso.stem.len());
            let (begin, left) = (lasso.stem.len(), lasso.stem.len() + lasso.cycle.len() - actions.len());
            story.note = Some(match (lasso.cycle.is_empty(), left) {
                (true, _) => format!("{}: here nothing that is owed can happen any more", lasso.name),
                (false, 0) => format!("{}: this one is fair, and goes on for ever from step {}", lasso.name, begin + 1),
                (false, _) => format!("{}: one begins after step {begin}, and has {left} steps to go", lasso.name),
            });
        }
        story
    }

    fn all(&self) -> Vec<Property<Explorer>> {
        let pairs = self.properties.iter().zip(CONDITIONS);
        let own = pairs.map(|(property, condition)| Property {
            expectation: property.expectation.clone(),
            name: property.name,
            condition,
        });
        let lassos = self.lassos.iter().zip(AVOIDED).map(|(lasso, condition)| Property::always(lasso.name, condition));
        own.chain(lassos).collect()
    }

    fn banners(&self, state: &Shown) -> Vec<Banner> {
        let banner = |property: Property<Explorer>| {
            let holds = (property.condition)(self, state);
            let mood = match (property.expectation, holds) {
                (Expectation::Sometimes, true) => Mood::Reached,
                (Expectation::Sometimes, false) => Mood::NotHere,
                (_, true) => Mood::Holds,
                (_, false) => Mood::Violated,
            };
            Banner { name: property.name.to_owned(), mood }
        };
        let mut banners: Vec<Banner> = self.all().into_iter().map(banner).collect();
        // What is violated first, then what must hold, then what may be.
        let order = |mood| [Mood::Violated, Mood::Holds, Mood::Reached, Mood::NotHere].iter().position(|m| *m == mood);
        banners.sort_by_key(|banner| order(banner.mood));
        banners
    }
}

impl Model for Explorer {
    type State = Shown;
    type Action = Labelled;

    fn init_states(&self) -> Vec<Shown> {
        self.model.init_states().into_iter().map(Shown).collect()
    }

    fn actions(&self, state: &Shown, actions: &mut Vec<Labelled>) {
        let mut enabled = Vec::new();
        self.model.actions(&state.0, &mut enabled);
        actions.extend(
            enabled.into_iter().map(|action| Labelled { action, label: label::label(&self.model, &state.0, &action) }),
        );
    }

    fn next_state(&self, last: &Shown, action: Labelled) -> Option<Shown> {
        self.model.next_state(&last.0, action.action).map(Shown)
    }

    fn format_action(&self, action: &Labelled) -> String {
        action.label.clone()
    }

    fn format_step(&self, last: &Shown, action: Labelled) -> Option<String> {
        let next = self.model.next_state(&last.0, action.action)?;
        let mut lines = vec![action.label];
        lines.extend(effects::effects(&last.0, &next).iter().map(effects::Effect::text));
        lines.push(String::new());
        lines.push("on the way:".to_owned());
        let flying = effects::in_flight(&next);
        lines.extend(if flying.is_empty() { vec!["nothing".to_owned()] } else { flying });
        Some(lines.join("\n"))
    }

    fn as_svg(&self, path: Path<Shown, Labelled>) -> Option<String> {
        let last = path.last_state().clone();
        let steps = path.into_vec();
        let initial = &steps.first()?.0;
        let actions: Vec<Action> = steps.iter().filter_map(|(_, labelled)| Some(labelled.as_ref()?.action)).collect();
        Some(diagram::svg(&self.story(&initial.0, &actions), &self.banners(&last)))
    }

    fn properties(&self) -> Vec<Property<Explorer>> {
        let mut properties = self.all();
        properties.retain(|property| self.premises || property.expectation != Expectation::Sometimes);
        properties
    }
}

// A property is a plain function without memory: so there is one for every place in the list.

type Condition = fn(&Explorer, &Shown) -> bool;

fn condition<const PLACE: usize>(explorer: &Explorer, state: &Shown) -> bool {
    (explorer.properties[PLACE].condition)(&explorer.model, &state.0)
}

fn avoided<const PLACE: usize>(explorer: &Explorer, state: &Shown) -> bool {
    !explorer.lassos[PLACE].states.contains(&state.0)
}

macro_rules! at_each {
    ($function:ident $($place:literal)*) => { [$($function::<$place>),*] };
}

const AVOIDED: [Condition; 8] = at_each![avoided 0 1 2 3 4 5 6 7];

#[rustfmt::skip]
const CONDITIONS: [Condition; 64] = at_each![condition
     0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
    32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
];

//! Paths that together show every kind of transition.
//!
//! Two transitions are of one kind when the same sort of action meets a server in the same phase, with the same sort of
//! message, and makes the same sorts of outputs. An exhaustive pass over the graph finds all kinds, and for each a
//! shortest path; from the kinds that lie deepest backwards, the path of each that is not shown yet is taken, and
//! goes on at random (from a fixed seed) as long as new kinds lie one step ahead.

use super::label;
use crate::world::step::{Stepper, Watch};
use crate::world::{Action, End, World};
use crate::zookeeper::ZooKeeper;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use stateright::Model;
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::fmt;
use std::hash::{Hash, Hasher};
use zab::peer::Role;
use zab::{Input, Output, Peer, ServerId};

/// A kind of transition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Transition {
    /// What sort of action.
    pub action: &'static str,
    /// What the server was doing to which it happened.
    pub phase: String,
    /// The message that came, if one did.
    pub message: Option<&'static str>,
    /// What sorts of outputs came of it.
    pub outputs: BTreeSet<String>,
}

/// A path of the cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// The initial state's place.
    pub initial: usize,
    /// The actions.
    pub actions: Vec<Action>,
    /// How many kinds it is the first to show.
    pub new: usize,
}

/// What covers a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    /// How many distinct states were looked at.
    pub states: usize,
    /// The kinds, each with how many of the paths show it.
    pub kinds: BTreeMap<Transition, usize>,
    /// The paths.
    pub walks: Vec<Walk>,
}

/// The graph has more states than the pass may look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the model has more than {0} distinct states within these bounds; choose smaller ones")]
pub struct TooLarge(pub usize);

/// How the search came to a state: from which one, by which of its actions. Initial states name themselves.
type Origin = (u32, u16);

/// Finds every kind of transition of the model, and paths that show them all.
///
/// # Errors
/// When the model has more than `limit` distinct states.
pub fn cover(model: &ZooKeeper, seed: u64, limit: usize) -> Result<Cover, TooLarge> {
    let (origins, firsts) = search(model, limit)?;
    let mut cover = Cover { states: origins.len(), kinds: BTreeMap::new(), walks: Vec::new() };
    let mut open: HashSet<Transition> = firsts.iter().map(|(kind, _)| kind.clone()).collect();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for (kind, (state, place)) in firsts.iter().rev() {
        if open.contains(kind) {
            let (initial, places) = path(&origins, *state);
            let walk = walk(model, initial, &[&places[..], &[*place]].concat(), &mut open, &mut cover, &mut random);
            cover.walks.push(walk);
        }
    }
    Ok(cover)
}

/// Every kind of transition in the order of its finding, each with the state and action that show it first.
type Firsts = Vec<(Transition, Origin)>;

fn search(model: &ZooKeeper, limit: usize) -> Result<(Vec<Origin>, Firsts), TooLarge> {
    let (mut seen, mut origins, mut frontier) = (HashSet::new(), Vec::new(), VecDeque::new());
    for (place, world) in model.init_states().into_iter().enumerate() {
        // Equal initial states stand for one another.
        seen.insert(fingerprint(&world));
        frontier.push_back((origins.len() as u32, world));
        origins.push((place as u32, u16::MAX));
    }
    let (mut kinds, mut firsts, mut actions) = (HashSet::new(), Vec::new(), Vec::new());
    while let Some((state, world)) = frontier.pop_front() {
        actions.clear();
        model.actions(&world, &mut actions);
        for (place, action) in actions.iter().enumerate() {
            let (next, kind) = step(model, &world, *action);
            if kinds.insert(kind.clone()) {
                firsts.push((kind, (state, place as u16)));
            }
            if seen.insert(fingerprint(&next)) {
                if origins.len() == limit {
                    return Err(TooLarge(limit));
                }
                frontier.push_back((origins.len() as u32, next));
                origins.push((state, place as u16));
            }
        }
    }
    Ok((origins, firsts))
}

fn fingerprint(world: &World) -> u64 {
    let mut hasher = xxhash_rust::xxh3::Xxh3Default::new();
    world.hash(&mut hasher);
    hasher.finish()
}

fn path(origins: &[Origin], state: u32) -> (usize, Vec<u16>) {
    let (mut at, mut places) = (state, Vec::new());
    loop {
        match origins[at as usize] {
            (initial, u16::MAX) => {
                places.reverse();
                return (initial as usize, places);
            }
            (before, place) => {
                places.push(place);
                at = before;
            }
        }
    }
}

/// Goes along `places`, and then on while something new lies ahead.
fn walk(
    model: &ZooKeeper,
    initial: usize,
    places: &[u16],
    open: &mut HashSet<Transition>,
    cover: &mut Cover,
    random: &mut ChaCha8Rng,
) -> Walk {
    let mut world = model.init_states().swap_remove(initial);
    let mut walk = Walk { initial, actions: Vec::new(), new: 0 };
    let mut shown = BTreeSet::new();
    let mut places = places.iter();
    loop {
        let mut actions = Vec::new();
        model.actions(&world, &mut actions);
        let action = match places.next() {
            Some(place) => Some(actions[usize::from(*place)]),
            None => {
                let new = |action: &Action| open.contains(&step(model, &world, *action).1);
                let ahead: Vec<Action> = actions.into_iter().filter(new).collect();
                (!ahead.is_empty()).then(|| ahead[random.next_u32() as usize % ahead.len()])
            }
        };
        let Some(action) = action else { break };
        let (next, kind) = step(model, &world, action);
        walk.new += usize::from(open.remove(&kind));
        walk.actions.push(action);
        shown.insert(kind);
        world = next;
    }
    for kind in shown {
        *cover.kinds.entry(kind).or_default() += 1;
    }
    walk
}

/// Collects the sorts of outputs.
#[derive(Default)]
struct Sorts(BTreeSet<String>);

impl Watch for Sorts {
    fn recovered(&mut self, _: ServerId, outputs: &[Output]) {
        self.0.extend(outputs.iter().map(sort));
    }

    fn stepped(&mut self, _: ServerId, _: &Input, outputs: &[Output]) {
        self.0.extend(outputs.iter().map(sort));
    }
}

fn step(model: &ZooKeeper, world: &World, action: Action) -> (World, Transition) {
    let (name, id) = sort_of(&action);
    let phase = world.server(id).peer.as_ref().map_or("down".to_owned(), phase);
    let message = label::message(world, &action).map(|message| message.name());
    let (mut next, mut sorts) = (world.clone(), Sorts::default());
    Stepper::new(model, &mut next, &mut sorts).act(action);
    (next, Transition { action: name, phase, message, outputs: sorts.0 })
}

/// What sort of action it is, and to whom it happens.
fn sort_of(action: &Action) -> (&'static str, ServerId) {
    match *action {
        Action::Deliver { leader, to: End::Leader, .. } => ("deliver", leader),
        Action::Deliver { learner, to: End::Learner, .. } => ("deliver", learner),
        Action::Notify { to, .. } => ("notify", to),
        Action::Flush(id) => ("flush", id),
        Action::Crash(id) => ("crash", id),
        Action::Restart(id) => ("restart", id),
        Action::Break(id, _) => ("break", id),
        Action::Notice { learner, at: End::Learner, .. } => ("notice", learner),
        Action::Notice { leader, at: End::Leader, .. } => ("notice", leader),
        Action::Connect { learner, .. } => ("connect", learner),
        Action::Timeout(id, timer) => match timer {
            zab::Timer::Notification => ("timeout Notification", id),
            zab::Timer::Settle => ("timeout Settle", id),
            zab::Timer::Init => ("timeout Init", id),
            zab::Timer::Ping => ("timeout Ping", id),
        },
        Action::Write(id) => ("write", id),
        Action::Sync(id) => ("sync", id),
        Action::Snapshot(id) => ("snapshot", id),
        Action::Recall { leader, found, .. } => (if found { "recall" } else { "recall in vain" }, leader),
        Action::Elect { at, leader } => (if at == leader { "elect itself" } else { "elect another" }, at),
    }
}

fn phase(peer: &Peer) -> String {
    match &peer.role {
        Role::Looking(looking) => if looking.settling { "looking, settling" } else { "looking" }.to_owned(),
        Role::Following(following) if peer.ensemble.is_observer(peer.id) => format!("observing, {:?}", following.phase),
        Role::Following(following) => format!("following, {:?}", following.phase),
        Role::Leading(leading) => format!("leading, {:?}", leading.phase),
    }
}

/// An output without its numbers.
fn sort(output: &Output) -> String {
    match output {
        Output::Write(write) => {
            let text = format!("{write:?}");
            format!("Write {}", text.split('(').next().unwrap_or_default())
        }
        Output::Send(_, message) => format!("Send {}", message.name()),
        Output::SendWhenDurable(_, message) => format!("SendWhenDurable {}", message.name()),
        other => {
            let text = format!("{other:?}");
            text.split('(').next().unwrap_or_default().to_owned()
        }
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.action)?;
        if let Some(message) = self.message {
            write!(f, " {message}")?;
        }
        write!(f, " | {} | ", self.phase)?;
        if self.outputs.is_empty() {
            return write!(f, "nothing");
        }
        write!(f, "{}", self.outputs.iter().cloned().collect::<Vec<_>>().join(", "))
    }
}

//! What is to be said of a verdict: what is violated is told apart from what the bounds leave no room for.

use crate::bounds::Kind as Model;
use crate::engine::{Kind, Verdict};
use crate::world::{Action, World, enabled};
use crate::zookeeper::ZooKeeper;
use stateright::Model as _;
use std::collections::BTreeSet;
use zab::ServerId;

/// A verdict in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It holds.
    Holds,
    /// An `always` is violated.
    Violated,
    /// A `sometimes` is not reached: what it is the premise of holds for want of anything to hold for.
    NotReached,
    /// A goal is avoided for ever.
    NotLive,
    /// A goal is not reached, where the oracle could elect but has held all the elections that the bounds allow.
    NoElectionLeft,
    /// It fails, and the run is there to show that: with the words for it, which begin with "expected".
    Expected(&'static str),
    /// It holds, though the run is there to show that it fails.
    NotAsExpected,
    /// Too little was explored to say.
    Undecided,
}

impl Word {
    /// The word for a verdict, by itself; `expected` where the model is there to show that the claim fails.
    #[must_use]
    pub fn plain<A>(verdict: &Verdict<A>, expected: Option<&'static str>) -> Word {
        match (verdict.decided, verdict.holds, verdict.kind, expected) {
            (false, ..) => Word::Undecided,
            (true, true, _, Some(_)) => Word::NotAsExpected,
            (true, true, _, None) => Word::Holds,
            (true, false, _, Some(words)) => Word::Expected(words),
            (true, false, Kind::Always, None) => Word::Violated,
            (true, false, Kind::Sometimes, None) => Word::NotReached,
            (true, false, Kind::Live, None) => Word::NotLive,
        }
    }

    /// Whether nothing is wrong: it holds, or fails where it is to fail.
    #[must_use]
    pub fn is_well(self) -> bool {
        matches!(self, Word::Holds | Word::Expected(_))
    }

    /// As scripts read it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Word::Holds => "holds",
            Word::Violated => "violated",
            Word::NotReached => "not reached",
            Word::NotLive => "not live",
            Word::NoElectionLeft => "no election left",
            Word::Expected(words) => words,
            Word::NotAsExpected => "holds, not as expected",
            Word::Undecided => "undecided",
        }
    }

    /// Whether the bounds, and not the specification, may be the reason.
    #[must_use]
    pub fn is_of_bounds(self) -> bool {
        matches!(self, Word::NotReached | Word::NoElectionLeft)
    }

    /// The sentence that goes on where the property's name ends.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Word::Holds => "holds",
            Word::Violated => "does not hold",
            Word::NotReached => "is not reached within these bounds; what needs it was not put to the test",
            Word::NotLive => "is not reached again",
            Word::NoElectionLeft => {
                "is not reached within these bounds: all elections of the oracle are held, and another would be due. \
                 With more --elections it is reached, or no election comes to anything"
            }
            Word::Expected(_) => "fails, as is expected: that is what this run is to show",
            Word::NotAsExpected => "holds, though this run is to show that it fails",
            Word::Undecided => "is undecided",
        }
    }
}

/// Whether, all along the behaviour that avoids the goal, a server could be elected if only the oracle still might.
#[must_use]
pub fn waits_for_the_oracle(model: &ZooKeeper, verdict: &Verdict<Action>) -> bool {
    if model.bounds.kind != Model::Zab {
        return false;
    }
    let (Some(stem), Some(cycle)) = (&verdict.path, &verdict.cycle) else { return false };
    let Some(mut world) = model.init_states().into_iter().nth(verdict.initial) else { return false };
    for action in stem {
        world = model.next_state(&world, *action).expect("a path of the model");
    }
    let mut electable = electable(model, &world);
    for action in cycle {
        world = model.next_state(&world, *action).expect("a path of the model");
        electable.retain(|id| self::electable(model, &world).contains(id));
    }
    !electable.is_empty()
}

/// Whom the oracle would elect, where it has no election left.
fn electable(model: &ZooKeeper, world: &World) -> BTreeSet<ServerId> {
    if world.budget.elections > 0 {
        return BTreeSet::new();
    }
    let (mut richer, mut actions) = (world.clone(), Vec::new());
    richer.budget.elections = 1;
    enabled::actions(model, &richer, &mut actions);
    let elected = actions.into_iter().filter_map(|action| match action {
        Action::Elect { at, leader } if at == leader => Some(at),
        _ => None,
    });
    elected.collect()
}

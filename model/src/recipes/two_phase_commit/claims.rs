//! What must hold of a commit, and that each of it is put to the test.

use super::{COUNT, TwoPhaseCommit, World};
use stateright::Property;
use zab::recipes::two_phase_commit::{Form, Process, Record};

/// The goal that the classic protocol misses.
pub const DECIDES: &str = "L nobody stays in doubt";

/// The claims about a variant. What they mean is told in the chapter.
pub fn properties(model: &TwoPhaseCommit) -> Vec<Property<TwoPhaseCommit>> {
    let mut all = vec![
        Property::<TwoPhaseCommit>::always("Atomicity", |_, world| world.known != [true, true]),
        Property::<TwoPhaseCommit>::sometimes("Atomicity: it is done", |_, world| world.known[0]),
        Property::<TwoPhaseCommit>::sometimes("Atomicity: it is not done", |_, world| world.known[1]),
        Property::<TwoPhaseCommit>::sometimes("Atomicity: one knows, another is in doubt", |_, world| {
            world.known[0] && in_doubt(world)
        }),
        Property::<TwoPhaseCommit>::always("DoneNeedsVotes", |model, world| {
            let enough = if model.form() == Form::Zab { COUNT / 2 + 1 } else { COUNT };
            !world.known[0] || logged(world) >= usize::from(enough)
        }),
        Property::<TwoPhaseCommit>::sometimes("DoneNeedsVotes: not before the last vote", |model, world| {
            let enough = if model.form() == Form::Zab { COUNT / 2 + 1 } else { COUNT };
            !world.known[0] && logged(world) + 1 == usize::from(enough)
        }),
        Property::<TwoPhaseCommit>::always("PageFollowsLog", |_, world| processes(world).all(page_is_right)),
    ];
    if model.elections > 0 {
        all.push(Property::<TwoPhaseCommit>::sometimes("Atomicity: two coordinate", |_, world| {
            processes(world).filter(|process| process.leads.is_some()).count() == 2
        }));
    }
    all.extend(match model.form() {
        Form::Classic => [
            Property::<TwoPhaseCommit>::sometimes("PageFollowsLog: there is something to redo", |_, world| {
                world.places.iter().any(|place| place.up.is_none() && ends_with(&place.log, true) && !place.page)
            }),
            Property::<TwoPhaseCommit>::sometimes("PageFollowsLog: there is something to undo", |_, world| {
                world.places.iter().any(|place| place.up.is_none() && ends_with(&place.log, false) && place.page)
            }),
        ],
        Form::Zab => [
            Property::<TwoPhaseCommit>::sometimes("PageFollowsLog: done where it was not proposed", |_, world| {
                processes(world).any(|process| process.decided == Some(true) && process.accepted.is_none())
            }),
            Property::<TwoPhaseCommit>::sometimes("PageFollowsLog: undone by a later epoch", |_, world| {
                let proposed = Record::Accepted { epoch: 1, has: true };
                let of = |place: &super::Place| place.log.contains(&proposed) && place.up.as_ref().is_some_and(undone);
                world.places.iter().any(of)
            }),
        ],
    });
    all
}

fn undone(process: &Process) -> bool {
    process.decided == Some(false)
}

/// What was decided, or else what is to be done if it is decided, is in its page, and nothing else is.
fn page_is_right(process: &Process) -> bool {
    process.page == process.decided.unwrap_or(process.accepted.is_some_and(|(_, has)| has))
}

fn ends_with(log: &[Record], done: bool) -> bool {
    log.last() == Some(&Record::Decided(done))
}

/// How many have logged that they can do it.
fn logged(world: &World) -> usize {
    let can = |record: &Record| matches!(record, Record::Accepted { has: true, .. });
    world.places.iter().filter(|place| place.log.iter().any(can)).count()
}

fn processes(world: &World) -> impl Iterator<Item = &Process> {
    world.places.iter().filter_map(|place| place.up.as_ref())
}

/// Whether somebody that is up is in doubt.
pub fn in_doubt(world: &World) -> bool {
    processes(world).any(Process::is_in_doubt)
}

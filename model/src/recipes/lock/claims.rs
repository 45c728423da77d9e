//! What must hold of a lock, and that each of it is put to the test.

use super::{Lock, Variant, World};
use stateright::Property;
use zab::recipes::lock::{Stage, Tell};

/// The claims about a variant. What they mean is told in the lock's chapter.
pub fn properties(model: &Lock) -> Vec<Property<Lock>> {
    let mut all = vec![
        Property::<Lock>::always("MutualExclusion", |_, world| believers(world, true) <= 1),
        Property::<Lock>::always("FencedInOrder", |_, world| !world.disordered),
        Property::<Lock>::always("ServedInOrder", |_, world| !world.overtaken),
        Property::<Lock>::sometimes("ServedInOrder: all were served", |model, world| world.entries == model.contenders),
    ];
    if model.contenders > 1 && model.variant != Variant::LooksBeforeCreate {
        all.push(Property::<Lock>::sometimes("LookAgain: there is nothing to watch any more", |_, world| {
            world.clients.iter().any(|client| client.inbox.iter().any(|(told, _)| *told == Tell::Watched(false)))
        }));
    }
    if model.expiries > 0 {
        all.push(Property::<Lock>::sometimes("MutualExclusion: two believe to hold", |_, world| {
            believers(world, false) > 1
        }));
    }
    if model.expiries > 0 && model.variant != Variant::Unfenced {
        all.push(Property::<Lock>::sometimes("FencedInOrder: a write is refused", |_, world| world.refused));
    }
    if model.breaks > 0 && model.variant != Variant::CreatesTwice {
        all.push(Property::<Lock>::sometimes("ProtectCreate: a znode is found again", |_, world| {
            world.clients.iter().any(|client| matches!(client.contender.stage, Stage::Numbering(_)))
        }));
    }
    match (model.variant, model.contenders) {
        (Variant::Herd, _) => all.extend(herd_costs()),
        (Variant::LooksBeforeCreate, _) | (_, ..=1) => {}
        _ => all.extend(queue_costs()),
    }
    all
}

/// What waking everybody costs.
fn herd_costs() -> [Property<Lock>; 4] {
    [
        Property::<Lock>::always("AllAreWoken: at most", |model, world| world.woken_at_once < model.contenders),
        Property::<Lock>::sometimes("AllAreWoken: they are", |model, world| {
            world.woken_at_once == model.contenders - 1
        }),
        Property::<Lock>::always("HerdCost: n(n-1)/2", |model, world| world.notifications <= herd(model)),
        Property::<Lock>::sometimes("HerdCost: so many notifications", |model, world| {
            world.notifications == herd(model)
        }),
    ]
}

/// What waking one costs.
fn queue_costs() -> [Property<Lock>; 4] {
    [
        Property::<Lock>::always("OneIsWoken", |_, world| world.woken_at_once <= 1),
        Property::<Lock>::sometimes("OneIsWoken: one is", |_, world| world.woken_at_once == 1),
        Property::<Lock>::always("QueueCost: n-1", |model, world| world.notifications < model.contenders),
        Property::<Lock>::sometimes("QueueCost: so many notifications", |model, world| {
            world.notifications == model.contenders - 1
        }),
    ]
}

/// What a herd of so many costs.
fn herd(model: &Lock) -> u8 {
    model.contenders * (model.contenders - 1) / 2
}

/// How many believe to hold the lock; with `open`, only those whose sessions are open.
fn believers(world: &World, open: bool) -> usize {
    let believes = |client: &super::Client| matches!(client.contender.stage, Stage::Holding(..));
    let counts = |(client, id): &(&super::Client, u8)| believes(client) && (!open || world.served.is_open(*id));
    world.clients.iter().zip(0..).filter(counts).count()
}

/// Everyone who wanted the lock has had it, or has lost its session.
pub fn nobody_waits(_: &Lock, world: &World) -> bool {
    let at_rest = |stage: &Stage| matches!(stage, Stage::Idle | Stage::Released | Stage::Lost);
    world.clients.iter().all(|client| at_rest(&client.contender.stage))
}

//! What each action does, and where the mistakes are planted: between a contender and what it asks and hears.

use super::super::served::create;
use super::{Action, Client, LOCK, Lock, Variant, World};
use zab::Zxid;
use zab::recipes::lock::{Ask, Stage, Tell, Ticket, sequence};
use zab::tree::{Change, CreateMode, Notification, Outcome, SetWatches, WatchMode};

/// A client wants the lock.
pub fn begin(model: &Lock, world: &mut World, id: u8) {
    tell(model, world, id, Tell::Acquire);
}

/// Takes the action.
pub fn act(model: &Lock, world: &mut World, action: Action) {
    match action {
        Action::Serve(id) => serve(world, id),
        Action::Deliver(id) => {
            let (told, seen) = world.clients[usize::from(id)].inbox.remove(0);
            world.clients[usize::from(id)].seen = seen;
            tell(model, world, id, told);
        }
        Action::Arrive(id) => arrive(model, world, id),
        Action::Release(id) => tell(model, world, id, Tell::Release),
        Action::Expire(id) => expire(world, id),
        Action::Break(id) => reconnect(model, world, id),
    }
    if world.breaks == 0 {
        forget_for_reconnections(world);
    }
}

/// What only a reconnection would look at need not tell states apart when there will be none.
fn forget_for_reconnections(world: &mut World) {
    for client in &mut world.clients {
        (client.seen, client.watched) = (Zxid::ZERO, None);
        client.inbox.iter_mut().for_each(|(_, zxid)| *zxid = Zxid::ZERO);
    }
}

/// A contender takes something in, and what it asks then is on its way.
fn tell(model: &Lock, world: &mut World, id: u8, told: Tell) {
    let open = world.served.is_open(id);
    let client = &mut world.clients[usize::from(id)];
    match &told {
        Tell::Woken => {
            client.watched = None;
            client.woken = model.variant == Variant::TrustsTheWakeUp;
        }
        Tell::Expired => (client.watched, client.request, client.woken) = (None, None, false),
        _ => {}
    }
    let told = misheard(model.variant, client, told);
    let names = if let Tell::Listed(names) = &told { names.clone() } else { Vec::new() };
    let held = matches!(client.contender.stage, Stage::Holding(..));
    let creates = client.contender.stage == Stage::Creating;
    let mut ask = client.contender.step(told);
    if let (Variant::LooksBeforeCreate, true, Stage::Listing(ticket)) =
        (model.variant, creates, &client.contender.stage)
    {
        // What it saw before it created its znode was an empty queue, for all begin at once.
        let names = vec![ticket.name.clone()];
        ask = client.contender.step(Tell::Listed(names));
    }
    if let Some(ask) = ask {
        let ask = miswritten(model.variant, &client.contender.stage, &names, ask);
        if let Ask::Watch(name) = &ask {
            client.watched = Some(name.clone());
        }
        client.request = Some(ask);
    }
    if let (false, Stage::Holding(_, token)) = (held, &client.contender.stage) {
        client.write = Some(*token);
        if open {
            world.overtaken |= *token <= world.entered;
            (world.entered, world.entries) = (*token, world.entries + 1);
        }
    }
}

/// The mistakes of hearing.
fn misheard(variant: Variant, client: &mut Client, told: Tell) -> Tell {
    match (variant, &client.contender.stage, told) {
        (Variant::WaitsForNobody, Stage::Watching(_), Tell::Watched(false)) => Tell::Watched(true),
        (Variant::CreatesTwice, Stage::Recovering, Tell::Listed(_)) => Tell::Listed(Vec::new()),
        (_, Stage::Listing(ticket), Tell::Listed(names)) => {
            let woken = std::mem::take(&mut client.woken);
            let alone = variant == Variant::TrustsTheWakeUp && woken;
            Tell::Listed(if alone { vec![ticket.name.clone()] } else { names })
        }
        (_, _, told) => told,
    }
}

/// The mistakes of asking.
fn miswritten(variant: Variant, stage: &Stage, names: &[String], ask: Ask) -> Ask {
    let (Stage::Watching(ticket), Ask::Watch(_)) = (stage, &ask) else { return ask };
    let watched = match variant {
        Variant::Herd => names.iter().min_by_key(|name| sequence(name)),
        Variant::WatchesBehind => {
            names.iter().filter(|name| sequence(name) > sequence(&ticket.name)).min_by_key(|name| sequence(name))
        }
        _ => None,
    };
    watched.map_or(ask, |name| Ask::Watch(name.clone()))
}

/// The server answers. To a session that is over it does not.
fn serve(world: &mut World, id: u8) {
    let Some(ask) = world.clients[usize::from(id)].request.take() else { return };
    if !world.served.is_open(id) {
        return;
    }
    let path = |name: &str| format!("{LOCK}/{name}");
    let czxid = |world: &World, name: &str| world.served.tree.node(&path(name)).map(|node| node.stat.czxid);
    let told = match ask {
        Ask::Create(prefix) => created(world, id, &path(&prefix)),
        Ask::List => Tell::Listed(world.served.tree.children(LOCK).map(str::to_owned).collect()),
        Ask::Token(name) => Tell::Token(czxid(world, &name)),
        Ask::Watch(name) => {
            let there = czxid(world, &name).is_some();
            if there {
                world.served.watch(id, &path(&name), WatchMode::Data);
            }
            Tell::Watched(there)
        }
        Ask::Delete(name) => {
            change(world, id, Change::Delete { path: path(&name), version: -1 });
            Tell::Deleted
        }
    };
    send(world, id, told);
}

fn created(world: &mut World, id: u8, path: &str) -> Tell {
    match change(world, id, create(path, CreateMode::EphemeralSequential)) {
        Some(Outcome::Created { path, stat }) => {
            let name = path.rsplit('/').next().unwrap_or_default().to_owned();
            Tell::Created(Ticket { name, token: Some(stat.persisted.czxid) })
        }
        other => unreachable!("a sequential znode below {LOCK} is always created, not {other:?}"),
    }
}

/// A transaction, and what its watchers are sent.
fn change(world: &mut World, id: u8, change: Change) -> Option<Outcome> {
    let (applied, told) = world.served.change(id, change);
    let woken = told.len() as u8;
    world.woken_at_once = world.woken_at_once.max(woken);
    world.notifications += woken;
    for (watcher, _) in told {
        send(world, watcher, Tell::Woken);
    }
    applied.result.ok()
}

fn send(world: &mut World, id: u8, told: Tell) {
    let zxid = world.served.tree.last_zxid();
    world.clients[usize::from(id)].inbox.push((told, zxid));
}

/// The guarded thing accepts a write or refuses it.
fn arrive(model: &Lock, world: &mut World, id: u8) {
    let client = &mut world.clients[usize::from(id)];
    let Some(token) = client.write.take() else { return };
    let accepted = world.fence.accept(token) || model.variant == Variant::Unfenced;
    // What is right is asked of the tokens, not of the fence.
    world.disordered |= accepted != (token >= world.newest);
    world.refused |= !accepted;
    world.newest = world.newest.max(token);
}

/// The session ends; its client hears of it behind all that is on its way already.
fn expire(world: &mut World, id: u8) {
    world.expiries -= 1;
    change(world, id, Change::CloseSession);
    world.served.disconnect(id);
    send(world, id, Tell::Expired);
}

/// What was on its way is lost, either way. The client sets its watch again, and asks again what was not answered.
fn reconnect(model: &Lock, world: &mut World, id: u8) {
    world.breaks -= 1;
    world.served.disconnect(id);
    let client = &mut world.clients[usize::from(id)];
    let waited = client.request.take().is_some() | client.inbox.iter().any(|(told, _)| *told != Tell::Woken);
    client.inbox.clear();
    let (seen, watched) = (client.seen, client.watched.clone());
    if let (Stage::Waiting(_), Some(name)) = (&client.contender.stage, watched) {
        let data = vec![format!("{LOCK}/{name}")];
        let request = SetWatches { relative_zxid: seen, data, ..SetWatches::default() };
        let missed: Vec<Notification> = world.served.set_watches(id, &request);
        if !missed.is_empty() {
            send(world, id, Tell::Woken);
        }
    }
    if waited {
        tell(model, world, id, Tell::Interrupted);
    }
}

//! What the coarse grains leave out, and what not: compared with the finest, state by state.

use model::bounds::{Bounds, Discovery, Grain, Kind, Oracle, Timing};
use model::world::{Budget, Server, World};
use model::zookeeper::ZooKeeper;
use stateright::Model;
use std::collections::HashSet;
use zab::peer::{HandlerPhase, LearnerPhase, Role};

/// Every state within bounds, without what only counts late notifications.
fn reachable(bounds: Bounds) -> HashSet<World> {
    let model = ZooKeeper::new(bounds);
    let mut seen: HashSet<World> = model.init_states().into_iter().collect();
    let mut open: Vec<World> = seen.iter().cloned().collect();
    while let Some(world) = open.pop() {
        let mut actions = Vec::new();
        model.actions(&world, &mut actions);
        for next in actions.into_iter().filter_map(|action| model.next_state(&world, action)) {
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    let plain = |mut world: World| {
        (world.due, world.budget.delays) = (Vec::new(), 0);
        world
    };
    seen.into_iter().map(plain).collect()
}

fn election() -> Bounds {
    Bounds { timing: Timing::Timely, histories: 1, budget: Budget::default(), ..Bounds::default_of(Kind::Election) }
}

fn zab() -> Bounds {
    let budget = Budget { transactions: 1, crashes: 1, elections: 2, ..Budget::default() };
    Bounds { grain: Grain::Atomic, oracle: Oracle::Best, budget, ..Bounds::default_of(Kind::Zab) }
}

#[test]
fn enough_late_notifications_are_every_order() {
    let every = reachable(election());
    let (mut before, mut delays) = (0, 0);
    loop {
        let some = reachable(Bounds { delays: Some(delays), ..election() });
        assert!(some.is_subset(&every), "{delays} late notifications lead to states that no order leads to");
        assert!(some.len() >= before);
        (before, delays) = (some.len(), delays + 4);
        if some == every {
            break;
        }
        assert!(delays < 60, "{} of {} states", some.len(), every.len());
    }
}

#[test]
fn few_late_notifications_are_few_orders() {
    let punctual = reachable(Bounds { delays: Some(0), ..election() });
    assert!(punctual.len() * 4 < reachable(election()).len());
}

#[test]
fn whole_discovery_leads_nowhere_else() {
    let fine = reachable(zab());
    let coarse = reachable(Bounds { discovery: Discovery::Whole, ..zab() });
    assert!(coarse.is_subset(&fine));
    assert!(coarse.len() < fine.len());
}

#[test]
fn whole_discovery_leaves_out_only_what_happens_within_it() {
    let coarse = reachable(Bounds { discovery: Discovery::Whole, ..zab() });
    // Where no discovery is under way or was cut short, nothing can tell that it was not one step.
    let missing = reachable(zab()).into_iter().filter(|world| !coarse.contains(world));
    let told = missing.filter(|world| !within_discovery(world)).count();
    assert_eq!(told, 0);
}

/// Whether a state bears a trace of a discovery that is under way, or was cut short.
fn within_discovery(world: &World) -> bool {
    use zab::Message::{AckEpoch, FollowerInfo, LeaderInfo, ObserverInfo};
    let mut messages = world.connections.iter().flat_map(|c| c.to_leader.iter().chain(&c.to_learner));
    let traces = |server: &Server| match server.peer.as_ref().map(|peer| &peer.role) {
        Some(Role::Following(following)) => following.phase < LearnerPhase::Synchronization,
        Some(Role::Leading(leading)) => {
            leading.learners.iter().any(|learner| learner.phase < HandlerPhase::Synchronizing)
        }
        _ => false,
    };
    let latest = world.servers.iter().map(|server| server.disk.accepted_epoch.0).max().unwrap_or_default();
    let spent = |epoch: &u32| !world.past.established.iter().any(|reign| reign.epoch.0 == *epoch);
    messages.any(|message| matches!(message, FollowerInfo(_) | ObserverInfo(_) | LeaderInfo(_) | AckEpoch(_)))
        || world.servers.iter().any(|server| server.disk.accepted_epoch > server.disk.current_epoch || traces(server))
        || (1..latest).any(|epoch| spent(&epoch))
}

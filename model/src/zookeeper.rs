//! The model itself: stateright's `Model` and our `Fair`, over [`World`].

use crate::bounds::{Bounds, Kind};
use crate::engine::{Fair, Goal};
use crate::mutation::Mutation;
use crate::world::enabled::peers;
use crate::world::step::Stepper;
use crate::world::{Action, Server, World, enabled};
use stateright::{Model, Property};
use std::sync::Arc;
use zab::peer::Role;
use zab::properties::{Past, premises, safety};
use zab::{Disk, Ensemble, ServerId, Timer};

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

    fn initial(&self, disks: Vec<Disk>) -> World {
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
        let mut world = World {
            servers: disks.into_iter().map(server).collect(),
            connections: Vec::new(),
            election: vec![Default::default(); links],
            budget: self.bounds.budget,
            past: Past::default(),
        };
        Stepper::new(self, &mut world, &mut ()).start();
        world
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
            Action::Deliver { learner, leader, .. } | Action::Notice { learner, leader, .. } => {
                Some(5 * count + pair(learner, leader))
            }
            Action::Notify { from, to } => Some((5 + count) * count + pair(from, to)),
            _ => None,
        }
    }
}

impl Model for ZooKeeper {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![self.initial(vec![Disk::default(); self.ensemble.servers().count()])]
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
        macro_rules! property {
            ($kind:ident, $name:literal, $predicate:path) => {
                Property::$kind($name, |model: &ZooKeeper, world: &World| world.with_view(&model.ensemble, $predicate))
            };
        }
        vec![
            property!(always, "Leadership1", safety::leadership1),
            property!(always, "Leadership2", safety::leadership2),
            property!(always, "PrefixConsistency", safety::prefix_consistency),
            property!(always, "Integrity", safety::integrity),
            property!(always, "Agreement", safety::agreement),
            property!(always, "TotalOrder", safety::total_order),
            property!(always, "LocalPrimaryOrder", safety::local_primary_order),
            property!(always, "GlobalPrimaryOrder", safety::global_primary_order),
            property!(always, "PrimaryIntegrity", safety::primary_integrity),
            property!(always, "CommittedLogMonotonicity", safety::committed_log_monotonicity),
            property!(always, "ProcessConsistency", safety::process_consistency),
            property!(always, "LeaderLogCompleteness", safety::leader_log_completeness),
            property!(always, "CommittedLogDurability", safety::committed_log_durability),
            property!(always, "InitialHistoryIntegrity", safety::initial_history_integrity),
            property!(always, "CommitConsistency", safety::commit_consistency),
            property!(always, "HistoryConsistency", safety::history_consistency),
            property!(always, "NoBadState", safety::no_bad_state),
            property!(always, "NoBadAck", safety::no_bad_ack),
            property!(always, "NoBadProposal", safety::no_bad_proposal),
            property!(always, "NoBadCommit", safety::no_bad_commit),
            property!(always, "DeliveredIsHistory", safety::delivered_is_history),
            property!(always, "EpochsAreAcceptedFirst", safety::epochs_are_accepted_first),
            property!(sometimes, "TwoLeaders", premises::two_leaders),
            property!(sometimes, "SkippedOnADisk", premises::skipped_on_a_disk),
            property!(sometimes, "OutlivedItsLeader", premises::outlived_its_leader),
        ]
    }
}

impl Fair for ZooKeeper {
    fn class(&self, _state: &World, action: &Action) -> Option<u8> {
        self.class_of(action)
    }

    fn goals(&self) -> Vec<Goal<Self>> {
        if self.bounds.timing == crate::bounds::Timing::Asynchronous {
            return Vec::new();
        }
        if self.bounds.kind == Kind::Election {
            return vec![
                Goal { name: "L1 a leader with a quorum", reached: is_decided },
                Goal { name: "L2 everyone joins", reached: |_, world| peers(world).all(|(_, peer)| !is_looking(peer)) },
            ];
        }
        vec![
            Goal { name: "L1 a leader serves with a quorum", reached: is_served },
            Goal {
                name: "L2 every live server joins",
                reached: |_, world| peers(world).all(|(_, peer)| peer.is_serving()),
            },
            Goal { name: "L3 every proposal is delivered", reached: is_delivered },
            Goal { name: "L4 histories converge", reached: has_converged },
        ]
    }
}

fn is_looking(peer: &zab::Peer) -> bool {
    matches!(peer.role, Role::Looking(_))
}

/// A server leads, and a quorum follows it.
fn is_decided(model: &ZooKeeper, world: &World) -> bool {
    peers(world).any(|(leader, peer)| {
        let with = |(id, other): (ServerId, &zab::Peer)| match &other.role {
            Role::Following(following) => (following.leader == leader).then_some(id),
            Role::Leading(_) => (id == leader).then_some(id),
            Role::Looking(_) => None,
        };
        matches!(peer.role, Role::Leading(_)) && model.ensemble.is_quorum(peers(world).filter_map(with))
    })
}

/// A server leads an established epoch, and a quorum serves in it.
fn is_served(model: &ZooKeeper, world: &World) -> bool {
    peers(world).any(|(_, leader)| {
        let serving = peers(world)
            .filter(|(_, peer)| peer.is_serving() && peer.memory.current_epoch == leader.memory.current_epoch);
        matches!(leader.role, Role::Leading(_))
            && leader.is_serving()
            && model.ensemble.is_quorum(serving.map(|(id, _)| id))
    })
}

/// Every server that serves has delivered everything in its history, and its disk has it.
fn is_delivered(_: &ZooKeeper, world: &World) -> bool {
    let done =
        |(id, peer): (ServerId, &zab::Peer)| peer.delivered == peer.last_zxid() && world.server(id).queue.is_empty();
    peers(world).any(|(_, peer)| peer.is_serving()) && peers(world).all(done)
}

/// All servers that are up have the same history, on disk and in memory, and have delivered it.
fn has_converged(model: &ZooKeeper, world: &World) -> bool {
    let servers: Vec<_> = peers(world).collect();
    is_delivered(model, world)
        && servers.windows(2).all(|pair| {
            let (a, b) = (world.server(pair[0].0), world.server(pair[1].0));
            a.delivered == b.delivered
        })
}

//! What must come about: the goals of liveness, each to be reached again and again from every state once faults are
//! over and every server is given time.

use crate::bounds::{Kind, Timing};
use crate::engine::Goal;
use crate::world::World;
use crate::world::enabled::peers;
use crate::zookeeper::ZooKeeper;
use zab::peer::{Peer, Role};
use zab::{Disk, ServerId};

/// The goals of a model.
#[must_use]
pub fn of(model: &ZooKeeper) -> Vec<Goal<ZooKeeper>> {
    if model.bounds.timing == Timing::Asynchronous {
        // With servers that lose patience at any time every election can go on for ever.
        return Vec::new();
    }
    if model.bounds.kind == Kind::Election {
        return vec![
            Goal { name: "L1 a leader has a quorum", reached: is_decided },
            Goal { name: "L2 every live server joins", reached: is_joined },
        ];
    }
    vec![
        Goal { name: "L1 a leader serves with a quorum", reached: is_served },
        Goal { name: "L2 every live server joins", reached: is_serving_everywhere },
        Goal { name: "L3 every proposal is delivered", reached: is_delivered },
        Goal { name: "L4 histories converge", reached: has_converged },
    ]
}

/// A server leads, and a quorum is with it.
fn is_decided(model: &ZooKeeper, world: &World) -> bool {
    peers(world).any(|(leader, _)| {
        let with = peers(world).filter(|(_, other)| leader_of(other) == Some(leader));
        model.ensemble.is_quorum(with.map(|(id, _)| id))
    })
}

/// Every server that is up leads or follows, and all name the same leader.
fn is_joined(model: &ZooKeeper, world: &World) -> bool {
    let mut leaders = peers(world).map(|(_, peer)| leader_of(peer));
    let first = leaders.next().flatten();
    is_decided(model, world) && first.is_some() && leaders.all(|leader| leader == first)
}

fn leader_of(peer: &Peer) -> Option<ServerId> {
    match &peer.role {
        Role::Looking(_) => None,
        Role::Following(following) => Some(following.leader),
        Role::Leading(_) => Some(peer.id),
    }
}

/// A server leads an established epoch, and a quorum serves in it.
fn is_served(model: &ZooKeeper, world: &World) -> bool {
    peers(world).any(|(_, leader)| {
        let epoch = leader.memory.current_epoch;
        let serving = peers(world).filter(|(_, peer)| peer.is_serving() && peer.memory.current_epoch == epoch);
        matches!(leader.role, Role::Leading(_))
            && leader.is_serving()
            && model.ensemble.is_quorum(serving.map(|(id, _)| id))
    })
}

fn is_serving_everywhere(_: &ZooKeeper, world: &World) -> bool {
    peers(world).all(|(_, peer)| peer.is_serving())
}

/// Every server that is up has delivered everything in its history, its disk has it, and its syncs are answered.
fn is_delivered(_: &ZooKeeper, world: &World) -> bool {
    peers(world).any(|(_, peer)| peer.is_serving())
        && peers(world).all(|(id, peer)| {
            let server = world.server(id);
            peer.delivered == peer.last_zxid() && server.queue.is_empty() && server.syncs.is_empty()
        })
}

/// All servers that are up have delivered the same, and have it on their disks.
fn has_converged(model: &ZooKeeper, world: &World) -> bool {
    let mut up = peers(world).map(|(id, _)| world.server(id));
    let Some(first) = up.next() else { return true };
    let last = |disk: &Disk| disk.history.last();
    is_delivered(model, world)
        && up.all(|other| other.delivered == first.delivered && last(&other.disk) == last(&first.disk))
}

//! Which properties a run checks: every `always` of `zab::properties::safety`, each with a `sometimes` that shows its
//! premise reachable wherever the bounds leave room for it, so that none holds for want of anything to hold for.

use crate::bounds::{Bounds, Kind, Timing};
use crate::world::{Queued, Server, World};
use crate::zookeeper::ZooKeeper;
use stateright::Property;
use zab::peer::{HandlerPhase, Peer, Role};
use zab::properties::{premises, safety};
use zab::{Disk, Epoch, Message};

/// What bounds must offer for a premise to be reachable.
struct Room {
    transactions: u8,
    faults: u8,
    crashes: u8,
    servers: u8,
    syncs: u8,
    snapshots: u8,
}

const NO_ROOM: Room = Room { transactions: 0, faults: 0, crashes: 0, servers: 1, syncs: 0, snapshots: 0 };
const ONE: Room = Room { transactions: 1, servers: 2, ..NO_ROOM };
const TWO: Room = Room { transactions: 2, ..ONE };
const FAULT: Room = Room { faults: 1, servers: 3, ..NO_ROOM };
const ONE_AND_FAULT: Room = Room { transactions: 1, ..FAULT };
const TWO_AND_FAULT: Room = Room { transactions: 2, ..FAULT };
const ONE_AND_CRASH: Room = Room { crashes: 1, ..ONE_AND_FAULT };
const ONE_OF_THREE: Room = Room { servers: 3, ..ONE };
const SYNC: Room = Room { syncs: 1, ..NO_ROOM };
const SNAPSHOT: Room = Room { snapshots: 1, ..ONE };

impl Room {
    fn is_in(&self, bounds: &Bounds) -> bool {
        let budget = &bounds.budget;
        let elections = if bounds.kind == Kind::Zab { budget.elections } else { u8::MAX };
        let counters = if bounds.last_counter == 0 { u8::MAX } else { bounds.last_counter };
        budget.transactions >= self.transactions
            && (self.transactions < 2 || self.faults > 0 || counters >= 2)
            && budget.crashes.saturating_add(budget.breaks) >= self.faults
            && (self.faults == 0 || elections >= 2)
            && budget.crashes >= self.crashes
            && bounds.servers >= self.servers
            && budget.syncs >= self.syncs
            && budget.snapshots >= self.snapshots
    }
}

macro_rules! list {
    ($($always:literal $predicate:path, $sometimes:literal $premise:path, $room:expr;)*) => {
        [$((
            Property::always($always, |model: &ZooKeeper, world: &World| world.with_view(&model.ensemble, $predicate)),
            Property::sometimes($sometimes, |model: &ZooKeeper, world: &World| {
                world.with_view(&model.ensemble, $premise)
            }),
            $room,
        )),*]
    };
}

/// The properties of a run within these bounds.
#[must_use]
pub fn of(bounds: &Bounds) -> Vec<Property<ZooKeeper>> {
    if bounds.kind == Kind::Election {
        return of_election(bounds);
    }
    let mut properties = vec![
        Property::always("MemoryIsDiskAndQueue", memory_is_disk_and_queue),
        Property::always("AcknowledgedIsDurable", acknowledged_is_durable),
    ];
    let pairs = agreement().into_iter().chain(order()).chain(histories()).chain(messages());
    for (always, sometimes, room) in pairs {
        properties.push(always);
        // Given time, an ensemble avoids half of these situations: they are looked for where nobody waits.
        if bounds.timing == Timing::Asynchronous && room.is_in(bounds) {
            properties.push(sometimes);
        }
    }
    properties
}

type Pair = (Property<ZooKeeper>, Property<ZooKeeper>, Room);

fn agreement() -> [Pair; 6] {
    list![
        "Leadership1" safety::leadership1, "Leadership1: two leaders" premises::two_leaders, FAULT;
        "Leadership2" safety::leadership2, "Leadership2: two epochs" premises::two_epochs, FAULT;
        "PrefixConsistency" safety::prefix_consistency,
            "PrefixConsistency: delivered unevenly" premises::delivered_unevenly, ONE;
        "Integrity" safety::integrity, "Integrity: delivered twice" premises::delivered_twice, ONE;
        "Agreement" safety::agreement, "Agreement: outlived its leader" premises::outlived_its_leader, ONE_AND_CRASH;
        "SyncIsLinearizable" safety::sync_is_linearizable, "SyncIsLinearizable: waits" premises::sync_waits, SYNC;
    ]
}

fn order() -> [Pair; 5] {
    list![
        "TotalOrder" safety::total_order, "TotalOrder: two of one epoch" premises::two_of_one_epoch, TWO;
        "LocalPrimaryOrder" safety::local_primary_order,
            "LocalPrimaryOrder: skipped" premises::skipped, ONE_AND_FAULT;
        "GlobalPrimaryOrder" safety::global_primary_order,
            "GlobalPrimaryOrder: two epochs" premises::two_of_two_epochs, TWO_AND_FAULT;
        "PrimaryIntegrity" safety::primary_integrity,
            "PrimaryIntegrity: after a delivery" premises::primary_after_delivery, ONE_AND_FAULT;
        "CommittedLogMonotonicity" safety::committed_log_monotonicity,
            "CommittedLogMonotonicity: a deposed leader" premises::deposed_leader_broadcasts, FAULT;
    ]
}

fn histories() -> [Pair; 9] {
    list![
        "ProcessConsistency" safety::process_consistency,
            "ProcessConsistency: behind" premises::learner_behind, ONE;
        "LeaderLogCompleteness" safety::leader_log_completeness,
            "LeaderLogCompleteness: inherits" premises::initial_history, ONE_AND_FAULT;
        "CommittedLogDurability" safety::committed_log_durability,
            "CommittedLogDurability: not everywhere" premises::delivered_but_not_everywhere, ONE_OF_THREE;
        "SkippedIsGone" safety::skipped_is_gone, "SkippedIsGone: on a disk" premises::skipped_on_a_disk, ONE_AND_FAULT;
        "InitialHistoryIntegrity" safety::initial_history_integrity,
            "InitialHistoryIntegrity: inherits" premises::initial_history, ONE_AND_FAULT;
        "CommitConsistency" safety::commit_consistency,
            "CommitConsistency: two epochs" premises::two_of_two_epochs, TWO_AND_FAULT;
        "HistoryConsistency" safety::history_consistency,
            "HistoryConsistency: behind" premises::learner_behind, ONE;
        "DeliveredIsHistory" safety::delivered_is_history,
            "DeliveredIsHistory: compacted" premises::compacted, SNAPSHOT;
        "EpochsAreAcceptedFirst" safety::epochs_are_accepted_first,
            "EpochsAreAcceptedFirst: beyond the established" premises::accepted_beyond_established, FAULT;
    ]
}

fn messages() -> [Pair; 4] {
    list![
        "NoBadState" safety::no_bad_state, "NoBadState: skipped on a disk" premises::skipped_on_a_disk, ONE_AND_FAULT;
        "NoBadAck" safety::no_bad_ack,
            "NoBadAck: before UPTODATE" premises::proposal_before_up_to_date, ONE_OF_THREE;
        "NoBadProposal" safety::no_bad_proposal, "NoBadProposal: joins late" premises::late_joiner, ONE_OF_THREE;
        "NoBadCommit" safety::no_bad_commit,
            "NoBadCommit: before UPTODATE" premises::proposal_before_up_to_date, ONE_OF_THREE;
    ]
}

fn of_election(bounds: &Bounds) -> Vec<Property<ZooKeeper>> {
    let mut properties = vec![
        Property::always("ElectedIsRecent", elected_is_recent),
        Property::always("FollowedIsRecent", followed_is_recent),
    ];
    if bounds.timing == Timing::Asynchronous && bounds.servers > 2 {
        properties.push(Property::sometimes("ElectedIsRecent: not the most recent", elected_is_not_the_most_recent));
        properties.push(Property::sometimes("FollowedIsRecent: two are followed", two_are_followed));
    }
    properties
}

/// Memory is what the disk will be when the queue is durable.
fn memory_is_disk_and_queue(_: &ZooKeeper, world: &World) -> bool {
    world.servers.iter().all(|server| match &server.peer {
        None => true,
        Some(peer) if server.queue.is_empty() => peer.memory == server.disk,
        Some(peer) => peer.memory == disk_after_queue(server),
    })
}

fn disk_after_queue(server: &Server) -> Disk {
    let mut disk = server.disk.clone();
    for queued in &server.queue {
        if let Queued::Write(write) | Queued::Snapshot(write, _) = queued {
            disk.apply(write);
        }
    }
    disk
}

/// What a server promised with a message that is on its way, or to itself, its disk holds: so a crash cannot break the
/// promise. Once the server has left that connection, its history may be another's.
fn acknowledged_is_durable(_: &ZooKeeper, world: &World) -> bool {
    let connections = world.connections.iter().all(|connection| {
        let (learner, leader) = (world.server(connection.learner), world.server(connection.leader));
        let to_leader = connection.learner_open && !connection.to_leader.iter().all(|m| is_backed(learner, m));
        let to_learner = connection.leader_open && !connection.to_learner.iter().all(|m| is_backed(leader, m));
        !to_leader && !to_learner
    });
    connections && world.servers.iter().all(counts_only_its_disk)
}

fn is_backed(sender: &Server, message: &Message) -> bool {
    let disk = &sender.disk;
    match message {
        Message::LeaderInfo(epoch) => disk.accepted_epoch >= *epoch,
        Message::AckEpoch(ack) => {
            disk.history.last() >= ack.last_zxid && memory_accepted(sender) == disk.accepted_epoch
        }
        Message::Ack(zxid) if zxid.counter() == 0 => disk.current_epoch >= zxid.epoch(),
        Message::Ack(zxid) => disk.history.last() >= *zxid,
        _ => true,
    }
}

fn memory_accepted(server: &Server) -> Epoch {
    server.peer.as_ref().map_or(server.disk.accepted_epoch, |peer| peer.memory.accepted_epoch)
}

/// A leader counts itself, as a learner of its own, with what its disk holds.
fn counts_only_its_disk(server: &Server) -> bool {
    let Some(peer) = &server.peer else { return true };
    let Role::Leading(leading) = &peer.role else { return true };
    let Some(own) = leading.learners.iter().find(|learner| learner.id == peer.id) else { return true };
    let disk = &server.disk;
    let epoch = own.phase < HandlerPhase::EpochAcknowledged || disk.accepted_epoch == peer.memory.accepted_epoch;
    let counted = own.phase >= HandlerPhase::NewLeaderAcknowledged;
    epoch && (!counted || disk.current_epoch == peer.memory.current_epoch && disk.history.last() >= own.zxid)
}

// ---- What the election promises to the oracle ---------------------------------------------------------------------

fn is_recent(model: &ZooKeeper, world: &World, leader: zab::ServerId) -> bool {
    let rank = |id: zab::ServerId| (world.rank(id), id);
    model.ensemble.is_quorum(model.ensemble.voters().filter(|id| rank(*id) <= rank(leader)))
}

fn peers(world: &World) -> impl Iterator<Item = &Peer> {
    world.servers.iter().filter_map(|server| server.peer.as_ref())
}

/// A server that the election makes leader is at least as recent as each of a quorum: the oracle's assumption.
fn elected_is_recent(model: &ZooKeeper, world: &World) -> bool {
    peers(world).all(|peer| !matches!(peer.role, Role::Leading(_)) || is_recent(model, world, peer.id))
}

/// So is a server that is followed.
fn followed_is_recent(model: &ZooKeeper, world: &World) -> bool {
    peers(world).all(|peer| match &peer.role {
        Role::Following(following) => is_recent(model, world, following.leader),
        _ => true,
    })
}

fn elected_is_not_the_most_recent(_: &ZooKeeper, world: &World) -> bool {
    peers(world).any(|peer| {
        matches!(peer.role, Role::Leading(_)) && world.ids().any(|other| world.rank(other) > world.rank(peer.id))
    })
}

fn two_are_followed(_: &ZooKeeper, world: &World) -> bool {
    let followed = |peer: &Peer| match &peer.role {
        Role::Following(following) => Some(following.leader),
        _ => None,
    };
    let first = peers(world).find_map(followed);
    peers(world).filter_map(followed).any(|leader| Some(leader) != first)
}

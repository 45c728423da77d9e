//! Which actions are enabled: only those that change something, in a fixed order.

use super::{Action, End, Server, World};
use crate::bounds::{Kind, Oracle, Timing};
use crate::zookeeper::ZooKeeper;
use zab::peer::{HandlerPhase, LeaderPhase, LearnerPhase, Peer, Role};
use zab::{Epoch, Notification, ServerId, ServerState, Timer, Zxid};

/// Appends every action that is enabled in `world`.
pub fn actions(model: &ZooKeeper, world: &World, actions: &mut Vec<Action>) {
    network(world, actions);
    elections(model, world, actions);
    for (id, server) in world.ids().zip(&world.servers) {
        match &server.peer {
            Some(peer) => of_server(model, world, id, server, peer, actions),
            None => actions.push(Action::Restart(id)),
        }
    }
    timeouts(model, world, actions);
    breaks(model, world, actions);
}

fn network(world: &World, actions: &mut Vec<Action>) {
    for connection in &world.connections {
        let (learner, leader) = (connection.learner, connection.leader);
        for to in [End::Leader, End::Learner] {
            if connection.is_open(to) && !connection.inbound(to).is_empty() {
                actions.push(Action::Deliver { learner, leader, to });
            }
        }
        for at in [End::Leader, End::Learner] {
            if connection.is_gone_for(at) {
                actions.push(Action::Notice { learner, leader, at });
            }
        }
    }
}

fn elections(model: &ZooKeeper, world: &World, actions: &mut Vec<Action>) {
    if model.bounds.kind == Kind::Zab {
        return oracle(model, world, actions);
    }
    for (index, link) in world.election.iter().enumerate() {
        if link.wire.is_some() && (model.bounds.delays.is_none() || world.lateness(index) <= world.budget.delays) {
            let count = world.servers.len();
            let (from, to) = (ServerId((index / count) as u8 + 1), ServerId((index % count) as u8 + 1));
            actions.push(Action::Notify { from, to });
        }
    }
    // Given time, what servers have to say about an election arrives before a connection is open.
    let traffic = world.election.iter().any(|link| link.wire.is_some());
    if model.bounds.kind == Kind::Election || model.bounds.timing == Timing::Timely && traffic {
        return;
    }
    for (learner, peer) in peers(world) {
        if let Some(leader) = waits_to_connect(peer).filter(|leader| can_connect(world, learner, *leader)) {
            actions.push(Action::Connect { learner, leader });
        }
    }
}

fn oracle(model: &ZooKeeper, world: &World, actions: &mut Vec<Action>) {
    let looking = |(_, peer): &(ServerId, &Peer)| matches!(peer.role, Role::Looking(_));
    for (at, peer) in peers(world).filter(looking) {
        if may_elect(model, world, at, peer) {
            actions.push(Action::Elect { at, leader: at });
        }
        for (leader, other) in peers(world) {
            if matches!(other.role, Role::Leading(_)) && can_connect(world, at, leader) {
                actions.push(Action::Elect { at, leader });
            }
        }
    }
}

/// Whether the oracle may make `at` leader. A leader that no quorum could follow now does nothing, so electing it
/// later, when one can, is the same.
fn may_elect(model: &ZooKeeper, world: &World, at: ServerId, peer: &Peer) -> bool {
    if world.budget.elections == 0 || !model.ensemble.may_lead(at) {
        return false;
    }
    let rank = |peer: &Peer| (peer.memory.current_epoch, peer.last_zxid(), peer.id);
    let looking = peers(world).filter(|(_, other)| matches!(other.role, Role::Looking(_)));
    // Given time, an election hears everyone that is there, and leaves a leader alone that is there.
    if model.bounds.timing == Timing::Timely {
        let mut others = peers(world).filter(|(id, _)| model.ensemble.is_voter(*id));
        if others.any(|(_, other)| matches!(other.role, Role::Leading(_)) || rank(other) > rank(peer)) {
            return false;
        }
    }
    let any = model.bounds.oracle == Oracle::Any;
    let supporters = looking.filter(|(_, other)| any || rank(other) <= rank(peer));
    model.ensemble.is_quorum(supporters.map(|(id, _)| id))
}

fn of_server(model: &ZooKeeper, world: &World, id: ServerId, server: &Server, peer: &Peer, actions: &mut Vec<Action>) {
    if !server.queue.is_empty() {
        actions.push(Action::Flush(id));
    }
    let leads = matches!(peer.role, Role::Leading(_));
    let asked = peer.is_serving() && (model.bounds.forward || leads);
    if asked && world.budget.transactions > 0 && (!leads || peer.next_zxid().is_some()) {
        actions.push(Action::Write(id));
    }
    if peer.is_serving() && world.budget.syncs > 0 {
        actions.push(Action::Sync(id));
    }
    if world.budget.snapshots > 0 && peer.delivered > peer.memory.history.snapshot() {
        actions.push(Action::Snapshot(id));
    }
    if world.budget.crashes > 0 {
        actions.push(Action::Crash(id));
    }
    for learner in waits_for_the_log(peer) {
        // In vain first: where a story only settles, a snapshot has taken the place of the log.
        actions.extend([false, true].map(|found| Action::Recall { leader: id, learner, found }));
    }
}

/// The learners for which a leader's log on the disk is looked through: those that have said what they have, in a reign
/// that sends what they lack.
fn waits_for_the_log(peer: &Peer) -> impl Iterator<Item = ServerId> + '_ {
    let leading = match &peer.role {
        Role::Leading(leading) if leading.phase >= LeaderPhase::Synchronization => Some(leading),
        _ => None,
    };
    let waits = [HandlerPhase::EpochKnown, HandlerPhase::EpochAcknowledged];
    let learners = leading.into_iter().flat_map(|leading| &leading.learners);
    learners.filter(move |learner| waits.contains(&learner.phase)).map(|learner| learner.id)
}

fn breaks(model: &ZooKeeper, world: &World, actions: &mut Vec<Action>) {
    if world.budget.breaks == 0 {
        return;
    }
    for a in world.ids() {
        for b in world.ids().skip(usize::from(a.0)) {
            let of_pair = |c: &&super::Connection| [(a, b), (b, a)].contains(&(c.learner, c.leader));
            let quorum = world.connections.iter().filter(of_pair).any(|c| !c.broken && c.learner_open && c.leader_open);
            let election =
                model.bounds.kind != Kind::Zab && (world.link(a, b).wire.is_some() || world.link(b, a).wire.is_some());
            if quorum || election {
                actions.push(Action::Break(a, b));
            }
        }
    }
}

// ---- Timers -------------------------------------------------------------------------------------------------------

fn timeouts(model: &ZooKeeper, world: &World, actions: &mut Vec<Action>) {
    let asynchronous = model.bounds.timing == Timing::Asynchronous;
    // A server that is down may stay so for longer than any wait; everything else is over sooner.
    let busy = |actions: &[Action]| {
        actions.iter().any(|action| model.class_of(action).is_some() && !matches!(action, Action::Restart(_)))
    };
    let (early, looking) = (busy(actions), peers(world).filter(|_| model.bounds.kind != Kind::Zab));
    for (id, peer) in looking {
        let Role::Looking(looking) = &peer.role else { continue };
        // Waiting for a better vote ends by itself, so that an early end needs no budget.
        if looking.settling && (asynchronous || !early) {
            actions.push(Action::Timeout(id, Timer::Settle));
        }
        if !looking.settling && resending_helps(world, id, peer) && (asynchronous || !early) {
            actions.push(Action::Timeout(id, Timer::Notification));
        }
    }
    let quiet = !busy(actions);
    for (id, peer) in peers(world) {
        if model.bounds.kind == Kind::Election {
            if quiet && is_alone(world, id, peer) {
                actions.push(Action::Timeout(id, Timer::Init));
            }
            continue;
        }
        if is_waiting(peer) && (world.budget.timeouts > 0 || quiet && !is_left_waiting(world, id, peer)) {
            actions.push(Action::Timeout(id, Timer::Init));
        }
        let broadcasts = matches!(&peer.role, Role::Leading(leading) if leading.phase == LeaderPhase::Broadcast);
        if broadcasts && world.budget.timeouts > 0 {
            actions.push(Action::Timeout(id, Timer::Ping));
        }
    }
}

/// Whether the server waits for an epoch to be established.
fn is_waiting(peer: &Peer) -> bool {
    match &peer.role {
        Role::Looking(_) => false,
        Role::Following(following) => following.phase < LearnerPhase::Broadcast,
        Role::Leading(leading) => leading.phase < LeaderPhase::Broadcast,
    }
}

/// Whether a learner's leader waits as well: it began earlier, so its patience ends first, and with it the connection.
fn is_left_waiting(world: &World, id: ServerId, peer: &Peer) -> bool {
    let Role::Following(following) = &peer.role else { return false };
    let leader = world.server(following.leader).peer.as_ref();
    let connected = world.connections.iter().any(|c| (c.learner, c.leader) == (id, following.leader));
    connected && leader.is_some_and(|leader| matches!(leader.role, Role::Leading(_)) && is_waiting(leader))
}

/// Whether telling the others again would change anything: what they know of this server, or it of them.
fn resending_helps(world: &World, id: ServerId, peer: &Peer) -> bool {
    let Role::Looking(looking) = &peer.role else {
        return false;
    };
    let voters = peers(world).filter(|(other, _)| *other != id && peer.ensemble.is_voter(*other));
    let votes = peer.ensemble.is_voter(id);
    voters.into_iter().any(|(other, theirs)| {
        // What is on its way or waits to leave already says as much as a repetition would.
        if world.link(id, other).wire.is_some() || world.link(other, id).wire.is_some() {
            return false;
        }
        match &theirs.role {
            Role::Looking(heard) if votes => {
                let knows = heard.received.iter().any(|entry| {
                    entry.from == id && entry.state == ServerState::Looking && Some(entry.vote) == peer.vote
                });
                peer.round != theirs.round || !knows
            }
            // A voter answers an observer, whatever it says; of an earlier round the answer means nothing to it.
            Role::Looking(_) => {
                let known = looking.received.iter().find(|entry| entry.from == other);
                let news = theirs.vote.is_some() && known.map(|entry| entry.vote) != theirs.vote;
                theirs.round > peer.round || theirs.round == peer.round && news
            }
            _ => !knows_standing(peer, looking, report(theirs), other),
        }
    })
}

fn report(peer: &Peer) -> Notification {
    Notification { state: peer.state(), round: peer.round, vote: peer.vote }
}

fn knows_standing(peer: &Peer, looking: &zab::election::Looking, told: Notification, from: ServerId) -> bool {
    let Some(vote) = told.vote else { return true };
    let leads = told.state == ServerState::Leading;
    let standing = looking.standing.iter().any(|entry| {
        (entry.from, entry.leader, entry.peer_epoch, entry.leads) == (from, vote.leader, vote.peer_epoch, leads)
    });
    let received = told.round != peer.round
        || looking.received.iter().any(|e| e.from == from && e.vote == vote && e.state == told.state);
    standing && received
}

/// In the election model, where nobody connects: whether a server that has decided waits for nothing, because its
/// leader does not lead, or no quorum follows it.
fn is_alone(world: &World, id: ServerId, peer: &Peer) -> bool {
    match &peer.role {
        Role::Looking(_) => false,
        Role::Following(following) => {
            let leader = world.server(following.leader).peer.as_ref();
            !leader.is_some_and(|leader| matches!(leader.role, Role::Leading(_)))
        }
        Role::Leading(_) => {
            let followers = peers(world).filter(|(other, theirs)| {
                *other == id || matches!(&theirs.role, Role::Following(following) if following.leader == id)
            });
            !peer.ensemble.is_quorum(followers.map(|(other, _)| other))
        }
    }
}

// ---- Who can reach whom -------------------------------------------------------------------------------------------

pub(crate) fn peers(world: &World) -> impl Iterator<Item = (ServerId, &Peer)> + Clone {
    world.ids().zip(&world.servers).filter_map(|(id, server)| Some((id, server.peer.as_ref()?)))
}

fn waits_to_connect(peer: &Peer) -> Option<ServerId> {
    match &peer.role {
        Role::Following(following) if following.phase == LearnerPhase::Connecting => Some(following.leader),
        _ => None,
    }
}

/// Whether a learner's connection would be accepted: the other leads, and has noticed the end of any older one.
fn can_connect(world: &World, learner: ServerId, leader: ServerId) -> bool {
    let leads = world.server(leader).peer.as_ref().is_some_and(|peer| matches!(peer.role, Role::Leading(_)));
    leads && !world.connections.iter().any(|c| (c.learner, c.leader) == (learner, leader))
}

impl World {
    /// The election link between two servers.
    pub(crate) fn link(&self, from: ServerId, to: ServerId) -> &super::ElectionLink {
        const NONE: &super::ElectionLink = &super::ElectionLink { wire: None, waiting: None };
        self.election.get(self.link_place(from, to)).unwrap_or(NONE)
    }

    /// Where the link between two servers stands in `election`.
    pub(crate) fn link_place(&self, from: ServerId, to: ServerId) -> usize {
        (usize::from(from.0) - 1) * self.servers.len() + usize::from(to.0) - 1
    }

    /// How many notifications that are due earlier this one, on the link at `index`, would pass.
    pub(crate) fn lateness(&self, index: usize) -> u8 {
        self.due.iter().position(|due| usize::from(*due) == index).unwrap_or_default() as u8
    }

    /// Whether the server has a rank that a vote could show: its current epoch and last transaction.
    #[must_use]
    pub fn rank(&self, id: ServerId) -> (Epoch, Zxid) {
        let server = self.server(id);
        (server.disk.current_epoch, server.disk.history.last())
    }
}

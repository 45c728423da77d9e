//! What must hold at every moment. Each predicate is named as its source names it; the chapter of the parent module
//! says where each comes from, and what was widened.

use super::{ServerView, View};
use crate::history::Txn;
use crate::number::{Epoch, Zxid};
use crate::peer::LeaderPhase;

/// At most one server leads each epoch, from the moment when its initial history is fixed.
#[must_use]
pub fn leadership1(view: &View<'_>) -> bool {
    pairs(view).all(|(a, b)| {
        let epoch = a.leads_from(LeaderPhase::Synchronization);
        epoch.is_none() || epoch != b.leads_from(LeaderPhase::Synchronization)
    })
}

/// Every epoch that was ever established had one leader, and was established once.
#[must_use]
pub fn leadership2(view: &View<'_>) -> bool {
    let established = &view.past.established;
    established.iter().enumerate().all(|(i, a)| established[i + 1..].iter().all(|b| a.epoch != b.epoch))
}

/// Of what two servers delivered, one is a prefix of the other; and of what any server ever delivered before.
#[must_use]
pub fn prefix_consistency(view: &View<'_>) -> bool {
    !view.past.misdeeds.order && pairs(view).all(|(a, b)| is_one_a_prefix(a.delivered, b.delivered))
}

/// Every delivered transaction was broadcast by a primary, as it is.
#[must_use]
pub fn integrity(view: &View<'_>) -> bool {
    view.servers.iter().all(|server| server.delivered.iter().all(|txn| view.past.broadcast.contains(txn)))
}

/// If one server delivered `a` and another `b`, then the one delivered `b` or the other `a`.
#[must_use]
pub fn agreement(view: &View<'_>) -> bool {
    // Of two sequences of which one is a prefix of the other nothing is missing: no need to look at every pair.
    pairs(view).filter(|(f, g)| !is_one_a_prefix(f.delivered, g.delivered)).all(|(f, g)| {
        f.delivered.iter().all(|a| g.delivered.iter().all(|b| g.delivered.contains(a) || f.delivered.contains(b)))
    })
}

/// If one server delivered `a` before `b`, every server that delivered `b` delivered `a` before it.
#[must_use]
pub fn total_order(view: &View<'_>) -> bool {
    let mut pairs = pairs(view).filter(|(f, g)| !is_one_a_prefix(f.delivered, g.delivered));
    pairs.all(|(f, g)| ordered_alike(f.delivered, g.delivered) && ordered_alike(g.delivered, f.delivered))
}

fn ordered_alike(first: &[Txn], second: &[Txn]) -> bool {
    second.iter().enumerate().all(|(at, b)| match first.iter().position(|txn| txn == b) {
        None => true,
        Some(end) => first[..end].iter().all(|a| second[..at].contains(a)),
    })
}

/// If a primary broadcast `a` before `b`, every server that delivered `b` delivered `a` before it.
#[must_use]
pub fn local_primary_order(view: &View<'_>) -> bool {
    view.servers.iter().all(|server| {
        server.delivered.iter().enumerate().all(|(at, b)| {
            let own = view.past.broadcast.iter().filter(|a| a.zxid.epoch() == b.zxid.epoch());
            own.take_while(|a| *a != b).all(|a| server.delivered[..at].contains(a))
        })
    })
}

/// A server delivers the transactions of an earlier epoch before those of a later one.
#[must_use]
pub fn global_primary_order(view: &View<'_>) -> bool {
    let epochs = |pair: &[Txn]| pair[0].zxid.epoch() <= pair[1].zxid.epoch();
    view.servers.iter().all(|server| server.delivered.windows(2).all(epochs))
}

/// A primary that broadcasts has delivered whatever any server delivered of earlier epochs.
#[must_use]
pub fn primary_integrity(view: &View<'_>) -> bool {
    view.servers.iter().all(|primary| {
        let Some(epoch) = primary.leads_from(LeaderPhase::Broadcast) else {
            return true;
        };
        let others = view.servers.iter().flat_map(|server| server.delivered);
        others.filter(|txn| txn.zxid.epoch() < epoch).all(|txn| primary.delivered.contains(txn))
    })
}

/// What clients could read never shrinks or changes: the leader of the latest epoch has delivered whatever any
/// server ever delivered (monotonicRead).
#[must_use]
pub fn committed_log_monotonicity(view: &View<'_>) -> bool {
    let latest = view.past.established.iter().map(|established| established.epoch).max();
    view.servers.iter().all(|server| {
        let epoch = server.leads_from(LeaderPhase::Broadcast);
        epoch.is_none() || epoch != latest || server.delivered.starts_with(&view.past.delivered)
    })
}

/// A server that took over an epoch's initial history has a prefix of its leader's history.
#[must_use]
pub fn process_consistency(view: &View<'_>) -> bool {
    view.servers.iter().all(|leader| {
        let Some(epoch) = leader.leads_from(LeaderPhase::Synchronization) else {
            return true;
        };
        let learners = view.servers.iter().filter(|server| current_epoch(server) == Some(epoch));
        learners.into_iter().all(|learner| is_prefix(learner.history(), leader.history()))
    })
}

/// A leader's history holds whatever any server ever delivered of earlier epochs: of an established epoch always, and
/// from the moment when its initial history is fixed as long as no later epoch is on the way.
#[must_use]
pub fn leader_log_completeness(view: &View<'_>) -> bool {
    let latest = view.servers.iter().map(|server| server.disk.accepted_epoch).max();
    view.servers.iter().all(|leader| {
        let fixed = leader.leads_from(LeaderPhase::Synchronization).filter(|epoch| Some(*epoch) >= latest);
        let Some(epoch) = leader.leads_from(LeaderPhase::Broadcast).or(fixed) else {
            return true;
        };
        let earlier = view.past.delivered.iter().take_while(|txn| txn.zxid.epoch() < epoch);
        is_prefix(earlier, leader.history())
    })
}

/// A transaction that an established epoch left out of its initial history is never delivered: what was skipped does
/// not come back.
#[must_use]
pub fn skipped_is_gone(view: &View<'_>) -> bool {
    view.past.delivered.iter().all(|txn| {
        let later = view.past.established.iter().filter(|established| established.epoch > txn.zxid.epoch());
        later.into_iter().all(|established| established.initial.contains(txn))
    })
}

/// Whatever any server ever delivered is on the disks of a quorum: no crash, cut or snapshot takes it away.
#[must_use]
pub fn committed_log_durability(view: &View<'_>) -> bool {
    view.past.delivered.iter().all(|txn| {
        let holders = view.servers.iter().filter(|server| server.durable().any(|other| other == txn));
        view.ensemble.is_quorum(holders.map(|server| server.id))
    })
}

/// The initial history of an epoch is a prefix of those of later epochs.
#[must_use]
pub fn initial_history_integrity(view: &View<'_>) -> bool {
    let established = &view.past.established;
    established.iter().all(|earlier| {
        established.iter().all(|later| earlier.epoch >= later.epoch || later.initial.starts_with(&earlier.initial))
    })
}

/// A server that delivered a transaction of an epoch has delivered that epoch's initial history first.
#[must_use]
pub fn commit_consistency(view: &View<'_>) -> bool {
    view.servers.iter().all(|server| {
        let Some(last) = server.delivered.last().map(|txn| txn.zxid.epoch()) else {
            return true;
        };
        let of_last = view.past.established.iter().filter(|established| established.epoch == last);
        of_last.into_iter().all(|established| server.delivered.starts_with(&established.initial))
    })
}

/// Of the histories of two servers in the same current epoch, one is a prefix of the other.
#[must_use]
pub fn history_consistency(view: &View<'_>) -> bool {
    pairs(view).all(|(a, b)| {
        let epoch = current_epoch(a);
        epoch.is_none()
            || epoch != current_epoch(b)
            || is_prefix(a.history(), b.history())
            || is_prefix(b.history(), a.history())
    })
}

/// I-11: no message comes in a phase where it must not, and no server is led to where it cannot go on.
#[must_use]
pub fn no_bad_state(view: &View<'_>) -> bool {
    !view.past.misdeeds.state
}

/// I-12: no leader is sent an acknowledgement that it cannot use, or before NEWLEADER's.
#[must_use]
pub fn no_bad_ack(view: &View<'_>) -> bool {
    !view.past.misdeeds.ack
}

/// I-13: no learner is sent a proposal that does not follow its history.
#[must_use]
pub fn no_bad_proposal(view: &View<'_>) -> bool {
    !view.past.misdeeds.proposal
}

/// I-14: no learner is told to commit something else than its next transaction.
#[must_use]
pub fn no_bad_commit(view: &View<'_>) -> bool {
    !view.past.misdeeds.commit
}

/// A `sync` is answered when its server has delivered whatever anyone had delivered when it was asked.
#[must_use]
pub fn sync_is_linearizable(view: &View<'_>) -> bool {
    !view.past.misdeeds.sync
}

/// On every disk: the current epoch was accepted before, and no transaction is of an epoch that was not.
#[must_use]
pub fn epochs_are_accepted_first(view: &View<'_>) -> bool {
    view.servers.iter().all(|server| {
        let disk = server.disk;
        disk.current_epoch <= disk.accepted_epoch && disk.history.last().epoch() <= disk.accepted_epoch
    })
}

/// A state machine has been given a prefix of its server's history, up to `Peer::delivered`.
#[must_use]
pub fn delivered_is_history(view: &View<'_>) -> bool {
    view.servers.iter().all(|server| {
        let Some(peer) = server.peer else {
            return server.delivered.is_empty();
        };
        let last = server.delivered.last().map_or(Zxid::ZERO, |txn| txn.zxid);
        last == peer.delivered && is_prefix(server.delivered.iter(), server.history())
    })
}

fn current_epoch(server: &ServerView<'_>) -> Option<Epoch> {
    // A server that has accepted a later epoch is on its way out of this one: its history may be another's already.
    let memory = server.peer.map(|peer| &peer.memory)?;
    (memory.current_epoch == memory.accepted_epoch && memory.current_epoch > Epoch(0)).then_some(memory.current_epoch)
}

pub(super) fn pairs<'a>(view: &'a View<'_>) -> impl Iterator<Item = (&'a ServerView<'a>, &'a ServerView<'a>)> {
    let servers = view.servers;
    servers.iter().enumerate().flat_map(move |(i, a)| servers[i + 1..].iter().map(move |b| (a, b)))
}

fn is_one_a_prefix(a: &[Txn], b: &[Txn]) -> bool {
    let common = a.len().min(b.len());
    a[..common] == b[..common]
}

fn is_prefix<'a>(mut short: impl Iterator<Item = &'a Txn>, mut long: impl Iterator<Item = &'a Txn>) -> bool {
    short.all(|txn| long.next() == Some(txn))
}

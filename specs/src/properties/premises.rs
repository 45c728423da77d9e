//! Moments that must be reachable, so that the properties of [`super::safety`] say something: each is the premise
//! of one of them, or a situation without which a check would have explored nothing of interest.

use super::safety::pairs;
use super::{Established, View};
use crate::number::Epoch;
use crate::peer::{HandlerPhase, LeaderPhase, LearnerPhase, Role};

/// Two servers lead at once, each with a fixed initial history: one of them is deposed and does not know.
#[must_use]
pub fn two_leaders(view: &View<'_>) -> bool {
    pairs(view).any(|(a, b)| {
        a.leads_from(LeaderPhase::Synchronization).is_some() && b.leads_from(LeaderPhase::Synchronization).is_some()
    })
}

/// A deposed leader still broadcasts while a later epoch is established.
#[must_use]
pub fn deposed_leader_broadcasts(view: &View<'_>) -> bool {
    view.servers.iter().any(|server| {
        let epoch = server.leads_from(LeaderPhase::Broadcast);
        epoch.is_some_and(|epoch| view.past.established.iter().any(|later| later.epoch > epoch))
    })
}

/// Two epochs were established.
#[must_use]
pub fn two_epochs(view: &View<'_>) -> bool {
    view.past.established.len() > 1
}

/// A later epoch was established upon a history that is not empty.
#[must_use]
pub fn initial_history(view: &View<'_>) -> bool {
    let inherits = |established: &Established| established.epoch > Epoch(1) && !established.initial.is_empty();
    view.past.established.iter().any(inherits)
}

/// Two servers have delivered a transaction.
#[must_use]
pub fn delivered_twice(view: &View<'_>) -> bool {
    pairs(view).any(|(a, b)| !a.delivered.is_empty() && !b.delivered.is_empty())
}

/// One server has delivered what another that is up has not.
#[must_use]
pub fn delivered_unevenly(view: &View<'_>) -> bool {
    pairs(view).any(|(a, b)| a.delivered.len() != b.delivered.len() && a.peer.is_some() && b.peer.is_some())
}

/// A server has delivered two transactions of one epoch.
#[must_use]
pub fn two_of_one_epoch(view: &View<'_>) -> bool {
    let alike = |pair: &[crate::Txn]| pair[0].zxid.epoch() == pair[1].zxid.epoch();
    view.servers.iter().any(|server| server.delivered.windows(2).any(alike))
}

/// A server has delivered transactions of two epochs.
#[must_use]
pub fn two_of_two_epochs(view: &View<'_>) -> bool {
    let differ = |pair: &[crate::Txn]| pair[0].zxid.epoch() != pair[1].zxid.epoch();
    view.servers.iter().any(|server| server.delivered.windows(2).any(differ))
}

/// A primary broadcasts after a server delivered something of an earlier epoch.
#[must_use]
pub fn primary_after_delivery(view: &View<'_>) -> bool {
    view.servers.iter().any(|server| {
        let epoch = server.leads_from(LeaderPhase::Broadcast);
        epoch.is_some_and(|epoch| view.past.delivered.first().is_some_and(|txn| txn.zxid.epoch() < epoch))
    })
}

/// A server is up and has taken over the epoch of a leader that is there, with less history than the leader.
#[must_use]
pub fn learner_behind(view: &View<'_>) -> bool {
    pairs(view).any(|(a, b)| {
        let (Some(p), Some(q)) = (a.peer, b.peer) else {
            return false;
        };
        p.memory.current_epoch == q.memory.current_epoch
            && p.memory.current_epoch > Epoch(0)
            && (a.leading().is_some() || b.leading().is_some())
            && p.last_zxid() != q.last_zxid()
    })
}

/// A transaction that was delivered by someone is missing on some disk.
#[must_use]
pub fn delivered_but_not_everywhere(view: &View<'_>) -> bool {
    view.past.delivered.iter().any(|txn| view.servers.iter().any(|server| !server.durable().any(|own| own == txn)))
}

/// A transaction was broadcast, and an epoch established later without it: it was skipped.
#[must_use]
pub fn skipped(view: &View<'_>) -> bool {
    view.past.broadcast.iter().any(|txn| {
        let later = view.past.established.iter().filter(|established| established.epoch > txn.zxid.epoch());
        later.into_iter().any(|established| !established.initial.contains(txn))
    })
}

/// A server holds on its disk a transaction that was skipped: it must be cut.
#[must_use]
pub fn skipped_on_a_disk(view: &View<'_>) -> bool {
    view.past.broadcast.iter().any(|txn| {
        let mut later = view.past.established.iter().filter(|established| established.epoch > txn.zxid.epoch());
        later.any(|established| !established.initial.contains(txn))
            && view.servers.iter().any(|server| server.durable().any(|own| own == txn))
    })
}

/// A transaction was delivered by the server that broadcast it, that server is down, and another leads with it.
#[must_use]
pub fn outlived_its_leader(view: &View<'_>) -> bool {
    view.past.established.iter().any(|established| {
        let down = view.servers.iter().any(|server| server.id == established.leader && server.peer.is_none());
        let mut own = view.past.delivered.iter().filter(|txn| txn.zxid.epoch() == established.epoch);
        down && own.any(|txn| {
            let leads = |server: &super::ServerView<'_>| {
                server.leads_from(LeaderPhase::Broadcast).is_some() && server.delivered.contains(txn)
            };
            view.servers.iter().any(leads)
        })
    })
}

/// A learner is in synchronisation while the leader already broadcasts: it joins late.
#[must_use]
pub fn late_joiner(view: &View<'_>) -> bool {
    view.servers.iter().filter_map(|server| server.leading()).any(|(_, leading)| {
        leading.phase == LeaderPhase::Broadcast
            && leading.learners.iter().any(|learner| learner.phase == HandlerPhase::Synchronizing)
    })
}

/// A proposal is on its way to being logged while its learner waits for UPTODATE (ZOOKEEPER-4394's moment).
#[must_use]
pub fn proposal_before_up_to_date(view: &View<'_>) -> bool {
    view.servers.iter().any(|server| {
        server.peer.is_some_and(|peer| match &peer.role {
            Role::Following(following) => {
                following.phase == LearnerPhase::NewLeaderAcknowledged && following.acknowledged < peer.last_zxid()
            }
            _ => false,
        })
    })
}

/// A server's snapshot stands for transactions, and its log begins after them.
#[must_use]
pub fn compacted(view: &View<'_>) -> bool {
    view.servers.iter().any(|server| !server.snapshot.is_empty())
}

/// A server has accepted an epoch that another established epoch lies below (ZOOKEEPER-4040's moment).
#[must_use]
pub fn accepted_beyond_established(view: &View<'_>) -> bool {
    let latest = view.past.established.iter().map(|established| established.epoch).max();
    latest.is_some_and(|latest| view.servers.iter().any(|server| server.disk.accepted_epoch > latest))
}

/// A sync waits at the leader for its confirmation.
#[must_use]
pub fn sync_waits(view: &View<'_>) -> bool {
    view.servers.iter().filter_map(|server| server.leading()).any(|(_, leading)| !leading.syncs.is_empty())
}

//! The predicates of [`zab::properties::safety`], in the states where they are looked at.

use super::deliveries::prefix;
use super::run::{Judge, Server};
use super::{Fault, SHORT};
use zab::properties::{ServerView, View, safety};
use zab::trace::Event;
use zab::{Role, ServerId, Txn, Zxid};

impl Judge<'_> {
    pub(super) fn check(&mut self, id: ServerId, event: &Event) -> Result<(), Fault> {
        self.with_view(&[], |view| first(view, EVERYWHERE))?;
        let Some(server) = self.servers.get_mut(&id) else { return Ok(()) };
        let standing = server.replay.peer().map(|peer| match &peer.role {
            Role::Looking(_) => (0, None),
            Role::Following(following) => (1 + following.phase as u8, None),
            Role::Leading(leading) => (u8::MAX, Some(leading.phase)),
        });
        let changed = std::mem::replace(&mut server.standing, standing) != standing;
        if changed || matches!(event, Event::Recovered { .. }) || self.broadcast.len() <= SHORT {
            self.whole()?;
        }
        Ok(())
    }

    /// Every predicate that looks at whole histories.
    pub(super) fn whole(&mut self) -> Result<(), Fault> {
        self.report.whole += 1;
        // Of what was there before, the state machines cannot be known.
        if self.base > Zxid::ZERO { Ok(()) } else { self.with_view(&self.past.delivered, |view| first(view, WHOLE)) }
    }

    fn with_view<T>(&self, delivered: &[Txn], look: impl FnOnce(&View<'_>) -> T) -> T {
        let view = |(id, server): (&ServerId, &'_ Server)| (*id, server.upto);
        let upto: Vec<(ServerId, Zxid)> = self.servers.iter().map(view).collect();
        let servers: Vec<ServerView<'_>> = upto
            .iter()
            .map(|(id, upto)| {
                let Server { replay, ended, .. } = &self.servers[id];
                // One that was killed is down: what it did last may be missing, and others have heard of it.
                let peer = replay.peer().filter(|_| !ended);
                let disk = replay.disk().unwrap_or(&self.nothing);
                let given = if peer.is_some() { prefix(delivered, *upto) } else { &[] };
                let snapshot = prefix(delivered, disk.history.snapshot());
                ServerView { id: *id, peer, disk, snapshot, delivered: given }
            })
            .collect();
        look(&View { ensemble: &self.recording.ensemble, servers: &servers, past: &self.past })
    }
}

type Property = (&'static str, fn(&View<'_>) -> bool);

/// What needs no histories.
const EVERYWHERE: &[Property] = &[
    ("Leadership1", safety::leadership1),
    ("Leadership2", safety::leadership2),
    ("NoBadState", safety::no_bad_state),
    ("NoBadAck", safety::no_bad_ack),
    ("NoBadProposal", safety::no_bad_proposal),
    ("NoBadCommit", safety::no_bad_commit),
    ("EpochsAreAcceptedFirst", safety::epochs_are_accepted_first),
];

const WHOLE: &[Property] = &[
    ("PrefixConsistency", safety::prefix_consistency),
    ("GlobalPrimaryOrder", safety::global_primary_order),
    ("CommittedLogMonotonicity", safety::committed_log_monotonicity),
    ("ProcessConsistency", safety::process_consistency),
    ("LeaderLogCompleteness", safety::leader_log_completeness),
    ("InitialHistoryIntegrity", safety::initial_history_integrity),
    ("CommitConsistency", safety::commit_consistency),
    ("HistoryConsistency", safety::history_consistency),
    ("DeliveredIsHistory", safety::delivered_is_history),
    ("Agreement", safety::agreement),
    ("TotalOrder", safety::total_order),
];

fn first(view: &View<'_>, properties: &[Property]) -> Result<(), Fault> {
    let broken = properties.iter().find(|(_, holds)| !holds(view));
    broken.map_or(Ok(()), |(name, _)| Err(Fault::Property(name)))
}

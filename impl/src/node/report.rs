//! What the node tells others in this process about its part in the ensemble.

use super::Node;
use crate::shared::{Reign, RoleReport};
use crate::status::{Mode, Phase, Sizes};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use zab::peer::{HandlerPhase, LeaderPhase, LearnerPhase};
use zab::{Role, ServerId};

impl Node {
    /// A server of several begins by looking for a leader.
    pub(super) fn note_beginning(&self) {
        if self.peer.ensemble.voters().count() > 1 {
            self.shared.counters.looking.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Publishes the role, if anything about it has changed.
    pub(super) fn report(&mut self) {
        let mut report = self.role_report();
        let mut published = self.shared.role.lock();
        report.since = published.since;
        if *published == report {
            return;
        }
        let (before, after) = (published.phase, report.phase);
        if before != after {
            report.since = Instant::now();
        }
        let lasted = published.since.elapsed();
        *published = report;
        drop(published);
        if before != after {
            self.note_phase(before, lasted, after);
        }
    }

    /// One phase has lasted so long, and another begins.
    fn note_phase(&mut self, before: Phase, lasted: Duration, after: Phase) {
        let counters = &self.shared.counters;
        if before == Phase::Election {
            self.clock.election_is_over();
            let took = self.looking_since.elapsed();
            counters.measures.add_time("election_time", took);
            tracing::info!(leader = ?self.shared.role.lock().leader, "elected after {took:?}");
        }
        if after == Phase::Election {
            self.looking_since = Instant::now();
            counters.looking.fetch_add(1, Ordering::Relaxed);
            tracing::info!(zxid = %self.peer.last_zxid(), "looking for a leader");
        }
        if after == Phase::Broadcast {
            counters.measures.add_time("unavailable_time", self.looking_since.elapsed());
            if self.is_leading() {
                counters.leading.fetch_add(1, Ordering::Relaxed);
                counters.measures.add_time("leader_unavailable_time", self.looking_since.elapsed());
                *counters.proposal_sizes.lock() = Sizes::default();
            } else {
                counters.following.fetch_add(1, Ordering::Relaxed);
                let observes = self.peer.ensemble.is_observer(self.options.id);
                let name = if observes { "observer_sync_time" } else { "follower_sync_time" };
                counters.measures.add_time(name, lasted);
            }
        }
    }

    fn role_report(&self) -> RoleReport {
        let (mode, leader, phase, reign) = match &self.peer.role {
            Role::Looking(_) => (Mode::ReadOnly, None, Phase::Election, None),
            Role::Following(following) => {
                let observes = self.peer.ensemble.is_observer(self.options.id);
                let mode = if observes { Mode::Observer } else { Mode::Follower };
                (mode, Some(following.leader), phase_of_learner(following.phase), None)
            }
            Role::Leading(leading) => {
                let others = |phase: HandlerPhase| {
                    let reached = leading.learners.iter().filter(move |learner| learner.phase >= phase);
                    reached.map(|learner| learner.id).filter(|id| *id != self.options.id)
                };
                let is_voter = |id: &ServerId| self.peer.ensemble.is_voter(*id);
                let synced = HandlerPhase::UpToDate;
                let reign = Reign {
                    learners: others(HandlerPhase::Connected).count(),
                    synced_followers: others(synced).filter(is_voter).count(),
                    synced_observers: others(synced).filter(|id| !is_voter(id)).count(),
                    pending_syncs: leading.syncs.len(),
                };
                (Mode::Leader, Some(self.options.id), phase_of_leader(leading.phase), Some(reign))
            }
        };
        let epoch = self.peer.memory.current_epoch;
        RoleReport { mode, leader, phase, epoch, reign, since: self.looking_since }
    }
}

fn phase_of_learner(phase: LearnerPhase) -> Phase {
    match phase {
        LearnerPhase::Connecting | LearnerPhase::Discovery | LearnerPhase::EpochAccepted => Phase::Discovery,
        LearnerPhase::Synchronization | LearnerPhase::NewLeaderAcknowledged => Phase::Synchronization,
        LearnerPhase::Broadcast => Phase::Broadcast,
    }
}

fn phase_of_leader(phase: LeaderPhase) -> Phase {
    match phase {
        LeaderPhase::Discovery | LeaderPhase::EpochProposed => Phase::Discovery,
        LeaderPhase::Synchronization => Phase::Synchronization,
        LeaderPhase::Broadcast => Phase::Broadcast,
    }
}

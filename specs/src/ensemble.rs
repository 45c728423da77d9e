#![doc = include_str!("ensemble.md")]

use crate::number::ServerId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{Hash, Hasher};

/// Who takes part, in which role, and which sets of voters are quorums.
///
/// Immutable while a server runs; peers share one behind an `Arc`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ensemble {
    voters: BTreeMap<ServerId, Voter>,
    observers: BTreeSet<ServerId>,
    hierarchical: bool,
    last_counter: u32,
}

/// Java's leaders give up their epoch rather than use the last counter of all (`Leader.propose`).
const LAST_COUNTER: u32 = u32::MAX - 1;

/// A voter's place in the quorum system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Voter {
    group: u8,
    weight: u32,
}

/// Why a configuration is not an ensemble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnsembleError {
    /// No server votes.
    NoVoters,
    /// This server is listed twice.
    Listed(ServerId),
    /// The weights of all voters are 0, so that no quorum exists.
    NoWeight,
}

impl fmt::Display for EnsembleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EnsembleError::NoVoters => {
                write!(f, "an ensemble needs at least one server that votes")
            }
            EnsembleError::Listed(id) => write!(f, "server {} is listed twice", id.0),
            EnsembleError::NoWeight => write!(f, "the weights of all servers are 0: no quorum could ever form"),
        }
    }
}

impl std::error::Error for EnsembleError {}

impl Ensemble {
    /// An ensemble whose quorums are the majorities of its voters: `2n + 1` of them tolerate the loss of `n`.
    ///
    /// # Errors
    /// When there is no voter or a server is listed twice.
    pub fn majority(
        voters: impl IntoIterator<Item = ServerId>,
        observers: impl IntoIterator<Item = ServerId>,
    ) -> Result<Ensemble, EnsembleError> {
        let one = |id| (id, 0, 1);
        Ensemble::build(voters.into_iter().map(one).collect(), observers.into_iter().collect(), false)
    }

    /// An ensemble whose quorums hold a majority of the weight in a majority of the groups
    /// (`group.N=…`, `weight.N=…`; Java's `QuorumHierarchical`). Each voter is `(id, group, weight)`.
    ///
    /// # Errors
    /// When there is no voter, a server is listed twice, or every weight is 0.
    pub fn hierarchical(
        voters: impl IntoIterator<Item = (ServerId, u8, u32)>,
        observers: impl IntoIterator<Item = ServerId>,
    ) -> Result<Ensemble, EnsembleError> {
        Ensemble::build(voters.into_iter().collect(), observers.into_iter().collect(), true)
    }

    fn build(
        voters: Vec<(ServerId, u8, u32)>,
        observers: Vec<ServerId>,
        hierarchical: bool,
    ) -> Result<Ensemble, EnsembleError> {
        let mut ensemble =
            Ensemble { voters: BTreeMap::new(), observers: BTreeSet::new(), hierarchical, last_counter: LAST_COUNTER };
        for (id, group, weight) in voters {
            if ensemble.voters.insert(id, Voter { group, weight }).is_some() {
                return Err(EnsembleError::Listed(id));
            }
        }
        for id in observers {
            if ensemble.voters.contains_key(&id) || !ensemble.observers.insert(id) {
                return Err(EnsembleError::Listed(id));
            }
        }
        if ensemble.voters.is_empty() {
            return Err(EnsembleError::NoVoters);
        }
        if ensemble.voters.values().all(|voter| voter.weight == 0) {
            return Err(EnsembleError::NoWeight);
        }
        Ok(ensemble)
    }

    /// The same ensemble with epochs of at most `last` transactions instead of 2³² − 2, so that a checker can
    /// reach the end of one. Every server must be given the same number.
    ///
    /// # Panics
    /// When `last` is 0: an epoch without transactions makes no progress.
    #[must_use]
    pub fn with_last_counter(mut self, last: u32) -> Ensemble {
        assert!(last > 0, "an epoch needs room for a transaction");
        self.last_counter = last;
        self
    }

    /// The counter of the last transaction that fits into one epoch.
    #[must_use]
    pub fn last_counter(&self) -> u32 {
        self.last_counter
    }

    /// The servers that vote, in the order of their ids.
    pub fn voters(&self) -> impl Iterator<Item = ServerId> + '_ {
        self.voters.keys().copied()
    }

    /// The servers that only learn, in the order of their ids.
    pub fn observers(&self) -> impl Iterator<Item = ServerId> + '_ {
        self.observers.iter().copied()
    }

    /// Every server, voters first.
    pub fn servers(&self) -> impl Iterator<Item = ServerId> + '_ {
        self.voters().chain(self.observers())
    }

    /// Whether `id` votes.
    #[must_use]
    pub fn is_voter(&self, id: ServerId) -> bool {
        self.voters.contains_key(&id)
    }

    /// Whether `id` observes.
    #[must_use]
    pub fn is_observer(&self, id: ServerId) -> bool {
        self.observers.contains(&id)
    }

    /// Whether `id` may lead: it votes, and its weight is not 0.
    #[must_use]
    pub fn may_lead(&self, id: ServerId) -> bool {
        self.voters.get(&id).is_some_and(|voter| voter.weight > 0)
    }

    /// Whether the voters among `members` are a quorum. Any two quorums share a server (rule QuorumsIntersect).
    pub fn is_quorum(&self, members: impl IntoIterator<Item = ServerId>) -> bool {
        if self.hierarchical {
            return self.is_quorum_of_groups(members);
        }
        let mut present = 0;
        for id in members {
            present += usize::from(self.voters.contains_key(&id));
        }
        present > self.voters.len() / 2
    }

    fn is_quorum_of_groups(&self, members: impl IntoIterator<Item = ServerId>) -> bool {
        // Groups without weight do not count, neither for nor against (QuorumHierarchical.computeGroupWeight).
        let mut groups: BTreeMap<u8, (u64, u64)> = BTreeMap::new();
        for voter in self.voters.values().filter(|voter| voter.weight > 0) {
            groups.entry(voter.group).or_default().1 += u64::from(voter.weight);
        }
        for id in members {
            if let Some(voter) = self.voters.get(&id).filter(|voter| voter.weight > 0) {
                groups.entry(voter.group).or_default().0 += u64::from(voter.weight);
            }
        }
        let won = groups.values().filter(|(present, all)| present * 2 > *all).count();
        won * 2 > groups.len()
    }
}

// Peers share the ensemble and carry it in their state; hashing its whole text for each of them in each state of a
// model would cost more than the rest of the state, and equal ensembles hash equally with this as well.
impl Hash for Ensemble {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.voters.len());
        state.write_usize(self.observers.len());
    }
}

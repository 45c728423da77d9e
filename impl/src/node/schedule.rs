//! When a snapshot is due.

use std::hash::{BuildHasher, RandomState};

/// After how much a snapshot is taken (`snapCount`, `snapSizeLimitInKb`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotPolicy {
    /// Transactions between two snapshots.
    pub count: u64,
    /// Bytes of log between two snapshots; 0 for any number.
    pub size: u64,
    /// Whether it is, each time, a random number between half of these and all: so that the servers of an ensemble do
    /// not write their snapshots at the same time.
    pub spread: bool,
}

/// What was logged since the last snapshot was begun, and how much may be.
#[derive(Debug)]
pub(super) struct SnapshotSchedule {
    policy: SnapshotPolicy,
    /// The policy's numbers, or less.
    count: u64,
    size: u64,
    transactions: u64,
    bytes: u64,
}

impl SnapshotSchedule {
    pub(super) fn new(policy: SnapshotPolicy) -> SnapshotSchedule {
        let mut schedule = SnapshotSchedule { policy, count: 0, size: 0, transactions: 0, bytes: 0 };
        schedule.begin();
        schedule
    }

    /// A transaction of so many bytes was logged.
    pub(super) fn note(&mut self, bytes: usize) {
        self.transactions += 1;
        self.bytes += bytes as u64;
    }

    /// Whether it is time (`SyncRequestProcessor.shouldSnapshot`).
    pub(super) fn is_due(&self) -> bool {
        self.transactions >= self.count || (self.policy.size > 0 && self.bytes >= self.size)
    }

    /// A snapshot is taken now.
    pub(super) fn begin(&mut self) {
        let SnapshotPolicy { count, size, spread } = self.policy;
        let random = RandomState::new();
        let some = |most: u64, which: u64| match spread {
            true => most / 2 + 1 + random.hash_one(which) % (most / 2).max(1),
            false => most,
        };
        (self.count, self.size) = (some(count, 0), some(size, 1));
        (self.transactions, self.bytes) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until_due(schedule: &mut SnapshotSchedule, bytes: usize) -> u64 {
        (1..)
            .find(|_| {
                schedule.note(bytes);
                schedule.is_due()
            })
            .expect("some day")
    }

    #[test]
    fn transactions_and_bytes_count() {
        let mut schedule = SnapshotSchedule::new(SnapshotPolicy { count: 100, size: 1000, spread: false });
        assert_eq!(until_due(&mut schedule, 1), 100);
        schedule.begin();
        assert_eq!(until_due(&mut schedule, 200), 5);
        let mut unlimited = SnapshotSchedule::new(SnapshotPolicy { count: 100, size: 0, spread: false });
        assert_eq!(until_due(&mut unlimited, 1 << 40), 100);
    }

    #[test]
    fn spread_numbers_are_between_half_and_all_and_differ() {
        for (count, size, bytes) in [(100, 0, 1), (1000, 100, 1)] {
            let mut schedule = SnapshotSchedule::new(SnapshotPolicy { count, size, spread: true });
            let found: std::collections::BTreeSet<u64> = (0..200)
                .map(|_| {
                    let due = until_due(&mut schedule, bytes);
                    schedule.begin();
                    due
                })
                .collect();
            assert!(found.len() > 10 && *found.first().unwrap() > 50 && *found.last().unwrap() <= 100, "{found:?}");
        }
        let mut smallest = SnapshotSchedule::new(SnapshotPolicy { count: 2, size: 0, spread: true });
        assert_eq!(until_due(&mut smallest, 1), 2);
    }
}

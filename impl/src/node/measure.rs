//! How long transactions take on their way, by the leader's clock (`Request.logLatency`).

use super::Node;
use crate::shared::wall_clock;
use crate::status::Phase;
use std::sync::atomic::Ordering;
use zab::{Message, Txn, Zxid};

/// Where the time stands in a transaction's header: behind session, cxid and zxid.
const TIME: std::ops::Range<usize> = 20..28;

/// The milliseconds since the leader made this transaction; `None` when the clocks disagree too much to tell.
fn age(txn: &Txn, now: i64) -> Option<i64> {
    let time = i64::from_be_bytes(*txn.payload.0.get(TIME)?.first_chunk()?);
    now.checked_sub(time).filter(|age| *age >= 0)
}

impl Node {
    /// A transaction is to be logged. What comes in broadcast was proposed just now; before, it may be old.
    pub(super) fn note_proposal(&self, txn: &Txn) {
        let counters = &self.shared.counters;
        if self.is_leading() || self.shared.role.lock().phase != Phase::Broadcast {
            return;
        }
        counters.learner_proposals.fetch_add(1, Ordering::Relaxed);
        if let Some(age) = age(txn, wall_clock()) {
            counters.measures.add("proposal_latency", age);
        }
    }

    /// Transactions are about to be applied. Java measures each of these at another place of its pipeline, which here
    /// is one: a quorum has logged them.
    pub(super) fn note_commits(&self, txns: &[Txn], applied: Zxid) {
        let counters = &self.shared.counters;
        let new = || txns.iter().filter(|txn| txn.zxid > applied);
        if self.shared.role.lock().phase != Phase::Broadcast {
            return;
        }
        let now = wall_clock();
        let all = || new().filter_map(|txn| age(txn, now));
        counters.measures.add_all("propagation_latency", all());
        if self.is_leading() {
            counters.measures.add_all("quorum_ack_latency", all());
        } else {
            counters.learner_commits.fetch_add(new().count() as u64, Ordering::Relaxed);
            counters.measures.add_all("commit_propagation_latency", all());
        }
    }

    /// How a learner is brought up to date; TRUNC counts as a DIFF, as in `LearnerHandler`.
    pub(super) fn note_synchronisation(&self, message: &Message) {
        let counters = &self.shared.counters;
        match message {
            Message::Snap(_) => counters.snaps.fetch_add(1, Ordering::Relaxed),
            Message::Diff(_) | Message::Trunc(_) => counters.diffs.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use zab::Payload;

    #[test]
    fn the_age_is_counted_from_the_time_in_the_header() {
        let transaction = zab::tree::Transaction {
            header: zab::tree::TxnHeader {
                session: zab::tree::SessionId(1),
                cxid: 2,
                zxid: Zxid(3),
                time: 1000,
                kind: zab::tree::OpCode::CreateSession,
            },
            record: zab::tree::Record::CreateSession { timeout: 5 },
            digest: None,
        };
        let mut bytes = Vec::new();
        crate::wire::encode_transaction(&transaction, &mut bytes);
        let txn = |bytes: Vec<u8>| Txn { zxid: Zxid(3), payload: Payload(Bytes::from(bytes)) };
        assert_eq!(age(&txn(bytes.clone()), 1030), Some(30));
        assert_eq!(age(&txn(bytes.clone()), 999), None);
        assert_eq!(age(&txn(bytes[..27].to_vec()), 1030), None);
    }
}

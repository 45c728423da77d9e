//! What a client counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the client began, to be read at any time.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Requests sent: the user's, and those by which watches and proofs are given again. Pings are not among them.
    pub requests: AtomicU64,
    /// Replies to them.
    pub replies: AtomicU64,
    /// Notifications received.
    pub events: AtomicU64,
    /// Pings sent.
    pub pings: AtomicU64,
    /// Sessions opened or taken up on a connection: the first one, and every reconnection.
    pub connections: AtomicU64,
    /// Connections lost, and attempts that failed.
    pub disconnections: AtomicU64,
    /// Bytes sent.
    pub bytes_sent: AtomicU64,
    /// Bytes received.
    pub bytes_received: AtomicU64,
}

pub(super) fn count(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Ordering::Relaxed);
}

//! What the node and the connections' tasks share: the state machine to read from, and what is counted.

use crate::client_port::connection::{Connection, Latency};
use crate::status::Measures;
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use zab::tree::{Tree, Watches};

/// One server's shared state.
///
/// Locks are taken in the order of the fields. Only the node writes the tree. A read holds the tree's lock while it
/// sets a watch, and the node holds it while it fires watches: so no change falls between what a client reads and what
/// it watches, and an event is in the client's outbox before any reply that shows the change.
#[derive(Debug)]
pub struct Shared {
    /// The state machine.
    pub tree: RwLock<Tree>,
    /// Who watches what.
    pub watches: Mutex<Watches>,
    /// The open connections, by number.
    pub connections: Mutex<HashMap<u64, Arc<Connection>>>,
    /// Whether clients are served: the leader's epoch is established, or the learner was told UPTODATE.
    pub serving: AtomicBool,
    /// Whether access control is off (`zookeeper.skipACL`).
    pub skip_acl: bool,
    /// What is counted.
    pub counters: Counters,
    /// When the server started.
    pub started: Instant,
}

/// What is counted of a server.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests received.
    pub received: AtomicU64,
    /// Replies and events sent.
    pub sent: AtomicU64,
    /// Requests that the node has and has not answered (`outstanding_requests`).
    pub outstanding: AtomicUsize,
    /// How long requests took.
    pub latency: Latency,
    /// Sessions that expired because nothing was heard of them.
    pub expired: AtomicU64,
    /// Transactions after which the tree's digest was not the leader's.
    pub digest_mismatches: AtomicU64,
    /// Clients that proved nothing.
    pub authentication_failed: AtomicU64,
    /// Connections that were refused because there were too many.
    pub rejected: AtomicU64,
    /// Connections that were closed because no session began on them.
    pub sessionless: AtomicU64,
    /// Syncs of the log that took longer than `fsync.warningthresholdms`.
    pub slow_syncs: AtomicU64,
    /// What is measured.
    pub measures: Measures,
}

impl Shared {
    /// Around a tree, serving nobody yet.
    #[must_use]
    pub fn new(tree: Tree) -> Shared {
        Shared {
            tree: RwLock::new(tree),
            watches: Mutex::new(Watches::new()),
            connections: Mutex::default(),
            serving: AtomicBool::new(false),
            skip_acl: false,
            counters: Counters::default(),
            started: Instant::now(),
        }
    }

    /// Milliseconds since the server started: the clock of sessions, which never goes back.
    #[must_use]
    pub fn uptime(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether clients are served.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Acquire)
    }
}

/// Milliseconds since 1970, by the system's clock: the time that transactions carry.
#[must_use]
pub fn wall_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

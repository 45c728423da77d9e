//! What the node and the connections' tasks share: the state machine to read from, and what is counted.

use crate::client_port::connection::{Connection, Latency};
use crate::status::{Measures, Mode, Phase, Sizes};
use crate::time_source::TimeSource;
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;
use zab::tree::{Tree, Watches};
use zab::{Epoch, ServerId};

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
    /// Whether they are served without a leader: reads only.
    pub read_only: AtomicBool,
    /// Whether access control is off (`zookeeper.skipACL`).
    pub skip_acl: bool,
    /// This server's part in the ensemble.
    pub role: Mutex<RoleReport>,
    /// What is counted.
    pub counters: Counters,
    /// When the server started.
    pub started: Instant,
    /// Where the time comes from.
    pub time: TimeSource,
}

/// A server's part in the ensemble, as the node published it last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleReport {
    /// What it is; [`Mode::ReadOnly`] while it knows no leader.
    pub mode: Mode,
    /// Who leads.
    pub leader: Option<ServerId>,
    /// How far it has come with that.
    pub phase: Phase,
    /// Since when it is in this phase.
    pub since: Instant,
    /// Its current epoch.
    pub epoch: Epoch,
    /// What only a leader knows.
    pub reign: Option<Reign>,
}

impl Default for RoleReport {
    fn default() -> RoleReport {
        let (mode, phase, since) = (Mode::ReadOnly, Phase::Election, Instant::now());
        RoleReport { mode, leader: None, phase, since, epoch: Epoch(0), reign: None }
    }
}

/// What only a leader knows; it does not count itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reign {
    /// Servers connected.
    pub learners: usize,
    /// Of these, voters that were told UPTODATE.
    pub synced_followers: usize,
    /// Of these, observers that were told UPTODATE.
    pub synced_observers: usize,
    /// `sync` requests that are not confirmed yet.
    pub pending_syncs: usize,
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
    /// Elections that this server took part in.
    pub looking: AtomicU64,
    /// Epochs that it led.
    pub leading: AtomicU64,
    /// Epochs in which it followed.
    pub following: AtomicU64,
    /// Transactions that it proposed.
    pub proposals: AtomicU64,
    /// Their sizes, since it leads.
    pub proposal_sizes: Mutex<Sizes>,
    /// Proposals of a leader that came in broadcast.
    pub learner_proposals: AtomicU64,
    /// How many of them it was told to commit.
    pub learner_commits: AtomicU64,
    /// Learners that it brought up to date with its snapshot.
    pub snaps: AtomicU64,
    /// Learners that it brought up to date otherwise.
    pub diffs: AtomicU64,
    /// Transactions delivered.
    pub commits: AtomicU64,
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
        Shared::in_time(tree, TimeSource::System)
    }

    /// As [`Shared::new`], in another time than the system's.
    #[must_use]
    pub fn in_time(tree: Tree, time: TimeSource) -> Shared {
        Shared {
            tree: RwLock::new(tree),
            watches: Mutex::new(Watches::new()),
            connections: Mutex::default(),
            serving: AtomicBool::new(false),
            read_only: AtomicBool::new(false),
            skip_acl: false,
            role: Mutex::default(),
            counters: Counters::default(),
            started: time.now(),
            time,
        }
    }

    /// Milliseconds since the server started: the clock of sessions, which never goes back.
    #[must_use]
    pub fn uptime(&self) -> u64 {
        let passed = self.time.now().saturating_duration_since(self.started);
        u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether clients are served, be it reads only.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Acquire)
    }

    /// Whether clients are served reads only.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.read_only.load(Ordering::Acquire)
    }
}

/// Milliseconds since 1970, by the system's clock: the time that transactions carry.
#[must_use]
pub fn wall_clock() -> i64 {
    TimeSource::System.wall_clock()
}

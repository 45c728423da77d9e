//! What a running server tells about itself: plain data, from which the four-letter words, the admin commands and
//! Prometheus' page are rendered. Nothing here knows a server; a server implements [`StatusSource`].

mod connection;
mod environment;
mod histogram;
mod summary;

pub use connection::{ConnectionSession, ConnectionStatus, UNKNOWN_OPERATION, last_operation};
pub use environment::environment;
pub use summary::{Measures, Percentiles, Sizes, Summary};

use crate::config::{Config, PeerType};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use zab::tree::{Id, SessionId};
use zab::{ServerId, Zxid};

/// Where status comes from: a running server, or fixed data in a test.
///
/// `status` is asked for by every `srvr` and every scrape and should cost little; the others may walk a whole tree.
pub trait StatusSource: Send + Sync {
    /// The numbers.
    fn status(&self) -> ServerStatus;
    /// What the server was configured with.
    fn configuration(&self) -> Configuration;
    /// Bytes in the directories of the log and of the snapshots.
    fn directory_sizes(&self) -> DirectorySizes;
    /// The connections of clients, those that ask for this included.
    fn connections(&self) -> Vec<ConnectionStatus>;
    /// The sessions, as far as this server watches over them.
    fn sessions(&self) -> SessionStatus;
    /// The ephemeral nodes of every session that has some.
    fn ephemerals(&self) -> BTreeMap<SessionId, BTreeSet<String>>;
    /// The paths that each session watches for data or existence (not for children: neither does Java list them).
    fn watches(&self) -> BTreeMap<SessionId, BTreeSet<String>>;
    /// The digests of the tree after every 128th transaction or so, oldest first.
    fn digest_log(&self) -> Vec<DigestEntry>;
    /// The newest snapshot on the disk.
    fn last_snapshot(&self) -> Option<LastSnapshot>;
    /// Takes a snapshot now. This waits for the disk. The error is a sentence.
    fn take_snapshot(&self) -> Result<TakenSnapshot, String>;
    /// Whether who is all of these has every permission on the root: what the admin server's commands about snapshots
    /// ask for.
    fn permits_all(&self, identities: &[Id]) -> bool;
    /// Forgets latencies, packets and everything counted (`srst`).
    fn reset_statistics(&self);
    /// Forgets what was counted for each connection (`crst`).
    fn reset_connection_statistics(&self);
    /// Java's trace mask (`gtmk`): kept for its commands, without effect.
    fn trace_mask(&self) -> i64;
    /// Sets the trace mask (`stmk`).
    fn set_trace_mask(&self, mask: i64);
}

/// What a server is in its ensemble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// An ensemble of one.
    Standalone,
    /// It leads.
    Leader,
    /// It follows and votes.
    Follower,
    /// It follows and does not vote.
    Observer,
    /// It knows no leader, and serves reads.
    ReadOnly,
}

impl Mode {
    /// The word after `Mode:`.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Standalone => "standalone",
            Mode::Leader => "leader",
            Mode::Follower => "follower",
            Mode::Observer => "observer",
            Mode::ReadOnly => "read-only",
        }
    }
}

/// The numbers of a server, at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerStatus {
    /// The full version, such as `3.9.5-…, built on …`; tools parse the beginning.
    pub version: String,
    /// Whether clients are served. When not, most commands say only that.
    pub serving: bool,
    /// What it is in its ensemble.
    pub mode: Mode,
    /// What it has to do with the ensemble; `None` standalone.
    pub quorum: Option<QuorumStatus>,
    /// The last transaction applied to the tree.
    pub zxid: Zxid,
    /// How long requests took, in milliseconds.
    pub latency: Summary,
    /// Packets from clients.
    pub received: u64,
    /// Packets to clients.
    pub sent: u64,
    /// Connections open.
    pub connections: u64,
    /// Requests not answered yet.
    pub outstanding: u64,
    /// Milliseconds since it began to serve.
    pub uptime: u64,
    /// Nodes of the tree.
    pub node_count: u64,
    /// Watches of every kind.
    pub watch_count: u64,
    /// Ephemeral nodes.
    pub ephemerals_count: u64,
    /// Bytes of all paths and data.
    pub approximate_data_size: u64,
    /// Sessions known to the whole ensemble.
    pub sessions: u64,
    /// Open file descriptors; `None` where the system does not tell.
    pub open_file_descriptors: Option<u64>,
    /// How many of them are allowed.
    pub max_file_descriptors: Option<u64>,
    /// Authentications that failed.
    pub auth_failed: u64,
    /// Forced writes that took longer than `fsync.warningthresholdms`.
    pub fsync_threshold_exceeded: u64,
    /// Bytes of replies with data.
    pub client_responses: Sizes,
    /// Everything counted, by Java's names (`commit_count`, `looking_count`, …), without the prefix `zk_`.
    pub counters: BTreeMap<&'static str, u64>,
    /// Everything measured, by Java's names (`fsynctime`, `election_time`, …): milliseconds unless the name says not.
    pub summaries: BTreeMap<&'static str, Summary>,
}

impl ServerStatus {
    /// Whether only reads are served.
    pub fn is_read_only(&self) -> bool {
        self.mode == Mode::ReadOnly
    }
}

/// What a server has to do with its ensemble.
#[derive(Clone, Debug, PartialEq)]
pub struct QuorumStatus {
    /// Its number.
    pub my_id: ServerId,
    /// The phase: election, discovery, synchronization or broadcast.
    pub phase: Phase,
    /// Servers that vote.
    pub quorum_size: u64,
    /// The leader and its host, when there is one.
    pub leader: Option<(ServerId, String)>,
    /// What only a leader knows.
    pub leading: Option<LeadingStatus>,
    /// Observers in step with this server, where it feeds them.
    pub synced_observers: u64,
}

/// The phase of Zab in which a server is (`QuorumPeer.ZabState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Looking for a leader.
    Election,
    /// Agreeing on an epoch.
    Discovery,
    /// Agreeing on the history.
    Synchronization,
    /// At work.
    Broadcast,
}

impl Phase {
    /// Java's name, in small letters.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Election => "election",
            Phase::Discovery => "discovery",
            Phase::Synchronization => "synchronization",
            Phase::Broadcast => "broadcast",
        }
    }
}

/// What only a leader knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeadingStatus {
    /// Followers and observers connected.
    pub learners: u64,
    /// Followers in step.
    pub synced_followers: u64,
    /// Of those, the ones that do not vote.
    pub synced_non_voting_followers: u64,
    /// `sync` requests waiting.
    pub pending_syncs: u64,
    /// Milliseconds since it began to lead.
    pub uptime: u64,
    /// Bytes of proposals.
    pub proposals: Sizes,
}

/// Bytes on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirectorySizes {
    /// Of the transaction log.
    pub log: u64,
    /// Of the snapshots. (Java: `datadir_size`, which for a shared directory counts both.)
    pub data: u64,
}

/// The sessions a server knows, as `dump` lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionStatus {
    /// Who decides about expiry (a leader, a standalone server): sessions by the time at which they expire, in
    /// milliseconds since 1970.
    Expiring(BTreeMap<i64, BTreeSet<SessionId>>),
    /// A follower: sessions with their timeouts in milliseconds.
    Known(BTreeMap<SessionId, i32>),
}

/// The digest of the tree after a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigestEntry {
    /// The transaction.
    pub zxid: Zxid,
    /// The version of the algorithm: 2.
    pub version: i32,
    /// The digest; Java prints it as a signed number.
    pub digest: u64,
}

/// A snapshot on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastSnapshot {
    /// The transaction in its name.
    pub zxid: Zxid,
    /// When it was finished, in seconds since 1970.
    pub timestamp: i64,
}

/// A snapshot that was taken because someone asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenSnapshot {
    /// Its last transaction.
    pub zxid: Zxid,
    /// Its bytes on the disk.
    pub size: u64,
    /// Its file.
    pub path: PathBuf,
}

/// What a server was configured with, as far as its commands tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The configuration.
    pub config: Config,
    /// The port that clients really connect to (the configured one may be 0).
    pub client_port: u16,
    /// The server's number; 0 standalone.
    pub server_id: u8,
    /// The folder of the snapshots, absolute.
    pub snapshot_dir: PathBuf,
    /// The folder of the log, absolute.
    pub log_dir: PathBuf,
}

impl Configuration {
    /// What follows from a configuration once the port is known.
    pub fn new(config: Config, client_port: u16) -> Configuration {
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        let server_id = config.quorum.my_id.filter(|_| config.quorum.is_distributed()).map_or(0, |id| id.0);
        let (snapshot_dir, log_dir) = (absolute(config.snapshot_dir()), absolute(config.log_dir()));
        Configuration { config, client_port, server_id, snapshot_dir, log_dir }
    }

    /// The list of servers as Java prints it, with the version and without a final line break (`QuorumMaj.toString`,
    /// `QuorumHierarchical.toString`).
    pub fn membership(&self) -> String {
        let quorum = &self.config.quorum;
        let mut text = String::new();
        for (id, line) in &quorum.servers {
            text += &format!("server.{}={line}\n", id.0);
        }
        let mut groups: BTreeMap<u8, Vec<String>> = BTreeMap::new();
        for (id, group) in &quorum.groups {
            groups.entry(*group).or_default().push(id.0.to_string());
        }
        for (group, members) in &groups {
            text += &format!("group.{group}={}\n", members.join(":"));
        }
        if !groups.is_empty() {
            for id in quorum.voters() {
                text += &format!("weight.{}={}\n", id.0, quorum.weights.get(&id).unwrap_or(&1));
            }
        }
        text + &format!("version={:x}", quorum.version)
    }

    /// Java's number of a role: 0 votes, 1 does not.
    pub fn peer_type_number(&self) -> u8 {
        match self.config.quorum.peer_type {
            PeerType::Participant => 0,
            PeerType::Observer => 1,
        }
    }
}

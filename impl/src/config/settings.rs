//! The settings of a server, each with its type, its unit and Java's default.

use super::error::{Place, Warning};
use super::servers::{HostPort, ServerLine};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use zab::ServerId;

/// Everything a server is told before it starts. Made by [`Config::from_file`] or [`Config::embedded_default`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The file it was read from.
    pub file: Option<PathBuf>,
    /// That file's text as it was at the start; the admin command `initial_configuration` shows it.
    pub initial: String,
    /// The basic unit of time. Default 3 s (`ZooKeeperServer.DEFAULT_TICK_TIME`); `zoo_sample.cfg` says 2 s.
    pub tick_time: Duration,
    /// Where snapshots, `myid` and the pid file are; files are in its folder `version-2`.
    pub data_dir: PathBuf,
    /// Where the transaction log is. Default: `data_dir`.
    pub data_log_dir: PathBuf,
    /// Where clients connect. `None` only while the configuration is incomplete.
    pub client: Option<HostPort>,
    /// The shortest session timeout a client may get. Default 2 ticks.
    pub min_session_timeout: Duration,
    /// The longest session timeout a client may get. Default 20 ticks.
    pub max_session_timeout: Duration,
    /// What clients may use up.
    pub limits: Limits,
    /// What goes to the disk, and when.
    pub storage: Storage,
    /// What the tree holds and checks.
    pub tree: TreeSettings,
    /// Who is let in.
    pub access: Access,
    /// `4lw.commands.whitelist`, as written; see [`crate::four_letter::Whitelist`].
    pub four_letter_whitelist: String,
    /// `readonlymode.enabled`: serve reads while no leader is known. Default false.
    pub read_only_mode: bool,
    /// The admin HTTP server; `None` when `admin.enableServer=false`.
    pub admin: Option<Admin>,
    /// Prometheus; `None` unless `metricsProvider.className` names its provider.
    pub metrics: Option<Metrics>,
    /// The other servers, and how to agree with them.
    pub quorum: Quorum,
    /// Java's system properties: what `-D` set, and every key of the file that `QuorumPeerConfig` makes one of, by
    /// full name (`zookeeper.…`). The admin command `system_properties` shows them.
    pub system_properties: BTreeMap<String, String>,
    /// What a person should know, in the order found.
    pub warnings: Vec<Warning>,
    /// Where the configuration as a whole comes from.
    pub place: Place,
}

/// What clients may use up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections from one address. 0: no limit. Default 60.
    pub max_client_cnxns: u32,
    /// Connections in all. 0: no limit. Default 0.
    pub max_cnxns: u32,
    /// The backlog of the listening socket. `None`: the system's.
    pub client_port_listen_backlog: Option<u32>,
    /// Requests that may be under way in all, before connections are no longer read. Default 1000.
    pub global_outstanding_limit: u32,
    /// The longest packet, in bytes. Default 0xfffff.
    pub jute_max_buffer: u32,
    /// A connection on which no session begins is closed after this time. Default 10 s.
    pub sessionless_timeout: Duration,
}

/// What goes to the disk, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Transactions between two snapshots, at least 2. Java takes a random number between half of it and it.
    pub snap_count: u32,
    /// Bytes of log between two snapshots. 0: no limit. Default 4 GiB.
    pub snap_size_limit: u64,
    /// Bytes at which a new log file is begun. `None`: no limit.
    pub txn_log_size_limit: Option<u64>,
    /// Bytes by which a log file grows. Default 64 MiB.
    pub pre_alloc_size: u64,
    /// Whether writes are forced to the disk before they are acknowledged. Default true.
    pub force_sync: bool,
    /// Forcing that takes longer is worth a warning. Default 1 s.
    pub fsync_warning_threshold: Duration,
    /// How long to wait for more writes before forcing. Default none.
    pub flush_delay: Duration,
    /// Writes that share one forcing. Default 1000.
    pub max_batch_size: u32,
    /// How new snapshots are compressed. All kinds are read.
    pub snapshot_compression: Compression,
    /// Whether a log without a snapshot is believed. Default false.
    pub trust_empty_snapshot: bool,
    /// Transactions kept for followers that are behind; at least 500.
    pub commit_log_count: u32,
    /// So many bytes of log are sent to a follower that is behind, for every million bytes of the newest snapshot,
    /// before it is sent a snapshot instead. 0: any number. `None`: none. Default 330,000.
    pub snapshot_size_factor: Option<u32>,
    /// Whether missing data directories are made. Default true.
    pub create_directories: bool,
    /// Whether an empty data directory stands for an empty tree rather than for a lost one. Default true.
    pub create_database: bool,
    /// Snapshots (and the logs they need) that purging leaves. At least 3.
    pub snap_retain_count: u32,
    /// The time between two purges. `None`: no purging, the default.
    pub purge_interval: Option<Duration>,
    /// Where each run is recorded for `conformance validate`. `None`: nothing is recorded, the default.
    pub trace_directory: Option<PathBuf>,
}

/// How snapshots are compressed (`snapshot.compression.method`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, suffix `.gz`.
    Gzip,
    /// framed Snappy, suffix `.snappy`.
    Snappy,
}

/// What the tree holds and checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeSettings {
    /// TTL nodes. Default false.
    pub extended_types_enabled: bool,
    /// The digest of the tree in transactions and snapshots. Default true.
    pub digest_enabled: bool,
    /// Hard quotas are enforced. Default false.
    pub enforce_quota: bool,
    /// Closing a session logs the paths that it deletes. Default true.
    pub close_session_txn_enabled: bool,
    /// Time between two looks for containers and TTL nodes to delete. Default 1 min.
    pub container_check_interval: Duration,
    /// Containers deleted in a minute at most. Default 10,000.
    pub container_max_per_minute: u32,
    /// A container without children so far is deleted after this time. `None`: never, the default.
    pub container_max_never_used: Option<Duration>,
}

/// Who is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// ACLs are not checked. Default false.
    pub skip_acl: bool,
    /// The scheme `digest` is offered. Default true.
    pub digest_enabled: bool,
    /// `super:<base64 digest>` of the user who may do everything.
    pub super_digest: Option<String>,
}

/// The admin HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens. Default 0.0.0.0:8080.
    pub listen: HostPort,
    /// The path of the commands, without a final slash. Default `/commands`.
    pub command_url: String,
    /// Whether the command `snapshot` is offered. Default true.
    pub snapshot_enabled: bool,
    /// Whether the command `restore` is offered. Default true; what it answers then, see [`crate::admin`].
    pub restore_enabled: bool,
    /// `admin.rateLimiterIntervalInMS`: what bounds how often these are taken. Default 5 min.
    pub rate_limiter_interval: Duration,
}

/// The Prometheus HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// Where it listens. Default 0.0.0.0:7000.
    pub listen: HostPort,
}

/// Whether a server votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerType {
    /// It votes.
    Participant,
    /// It only listens.
    Observer,
}

/// The other servers, and how to agree with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// The number in `myid`; `None` when there is no such file (a standalone server needs none).
    pub my_id: Option<ServerId>,
    /// What `peerType` says. Where it differs from the list of servers, the list counts, and a warning says so.
    pub peer_type: PeerType,
    /// `server.N=…`.
    pub servers: BTreeMap<ServerId, ServerLine>,
    /// `group.N=…`: the group of each server. Empty: majority quorums.
    pub groups: BTreeMap<ServerId, u8>,
    /// `weight.N=…`; 1 for a server not listed.
    pub weights: BTreeMap<ServerId, u32>,
    /// The version of the list of servers: the suffix of the dynamic file's name, 0 without one.
    pub version: u64,
    /// Ticks that a follower may take to connect and synchronize. 0: not set.
    pub init_limit: u32,
    /// Ticks that a follower may be behind. 0: not set.
    pub sync_limit: u32,
    /// Ticks that connecting to the leader may take. Default: `init_limit`.
    pub connect_to_learner_master_limit: Option<u32>,
    /// One voter alone is a standalone server. Default true.
    pub standalone_enabled: bool,
    /// Listen for peers on all addresses. Default false.
    pub listen_on_all_ips: bool,
    /// The leader serves clients too. Default true.
    pub leader_serves: bool,
    /// The time to connect to a peer for election. Default 5 s.
    pub connection_timeout: Duration,
    /// Observers write snapshots and logs. Default true.
    pub observer_sync_enabled: bool,
    /// How often binding the election port is tried. 0: for ever. Default 3.
    pub election_port_bind_retry: u32,
    /// `server.N` may list several addresses. Default false.
    pub multi_address_enabled: bool,
    /// Snapshots sent to learners at once. Default 10.
    pub max_concurrent_snap_syncs: u32,
    /// Shortest wait between two notifications of the election. Default 200 ms.
    pub min_notification_interval: Duration,
    /// Longest wait between two notifications of the election. Default 60 s.
    pub max_notification_interval: Duration,
}

impl Quorum {
    /// The servers that vote.
    pub fn voters(&self) -> impl Iterator<Item = ServerId> + '_ {
        self.of_type(PeerType::Participant)
    }

    /// The servers that only listen.
    pub fn observers(&self) -> impl Iterator<Item = ServerId> + '_ {
        self.of_type(PeerType::Observer)
    }

    fn of_type(&self, wanted: PeerType) -> impl Iterator<Item = ServerId> + '_ {
        self.servers.iter().filter(move |(_, line)| line.peer_type == wanted).map(|(id, _)| *id)
    }

    /// Whether servers must agree, rather than one deciding alone (`QuorumPeerConfig.isDistributed`).
    pub fn is_distributed(&self) -> bool {
        !self.standalone_enabled || self.voters().count() > 1
    }
}

//! Java's defaults, and the configuration of a server that was given none.

use super::error::Place;
use super::servers::HostPort;
use super::settings::{Access, Admin, Compression, Config, Limits, Metrics, PeerType, Quorum, Storage, TreeSettings};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The data directory of a server without a configuration, in the working directory.
pub const EMBEDDED_DATA_DIR: &str = "zabkeeper-data";

/// The port for clients of a server without a configuration.
pub const EMBEDDED_CLIENT_PORT: u16 = 2181;

impl Config {
    /// What holds where nothing is said. Not complete: without a data directory and a place for clients.
    pub(super) fn unset(place: Place) -> Config {
        let tick_time = Duration::from_millis(3000);
        Config {
            file: None,
            initial: String::new(),
            tick_time,
            data_dir: PathBuf::new(),
            data_log_dir: PathBuf::new(),
            client: None,
            min_session_timeout: 2 * tick_time,
            max_session_timeout: 20 * tick_time,
            limits: Limits::default(),
            storage: Storage::default(),
            tree: TreeSettings::default(),
            access: Access::default(),
            four_letter_whitelist: String::new(),
            read_only_mode: false,
            admin: Some(Admin::default()),
            metrics: None,
            quorum: Quorum::default(),
            system_properties: BTreeMap::new(),
            warnings: Vec::new(),
            place,
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_client_cnxns: 60,
            max_cnxns: 0,
            client_port_listen_backlog: None,
            global_outstanding_limit: 1000,
            jute_max_buffer: 0xf_ffff,
            sessionless_timeout: Duration::from_secs(10),
        }
    }
}

impl Default for Storage {
    fn default() -> Storage {
        Storage {
            snap_count: 100_000,
            snap_size_limit: 4 << 30,
            txn_log_size_limit: None,
            pre_alloc_size: 64 << 20,
            force_sync: true,
            fsync_warning_threshold: Duration::from_secs(1),
            flush_delay: Duration::ZERO,
            max_batch_size: 1000,
            snapshot_compression: Compression::None,
            trust_empty_snapshot: false,
            commit_log_count: 500,
            snapshot_size_factor: Some(330_000),
            create_directories: true,
            create_database: true,
            snap_retain_count: 3,
            purge_interval: None,
            trace_directory: None,
        }
    }
}

impl Default for TreeSettings {
    fn default() -> TreeSettings {
        TreeSettings {
            extended_types_enabled: false,
            digest_enabled: true,
            enforce_quota: false,
            close_session_txn_enabled: true,
            container_check_interval: Duration::from_secs(60),
            container_max_per_minute: 10_000,
            container_max_never_used: None,
        }
    }
}

impl Default for Access {
    fn default() -> Access {
        Access { skip_acl: false, digest_enabled: true, super_digest: None }
    }
}

impl Default for Admin {
    fn default() -> Admin {
        Admin {
            listen: HostPort::new("0.0.0.0", 8080),
            command_url: "/commands".to_owned(),
            snapshot_enabled: true,
            restore_enabled: true,
            rate_limiter_interval: Duration::from_secs(300),
        }
    }
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics { listen: HostPort::new("0.0.0.0", 7000) }
    }
}

impl Default for Quorum {
    fn default() -> Quorum {
        Quorum {
            my_id: None,
            peer_type: PeerType::Participant,
            servers: BTreeMap::new(),
            groups: BTreeMap::new(),
            weights: BTreeMap::new(),
            version: 0,
            init_limit: 0,
            sync_limit: 0,
            connect_to_learner_master_limit: None,
            standalone_enabled: true,
            listen_on_all_ips: false,
            leader_serves: true,
            connection_timeout: Duration::from_secs(5),
            observer_sync_enabled: true,
            election_port_bind_retry: 3,
            multi_address_enabled: false,
            max_concurrent_snap_syncs: 10,
            min_notification_interval: Duration::from_millis(200),
            max_notification_interval: Duration::from_secs(60),
        }
    }
}

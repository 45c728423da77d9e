//! How a server is set up.

use super::ServerError;
use crate::client_port::port::ClientOptions;
use crate::config::{Config, HostPort, Overrides};
use crate::disk::{FileSystem, LogOptions, OperatingSystem};
use crate::node::{Handle, Network};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use zab::tree::{PrepareOptions, Schemes, TreeOptions};

/// A way to the other servers that is none of ZooKeeper's ports: a test's. It is made with the way back to the node.
#[derive(Clone)]
pub struct OwnNetwork(pub Arc<dyn Fn(&Handle) -> Box<dyn Network> + Send + Sync>);

impl fmt::Debug for OwnNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnNetwork")
    }
}

/// How a server is set up. [`ServerOptions::new`] gives ZooKeeper's defaults.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Where snapshots and epochs are (`dataDir`).
    pub data: PathBuf,
    /// Where the log is (`dataLogDir`).
    pub logs: PathBuf,
    /// Of which file system both are. A test may put a [`SimulatedDisk`](crate::disk::SimulatedDisk) there.
    pub files: Arc<dyn FileSystem>,
    /// Where clients connect (`clientPortAddress`, `clientPort`). Port 0 takes any that is free.
    pub address: SocketAddr,
    /// `tickTime` in milliseconds.
    pub tick: u64,
    /// `minSessionTimeout` in milliseconds.
    pub min_session_timeout: i32,
    /// `maxSessionTimeout` in milliseconds.
    pub max_session_timeout: i32,
    /// Transactions between two snapshots (`snapCount`).
    pub snap_count: u64,
    /// Whether it is rather a random number between half of it and it, as Java's: a server in a test takes it as it is.
    pub snap_spread: bool,
    /// How the log is written.
    pub log: LogOptions,
    /// Of the tree.
    pub tree: TreeOptions,
    /// Of requests.
    pub prepare: PrepareOptions,
    /// Of connections.
    pub clients: ClientOptions,
    /// The way to the other servers, if it is not by their ports.
    pub network: Option<OwnNetwork>,
    /// What four-letter words and admin commands tell of the configuration.
    pub config: Config,
}

impl ServerOptions {
    /// ZooKeeper's defaults, with everything in the directory `data`, on a free port of the loopback interface: a
    /// server in a test.
    ///
    /// # Panics
    /// Never: the defaults fit together.
    pub fn new(data: impl Into<PathBuf>) -> ServerOptions {
        let mut config = Config::embedded_default(&Overrides::default()).expect("the defaults fit together");
        config.data_dir = data.into();
        config.data_log_dir = config.data_dir.clone();
        config.client = Some(HostPort::new("127.0.0.1", 0));
        let options = ServerOptions::from_config(&config).expect("the loopback interface has an address");
        ServerOptions { snap_spread: false, ..options }
    }

    /// What a configuration says.
    ///
    /// # Errors
    /// An address that is not known.
    pub fn from_config(config: &Config) -> Result<ServerOptions, ServerError> {
        let listen = config.client.clone().unwrap_or(HostPort { host: None, port: 2181 });
        let address = listen.resolve()?.into_iter().next();
        let address = address.ok_or_else(|| io::Error::other(format!("{listen} is no address")))?;
        let milliseconds = |time: Duration| i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let (limits, storage) = (&config.limits, &config.storage);
        Ok(ServerOptions {
            data: config.data_dir.clone(),
            logs: config.data_log_dir.clone(),
            files: Arc::new(OperatingSystem),
            address,
            tick: u64::try_from(config.tick_time.as_millis()).unwrap_or(u64::MAX).max(1),
            min_session_timeout: milliseconds(config.min_session_timeout),
            max_session_timeout: milliseconds(config.max_session_timeout),
            snap_count: storage.snap_count.into(),
            snap_spread: true,
            log: LogOptions {
                preallocation: storage.pre_alloc_size,
                size_limit: storage.txn_log_size_limit,
                sync: storage.force_sync,
            },
            tree: TreeOptions {
                extended_types: config.tree.extended_types_enabled,
                digest: config.tree.digest_enabled,
            },
            prepare: PrepareOptions {
                skip_acl: config.access.skip_acl,
                enforce_quota: config.tree.enforce_quota,
                schemes: Schemes { digest: config.access.digest_enabled, ..Schemes::default() },
            },
            clients: ClientOptions {
                max_packet: count(limits.jute_max_buffer),
                max_per_address: count(limits.max_client_cnxns),
                max_connections: count(limits.max_cnxns),
                sessionless_timeout: limits.sessionless_timeout,
                outstanding_limit: count(limits.global_outstanding_limit),
                super_digest: config.access.super_digest.clone(),
            },
            network: None,
            config: config.clone(),
        })
    }
}

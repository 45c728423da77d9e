//! A server as a whole: its threads and tasks, started and stopped together.
//!
//! ```no_run
//! let server = zabkeeper::Server::start(zabkeeper::ServerOptions::new("/var/lib/zookeeper"))?;
//! println!("serving at {}", server.address());
//! server.stop()?;
//! # Ok::<(), zabkeeper::ServerError>(())
//! ```

use crate::client_port::port::{ClientOptions, Service};
use crate::config::{self, Config, HostPort, Overrides, ServerLine};
use crate::disk::{
    Compression, DataDirectory, DiskError, EpochFiles, FileLog, FileSystem, LogOptions, OperatingSystem,
    RestoreOptions, RestoreReport, Restored, RestoredBase, restore, restore_base,
};
use crate::ensemble::Place;
use crate::link::{LinkOptions, PeerAddress, TcpNetwork};
use crate::node::journal::{Batching, Journal};
use crate::node::recorder::{self, Recorder};
use crate::node::{Alone, Beginning, Handle, Incoming, Membership, Network, Node};
use crate::node::{NodeError, NodeOptions, SnapshotPolicy, Timing};
use crate::shared::Shared;
use crate::source::Source;
use crate::status::{Configuration, Measures, StatusSource};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Builder, Runtime};
use zab::tree::{PrepareOptions, Schemes, TreeOptions};
use zab::{Disk, History, ServerId, Zxid};

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
            config: config.clone(),
        })
    }
}

/// Why a server cannot start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The port.
    #[error("the client port: cannot listen at {address}: {error}")]
    Port {
        /// Where.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The operating system gives no threads or no event queue.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
    /// The data directory was to have data and has none.
    #[error("{}: the data directory is empty, and zookeeper.db.autocreate is off", .0.display())]
    Empty(PathBuf),
    /// Two servers would write the same files.
    #[error("{}: another server uses this directory", .0.display())]
    InUse(PathBuf),
    /// What the node said last.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The list of servers.
    #[error("{0}")]
    Ensemble(String),
    /// A port for other servers.
    #[error("the {name} port: cannot listen at {address}: {error}")]
    PeerPort {
        /// `quorum` or `election`.
        name: &'static str,
        /// Where.
        address: HostPort,
        /// Why.
        error: io::Error,
    },
    /// It did not come to serve.
    #[error("the server did not begin to serve")]
    NotServing,
}

/// A running server: alone, or one of an ensemble.
pub struct Server {
    runtime: Runtime,
    address: SocketAddr,
    shared: Arc<Shared>,
    source: Arc<dyn StatusSource>,
    node: Handle,
    accepting: Option<tokio::task::JoinHandle<()>>,
    running: JoinHandle<Result<(), NodeError>>,
    journal: JoinHandle<()>,
    /// Writes the trace, if there is one.
    recording: Option<JoinHandle<()>>,
    /// Held as long as the server may write.
    _locks: Vec<File>,
}

impl Server {
    /// Restores what the data directory holds. Alone, it serves clients when this returns; one of an ensemble looks for
    /// the others, and serves when a leader is established ([`Server::is_serving`]).
    ///
    /// # Errors
    /// A directory that cannot be used or is damaged; a port that cannot be had.
    pub fn start(options: ServerOptions) -> Result<Server, ServerError> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.enable_all().worker_threads(workers()).thread_name("client").build()?;
        let address = options.address;
        let backlog = options.config.limits.client_port_listen_backlog;
        let listener = runtime.block_on(async { listen(address, backlog) });
        let listener = listener.map_err(|error| ServerError::Port { address, error })?;
        let address = listener.local_addr()?;

        let last_counter = options.config.system_properties.get("zookeeper.testingonly.lastCounter");
        let place = Place::new(&options.config.quorum)?.with_epochs_for_tests(last_counter)?;
        let (directory, locks) = open(&options)?;
        let restored = restore_for(&place, &options, &directory)?;
        let RestoredBase { mut tree, history, awaited_digest, report, .. } = restored;
        if let Some(membership) = membership(&options, &place) {
            membership.write_into(&mut tree);
        }
        let epochs = EpochFiles::new(directory.files().clone(), directory.snapshot_directory());
        let promised = epochs.recover(history.last())?;
        let log = FileLog::open(directory.files().clone(), directory.log_directory(), options.log)?;
        let disk = Disk { accepted_epoch: promised.accepted, current_epoch: promised.current, history };
        let (recorder, recording) = record(&options.config, &place)?.unzip();
        let beginning = Beginning { disk, awaited_digest, recorder: recorder.clone() };

        let skip_acl = options.config.access.skip_acl;
        let shared = Arc::new(Shared { skip_acl, ..Shared::new(tree) });
        note_restoration(&report, &shared.counters.measures);
        let (handle, inbox) = Node::channel();
        let (to_journal, commands) = std::sync::mpsc::channel();
        let node = handle.clone();
        let journal = Journal::new(directory.clone(), log, epochs, batching(&options.config.storage), shared.clone());
        let journal = journal.recorded(recorder);
        let journal = std::thread::Builder::new().name("journal".into()).spawn(move || {
            if let Err(error) = journal.run(&commands, |released| node.send(Incoming::Durable(released))) {
                node.send(Incoming::Failed(error.to_string()));
            }
        })?;
        let network = network(&options, &place, &runtime, &handle)?;
        let node_options = node_options(&options, &place, &directory);
        let channel = (handle.clone(), inbox);
        let ensemble = place.ensemble.clone();
        let node = Node::new(node_options, ensemble, &beginning, shared.clone(), channel, to_journal, network);
        let running = std::thread::Builder::new().name("node".into()).spawn(move || node.run())?;

        let configuration = Configuration::new(options.config, address.port());
        let source = Arc::new(Source::new(shared.clone(), configuration, directory));
        let service = Arc::new(Service::new(shared.clone(), handle.clone(), options.clients, source.clone()));
        let (node, accepting) = (handle, None);
        let _locks = locks;
        let mut server =
            Server { runtime, address, shared, source, node, accepting, running, journal, recording, _locks };
        if !place.distributed
            && let Err(error) = server.wait_until_serving()
        {
            // Why, if anybody knows.
            server.stop()?;
            return Err(error);
        }
        server.accepting = Some(server.runtime.spawn(service.accept(listener)));
        Ok(server)
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The state that it serves.
    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// What it tells about itself.
    #[must_use]
    pub fn source(&self) -> &Arc<dyn StatusSource> {
        &self.source
    }

    /// Where its tasks run.
    #[must_use]
    pub fn handle(&self) -> &tokio::runtime::Handle {
        self.runtime.handle()
    }

    /// Whether clients are served.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.shared.is_serving()
    }

    fn wait_until_serving(&self) -> Result<(), ServerError> {
        let start = Instant::now();
        while !self.shared.is_serving() {
            if self.running.is_finished() || start.elapsed() > Duration::from_secs(60) {
                return Err(ServerError::NotServing);
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }

    /// Whether it still runs: it ends by itself only when it cannot go on.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.running.is_finished()
    }

    /// Stops it in good order: what the node was asked before is answered, everything is on the disk, the port is free.
    ///
    /// # Errors
    /// Why it could not go on, if it ended before.
    pub fn stop(self) -> Result<(), ServerError> {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
        self.node.send(Incoming::Stop);
        self.join()
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// Why it could not go on.
    pub fn join(self) -> Result<(), ServerError> {
        let ended = self.running.join().unwrap_or_else(|_| Err(NodeError::Failed("the node panicked".into())));
        let _ = self.journal.join();
        let _ = self.recording.map(JoinHandle::join);
        for connection in self.shared.connections.lock().values() {
            connection.outbox.close();
        }
        // The last replies are on their way; who does not take them is not waited for.
        let start = Instant::now();
        while !self.shared.connections.lock().is_empty() && start.elapsed() < Duration::from_secs(1) {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.runtime.shutdown_timeout(Duration::from_millis(200));
        Ok(ended?)
    }
}

/// Begins to record this run, if the configuration says where.
fn record(config: &Config, place: &Place) -> io::Result<Option<(Recorder, JoinHandle<()>)>> {
    let begin = |folder: &PathBuf| Recorder::begin(folder, place.id, place.ensemble.clone(), recorder::LIMIT);
    config.storage.trace_directory.as_ref().map(begin).transpose()
}

/// Keeps other servers out of these directories as long as the files live. A server that is killed leaves nothing that
/// would keep its successor out; Apache's servers know of no lock.
fn lock(directory: &DataDirectory) -> Result<Vec<File>, ServerError> {
    let mut paths = vec![directory.snapshot_directory(), directory.log_directory()];
    paths.dedup();
    let lock = |path: &Path| match directory.files().lock_directory(path) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(ServerError::InUse(path.to_owned())),
        locked => Ok(locked?),
    };
    paths.into_iter().filter_map(|path| lock(path).transpose()).collect()
}

/// How many threads serve connections: one processor is the node's and the journal's. With a thread for each processor
/// they take it from one another, and every write costs more.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, |processors| processors.get().saturating_sub(1).max(1))
}

fn open(options: &ServerOptions) -> Result<(DataDirectory, Vec<File>), ServerError> {
    let directory = DataDirectory::new(options.files.clone(), &options.data, &options.logs);
    let storage = &options.config.storage;
    directory.create(storage.create_directories)?;
    let locks = lock(&directory)?;
    directory.prepare(storage.create_directories)?;
    Ok((directory, locks))
}

/// What the files hold. Alone, this server is every quorum, so that whatever its log holds is committed; others let an
/// election decide.
fn restore_for(place: &Place, options: &ServerOptions, directory: &DataDirectory) -> Result<RestoredBase, ServerError> {
    let storage = &options.config.storage;
    let restore_options = RestoreOptions {
        tree: options.tree,
        trust_empty_snapshot: storage.trust_empty_snapshot,
        autocreate: storage.create_database,
    };
    let base = if place.distributed {
        restore_base(directory, &restore_options)?
    } else {
        let Restored { tree, trusted, report, .. } = restore(directory, &restore_options)?;
        let history = History::from_snapshot(tree.last_zxid());
        RestoredBase { tree, history, awaited_digest: None, trusted, report }
    };
    if !base.trusted {
        return Err(ServerError::Empty(options.data.clone()));
    }
    let RestoredBase { tree, history, report, .. } = &base;
    tracing::info!(
        snapshot = report.snapshot.as_ref().map(|path| path.display().to_string()),
        transactions = report.transactions,
        znodes = tree.node_count(),
        zxid = %history.last(),
        "restored in {:?}", report.snapshot_time + report.log_time
    );
    Ok(base)
}

/// What starting took, as Java measures it.
fn note_restoration(report: &RestoreReport, measures: &Measures) {
    measures.add_time("dbinittime", report.snapshot_time + report.log_time);
    measures.add_time("startup_snap_load_time", report.snapshot_time);
    measures.add_time("startup_txns_load_time", report.log_time);
    measures.add("startup_txns_loaded", i64::try_from(report.transactions).unwrap_or(i64::MAX));
}

/// As [`TcpListener::bind`], with a backlog of the configuration's.
fn listen(address: SocketAddr, backlog: Option<u32>) -> io::Result<TcpListener> {
    /// What the standard library takes.
    const USUAL_BACKLOG: u32 = 1024;
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(backlog.filter(|backlog| *backlog > 0).unwrap_or(USUAL_BACKLOG))
}

/// At least what Java keeps, and a good part of what is between two snapshots: sending so many costs less than a tree.
fn kept_transactions(options: &ServerOptions) -> usize {
    let count = u64::from(options.config.storage.commit_log_count).max(options.snap_count / 10);
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn batching(storage: &config::Storage) -> Batching {
    Batching {
        most: usize::try_from(storage.max_batch_size).unwrap_or(usize::MAX),
        delay: storage.flush_delay,
        slow: storage.fsync_warning_threshold,
    }
}

fn node_options(options: &ServerOptions, place: &Place, directory: &DataDirectory) -> NodeOptions {
    let (tree, storage) = (&options.config.tree, &options.config.storage);
    let per_look = u128::from(tree.container_max_per_minute) * tree.container_check_interval.as_millis() / 60_000;
    NodeOptions {
        id: place.id,
        timing: timing(options),
        min_session_timeout: options.min_session_timeout,
        max_session_timeout: options.max_session_timeout,
        snapshots: SnapshotPolicy {
            count: options.snap_count,
            size: storage.snap_size_limit,
            spread: options.snap_spread,
        },
        compression: match storage.snapshot_compression {
            config::Compression::None => Compression::Plain,
            config::Compression::Gzip => Compression::Gzip,
            config::Compression::Snappy => Compression::Snappy,
        },
        close_session_paths: tree.close_session_txn_enabled,
        prepare: options.prepare,
        kept_transactions: kept_transactions(options),
        collect_interval: tree.container_check_interval,
        max_never_used: tree.container_max_never_used,
        collect_most: usize::try_from(per_look.clamp(1, u128::from(u32::MAX))).unwrap_or(usize::MAX),
        directory: directory.clone(),
        membership: membership(options, place),
    }
}

/// What clients are told of the ensemble.
fn membership(options: &ServerOptions, place: &Place) -> Option<Membership> {
    let text = || Configuration::new(options.config.clone(), options.address.port()).membership();
    place.distributed.then(|| Membership { text: text(), version: Zxid(options.config.quorum.version) })
}

pub(crate) fn timing(options: &ServerOptions) -> Timing {
    let quorum = &options.config.quorum;
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Timing {
        tick: options.tick,
        init_limit: quorum.init_limit.max(1).into(),
        sync_limit: quorum.sync_limit.max(1).into(),
        min_notification_interval: milliseconds(quorum.min_notification_interval),
        max_notification_interval: milliseconds(quorum.max_notification_interval),
    }
}

/// The links with the other servers.
fn network(
    options: &ServerOptions,
    place: &Place,
    runtime: &Runtime,
    node: &Handle,
) -> Result<Box<dyn Network>, ServerError> {
    if !place.distributed {
        return Ok(Box::new(Alone));
    }
    let quorum = &options.config.quorum;
    let address = |line: &ServerLine| {
        Some(PeerAddress { quorum: line.quorum.first()?.clone(), election: line.election.first()?.clone() })
    };
    let mut peers: BTreeMap<ServerId, PeerAddress> =
        quorum.servers.iter().filter_map(|(id, line)| Some((*id, address(line)?))).collect();
    let own = peers.remove(&place.id).ok_or_else(|| ServerError::Ensemble("this server has no address".into()))?;
    let tick = Duration::from_millis(options.tick);
    let links = LinkOptions {
        id: place.id,
        peers,
        config: Configuration::new(options.config.clone(), options.address.port()).membership(),
        election_patience: quorum.connection_timeout,
        init_patience: tick * quorum.init_limit.max(1),
        sync_patience: tick * quorum.sync_limit.max(1),
        everywhere: quorum.listen_on_all_ips,
        tree: options.tree,
        own,
    };
    let (events, failures) = (node.clone(), node.clone());
    let (election, learners) = (links.own.election.clone(), links.own.quorum.clone());
    if quorum.peer_type == config::PeerType::Participant {
        // It is opened when this server leads; that it cannot be should not be a surprise then.
        let listens = HostPort { host: learners.host.clone().filter(|_| !quorum.listen_on_all_ips), ..learners };
        let probed = listens.resolve().and_then(|addresses| std::net::TcpListener::bind(&*addresses));
        probed.map_err(|error| ServerError::PeerPort { name: "quorum", address: listens, error })?;
    }
    let network = TcpNetwork::start(
        runtime.handle(),
        links,
        Arc::new(move |event| events.send(Incoming::Link(event))),
        Box::new(move |why| failures.send(Incoming::Failed(why))),
    );
    Ok(Box::new(network.map_err(|error| ServerError::PeerPort { name: "election", address: election, error })?))
}

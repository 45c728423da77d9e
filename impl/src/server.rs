//! A server as a whole: its threads and tasks, started and stopped together.
//!
//! ```no_run
//! let server = zabkeeper::Server::start(zabkeeper::ServerOptions::new("/var/lib/zookeeper"))?;
//! println!("serving at {}", server.address());
//! server.stop()?;
//! # Ok::<(), zabkeeper::ServerError>(())
//! ```

use crate::client::port::{ClientOptions, Service, Words};
use crate::disk::{
    DataDirectory, DiskError, EpochFiles, FileLog, LogOptions, OperatingSystem, RestoreOptions, Restored, restore,
};
use crate::node::journal::Journal;
use crate::node::{Handle, Incoming, Node, NodeError, NodeOptions};
use crate::shared::Shared;
use crate::wire::decode_transaction;
use std::fs::{File, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use zab::tree::{PrepareOptions, TreeOptions};
use zab::{Disk, Ensemble, History, ServerId};

/// How a server is set up. [`ServerOptions::new`] gives ZooKeeper's defaults.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Where snapshots and epochs are (`dataDir`).
    pub data: PathBuf,
    /// Where the log is (`dataLogDir`).
    pub logs: PathBuf,
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
    /// How the log is written.
    pub log: LogOptions,
    /// Of the tree.
    pub tree: TreeOptions,
    /// Of requests.
    pub prepare: PrepareOptions,
    /// Of connections.
    pub clients: ClientOptions,
}

impl ServerOptions {
    /// ZooKeeper's defaults, with everything in the directory `data`, on a free port of the loopback interface.
    pub fn new(data: impl Into<PathBuf>) -> ServerOptions {
        let data = data.into();
        ServerOptions {
            logs: data.clone(),
            data,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            tick: 3000,
            min_session_timeout: 6000,
            max_session_timeout: 60_000,
            snap_count: 100_000,
            log: LogOptions::default(),
            tree: TreeOptions::default(),
            prepare: PrepareOptions::default(),
            clients: ClientOptions {
                max_packet: 0xf_ffff,
                max_per_address: 60,
                max_connections: 0,
                outstanding_limit: 1000,
                super_digest: None,
            },
        }
    }
}

/// Why a server cannot start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The port.
    #[error("cannot listen at {address}: {error}")]
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
    /// It did not come to serve.
    #[error("the server did not begin to serve")]
    NotServing,
}

/// A running server: an ensemble of one.
pub struct Server {
    runtime: Runtime,
    address: SocketAddr,
    shared: Arc<Shared>,
    node: Handle,
    accepting: Option<tokio::task::JoinHandle<()>>,
    running: JoinHandle<Result<(), NodeError>>,
    journal: JoinHandle<()>,
    /// Held as long as the server may write.
    _locks: Vec<File>,
}

impl Server {
    /// Restores what the data directory holds, and serves clients when it returns.
    ///
    /// # Errors
    /// A directory that cannot be used or is damaged; a port that cannot be had.
    pub fn start(options: ServerOptions) -> Result<Server, ServerError> {
        let runtime = Builder::new_multi_thread().enable_all().thread_name("client").build()?;
        let address = options.address;
        let listener = runtime.block_on(TcpListener::bind(address));
        let listener = listener.map_err(|error| ServerError::Port { address, error })?;
        let address = listener.local_addr()?;

        let (directory, locks, restored) = open(&options)?;
        let epochs = EpochFiles::new(directory.files().clone(), directory.snapshot_directory());
        let last = restored.tree.last_zxid();
        let promised = epochs.recover(last)?;
        let log = FileLog::open(directory.files().clone(), directory.log_directory(), options.log)?;
        // Alone, this server is every quorum: whatever its log holds is committed.
        let history = History::from_snapshot(last);
        let disk = Disk { accepted_epoch: promised.accepted, current_epoch: promised.current, history };

        let shared = Arc::new(Shared::new(restored.tree));
        let (handle, inbox) = Node::channel();
        let (to_journal, commands) = std::sync::mpsc::channel();
        let node = handle.clone();
        let journal = Journal::new(directory.clone(), log, epochs);
        let journal = std::thread::Builder::new().name("journal".into()).spawn(move || {
            if let Err(error) = journal.run(&commands, |released| node.send(Incoming::Durable(released))) {
                node.send(Incoming::Failed(error.to_string()));
            }
        })?;
        let node_options = node_options(&options, &directory);
        let ensemble = Arc::new(Ensemble::majority([node_options.id], []).expect("an ensemble of one"));
        let channel = (handle.clone(), inbox);
        let node = Node::new(node_options, ensemble, &disk, shared.clone(), channel, to_journal);
        let running = std::thread::Builder::new().name("node".into()).spawn(move || node.run())?;

        let words: Arc<dyn Words> = Arc::new(crate::words::FourLetterWords::new(shared.clone()));
        let service = Arc::new(Service::new(shared.clone(), handle.clone(), options.clients, words));
        let (accepting, node) = (None, handle);
        let mut server = Server { runtime, address, shared, node, accepting, running, journal, _locks: locks };
        if let Err(error) = server.wait_until_serving() {
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

/// Keeps other servers out of these directories as long as the files live. A server that is killed leaves nothing that
/// would keep its successor out; Apache's servers know of no lock.
fn lock(directory: &DataDirectory) -> Result<Vec<File>, ServerError> {
    let mut paths = vec![directory.snapshot_directory(), directory.log_directory()];
    paths.dedup();
    let lock = |path: &Path| {
        let file = File::open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(ServerError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(ServerError::System(error)),
        }
    };
    paths.into_iter().map(lock).collect()
}

fn open(options: &ServerOptions) -> Result<(DataDirectory, Vec<File>, Restored), ServerError> {
    let directory = DataDirectory::new(Arc::new(OperatingSystem), &options.data, &options.logs);
    directory.create(true)?;
    let locks = lock(&directory)?;
    directory.prepare(true)?;
    let restore_options = RestoreOptions { tree: options.tree, ..RestoreOptions::default() };
    let restored = restore(&directory, &restore_options, |bytes| decode_transaction(bytes))?;
    if !restored.trusted {
        return Err(ServerError::Empty(options.data.clone()));
    }
    let report = &restored.report;
    tracing::info!(
        snapshot = report.snapshot.as_ref().map(|path| path.display().to_string()),
        transactions = report.transactions,
        znodes = restored.tree.node_count(),
        zxid = %restored.tree.last_zxid(),
        "restored in {:?}", report.snapshot_time + report.log_time
    );
    Ok((directory, locks, restored))
}

fn node_options(options: &ServerOptions, directory: &DataDirectory) -> NodeOptions {
    NodeOptions {
        id: ServerId(1),
        tick: options.tick,
        init_limit: 10,
        min_session_timeout: options.min_session_timeout,
        max_session_timeout: options.max_session_timeout,
        snap_count: options.snap_count,
        prepare: options.prepare,
        directory: directory.clone(),
    }
}

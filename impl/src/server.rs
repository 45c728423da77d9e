//! A server as a whole: its threads and tasks, started and stopped together.
//!
//! ```no_run
//! let server = zabkeeper::Server::start(zabkeeper::ServerOptions::new("/var/lib/zookeeper"))?;
//! println!("serving at {}", server.address());
//! server.stop()?;
//! # Ok::<(), zabkeeper::ServerError>(())
//! ```

mod options;
mod wiring;

pub use options::{OwnNetwork, ServerOptions};

use wiring::{batching, membership, network, node_options};

use crate::client_port::port::Service;
use crate::config::{Config, HostPort};
use crate::disk::{
    DataDirectory, DiskError, EpochFiles, FileLog, RestoreOptions, RestoreReport, Restored, RestoredBase, restore,
    restore_base,
};
use crate::ensemble::Place;
use crate::node::NodeError;
use crate::node::journal::Journal;
use crate::node::recorder::{self, Recorder};
use crate::node::{Beginning, Handle, Incoming, Node, ToJournal};
use crate::shared::Shared;
use crate::source::Source;
use crate::status::{Configuration, Measures, StatusSource};
use parking_lot::Mutex;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Builder, Runtime};
use zab::{Disk, History};

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
    runtime: Threads,
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
    /// Restores what the data directory holds. It waits for the disk, and may be called within an asynchronous function
    /// all the same: the server has threads of its own. Alone, it serves clients when this returns; one of an ensemble
    /// looks for the others, and serves when a leader is established ([`Server::is_serving`]).
    ///
    /// # Errors
    /// A directory that cannot be used or is damaged; a port that cannot be had.
    pub fn start(options: ServerOptions) -> Result<Server, ServerError> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.enable_all().worker_threads(workers()).thread_name("client").build()?;
        let address = options.address;
        let backlog = options.config.limits.client_port_listen_backlog;
        let runtime = Threads(Some(runtime));
        let inside = runtime.enter();
        let listener = listen(address, backlog);
        drop(inside);
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
        let journal = Arc::new(Mutex::new(journal.recorded(recorder)));
        let to_journal = ToJournal::new(to_journal, journal.clone(), !place.distributed);
        let journal = std::thread::Builder::new().name("journal".into()).spawn(move || {
            if let Err(error) = Journal::run(&journal, &commands, |durable| node.send(Incoming::Durable(durable))) {
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
        let source = Arc::new(Source::new(shared.clone(), configuration, directory, handle.clone()));
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

    /// Whether clients are served, and not only reads.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.shared.is_serving() && !self.shared.is_read_only()
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
        let mut threads = self.runtime;
        if let Some(runtime) = threads.0.take() {
            // On a thread that may wait, wherever this is called.
            let ending = std::thread::spawn(move || runtime.shutdown_timeout(Duration::from_millis(200)));
            let _ = ending.join();
        }
        Ok(ended?)
    }
}

/// The threads that serve clients. Dropped, they end by themselves: a server may be dropped within another runtime.
struct Threads(Option<Runtime>);

impl Deref for Threads {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        self.0.as_ref().expect("it is taken when the server ends")
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Begins to record this run, if the configuration says where.
fn record(config: &Config, place: &Place) -> io::Result<Option<(Recorder, JoinHandle<()>)>> {
    let begin = |folder: &PathBuf| {
        let begun = Recorder::begin(folder, place.id, place.ensemble.clone(), recorder::LIMIT);
        begun.map_err(|error| {
            io::Error::new(error.kind(), format!("the traces' directory {}: {error}", folder.display()))
        })
    };
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
    for why in &report.passed_over {
        tracing::warn!("this snapshot is passed over: {why}");
    }
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

//! The node: the one thread that owns the [`Peer`], prepares requests, applies transactions and answers writes.
//!
//! ```text
//!  connection ──Incoming──▶ NODE ──Command──▶ JOURNAL (disk)
//!      ▲                     │ ▲                   │
//!      └── Outbox ───────────┘ └──── Durable ──────┘
//! ```
//!
//! It adds no rule to the protocol: what happens is given to [`Peer::step`], and what that says is done
//! (module `perform`). A turn takes everything that has come, then hands the journal all its commands at once: so many
//! writes share one sync. When only a few requests wait in the whole server, and there is no other server, the node
//! waits for the disk itself (module `to_journal`).

mod clients;
pub mod inbox;
pub mod journal;
mod learner;
mod links;
mod measure;
pub mod network;
mod perform;
mod read_only;
mod recall;
pub mod recorder;
mod report;
mod schedule;
mod sessions;
mod timing;
mod to_journal;

pub use inbox::{Asking, Handle, Incoming, SnapshotAsker};
pub use network::{Alone, Network};
pub use recall::Recall;
pub use recorder::Recorder;
use recorder::Steps;
pub use schedule::SnapshotPolicy;
pub use timing::Timing;
pub use to_journal::ToJournal;

use crate::client_port::connection::Connection;
use crate::disk::{Compression, DataDirectory, Snapshot, ZxidDigest};
use crate::shared::Shared;
use clients::Client;
use journal::Command;
use learner::Forwarded;
use links::Links;
use perform::{Outstanding, Waiting};
use read_only::ReadOnly;
use schedule::SnapshotSchedule;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use timing::Clock;
use zab::tree::{Outlook, PrepareOptions, SessionIds, Sessions, Tree};
use zab::{Disk, Ensemble, Input, Peer, ServerId, Zxid};

/// How a node is set up.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// Who this server is.
    pub id: ServerId,
    /// How long waits last.
    pub timing: Timing,
    /// `minSessionTimeout` in milliseconds.
    pub min_session_timeout: i32,
    /// `maxSessionTimeout` in milliseconds.
    pub max_session_timeout: i32,
    /// When snapshots are taken.
    pub snapshots: SnapshotPolicy,
    /// How they are compressed (`snapshot.compression.method`).
    pub compression: Compression,
    /// Whether the closing of a session lists its ephemeral znodes in the log (`closeSessionTxn.enabled`); releases
    /// before 3.6 do not know such lists.
    pub close_session_paths: bool,
    /// How many transactions the core keeps at least, for learners that lag (`commitLogCount`).
    pub kept_transactions: usize,
    /// How the log on the disk is searched for learners that lag further.
    pub recall: Recall,
    /// How often containers and znodes with a time to live are looked at (`znode.container.checkIntervalMs`).
    pub collect_interval: Duration,
    /// How long a container that never had children stays; `None` for ever (`znode.container.maxNeverUsedIntervalMs`).
    pub max_never_used: Option<Duration>,
    /// How many may be deleted at each look: what `znode.container.maxPerMinute` comes to.
    pub collect_most: usize,
    /// Whether clients are served reads while no leader is known (`readonlymode.enabled`).
    pub read_only_mode: bool,
    /// What preparing requests depends on.
    pub prepare: PrepareOptions,
    /// Where snapshots go.
    pub directory: DataDirectory,
    /// What `/zookeeper/config` tells clients of the ensemble, if there are other servers.
    pub membership: Option<Membership>,
}

/// The list of servers as Java prints it, which every server writes into `/zookeeper/config` for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Lines `server.N=…`, the last one `version=…`.
    pub text: String,
    /// The list's version.
    pub version: Zxid,
}

impl Membership {
    /// Writes it into a tree that was read from the disk or came from a leader
    /// (`ZKDatabase.initConfigInZKDatabase`).
    pub fn write_into(&self, tree: &mut Tree) {
        tree.set_config(&self.text, self.version, crate::shared::wall_clock());
    }
}

/// The node.
pub struct Node {
    options: NodeOptions,
    peer: Peer,
    /// Where this run is recorded, if it is.
    steps: Option<Steps>,
    shared: Arc<Shared>,
    inbox: Receiver<Incoming>,
    handle: Handle,
    journal: ToJournal,
    /// What the journal is told at the end of this turn.
    commands: Vec<Command>,
    /// Connections whose replies wait, to be woken when the other replies of this step are there too.
    to_wake: Vec<Arc<Connection>>,
    outlook: Outlook,
    sessions: Sessions,
    ids: SessionIds,
    clients: HashMap<u64, Client>,
    /// The request of this server's own client that is being prepared in this step.
    preparing: Option<clients::Preparing>,
    /// The connections with other servers.
    links: Links,
    /// What this learner's clients asked, and the leader has not answered.
    forwarded: Forwarded,
    /// Until when the sessions' clients were heard that the leader was told of, in milliseconds of uptime.
    touched_until: u64,
    /// When this election began, or the last one.
    looking_since: Instant,
    /// While this server serves without a leader.
    read_only: Option<ReadOnly>,
    /// The snapshot that came with the SNAP that is being received in this step.
    received: Option<Box<Snapshot>>,
    /// Until the tree has come to this digest's transaction, it holds effects of later ones: no digest can be compared.
    awaited_digest: Option<ZxidDigest>,
    /// Proposed by this leader and not delivered yet, oldest first.
    outstanding: VecDeque<Outstanding>,
    /// Syncs that were asked and not answered, oldest first.
    syncs: VecDeque<(Waiting, i32, Option<String>)>,
    /// The last [`Waiting::ticket`] given.
    tickets: u64,
    clock: Clock,
    /// When the time of sessions is looked at next.
    next_expiry: Instant,
    /// When containers and times to live are looked at next.
    next_collection: Instant,
    schedule: SnapshotSchedule,
    snapshotting: bool,
    /// Who waits for the next snapshot.
    snapshot_askers: Vec<SnapshotAsker>,
    stopping: bool,
}

/// What a node begins with.
#[derive(Debug)]
pub struct Beginning {
    /// What the disk holds.
    pub disk: Disk,
    /// If the tree holds effects of transactions after its snapshot, the digest from which on it does not.
    pub awaited_digest: Option<ZxidDigest>,
    /// Where this run is recorded, if it is.
    pub recorder: Option<Recorder>,
}

/// Why a node ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// A thread of the server could not go on.
    #[error("{0}")]
    Failed(String),
    /// The protocol forbids to go on.
    #[error("{0}")]
    Halted(String),
}

/// So much is taken in before the journal is told: later requests wait for a disk that could work already.
const TURN: usize = 2048;

/// While clients wait for no more requests than these, the node does by itself what other threads do otherwise: waits
/// for the disk and sends replies. Nothing is left undone meanwhile, and every thread less on the way of a request is a
/// wait less for a processor.
const FEW: usize = 4;

impl Node {
    /// A node on what the disk holds, which begins to look for a leader at once.
    pub fn new(
        options: NodeOptions,
        ensemble: Arc<Ensemble>,
        beginning: &Beginning,
        shared: Arc<Shared>,
        (handle, inbox): (Handle, Receiver<Incoming>),
        journal: ToJournal,
        network: Box<dyn Network>,
    ) -> Node {
        let mut outputs = Vec::new();
        let peer = Peer::recover(options.id, ensemble, &beginning.disk, &mut outputs);
        if let Some(recorder) = &beginning.recorder {
            recorder.recovered(&beginning.disk, &outputs);
        }
        let wall_clock = u64::try_from(shared.time.wall_clock()).unwrap_or_default();
        let now = shared.time.now();
        let mut node = Node {
            sessions: Sessions::new(options.timing.tick),
            ids: SessionIds::new(options.id, wall_clock),
            next_expiry: now + Duration::from_millis(options.timing.tick),
            next_collection: now + options.collect_interval,
            schedule: SnapshotSchedule::new(options.snapshots),
            options,
            peer,
            steps: beginning.recorder.clone().map(Steps::new),
            shared,
            inbox,
            handle,
            journal,
            commands: Vec::new(),
            to_wake: Vec::new(),
            outlook: Outlook::default(),
            clients: HashMap::new(),
            preparing: None,
            links: Links::new(network),
            forwarded: Forwarded::default(),
            touched_until: 0,
            looking_since: now,
            read_only: None,
            received: None,
            awaited_digest: beginning.awaited_digest,
            outstanding: VecDeque::new(),
            syncs: VecDeque::new(),
            tickets: 0,
            clock: Clock::default(),
            snapshotting: false,
            snapshot_askers: Vec::new(),
            stopping: false,
        };
        node.note_beginning();
        node.perform(outputs);
        node
    }

    /// How others reach this node.
    #[must_use]
    pub fn channel() -> (Handle, Receiver<Incoming>) {
        let (sender, receiver) = std::sync::mpsc::channel();
        (Handle::new(sender), receiver)
    }

    /// Runs until it is told to stop.
    ///
    /// # Errors
    /// When the disk fails, or the protocol forbids to go on.
    pub fn run(mut self) -> Result<(), NodeError> {
        loop {
            self.hand_over()?;
            if self.stopping && self.outstanding.is_empty() && self.syncs.is_empty() {
                return Ok(());
            }
            let wait = self.deadline().saturating_duration_since(Instant::now());
            match self.inbox.recv_timeout(wait) {
                Ok(incoming) => self.take(incoming)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.take_waiting(TURN - 1)?;
            self.keep_time();
        }
    }

    /// For whoever drives a node step by step, in place of [`Node::run`]: takes all that has come, and hands the
    /// journal what follows from it. Nothing is waited for, and no time passes.
    ///
    /// # Errors
    /// As [`Node::run`].
    pub fn turn(&mut self) -> Result<(), NodeError> {
        let taken = self.take_waiting(usize::MAX);
        taken.and(self.hand_over())
    }

    /// For whoever drives a node step by step: what no [`Incoming`] brings, the end of a wait and the choice of an
    /// election that is held elsewhere.
    ///
    /// # Errors
    /// As [`Node::run`].
    pub fn drive(&mut self, input: Input) -> Result<(), NodeError> {
        self.step(input);
        self.hand_over()
    }

    /// For whoever plays the time of a node: does what its clocks call for now.
    ///
    /// # Errors
    /// As [`Node::run`].
    pub fn pass_time(&mut self) -> Result<(), NodeError> {
        self.keep_time();
        self.hand_over()
    }

    /// The protocol's state.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    fn take_waiting(&mut self, most: usize) -> Result<(), NodeError> {
        for _ in 0..most {
            let Ok(incoming) = self.inbox.try_recv() else { break };
            self.take(incoming)?;
        }
        Ok(())
    }

    fn take(&mut self, incoming: Incoming) -> Result<(), NodeError> {
        match incoming {
            Incoming::Connect(connection, request) => self.connect(connection, &request),
            Incoming::Requests(asked) => asked.into_iter().for_each(|asking| self.request(asking)),
            Incoming::Gone(connection) => self.gone(&connection),
            Incoming::Durable(durable) => {
                self.journal.came_back(durable.turns);
                durable.released.into_iter().for_each(|release| self.on_released(release));
            }
            Incoming::Link(event) => self.on_link(event),
            Incoming::Snapshotted(zxid) => {
                self.snapshotting = false;
                self.step(Input::Snapshotted(self.forgotten(zxid)));
                self.snapshot_when_due();
            }
            Incoming::Snapshot(asker) => {
                self.snapshot_askers.push(asker);
                self.snapshot_when_due();
            }
            Incoming::NotSnapshotted => {
                self.snapshotting = false;
                self.snapshot_when_due();
            }
            Incoming::Recalled(learner, history) => self.step(Input::Recalled(learner, history)),
            Incoming::Failed(why) => return Err(NodeError::Failed(why)),
            Incoming::Expire(session) => self.expire(session),
            Incoming::Stop => self.stopping = true,
        }
        Ok(())
    }

    /// Up to where the core may forget its log when there is a snapshot at `snapshot`: it keeps some of what is in the
    /// snapshot, and brings a learner that lags no more than that by DIFF.
    fn forgotten(&self, snapshot: Zxid) -> Zxid {
        let log = self.peer.memory.history.log();
        let kept = log.len().checked_sub(self.options.kept_transactions + 1);
        kept.map_or(self.peer.memory.history.snapshot(), |last| log[last].zxid.min(snapshot))
    }

    /// Something happens to the peer.
    fn step(&mut self, input: Input) {
        let mut outputs = Vec::new();
        if let Some(steps) = &mut self.steps {
            steps.begin(&input);
        }
        self.peer.step(input, &mut outputs);
        if let Some(steps) = &mut self.steps {
            steps.end(&outputs);
        }
        self.perform(outputs);
    }

    fn hand_over(&mut self) -> Result<(), NodeError> {
        self.wake();
        loop {
            self.steps.iter_mut().for_each(Steps::publish);
            let commands = std::mem::take(&mut self.commands);
            if commands.is_empty() {
                return Ok(());
            }
            if !self.few_wait() {
                self.journal.send(commands);
                continue;
            }
            match self.journal.write(commands) {
                Ok(released) => {
                    let released = released.map_err(|error| NodeError::Failed(error.to_string()))?;
                    released.into_iter().for_each(|release| self.on_released(release));
                    self.wake();
                }
                Err(commands) => self.journal.send(commands),
            }
        }
    }

    /// Whether clients wait for [`FEW`] requests at most, as far as this node answers them.
    fn few_wait(&self) -> bool {
        self.shared.counters.outstanding.load(Ordering::Relaxed) <= FEW
    }

    /// Lets connections send what they were given.
    fn wake(&mut self) {
        let few = self.few_wait();
        for connection in self.to_wake.drain(..) {
            if few {
                connection.outbox.send();
            } else {
                connection.outbox.wake();
            }
        }
    }

    // ---- Time -----------------------------------------------------------------------------------------------------

    /// When time alone lets this node do something next.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        let waits = self.clock.next().into_iter().chain(self.read_only_due());
        waits.chain([self.next_expiry, self.next_collection]).min().unwrap_or(self.next_expiry)
    }

    fn keep_time(&mut self) {
        let now = self.shared.time.now();
        while let Some(timer) = self.clock.due(now) {
            self.step(Input::Timeout(timer));
        }
        if now >= self.next_expiry {
            self.next_expiry = now + Duration::from_millis(self.options.timing.tick);
            self.expire_sessions();
            self.expire_read_only();
        }
        if self.read_only_due().is_some_and(|due| now >= due) {
            self.begin_read_only();
        }
        if now >= self.next_collection {
            self.next_collection = now + self.options.collect_interval;
            self.collect();
        }
    }
}

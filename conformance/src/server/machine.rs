//! One server: its files, and while it is up its node and its journal, driven step by step.

use super::files::{self, Found, LOG, Medium, SESSIONS, Storage};
use super::network::Wires;
use super::translation;
use model::world::Queued;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use zab::trace::{Event, Line};
use zab::tree::session::password;
use zab::tree::{PrepareOptions, SessionId, Tree};
use zab::{Disk, Ensemble, Input, Message, Output, Peer, Request, ServerId, Txn, Write, Zxid};
use zabkeeper::client_port::connection::Connection;
use zabkeeper::disk::{Compression, DataDirectory, DiskError, EpochFiles, FileLog, write_snapshot};
use zabkeeper::link::LinkEvent;
use zabkeeper::node::journal::{Batching, Command, Durable, Journal, Release, Route};
use zabkeeper::node::{
    Asking, Beginning, Handle, Incoming, Node, NodeOptions, Recall, Recorder, SnapshotPolicy, Timing, ToJournal,
};
use zabkeeper::shared::Shared;
use zabkeeper::wire::{ClientRequest, ConnectRequest};

/// A server.
pub struct Machine {
    id: ServerId,
    storage: Storage,
    running: Option<Running>,
    /// What the files held when they were read last; they are read again after a write.
    found: Option<(Disk, Vec<Txn>)>,
}

/// A server that is up.
struct Running {
    id: ServerId,
    directory: DataDirectory,
    node: Node,
    handle: Handle,
    shared: Arc<Shared>,
    journal: Journal,
    commands: Receiver<Vec<Command>>,
    /// What waits for the disk.
    queue: VecDeque<Command>,
    /// What the disk has released since the node heard of it last: several writes may become durable at one moment.
    released: Vec<Release>,
    recorded: Receiver<Line>,
    /// What it did and was not asked about yet.
    events: VecDeque<Event>,
    /// Snapshots that were taken and are not on the disk yet.
    snapshots: Vec<Tree>,
    /// Connections of clients: each asks once.
    clients: u64,
    /// It told that it cannot go on.
    halted: bool,
    /// How often it forgot what waited for the disk on the way to itself.
    forgot: u64,
}

type Told<T = ()> = Result<T, String>;

impl Machine {
    /// A server whose disk is this, of which the snapshot stands for these transactions.
    pub fn new(id: ServerId, medium: Medium, disk: &Disk, snapshot: &[Txn]) -> Told<Machine> {
        let storage = Storage::new(medium)?;
        files::write(&storage.directory(), disk, snapshot).map_err(told)?;
        Ok(Machine { id, storage, running: None, found: None })
    }

    /// Starts on what the files hold.
    pub fn start(&mut self, ensemble: &Arc<Ensemble>, wires: &Wires) -> Told {
        self.found = None;
        let running = Running::start(self.id, self.storage.directory(), ensemble.clone(), wires);
        self.running = Some(running.map_err(told)?);
        self.up()?.turn()
    }

    /// Stops at once.
    pub fn crash(&mut self) {
        (self.running, self.found) = (None, None);
        self.storage.crash();
    }

    /// Makes the oldest write durable. What waited for it leaves when the server [catches up](Machine::catch_up).
    pub fn flush(&mut self) -> Told {
        self.found = None;
        self.up()?.flush()
    }

    /// Lets the node hear of all that is durable.
    pub fn catch_up(&mut self) -> Told {
        self.running.as_mut().map_or(Ok(()), Running::catch_up)
    }

    /// Gives the server something from outside. Whether the protocol hears of it: of some things the server does not
    /// tell it, so it must not care.
    pub fn give(&mut self, input: &Input, wires: &Wires) -> Told<bool> {
        self.up()?.give(input, wires)
    }

    /// The next event that it recorded.
    pub fn next_event(&mut self) -> Option<Event> {
        let running = self.running.as_mut()?;
        running.listen();
        running.events.pop_front()
    }

    /// Whether it did something that nobody asked about.
    pub fn is_ahead(&mut self) -> bool {
        self.running.as_mut().is_some_and(|running| {
            running.listen();
            !running.events.is_empty()
        })
    }

    /// Its memory.
    pub fn peer(&self) -> Option<&Peer> {
        self.running.as_ref().map(|running| running.node.peer())
    }

    /// What its state machine holds; nothing while it is down.
    pub fn delivered(&self) -> Vec<Txn> {
        self.running.as_ref().map_or(Vec::new(), |running| translation::delivered(&running.shared.tree.read()))
    }

    /// How far its state machine is.
    pub fn last_applied(&self) -> Option<Zxid> {
        self.running.as_ref().map(|running| running.shared.tree.read().last_zxid())
    }

    /// What waits for the disk, in the model's words; of snapshots not what they stand for. Messages whose way is gone
    /// will be forgotten when they come back from the disk, and are not counted.
    pub fn queue(&self, wires: &Wires) -> Vec<Queued> {
        let Some(running) = &self.running else { return Vec::new() };
        let queued = |command: &Command| match command {
            Command::Write(write) => Some(Queued::Write(translation::write(write))),
            Command::Release(release) if running.leads_somewhere(release.route, wires) => {
                Some(Queued::Send(release.to, translation::message(&release.message)))
            }
            Command::Release(_) | Command::Replace(_) | Command::Roll => None,
        };
        running.queue.iter().filter_map(queued).collect()
    }

    /// What its files hold, in the model's words: the disk, and what the snapshot stands for.
    pub fn disk(&mut self) -> Told<&(Disk, Vec<Txn>)> {
        if self.found.is_none() {
            let Found { base, disk } = files::read(&self.storage.directory()).map_err(told)?;
            self.found = Some((translation::disk(&disk), translation::delivered(&base.tree)));
        }
        self.found.as_ref().ok_or_else(|| "it was read".to_owned())
    }

    fn up(&mut self) -> Told<&mut Running> {
        self.running.as_mut().ok_or_else(|| format!("{} is down", self.id))
    }
}

impl Running {
    /// As `Server::start` does it, without ports and threads.
    fn start(
        id: ServerId,
        directory: DataDirectory,
        ensemble: Arc<Ensemble>,
        wires: &Wires,
    ) -> Result<Running, DiskError> {
        directory.create(true)?;
        directory.prepare(true)?;
        let Found { base, mut disk } = files::read(&directory)?;
        let epochs = EpochFiles::new(directory.files().clone(), directory.snapshot_directory());
        let promised = epochs.recover(disk.history.last())?;
        (disk.accepted_epoch, disk.current_epoch) = (promised.accepted, promised.current);
        let log = FileLog::open(directory.files().clone(), directory.log_directory(), LOG)?;
        let (recorder, recorded) = Recorder::listening(id);
        let shared = Arc::new(Shared::new(base.tree));
        let (handle, inbox) = Node::channel();
        let (to_journal, commands) = std::sync::mpsc::channel();
        let batching = Batching { most: usize::MAX, delay: Duration::ZERO, slow: Duration::MAX };
        let journal = Journal::new(directory.clone(), log, epochs, batching, shared.clone());
        let journal = journal.recorded(Some(recorder.clone()));
        let beginning = Beginning { disk, awaited_digest: base.awaited_digest, recorder: Some(recorder) };
        let channel = (handle.clone(), inbox);
        let node_options = node_options(id, &directory);
        let to_journal = ToJournal::by_thread(to_journal);
        let node = Node::new(node_options, ensemble, &beginning, shared.clone(), channel, to_journal, wires.port(id));
        let (queue, released, events, snapshots) = Default::default();
        let (clients, halted, forgot) = Default::default();
        Ok(Running {
            id,
            directory,
            node,
            handle,
            shared,
            journal,
            commands,
            queue,
            released,
            recorded,
            events,
            snapshots,
            clients,
            halted,
            forgot,
        })
    }

    fn listen(&mut self) {
        for line in self.recorded.try_iter() {
            if let Event::Stepped { outputs, .. } = &line.event {
                let forgets = |output: &&Output| **output == Output::Disconnect(self.id);
                self.forgot += outputs.iter().filter(forgets).count() as u64;
            }
            self.events.push_back(line.event);
        }
    }

    fn leads_somewhere(&self, route: Route, wires: &Wires) -> bool {
        match route {
            Route::Own(count) => count == self.forgot,
            Route::Election => true,
            Route::Connection(connection) => wires.is_open(connection, self.id),
        }
    }

    /// Lets the node take what has come, and the disk release what waits for nothing.
    fn turn(&mut self) -> Told {
        loop {
            if let Err(error) = self.node.turn() {
                self.listen();
                let halts = |event: &Event| match event {
                    Event::Stepped { outputs, .. } => outputs.iter().any(|output| matches!(output, Output::Halt(_))),
                    _ => false,
                };
                self.halted |= self.events.iter().any(halts);
                return if self.halted { Ok(()) } else { Err(format!("{} cannot go on: {error}", self.id)) };
            }
            self.queue.extend(self.commands.try_iter().flatten());
            let free: Vec<Command> = self.queue.drain(..self.without_writes()).collect();
            if free.is_empty() {
                return Ok(());
            }
            let released = self.journal.settle(free).map_err(told)?;
            self.hand_back(released);
        }
    }

    /// How many of the oldest commands wait for no write.
    fn without_writes(&self) -> usize {
        let is_free = |command: &&Command| !matches!(command, Command::Write(_) | Command::Replace(_));
        self.queue.iter().take_while(is_free).count()
    }

    /// The node gets back what the disk has released. What goes to others leaves first, as in the model: what the
    /// server says to itself may end their connections. (The server's own journal keeps the order in which all of it
    /// was queued, so that such messages are lost with their connection; the model can lose them as well, later.)
    fn hand_back(&self, released: Vec<Release>) {
        let (own, others) = released.into_iter().partition(|release| release.to == self.id);
        self.handle.send(Incoming::Durable(Durable { turns: 1, released: others }));
        self.handle.send(Incoming::Durable(Durable { turns: 0, released: own }));
    }

    /// The disk has come to the end of what is durable at one moment.
    fn catch_up(&mut self) -> Told {
        if self.released.is_empty() {
            return Ok(());
        }
        let released = std::mem::take(&mut self.released);
        self.hand_back(released);
        self.turn()
    }

    fn flush(&mut self) -> Told {
        let is_write = |command: &Command| matches!(command, Command::Write(_));
        let place =
            self.queue.iter().position(is_write).ok_or_else(|| format!("nothing waits for {}'s disk", self.id))?;
        let mut commands: Vec<Command> = self.queue.drain(..=place).collect();
        // The tree of a leader's SNAP belongs to its write.
        let trees = self.queue.iter().take_while(|command| matches!(command, Command::Replace(_))).count();
        commands.extend(self.queue.drain(..trees));
        commands.extend(self.queue.drain(..self.without_writes()));
        for command in &commands {
            if let Command::Write(Write::Snapshot(zxid)) = command {
                self.keep(*zxid)?;
            }
        }
        let released = self.journal.settle(commands).map_err(told)?;
        self.released.extend(released);
        Ok(())
    }

    /// A snapshot's file is there as soon as the model calls it durable.
    fn keep(&mut self, zxid: Zxid) -> Told {
        let place = self.snapshots.iter().position(|tree| tree.last_zxid() == zxid);
        let place = place.ok_or_else(|| format!("{} took no snapshot at {zxid}", self.id))?;
        let tree = self.snapshots.remove(place);
        let (files, folder) = (self.directory.files(), self.directory.snapshot_directory());
        write_snapshot(&**files, folder, &tree, Compression::Plain).map_err(told)?;
        Ok(())
    }

    fn give(&mut self, input: &Input, wires: &Wires) -> Told<bool> {
        let incoming = match input {
            Input::Timeout(_) | Input::Elected(_) => {
                // What it cannot go on with, it says at its next turn as well.
                let _ = self.node.drive(input.clone());
                return self.turn().map(|()| true);
            }
            Input::Receive(from, message) => Incoming::Link(self.arrival(*from, message, wires)?),
            Input::Connected(peer) => {
                let connection = wires.open(self.id, *peer);
                let connection = connection.ok_or_else(|| format!("{} did not ask to be connected", self.id))?;
                Incoming::Link(LinkEvent::Opened { connection, peer: *peer })
            }
            Input::Disconnected(peer) => match wires.notice(self.id, *peer) {
                Some(Some(connection)) => Incoming::Link(LinkEvent::Closed { connection, peer: *peer }),
                // A connection on which nothing came yet is not known to the leader.
                Some(None) => return Ok(false),
                None if wires.refuse(self.id, *peer) => Incoming::Link(LinkEvent::Refused { peer: *peer }),
                None => return Err(format!("{} has no connection with {peer}", self.id)),
            },
            Input::Request(Request::Write(payload)) => {
                // No two ask the same, so no two use the same session.
                let session = payload.0.first().map_or(0, |number| number % (SESSIONS - 1)) + 1;
                self.asking(session, ClientRequest::Write(translation::change(payload)))
            }
            Input::Request(Request::Sync(_)) => {
                self.asking(SESSIONS, ClientRequest::Sync { path: Some("/".to_owned()) })
            }
            // Who does not serve refuses the client.
            Input::Revalidate(_) if !self.shared.is_serving() => return Ok(false),
            Input::Revalidate(_) => {
                let client = self.client();
                Incoming::Connect(client, moved_session())
            }
            Input::Snapshotted(zxid) => {
                self.snapshots.push(self.shared.tree.read().clone());
                self.queue.push_back(Command::Roll);
                Incoming::Snapshotted(*zxid)
            }
            Input::Recalled(learner, older) if older.log().is_empty() => Incoming::Recalled(*learner, older.clone()),
            Input::Recalled(learner, older) => {
                Incoming::Recalled(*learner, files::recall(&self.directory, older).map_err(told)?)
            }
            // There is no zxid for it.
            Input::Propose(_) if self.node.peer().next_zxid().is_none() => return Ok(false),
            Input::Propose(_) | Input::Revalidated(..) => {
                return Err(format!("{} did not `{input}` by itself", self.id));
            }
        };
        self.handle.send(incoming);
        self.turn().map(|()| true)
    }

    fn arrival(&self, from: ServerId, message: &Message, wires: &Wires) -> Told<LinkEvent> {
        let id = self.id;
        if let Message::Notification(notification) = message {
            let heard = wires.hear(from, id, notification);
            let lost = || format!("{from} did not send {message} to {id}");
            return if heard { Ok(LinkEvent::Notification(from, *notification)) } else { Err(lost()) };
        }
        if from == id {
            return Err(format!("{id}'s disk did not release {message} to itself"));
        }
        let (connection, packet) =
            wires.receive(id, from).ok_or_else(|| format!("{from} sent nothing to {id}; expected is {message}"))?;
        Ok(LinkEvent::Packet { connection, peer: from, packet })
    }

    fn asking(&mut self, session: u8, request: ClientRequest) -> Incoming {
        let connection = self.client();
        connection.begin_session(SessionId(session.into()), 10_000);
        connection.forwarded.fetch_add(1, Ordering::Relaxed);
        let xid = i32::try_from(self.clients).unwrap_or(i32::MAX);
        Incoming::Requests(vec![Asking { connection, xid, request, since: Instant::now() }])
    }

    fn client(&mut self) -> Arc<Connection> {
        self.clients += 1;
        Arc::new(Connection::new(self.clients, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), 0))
    }
}

/// A client that had its session elsewhere.
fn moved_session() -> ConnectRequest {
    let session = SessionId(SESSIONS.into());
    ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: Zxid::ZERO,
        timeout: 10_000,
        session,
        password: Some(password(session).to_vec().into()),
        read_only: None,
    }
}

fn node_options(id: ServerId, directory: &DataDirectory) -> NodeOptions {
    NodeOptions {
        id,
        timing: Timing::default(),
        min_session_timeout: 4_000,
        max_session_timeout: 40_000,
        // They are taken when the story says so.
        snapshots: SnapshotPolicy { count: u64::MAX, size: 0, spread: false },
        compression: Compression::Plain,
        close_session_paths: true,
        kept_transactions: 0,
        recall: Recall::Driven,
        collect_interval: Duration::from_secs(60),
        max_never_used: None,
        collect_most: 0,
        read_only_mode: false,
        prepare: PrepareOptions::default(),
        directory: directory.clone(),
        membership: None,
    }
}

fn told(error: DiskError) -> String {
    error.to_string()
}

//! One server: its disk, and while it is up its node and its journal, as `Server::start` puts them together, without
//! threads.

use super::port::Port;
use super::running::{Running, calendar, told, writes};
use super::{Defect, TICK};
use crate::recording::{Entry, Place};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use zab::trace::{Event, Line};
use zab::tree::PrepareOptions;
use zab::{Disk, Ensemble, ServerId, Write};
use zabkeeper::disk::{
    Compression, DataDirectory, EpochFiles, FileLog, LogOptions, RestoreOptions, SimulatedDisk, SizeFactor,
    restore_base,
};
use zabkeeper::node::journal::{Batching, Command, Journal, Release};
use zabkeeper::node::{Beginning, Node, NodeOptions, Recall, Recorder, SnapshotPolicy, Timing, ToJournal};
use zabkeeper::shared::Shared;
use zabkeeper::time_source::{SetTime, TimeSource};

/// A server, up or down.
pub(super) struct Member {
    pub id: ServerId,
    disk: SimulatedDisk,
    pub running: Option<Running>,
    /// Counts its starts.
    pub run: u64,
    /// Until when it stands still.
    pub frozen: u64,
    /// How far its calendar is wrong, in milliseconds.
    pub calendar: i64,
    /// How many times as long a sync takes.
    pub slow: u64,
    /// Its disk is full, and it has stopped.
    pub stopped: bool,
    /// Whether the disk's room is limited.
    limited: bool,
    /// What it recorded.
    pub entries: Vec<Entry>,
    file: Arc<Path>,
    /// What was recorded as durable.
    durable: Disk,
    /// What was on its way to the disk when it crashed.
    torn: Vec<Write>,
}

impl Member {
    pub(super) fn new(id: ServerId, seed: u64) -> Member {
        let file: Arc<Path> = Path::new(&format!("seed-{seed}/server-{}", id.0)).into();
        let (disk, stopped, limited, entries, durable, torn) = Default::default();
        Member {
            id,
            disk,
            running: None,
            run: 0,
            frozen: 0,
            calendar: 0,
            slow: 1,
            stopped,
            limited,
            entries,
            file,
            durable,
            torn,
        }
    }

    fn record(&mut self, event: Event) {
        let place = Place { file: self.file.clone(), line: self.entries.len() + 1 };
        self.entries.push(Entry { event, place });
    }

    /// Takes over what was recorded.
    pub(super) fn listen(&mut self) {
        let Some(running) = &self.running else { return };
        let lines: Vec<Line> = running.recorded.try_iter().collect();
        for line in lines {
            if let Event::Flushed { write, .. } = &line.event {
                self.durable.apply(write);
            }
            self.record(line.event);
        }
    }

    /// Nothing more than so many bytes has room on the disk from now on.
    pub(super) fn leave_room(&mut self, bytes: Option<u64>) {
        self.limited = bytes.is_some();
        self.disk.set_capacity(bytes.map(|bytes| self.disk.used() + bytes));
    }

    /// Whether the disk may fail because it is full.
    pub(super) fn lacks_room(&self) -> bool {
        self.limited
    }

    // ---- Up and down ----------------------------------------------------------------------------------------------

    /// Starts on what the disk holds.
    ///
    /// # Errors
    /// A disk that holds something else than what was durable with a beginning of what was on its way there.
    pub(super) fn start(&mut self, ensemble: &Arc<Ensemble>, now: u64) -> Result<(), String> {
        let directory = DataDirectory::new(Arc::new(self.disk.mounted()), Path::new("/data"), Path::new("/data"));
        directory.create(true).map_err(told)?;
        directory.prepare(true).map_err(told)?;
        let base = restore_base(&directory, &RestoreOptions::default()).map_err(told)?;
        let epochs = EpochFiles::new(directory.files().clone(), directory.snapshot_directory());
        let promised = epochs.recover(base.history.last()).map_err(told)?;
        let (accepted_epoch, current_epoch) = (promised.accepted, promised.current);
        let disk = Disk { accepted_epoch, current_epoch, history: base.history };
        let log = LogOptions { preallocation: 0, size_limit: None, sync: true };
        let log = FileLog::open(directory.files().clone(), directory.log_directory(), log).map_err(told)?;
        self.survive(&disk)?;
        let (recorder, recorded) = Recorder::listening(self.id);
        let time = Arc::new(SetTime::new(0));
        time.set(0, calendar(now, self.calendar));
        let shared = Arc::new(Shared::in_time(base.tree, TimeSource::Set(time.clone())));
        let (handle, inbox) = Node::channel();
        let (to_journal, commands) = std::sync::mpsc::channel();
        let batching = Batching { most: usize::MAX, delay: Duration::ZERO, slow: Duration::MAX };
        let journal = Journal::new(directory.clone(), log, epochs, batching, shared.clone());
        let journal = journal.recorded(Some(recorder.clone()));
        let beginning = Beginning { disk, awaited_digest: base.awaited_digest, recorder: Some(recorder.clone()) };
        let asked = Arc::new(Mutex::new(VecDeque::new()));
        let (channel, to_journal) = ((handle.clone(), inbox), ToJournal::by_thread(to_journal));
        let (options, port) = (node_options(self.id, &directory), Box::new(Port(asked.clone())));
        let node = Node::new(options, ensemble.clone(), &beginning, shared.clone(), channel, to_journal, port);
        self.run += 1;
        let (connections, waiting) = Default::default();
        let (booted, ahead, wake, snapshot, group) = (now, 0, None, None, None);
        self.running = Some(Running {
            node,
            handle,
            shared,
            time,
            booted,
            ahead,
            wake,
            asked,
            connections,
            snapshot,
            directory,
            journal,
            commands,
            waiting,
            group,
            recorder,
            recorded,
        });
        Ok(())
    }

    /// Compares what is found with what should be, and records what became durable while nobody was there to hear it.
    fn survive(&mut self, found: &Disk) -> Result<(), String> {
        let mut torn = std::mem::take(&mut self.torn).into_iter();
        while !is_same(&self.durable, found) {
            let Some(write) = torn.next() else {
                let (id, durable) = (self.id, &self.durable);
                return Err(format!("{id} finds on its disk what was not written there\n  {found:?}\n  {durable:?}"));
            };
            self.durable.apply(&write);
            self.record(Event::Flushed { count: 1, write });
        }
        if self.run > 0 {
            self.record(Event::Crashed);
        }
        self.durable = found.clone();
        Ok(())
    }

    /// Ends at once. What the disk is at is done up to some operation. Then, if power is lost, `choose` says what is
    /// left of what was not synced.
    pub(super) fn crash(&mut self, power: bool, choose: &mut dyn FnMut(usize) -> usize) {
        self.listen();
        let Some(mut running) = self.running.take() else { return };
        if running.snapshot.is_some() {
            self.disk.cut_power_at(self.disk.operations() + choose(30) as u64);
            // It is on the disk, or a part of it that nobody must take for a snapshot.
            let _ = running.end_snapshot();
        }
        if let Some(group) = running.group.take() {
            self.torn = writes(&group);
            let commands: Vec<Command> = group.into_iter().flatten().collect();
            self.disk.cut_power_at(self.disk.operations() + choose(4 + 2 * commands.len()) as u64);
            // It does not get to the end, or nobody hears that it did.
            let _ = running.journal.settle(commands);
            self.running = Some(running);
            self.forget_recorded();
            self.running = None;
        }
        self.disk.crash(&mut |most| if power { choose(most) } else { most });
    }

    /// Of what was on its way to the disk, some may have been recorded as durable.
    fn forget_recorded(&mut self) {
        let before = self.entries.len();
        self.listen();
        let known = self.entries.len() - before;
        self.torn.drain(..known.min(self.torn.len()));
    }

    /// The disk is done. How many turns, and what waited for them; nothing when there was no room for them.
    ///
    /// # Errors
    /// A disk that fails, although there is room.
    pub(super) fn end_group(&mut self, defect: Option<Defect>) -> Result<Option<(usize, Vec<Release>)>, String> {
        let Some(running) = &mut self.running else { return Ok(None) };
        let writing = if self.limited { writes(running.group.as_deref().unwrap_or_default()) } else { Vec::new() };
        match running.end_group(defect) {
            Err(_) if self.limited => {
                self.torn = writing;
                self.forget_recorded();
                Ok(None)
            }
            done => done.map(Some),
        }
    }

    /// What its files hold, if they are not what was recorded.
    ///
    /// # Errors
    /// With a sentence.
    pub(super) fn inspect(&mut self) -> Result<(), String> {
        self.listen();
        let Some(running) = &self.running else { return Ok(()) };
        let base = restore_base(&running.directory, &RestoreOptions::default()).map_err(told)?;
        let epochs = EpochFiles::new(running.directory.files().clone(), running.directory.snapshot_directory());
        let (accepted, current) = epochs.read().map_err(told)?;
        let (accepted_epoch, current_epoch) = (accepted.unwrap_or_default(), current.unwrap_or_default());
        let found = Disk { accepted_epoch, current_epoch, history: base.history };
        let (id, durable) = (self.id, &self.durable);
        if is_same(durable, &found) {
            return Ok(());
        }
        Err(format!("{id}'s disk does not hold what was written there\n  {found:?}\n  {durable:?}"))
    }
}

/// As far as it can be told from outside: a snapshot may be there that the protocol has not heard of, and hold what was
/// committed and did not come to this server's log.
fn is_same(durable: &Disk, found: &Disk) -> bool {
    let (last, snapshot) = (found.history.last(), found.history.snapshot());
    let from = durable.history.snapshot().max(snapshot);
    (durable.accepted_epoch, durable.current_epoch) == (found.accepted_epoch, found.current_epoch)
        && (durable.history.last() == last || durable.history.last() < snapshot && snapshot == last)
        && durable.history.after(from) == found.history.after(from)
}

fn node_options(id: ServerId, directory: &DataDirectory) -> NodeOptions {
    NodeOptions {
        id,
        timing: Timing { tick: TICK, ..Timing::default() },
        min_session_timeout: 2 * TICK as i32,
        max_session_timeout: 20 * TICK as i32,
        // They are taken when the schedule says so: the node itself takes them on a thread of its own.
        snapshots: SnapshotPolicy { count: u64::MAX, size: 0, spread: false },
        compression: Compression::Plain,
        close_session_paths: true,
        // Few, so that learners that lag are brought by SNAP now and then; or from the log on the disk, which some
        // servers look through, and others do not.
        kept_transactions: 4,
        recall: if id.0.is_multiple_of(2) { Recall::AtOnce(SizeFactor(0)) } else { Recall::Never },
        collect_interval: Duration::from_secs(60),
        max_never_used: None,
        collect_most: 0,
        read_only_mode: false,
        prepare: PrepareOptions::default(),
        directory: directory.clone(),
        membership: None,
    }
}

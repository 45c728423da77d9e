//! Doing what the core says.

use super::clients::Preparing;
use super::journal::Command;
use super::{Incoming, Node};
use crate::client_port::reads::encode_notification;
use crate::disk::{ZxidDigest, write_snapshot};
use crate::shared::wall_clock;
use crate::wire::{decode_transaction, encode_transaction};
use bytes::Bytes;
use std::sync::atomic::Ordering;
use std::time::Instant;
use zab::tree::{Applied, Asked, Notification, Record, SessionId, Transaction, Tree, prepare};
use zab::{Halt, Input, Output, Payload, Request, Role, ServerId, Txn, Write, Zxid};

/// A transaction that this leader has proposed.
pub(super) struct Outstanding {
    zxid: Zxid,
    transaction: Transaction,
    waiting: Option<Waiting>,
}

/// Who waits for something, and since when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    /// The connection's number.
    pub connection: u64,
    /// When the request came.
    pub since: Instant,
    /// Which of its requests: no two have the same.
    pub ticket: u64,
}

impl Node {
    /// Does all of it, in order.
    pub(super) fn perform(&mut self, outputs: Vec<Output>) {
        if !matches!(self.peer.role, Role::Looking(_)) {
            self.end_read_only();
        }
        let mut deliveries = Vec::new();
        for output in outputs {
            match output {
                Output::Deliver(txn) => {
                    deliveries.push(txn);
                    continue;
                }
                _ if deliveries.is_empty() => {}
                _ => self.deliver(std::mem::take(&mut deliveries)),
            }
            self.perform_one(output);
        }
        self.deliver(deliveries);
        self.keep_port();
        self.note_role();
    }

    fn perform_one(&mut self, output: Output) {
        match output {
            Output::Write(write) => {
                if let Write::Append(txn) = &write {
                    self.note_proposal(txn);
                }
                self.commands.push(Command::Write(write));
            }
            Output::Send(to, message) => self.send(to, message),
            Output::SendWhenDurable(to, message) => {
                self.commands.extend(self.release(to, message).map(Command::Release));
            }
            Output::Connect(leader) => self.open_link(leader),
            Output::Disconnect(from) => self.close_link(from),
            Output::Arm(timer) => self.clock.arm(timer, &self.options.timing),
            Output::Prepare(from, request) => self.prepare(from, &request),
            Output::Synced => {
                if let Some((waiting, xid, path)) = self.syncs.pop_front() {
                    self.synced(waiting, xid, path);
                }
            }
            Output::Halt(Halt::CannotTruncate { to, snapshot, last }) => {
                let why = format!(
                    "the leader asks to cut the history at {to}, where it cannot end: it reaches from {snapshot} to \
                     {last}; this disk and the ensemble disagree on what was committed"
                );
                self.handle.send(Incoming::Failed(why));
            }
            Output::Recall(learner, after) => self.recall(learner, after),
            Output::Deliver(_) => unreachable!("deliveries are gathered"),
            Output::Install(zxid) => self.install(zxid),
            Output::Revalidate(from, question) => self.on_revalidate(from, &question),
            Output::Revalidated(answer) => self.on_revalidated(&answer),
        }
    }

    /// Makes a transaction of the request that is being prepared, and proposes it.
    fn prepare(&mut self, from: ServerId, request: &Request) {
        let own = from == self.options.id;
        let preparing = if own { self.preparing.take() } else { self.asked_by(from, request) };
        let Some(Preparing { asked, waiting }) = preparing else { return };
        let Some(zxid) = self.peer.next_zxid() else { return };
        let transaction = self.prepare_on_tree(&asked, zxid);
        let mut bytes = Vec::with_capacity(256);
        encode_transaction(&transaction, &mut bytes);
        // It stays in memory until long after the next snapshot.
        bytes.shrink_to_fit();
        self.shared.counters.proposals.fetch_add(1, Ordering::Relaxed);
        self.shared.counters.proposal_sizes.lock().add(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
        self.outstanding.push_back(Outstanding { zxid, transaction, waiting });
        self.step(Input::Propose(Payload(Bytes::from(bytes))));
    }

    fn prepare_on_tree(&mut self, asked: &Asked, zxid: Zxid) -> Transaction {
        let tree = self.shared.tree.read();
        let mut transaction = prepare(&tree, &mut self.outlook, asked, zxid, wall_clock());
        if let Record::CloseSession { paths } = &mut transaction.record
            && !self.options.close_session_paths
        {
            // It deletes the same: all that the session has when its turn comes.
            *paths = None;
        }
        transaction
    }

    /// Applies what was committed, tells who watches, and answers who waits. Readers wait meanwhile, so not for too
    /// much at once.
    fn deliver(&mut self, deliveries: Vec<Txn>) {
        const AT_ONCE: usize = 64;
        let shared = self.shared.clone();
        for part in deliveries.chunks(AT_ONCE) {
            let mut tree = shared.tree.write();
            self.note_commits(part, tree.last_zxid());
            for txn in part {
                self.deliver_one(&mut tree, txn);
            }
        }
        if !deliveries.is_empty() {
            self.wake();
            self.snapshot_when_due();
        }
    }

    fn deliver_one(&mut self, tree: &mut Tree, txn: &Txn) {
        let is_next = self.outstanding.front().is_some_and(|outstanding| outstanding.zxid == txn.zxid);
        let (transaction, waiting) = match is_next.then(|| self.outstanding.pop_front()).flatten() {
            Some(Outstanding { transaction, waiting, .. }) => (transaction, waiting),
            // A snapshot may be later than where the history begins that the core knows.
            None if txn.zxid <= tree.last_zxid() => return,
            None => match decode_transaction(&txn.payload.0) {
                Ok(transaction) => {
                    let waiting = self.claim(&transaction.header);
                    (transaction, waiting)
                }
                Err(error) => {
                    let why = format!("transaction {} cannot be read: {error}", txn.zxid);
                    return self.handle.send(Incoming::Failed(why));
                }
            },
        };
        let applied = tree.apply(&transaction);
        self.outlook.committed(txn.zxid);
        self.schedule.note(txn.payload.0.len());
        self.shared.counters.commits.fetch_add(1, Ordering::Relaxed);
        if self.digest_counts(tree) && applied.digest_matches == Some(false) {
            self.shared.counters.digest_mismatches.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(zxid = %txn.zxid, "the tree's digest is not the leader's");
        }
        self.tell_watchers(&applied);
        self.note_session(&transaction);
        if let Some(waiting) = waiting {
            self.answer_write(tree, waiting, &transaction, applied);
        }
    }

    fn tell_watchers(&mut self, applied: &Applied) {
        let mut watches = self.shared.watches.lock();
        for event in &applied.events {
            let (clients, skip_acl) = (&self.clients, self.shared.skip_acl);
            let may_read = |watcher: zab::tree::WatcherId, acl: &[zab::tree::Acl]| {
                clients.get(&watcher.0).is_some_and(|client| skip_acl || client.may_read(acl))
            };
            let watchers = watches.trigger(event, may_read);
            if watchers.is_empty() {
                continue;
            }
            let notification = Notification::from(event);
            for watcher in watchers {
                if let Some(client) = clients.get(&watcher.0) {
                    client.connection.outbox.push_event(|out| encode_notification(&notification, out));
                    client.connection.statistics.sent.fetch_add(1, Ordering::Relaxed);
                    self.shared.counters.sent.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    fn note_session(&mut self, transaction: &Transaction) {
        let session: SessionId = transaction.header.session;
        match transaction.record {
            Record::CreateSession { timeout } => {
                self.sessions.track(session, timeout, self.shared.uptime());
            }
            Record::CloseSession { .. } => {
                self.sessions.remove(session);
                self.end_connections_of(session);
            }
            _ => {}
        }
    }

    /// Whether the tree is what its last transaction says, and nothing of later ones.
    fn digest_counts(&mut self, tree: &Tree) -> bool {
        let last = tree.last_zxid();
        match self.awaited_digest {
            Some(awaited) if last < awaited.zxid => false,
            Some(_) => {
                self.awaited_digest = None;
                true
            }
            None => true,
        }
    }

    /// The leader's snapshot is the state machine from now on, and is what the disk holds.
    fn install(&mut self, zxid: Zxid) {
        let Some(mut snapshot) = self.received.take() else {
            let why = format!("a snapshot at {zxid} is to be installed, and none has come");
            return self.handle.send(Incoming::Failed(why));
        };
        // A Java leader serves while it sends: the tree may hold more than it says, until this server serves.
        self.awaited_digest = Some(ZxidDigest { zxid: Zxid(u64::MAX), version: 0, digest: 0 });
        self.schedule.begin();
        if let Some(membership) = &self.options.membership {
            membership.write_into(&mut snapshot.tree);
        }
        self.commands.push(Command::Replace(snapshot.tree.clone()));
        *self.shared.tree.write() = snapshot.tree;
        tracing::info!(%zxid, "the leader's snapshot is installed");
    }

    /// Begins to serve, or stops serving, as the peer's role says.
    fn note_role(&mut self) {
        self.report();
        let serving = self.peer.is_serving() || self.read_only.is_some();
        if serving == self.shared.serving.swap(serving, Ordering::AcqRel) {
            return;
        }
        if serving {
            self.begin_to_serve();
        } else {
            self.stop_serving();
        }
    }

    /// Begins a snapshot if one is due or asked for. One at a time: two could write the same file.
    pub(super) fn snapshot_when_due(&mut self) {
        let due = self.schedule.is_due();
        if self.snapshotting || (!due && self.snapshot_askers.is_empty()) {
            return;
        }
        let mut askers = std::mem::take(&mut self.snapshot_askers);
        if !self.peer.is_serving() {
            // What the disk holds may be about to be replaced.
            askers.drain(..).for_each(|asker| drop(asker.send(Err("the server has no leader".to_owned()))));
            if !due {
                return;
            }
        }
        self.snapshotting = true;
        self.schedule.begin();
        self.commands.push(Command::Roll);
        let (tree, handle) = (self.shared.tree.read().clone(), self.handle.clone());
        let (directory, compression) = (self.options.directory.clone(), self.options.compression);
        let shared = self.shared.clone();
        std::thread::spawn(move || {
            let (zxid, start) = (tree.last_zxid(), Instant::now());
            let (files, snapshots) = (&**directory.files(), directory.snapshot_directory());
            let written = write_snapshot(files, snapshots, &tree, compression).map_err(|error| error.to_string());
            // Before anybody hears of it: who has an answer may ask for what is measured.
            if written.is_ok() {
                shared.counters.measures.add_time("snapshottime", start.elapsed());
            }
            for asker in askers {
                let _ = asker.send(written.clone().map(|path| (zxid, path)));
            }
            handle.send(match written {
                Ok(_) => Incoming::Snapshotted(zxid),
                Err(error) if due => Incoming::Failed(error),
                // Java's server goes on as well (`takeSnapshot`, not severe).
                Err(_) => Incoming::NotSnapshotted,
            });
        });
    }
}

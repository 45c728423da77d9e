//! Sessions: opened, taken up again, expired.

use super::clients::Client;
use super::learner::{Forwarded, Moved};
use super::perform::Waiting;
use super::{Incoming, Node};
use crate::client_port::connection::Connection;
use crate::wire::{ClientRequest, ConnectRequest, ConnectResponse};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use zab::Zxid;
use zab::tree::session::{is_password, negotiate, password};
use zab::tree::{Asked, Change, SessionId, Sessions, Standing, Tree, WatcherId};

impl Node {
    /// A client's first packet (`ZooKeeperServer.processConnectRequest`).
    pub(super) fn connect(&mut self, connection: Arc<Connection>, request: &ConnectRequest) {
        let seen = request.last_zxid_seen;
        let last = self.shared.tree.read().last_zxid();
        if !self.shared.is_serving() || self.stopping {
            return connection.outbox.close();
        }
        if seen > last {
            tracing::info!(client = %connection.address, %seen, %last, "refused: it has seen later transactions");
            return connection.outbox.close();
        }
        if self.read_only.is_some() {
            return self.connect_read_only(connection, request);
        }
        let (min, max) = (self.options.min_session_timeout, self.options.max_session_timeout);
        let timeout = negotiate(request.timeout, min, max);
        let number = connection.number;
        let waiting = self.waiting(number, Instant::now());
        self.clients.entry(number).or_insert_with(|| Client::new(connection.clone())).wait(waiting);
        connection.hear(self.shared.uptime());
        connection.read_only.store(request.read_only.is_some(), Ordering::Relaxed);
        if request.session == SessionId(0) {
            let session = self.ids.next_id();
            connection.begin_session(session, timeout);
            if !self.is_leading() {
                let request = ClientRequest::Write(Change::CreateSession { timeout });
                return self.forward(session, &connection, 0, &request, waiting);
            }
            self.sessions.track(session, timeout, self.shared.uptime());
            let asked = self.of_system(session, Change::CreateSession { timeout });
            if !self.propose(asked, Some(waiting)) {
                connection.outbox.close();
            }
        } else {
            self.take_up(connection, request, timeout, waiting);
        }
    }

    /// A client comes with a session that it has: perhaps from another connection, which ends, or another server. The
    /// leader knows whether it is open.
    fn take_up(&mut self, connection: Arc<Connection>, request: &ConnectRequest, timeout: i32, waiting: Waiting) {
        let session = request.session;
        let known = is_password(session, request.password.as_deref().unwrap_or_default());
        let moved = Moved { connection, timeout, waiting, read_only: request.read_only };
        if known {
            self.ask_about(session, moved);
        } else {
            self.finish_take_up(session, &moved, false);
        }
    }

    /// A client that came with a session learns whether it has it.
    pub(super) fn finish_take_up(&mut self, session: SessionId, moved: &Moved, alive: bool) {
        let Moved { connection, timeout, waiting, read_only } = moved;
        if alive {
            let others = self.clients.values().filter(|client| client.connection.number != connection.number);
            for other in others.filter(|client| client.connection.session() == Some(session)) {
                other.connection.outbox.abort();
            }
            connection.begin_session(session, *timeout);
        }
        let shared = self.shared.clone();
        let tree = shared.tree.read();
        let zxid = tree.last_zxid();
        self.complete(&tree, *waiting, zxid, 0, |out| {
            encode_response(out, read_only.map(|_| false), alive.then_some((session, *timeout)))
        });
        if !alive {
            connection.outbox.close();
        }
    }

    /// A new session is open on every server.
    pub(super) fn open(&mut self, tree: &Tree, waiting: Waiting, zxid: Zxid) {
        let Some(client) = self.clients.get(&waiting.connection) else { return };
        let connection = client.connection.clone();
        let opened = connection.session().map(|session| (session, connection.timeout()));
        let read_only = connection.read_only.load(Ordering::Relaxed).then_some(false);
        self.complete(tree, waiting, zxid, 0, |out| encode_response(out, read_only, opened));
    }

    /// A request that the server itself makes in the name of a session.
    fn of_system(&self, session: SessionId, change: Change) -> Asked {
        let options = self.options.prepare;
        Asked { session, cxid: 0, change, identities: Arc::default(), standing: Standing::Here, options }
    }

    /// Gives the sessions whose clients were heard their time, and closes the others whose time is over.
    pub(super) fn expire_sessions(&mut self) {
        if !self.shared.is_serving() || !self.is_leading() {
            return;
        }
        for client in self.clients.values() {
            if let Some(session) = client.connection.session() {
                self.sessions.touch(session, client.connection.timeout(), client.connection.heard());
            }
        }
        for session in self.sessions.expired(self.shared.uptime()) {
            self.shared.counters.expired.fetch_add(1, Ordering::Relaxed);
            tracing::info!(session = format_args!("{:#x}", session.0), "expired");
            self.handle.send(Incoming::Expire(session));
        }
    }

    pub(super) fn expire(&mut self, session: SessionId) {
        let asked = self.of_system(session, Change::CloseSession);
        self.propose(asked, None);
    }

    /// Deletes containers that are empty and znodes whose time to live is over, each by a transaction of its own.
    pub(super) fn collect(&mut self) {
        if !self.shared.is_serving() || !self.is_leading() {
            return;
        }
        let most = self.options.max_never_used.map(|time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        let tree = self.shared.tree.read().clone();
        for path in tree.collectable(self.shared.time.wall_clock(), most).take(self.options.collect_most) {
            let change = Change::DeleteContainer { path: path.to_owned() };
            let asked = self.of_system(SessionId(0), change);
            self.propose(asked, None);
        }
    }

    /// The epoch is established: every session of the tree has its full time from now on, and no owner yet.
    pub(super) fn begin_to_serve(&mut self) {
        let (shared, now) = (self.shared.clone(), self.shared.uptime());
        self.sessions = Sessions::new(self.options.timing.tick);
        self.touched_until = now;
        self.awaited_digest = self.awaited_digest.filter(|awaited| awaited.zxid.0 < u64::MAX);
        for (session, timeout) in shared.tree.read().sessions() {
            self.sessions.track(session, timeout, now);
        }
        tracing::info!(zxid = %shared.tree.read().last_zxid(), "serving");
    }

    /// Leadership is lost: what was proposed may or may not come to pass, and clients look for another server.
    pub(super) fn stop_serving(&mut self) {
        self.outstanding.clear();
        self.outlook = zab::tree::Outlook::default();
        self.syncs.clear();
        self.forwarded = Forwarded::default();
        for client in self.clients.values() {
            client.connection.outbox.close();
        }
    }

    pub(super) fn gone(&mut self, connection: &Connection) {
        self.clients.remove(&connection.number);
        self.forget_forwarded(connection);
        self.shared.watches.lock().remove_watcher(WatcherId(connection.number));
        let unanswered = connection.forwarded.load(Ordering::Acquire);
        self.shared.counters.outstanding.fetch_sub(unanswered, Ordering::Relaxed);
    }
}

/// Writes the answer to a client's first packet: its session, or that it is over. With `read_only`, which clients of
/// old do not know, whether this server only reads.
pub(super) fn encode_response(out: &mut Vec<u8>, read_only: Option<bool>, session: Option<(SessionId, i32)>) {
    let (id, timeout) = session.unwrap_or_default();
    let password = if session.is_some() { password(id) } else { [0; 16] };
    let response = ConnectResponse {
        protocol_version: 0,
        timeout,
        session: id,
        password: Some(Bytes::copy_from_slice(&password)),
        read_only,
    };
    response.encode(out);
}

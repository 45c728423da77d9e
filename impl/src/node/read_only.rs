//! What a server does for clients while it knows no leader (`readonlymode.enabled`, Java's `ReadOnlyZooKeeperServer`):
//! it answers what changes nothing, to clients that said that they can do with that.

use super::clients::Client;
use super::sessions::encode_response;
use super::{Asking, Node};
use crate::client_port::connection::Connection;
use crate::wire::reply::{encode_reply, encode_reply_with};
use crate::wire::{ClientRequest, ConnectRequest, Reply, ReplyHeader, decode_transaction};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use zab::Role;
use zab::tree::session::{is_password, negotiate};
use zab::tree::{Change, Code, SessionId, Sessions, Tree};

/// So long at least a server looks for a leader before it serves without one (`QuorumPeer`'s grace period).
const GRACE: Duration = Duration::from_secs(2);

/// A server that serves without a leader.
pub(super) struct ReadOnly {
    /// The state machine: meanwhile readers see it with all that this server's log holds, committed or not, as Java's
    /// do.
    before: Tree,
    /// The sessions of its clients. Those that began here mean nothing to other servers.
    sessions: Sessions,
}

impl Node {
    /// When this server begins to serve without a leader.
    pub(super) fn read_only_due(&self) -> Option<Instant> {
        let looks = self.options.read_only_mode && matches!(self.peer.role, Role::Looking(_));
        let grace = GRACE.max(Duration::from_millis(self.options.timing.tick));
        (looks && self.read_only.is_none()).then(|| self.looking_since + grace)
    }

    pub(super) fn begin_read_only(&mut self) {
        let before = self.shared.tree.read().clone();
        let mut tree = before.clone();
        for txn in self.peer.memory.history.after(before.last_zxid()) {
            match decode_transaction(&txn.payload.0) {
                Ok(transaction) => drop(tree.apply(&transaction)),
                Err(error) => return tracing::warn!(zxid = %txn.zxid, %error, "a transaction cannot be read"),
            }
        }
        tracing::info!(zxid = %tree.last_zxid(), "serving reads only: there is no leader");
        *self.shared.tree.write() = tree;
        self.read_only = Some(ReadOnly { before, sessions: Sessions::new(self.options.timing.tick) });
        self.shared.read_only.store(true, Ordering::Release);
        self.shared.serving.store(true, Ordering::Release);
    }

    /// A leader is found: the clients look for a server again, and find this one when it has synchronised.
    pub(super) fn end_read_only(&mut self) {
        let Some(read_only) = self.read_only.take() else { return };
        self.shared.serving.store(false, Ordering::Release);
        self.shared.read_only.store(false, Ordering::Release);
        for client in self.clients.values() {
            client.connection.outbox.abort();
        }
        // Now nobody sees that the tree goes back.
        *self.shared.tree.write() = read_only.before;
        tracing::info!("serving reads only has ended");
    }

    /// A client's first packet. A session that all servers know goes on when there is a leader again; Java refuses it.
    pub(super) fn connect_read_only(&mut self, connection: Arc<Connection>, request: &ConnectRequest) {
        let Some(read_only) = &mut self.read_only else { return };
        if request.read_only != Some(true) {
            tracing::info!(client = %connection.address, "refused: it needs a server that also writes");
            return connection.outbox.close();
        }
        let now = self.shared.uptime();
        let timeout = negotiate(request.timeout, self.options.min_session_timeout, self.options.max_session_timeout);
        connection.hear(now);
        connection.read_only.store(true, Ordering::Relaxed);
        let session = if request.session == SessionId(0) {
            Some(self.ids.next_id())
        } else {
            let of_all = self.shared.tree.read().session_timeout(request.session).is_some();
            let known = of_all || read_only.sessions.contains(request.session);
            let proved = is_password(request.session, request.password.as_deref().unwrap_or_default());
            (known && proved).then_some(request.session)
        };
        if let Some(session) = session {
            read_only.sessions.track(session, timeout, now);
            let others = self.clients.values().filter(|client| client.connection.session() == Some(session));
            others.for_each(|other| other.connection.outbox.abort());
            connection.begin_session(session, timeout);
        }
        let waiting = self.waiting(connection.number, Instant::now());
        self.clients.entry(connection.number).or_insert_with(|| Client::new(connection.clone())).wait(waiting);
        let shared = self.shared.clone();
        let tree = shared.tree.read();
        let opened = session.map(|session| (session, timeout));
        self.complete(&tree, waiting, tree.last_zxid(), 0, |out| encode_response(out, Some(true), opened));
        if session.is_none() {
            connection.outbox.close();
        }
    }

    /// What the node was handed: it changes something, or stands behind what does (`ReadOnlyRequestProcessor`).
    pub(super) fn request_read_only(&mut self, asking: Asking) {
        let shared = self.shared.clone();
        let tree = shared.tree.read();
        if !asking.is_ordered() {
            return self.read(&tree, asking);
        }
        let waiting = self.waiting(asking.connection.number, asking.since);
        let Some(client) = self.clients.get_mut(&asking.connection.number) else { return };
        client.wait(waiting);
        let closes = matches!(asking.request, ClientRequest::Write(Change::CloseSession));
        let (xid, zxid) = (asking.xid, tree.last_zxid());
        if closes {
            self.complete(&tree, waiting, zxid, xid, |out| {
                encode_reply(out, &ReplyHeader { xid, zxid, err: 0 }, &Reply::Nothing);
            });
            if let (Some(read_only), Some(session)) = (&mut self.read_only, asking.connection.session()) {
                read_only.sessions.remove(session);
            }
            return asking.connection.outbox.close();
        }
        let header = ReplyHeader { xid, zxid, err: Code::NotReadOnly.number() };
        self.complete(&tree, waiting, zxid, xid, |out| encode_reply_with(out, &header, |_| {}));
    }

    /// Ends the sessions whose clients are not heard.
    pub(super) fn expire_read_only(&mut self) {
        let (now, clients) = (self.shared.uptime(), &self.clients);
        let Some(read_only) = &mut self.read_only else { return };
        for connection in clients.values().map(|client| &client.connection) {
            if let Some(session) = connection.session() {
                read_only.sessions.touch(session, connection.timeout(), connection.heard());
            }
        }
        for session in read_only.sessions.expired(now) {
            read_only.sessions.remove(session);
            let theirs = clients.values().filter(|client| client.connection.session() == Some(session));
            theirs.for_each(|client| client.connection.outbox.abort());
        }
    }
}

//! What one read of a connection's socket brought: its requests are answered together, or handed to the node together.

use super::connection::Connection;
use super::reads;
use crate::node::{Asking, Handle, Incoming};
use crate::shared::Shared;
use crate::wire::ClientRequest;
use parking_lot::RwLockReadGuard;
use std::sync::atomic::Ordering;
use std::time::Instant;
use zab::tree::Tree;

/// Replies on their way into the outbox, and requests on their way to the node. The replies are older: a request that
/// stands behind one for the node goes to the node as well.
pub(super) struct Batch<'a> {
    shared: &'a Shared,
    connection: &'a Connection,
    node: &'a Handle,
    /// When the requests came.
    pub since: Instant,
    /// Held from the first reply until all are in the outbox: see [`Shared`].
    tree: Option<RwLockReadGuard<'a, Tree>>,
    replies: Vec<u8>,
    /// How many replies, and the last one's xid.
    answered: (u64, i32),
    forwarded: Vec<Asking>,
}

impl<'a> Batch<'a> {
    /// Of requests that come now.
    pub fn new(shared: &'a Shared, connection: &'a Connection, node: &'a Handle) -> Batch<'a> {
        let (tree, replies, forwarded) = (None, Vec::new(), Vec::new());
        Batch { shared, connection, node, since: Instant::now(), tree, replies, answered: (0, 0), forwarded }
    }

    /// Answers a request that changes nothing.
    pub fn answer(&mut self, asking: &Asking) {
        let tree = self.tree.get_or_insert_with(|| self.shared.tree.read());
        reads::write_reply(self.shared, tree, asking, &mut self.replies);
        self.answered = (self.answered.0 + 1, asking.xid);
        if let ClientRequest::Unknown { .. } = asking.request {
            self.end();
            self.connection.outbox.close();
        }
    }

    /// Leaves a request to the node, which will answer it.
    pub fn forward(&mut self, asking: Asking) {
        count_forwarded(self.shared, self.connection);
        self.forwarded.push(asking);
    }

    /// How many bytes of replies are not in the outbox yet.
    pub fn len(&self) -> usize {
        self.replies.len()
    }

    /// Puts the replies into the outbox, then hands the requests to the node. The caller is the connection's own task,
    /// and looks into its outbox next: nobody needs to wake it.
    pub fn end(&mut self) {
        self.connection.outbox.append_quietly(&mut self.replies);
        if let Some(tree) = self.tree.take() {
            let zxid = tree.last_zxid();
            drop(tree);
            let (replies, xid) = std::mem::take(&mut self.answered);
            reads::count_all(self.shared, self.connection, self.since, (replies, xid, zxid));
        }
        if !self.forwarded.is_empty() {
            self.node.send(Incoming::Requests(std::mem::take(&mut self.forwarded)));
        }
    }
}

/// The node will answer one more.
pub(super) fn count_forwarded(shared: &Shared, connection: &Connection) {
    connection.forwarded.fetch_add(1, Ordering::AcqRel);
    shared.counters.outstanding.fetch_add(1, Ordering::Relaxed);
}

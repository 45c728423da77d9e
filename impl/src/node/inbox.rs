//! What reaches the node, and the handle by which it does.

use super::journal::Durable;
use crate::client_port::connection::Connection;
use crate::link::LinkEvent;
use crate::wire::{ClientRequest, ConnectRequest};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Instant;
use zab::tree::SessionId;
use zab::{History, ServerId, Zxid};

/// Something that the node must know.
#[derive(Debug)]
pub enum Incoming {
    /// A client wants a session: a new one, or one that it has.
    Connect(Arc<Connection>, ConnectRequest),
    /// A client asks for what the connection's task cannot answer by itself; in order, as they came together.
    Requests(Vec<Asking>),
    /// A connection has ended.
    Gone(Arc<Connection>),
    /// The disk has come so far.
    Durable(Durable),
    /// Something happened on a link to another server.
    Link(LinkEvent),
    /// A snapshot is on the disk, of the tree up to this zxid.
    Snapshotted(Zxid),
    /// Somebody asks for a snapshot of the tree as it is now.
    Snapshot(SnapshotAsker),
    /// A snapshot that was only asked for could not be written.
    NotSnapshotted,
    /// What the log on the disk still has for a learner that lags.
    Recalled(ServerId, History),
    /// A thread of this server could not go on: the server must not either.
    Failed(String),
    /// Close this session, as if its time were over.
    Expire(SessionId),
    /// Leave, in good order.
    Stop,
}

/// Who asked for a snapshot, and is told its last transaction and its file, or why there is none.
pub type SnapshotAsker = Sender<Result<(Zxid, PathBuf), String>>;

/// A request of a client, with where it came from.
#[derive(Debug)]
pub struct Asking {
    /// Whose.
    pub connection: Arc<Connection>,
    /// The client's number of it.
    pub xid: i32,
    /// What it asks.
    pub request: ClientRequest,
    /// When it came.
    pub since: Instant,
}

impl Asking {
    /// Whether its place among the requests of all clients counts: it changes something, or waits for what did.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        matches!(self.request, ClientRequest::Write(_) | ClientRequest::Reconfig(_) | ClientRequest::Sync { .. })
    }
}

/// How tasks and threads reach the node. Nothing they hand over waits for anything.
#[derive(Clone, Debug)]
pub struct Handle {
    sender: Sender<Incoming>,
}

impl Handle {
    pub(super) fn new(sender: Sender<Incoming>) -> Handle {
        Handle { sender }
    }

    /// Hands something over. A node that has left hears nothing.
    pub fn send(&self, incoming: Incoming) {
        // The node leaves only when the whole server does; what it is told then means nothing any more.
        let _ = self.sender.send(incoming);
    }
}

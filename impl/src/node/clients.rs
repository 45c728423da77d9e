//! Clients' requests: what must be ordered with others, in the order of each client.

use super::learner::forwarded;
use super::perform::Waiting;
use super::{Asking, Node};
use crate::client_port::connection::Connection;
use crate::client_port::reads;
use crate::wire::multi::OperationResult;
use crate::wire::reply::{encode_reply, encode_reply_with};
use crate::wire::{ClientRequest, Reply, ReplyHeader};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use zab::tree::{
    Acl, Applied, Asked, Change, Code, OpCode, Outcome, Perms, Record, SessionId, SessionOwner, Standing, Transaction,
    Tree, allows,
};
use zab::{Input, Payload, Request, Zxid};

/// A connection, with its requests that are not answered yet, oldest first.
pub(super) struct Client {
    pub connection: Arc<Connection>,
    queue: VecDeque<Queued>,
}

enum Queued {
    /// Answered when something comes to pass; what is ready before its turn waits here.
    Waiting { waiting: Waiting, ready: Option<Vec<u8>> },
    /// Answered when it comes to the front.
    Read(Asking),
}

/// A request of this server's own client, on its way through the core.
pub(super) struct Preparing {
    pub asked: Asked,
    pub waiting: Option<Waiting>,
}

impl Client {
    pub(super) fn new(connection: Arc<Connection>) -> Client {
        Client { connection, queue: VecDeque::new() }
    }

    /// Makes room in the order of its replies for one that comes later.
    pub(super) fn wait(&mut self, waiting: Waiting) {
        self.queue.push_back(Queued::Waiting { waiting, ready: None });
    }

    /// Whether its client may read a znode with this ACL.
    pub(super) fn may_read(&self, acl: &[Acl]) -> bool {
        allows(acl, Perms::READ, &self.connection.identities.read())
    }
}

impl Node {
    pub(super) fn request(&mut self, asking: Asking) {
        let number = asking.connection.number;
        if !self.shared.is_serving() || self.stopping {
            return asking.connection.outbox.close();
        }
        if asking.connection.outbox.is_closing() {
            // Nobody would hear of it: its session was refused, or goes on over another connection.
            return;
        }
        if self.read_only.is_some() {
            return self.request_read_only(asking);
        }
        let waiting = self.waiting(number, asking.since);
        let leading = self.is_leading();
        let client = self.clients.entry(number).or_insert_with(|| Client::new(asking.connection.clone()));
        match asking.request {
            ClientRequest::Write(_) | ClientRequest::Reconfig(_) if !leading => {
                client.wait(waiting);
                let session = asking.connection.session().unwrap_or_default();
                self.forward(session, &asking.connection, asking.xid, &asking.request, waiting);
            }
            ClientRequest::Write(change) => {
                client.wait(waiting);
                self.ask(&asking.connection, asking.xid, change, Some(waiting));
            }
            ClientRequest::Reconfig(_) => {
                client.wait(waiting);
                let code = Code::ReconfigDisabled.number();
                let change = Change::Refused { kind: OpCode::Reconfig, code };
                self.ask(&asking.connection, asking.xid, change, Some(waiting));
            }
            ClientRequest::Sync { .. } => {
                client.wait(waiting);
                let session = asking.connection.session().unwrap_or_default();
                let payload = forwarded(session, &asking.connection, asking.xid, &asking.request);
                let ClientRequest::Sync { path } = asking.request else { return };
                self.syncs.push_back((waiting, asking.xid, path));
                self.step(Input::Request(Request::Sync(payload)));
            }
            _ => {
                let shared = self.shared.clone();
                self.read(&shared.tree.read(), asking);
            }
        }
    }

    /// Answers what changes nothing when its turn comes.
    pub(super) fn read(&mut self, tree: &Tree, asking: Asking) {
        let number = asking.connection.number;
        let client = self.clients.entry(number).or_insert_with(|| Client::new(asking.connection.clone()));
        client.queue.push_back(Queued::Read(asking));
        self.drain(tree, number);
    }

    pub(super) fn waiting(&mut self, connection: u64, since: std::time::Instant) -> Waiting {
        self.tickets += 1;
        Waiting { connection, since, ticket: self.tickets }
    }

    /// Gives a change to the core.
    fn ask(&mut self, connection: &Connection, cxid: i32, change: Change, waiting: Option<Waiting>) {
        let session = connection.session().unwrap_or_default();
        let standing = match self.sessions.check(session, SessionOwner::Here) {
            Err(Code::SessionMoved) => Standing::Moved,
            _ => Standing::Here,
        };
        if matches!(change, Change::CloseSession) {
            self.sessions.close(session);
        }
        let identities = connection.identities.read().clone();
        let options = self.options.prepare;
        let asked = Asked { session, cxid, change, identities, standing, options };
        if !self.propose(asked, waiting) {
            // No leader orders it any more: the client will ask another server.
            connection.outbox.close();
        }
    }

    /// Hands a change to the core; whether it was proposed.
    pub(super) fn propose(&mut self, asked: Asked, waiting: Option<Waiting>) -> bool {
        self.preparing = Some(Preparing { asked, waiting });
        self.step(Input::Request(Request::Write(Payload::default())));
        self.preparing.take().is_none()
    }

    pub(super) fn synced(&mut self, waiting: Waiting, xid: i32, path: Option<String>) {
        let shared = self.shared.clone();
        let tree = shared.tree.read();
        let header = ReplyHeader { xid, zxid: tree.last_zxid(), err: 0 };
        self.complete(&tree, waiting, header.zxid, xid, |out| encode_reply(out, &header, &Reply::Sync { path }));
    }

    /// Answers the request that this transaction was made of.
    pub(super) fn answer_write(&mut self, tree: &Tree, waiting: Waiting, transaction: &Transaction, applied: Applied) {
        let header = &transaction.header;
        let (xid, zxid) = (header.cxid, header.zxid);
        if header.kind == OpCode::CreateSession {
            return self.open(tree, waiting, zxid);
        }
        let closes = matches!(transaction.record, Record::CloseSession { .. });
        let err = match (&applied.result, header.kind) {
            (Err(code), kind) if kind != OpCode::Multi => code.number(),
            _ => 0,
        };
        let reply_header = ReplyHeader { xid, zxid, err };
        self.complete(tree, waiting, zxid, xid, |out| {
            encode_reply_with(out, &reply_header, |out| {
                if err == 0 {
                    reply_of(transaction, applied).encode(out);
                }
            });
        });
        if closes && let Some(client) = self.clients.get(&waiting.connection) {
            client.connection.outbox.close();
        }
    }

    /// The oldest waiting request of a client is done. It is answered now, with the reads behind it, or, if something
    /// before it is not, later.
    pub(super) fn complete(
        &mut self,
        tree: &Tree,
        waiting: Waiting,
        zxid: Zxid,
        xid: i32,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let shared = self.shared.clone();
        let Some(client) = self.clients.get_mut(&waiting.connection) else { return };
        let position = client.queue.iter().position(|queued| match queued {
            Queued::Waiting { waiting: other, .. } => other.ticket == waiting.ticket,
            Queued::Read(_) => false,
        });
        match position {
            None => return,
            Some(0) => {
                client.queue.pop_front();
                let was_empty = client.connection.outbox.push_quietly(write);
                reads::count(&shared, &client.connection, waiting.since, xid, zxid);
                if client.connection.answered() || was_empty {
                    wake_later(&mut self.to_wake, &client.connection);
                }
            }
            Some(position) => {
                let mut bytes = Vec::new();
                write(&mut bytes);
                client.queue[position] = Queued::Waiting { waiting, ready: Some(bytes) };
            }
        }
        self.drain(tree, waiting.connection);
    }

    /// Answers what stands at the front of a client's queue and waits for nothing.
    fn drain(&mut self, tree: &Tree, number: u64) {
        let shared = self.shared.clone();
        let Some(client) = self.clients.get_mut(&number) else { return };
        while let Some(front) = client.queue.pop_front() {
            let was_empty;
            match front {
                Queued::Waiting { ready: None, .. } => return client.queue.push_front(front),
                Queued::Waiting { waiting, ready: Some(bytes) } => {
                    was_empty = client.connection.outbox.push_quietly(|out| out.extend_from_slice(&bytes));
                    reads::count(&shared, &client.connection, waiting.since, 0, tree.last_zxid());
                }
                Queued::Read(asking) => was_empty = reads::answer(&shared, tree, &asking),
            }
            if client.connection.answered() || was_empty {
                wake_later(&mut self.to_wake, &client.connection);
            }
        }
    }

    /// A session's connections end at once, but for one that still says goodbye.
    pub(super) fn end_connections_of(&mut self, session: SessionId) {
        for client in self.clients.values() {
            if client.connection.session() == Some(session) && !client.connection.finished.load(Ordering::Acquire) {
                client.connection.outbox.abort();
            }
        }
    }
}

/// Notes that a connection's task has something to do when this step is done. Replies to one client mostly come in a
/// row, and one note is enough for them.
fn wake_later(to_wake: &mut Vec<Arc<Connection>>, connection: &Arc<Connection>) {
    if to_wake.last().is_none_or(|last| !Arc::ptr_eq(last, connection)) {
        to_wake.push(connection.clone());
    }
}

/// What to answer to a change that was made.
fn reply_of(transaction: &Transaction, applied: Applied) -> Reply {
    let Record::Multi(operations) = &transaction.record else {
        let Ok(outcome) = applied.result else { return Reply::Nothing };
        return match outcome {
            Outcome::Created { path, .. } if transaction.header.kind == OpCode::Create => Reply::Create { path },
            Outcome::Created { path, stat } => Reply::Create2 { path, stat },
            Outcome::DataSet(stat) | Outcome::AclSet(stat) => Reply::Stat(stat),
            _ => Reply::Nothing,
        };
    };
    let result = |((kind, _), result): (&(OpCode, Record), Result<Outcome, Code>)| match result {
        Ok(Outcome::Created { path, .. }) if *kind == OpCode::Create => OperationResult::Create { path },
        Ok(Outcome::Created { path, stat }) => OperationResult::Create2 { path, stat },
        Ok(Outcome::Deleted) => OperationResult::Delete,
        Ok(Outcome::DataSet(stat) | Outcome::AclSet(stat)) => OperationResult::SetData(stat),
        Ok(Outcome::Checked) => OperationResult::Check,
        Ok(_) => OperationResult::Error(0),
        Err(code) => OperationResult::Error(code.number()),
    };
    Reply::Multi(operations.iter().zip(applied.operations).map(result).collect())
}

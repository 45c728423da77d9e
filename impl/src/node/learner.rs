//! What a learner's clients ask and the leader orders: both halves of the conversation.

use super::Node;
use super::clients::Preparing;
use super::perform::Waiting;
use crate::client_port::connection::Connection;
use crate::wire::ClientRequest;
use crate::wire::quorum::{ForwardedRequest, SessionCheck};
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use zab::tree::{Asked, Change, Code, OpCode, SessionId, SessionOwner, Standing, TxnHeader};
use zab::{Input, Payload, Request, Role, ServerId};

/// What a learner waits for.
#[derive(Default)]
pub(super) struct Forwarded {
    /// Requests that became, or will become, transactions: oldest first, of each session.
    requests: HashMap<SessionId, VecDeque<(i32, Waiting)>>,
    /// Sessions that clients came with, and the leader has not spoken about.
    moved: HashMap<SessionId, Vec<Moved>>,
}

/// A client that came with a session that it has.
pub(super) struct Moved {
    pub connection: Arc<Connection>,
    pub timeout: i32,
    pub waiting: Waiting,
    /// Whether the client said that it knows of read-only servers.
    pub read_only: Option<bool>,
}

// ---- The learner's half -------------------------------------------------------------------------------------------

impl Node {
    pub(super) fn is_leading(&self) -> bool {
        matches!(self.peer.role, Role::Leading(_))
    }

    /// Sends a request on to the leader; its answer is the transaction that comes of it.
    pub(super) fn forward(
        &mut self,
        session: SessionId,
        connection: &Connection,
        cxid: i32,
        request: &ClientRequest,
        waiting: Waiting,
    ) {
        self.forwarded.requests.entry(session).or_default().push_back((cxid, waiting));
        let payload = forwarded(session, connection, cxid, request);
        self.step(Input::Request(Request::Write(payload)));
    }

    /// Who waits for this transaction, if it was asked through this learner. Java's `CommitProcessor` compares session
    /// and cxid as well. What stands before it was asked over an earlier connection, and the leader never got it.
    pub(super) fn claim(&mut self, header: &TxnHeader) -> Option<Waiting> {
        let requests = self.forwarded.requests.get_mut(&header.session)?;
        let position = requests.iter().position(|(cxid, _)| *cxid == header.cxid)?;
        let waiting = requests.drain(..=position).next_back().map(|(_, waiting)| waiting);
        if requests.is_empty() {
            self.forwarded.requests.remove(&header.session);
        }
        waiting
    }

    /// A connection is gone: nobody waits there.
    pub(super) fn forget_forwarded(&mut self, connection: &Connection) {
        let Some(session) = connection.session() else { return };
        if let Some(requests) = self.forwarded.requests.get_mut(&session) {
            requests.retain(|(_, waiting)| waiting.connection != connection.number);
            if requests.is_empty() {
                self.forwarded.requests.remove(&session);
            }
        }
    }

    /// Asks the leader, which may be this server, whether a session is still open.
    pub(super) fn ask_about(&mut self, session: SessionId, moved: Moved) {
        let timeout = moved.timeout;
        self.forwarded.moved.entry(session).or_default().push(moved);
        self.step(Input::Revalidate(SessionCheck::Question { session, timeout }.to_payload()));
    }

    /// The leader has spoken about a session.
    pub(super) fn on_revalidated(&mut self, payload: &Payload) {
        let Ok(SessionCheck::Answer { session, valid }) = SessionCheck::answer(payload) else {
            return tracing::warn!("the leader's word about a session cannot be read");
        };
        for moved in self.forwarded.moved.remove(&session).unwrap_or_default() {
            self.finish_take_up(session, &moved, valid);
        }
    }

    /// The sessions whose clients were heard since the leader asked last, with their timeouts.
    pub(super) fn touched(&mut self) -> Vec<(SessionId, i32)> {
        let since = std::mem::replace(&mut self.touched_until, self.shared.uptime());
        let connections = self.clients.values().map(|client| &client.connection);
        let heard = connections.filter(|connection| connection.heard() >= since);
        heard.filter_map(|connection| Some((connection.session()?, connection.timeout()))).collect()
    }
}

/// A client's request as it goes to the leader.
pub(super) fn forwarded(session: SessionId, connection: &Connection, cxid: i32, request: &ClientRequest) -> Payload {
    let mut body = Vec::new();
    request.encode(&mut body);
    let identities = connection.identities.read().to_vec();
    ForwardedRequest { session, cxid, kind: request.kind(), body: Bytes::from(body), identities }.to_payload()
}

// ---- The leader's half --------------------------------------------------------------------------------------------

impl Node {
    /// What a learner forwarded, with what the leader knows about the session (`LearnerHandler`, `ZooKeeperServer`'s
    /// `setOwner`).
    pub(super) fn asked_by(&mut self, learner: ServerId, request: &Request) -> Option<Preparing> {
        let owner = self.owner(learner)?;
        let (Request::Write(payload) | Request::Sync(payload)) = request;
        let forwarded = match ForwardedRequest::from_payload(payload) {
            Ok(forwarded) => forwarded,
            Err(error) => {
                tracing::warn!(%learner, %error, "a request that it forwards cannot be read");
                return None;
            }
        };
        let ForwardedRequest { session, cxid, kind, body, identities } = forwarded;
        let change = change_of(kind, &body);
        if let Change::CreateSession { timeout } = change {
            self.sessions.track(session, timeout, self.shared.uptime());
            let _ = self.sessions.set_owner(session, owner);
        }
        let standing = match self.sessions.check(session, owner) {
            Err(Code::SessionMoved) => Standing::Moved,
            _ => Standing::Here,
        };
        if matches!(change, Change::CloseSession) {
            self.sessions.close(session);
        }
        let asked =
            Asked { session, cxid, change, identities: identities.into(), standing, options: self.options.prepare };
        Some(Preparing { asked, waiting: None })
    }

    /// Whether a session that came to `from` is open; it is owned there from now on.
    pub(super) fn on_revalidate(&mut self, from: ServerId, payload: &Payload) {
        let Some(owner) = self.owner(from) else { return };
        let Ok(SessionCheck::Question { session, timeout }) = SessionCheck::question(payload) else {
            return tracing::warn!(%from, "its question about a session cannot be read");
        };
        let valid = self.sessions.touch(session, timeout, self.shared.uptime());
        if valid {
            let _ = self.sessions.set_owner(session, owner);
        }
        self.step(Input::Revalidated(from, SessionCheck::Answer { session, valid }.to_payload()));
    }

    fn owner(&self, server: ServerId) -> Option<SessionOwner> {
        if server == self.options.id {
            return Some(SessionOwner::Here);
        }
        self.links.connection(server).map(|connection| SessionOwner::Learner(connection.0))
    }
}

/// The change that a forwarded request asks for. What cannot be read takes its place in the order all the same.
fn change_of(kind: i32, body: &Bytes) -> Change {
    let refused = |code: Code| {
        let kind = OpCode::from_number(kind).unwrap_or(OpCode::Error);
        Change::Refused { kind, code: code.number() }
    };
    match ClientRequest::decode(kind, body) {
        Ok(ClientRequest::Write(change)) => change,
        _ if kind == OpCode::Reconfig.number() => refused(Code::ReconfigDisabled),
        Ok(_) => refused(Code::Unimplemented),
        Err(_) => refused(Code::MarshallingError),
    }
}

//! Where a reply goes, and the span that covers its request.

use super::error::Error;
use crate::wire::{ClientRequest, Reply};
use tokio::sync::oneshot;
use tracing::Span;
use tracing::field::Empty;
use zab::Zxid;
use zab::tree::{Change, OpCode};

/// What its author hears of a request.
pub(super) type Answered = Result<Reply, Error>;

/// The author's end of a request. It is answered once; the span ends with it.
#[derive(Debug)]
pub(super) struct Answer {
    reply: oneshot::Sender<Answered>,
    span: Span,
}

impl Answer {
    /// Of a request that is to be sent. Its span is a child of the caller's, and costs nothing where nobody listens to
    /// `debug`.
    pub fn to(request: &ClientRequest, session: impl FnOnce() -> i64) -> (Answer, oneshot::Receiver<Answered>) {
        let span = tracing::debug_span!(
            "request",
            operation = %name(request),
            path = path(request),
            session = %format_args!("0x{:x}", session()),
            xid = Empty,
            zxid = Empty,
            error = Empty,
        );
        Answer::within(span)
    }

    /// Of a proof. What it says is nobody's business.
    pub fn to_auth(scheme: &str) -> (Answer, oneshot::Receiver<Answered>) {
        Answer::within(tracing::debug_span!("request", operation = "Auth", scheme, xid = Empty, error = Empty))
    }

    fn within(span: Span) -> (Answer, oneshot::Receiver<Answered>) {
        let (reply, receiver) = oneshot::channel();
        (Answer { reply, span }, receiver)
    }

    /// It is sent under this number.
    pub fn sent(&self, xid: i32) {
        self.span.record("xid", xid);
    }

    /// The server has answered at this transaction.
    pub fn seen(&self, zxid: Zxid) {
        self.span.record("zxid", tracing::field::display(format_args!("0x{:x}", zxid.0)));
    }

    /// What becomes of it.
    pub fn give(self, result: Answered) {
        if let Err(error) = &result {
            self.span.record("error", tracing::field::display(error));
        }
        // Who dropped the future does not want to know.
        let _ = self.reply.send(result);
    }
}

fn name(request: &ClientRequest) -> String {
    let kind = request.kind();
    OpCode::from_number(kind).map_or_else(|| kind.to_string(), |operation| format!("{operation:?}"))
}

/// Which znode it is about, as the server knows it, if it is one.
fn path(request: &ClientRequest) -> Option<&str> {
    match request {
        ClientRequest::Write(change) => changed(change),
        ClientRequest::Exists(read)
        | ClientRequest::GetData(read)
        | ClientRequest::GetChildren(read)
        | ClientRequest::GetChildren2(read) => Some(&read.path),
        ClientRequest::GetAcl { path }
        | ClientRequest::GetAllChildrenNumber { path }
        | ClientRequest::AddWatch { path, .. } => Some(path),
        ClientRequest::GetEphemerals { prefix: path } | ClientRequest::Sync { path } => path.as_deref(),
        ClientRequest::CheckWatches(watches) | ClientRequest::RemoveWatches(watches) => Some(&watches.path),
        _ => None,
    }
}

fn changed(change: &Change) -> Option<&str> {
    match change {
        Change::Create { path, .. }
        | Change::Delete { path, .. }
        | Change::DeleteContainer { path }
        | Change::SetData { path, .. }
        | Change::SetAcl { path, .. }
        | Change::Check { path, .. } => Some(path),
        Change::Multi(_) | Change::CreateSession { .. } | Change::CloseSession | Change::Refused { .. } => None,
    }
}

//! What the handles of a client ask its task.

use super::answer::Answer;
use super::watch::WatchedEvent;
use crate::wire::ClientRequest;
use crate::wire::request::AuthPacket;
use tokio::sync::{mpsc, oneshot};

/// In the order in which they were asked.
#[derive(Debug)]
pub(super) enum Command {
    Request(Call),
    /// Proves who the client is, now and on every later connection.
    Auth {
        packet: AuthPacket,
        answer: Answer,
    },
    /// Nobody holds this watch any more.
    Unwatch {
        /// As the server knows it.
        path: String,
        id: u64,
    },
    /// Closes the session; the answer comes when the client has ended.
    Close {
        done: oneshot::Sender<()>,
    },
}

/// A request, and what becomes of its reply.
#[derive(Debug)]
pub(super) struct Call {
    pub request: ClientRequest,
    pub answer: Option<Answer>,
    /// Registered when the reply says that the server has it.
    pub watch: Option<Watcher>,
}

/// One who wants to hear.
#[derive(Debug)]
pub(super) struct Watcher {
    pub id: u64,
    pub hears: Hears,
}

/// Once, or as long as it lives.
#[derive(Debug)]
pub(super) enum Hears {
    Once(oneshot::Sender<WatchedEvent>),
    Always(mpsc::UnboundedSender<WatchedEvent>),
}

impl Watcher {
    pub fn is_gone(&self) -> bool {
        match &self.hears {
            Hears::Once(sender) => sender.is_closed(),
            Hears::Always(sender) => sender.is_closed(),
        }
    }

    /// The last that it hears.
    pub fn finish(self, event: WatchedEvent) {
        match self.hears {
            Hears::Once(sender) => drop(sender.send(event)),
            Hears::Always(sender) => drop(sender.send(event)),
        }
    }
}

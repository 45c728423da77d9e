//! What a user holds of a watch.

use super::command::Command;
use crate::wire::{EventType, KeeperState};
use futures_core::Stream;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc::{UnboundedReceiver, WeakUnboundedSender};
use tokio::sync::oneshot;
use zab::Zxid;

/// What a watch tells (`WatchedEvent`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WatchedEvent {
    /// What happened; [`EventType::None`] if only the state of the session changed.
    pub kind: EventType,
    /// How the session stands.
    pub state: KeeperState,
    /// To which znode, seen through the chroot. Empty for a change of state.
    pub path: String,
    /// By which transaction. Servers before 3.9 do not say, nor does any for what happened while there was no
    /// connection.
    pub zxid: Option<Zxid>,
}

impl WatchedEvent {
    pub(super) fn of_state(state: KeeperState) -> WatchedEvent {
        WatchedEvent { kind: EventType::None, state, path: String::new(), zxid: None }
    }
}

/// How long, and how far, [`Client::watch`](super::Client::watch) watches (`AddWatchMode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddWatchMode {
    /// The znode: its data, its children, its coming and going.
    Persistent,
    /// The znode and all below it, but no [`EventType::NodeChildrenChanged`]: coming and going says the same.
    PersistentRecursive,
}

impl AddWatchMode {
    pub(super) fn number(self) -> i32 {
        self as i32
    }
}

/// Tells the client that nobody holds the watch any more.
#[derive(Debug)]
pub(super) struct Registration {
    pub commands: WeakUnboundedSender<Command>,
    /// As the server knows it.
    pub path: String,
    pub id: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        // Of a client that has ended there is nothing to be told.
        if let Some(commands) = self.commands.upgrade() {
            let _ = commands.send(Command::Unwatch { path: std::mem::take(&mut self.path), id: self.id });
        }
    }
}

/// A watch that fires once: a future of its event. It lives over reconnections; what happened meanwhile fires it.
///
/// It ends in any case: with [`EventType::None`] and the state `Expired`, `AuthFailed` or `Closed` together with the
/// session, with `DataWatchRemoved` or `ChildWatchRemoved` by `remove_watches`. Dropped, it is forgotten here; the
/// server keeps its side until it fires.
#[derive(Debug)]
#[must_use = "a watch that is dropped is forgotten"]
pub struct OneShotWatch {
    pub(super) event: oneshot::Receiver<WatchedEvent>,
    pub(super) registration: Option<Registration>,
}

impl Future for OneShotWatch {
    type Output = WatchedEvent;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<WatchedEvent> {
        let event = std::task::ready!(Pin::new(&mut self.event).poll(context));
        // It has fired, and the client knows of it no longer; to say so again does no harm.
        self.registration = None;
        // Without event only where the client's task was ended from outside, with its runtime.
        Poll::Ready(event.unwrap_or_else(|_| WatchedEvent::of_state(KeeperState::Closed)))
    }
}

/// A watch that fires until it is dropped: a stream of events. It lives over reconnections, but what happened meanwhile
/// is not told: [`EventType::None`] with the state `Disconnected`, and later `SyncConnected` (or `ConnectedReadOnly`),
/// stand in the stream in its place, so that its owner reads again what it must know.
///
/// Dropped, it is removed on the server, unless another watch of this client needs it. Events that are not taken are
/// kept: who does not read a watch should drop it.
#[derive(Debug)]
#[must_use = "a watch that is dropped is removed"]
pub struct Watch {
    pub(super) events: UnboundedReceiver<WatchedEvent>,
    pub(super) _registration: Registration,
}

impl Watch {
    /// The next event; `None` after the last one, which told the end of the session (`Expired`, `AuthFailed`, `Closed`)
    /// or `PersistentWatchRemoved`. Cancellation loses no event.
    pub async fn next(&mut self) -> Option<WatchedEvent> {
        self.events.recv().await
    }
}

/// As [`Watch::next`].
impl Stream for Watch {
    type Item = WatchedEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<WatchedEvent>> {
        self.events.poll_recv(context)
    }
}

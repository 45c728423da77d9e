//! What watches tell, printed as it comes.
//!
//! Java's shell has one watcher for everything, so it prints an event once, however many watches on the path it fires.
//! Here every watch is told by itself, and what has just been printed is not printed again.

use super::print;
use super::screen::Screen;
use crate::client::{
    AddWatchMode, Client, EventType, KeeperState, OneShotWatch, SessionState, Watch, WatchedEvent, WatcherType,
};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::AbortHandle;

/// How many events are remembered.
const REMEMBERED: usize = 64;

/// What is printed of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Nothing: who does one command only does not wait for events.
    Nothing,
    /// What happens to znodes.
    Znodes,
    /// And how the session stands.
    Everything,
}

/// Holds the watches of a session. Clones are the same.
#[derive(Clone, Debug)]
pub struct Listener {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    screen: Screen,
    telling: Telling,
    /// As `printwatches` says.
    prints: Arc<AtomicBool>,
    recent: Mutex<Recent>,
    held: Mutex<Vec<Held>>,
}

#[derive(Debug)]
struct Held {
    path: String,
    kind: WatcherType,
    task: AbortHandle,
}

impl Listener {
    /// Holds no watch yet. `prints` may change at any time.
    pub fn new(screen: Screen, telling: Telling, prints: Arc<AtomicBool>) -> Listener {
        let (recent, held) = (Mutex::default(), Mutex::default());
        Listener { shared: Arc::new(Shared { screen, telling, prints, recent, held }) }
    }

    /// Tells how the client's session stands, now and until it is over.
    pub fn follow(&self, client: &Client) {
        let (shared, mut states) = (self.shared.clone(), client.state());
        tokio::spawn(async move {
            loop {
                let state = *states.borrow_and_update();
                if shared.telling == Telling::Everything {
                    shared.print(&WatchedEvent {
                        kind: EventType::None,
                        state: keeper_state(state),
                        path: String::new(),
                        zxid: None,
                    });
                }
                if state.is_over() || states.changed().await.is_err() {
                    return;
                }
            }
        });
    }

    /// Tells the event of a watch, when it comes.
    pub fn once(&self, path: &str, kind: WatcherType, watch: OneShotWatch) {
        let shared = self.shared.clone();
        self.hold(path, kind, async move { shared.tell(&watch.await) });
    }

    /// Tells all events of a watch.
    pub fn always(&self, path: &str, mode: AddWatchMode, mut watch: Watch) {
        let shared = self.shared.clone();
        let kind = match mode {
            AddWatchMode::Persistent => WatcherType::Persistent,
            AddWatchMode::PersistentRecursive => WatcherType::PersistentRecursive,
        };
        self.hold(path, kind, async move {
            while let Some(event) = watch.next().await {
                shared.tell(&event);
            }
        });
    }

    /// Forgets watches, without a word to any server.
    pub fn forget(&self, path: &str, kind: WatcherType) {
        self.shared.held.lock().retain(|held| {
            let is_meant = held.path == path && (kind == WatcherType::Any || kind == held.kind);
            if is_meant {
                held.task.abort();
            }
            !is_meant
        });
    }

    fn hold(&self, path: &str, kind: WatcherType, task: impl Future<Output = ()> + Send + 'static) {
        let task = tokio::spawn(task).abort_handle();
        let mut held = self.shared.held.lock();
        held.retain(|held| !held.task.is_finished());
        held.push(Held { path: path.to_owned(), kind, task });
    }
}

impl Shared {
    fn tell(&self, event: &WatchedEvent) {
        // How the session stands is told once, and not by every watch.
        let is_news = event.kind != EventType::None && self.recent.lock().is_new(event);
        if is_news && self.telling != Telling::Nothing {
            self.print(event);
        }
    }

    fn print(&self, event: &WatchedEvent) {
        if self.prints.load(Ordering::Relaxed) {
            let path = (event.kind != EventType::None).then_some(event.path.as_str());
            let zxid = event.zxid.map_or(-1, |zxid| zxid.0.cast_signed());
            self.screen.event(print::event(event.kind, event.state, path, zxid));
        }
    }
}

/// What was told last. Without a transaction's number two events cannot be told apart from one that is told twice;
/// they are all told.
#[derive(Debug, Default)]
struct Recent(VecDeque<WatchedEvent>);

impl Recent {
    fn is_new(&mut self, event: &WatchedEvent) -> bool {
        if event.zxid.is_none() {
            return true;
        }
        if self.0.contains(event) {
            return false;
        }
        self.0.truncate(REMEMBERED - 1);
        self.0.push_front(event.clone());
        true
    }
}

fn keeper_state(state: SessionState) -> KeeperState {
    match state {
        SessionState::Connecting => KeeperState::Disconnected,
        SessionState::Connected => KeeperState::SyncConnected,
        SessionState::ConnectedReadOnly => KeeperState::ConnectedReadOnly,
        SessionState::Expired => KeeperState::Expired,
        SessionState::AuthFailed => KeeperState::AuthFailed,
        SessionState::Closed => KeeperState::Closed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zab::Zxid;

    #[test]
    fn an_event_is_told_once() {
        let event = |path: &str, zxid| WatchedEvent {
            kind: EventType::NodeDeleted,
            state: KeeperState::SyncConnected,
            path: path.to_owned(),
            zxid,
        };
        let mut recent = Recent::default();
        assert!(recent.is_new(&event("/a", Some(Zxid(1)))));
        assert!(!recent.is_new(&event("/a", Some(Zxid(1)))));
        assert!(recent.is_new(&event("/b", Some(Zxid(1)))));
        assert!(recent.is_new(&event("/a", Some(Zxid(2)))));
        assert!(recent.is_new(&event("/a", None)));
        assert!(recent.is_new(&event("/a", None)));
        for zxid in 3..1000 {
            assert!(recent.is_new(&event("/a", Some(Zxid(zxid)))));
        }
        assert_eq!(recent.0.len(), REMEMBERED);
    }
}

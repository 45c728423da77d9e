//! What waits to be sent to a client: replies and events, in the order in which they must arrive.

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Bytes on the way to one client. The node and the connection's own task both append; the task sends.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    end: End,
}

/// Whether more can be appended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    /// What waits is the last.
    Closing,
    /// Nothing is sent any more.
    Aborted,
}

/// What [`Outbox::take`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// There may be more, later.
    Open,
    /// This was the last: close the connection behind it.
    Last,
    /// Close the connection now.
    Aborted,
}

impl Outbox {
    /// So many bytes of what nobody asked for may wait for one client. (Replies have their own bound: a client with
    /// [`Outbox::ENOUGH`] to read is not listened to.)
    pub const LIMIT: usize = 64 << 20;

    /// With so many bytes waiting, a client has enough to read before it asks for more.
    pub const ENOUGH: usize = 1 << 20;

    /// Appends what `write` writes and wakes the connection's task. After [`Outbox::close`] nothing is appended any
    /// more.
    pub fn push(&self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.push_quietly(write) {
            self.wake();
        }
    }

    /// As [`Outbox::push`], but wakes nobody. The answer is whether nothing waited before: then the caller must
    /// [`Outbox::wake`] the task, when it has nothing more to append.
    #[must_use]
    pub fn push_quietly(&self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut waiting = self.waiting.lock();
        if waiting.end != End::Open {
            return false;
        }
        let was_empty = waiting.bytes.is_empty();
        write(&mut waiting.bytes);
        was_empty
    }

    /// As [`Outbox::push_quietly`], everything that is in `bytes`, which is empty behind it.
    pub fn append_quietly(&self, bytes: &mut Vec<u8>) {
        let mut waiting = self.waiting.lock();
        if waiting.end == End::Open && waiting.bytes.is_empty() {
            std::mem::swap(&mut waiting.bytes, bytes);
        } else if waiting.end == End::Open {
            waiting.bytes.append(bytes);
        }
        bytes.clear();
    }

    /// Appends an event, as [`Outbox::push`]. A client that lets [`Outbox::LIMIT`] bytes wait does not read: its
    /// connection is aborted.
    pub fn push_event(&self, write: impl FnOnce(&mut Vec<u8>)) {
        self.push(write);
        if self.len() > Outbox::LIMIT {
            self.abort();
        }
    }

    /// Lets the connection be closed when what waits has been sent.
    pub fn close(&self) {
        let mut waiting = self.waiting.lock();
        if waiting.end == End::Open {
            waiting.end = End::Closing;
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Lets the connection be closed now. What waits is forgotten.
    pub fn abort(&self) {
        *self.waiting.lock() = Waiting { bytes: Vec::new(), end: End::Aborted };
        self.changed.notify_one();
    }

    /// Whether nothing is appended any more: then there is no use in doing what the client asks.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.waiting.lock().end != End::Open
    }

    /// Whether the connection is to be closed now.
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        self.waiting.lock().end == End::Aborted
    }

    /// How many bytes wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.lock().bytes.len()
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets the connection's task look again at what it waits for.
    pub fn wake(&self) {
        self.changed.notify_one();
    }

    /// Moves everything that waits behind `bytes`.
    pub fn take(&self, bytes: &mut Vec<u8>) -> Taken {
        let mut waiting = self.waiting.lock();
        if bytes.is_empty() {
            // An idle connection keeps no memory for what it may send some day.
            *bytes = std::mem::take(&mut waiting.bytes);
        } else {
            bytes.append(&mut waiting.bytes);
        }
        match waiting.end {
            End::Open => Taken::Open,
            End::Closing => Taken::Last,
            End::Aborted => Taken::Aborted,
        }
    }

    /// Waits until something was appended, the outbox was closed, or somebody wakes the task.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

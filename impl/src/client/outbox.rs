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
    closing: bool,
}

/// What [`Outbox::take`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// There may be more, later.
    Open,
    /// This was the last: close the connection behind it.
    Last,
}

impl Outbox {
    /// So many bytes may wait for one client: more than the longest reply by far.
    pub const LIMIT: usize = 64 << 20;

    /// Appends what `write` writes and wakes the connection's task. After [`Outbox::close`] nothing is appended any
    /// more. A client that lets [`Outbox::LIMIT`] bytes wait does not read: its connection is closed and all of it
    /// forgotten.
    pub fn push(&self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.push_quietly(write) {
            self.changed.notify_one();
        }
    }

    /// As [`Outbox::push`], but wakes nobody. The answer is whether nothing waited before: then the caller must
    /// [`Outbox::wake`] the task, when it has nothing more to append.
    #[must_use]
    pub fn push_quietly(&self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut waiting = self.waiting.lock();
        if waiting.closing {
            return false;
        }
        let was_empty = waiting.bytes.is_empty();
        write(&mut waiting.bytes);
        if waiting.bytes.len() > Outbox::LIMIT {
            *waiting = Waiting { bytes: Vec::new(), closing: true };
        }
        was_empty
    }

    /// Wakes the connection's task.
    pub fn wake(&self) {
        self.changed.notify_one();
    }

    /// Lets the connection be closed when what waits has been sent.
    pub fn close(&self) {
        self.waiting.lock().closing = true;
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
        if waiting.closing { Taken::Last } else { Taken::Open }
    }

    /// Waits until something was appended, or the outbox was closed.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

//! The file of a trace: a thread writes what others have made into text.

use super::{MOST, REST};
use parking_lot::{Condvar, Mutex};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use zab::ServerId;
use zab::trace::{Event, Line};

/// Whoever has a clone may still record. When the last is gone, the trace ends.
#[derive(Debug)]
pub(super) struct Open(pub(super) Arc<Waiting>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.room.lock().closed = true;
        self.0.more.notify_one();
    }
}

/// Lines between the threads that record and the one that writes the file. They are made into text by those who record:
/// to hand them over would cost more than that.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    room: Mutex<Room>,
    /// There is something to write, or never will be.
    more: Condvar,
    /// There is room again.
    less: Condvar,
}

#[derive(Debug, Default)]
struct Room {
    text: Vec<u8>,
    /// The writer waits for something to come.
    idle: bool,
    /// Nobody records any more.
    closed: bool,
    /// Nobody writes any more. Whoever records from now on finds nobody, and goes on.
    abandoned: bool,
}

impl Waiting {
    /// Whole lines.
    pub(super) fn put(&self, lines: &[u8]) {
        let mut room = self.room.lock();
        self.less.wait_while(&mut room, |room| room.text.len() > MOST && !room.abandoned);
        if room.abandoned {
            return;
        }
        room.text.extend_from_slice(lines);
        if std::mem::take(&mut room.idle) {
            self.more.notify_one();
        }
    }

    /// What has come since, in the place of this. False when nothing more will come.
    fn take(&self, text: &mut Vec<u8>) -> bool {
        text.clear();
        let mut room = self.room.lock();
        room.idle = room.text.is_empty();
        self.more.wait_while(&mut room, |room| room.text.is_empty() && !room.closed);
        std::mem::swap(&mut room.text, text);
        self.less.notify_all();
        !text.is_empty()
    }

    pub(super) fn abandon(&self) {
        let mut room = self.room.lock();
        (room.abandoned, room.text) = (true, Vec::new());
        self.less.notify_all();
    }
}

pub(super) struct Trace {
    pub(super) file: File,
    /// Bytes that may still be written.
    pub(super) left: u64,
    pub(super) path: PathBuf,
}

impl Trace {
    /// What is there goes to the file soon: a process that is killed loses little. One that stops by itself says so:
    /// nothing is missing before that line. Between two rounds it rests, so that a busy server needs not wake it for
    /// every line.
    pub(super) fn run(&mut self, server: ServerId, waiting: &Waiting) -> io::Result<()> {
        let mut text = Vec::new();
        while waiting.take(&mut text) {
            self.write(&text)?;
            std::thread::sleep(REST);
        }
        serde_json::to_writer(&mut text, &Line { server, event: Event::Crashed })?;
        text.push(b'\n');
        self.write(&text)
    }

    /// Whole lines, as many as there is room for.
    pub(super) fn write(&mut self, text: &[u8]) -> io::Result<()> {
        let fit = usize::try_from(self.left).map_or(text.len(), |left| left.min(text.len()));
        let whole = text[..fit].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.file.write_all(&text[..whole])?;
        self.left -= whole as u64;
        if whole < text.len() {
            return Err(io::Error::other("the trace is as long as it may be"));
        }
        Ok(())
    }
}

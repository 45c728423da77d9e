//! Recording what happens to this server, as lines of [`zab::trace`]: for people who want to know whether a real
//! ensemble did what the specification allows.
//!
//! Events are recorded at three places and no others: where the node recovers, where it takes a step, and where the
//! journal has made writes durable. They go to one queue, each before what follows from it is done. So the order of a
//! file is a real order: a write's line stands before the release that it allows, a step's line before its effects.

mod text;

use parking_lot::{Condvar, Mutex};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use zab::trace::{Elections, Event, FORMAT, Header, Line, VERSION};
use zab::{Disk, Ensemble, Input, Output, ServerId, Write};

/// So many lines wait for a listener at most.
const QUEUE: usize = 16 * 1024;

/// So many bytes wait for the file at most. Then the server waits: a trace with a hole would be worth nothing.
const MOST: usize = 8 << 20;

/// How long lines may wait for others: what a killed process loses of its trace. A busy server fills no tenth of the
/// room in this time.
const REST: Duration = Duration::from_millis(2);

/// Bytes after which a run is recorded no further, with a warning.
pub const LIMIT: u64 = 1 << 30;

/// The way to the trace of this run of the server. Clones write to the same trace.
#[derive(Clone, Debug)]
pub struct Recorder {
    server: ServerId,
    sink: Sink,
}

#[derive(Clone, Debug)]
enum Sink {
    File(Arc<Open>),
    Listener(SyncSender<Line>),
}

impl Recorder {
    /// Begins the trace of a run: a new file `server-ID.RUN.ndjson` in this folder, which is made if there is none.
    /// No more than `limit` bytes are written. The thread ends when the last clone is gone and everything is written.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn begin(
        folder: &Path,
        server: ServerId,
        ensemble: Arc<Ensemble>,
        limit: u64,
    ) -> io::Result<(Recorder, JoinHandle<()>)> {
        std::fs::create_dir_all(folder)?;
        let (path, file) = new_file(folder, server)?;
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            ensemble,
            elections: Elections::Held,
            recorded_by: format!("zabkeeper {}, server {}", crate::version::PACKAGE, server.0),
        };
        let mut trace = Trace { file, left: limit, path };
        let mut first = serde_json::to_vec(&header)?;
        first.push(b'\n');
        trace.write(&first)?;
        tracing::info!("this run is recorded in {}", trace.path.display());
        let waiting = Arc::<Waiting>::default();
        let room = waiting.clone();
        let writer = std::thread::Builder::new().name("recorder".into()).spawn(move || {
            if let Err(error) = trace.run(server, &room) {
                tracing::warn!("{}: recording has stopped: {error}", trace.path.display());
            }
            room.abandon();
        })?;
        Ok((Recorder { server, sink: Sink::File(Arc::new(Open(waiting))) }, writer))
    }

    /// A recorder whose lines go to whoever reads the other end, one write each, and to no file.
    #[must_use]
    pub fn listening(server: ServerId) -> (Recorder, Receiver<Line>) {
        let (lines, queue) = sync_channel(QUEUE);
        (Recorder { server, sink: Sink::Listener(lines) }, queue)
    }

    /// The server has started on this disk.
    pub fn recovered(&self, disk: &Disk, outputs: &[Output]) {
        self.record(Event::Recovered { disk: Some(disk.clone()), outputs: outputs.to_vec() });
    }

    /// The server has taken a step. Gives back what it is to do.
    #[must_use]
    pub fn stepped(&self, input: Input, outputs: Vec<Output>) -> Vec<Output> {
        match &self.sink {
            Sink::File(open) => {
                // Not cloned for the line: a busy server takes a million steps a second.
                let line = Line { server: self.server, event: Event::Stepped { input, outputs } };
                open.0.put(&line);
                let Event::Stepped { outputs, .. } = line.event else { unreachable!("it is a step") };
                outputs
            }
            Sink::Listener(_) => {
                self.record(Event::Stepped { input, outputs: outputs.clone() });
                outputs
            }
        }
    }

    /// One sync has made these writes durable.
    pub fn flushed(&self, writes: &mut Vec<Write>) {
        match (&self.sink, writes.len()) {
            (Sink::File(_), count) => {
                let last = writes.drain(..).next_back();
                last.into_iter().for_each(|write| self.record(Event::Flushed { count, write }));
            }
            (Sink::Listener(_), _) => {
                writes.drain(..).for_each(|write| self.record(Event::Flushed { count: 1, write }));
            }
        }
    }

    /// Waits while too much is on its way.
    fn record(&self, event: Event) {
        let line = Line { server: self.server, event };
        match &self.sink {
            Sink::File(open) => open.0.put(&line),
            Sink::Listener(lines) => drop(lines.send(line)),
        }
    }
}

/// The first name that is free. Runs are numbered from 1.
fn new_file(folder: &Path, server: ServerId) -> io::Result<(PathBuf, File)> {
    let mut run = 1;
    loop {
        let path = folder.join(format!("server-{}.{run:06}.ndjson", server.0));
        match File::options().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => run += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Whoever has a clone may still record. When the last is gone, the trace ends.
#[derive(Debug)]
struct Open(Arc<Waiting>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.room.lock().closed = true;
        self.0.more.notify_one();
    }
}

/// Lines between the threads that record and the one that writes the file. They are made into text by those who record:
/// to hand them over would cost more than that.
#[derive(Debug, Default)]
struct Waiting {
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
    fn put(&self, line: &Line) {
        let mut room = self.room.lock();
        self.less.wait_while(&mut room, |room| room.text.len() > MOST && !room.abandoned);
        if room.abandoned {
            return;
        }
        text::write(line, &mut room.text);
        room.text.push(b'\n');
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

    fn abandon(&self) {
        let mut room = self.room.lock();
        (room.abandoned, room.text) = (true, Vec::new());
        self.less.notify_all();
    }
}

struct Trace {
    file: File,
    /// Bytes that may still be written.
    left: u64,
    path: PathBuf,
}

impl Trace {
    /// What is there goes to the file soon: a process that is killed loses little. One that stops by itself says so:
    /// nothing is missing before that line. Between two rounds it rests, so that a busy server needs not wake it for
    /// every line.
    fn run(&mut self, server: ServerId, waiting: &Waiting) -> io::Result<()> {
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
    fn write(&mut self, text: &[u8]) -> io::Result<()> {
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

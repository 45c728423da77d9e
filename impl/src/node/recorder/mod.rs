//! Recording what happens to this server, as lines of [`zab::trace`]: for people who want to know whether a real
//! ensemble did what the specification allows.
//!
//! Events are recorded at three places and no others: where the node recovers, where it takes a step, and where the
//! journal has made writes durable. They go to one queue: a step before its writes are on their way to the disk, a
//! flush before what it releases. So the order of a file is a real order.

mod file;
mod text;

use file::{Open, Trace, Waiting};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use text::Text;
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

    /// A write is done, and the next sync makes it durable.
    pub fn written(&self, unsynced: &mut Vec<Flush>, write: Write) {
        match (&self.sink, unsynced.last_mut()) {
            // Their number and the last of them say everything: they become durable in their order.
            (Sink::File(_), Some(last)) => *last = Flush { count: last.count + 1, write },
            _ => unsynced.push(Flush { count: 1, write }),
        }
    }

    /// What was written is durable.
    pub fn flushed(&self, unsynced: &mut Vec<Flush>) {
        unsynced.drain(..).for_each(|Flush { count, write }| self.record(Event::Flushed { count, write }));
    }

    /// Waits while too much is on its way.
    fn record(&self, event: Event) {
        let line = Line { server: self.server, event };
        match &self.sink {
            Sink::File(open) => open.0.put(&text::of(&line)),
            Sink::Listener(lines) => drop(lines.send(line)),
        }
    }
}

/// Writes that one sync makes durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flush {
    count: usize,
    /// The last of them.
    write: Write,
}

/// The steps of a node, which are recorded a turn at a time: a busy server takes a million a second. What a turn sends
/// to others may leave before its lines are on their way; what it hands to its disk may not.
#[derive(Debug)]
pub struct Steps {
    recorder: Recorder,
    text: Text,
    /// What the next line begins with, for a listener.
    input: Option<Input>,
}

impl Steps {
    /// None as yet.
    #[must_use]
    pub fn new(recorder: Recorder) -> Steps {
        Steps { text: Text::new(recorder.server), recorder, input: None }
    }

    /// The server takes a step.
    pub fn begin(&mut self, input: &Input) {
        match &self.recorder.sink {
            Sink::File(_) => self.text.begin(input),
            Sink::Listener(_) => self.input = Some(input.clone()),
        }
    }

    /// It has taken the step that it began.
    pub fn end(&mut self, outputs: &[Output]) {
        match self.input.take() {
            None => self.text.end(outputs),
            Some(input) => self.recorder.record(Event::Stepped { input, outputs: outputs.to_vec() }),
        }
    }

    /// Whatever is recorded from now on, by whomever, stands behind these steps.
    pub fn publish(&mut self) {
        if let Sink::File(open) = &self.recorder.sink
            && !self.text.lines().is_empty()
        {
            open.0.put(self.text.lines());
            self.text.clear();
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.publish();
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

//! Recording what happens to this server, as lines of [`zab::trace`]: for people who want to know whether a real
//! ensemble did what the specification allows.
//!
//! Events are recorded at three places and no others: where the node recovers, where it takes a step, and where the
//! journal has made writes durable. They go to one queue, each before what follows from it is done. So the order of a
//! file is a real order: a write's line stands before the release that it allows, a step's line before its effects.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use zab::trace::{Elections, Event, FORMAT, Header, Line, VERSION};
use zab::{Ensemble, ServerId};

/// So many lines wait for the file at most. Then the server waits: a trace with a hole would be worth nothing.
const QUEUE: usize = 16 * 1024;

/// How long lines may wait for others: what a killed process loses of its trace. A busy server fills no tenth of the
/// queue in this time.
const REST: Duration = Duration::from_millis(2);

/// Bytes that go to the file at once.
const BUFFER: usize = 256 << 10;

/// Bytes after which a run is recorded no further, with a warning.
pub const LIMIT: u64 = 1 << 30;

/// The way to the trace of this run of the server. Clones write to the same trace.
#[derive(Clone, Debug)]
pub struct Recorder {
    server: ServerId,
    lines: SyncSender<Line>,
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
        let mut trace = Trace { file: BufWriter::with_capacity(BUFFER, file), left: limit, path, text: Vec::new() };
        serde_json::to_writer(&mut trace.text, &header)?;
        trace.write()?;
        trace.file.flush()?;
        tracing::info!("this run is recorded in {}", trace.path.display());
        let (lines, queue) = sync_channel(QUEUE);
        let writer = std::thread::Builder::new().name("recorder".into()).spawn(move || {
            if let Err(error) = trace.run(server, &queue) {
                // Whoever records from now on finds nobody, and goes on.
                tracing::warn!("{}: recording has stopped: {error}", trace.path.display());
            }
        })?;
        Ok((Recorder { server, lines }, writer))
    }

    /// A recorder whose lines go to whoever reads the other end, and to no file.
    #[must_use]
    pub fn listening(server: ServerId) -> (Recorder, Receiver<Line>) {
        let (lines, queue) = sync_channel(QUEUE);
        (Recorder { server, lines }, queue)
    }

    /// Records an event. Waits while too many are on their way to the file.
    pub fn record(&self, event: Event) {
        let _ = self.lines.send(Line { server: self.server, event });
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

struct Trace {
    file: BufWriter<File>,
    /// Bytes that may still be written.
    left: u64,
    path: PathBuf,
    /// The line that is being written.
    text: Vec<u8>,
}

impl Trace {
    /// Whenever nothing waits, what is there goes to the file: a process that is killed loses little. One that stops by
    /// itself says so: nothing is missing before that line. Then it rests, so that a busy server needs not wake it for
    /// every line.
    fn run(&mut self, server: ServerId, queue: &Receiver<Line>) -> io::Result<()> {
        while let Ok(line) = queue.recv() {
            self.line(&line)?;
            while let Ok(line) = queue.try_recv() {
                self.line(&line)?;
            }
            self.file.flush()?;
            std::thread::sleep(REST);
        }
        self.line(&Line { server, event: Event::Crashed })?;
        self.file.flush()
    }

    fn line(&mut self, line: &Line) -> io::Result<()> {
        serde_json::to_writer(&mut self.text, line)?;
        self.write()
    }

    fn write(&mut self) -> io::Result<()> {
        self.text.push(b'\n');
        let length = self.text.len() as u64;
        let Some(left) = self.left.checked_sub(length) else {
            self.file.flush()?;
            return Err(io::Error::other("the trace is as long as it may be"));
        };
        self.left = left;
        self.file.write_all(&self.text)?;
        self.text.clear();
        Ok(())
    }
}

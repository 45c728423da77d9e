//! What the servers of an ensemble recorded: files `*.ndjson`, one for each run of a server.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zab::trace::{Event, FORMAT, Header, Line, VERSION};
use zab::{Ensemble, Output, ServerId};

/// All runs of all servers.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Who takes part.
    pub ensemble: Arc<Ensemble>,
    /// What happened to each, in order.
    pub servers: BTreeMap<ServerId, Vec<Entry>>,
}

/// An event with where it stands.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What happened.
    pub event: Event,
    /// The file, and the line in it, from 1.
    pub place: Place,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which file.
    pub file: Arc<Path>,
    /// Its line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// Why files are no recording.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file system.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A line cannot be read.
    #[error("{place}: {error}")]
    Json {
        /// Where.
        place: Place,
        /// What is wrong.
        error: serde_json::Error,
    },
    /// The first line is something else's.
    #[error("{}: not a trace of version {VERSION}", .0.display())]
    Format(PathBuf),
    /// Files of different ensembles.
    #[error("{}: of another ensemble than the files before", .0.display())]
    Ensemble(PathBuf),
    /// A file of several servers, or of one that the header does not know.
    #[error("{0}: a line of another server")]
    Server(Place),
    /// Nothing was found.
    #[error("there is no trace: no file *.ndjson")]
    Nothing,
}

/// Reads every trace in these folders. The last line of a file may be cut: its server was killed.
///
/// # Errors
/// When they cannot be read, or do not belong together.
pub fn read(folders: &[PathBuf]) -> Result<Recording, ReadError> {
    let mut files = Vec::new();
    for path in folders {
        let failed = |error| ReadError::Io { path: path.clone(), error };
        for entry in std::fs::read_dir(path).map_err(failed)? {
            files.push(entry.map_err(failed)?.path());
        }
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "ndjson"));
    // Runs are numbered in the names.
    files.sort_by_key(|path| path.file_name().map(ToOwned::to_owned));
    let mut recording: Option<Recording> = None;
    for path in files {
        let bytes = std::fs::read(&path).map_err(|error| ReadError::Io { path: path.clone(), error })?;
        let Some((header, lines)) = parse(&path, &bytes)? else { continue };
        let of_header = || Recording { ensemble: header.ensemble.clone(), servers: BTreeMap::new() };
        let recording = recording.get_or_insert_with(of_header);
        if recording.ensemble != header.ensemble {
            return Err(ReadError::Ensemble(path));
        }
        let Some(server) = lines.first().map(|(line, _)| line.server) else { continue };
        if let Some((_, place)) = lines.iter().find(|(line, _)| line.server != server) {
            return Err(ReadError::Server(place.clone()));
        }
        recording.servers.entry(server).or_default().extend(one_by_one(lines));
    }
    recording.ok_or(ReadError::Nothing)
}

/// A sync that made several writes durable becomes as many events: of the older ones is known what was queued, the last
/// one is told.
fn one_by_one(lines: Vec<(Line, Place)>) -> Vec<Entry> {
    let (mut entries, mut queue) = (Vec::with_capacity(lines.len()), VecDeque::new());
    for (Line { event, .. }, place) in lines {
        match &event {
            Event::Recovered { outputs, .. } | Event::Stepped { outputs, .. } => {
                let write =
                    |output: &Output| if let Output::Write(write) = output { Some(write.clone()) } else { None };
                queue.extend(outputs.iter().filter_map(write));
                entries.push(Entry { event, place });
            }
            Event::Flushed { count, write: last } => {
                // More than are queued cannot be: the last event says the rest, and is refused.
                let older = count.saturating_sub(1).min(queue.len());
                let each = queue.drain(..older).map(|write| Event::Flushed { count: 1, write });
                entries.extend(each.map(|event| Entry { event, place: place.clone() }));
                queue.pop_front();
                let event = Event::Flushed { count: count - older, write: last.clone() };
                entries.push(Entry { event, place });
            }
            Event::Crashed => {
                queue.clear();
                entries.push(Entry { event, place });
            }
        }
    }
    entries
}

type Parsed = (Header, Vec<(Line, Place)>);

fn parse(path: &Path, bytes: &[u8]) -> Result<Option<Parsed>, ReadError> {
    let file: Arc<Path> = path.into();
    // Behind the last end of a line is a line that was cut, or nothing.
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    let mut texts = bytes[..whole].split(|byte| *byte == b'\n').enumerate();
    let Some((_, first)) = texts.next().filter(|(_, first)| !first.is_empty()) else { return Ok(None) };
    let at = |index: usize| Place { file: file.clone(), line: index + 1 };
    let header: Header = serde_json::from_slice(first).map_err(|error| ReadError::Json { place: at(0), error })?;
    if header.format != FORMAT || header.version != VERSION {
        return Err(ReadError::Format(path.to_owned()));
    }
    let line = |(index, text): (usize, &[u8])| match serde_json::from_slice(text) {
        Ok(line) => Ok((line, at(index))),
        Err(error) => Err(ReadError::Json { place: at(index), error }),
    };
    Ok(Some((header, texts.map(line).collect::<Result<_, _>>()?)))
}

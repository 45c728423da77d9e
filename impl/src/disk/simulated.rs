//! A disk in memory that forgets what was not synced, and fails when it is told to: for tests.

use super::file_system::{File, FileSystem};
use parking_lot::{Mutex, MutexGuard};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file system in memory. Clones are the same disk.
///
/// A [crash](SimulatedDisk::crash) keeps, of every file, what was synced and a beginning of what was done to it since;
/// of the last write kept there may be only a part. The same holds for the names of every directory. An error can be
/// planted at [any operation](SimulatedDisk::fail_at), power can be [cut](SimulatedDisk::cut_power_at) there, space can
/// be [limited](SimulatedDisk::set_capacity) and writes can be [short](SimulatedDisk::set_longest_write).
#[derive(Clone, Debug, Default)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
    /// The [`State::generation`] that this handle belongs to; `None` belongs to all.
    mounted: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    contents: Vec<Content>,
    directories: BTreeSet<PathBuf>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    unsynced_names: Vec<Naming>,
    operations: u64,
    planted: Option<(u64, i32)>,
    power_cut: Option<u64>,
    capacity: Option<u64>,
    longest_write: Option<usize>,
    /// Raised by every crash and power cut: files opened and handles mounted before it are dead.
    generation: u64,
}

/// A file, whatever its names are.
#[derive(Clone, Debug, Default)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(u64, Vec<u8>),
    SetLength(u64),
}

#[derive(Clone, Debug)]
enum Naming {
    Create(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl Naming {
    fn is_in(&self, directory: &Path) -> bool {
        let (Naming::Create(path, _) | Naming::Rename(path, _) | Naming::Remove(path)) = self;
        path.parent() == Some(directory)
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Naming::Create(path, content) => {
                names.insert(path.clone(), *content);
            }
            Naming::Rename(from, to) => {
                if let Some(content) = names.remove(from) {
                    names.insert(to.clone(), content);
                }
            }
            Naming::Remove(path) => {
                names.remove(path);
            }
        }
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Change::Write(offset, written) => {
                let (start, end) = (*offset as usize, *offset as usize + written.len());
                bytes.resize(bytes.len().max(end), 0);
                bytes[start..end].copy_from_slice(written);
            }
            Change::SetLength(length) => bytes.resize(*length as usize, 0),
        }
    }
}

impl SimulatedDisk {
    /// An empty disk that works.
    #[must_use]
    pub fn new() -> SimulatedDisk {
        SimulatedDisk::default()
    }

    /// How many operations that can fail were asked for so far: creating, renaming, removing, writing, cutting,
    /// syncing.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// The operation with this number, counted as [`SimulatedDisk::operations`] from 0, fails with this error number
    /// (`EIO` is 5, `ENOSPC` is 28), once. A sync that fails loses the bytes that it was for, as Linux does: they can
    /// be read, but no later sync makes them durable.
    pub fn fail_at(&self, operation: u64, error: i32) {
        self.state.lock().planted = Some((operation, error));
    }

    /// With the operation of this number, counted as [`SimulatedDisk::operations`] from 0, power is lost: it and
    /// everything later fails, by every file and [mounted](SimulatedDisk::mounted) handle, and changes nothing.
    /// [`SimulatedDisk::crash`] then says what is left.
    pub fn cut_power_at(&self, operation: u64) {
        self.state.lock().power_cut = Some(operation);
    }

    /// The disk as the machine has it until the next crash or power cut: whatever is asked of this handle afterwards
    /// fails, so that a thread that outlives the crash changes nothing.
    #[must_use]
    pub fn mounted(&self) -> SimulatedDisk {
        SimulatedDisk { state: self.state.clone(), mounted: Some(self.state.lock().generation) }
    }

    /// No more than so many bytes fit on the disk: then `ENOSPC`. (Zeros ahead count.)
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state.lock().capacity = bytes;
    }

    /// How many bytes are on the disk.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.state.lock().used()
    }

    /// A write takes at most so many bytes at a time.
    pub fn set_longest_write(&self, bytes: Option<usize>) {
        self.state.lock().longest_write = bytes;
    }

    /// The machine loses power and starts again. `choose(n)` says, between 0 and n, how much survives: how many of the
    /// changes to a file, how many bytes of the write after them, how many of the changes to a directory's names.
    /// Files that were open are dead.
    pub fn crash(&self, choose: &mut dyn FnMut(usize) -> usize) {
        let state = &mut *self.state.lock();
        for content in &mut state.contents {
            let kept = choose(content.unsynced.len()).min(content.unsynced.len());
            content.unsynced[..kept].iter().for_each(|change| change.apply(&mut content.durable));
            if let Some(Change::Write(offset, bytes)) = content.unsynced.get(kept) {
                let part = choose(bytes.len()).min(bytes.len());
                Change::Write(*offset, bytes[..part].to_vec()).apply(&mut content.durable);
            }
            content.unsynced.clear();
            content.now = content.durable.clone();
        }
        let directories: Vec<PathBuf> = state.directories.iter().cloned().collect();
        for directory in directories {
            let changes: Vec<&Naming> = state.unsynced_names.iter().filter(|name| name.is_in(&directory)).collect();
            let kept = choose(changes.len()).min(changes.len());
            changes[..kept].iter().for_each(|change| change.apply(&mut state.durable_names));
        }
        state.unsynced_names.clear();
        state.names = state.durable_names.clone();
        (state.planted, state.power_cut, state.generation) = (None, None, state.generation + 1);
        // Nobody can ever reach a file that lost its last name.
        let named: BTreeSet<usize> = state.names.values().copied().collect();
        let lost = (0..state.contents.len()).filter(|content| !named.contains(content));
        lost.for_each(|content| state.contents[content] = Content::default());
    }

    /// The bytes of a file as they are now; `None` when there is none.
    #[must_use]
    pub fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state.lock();
        state.names.get(path).map(|content| state.contents[*content].now.clone())
    }

    /// Puts a file there, durably, with its directories.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let state = &mut *self.state.lock();
        state.directories.extend(path.ancestors().skip(1).map(Path::to_owned));
        state.contents.push(Content { now: bytes.to_vec(), durable: bytes.to_vec(), unsynced: Vec::new() });
        state.names.insert(path.to_owned(), state.contents.len() - 1);
        state.durable_names.insert(path.to_owned(), state.contents.len() - 1);
    }
}

impl State {
    /// Counts an operation; fails it if it is the one.
    fn count(&mut self) -> io::Result<()> {
        self.operations += 1;
        if self.power_cut.is_some_and(|operation| operation < self.operations) {
            (self.power_cut, self.generation) = (None, self.generation + 1);
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        match self.planted {
            Some((operation, error)) if operation + 1 == self.operations => {
                self.planted = None;
                Err(io::Error::from_raw_os_error(error))
            }
            _ => Ok(()),
        }
    }

    fn content(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.unsynced_names.push(naming);
    }

    fn used(&self) -> u64 {
        self.names.values().map(|content| self.contents[*content].now.len() as u64).sum()
    }

    fn change(&mut self, content: usize, change: Change) -> io::Result<()> {
        let before = self.contents[content].now.len() as u64;
        let end = match &change {
            Change::Write(offset, bytes) => offset + bytes.len() as u64,
            Change::SetLength(length) => *length,
        };
        if self.capacity.is_some_and(|capacity| end > before && self.used() - before + end > capacity) {
            return Err(io::Error::from_raw_os_error(ENOSPC));
        }
        change.apply(&mut self.contents[content].now);
        self.contents[content].unsynced.push(change);
        Ok(())
    }
}

const ENOSPC: i32 = 28;

impl SimulatedDisk {
    /// The state, unless this handle died with a crash.
    fn alive(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state.lock();
        let alive = self.mounted.is_none_or(|generation| generation == state.generation);
        if alive { Ok(state) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }
}

impl FileSystem for SimulatedDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let state = self.alive()?;
        let (content, generation) = (state.content(path)?, state.generation);
        Ok(Box::new(SimulatedFile { disk: self.clone(), content, generation }))
    }

    fn open_to_write(&self, path: &Path) -> io::Result<Box<dyn File>> {
        self.open(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let mut state = self.alive()?;
        state.count()?;
        if !path.parent().is_some_and(|parent| state.directories.contains(parent)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if let Ok(content) = state.content(path) {
            state.change(content, Change::SetLength(0))?;
        } else {
            state.contents.push(Content::default());
            let content = state.contents.len() - 1;
            state.rename(Naming::Create(path.to_owned(), content));
        }
        drop(state);
        self.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.alive()?;
        state.count()?;
        state.content(from)?;
        state.rename(Naming::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.alive()?;
        state.count()?;
        state.content(path)?;
        state.rename(Naming::Remove(path.to_owned()));
        Ok(())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let state = self.alive()?;
        if !state.directories.contains(directory) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = state.names.keys().filter(|path| path.parent() == Some(directory));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn create_directories(&self, path: &Path) -> io::Result<()> {
        self.alive()?.directories.extend(path.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        let state = &mut *self.alive()?;
        state.count()?;
        let names = std::mem::take(&mut state.unsynced_names);
        let (synced, others) = names.into_iter().partition(|name| name.is_in(path));
        let synced: Vec<Naming> = synced;
        synced.iter().for_each(|name| name.apply(&mut state.durable_names));
        state.unsynced_names = others;
        Ok(())
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        let state = self.alive()?;
        Ok(state.names.contains_key(path) || state.directories.contains(path))
    }
}

#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    content: usize,
    generation: u64,
}

impl SimulatedFile {
    /// Whether it was opened before the last crash.
    fn check(&self, state: &State) -> io::Result<()> {
        if self.generation == state.generation { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }
}

impl File for SimulatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state.lock();
        self.check(&state)?;
        let bytes = &state.contents[self.content].now;
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.state.lock();
        self.check(&state)?;
        state.count()?;
        let count = bytes.len().min(state.longest_write.unwrap_or(bytes.len()));
        state.change(self.content, Change::Write(offset, bytes[..count].to_vec()))?;
        Ok(count)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        self.check(&state)?;
        state.count()?;
        state.change(self.content, Change::SetLength(length))
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.disk.state.lock();
        self.check(&state)?;
        Ok(state.contents[self.content].now.len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        let state = &mut *self.disk.state.lock();
        self.check(state)?;
        let counted = state.count();
        // A power cut leaves it to the crash what became of them.
        self.check(state)?;
        let content = &mut state.contents[self.content];
        if counted.is_ok() {
            content.unsynced.drain(..).for_each(|change| change.apply(&mut content.durable));
        }
        // After a sync that failed, Linux takes the pages for clean: the next sync succeeds without them. The file's
        // length is in the journal of the file system.
        content.unsynced.retain(|change| matches!(change, Change::SetLength(_)));
        counted
    }
}

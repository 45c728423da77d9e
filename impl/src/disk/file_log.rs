//! The transaction log that is written (Java's `FileTxnLog`).

use super::error::DiskError;
use super::file_system::{File, FileSystem, read_all_at, write_all_at};
use super::growing_file::GrowingFile;
use super::log_reader::{self, HEADER, LogFile, LogReader};
use super::{names, tail};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use zab::Zxid;

/// How the log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// A file grows by so many bytes of zeros at a time, ahead of what is written (`preAllocSize`, there in KiB); 0
    /// turns that off. The growth is a hole, which takes no space, but for the next few zeros.
    pub preallocation: u64,
    /// A new file is begun after a commit that leaves more bytes than this in the current one (`txnLogSizeLimitInKb`,
    /// there in KiB). Java counts the zeros ahead as well.
    pub size_limit: Option<u64>,
    /// Whether a commit waits for the medium (`forceSync`). Without it a power cut loses what was acknowledged.
    pub sync: bool,
}

impl Default for LogOptions {
    fn default() -> LogOptions {
        LogOptions { preallocation: 64 << 20, size_limit: None, sync: true }
    }
}

/// The log of a directory, open to append. One thread's: it blocks.
///
/// Entries are [appended](FileLog::append) to memory; [`FileLog::commit`] writes all of them with one write and one
/// sync. A new file begins with the first entry after the start and after [`FileLog::roll`]. When a write or a sync
/// fails, what the disk holds is not known any more (a second sync may say yes to bytes that the first one lost), so
/// everything afterwards fails too.
#[derive(Debug)]
pub struct FileLog {
    files: Arc<dyn FileSystem>,
    directory: PathBuf,
    options: LogOptions,
    current: Option<GrowingFile>,
    /// Entries, framed, that no commit has written yet.
    pending: Vec<u8>,
    /// The last entry appended, pending or not.
    last: Option<Zxid>,
    /// How long the last sync took.
    sync_time: Duration,
    failed: bool,
}

impl FileLog {
    /// Opens the log of a directory. What a crash left unfinished at its end is cut off, and everything else is synced:
    /// what can be read now may be in the system's cache only, and this server is about to vouch for it.
    ///
    /// # Errors
    /// Files that cannot be read or written; a newest file that is damaged or no log.
    pub fn open(files: Arc<dyn FileSystem>, directory: &Path, options: LogOptions) -> Result<FileLog, DiskError> {
        let mut log = FileLog {
            files,
            directory: directory.to_owned(),
            options,
            current: None,
            pending: Vec::new(),
            last: None,
            sync_time: Duration::ZERO,
            failed: false,
        };
        let mut logs = log_reader::log_files(&*log.files, directory)?;
        while let Some((_, path)) = logs.last() {
            let mut newest = LogFile::open(&*log.files, path, true)?;
            while let Some(entry) = newest.next_entry()? {
                log.last = Some(entry.zxid);
            }
            tail::warn_of_cut(&*log.files, path, newest.position());
            if log.last.is_some() {
                log.vouch_for(path, newest.position())?;
                break;
            }
            // It was created, and no entry in it was ever committed.
            log.remove(path)?;
            logs.pop();
        }
        for (_, path) in logs.iter().rev().skip(1) {
            let file = log.files.open(path).map_err(DiskError::io("open", path))?;
            file.sync().map_err(DiskError::io("sync", path))?;
        }
        log.sync_directory()?;
        Ok(log)
    }

    /// The last entry of the log, whether committed or not.
    #[must_use]
    pub fn last_zxid(&self) -> Option<Zxid> {
        self.last
    }

    /// The bytes committed to the current file; 0 when the next entry begins a new one.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.current.as_ref().map_or(0, |current| current.position)
    }

    /// How long the medium took for the last commit that wrote something; zero where commits do not wait for it.
    #[must_use]
    pub fn sync_time(&self) -> Duration {
        self.sync_time
    }

    /// The bytes that wait for the next commit.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Appends a serialised transaction. Nothing of it is durable before the next commit.
    ///
    /// # Errors
    /// Bytes that are no transaction, or one that does not come after the last; a file that cannot be created.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.check()?;
        let length = u32::try_from(bytes.len()).ok().filter(|length| *length as usize <= log_reader::LONGEST_ENTRY);
        let (Some(length), Some(zxid)) = (length, log_reader::entry_zxid(bytes)) else {
            let what = format!("takes no entry of {} bytes", bytes.len());
            return Err(DiskError::unfit(&self.directory, what));
        };
        if let Some(last) = self.last.filter(|last| zxid <= *last) {
            return Err(DiskError::OutOfOrder { zxid, last });
        }
        if self.current.is_none() {
            self.failed = true;
            self.current = Some(self.begin(zxid)?);
            self.failed = false;
            self.pending.extend_from_slice(&HEADER);
        }
        self.pending.extend_from_slice(&u64::from(adler2::adler32_slice(bytes)).to_be_bytes());
        self.pending.extend_from_slice(&length.to_be_bytes());
        self.pending.extend_from_slice(bytes);
        self.pending.push(log_reader::END);
        self.last = Some(zxid);
        Ok(())
    }

    /// Makes every appended entry durable. Returns how many bytes were written: 0 when there was nothing to do.
    ///
    /// # Errors
    /// A write or a sync that fails. The entries may or may not be on the disk; nothing is written any more.
    pub fn commit(&mut self) -> Result<usize, DiskError> {
        self.check()?;
        let written = self.pending.len();
        let Some(current) = self.current.as_mut().filter(|_| written > 0) else { return Ok(0) };
        self.failed = true;
        self.sync_time = current.write(&self.pending, &self.options)?;
        if !current.named {
            self.sync_directory()?;
        }
        self.failed = false;
        self.pending.clear();
        // A closing of a session with very many ephemeral znodes must not hold memory for ever.
        self.pending.shrink_to(4 << 20);
        let Some(current) = &mut self.current else { return Ok(written) };
        current.named = true;
        if self.options.size_limit.is_some_and(|limit| current.position > limit) {
            self.roll()?;
        }
        Ok(written)
    }

    /// Commits, and lets the next entry begin a new file: done with every snapshot, so that old files can go.
    ///
    /// # Errors
    /// As [`FileLog::commit`].
    pub fn roll(&mut self) -> Result<(), DiskError> {
        self.commit()?;
        if let Some(current) = self.current.take() {
            // The zeros ahead are of no more use. If a crash undoes this, they are read as the end all the same.
            self.failed = true;
            current.file.set_len(current.position).map_err(DiskError::io("cut", &current.path))?;
            self.failed = false;
        }
        Ok(())
    }

    /// Whether this transaction is in the log. Commits.
    ///
    /// # Errors
    /// As [`FileLog::commit`]; files that cannot be read.
    pub fn contains(&mut self, zxid: Zxid) -> Result<bool, DiskError> {
        self.commit()?;
        let mut reader = self.read(zxid)?;
        Ok(reader.next_entry()?.is_some_and(|entry| entry.zxid == zxid))
    }

    /// Cuts the log behind `zxid`, which must be in the log or be `base`, the snapshot on which the log stands. (Java
    /// does not look, and keeps the transaction that follows a missing one.) The next entry begins a new file.
    /// [`DataDirectory::truncate`](super::DataDirectory::truncate) does this and what else there is to do.
    ///
    /// # Errors
    /// A `zxid` that is not there ([`DiskError::CannotTruncate`]; nothing has changed then), and as
    /// [`FileLog::commit`].
    pub fn truncate(&mut self, zxid: Zxid, base: Zxid) -> Result<(), DiskError> {
        if zxid != base && !self.contains(zxid)? {
            let (directory, what) = (self.directory.clone(), "no such transaction is in the log");
            return Err(DiskError::CannotTruncate { directory, zxid, what });
        }
        self.cut_behind(zxid)
    }

    /// Removes what is later than `zxid`, file by file from the newest, so that whatever a crash leaves is a beginning
    /// of the log.
    pub(crate) fn cut_behind(&mut self, zxid: Zxid) -> Result<(), DiskError> {
        self.roll()?;
        let mut logs = log_reader::log_files(&*self.files, &self.directory)?;
        let later = logs.split_off(logs.partition_point(|(first, _)| *first <= zxid));
        let end = match logs.last() {
            Some((_, path)) => end_of(&*self.files, path, zxid, later.is_empty())?,
            None => None,
        };
        self.failed = true;
        for (_, path) in later.iter().rev() {
            self.remove(path)?;
        }
        match (logs.last(), end) {
            (Some((_, path)), Some(end)) => self.cut(path, end)?,
            (Some((_, path)), None) => self.remove(path)?,
            (None, _) => {}
        }
        self.last = Some(zxid).filter(|last| *last > Zxid::ZERO);
        self.failed = false;
        Ok(())
    }

    /// Removes every log file, the newest first: a snapshot that came from the leader stands for them.
    pub(crate) fn clear(&mut self, snapshot: Zxid) -> Result<(), DiskError> {
        self.roll()?;
        self.failed = true;
        for (_, path) in log_reader::log_files(&*self.files, &self.directory)?.iter().rev() {
            self.remove(path)?;
        }
        self.last = Some(snapshot).filter(|last| *last > Zxid::ZERO);
        self.failed = false;
        Ok(())
    }

    /// The committed transactions from one on.
    ///
    /// # Errors
    /// A directory that cannot be read.
    pub fn read(&self, from: Zxid) -> Result<LogReader, DiskError> {
        LogReader::new(self.files.clone(), &self.directory, from)
    }

    fn check(&self) -> Result<(), DiskError> {
        if self.failed {
            return Err(DiskError::Failed { directory: self.directory.clone() });
        }
        Ok(())
    }

    /// Creates the file of the first entry `zxid`.
    fn begin(&self, zxid: Zxid) -> Result<GrowingFile, DiskError> {
        let path = self.directory.join(names::log_name(zxid));
        if self.files.exists(&path).map_err(DiskError::io("look for", &path))? {
            return Err(DiskError::unfit(
                &path,
                "is in the way of a new log: its transactions are not what its name says",
            ));
        }
        let file = self.files.create(&path).map_err(DiskError::io("create", &path))?;
        Ok(GrowingFile { file, path, position: 0, length: 0, filled: 0, named: false })
    }

    /// Cuts a file behind its last entry, and makes every byte before durable. The server that wrote them may have
    /// ended with a sync that failed: Linux takes the bytes in its cache for clean then, and another sync says yes
    /// without writing them. So they are written once more, unless [`FileLog::roll`] took the zeros ahead: then they
    /// are synced.
    fn vouch_for(&self, path: &Path, end: u64) -> Result<(), DiskError> {
        let file = self.files.open_to_write(path).map_err(DiskError::io("open for writing", path))?;
        let length = file.len().map_err(DiskError::io("read the length of", path))?;
        if length > end || self.options.preallocation == 0 {
            write_again(&*file, end).map_err(DiskError::io("write", path))?;
            file.sync().map_err(DiskError::io("sync", path))?;
        }
        self.cut(path, end)
    }

    fn cut(&self, path: &Path, length: u64) -> Result<(), DiskError> {
        let file = self.files.open_to_write(path).map_err(DiskError::io("open for writing", path))?;
        if file.len().map_err(DiskError::io("read the length of", path))? > length {
            file.set_len(length).map_err(DiskError::io("cut", path))?;
        }
        file.sync().map_err(DiskError::io("sync", path))
    }

    /// Each removal is durable before the next one begins.
    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        self.files.remove(path).map_err(DiskError::io("remove", path))?;
        self.sync_directory()
    }

    fn sync_directory(&self) -> Result<(), DiskError> {
        self.files.sync_directory(&self.directory).map_err(DiskError::io("sync directory", &self.directory))
    }
}

/// Writes the bytes before `end` as they are.
fn write_again(file: &dyn File, end: u64) -> io::Result<()> {
    let (mut buffer, mut position) = (vec![0; 1 << 20], 0);
    while position < end {
        let wanted = usize::try_from(end - position).map_or(buffer.len(), |rest| rest.min(buffer.len()));
        let count = read_all_at(file, &mut buffer[..wanted], position)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        write_all_at(file, &buffer[..count], position)?;
        position += count as u64;
    }
    Ok(())
}

/// Where the last entry at or before `zxid` ends in this file, if there is one.
fn end_of(files: &dyn FileSystem, path: &Path, zxid: Zxid, newest: bool) -> Result<Option<u64>, DiskError> {
    let mut file = LogFile::open(files, path, newest)?;
    let mut end = None;
    while let Some(entry) = file.next_entry()? {
        if entry.zxid > zxid {
            break;
        }
        end = Some(file.position());
    }
    Ok(end)
}

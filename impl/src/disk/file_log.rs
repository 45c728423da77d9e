//! The transaction log that is written (Java's `FileTxnLog`).

use super::error::DiskError;
use super::file_system::{File, FileSystem, write_all_at};
use super::log_reader::{self, Entry, HEADER, LogFile, LogReader};
use super::names;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zab::Zxid;

/// How the log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// A file grows by so many bytes of zeros at a time, ahead of what is written (`preAllocSize`, there in KiB); 0
    /// turns that off. The growth is a hole: it takes no space.
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

/// A file grows when so few bytes are left.
const MARGIN: u64 = 4096;

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
    current: Option<Current>,
    /// Entries, framed, that no commit has written yet.
    pending: Vec<u8>,
    /// The last entry appended, pending or not.
    last: Option<Zxid>,
    failed: bool,
}

/// The file that is written.
#[derive(Debug)]
struct Current {
    file: Box<dyn File>,
    path: PathBuf,
    /// Where the next byte goes.
    position: u64,
    /// Its length with the zeros ahead.
    length: u64,
    /// Whether its name is durable.
    named: bool,
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
            failed: false,
        };
        let mut logs = log_reader::log_files(&*log.files, directory)?;
        while let Some((_, path)) = logs.last() {
            let mut newest = LogFile::open(&*log.files, path, true)?;
            while let Some(entry) = newest.next_entry()? {
                log.last = Some(entry.zxid);
            }
            if log.last.is_some() {
                log.cut(path, newest.position())?;
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
        current.write(&self.pending, &self.options)?;
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
            current.file.set_len(current.position).map_err(DiskError::io("cut", &current.path))?;
        }
        Ok(())
    }

    /// Cuts the log behind `zxid`: it and everything before stay, everything later goes, file by file from the newest,
    /// so that whatever a crash leaves is a beginning of the log. The next entry begins a new file.
    ///
    /// `base` is the snapshot on which the log stands. `zxid` must be in the log or be `base` itself; Java does not
    /// look, and keeps the transaction that follows one which is missing.
    ///
    /// # Errors
    /// A `zxid` that is not there ([`DiskError::CannotTruncate`]; nothing has changed then), and as
    /// [`FileLog::commit`].
    pub fn truncate(&mut self, zxid: Zxid, base: Zxid) -> Result<(), DiskError> {
        self.roll()?;
        let mut logs = log_reader::log_files(&*self.files, &self.directory)?;
        let later = logs.split_off(logs.partition_point(|(first, _)| *first <= zxid));
        let found = match logs.last() {
            Some((_, path)) => find(&*self.files, path, zxid, later.is_empty())?,
            None => Found { position: 0, zxid: None },
        };
        if found.zxid != Some(zxid) && zxid != base {
            let (directory, what) = (self.directory.clone(), "no such transaction is in the log");
            return Err(DiskError::CannotTruncate { directory, zxid, what });
        }
        self.failed = true;
        for (_, path) in later.iter().rev() {
            self.remove(path)?;
        }
        match logs.last() {
            Some((_, path)) if found.zxid.is_some() => self.cut(path, found.position)?,
            Some((_, path)) => self.remove(path)?,
            None => {}
        }
        self.last = Some(zxid).filter(|last| *last > Zxid::ZERO);
        self.failed = false;
        Ok(())
    }

    /// Removes every log file: what they hold is in a snapshot that came from the leader. The newest goes first.
    ///
    /// # Errors
    /// As [`FileLog::commit`].
    pub fn clear(&mut self, snapshot: Zxid) -> Result<(), DiskError> {
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
    fn begin(&self, zxid: Zxid) -> Result<Current, DiskError> {
        let path = self.directory.join(names::log_name(zxid));
        if self.files.exists(&path).map_err(DiskError::io("look for", &path))? {
            return Err(DiskError::unfit(&path, "is in the way of a new log: its transactions are not what its name says"));
        }
        let file = self.files.create(&path).map_err(DiskError::io("create", &path))?;
        Ok(Current { file, path, position: 0, length: 0, named: false })
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

impl Current {
    fn write(&mut self, bytes: &[u8], options: &LogOptions) -> Result<(), DiskError> {
        let end = self.position + bytes.len() as u64;
        let length = padded(end, self.length, options.preallocation);
        if length > self.length {
            self.file.set_len(length).map_err(DiskError::io("grow", &self.path))?;
        }
        self.length = length.max(end);
        write_all_at(&*self.file, bytes, self.position).map_err(DiskError::io("write", &self.path))?;
        self.position = end;
        if options.sync {
            self.file.sync().map_err(DiskError::io("sync", &self.path))?;
        }
        Ok(())
    }
}

/// The length of a file of `length` bytes that is written up to `end` (`FilePadding.calculateFileSizeWithPadding`).
fn padded(end: u64, length: u64, preallocation: u64) -> u64 {
    if preallocation == 0 || end + MARGIN < length {
        length
    } else if end > length {
        end + preallocation - end % preallocation
    } else {
        length + preallocation
    }
}

/// Where the last entry at or before a zxid ends, and which one that is.
struct Found {
    position: u64,
    zxid: Option<Zxid>,
}

fn find(files: &dyn FileSystem, path: &Path, zxid: Zxid, newest: bool) -> Result<Found, DiskError> {
    let mut file = LogFile::open(files, path, newest)?;
    let mut found = Found { position: 0, zxid: None };
    while let Some(Entry { zxid: here, .. }) = file.next_entry()? {
        if here > zxid {
            break;
        }
        found = Found { position: file.position(), zxid: Some(here) };
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_grow_in_steps_ahead_of_what_is_written() {
        let mebibyte = 1 << 20;
        assert_eq!(padded(100, 0, mebibyte), mebibyte);
        assert_eq!(padded(mebibyte - 4097, mebibyte, mebibyte), mebibyte);
        assert_eq!(padded(mebibyte - 4096, mebibyte, mebibyte), 2 * mebibyte);
        assert_eq!(padded(mebibyte, mebibyte, mebibyte), 2 * mebibyte);
        assert_eq!(padded(3 * mebibyte + 7, mebibyte, mebibyte), 4 * mebibyte);
        assert_eq!(padded(3 * mebibyte + 7, mebibyte, 0), mebibyte);
    }
}

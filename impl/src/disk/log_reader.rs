//! Reading transaction logs: one file, or all of a directory from a transaction on (Java's `FileTxnIterator`).

use super::error::DiskError;
use super::file_system::{FileSystem, Sequential};
use super::names;
use bytes::Bytes;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zab::Zxid;

/// What a log begins with: "ZKLG", version 2, database 0.
pub(crate) const HEADER: [u8; 16] = *b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0";
/// Checksum and length before an entry's bytes.
pub(crate) const BEFORE: u64 = 12;
/// What stands behind an entry's bytes: without it the entry was not written to its end.
pub(crate) const END: u8 = b'B';
/// The longest entry that is believed, in bytes. Java's limit is `jute.maxbuffer` and as much again, 2 MiB by default.
pub const LONGEST_ENTRY: usize = 64 << 20;
/// Where an entry says its zxid: behind the session (8 bytes) and the number of the request (4).
const ZXID_AT: usize = 12;

/// A transaction as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the order.
    pub zxid: Zxid,
    /// Header, record and digest, as ZooKeeper serialises them.
    pub bytes: Bytes,
    /// Where it begins in its file, in bytes.
    pub offset: u64,
}

/// The zxid in the header of a serialised transaction; `None` when the bytes are too few for one.
#[must_use]
pub fn entry_zxid(bytes: &[u8]) -> Option<Zxid> {
    let field = bytes.get(ZXID_AT..ZXID_AT + 8)?;
    Some(Zxid(u64::from_be_bytes(field.try_into().ok()?)))
}

/// The entries of one log file, in its order.
///
/// The file ends at its last byte, at a length of 0 (it is padded with zeros), and at an entry that was not written to
/// its end: cut short, or without the closing 'B'. It does not end at an entry that fails its checksum, nor at one
/// without 'B' that another whole entry follows: those may have been whole and acknowledged ([`DiskError::Damaged`]).
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    reader: BufReader<Sequential>,
    length: u64,
    position: u64,
    ended: bool,
}

impl LogFile {
    /// Opens a log file. `newest` says that no other follows: then its header may be missing or torn, because a crash
    /// can leave a file that was just created.
    ///
    /// # Errors
    /// A file that cannot be read, or is no log of version 2.
    pub fn open(files: &dyn FileSystem, path: &Path, newest: bool) -> Result<LogFile, DiskError> {
        let file = files.open(path).map_err(DiskError::io("open", path))?;
        let length = file.len().map_err(DiskError::io("read the length of", path))?;
        let mut reader = BufReader::with_capacity(128 << 10, Sequential::new(file));
        let mut header = Vec::with_capacity(HEADER.len());
        let limited = reader.by_ref().take(HEADER.len() as u64).read_to_end(&mut header);
        limited.map_err(DiskError::io("read", path))?;
        if header == HEADER {
            return Ok(LogFile { path: path.to_owned(), reader, length, position: HEADER.len() as u64, ended: false });
        }
        let written = header.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if newest && header[..written] == HEADER[..written] {
            return Ok(LogFile { path: path.to_owned(), reader, length, position: 0, ended: true });
        }
        Err(DiskError::unfit(path, "is not a transaction log of version 2: it begins with other bytes"))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the last entry read ends, in bytes: behind the header at first, and 0 in a file without a whole header.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The length of the file in bytes, padding included.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The next entry, if there is one.
    ///
    /// # Errors
    /// A file that cannot be read; damage. Nothing can be read behind either.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, DiskError> {
        if self.ended {
            return Ok(None);
        }
        let entry = self.read_entry();
        match &entry {
            Ok(Some(entry)) => self.position = entry.offset + BEFORE + entry.bytes.len() as u64 + 1,
            _ => self.ended = true,
        }
        entry
    }

    fn read_entry(&mut self) -> Result<Option<Entry>, DiskError> {
        let offset = self.position;
        let raw = match self.read_raw(offset)? {
            Raw::End => return Ok(None),
            Raw::Entry(raw) => raw,
        };
        if !raw.closed {
            // What a crash tore off has nothing behind it. A whole entry at the very place where this one says that
            // it ends means that its 'B' was there, and was lost later.
            let behind = offset + BEFORE + raw.bytes.len() as u64 + 1;
            return match self.read_raw(behind) {
                Ok(Raw::Entry(next)) if next.closed && next.is_whole() => {
                    Err(DiskError::damaged(&self.path, offset, "the entry has no end mark, but another entry follows"))
                }
                Err(error @ DiskError::Io { .. }) => Err(error),
                _ => Ok(None),
            };
        }
        if !raw.is_whole() {
            return Err(DiskError::damaged(&self.path, offset, "the entry's checksum is wrong"));
        }
        match entry_zxid(&raw.bytes) {
            Some(zxid) => Ok(Some(Entry { zxid, bytes: raw.bytes.into(), offset })),
            None => Err(DiskError::damaged(&self.path, offset, "the entry is too short for a transaction")),
        }
    }

    /// What stands at `offset`, where the reader is.
    fn read_raw(&mut self, offset: u64) -> Result<Raw, DiskError> {
        if self.length < offset + BEFORE {
            return Ok(Raw::End);
        }
        let mut before = [0; BEFORE as usize];
        if !self.fill(&mut before)? {
            return Ok(Raw::End);
        }
        let [.., a, b, c, d] = before;
        let (checksum, length) = (&before[..8], i32::from_be_bytes([a, b, c, d]));
        if length == 0 {
            return Ok(Raw::End);
        }
        let Some(length) = usize::try_from(length).ok().filter(|length| *length <= LONGEST_ENTRY) else {
            // Not a tear: that leaves zeros in place of bytes, so a length only gets smaller by it.
            return Err(DiskError::damaged(&self.path, offset, format!("the entry claims a length of {length}")));
        };
        if self.length - offset - BEFORE <= length as u64 {
            return Ok(Raw::End);
        }
        // Within the file's length and the limit.
        let mut bytes = vec![0; length];
        let mut end = [0];
        if !self.fill(&mut bytes)? || !self.fill(&mut end)? {
            return Ok(Raw::End);
        }
        let checksum = u64::from_be_bytes(checksum.try_into().expect("eight of twelve bytes"));
        Ok(Raw::Entry(RawEntry { checksum, bytes, closed: end == [END] }))
    }

    /// Whether there were as many bytes. (The file may have been cut since its length was read.)
    fn fill(&mut self, bytes: &mut [u8]) -> Result<bool, DiskError> {
        match self.reader.read_exact(bytes) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(DiskError::io("read", &self.path)(error)),
        }
    }
}

impl Iterator for LogFile {
    type Item = Result<Entry, DiskError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().transpose()
    }
}

enum Raw {
    End,
    Entry(RawEntry),
}

struct RawEntry {
    checksum: u64,
    bytes: Vec<u8>,
    closed: bool,
}

impl RawEntry {
    fn is_whole(&self) -> bool {
        self.checksum == u64::from(adler2::adler32_slice(&self.bytes))
    }
}

/// The log files of a directory by their first transactions, oldest first.
///
/// # Errors
/// A directory that cannot be read.
pub fn log_files(files: &dyn FileSystem, directory: &Path) -> Result<Vec<(Zxid, PathBuf)>, DiskError> {
    let names = files.list(directory).map_err(DiskError::io("list", directory))?;
    let logs = names.into_iter().filter_map(|name| Some((names::log_zxid(&name)?, directory.join(name))));
    let mut logs: Vec<(Zxid, PathBuf)> = logs.collect();
    logs.sort();
    Ok(logs)
}

/// How many of these files (sorted by first transaction) hold nothing from `zxid` on: all but the last that begins at
/// or before it (`FileTxnLog.getLogFiles`).
pub(crate) fn files_before(logs: &[(Zxid, PathBuf)], zxid: Zxid) -> usize {
    logs.partition_point(|(first, _)| *first <= zxid).saturating_sub(1)
}

/// The transactions of a directory from one on, across its log files, each zxid once and in ascending order.
///
/// A transaction that stands in two files, as ZooKeeper's older releases may leave it, is read once.
#[derive(Debug)]
pub struct LogReader {
    files: Arc<dyn FileSystem>,
    /// Those not opened yet, newest first.
    waiting: Vec<PathBuf>,
    current: Option<LogFile>,
    /// The next zxid that is of interest.
    from: Zxid,
}

impl LogReader {
    /// The transactions in `directory` with `from` or a later zxid.
    ///
    /// # Errors
    /// A directory that cannot be read.
    pub fn new(files: Arc<dyn FileSystem>, directory: &Path, from: Zxid) -> Result<LogReader, DiskError> {
        let mut logs = log_files(&*files, directory)?;
        let before = files_before(&logs, from);
        let waiting = logs.drain(before..).rev().map(|(_, path)| path).collect();
        Ok(LogReader { files, waiting, current: None, from })
    }

    /// The file of the entry that was read last.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.current.as_ref().map(LogFile::path)
    }

    /// The next transaction, if there is one.
    ///
    /// # Errors
    /// A file that cannot be read, or is damaged, or no log.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, DiskError> {
        loop {
            if let Some(file) = &mut self.current {
                match file.next_entry()? {
                    Some(entry) if entry.zxid < self.from => continue,
                    Some(entry) => {
                        self.from = Zxid(entry.zxid.0.saturating_add(1));
                        return Ok(Some(entry));
                    }
                    None => {}
                }
            }
            let Some(path) = self.waiting.pop() else { return Ok(None) };
            self.current = Some(LogFile::open(&*self.files, &path, self.waiting.is_empty())?);
        }
    }
}

impl Iterator for LogReader {
    type Item = Result<Entry, DiskError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().transpose()
    }
}

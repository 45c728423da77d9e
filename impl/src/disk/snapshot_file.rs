//! Snapshots: a whole tree in a file (Java's `FileSnap`, `SnapStream`).
//!
//! ```text
//! "ZKSN", int 2, long −1      header
//! tree                        see `tree_stream`
//! seal                        long Adler-32 of all bytes before, string "/"
//! long zxid, int 2, long      the tree's digest at that zxid (since 3.6, where digests are kept), and a seal
//! long zxid                   the last transaction (since 3.9), and a seal
//! ```

use super::error::DiskError;
use super::file_system::{File, FileSystem, Sequential, read_all_at, write_all_at};
use super::names::{self, Compression};
use super::snappy::{self, SnappyReader, SnappyWriter};
use super::stream::{CheckedReader, CheckedWriter, invalid};
use super::tree_stream::{read_tree, write_tree};
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use zab::Zxid;
use zab::tree::{Tree, TreeOptions, digest};

const HEADER: [u8; 16] = *b"ZKSN\0\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff";
/// What a whole snapshot ends with: the string "/".
const END: [u8; 5] = *b"\0\0\0\x01/";
/// What a gzip file begins with.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// The zxid and the seal of 3.9, when no digest stands before them.
const LAST_ZXID_LENGTH: usize = 8 + 8 + END.len();
/// More than any trailer.
const LONGEST_TRAILER: usize = 256;
/// After so many bytes the file is synced, so that no single sync is long: the log's would wait behind it.
const SYNC_EVERY: u64 = 4 << 20;

/// The digest that a snapshot says its tree has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZxidDigest {
    /// After which transaction. Later than the snapshot's own, if transactions were applied while it was written.
    pub zxid: Zxid,
    /// How the digest is computed ([`digest::VERSION`]).
    pub version: i32,
    /// The digest.
    pub digest: u64,
}

/// A snapshot that was read.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What was in it.
    pub tree: Tree,
    /// Its digest, if it has one that can be compared: from its own zxid on.
    pub digest: Option<ZxidDigest>,
    /// Its bytes, uncompressed.
    pub size: u64,
}

/// A snapshot that is written and synced, under a name that no server takes for a snapshot's. Dropped, it stays so:
/// [`DataDirectory::prepare`](super::DataDirectory::prepare) clears up.
#[derive(Debug)]
#[must_use = "it is no snapshot before it is published"]
pub struct UnfinishedSnapshot {
    unfinished: PathBuf,
    path: PathBuf,
    directory: PathBuf,
    zxid: Zxid,
    size: u64,
}

impl UnfinishedSnapshot {
    /// Writes a tree, named by its last transaction, and syncs it bit by bit while it goes. It holds a buffer of it in
    /// memory, never the file, and it lets other threads run between znodes: the caller may go on with other clones of
    /// the tree.
    ///
    /// # Errors
    /// Files that cannot be written. What was written is removed then, if that is possible.
    pub fn write(
        files: &dyn FileSystem,
        directory: &Path,
        tree: &Tree,
        compression: Compression,
    ) -> Result<UnfinishedSnapshot, DiskError> {
        let zxid = tree.last_zxid();
        let unfinished = directory.join(names::unfinished_snapshot_name(zxid));
        let written = write_file(files, &unfinished, tree, compression);
        match written {
            Ok(size) => {
                let path = directory.join(names::snapshot_name(zxid, compression));
                Ok(UnfinishedSnapshot { unfinished, path, directory: directory.to_owned(), zxid, size })
            }
            Err(error) => {
                // A full disk must not be kept full by what is of no use.
                let _ = files.remove(&unfinished);
                Err(DiskError::io("write", &unfinished)(error))
            }
        }
    }

    /// Gives it its name, durably. Returns its path.
    ///
    /// # Errors
    /// A directory that cannot be written.
    pub fn publish(self, files: &dyn FileSystem) -> Result<PathBuf, DiskError> {
        files.rename(&self.unfinished, &self.path).map_err(DiskError::io("rename", &self.unfinished))?;
        files.sync_directory(&self.directory).map_err(DiskError::io("sync directory", &self.directory))?;
        Ok(self.path)
    }

    /// The last transaction in it.
    #[must_use]
    pub fn zxid(&self) -> Zxid {
        self.zxid
    }

    /// Its bytes, uncompressed.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// Writes a tree as a snapshot in `directory`, durably. Returns its path.
///
/// # Errors
/// As [`UnfinishedSnapshot::write`] and [`UnfinishedSnapshot::publish`]. There is no half snapshot.
pub fn write_snapshot(
    files: &dyn FileSystem,
    directory: &Path,
    tree: &Tree,
    compression: Compression,
) -> Result<PathBuf, DiskError> {
    UnfinishedSnapshot::write(files, directory, tree, compression)?.publish(files)
}

fn write_file(files: &dyn FileSystem, path: &Path, tree: &Tree, compression: Compression) -> io::Result<u64> {
    let file = Appending { file: files.create(path)?, position: 0, synced: 0 };
    let mut output = CheckedWriter::new(match compression {
        Compression::Plain => Sink::Plain(file),
        Compression::Gzip => Sink::Gzip(GzEncoder::new(file, flate2::Compression::default())),
        Compression::Snappy => Sink::Snappy(SnappyWriter::new(file)?),
    });
    write_stream(tree, &mut output)?;
    let size = output.position();
    output.finish()?.finish()?.file.sync()?;
    Ok(size)
}

/// Writes a tree as the stream of a snapshot: a file without compression, or what `snapshot` of the admin server sends.
///
/// # Errors
/// The stream's.
pub fn write_stream<W: Write>(tree: &Tree, output: &mut CheckedWriter<W>) -> io::Result<()> {
    output.raw(&HEADER)?;
    write_tree(tree, output)?;
    seal(output)?;
    if tree.options().digest {
        // Before the first transaction Java has no digest yet.
        let digest = if tree.last_zxid() > Zxid::ZERO { tree.digest() } else { 0 };
        output.long(tree.last_zxid().0 as i64)?;
        output.int(digest::VERSION)?;
        output.long(digest as i64)?;
        seal(output)?;
    }
    output.long(tree.last_zxid().0 as i64)?;
    seal(output)
}

fn seal<W: Write>(output: &mut CheckedWriter<W>) -> io::Result<()> {
    let checksum = output.checksum()?;
    output.long(i64::from(checksum))?;
    output.raw(&END)
}

/// Whether this may be a whole snapshot: the cheap test of `SnapStream.isValidSnapshot`. It looks at the last bytes or,
/// of a compressed one, at the first.
///
/// # Errors
/// A file that cannot be read.
pub fn is_valid_snapshot(files: &dyn FileSystem, path: &Path) -> Result<bool, DiskError> {
    let Some((_, compression)) = path.file_name().and_then(|name| names::snapshot_zxid(name.to_str()?)) else {
        return Ok(false);
    };
    let file = files.open(path).map_err(DiskError::io("open", path))?;
    let length = file.len().map_err(DiskError::io("read the length of", path))?;
    let stands = |bytes: &[u8], offset| -> Result<bool, DiskError> {
        let mut found = vec![0; bytes.len()];
        let count = read_all_at(&*file, &mut found, offset).map_err(DiskError::io("read", path))?;
        Ok(count == bytes.len() && found == bytes)
    };
    match compression {
        Compression::Plain => Ok(length >= 10 && stands(&END, length - END.len() as u64)?),
        Compression::Gzip => stands(&GZIP_MAGIC, 0),
        Compression::Snappy => stands(&snappy::MAGIC, 0),
    }
}

/// Reads a snapshot, as its name says it is compressed.
///
/// # Errors
/// A file that cannot be read, is damaged or is no snapshot of version 2.
pub fn read_snapshot(files: &dyn FileSystem, path: &Path, options: TreeOptions) -> Result<Snapshot, DiskError> {
    let Some((zxid, compression)) = path.file_name().and_then(|name| names::snapshot_zxid(name.to_str()?)) else {
        return Err(DiskError::unfit(path, "is not named as a snapshot"));
    };
    let file = Sequential::new(files.open(path).map_err(DiskError::io("open", path))?);
    let inner: Box<dyn Read> = match compression {
        Compression::Plain => Box::new(file),
        Compression::Gzip => Box::new(GzDecoder::new(file)),
        Compression::Snappy => Box::new(SnappyReader::new(file).map_err(|error| unreadable(path, 0, error))?),
    };
    let mut input = CheckedReader::new(inner);
    let read = read_stream(&mut input, options, zxid);
    read.map_err(|error| unreadable(path, input.position(), error))
}

/// A stream that ends or makes no sense is the file's fault, everything else the machine's.
fn unreadable(path: &Path, position: u64, error: io::Error) -> DiskError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => DiskError::damaged(path, position, "it ends in the middle"),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            DiskError::damaged(path, position, error.to_string())
        }
        _ => DiskError::io("read", path)(error),
    }
}

/// Reads the stream of a snapshot: of a file, uncompressed, or what the admin server's `restore` gets. `zxid` is what
/// the file's name says; the number inside, which only 3.9 writes, must not differ.
///
/// # Errors
/// [`io::ErrorKind::UnexpectedEof`] and [`io::ErrorKind::InvalidData`] for a stream that is no whole snapshot, and the
/// stream's own.
pub fn read_stream<R: Read>(input: &mut CheckedReader<R>, options: TreeOptions, zxid: Zxid) -> io::Result<Snapshot> {
    if input.array::<16>()? != HEADER {
        return Err(invalid("it does not begin as a snapshot of version 2".to_owned()));
    }
    let tree = read_tree(input, options, zxid)?;
    check_seal(input)?;
    let mut found = None;
    match input.rest(LONGEST_TRAILER)? {
        0 => {}
        // Where digests are off, 3.9 writes the zxid only. (A Java server whose setting differs does not notice.)
        LAST_ZXID_LENGTH => read_last_zxid(input, zxid)?,
        _ => {
            found = Some(read_digest(input)?);
            check_seal(input)?;
            if !input.is_at_end()? {
                read_last_zxid(input, zxid)?;
            }
        }
    }
    // Rules of `DataTree.deserializeZxidDigest`: 0 stands for none, and an earlier one is of no use.
    let digest = found.filter(|found| found.zxid > Zxid::ZERO && found.zxid >= zxid);
    Ok(Snapshot { tree, digest, size: input.position() })
}

fn read_digest<R: Read>(input: &mut CheckedReader<R>) -> io::Result<ZxidDigest> {
    let (zxid, version) = (Zxid(input.long()? as u64), input.int()?);
    let digest = if version < digest::VERSION {
        // Before 3.6 was released, it was hexadecimal text. That version is never compared.
        input.string(&mut Vec::new())?;
        0
    } else {
        input.long()? as u64
    };
    Ok(ZxidDigest { zxid, version, digest })
}

fn read_last_zxid<R: Read>(input: &mut CheckedReader<R>, zxid: Zxid) -> io::Result<()> {
    let last = Zxid(input.long()? as u64);
    check_seal(input)?;
    // Java names the file before it writes it, so transactions may have been applied between.
    if last < zxid {
        return Err(invalid(format!("it says that its last transaction is {last}, its name says {zxid}")));
    }
    Ok(())
}

fn check_seal<R: Read>(input: &mut CheckedReader<R>) -> io::Result<()> {
    let checksum = i64::from(input.checksum());
    if input.long()? != checksum {
        return Err(invalid("its checksum is wrong".to_owned()));
    }
    if input.array()? != END {
        return Err(invalid("its checksum is not closed".to_owned()));
    }
    Ok(())
}

/// A file that is written from its beginning to its end, and synced as it grows.
#[derive(Debug)]
struct Appending {
    file: Box<dyn File>,
    position: u64,
    synced: u64,
}

impl Write for Appending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_all_at(&*self.file, bytes, self.position)?;
        self.position += bytes.len() as u64;
        if self.position - self.synced >= SYNC_EVERY {
            self.file.sync()?;
            self.synced = self.position;
            std::thread::yield_now();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Sink {
    Plain(Appending),
    Gzip(GzEncoder<Appending>),
    Snappy(SnappyWriter<Appending>),
}

impl Sink {
    fn finish(self) -> io::Result<Appending> {
        match self {
            Sink::Plain(file) => Ok(file),
            Sink::Gzip(encoder) => encoder.finish(),
            Sink::Snappy(writer) => writer.finish(),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Plain(file) => file.write(bytes),
            Sink::Gzip(encoder) => encoder.write(bytes),
            Sink::Snappy(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! The few things that are asked of a file system, so that a test can put a failing one in its place
//! ([`SimulatedDisk`](super::SimulatedDisk)). All of it blocks: it belongs to a thread of its own.

use super::error::DiskError;
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A file system. Nothing is durable before [`File::sync`] for bytes and [`FileSystem::sync_directory`] for names.
pub trait FileSystem: fmt::Debug + Send + Sync {
    /// Opens a file that is there, to read.
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>>;
    /// Opens a file that is there, to read and write.
    fn open_to_write(&self, path: &Path) -> io::Result<Box<dyn File>>;
    /// Creates a file, to read and write. One that is there loses its bytes.
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>>;
    /// Gives a file another name, in one step; a file that had it is gone.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// The names of the files of a directory, in no order.
    fn list(&self, directory: &Path) -> io::Result<Vec<String>>;
    /// Creates a directory and those above it; one that is there already is no error.
    fn create_directories(&self, path: &Path) -> io::Result<()>;
    /// Makes durable which names a directory holds.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// Whether there is a file or directory with this name.
    fn exists(&self, path: &Path) -> io::Result<bool>;
    /// Keeps other servers out of a directory as long as the file lives: [`io::ErrorKind::WouldBlock`] while another
    /// one does. `None` where nobody else can be.
    fn lock_directory(&self, _path: &Path) -> io::Result<Option<fs::File>> {
        Ok(None)
    }
}

/// An open file. Reads and writes say where, so that no position is shared.
pub trait File: fmt::Debug + Send {
    /// Reads some bytes from `offset` on; 0 at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes some of these bytes at `offset` and says how many: it may be fewer.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Cuts the file, or lets it grow with zeros.
    fn set_len(&self, length: u64) -> io::Result<()>;
    /// Its length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether it holds nothing.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Returns when the bytes and the length are durable (`fdatasync`).
    fn sync(&self) -> io::Result<()>;
}

/// Writes all of these bytes at `offset`, in as many steps as it takes.
///
/// # Errors
/// What the file says; a file that takes no bytes at all is [`io::ErrorKind::WriteZero`].
pub fn write_all_at(file: &dyn File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = &bytes[written..];
                offset += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Fills `buffer` from `offset` on, as far as the file goes. Returns how far that was.
///
/// # Errors
/// What the file says.
pub fn read_all_at(file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Replaces a small file: through a temporary one (`name` and `.tmp`, as Java's `AtomicFileOutputStream` names it),
/// which is synced and renamed, and a sync of the directory. After a crash the file is the old or the new one.
///
/// # Errors
/// What the file system says, with the file that it says it of.
pub(crate) fn replace_file(
    files: &dyn FileSystem,
    directory: &Path,
    name: &str,
    bytes: &[u8],
) -> Result<(), DiskError> {
    let (path, temporary) = (directory.join(name), directory.join(format!("{name}.tmp")));
    let file = files.create(&temporary).map_err(DiskError::io("create", &temporary))?;
    write_all_at(&*file, bytes, 0).map_err(DiskError::io("write", &temporary))?;
    file.sync().map_err(DiskError::io("sync", &temporary))?;
    files.rename(&temporary, &path).map_err(DiskError::io("rename", &temporary))?;
    files.sync_directory(directory).map_err(DiskError::io("sync directory", directory))
}

/// The first line of a small text file, without spaces around it; `None` when there is no such file.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn first_line(files: &dyn FileSystem, path: &Path) -> Result<Option<String>, DiskError> {
    let file = match files.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DiskError::io("open", path)(error)),
    };
    let mut bytes = [0; 256];
    let count = read_all_at(&*file, &mut bytes, 0).map_err(DiskError::io("read", path))?;
    let text = String::from_utf8_lossy(&bytes[..count]);
    Ok(Some(text.lines().next().unwrap_or_default().trim().to_owned()))
}

/// A file read from the beginning on.
#[derive(Debug)]
pub struct Sequential {
    file: Box<dyn File>,
    position: u64,
}

impl Sequential {
    /// From its first byte.
    #[must_use]
    pub fn new(file: Box<dyn File>) -> Sequential {
        Sequential { file, position: 0 }
    }
}

impl Read for Sequential {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

/// The file system of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct OperatingSystem;

impl FileSystem for OperatingSystem {
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        Ok(Box::new(fs::File::open(path)?))
    }

    fn open_to_write(&self, path: &Path) -> io::Result<Box<dyn File>> {
        Ok(Box::new(fs::OpenOptions::new().read(true).write(true).open(path)?))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        Ok(Box::new(fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let names = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        // A name that is not text is none of ours.
        names.filter_map(Result::transpose).collect()
    }

    fn create_directories(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    fn lock_directory(&self, path: &Path) -> io::Result<Option<fs::File>> {
        let file = fs::File::open(path)?;
        file.try_lock()?;
        Ok(Some(file))
    }
}

impl File for fs::File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        fs::File::set_len(self, length)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

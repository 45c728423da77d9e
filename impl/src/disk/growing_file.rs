//! A file that grows ahead of what is written, so that a sync finds nothing to do but to write bytes.

use super::error::DiskError;
use super::file_log::LogOptions;
use super::file_system::{File, write_all_at};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A file grows when so few bytes are left.
const MARGIN: u64 = 4096;

/// A commit that comes to the end of what was ever written, writes so many of the zeros ahead as well. The file system
/// then has a place for what the next commits write, and their syncs need not wait for a change of its own records: a
/// transaction of its journal, which another thread makes and which may have to wait for other files' bytes.
const AHEAD: u64 = 256 << 10;

/// A commit of more bytes does without: few others would find their place in those zeros, and all bytes of the log
/// would be written twice.
const SMALL: usize = 32 << 10;

/// What is written ahead, at once.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// The file of the log that is written.
#[derive(Debug)]
pub(super) struct GrowingFile {
    pub file: Box<dyn File>,
    pub path: PathBuf,
    /// Where the next byte goes.
    pub position: u64,
    /// Its length with the zeros ahead.
    pub length: u64,
    /// Up to where bytes were written, be they zeros. A hole follows.
    pub filled: u64,
    /// Whether its name is durable.
    pub named: bool,
}

impl GrowingFile {
    /// Writes these bytes behind the others, and syncs if `options` say so. Returns how long the sync took.
    ///
    /// # Errors
    /// The file's. What is in it is not known then.
    pub fn write(&mut self, bytes: &[u8], options: &LogOptions) -> Result<Duration, DiskError> {
        let end = self.position + bytes.len() as u64;
        let length = padded(end, self.length, options.preallocation);
        if length > self.length {
            self.file.set_len(length).map_err(DiskError::io("grow", &self.path))?;
        }
        self.length = length.max(end);
        write_all_at(&*self.file, bytes, self.position).map_err(DiskError::io("write", &self.path))?;
        self.position = end;
        if !options.sync {
            return Ok(Duration::ZERO);
        }
        if end > self.filled && bytes.len() <= SMALL {
            self.fill(end).map_err(DiskError::io("write", &self.path))?;
        }
        let start = Instant::now();
        self.file.sync().map_err(DiskError::io("sync", &self.path))?;
        Ok(start.elapsed())
    }

    /// Writes some zeros from `end` on, as far as the file goes.
    fn fill(&mut self, end: u64) -> io::Result<()> {
        self.filled = end;
        let until = self.length.min(end + AHEAD);
        while self.filled < until {
            let length = ZEROS.len().min(usize::try_from(until - self.filled).unwrap_or(usize::MAX));
            write_all_at(&*self.file, &ZEROS[..length], self.filled)?;
            self.filled += length as u64;
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

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;
    use std::sync::Arc;

    /// Takes everything, and notes where and how much was written.
    #[derive(Clone, Debug, Default)]
    struct Noting(Arc<Mutex<Vec<(u64, u64)>>>);

    impl File for Noting {
        fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
            Ok(0)
        }
        fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
            self.0.lock().push((offset, bytes.len() as u64));
            Ok(bytes.len())
        }
        fn set_len(&self, _: u64) -> io::Result<()> {
            Ok(())
        }
        fn len(&self) -> io::Result<u64> {
            Ok(0)
        }
        fn sync(&self) -> io::Result<()> {
            Ok(())
        }
    }

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

    #[test]
    fn small_commits_find_their_place_and_large_ones_make_it() {
        let noted = Noting::default();
        let (file, path) = (Box::new(noted.clone()), PathBuf::from("log.1"));
        let mut file = GrowingFile { file, path, position: 0, length: 0, filled: 0, named: false };
        let mut write = |length: usize| {
            file.write(&vec![1; length], &LogOptions::default()).unwrap();
            std::mem::take(&mut *noted.0.lock())
        };
        let first = write(100);
        assert_eq!(first[0], (0, 100));
        let zeros: u64 = first[1..].iter().map(|(_, length)| length).sum();
        assert_eq!((first[1].0, zeros), (100, AHEAD), "the zeros begin where the bytes end");
        let mut position = 100;
        while position + 1000 < AHEAD {
            assert_eq!(write(1000), [(position, 1000)]);
            position += 1000;
        }
        assert_eq!(write(SMALL + 1), [(position, SMALL as u64 + 1)]);
        assert!(write(1).len() > 1);
    }

    #[test]
    fn no_zeros_lie_behind_the_end_of_the_file() {
        for preallocation in [0, 16 << 10] {
            let noted = Noting::default();
            let (file, path) = (Box::new(noted.clone()), PathBuf::from("log.1"));
            let mut file = GrowingFile { file, path, position: 0, length: 0, filled: 0, named: false };
            file.write(&[1; 100], &LogOptions { preallocation, ..LogOptions::default() }).unwrap();
            let end = noted.0.lock().iter().map(|(offset, length)| offset + length).max();
            assert_eq!(end, Some(preallocation.max(100)));
        }
    }
}

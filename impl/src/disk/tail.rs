//! What stands behind the last transaction of a log file.

use super::error::DiskError;
use super::file_system::{FileSystem, read_all_at};
use std::path::Path;

/// So much is looked at in one step.
const STEP: usize = 64 << 10;
/// So much of what is torn is searched for transactions.
const SEARCHED: u64 = 1 << 20;
/// Checksum and length stand before an entry's bytes; no transaction is shorter than its header.
const BEFORE: usize = 12;
const SHORTEST: usize = 32;

/// What stands behind the last transaction that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Nothing, or the zeros that the file was extended by.
    Clean,
    /// A beginning of something that was not written to its end, as a crash leaves it: nobody was told that it is
    /// there. A server cuts it off when it starts.
    Torn {
        /// Where it begins, in bytes.
        offset: u64,
        /// How many bytes there are up to the last that is not zero.
        bytes: u64,
    },
    /// As [`Tail::Torn`], but whole transactions stand behind. A tear that a power cut leaves may be such, if it kept
    /// later pages of one write and lost earlier ones; a length that was changed looks the same, and then what is
    /// behind may have been acknowledged.
    Doubtful {
        /// Where the entry begins that is not whole, in bytes.
        offset: u64,
        /// Where the first transaction behind it begins.
        behind: u64,
        /// How many bytes there are up to the last that is not zero.
        bytes: u64,
    },
}

impl Tail {
    /// What is wrong with it, if anything is.
    #[must_use]
    pub fn doubt(self, path: &Path) -> Option<DiskError> {
        let Tail::Doubtful { offset, behind, .. } = self else { return None };
        let what = format!("the entry is not whole, but another one stands at offset {behind}");
        Some(DiskError::damaged(path, offset, what))
    }
}

/// Says in the log what a server cuts off behind `position`, where the last transaction of `path` ends. What cannot be
/// read is not its business: whoever needs it will say so.
pub(super) fn warn_of_cut(files: &dyn FileSystem, path: &Path, position: u64) {
    let file = path.display();
    match tail(files, path, position) {
        Ok(Tail::Torn { offset, bytes }) => tracing::warn!(
            "{file} is torn at offset {offset}: {bytes} bytes that were not written to their end are cut off, as a \
             crash leaves them"
        ),
        Ok(Tail::Doubtful { offset, behind, bytes }) => tracing::warn!(
            "{file} is torn at offset {offset}, but another transaction stands at offset {behind}: {bytes} bytes are \
             cut off, and if this is damage and no crash, what they held may have been acknowledged"
        ),
        Ok(Tail::Clean) | Err(_) => {}
    }
}

/// Looks at the bytes of `path` from `position`, where its last transaction ends, to its end.
///
/// # Errors
/// A file that cannot be read.
pub fn tail(files: &dyn FileSystem, path: &Path, position: u64) -> Result<Tail, DiskError> {
    let file = files.open(path).map_err(DiskError::io("open", path))?;
    let (mut buffer, mut offset, mut end) = (vec![0; STEP], position, None);
    loop {
        let count = read_all_at(&*file, &mut buffer, offset).map_err(DiskError::io("read", path))?;
        if let Some(last) = buffer[..count].iter().rposition(|byte| *byte != 0) {
            end = Some(offset + last as u64 + 1);
        }
        offset += count as u64;
        if count < STEP {
            break;
        }
    }
    let Some(end) = end else { return Ok(Tail::Clean) };
    let mut torn = vec![0; usize::try_from((end - position).min(SEARCHED)).unwrap_or(STEP)];
    let count = read_all_at(&*file, &mut torn, position).map_err(DiskError::io("read", path))?;
    torn.truncate(count);
    Ok(match (1..torn.len()).find(|at| is_entry(&torn[*at..])) {
        Some(behind) => Tail::Doubtful { offset: position, behind: position + behind as u64, bytes: end - position },
        None => Tail::Torn { offset: position, bytes: end - position },
    })
}

/// Whether these bytes begin with a whole entry of a log.
fn is_entry(bytes: &[u8]) -> bool {
    let Some((before, rest)) = bytes.split_first_chunk::<BEFORE>() else { return false };
    let [.., a, b, c, d] = *before;
    let length = usize::try_from(i32::from_be_bytes([a, b, c, d])).unwrap_or(0);
    // The sum fills half of its field: the cheap questions come first.
    if length < SHORTEST || before[..4] != [0; 4] || rest.get(length) != Some(&b'B') {
        return false;
    }
    before[4..8] == adler2::adler32_slice(&rest[..length]).to_be_bytes()
}

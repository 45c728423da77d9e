//! What can go wrong with files. Every error names its file; none of them is for the process to survive.

use std::io;
use std::path::{Path, PathBuf};
use zab::{Epoch, Zxid};

/// A failure of the disk, or a disk that says what it must not.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The operating system refused: no space, no permission, a broken medium.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was tried, as in "cannot sync …".
        operation: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Bytes that were once whole are so no longer. What follows them is out of reach, so nothing is guessed.
    #[error("{} is damaged at offset {offset}: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damaged record begins, in bytes from the start (of the uncompressed stream, if compressed).
        offset: u64,
        /// What is wrong with it.
        what: String,
    },
    /// A file or directory that is not what its name says.
    #[error("{} {what}", path.display())]
    Unfit {
        /// The file or directory.
        path: PathBuf,
        /// Why, as the end of a sentence that begins with the path.
        what: String,
    },
    /// A transaction that does not come after the last one in the log. The core never emits one.
    #[error("transaction {zxid} cannot be logged after {last}")]
    OutOfOrder {
        /// The transaction.
        zxid: Zxid,
        /// The last one in the log.
        last: Zxid,
    },
    /// A write or sync failed before. What is on the disk is not known any more, so nothing further is written.
    #[error("the log in {} failed before and takes nothing more", directory.display())]
    Failed {
        /// The directory of the log.
        directory: PathBuf,
    },
    /// The history cannot be cut there: no such transaction, or no snapshot to rebuild the tree from.
    #[error("the history in {} cannot be cut at {zxid}: {what}", directory.display())]
    CannotTruncate {
        /// The directory of the log.
        directory: PathBuf,
        /// Where it was to end.
        zxid: Zxid,
        /// Why not.
        what: &'static str,
    },
    /// The log goes on without the transactions between: they were lost with a file.
    #[error("{} goes on with transaction {next} after {last}: what was between is missing", path.display())]
    Gap {
        /// The log file with the transaction after the gap.
        path: PathBuf,
        /// The last transaction (or the snapshot) before.
        last: Zxid,
        /// The transaction after.
        next: Zxid,
    },
    /// Logs, but no snapshot that could be read: something was deleted (`zookeeper.snapshot.trust.empty` overrides).
    #[error(
        "there is no snapshot in {} that can be read, while there are data (transactions in {}, or a damaged \
         snapshot): something was lost",
        snapshots.display(),
        logs.display()
    )]
    NoSnapshot {
        /// The directory of the logs.
        logs: PathBuf,
        /// The directory of the snapshots.
        snapshots: PathBuf,
    },
    /// The epoch files contradict each other: the current epoch was never accepted.
    #[error("{}: the current epoch {current} is beyond the accepted epoch {accepted}", directory.display())]
    Epochs {
        /// The directory.
        directory: PathBuf,
        /// File `currentEpoch`.
        current: Epoch,
        /// File `acceptedEpoch`.
        accepted: Epoch,
    },
}

impl DiskError {
    /// For `map_err`: says what was tried with which file.
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
        let path = path.to_owned();
        move |source| DiskError::Io { operation, path, source }
    }

    /// Bytes of `path` that cannot be.
    pub(crate) fn damaged(path: &Path, offset: u64, what: impl Into<String>) -> DiskError {
        DiskError::Damaged { path: path.to_owned(), offset, what: what.into() }
    }

    /// A path that is not fit for its use; `what` ends the sentence that the path begins.
    pub(crate) fn unfit(path: &Path, what: impl Into<String>) -> DiskError {
        DiskError::Unfit { path: path.to_owned(), what: what.into() }
    }
}

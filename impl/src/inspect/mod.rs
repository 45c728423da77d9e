//! Looking at the files of a server that need not run: `zabkeeper txnlog`, `snapshot`, `check-data`.
//!
//! ```text
//! txnlog      describe, tail        what each transaction says, what stands behind the last
//! snapshot    describe, walk        the tree of one file, or the sizes of its branches
//! check-data  replay, tail          every file of a directory, and whether they fit together
//! ```
//!
//! Nothing is written, and nothing is believed that a server would not believe: the same readers are used
//! ([`crate::disk`]). A log is never in memory as a whole; a tree is.
//!
//! *Java:* `TxnLogToolkit`, `SnapshotFormatter`, `SnapshotRecursiveSummary`. Java has nothing like `check-data`.
//! Deliberately absent: mending. What `TxnLogToolkit --recover` does, to compute checksums anew over bytes that are not
//! what they were, is guessing.

mod check;
mod describe;
mod replay;
mod snapshot;
mod txnlog;
mod walk;

pub use check::CheckData;
pub use snapshot::PrintSnapshot;
pub use txnlog::PrintLog;

use crate::cli::Failure;
use crate::disk::DiskError;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use zab::Zxid;
use zab::tree::TreeOptions;

/// Of the trees that are read: whatever the server was configured with, a znode with a time to live is one, and what
/// its digest is can be compared.
const TREE: TreeOptions = TreeOptions { extended_types: true, digest: true };

/// Why a look at files fails.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// What was found cannot be printed.
    #[error("cannot print: {0}")]
    Output(#[from] io::Error),
    /// A file that cannot be read, or is damaged.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// An argument that makes no sense with these files.
    #[error("{0}")]
    Argument(String),
    /// Something is wrong with the files; one sentence a line, each with its file.
    #[error("{}", .0.join("\n"))]
    Found(Vec<String>),
}

impl From<InspectError> for Failure {
    fn from(error: InspectError) -> Failure {
        Failure::unexpected(error.to_string())
    }
}

/// Lets a command print to the standard output. Who closes it early (`| head`) has seen enough: that is no failure.
///
/// # Errors
/// The command's.
pub fn print(command: impl FnOnce(&mut dyn Write) -> Result<(), InspectError>) -> Result<(), InspectError> {
    let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    let done = command(&mut out);
    let flushed = out.flush();
    match done.and_then(|()| Ok(flushed?)) {
        Err(InspectError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// The zxid that a person writes: `0x1d` or `29`.
fn parse_zxid(text: &str) -> Result<Zxid, String> {
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map(Zxid).map_err(|_| "a zxid is a number, or 0x and hexadecimal digits".to_owned())
}

/// The last part of a path, for a person.
fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

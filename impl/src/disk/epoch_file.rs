//! The files `acceptedEpoch` and `currentEpoch`: decimal text in `version-2` of the data directory, never of the log
//! directory (Java's `QuorumPeer.readLongFromFile`, `writeLongToFile`).

use super::error::DiskError;
use super::file_system::{FileSystem, first_line, replace_file};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zab::{Epoch, Zxid};

const ACCEPTED: &str = "acceptedEpoch";
const CURRENT: &str = "currentEpoch";

/// What the two files say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epochs {
    /// The last epoch whose leader this server accepted.
    pub accepted: Epoch,
    /// The last epoch whose initial history it took over. Never beyond `accepted`.
    pub current: Epoch,
}

/// The epoch files of a data directory.
#[derive(Clone, Debug)]
pub struct EpochFiles {
    files: Arc<dyn FileSystem>,
    directory: PathBuf,
}

impl EpochFiles {
    /// Those in `directory`, the `version-2` of the data directory.
    #[must_use]
    pub fn new(files: Arc<dyn FileSystem>, directory: &Path) -> EpochFiles {
        EpochFiles { files, directory: directory.to_owned() }
    }

    /// What they say now, without changing anything. `None` for a file that is not there.
    ///
    /// # Errors
    /// A file that cannot be read, or holds no epoch.
    pub fn read(&self) -> Result<(Option<Epoch>, Option<Epoch>), DiskError> {
        Ok((self.read_file(ACCEPTED)?, self.read_file(CURRENT)?))
    }

    /// What they say at the start of a server whose last transaction is `last` (`QuorumPeer.loadDataBase`).
    ///
    /// A missing file, as a standalone server leaves none, gets the epoch of `last`. Otherwise the current epoch is
    /// never inferred from a transaction: one behind `last` stays, because its server acknowledged nothing of the
    /// later epoch. There Java refuses to start, unless it finds `currentEpoch.tmp`, which it takes for the current
    /// epoch (ZOOKEEPER-1653, 4269); but releases before 3.9 wrote that file before the history, and such a server
    /// outranks others with a history that it does not have (4643). Temporary files are removed.
    ///
    /// # Errors
    /// Files that cannot be read or written, or hold no epochs, or an epoch that was never accepted.
    pub fn recover(&self, last: Zxid) -> Result<Epochs, DiskError> {
        for name in [ACCEPTED, CURRENT] {
            let temporary = self.directory.join(format!("{name}.tmp"));
            if self.files.exists(&temporary).map_err(DiskError::io("look for", &temporary))? {
                self.files.remove(&temporary).map_err(DiskError::io("remove", &temporary))?;
            }
        }
        let (accepted, current) = self.read()?;
        let epochs = Epochs { accepted: accepted.unwrap_or(last.epoch()), current: current.unwrap_or(last.epoch()) };
        if epochs.current > epochs.accepted {
            let (directory, Epochs { accepted, current }) = (self.directory.clone(), epochs);
            return Err(DiskError::Epochs { directory, current, accepted });
        }
        // The accepted epoch first, so that no crash between leaves a current epoch that was not accepted.
        if accepted.is_none() {
            self.write_accepted(epochs.accepted)?;
        }
        if current.is_none() {
            self.write_current(epochs.current)?;
        }
        Ok(epochs)
    }

    /// Replaces the accepted epoch, durably. Only afterwards may the memory say so (ZOOKEEPER-2307).
    ///
    /// # Errors
    /// Files that cannot be written.
    pub fn write_accepted(&self, epoch: Epoch) -> Result<(), DiskError> {
        replace_file(&*self.files, &self.directory, ACCEPTED, epoch.0.to_string().as_bytes())
    }

    /// Replaces the current epoch, durably. The history of that epoch is durable before.
    ///
    /// # Errors
    /// Files that cannot be written.
    pub fn write_current(&self, epoch: Epoch) -> Result<(), DiskError> {
        replace_file(&*self.files, &self.directory, CURRENT, epoch.0.to_string().as_bytes())
    }

    fn read_file(&self, name: &str) -> Result<Option<Epoch>, DiskError> {
        let path = self.directory.join(name);
        let Some(line) = first_line(&*self.files, &path)? else { return Ok(None) };
        match line.parse::<i64>() {
            // Java's number of no epoch, from a server that did not trust its empty database.
            Ok(-1) => Ok(Some(Epoch(0))),
            Ok(number) if u32::try_from(number).is_ok() => Ok(Some(Epoch(number as u32))),
            _ => Err(DiskError::unfit(&path, format!("holds {line:?}, which is no epoch"))),
        }
    }
}

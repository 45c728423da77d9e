//! The data directory and the log directory (Java's `FileTxnSnapLog`, `PurgeTxnLog`).

use super::error::DiskError;
use super::file_log::FileLog;
use super::file_system::FileSystem;
use super::log_reader::{files_before, log_files};
use super::names;
use super::snapshot_file::{UnfinishedSnapshot, is_valid_snapshot};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zab::Zxid;

/// What both directories hold their files in.
const VERSION: &str = "version-2";

/// How few snapshots a purge may keep.
pub const FEWEST_SNAPSHOTS: usize = 3;

/// Where a server's files are: snapshots and epochs in `version-2` of one directory (`dataDir`), logs in `version-2` of
/// another or of the same (`dataLogDir`).
#[derive(Clone, Debug)]
pub struct DataDirectory {
    files: Arc<dyn FileSystem>,
    data: PathBuf,
    snapshots: PathBuf,
    logs: PathBuf,
}

impl DataDirectory {
    /// The directories `dataDir` and `dataLogDir`. Nothing is looked at, nothing changed.
    #[must_use]
    pub fn new(files: Arc<dyn FileSystem>, data: &Path, logs: &Path) -> DataDirectory {
        DataDirectory { files, data: data.to_owned(), snapshots: data.join(VERSION), logs: logs.join(VERSION) }
    }

    /// Creates what is missing of both, if `autocreate`, and touches nothing else.
    ///
    /// # Errors
    /// A directory that is missing, or cannot be created.
    pub fn create(&self, autocreate: bool) -> Result<(), DiskError> {
        [&self.logs, &self.snapshots].into_iter().try_for_each(|directory| self.create_one(directory, autocreate))
    }

    /// Makes them ready for a server: creates what is missing (if `autocreate`, `zookeeper.datadir.autocreate`), and
    /// removes snapshots that were never finished. Not for tools that look at the files of a running server.
    ///
    /// # Errors
    /// A directory that is missing or cannot be written; snapshots among the logs and logs among the snapshots, where
    /// these are two directories: then the configuration was changed, and the server would start without its data
    /// (ZOOKEEPER-2967).
    pub fn prepare(&self, autocreate: bool) -> Result<(), DiskError> {
        self.create(autocreate)?;
        if self.logs != self.snapshots {
            self.refuse(&self.logs, "snapshot.", "holds snapshots, but is the directory of the logs")?;
            self.refuse(&self.snapshots, "log.", "holds logs, but is the directory of the snapshots")?;
        }
        for name in self.names(&self.snapshots)?.iter().filter(|name| names::is_unfinished_snapshot(name)) {
            self.remove(&self.snapshots.join(name))?;
        }
        // A name that the last server gave may be in the system's cache only, and is about to be relied on.
        self.files.sync_directory(&self.snapshots).map_err(DiskError::io("sync directory", &self.snapshots))
    }

    fn create_one(&self, directory: &Path, autocreate: bool) -> Result<(), DiskError> {
        if self.files.exists(directory).map_err(DiskError::io("look for", directory))? {
            return Ok(());
        }
        if !autocreate {
            let what = "does not exist, and data directories are not to be created (zookeeper.datadir.autocreate)";
            return Err(DiskError::unfit(directory, what));
        }
        let mut missing = vec![directory];
        for above in directory.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
            if self.files.exists(above).map_err(DiskError::io("look for", above))? {
                break;
            }
            missing.push(above);
        }
        self.files.create_directories(directory).map_err(DiskError::io("create", directory))?;
        for made in missing {
            let Some(above) = made.parent() else { continue };
            let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
            // The sentence names what an operator has configured, not a directory above that it has no part in.
            self.files.sync_directory(above).map_err(DiskError::io("sync the directory above", made))?;
        }
        Ok(())
    }

    fn refuse(&self, directory: &Path, beginning: &str, what: &str) -> Result<(), DiskError> {
        if self.names(directory)?.iter().any(|name| name.starts_with(beginning)) {
            return Err(DiskError::unfit(directory, format!("{what}: are dataDir and dataLogDir as they were?")));
        }
        Ok(())
    }

    // ---- What is there --------------------------------------------------------------------------------------------

    /// The file system.
    #[must_use]
    pub fn files(&self) -> &Arc<dyn FileSystem> {
        &self.files
    }

    /// `dataDir` itself, with `myid`.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Where snapshots and epoch files are.
    #[must_use]
    pub fn snapshot_directory(&self) -> &Path {
        &self.snapshots
    }

    /// Where the logs are.
    #[must_use]
    pub fn log_directory(&self) -> &Path {
        &self.logs
    }

    /// The logs by their first transactions, oldest first.
    ///
    /// # Errors
    /// A directory that cannot be read.
    pub fn logs(&self) -> Result<Vec<(Zxid, PathBuf)>, DiskError> {
        log_files(&*self.files, &self.logs)
    }

    /// All snapshots by their last transactions, newest first, whether they are whole or not.
    ///
    /// # Errors
    /// A directory that cannot be read.
    pub fn snapshots(&self) -> Result<Vec<(Zxid, PathBuf)>, DiskError> {
        let names = self.names(&self.snapshots)?.into_iter();
        let found = names.filter_map(|name| Some((names::snapshot_zxid(&name)?.0, self.snapshots.join(name))));
        let mut found: Vec<(Zxid, PathBuf)> = found.collect();
        found.sort_by(|a, b| b.cmp(a));
        Ok(found)
    }

    /// The newest snapshots that look whole (see [`is_valid_snapshot`]), newest first, at most `most`.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub fn valid_snapshots(&self, most: usize) -> Result<Vec<(Zxid, PathBuf)>, DiskError> {
        let mut valid = Vec::new();
        for (zxid, path) in self.snapshots()? {
            if valid.len() < most && is_valid_snapshot(&*self.files, &path)? {
                valid.push((zxid, path));
            }
        }
        Ok(valid)
    }

    /// The bytes of all logs and of all snapshots, with the zeros ahead (the `dirs` command).
    ///
    /// # Errors
    /// Files that cannot be read.
    pub fn sizes(&self) -> Result<(u64, u64), DiskError> {
        let sum = |paths: Vec<(Zxid, PathBuf)>| {
            paths.iter().try_fold(0, |sum, (_, path)| {
                let file = self.files.open(path).map_err(DiskError::io("open", path))?;
                Ok(sum + file.len().map_err(DiskError::io("read the length of", path))?)
            })
        };
        Ok((sum(self.logs()?)?, sum(self.snapshots()?)?))
    }

    // ---- What changes ---------------------------------------------------------------------------------------------

    /// Removes old files: keeps the newest `keep` snapshots that look whole (at least [`FEWEST_SNAPSHOTS`], as Java),
    /// and every log that the oldest of these needs: those that begin after it and the last that begins before it.
    /// Returns what was removed. Nothing goes where no snapshot looks whole. A server may write meanwhile.
    ///
    /// # Errors
    /// Files that cannot be read or removed.
    pub fn purge(&self, keep: usize) -> Result<Vec<PathBuf>, DiskError> {
        let kept = self.valid_snapshots(keep.max(FEWEST_SNAPSHOTS))?;
        let Some((oldest, _)) = kept.last() else { return Ok(Vec::new()) };
        let mut old: Vec<PathBuf> =
            self.snapshots()?.into_iter().filter(|(zxid, _)| zxid < oldest).map(|(_, path)| path).collect();
        // Old snapshots first: none is left without its logs.
        old.reverse();
        let mut logs = self.logs()?;
        logs.truncate(files_before(&logs, *oldest));
        old.extend(logs.into_iter().map(|(_, path)| path));
        for path in &old {
            self.files.remove(path).map_err(DiskError::io("remove", path))?;
        }
        for directory in [&self.snapshots, &self.logs] {
            self.files.sync_directory(directory).map_err(DiskError::io("sync directory", directory))?;
        }
        Ok(old)
    }

    /// Cuts the history behind `zxid` (TRUNC): removes the snapshots beyond it, then what the log has beyond it.
    /// Whatever a crash leaves is a beginning of the history. What is in memory must be read anew.
    ///
    /// # Errors
    /// [`DiskError::CannotTruncate`] when no such transaction is in the log, or no snapshot is left to begin with;
    /// nothing has changed then. Files that cannot be changed.
    pub fn truncate(&self, log: &mut FileLog, zxid: Zxid) -> Result<(), DiskError> {
        let refused = |what| Err(DiskError::CannotTruncate { directory: self.logs.clone(), zxid, what });
        let valid = self.valid_snapshots(usize::MAX)?;
        let Some((base, _)) = valid.iter().find(|(snapshot, _)| *snapshot <= zxid) else {
            return refused("there is no snapshot at or before it");
        };
        if zxid != *base && !log.contains(zxid)? {
            return refused("no such transaction is in the log");
        }
        self.remove_snapshots(|snapshot, _| snapshot > zxid)?;
        log.cut_behind(zxid)
    }

    /// Puts the leader's snapshot (SNAP) in the place of snapshots and log. A crash leaves either the new history or
    /// the old one, the latter perhaps without what it had beyond the snapshot, which is not the leader's.
    ///
    /// # Errors
    /// Files that cannot be changed.
    pub fn replace(&self, log: &mut FileLog, snapshot: UnfinishedSnapshot) -> Result<PathBuf, DiskError> {
        let zxid = snapshot.zxid();
        self.remove_snapshots(|other, _| other > zxid)?;
        log.cut_behind(zxid)?;
        let published = snapshot.publish(&*self.files)?;
        // What is older may be another history than the leader's: nobody shall ever fall back to it.
        log.clear(zxid)?;
        self.remove_snapshots(|_, path| path != published)?;
        Ok(published)
    }

    /// Newest first, each durably.
    fn remove_snapshots(&self, which: impl Fn(Zxid, &Path) -> bool) -> Result<(), DiskError> {
        let all = self.snapshots()?;
        all.iter().filter(|(zxid, path)| which(*zxid, path)).try_for_each(|(_, path)| self.remove(path))
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        self.files.remove(path).map_err(DiskError::io("remove", path))?;
        let directory = path.parent().unwrap_or(path);
        self.files.sync_directory(directory).map_err(DiskError::io("sync directory", directory))
    }

    fn names(&self, directory: &Path) -> Result<Vec<String>, DiskError> {
        self.files.list(directory).map_err(DiskError::io("list", directory))
    }
}

//! Reading back from the log what is older than the history in memory: for a learner that lags further than that
//! (`ZKDatabase.getProposalsFromTxnLog`).

use super::directory::DataDirectory;
use super::error::DiskError;
use super::log_reader::{LogReader, files_before, log_files};
use zab::{History, Payload, Txn, Zxid};

/// How much of the log is sent to a learner rather than a snapshot (`zookeeper.snapshotSizeFactor`): so many bytes for
/// every million bytes of the newest snapshot. 0: any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeFactor(pub u32);

impl SizeFactor {
    /// The most bytes of transactions that cost less than the newest snapshot in `directory`; `None` for any number.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub fn limit(self, directory: &DataDirectory) -> Result<Option<u64>, DiskError> {
        let Some((_, newest)) = directory.snapshots()?.into_iter().next().filter(|_| self.0 > 0) else {
            return Ok(None);
        };
        let file = directory.files().open(&newest).map_err(DiskError::io("open", &newest))?;
        let length = file.len().map_err(DiskError::io("read the length of", &newest))?;
        let limit = u128::from(length) * u128::from(self.0) / 1_000_000;
        Ok(Some(u64::try_from(limit).unwrap_or(u64::MAX)))
    }
}

/// The transactions of the log behind `after` up to `upto`, which is on the disk for certain, as a history that begins
/// at the last one that is not beyond `after`. `None` when the log does not go back so far, or holds more than `most`
/// bytes of them.
///
/// # Errors
/// Files that cannot be read; damage.
pub fn recall(
    directory: &DataDirectory,
    after: Zxid,
    upto: Zxid,
    most: Option<u64>,
) -> Result<Option<History>, DiskError> {
    let logs = log_files(&**directory.files(), directory.log_directory())?;
    // The whole file, because its transactions before `after` tell which is the last of them.
    let Some((first, _)) = logs.get(files_before(&logs, after)).filter(|(first, _)| *first <= after) else {
        return Ok(None);
    };
    let mut reader = LogReader::new(directory.files().clone(), directory.log_directory(), *first)?;
    let (mut found, mut size) = (None::<History>, 0);
    while let Some(entry) = reader.next_entry()? {
        if entry.zxid <= after {
            found = Some(History::from_snapshot(entry.zxid));
            continue;
        }
        let Some(history) = found.as_mut().filter(|history| entry.zxid.follows(history.last())) else {
            return Ok(None);
        };
        size += entry.bytes.len() as u64;
        if most.is_some_and(|most| size > most) {
            return Ok(None);
        }
        history.append(Txn { zxid: entry.zxid, payload: Payload(entry.bytes) });
        // What comes later may be being written at this moment.
        if entry.zxid == upto {
            return Ok(found);
        }
    }
    Ok(None)
}

//! From files to a tree: the newest snapshot that can be read, and the log behind it (`FileTxnSnapLog.restore`).

use super::directory::DataDirectory;
use super::error::DiskError;
use super::log_reader::{Entry, LogReader};
use super::names::Compression;
use super::snapshot_file::{self, Snapshot, ZxidDigest, is_valid_snapshot};
use crate::wire::decode_transaction;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zab::tree::{Tree, TreeOptions, digest};
use zab::{History, Payload, Txn, Zxid};

/// How many snapshots are tried.
const MOST_SNAPSHOTS: usize = 100;

/// What the configuration says about the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoreOptions {
    /// Of the tree.
    pub tree: TreeOptions,
    /// Whether logs without any snapshot are replayed from the empty tree (`zookeeper.snapshot.trust.empty`, off).
    pub trust_empty_snapshot: bool,
    /// Whether an empty directory is a new server's (`zookeeper.db.autocreate`, on). Otherwise it is one that lost its
    /// data, unless there is a file `initialize` in the data directory.
    pub autocreate: bool,
}

impl Default for RestoreOptions {
    fn default() -> RestoreOptions {
        RestoreOptions { tree: TreeOptions::default(), trust_empty_snapshot: false, autocreate: true }
    }
}

/// What was restored.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The tree after the last transaction of the log.
    pub tree: Tree,
    /// The last transaction of the snapshot: what is later is in the log.
    pub base: Zxid,
    /// Whether this server may vote. Not if its directory is empty and should not be: then nothing says what it
    /// promised and acknowledged (Java's zxid −1).
    pub trusted: bool,
    /// What it took.
    pub report: RestoreReport,
}

/// What a restoration read, and how long that took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoreReport {
    /// The snapshot that was read; `None` when there was none.
    pub snapshot: Option<PathBuf>,
    /// Its bytes, uncompressed.
    pub snapshot_size: u64,
    /// How long it took to load.
    pub snapshot_time: Duration,
    /// Newer snapshots that could not be read, and why.
    pub passed_over: Vec<String>,
    /// How many transactions were replayed.
    pub transactions: u64,
    /// Their bytes.
    pub log_size: u64,
    /// How long that took.
    pub log_time: Duration,
    /// After which transactions the tree's digest was not the recorded one. Java only counts these as well.
    pub digest_mismatches: Vec<Zxid>,
}

/// Restores the tree from a directory that is [prepared](DataDirectory::prepare). An empty directory becomes one with a
/// snapshot of the empty tree, `snapshot.0`, without which a Java server would not accept the log.
///
/// Two things that Java does not see are refused: a hole in the log (it would replay what is behind it), and snapshots
/// of which none can be read when there is no log (it would begin anew).
///
/// # Errors
/// Files that cannot be read; logs without a snapshot; a damaged log; a hole in it; a transaction that is none.
pub fn restore(directory: &DataDirectory, options: &RestoreOptions) -> Result<Restored, DiskError> {
    let mut report = RestoreReport::default();
    let initialize = take_initialize_file(directory)?;
    let start = Instant::now();
    let loaded = load_newest(directory, options.tree, &mut report)?;
    report.snapshot_time = start.elapsed();
    if loaded.is_none() && !options.trust_empty_snapshot {
        return begin_anew(directory, options, initialize, report);
    }
    let (mut tree, digest) = match loaded {
        Some(Snapshot { tree, digest, .. }) => (tree, digest),
        None => (Tree::new(options.tree), None),
    };
    let base = tree.last_zxid();
    let start = Instant::now();
    replay(directory, &mut tree, digest, &mut report)?;
    report.log_time = start.elapsed();
    Ok(Restored { tree, base, trusted: true, report })
}

/// What a server of an ensemble begins with: it does not know which transactions of its log were committed.
#[derive(Clone, Debug)]
pub struct RestoredBase {
    /// The tree of the snapshot.
    pub tree: Tree,
    /// The snapshot's last transaction, and the log after it.
    pub history: History,
    /// From which transaction on the tree's digest can be compared, where it cannot be at once.
    pub awaited_digest: Option<ZxidDigest>,
    /// As [`Restored::trusted`].
    pub trusted: bool,
    /// What it took. Digests are compared when transactions are delivered.
    pub report: RestoreReport,
}

/// As [`restore`], but the log is not replayed: an election decides which of it was committed.
///
/// # Errors
/// As [`restore`]; a transaction that is none is found when it is delivered.
pub fn restore_base(directory: &DataDirectory, options: &RestoreOptions) -> Result<RestoredBase, DiskError> {
    let mut report = RestoreReport::default();
    let initialize = take_initialize_file(directory)?;
    let start = Instant::now();
    let loaded = load_newest(directory, options.tree, &mut report)?;
    report.snapshot_time = start.elapsed();
    let (tree, digest) = match loaded {
        Some(Snapshot { tree, digest, .. }) => (tree, digest),
        None if options.trust_empty_snapshot => (Tree::new(options.tree), None),
        None => {
            let Restored { tree, trusted, report, .. } = begin_anew(directory, options, initialize, report)?;
            let history = History::from_snapshot(tree.last_zxid());
            return Ok(RestoredBase { tree, history, awaited_digest: None, trusted, report });
        }
    };
    let start = Instant::now();
    let mut history = History::from_snapshot(tree.last_zxid());
    read_log(directory, history.snapshot(), false, &mut report, |entry, _, _| {
        history.append(Txn { zxid: entry.zxid, payload: Payload(entry.bytes) });
        Ok(())
    })?;
    report.log_time = start.elapsed();
    let awaited_digest = digest.filter(|awaited| awaited.zxid > tree.last_zxid());
    Ok(RestoredBase { tree, history, awaited_digest, trusted: true, report })
}

/// No snapshot: a new server's directory.
fn begin_anew(
    directory: &DataDirectory,
    options: &RestoreOptions,
    initialize: bool,
    report: RestoreReport,
) -> Result<Restored, DiskError> {
    refuse_logs_alone(directory)?;
    let (tree, trusted) = (Tree::new(options.tree), options.autocreate || initialize);
    if trusted {
        let (files, snapshots) = (&**directory.files(), directory.snapshot_directory());
        snapshot_file::write_snapshot(files, snapshots, &tree, Compression::Plain)?;
    }
    Ok(Restored { tree, base: Zxid::ZERO, trusted, report })
}

/// Whether someone put the file `initialize` there, which says so once.
fn take_initialize_file(directory: &DataDirectory) -> Result<bool, DiskError> {
    let path = directory.data().join("initialize");
    if !directory.files().exists(&path).map_err(DiskError::io("look for", &path))? {
        return Ok(false);
    }
    directory.files().remove(&path).map_err(DiskError::io("remove", &path))?;
    Ok(true)
}

/// The newest snapshot that can be read. One that cannot is passed over: if the log goes back far enough, an older one
/// is as good, and if not, the hole is found.
fn load_newest(
    directory: &DataDirectory,
    options: TreeOptions,
    report: &mut RestoreReport,
) -> Result<Option<Snapshot>, DiskError> {
    let mut last_error = None;
    let mut tried = 0;
    for (_, path) in directory.snapshots()? {
        if !is_valid_snapshot(&**directory.files(), &path)? {
            report.passed_over.push(format!("{}: is no whole snapshot", path.display()));
            continue;
        }
        tried += 1;
        if tried > MOST_SNAPSHOTS {
            break;
        }
        match snapshot_file::read_snapshot(&**directory.files(), &path, options) {
            Ok(snapshot) => {
                (report.snapshot, report.snapshot_size) = (Some(path), snapshot.size);
                return Ok(Some(snapshot));
            }
            Err(error @ (DiskError::Damaged { .. } | DiskError::Unfit { .. })) => {
                report.passed_over.push(error.to_string());
                last_error.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    // Snapshots were there, and data with them.
    last_error.map_or(Ok(None), Err)
}

fn refuse_logs_alone(directory: &DataDirectory) -> Result<(), DiskError> {
    let mut reader = LogReader::new(directory.files().clone(), directory.log_directory(), Zxid::ZERO)?;
    let has_entries = reader.next_entry()?.is_some();
    // A first start that was cut short may leave half a `snapshot.0`, if it was Java's. Later ones held data.
    let had_data = directory.snapshots()?.iter().any(|(zxid, _)| *zxid > Zxid::ZERO);
    if has_entries || had_data {
        let (logs, snapshots) = (directory.log_directory().to_owned(), directory.snapshot_directory().to_owned());
        return Err(DiskError::NoSnapshot { logs, snapshots });
    }
    Ok(())
}

fn replay(
    directory: &DataDirectory,
    tree: &mut Tree,
    mut expected: Option<ZxidDigest>,
    report: &mut RestoreReport,
) -> Result<(), DiskError> {
    // A digest of the snapshot's own zxid is compared at once; a later one when the log has come there. Until then
    // the tree holds effects of transactions that are yet to come, and no other digest means anything.
    compare(tree, &mut expected, report);
    // The empty tree that is trusted may be the beginning of anything.
    let (base, anything) = (tree.last_zxid(), report.snapshot.is_none());
    read_log(directory, base, anything, report, |entry, path, report| {
        let transaction = decode_transaction(&entry.bytes).map_err(|error| {
            let what = format!("the entry is no transaction: {error}");
            DiskError::damaged(path, entry.offset, what)
        })?;
        let applied = tree.apply(&transaction);
        if expected.is_some() {
            compare(tree, &mut expected, report);
        } else if applied.digest_matches == Some(false) {
            report.digest_mismatches.push(entry.zxid);
        }
        Ok(())
    })
}

/// Hands over every transaction of the log after `base`, with its file: none may be missing. With `anything`, the first
/// behind zxid 0 may be whichever.
fn read_log(
    directory: &DataDirectory,
    base: Zxid,
    anything: bool,
    report: &mut RestoreReport,
    mut take: impl FnMut(Entry, &Path, &mut RestoreReport) -> Result<(), DiskError>,
) -> Result<(), DiskError> {
    let (mut last, next) = (base, Zxid(base.0.saturating_add(1)));
    let mut reader = LogReader::new(directory.files().clone(), directory.log_directory(), next)?;
    while let Some(entry) = reader.next_entry()? {
        let path = reader.path().unwrap_or(directory.log_directory());
        if !entry.zxid.follows(last) && (last > Zxid::ZERO || !anything) {
            return Err(DiskError::Gap { path: path.to_owned(), last, next: entry.zxid });
        }
        last = entry.zxid;
        report.transactions += 1;
        report.log_size += entry.bytes.len() as u64;
        take(entry, path, report)?;
    }
    Ok(())
}

/// Compares the tree's digest with the snapshot's, if the tree has come to its zxid.
fn compare(tree: &Tree, expected: &mut Option<ZxidDigest>, report: &mut RestoreReport) {
    let Some(awaited) = expected.filter(|awaited| awaited.zxid <= tree.last_zxid()) else { return };
    *expected = None;
    let comparable = tree.options().digest && awaited.version == digest::VERSION && awaited.zxid == tree.last_zxid();
    if comparable && awaited.digest != tree.digest() {
        report.digest_mismatches.push(awaited.zxid);
    }
}

//! Where a server's files are, and what they hold before it starts for the first time.

use super::translation;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use zab::tree::{
    Asked, Change, OpCode, Outlook, PrepareOptions, SessionId, Standing, Transaction, Tree, TreeOptions, prepare,
};
use zab::{Disk, Epoch, History, Payload, Txn, Zxid};
use zabkeeper::disk::{
    Compression, DataDirectory, DiskError, EpochFiles, FileLog, FileSystem, LogOptions, OperatingSystem,
    RestoreOptions, RestoredBase, SimulatedDisk, restore_base, write_snapshot,
};
use zabkeeper::wire::encode_transaction;

/// On what kind of disk servers are played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Medium {
    /// Files in a temporary directory. What was written and not synced survives a crash.
    #[default]
    Files,
    /// A disk in memory, of which a crash takes everything that was not synced.
    Memory,
}

/// A server's disk.
pub enum Storage {
    /// In a directory that is removed in the end.
    Files(TempDir),
    /// In memory.
    Memory(SimulatedDisk),
}

/// What the files hold: the tree of the snapshot, and the disk as the protocol sees it.
pub struct Found {
    /// What the snapshot holds, and how its digest is to be compared.
    pub base: RestoredBase,
    /// The disk.
    pub disk: Disk,
}

impl Storage {
    /// An empty one.
    ///
    /// # Errors
    /// With a sentence, when there can be no temporary directory.
    pub fn new(medium: Medium) -> Result<Storage, String> {
        Ok(match medium {
            Medium::Files => Storage::Files(tempfile::tempdir().map_err(|error| error.to_string())?),
            Medium::Memory => Storage::Memory(SimulatedDisk::new()),
        })
    }

    /// As a server sees it until it crashes.
    pub fn directory(&self) -> DataDirectory {
        let (files, path): (Arc<dyn FileSystem>, &Path) = match self {
            Storage::Files(folder) => (Arc::new(OperatingSystem), folder.path()),
            Storage::Memory(disk) => (Arc::new(disk.mounted()), Path::new("/data")),
        };
        DataDirectory::new(files, path, path)
    }

    /// The server has crashed.
    pub fn crash(&self) {
        if let Storage::Memory(disk) = self {
            disk.crash(&mut |_| 0);
        }
    }
}

/// How the log is kept here: stories are short.
pub const LOG: LogOptions = LogOptions { preallocation: 0, size_limit: None, sync: true };

/// Reads the files of a server that runs or is down.
///
/// # Errors
/// Files that a server could not start on.
pub fn read(directory: &DataDirectory) -> Result<Found, DiskError> {
    let base = restore_base(directory, &RestoreOptions::default())?;
    let epochs = EpochFiles::new(directory.files().clone(), directory.snapshot_directory()).read()?;
    let (accepted, current) = (epochs.0.unwrap_or_default(), epochs.1.unwrap_or_default());
    let disk = Disk { accepted_epoch: accepted, current_epoch: current, history: base.history.clone() };
    Ok(Found { base, disk })
}

/// So many sessions are open from the beginning, on every server, so that clients need no transaction to open one. Each
/// asks one thing: the sessions of a real client move with it, which takes messages that no story tells of.
pub const SESSIONS: u8 = 80;

/// Writes the files of a server that has this disk, whose snapshot stands for these transactions.
///
/// # Errors
/// Files that cannot be written.
pub fn write(directory: &DataDirectory, disk: &Disk, snapshot: &[Txn]) -> Result<(), DiskError> {
    write_with(directory, disk, snapshot, &mut grow)
}

/// As [`write`], with transactions that are made by this.
///
/// # Errors
/// Files that cannot be written.
pub fn write_with(
    directory: &DataDirectory,
    disk: &Disk,
    snapshot: &[Txn],
    grow: &mut dyn FnMut(&mut Tree, &Txn) -> Vec<u8>,
) -> Result<(), DiskError> {
    directory.create(true)?;
    let mut tree = with_sessions();
    snapshot.iter().for_each(|txn| drop(grow(&mut tree, txn)));
    if tree.last_zxid() < disk.history.snapshot() {
        // Of this snapshot nobody knows what it holds: a transaction that fails leaves nothing behind but its zxid.
        let nothing = Change::Refused { kind: OpCode::Error, code: 0 };
        tree.apply(&prepared(&tree, SessionId(1), nothing, disk.history.snapshot()));
    }
    write_snapshot(&**directory.files(), directory.snapshot_directory(), &tree, Compression::Plain)?;
    let mut log = FileLog::open(directory.files().clone(), directory.log_directory(), LOG)?;
    for txn in disk.history.log() {
        log.append(&grow(&mut tree, txn))?;
    }
    log.commit()?;
    let epochs = EpochFiles::new(directory.files().clone(), directory.snapshot_directory());
    if disk.accepted_epoch > Epoch(0) {
        epochs.write_accepted(disk.accepted_epoch)?;
        epochs.write_current(disk.current_epoch)?;
    }
    Ok(())
}

/// What the log of a server holds of `wanted`: read from its files as the server does, or written anew when they do not
/// go back so far. (The model's logs do: it does not tell where a snapshot came from.)
///
/// # Errors
/// Files that cannot be read.
pub fn recall(directory: &DataDirectory, wanted: &History) -> Result<History, DiskError> {
    let found = zabkeeper::disk::recall(directory, wanted.snapshot(), wanted.last(), None)?;
    Ok(found.filter(|found| found.snapshot() == wanted.snapshot()).unwrap_or_else(|| {
        let (mut tree, mut history) = (with_sessions(), History::from_snapshot(wanted.snapshot()));
        for txn in wanted.log() {
            history.append(Txn { zxid: txn.zxid, payload: Payload(grow(&mut tree, txn).into()) });
        }
        history
    }))
}

/// The tree before any transaction of a story.
pub fn with_sessions() -> Tree {
    let mut tree = Tree::new(TreeOptions::default());
    for session in 1..=SESSIONS {
        let (session, change) = (SessionId(session.into()), Change::CreateSession { timeout: 600_000 });
        tree.apply(&prepared(&tree, session, change, Zxid::ZERO));
    }
    tree
}

/// Applies the model's transaction, and writes it as the server does.
pub fn grow(tree: &mut Tree, txn: &Txn) -> Vec<u8> {
    grow_for((SessionId(1), 0), tree, txn)
}

/// As [`grow`], for this session's request with this number.
pub fn grow_for((session, number): (SessionId, i32), tree: &mut Tree, txn: &Txn) -> Vec<u8> {
    let mut transaction = prepared(tree, SessionId(1), translation::change(&txn.payload), txn.zxid);
    (transaction.header.session, transaction.header.cxid) = (session, number);
    tree.apply(&transaction);
    let mut bytes = Vec::new();
    encode_transaction(&transaction, &mut bytes);
    bytes
}

fn prepared(tree: &Tree, session: SessionId, change: Change, zxid: Zxid) -> Transaction {
    let (identities, options) = (Arc::default(), PrepareOptions::default());
    let asked = Asked { session, cxid: 0, change, identities, standing: Standing::Here, options };
    prepare(tree, &mut Outlook::default(), &asked, zxid, 0)
}

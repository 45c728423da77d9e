//! The directories: what is refused, purged, cut and replaced; the epoch files and `myid`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use zab::tree::{OpCode, Record, SessionId, Transaction, Tree, TreeOptions, TxnHeader};
use zab::{Epoch, ServerId, Zxid};
use zabkeeper::disk::{
    Compression, DataDirectory, DiskError, EpochFiles, Epochs, FileLog, FileSystem, LogOptions, LogReader,
    OperatingSystem, SimulatedDisk, UnfinishedSnapshot, read_my_id, read_snapshot, write_snapshot,
};

const SNAPSHOTS: &str = "/data/version-2";
const LOGS: &str = "/logs/version-2";

fn directory(disk: &SimulatedDisk) -> DataDirectory {
    let directory = DataDirectory::new(Arc::new(disk.clone()), Path::new("/data"), Path::new("/logs"));
    directory.prepare(true).unwrap();
    directory
}

fn open(disk: &SimulatedDisk) -> FileLog {
    let options = LogOptions { preallocation: 0, ..LogOptions::default() };
    FileLog::open(Arc::new(disk.clone()), Path::new(LOGS), options).unwrap()
}

fn append(log: &mut FileLog, zxids: impl IntoIterator<Item = u64>) {
    for zxid in zxids {
        log.append(&[&[0; 12], &zxid.to_be_bytes()[..], b"rest"].concat()).unwrap();
    }
    log.roll().unwrap();
}

/// A tree after so many transactions.
fn tree(zxid: u64) -> Tree {
    let mut tree = Tree::new(TreeOptions::default());
    let (session, kind) = (SessionId(1), OpCode::CreateSession);
    let header = TxnHeader { session, cxid: 0, zxid: Zxid(zxid), time: 0, kind };
    tree.apply(&Transaction { header, record: Record::CreateSession { timeout: 1 }, digest: None });
    tree
}

fn snapshot(disk: &SimulatedDisk, zxid: u64) {
    write_snapshot(disk, Path::new(SNAPSHOTS), &tree(zxid), Compression::Plain).unwrap();
}

fn read(disk: &SimulatedDisk) -> Vec<u64> {
    let reader = LogReader::new(Arc::new(disk.clone()), Path::new(LOGS), Zxid::ZERO).unwrap();
    reader.map(|entry| entry.unwrap().zxid.0).collect()
}

fn names(disk: &SimulatedDisk, directory: &str) -> Vec<String> {
    disk.list(Path::new(directory)).unwrap()
}

// ---- Preparing ----------------------------------------------------------------------------------------------------

#[test]
fn directories_are_created_if_they_may_be() {
    let place = tempfile::tempdir().unwrap();
    let (data, logs) = (place.path().join("a/data"), place.path().join("b/logs"));
    let directory = DataDirectory::new(Arc::new(OperatingSystem), &data, &logs);
    let error = directory.prepare(false).unwrap_err().to_string();
    assert!(error.contains("b/logs/version-2 does not exist"), "{error}");
    directory.prepare(true).unwrap();
    directory.prepare(false).unwrap();
    assert!(data.join("version-2").is_dir() && logs.join("version-2").is_dir());
}

#[test]
fn files_in_the_wrong_directory_are_refused() {
    for (path, sentence) in [
        ("/logs/version-2/snapshot.5", "/logs/version-2 holds snapshots"),
        ("/data/version-2/log.5", "/data/version-2 holds logs"),
    ] {
        let disk = SimulatedDisk::new();
        directory(&disk);
        disk.put(Path::new(path), b"");
        let two = DataDirectory::new(Arc::new(disk.clone()), Path::new("/data"), Path::new("/logs"));
        let error = two.prepare(true).unwrap_err().to_string();
        assert!(error.starts_with(sentence), "{error}");
        let one = DataDirectory::new(Arc::new(disk), Path::new("/data"), Path::new("/data"));
        one.prepare(true).expect("in one directory they may mix");
    }
}

#[test]
fn unfinished_snapshots_are_cleared_up() {
    let disk = SimulatedDisk::new();
    let directory = directory(&disk);
    snapshot(&disk, 5);
    let unfinished = UnfinishedSnapshot::write(&disk, Path::new(SNAPSHOTS), &tree(7), Compression::Plain).unwrap();
    drop(unfinished);
    assert_eq!(names(&disk, SNAPSHOTS).len(), 2);
    assert_eq!(directory.valid_snapshots(9).unwrap(), [(Zxid(5), PathBuf::from("/data/version-2/snapshot.5"))]);
    directory.prepare(true).unwrap();
    assert_eq!(names(&disk, SNAPSHOTS), ["snapshot.5"]);
}

// ---- Purging ------------------------------------------------------------------------------------------------------

#[test]
fn a_purge_keeps_snapshots_and_the_logs_that_they_need() {
    let disk = SimulatedDisk::new();
    let directory = directory(&disk);
    let mut log = open(&disk);
    for first in [1, 11, 21, 31, 41, 51] {
        append(&mut log, first..first + 10);
    }
    // Not where files begin: log.15 (21 in decimal) holds what follows snapshot 25.
    for zxid in [5, 15, 25, 35, 45] {
        snapshot(&disk, zxid);
    }
    disk.put(&Path::new(SNAPSHOTS).join("snapshot.30"), b"not whole, so it does not count");
    let removed = directory.purge(3).unwrap();
    assert_eq!(removed.len(), 4, "{removed:?}");
    assert_eq!(names(&disk, SNAPSHOTS), ["snapshot.19", "snapshot.23", "snapshot.2d", "snapshot.30"]);
    assert_eq!(read(&disk), (21..61).collect::<Vec<_>>());
    disk.crash(&mut |_| 0);
    assert_eq!(read(&disk), (21..61).collect::<Vec<_>>());
    assert_eq!(directory.purge(1).unwrap(), [""; 0].map(PathBuf::from), "three are kept in any case");
}

#[test]
fn without_a_whole_snapshot_nothing_is_purged() {
    let disk = SimulatedDisk::new();
    let directory = directory(&disk);
    append(&mut open(&disk), 1..5);
    append(&mut open(&disk), 5..9);
    disk.put(&Path::new(SNAPSHOTS).join("snapshot.7"), b"torn");
    assert_eq!(directory.purge(3).unwrap(), [""; 0].map(PathBuf::from));
    assert_eq!(read(&disk), (1..9).collect::<Vec<_>>());
}

// ---- Cutting and replacing ----------------------------------------------------------------------------------------

/// Snapshots 0, 5, 10, 15 and a log from 1 to 20 in files of eight.
fn history(disk: &SimulatedDisk) -> (DataDirectory, FileLog) {
    let directory = directory(disk);
    let mut log = open(disk);
    for first in [1, 9, 17] {
        append(&mut log, (first..first + 8).take_while(|zxid| *zxid <= 20));
    }
    for zxid in [0, 5, 10, 15] {
        snapshot(disk, zxid);
    }
    (directory, log)
}

#[test]
fn truncation_removes_snapshots_beyond_the_cut() {
    for cut in 0..=20 {
        let disk = SimulatedDisk::new();
        let (directory, mut log) = history(&disk);
        directory.truncate(&mut log, Zxid(cut)).unwrap();
        disk.crash(&mut |_| 0);
        assert_eq!(read(&disk), (1..=cut).collect::<Vec<_>>());
        let snapshots: Vec<u64> = directory.snapshots().unwrap().iter().map(|(zxid, _)| zxid.0).collect();
        assert_eq!(snapshots, [15, 10, 5, 0].into_iter().filter(|zxid| *zxid <= cut).collect::<Vec<_>>());
    }
}

#[test]
fn what_cannot_be_cut_is_left_alone() {
    let disk = SimulatedDisk::new();
    let (directory, mut log) = history(&disk);
    disk.remove(&Path::new(SNAPSHOTS).join("snapshot.0")).unwrap();
    let before = (names(&disk, SNAPSHOTS), read(&disk));
    for (cut, why) in [(3, "no snapshot"), (21, "no such transaction")] {
        let error = directory.truncate(&mut log, Zxid(cut)).unwrap_err();
        assert!(matches!(error, DiskError::CannotTruncate { .. }) && error.to_string().contains(why), "{error}");
        assert_eq!((names(&disk, SNAPSHOTS), read(&disk)), before);
    }
    append(&mut log, [21]);
}

#[test]
fn a_leaders_snapshot_takes_the_place_of_everything() {
    for zxid in [3, 12, 40] {
        let disk = SimulatedDisk::new();
        let (directory, mut log) = history(&disk);
        let arrived = UnfinishedSnapshot::write(&disk, Path::new(SNAPSHOTS), &tree(zxid), Compression::Plain).unwrap();
        assert_eq!(read(&disk).len(), 20, "until then the old history stands");
        let path = directory.replace(&mut log, arrived).unwrap();
        disk.crash(&mut |_| 0);
        assert_eq!(directory.snapshots().unwrap(), [(Zxid(zxid), path)]);
        assert_eq!(read(&disk), [0; 0]);
        append(&mut open(&disk), [zxid + 1]);
    }
}

/// At every operation: what is there afterwards is the new history, or what the old one was up to the snapshot.
#[test]
fn a_replacement_that_is_interrupted_leaves_one_of_both() {
    let run = |fail_at: Option<u64>| {
        let disk = SimulatedDisk::new();
        let (directory, mut log) = history(&disk);
        let arrived = UnfinishedSnapshot::write(&disk, Path::new(SNAPSHOTS), &tree(12), Compression::Plain).unwrap();
        let before = disk.operations();
        fail_at.inspect(|operation| disk.fail_at(before + operation, 5));
        let outcome = directory.replace(&mut log, arrived);
        let operations = disk.operations() - before;
        disk.crash(&mut |most| most / 2);
        (disk, directory, outcome.is_ok(), operations)
    };
    let (.., operations) = run(None);
    for operation in 0..operations {
        let (disk, directory, done, _) = run(Some(operation));
        assert!(!done, "{operation}");
        let newest = directory.valid_snapshots(1).unwrap().remove(0);
        let left = read(&disk);
        if newest.0 == Zxid(12) {
            assert!(left.iter().all(|zxid| *zxid <= 12), "nothing of the old history is replayed: {left:?}");
            read_snapshot(&disk, &newest.1, TreeOptions::default()).unwrap();
        } else {
            let count = left.len() as u64;
            assert!(count >= 12 && left == (1..=count).collect::<Vec<_>>(), "{operation}: {left:?}");
        }
    }
}

// ---- Epochs -------------------------------------------------------------------------------------------------------

fn epochs(accepted: u32, current: u32) -> Epochs {
    Epochs { accepted: Epoch(accepted), current: Epoch(current) }
}

fn epoch_files(disk: &SimulatedDisk) -> EpochFiles {
    directory(disk);
    EpochFiles::new(Arc::new(disk.clone()), Path::new(SNAPSHOTS))
}

#[test]
fn epochs_are_decimal_text_and_durable() {
    let disk = SimulatedDisk::new();
    let files = epoch_files(&disk);
    files.write_accepted(Epoch(12)).unwrap();
    files.write_current(Epoch(11)).unwrap();
    assert_eq!(disk.bytes(&Path::new(SNAPSHOTS).join("acceptedEpoch")).unwrap(), b"12");
    disk.crash(&mut |_| 0);
    assert_eq!(files.recover(Zxid::new(Epoch(11), 4)).unwrap(), epochs(12, 11));
    assert_eq!(names(&disk, SNAPSHOTS), ["acceptedEpoch", "currentEpoch"]);
}

#[test]
fn missing_epochs_are_those_of_the_last_transaction() {
    let disk = SimulatedDisk::new();
    let files = epoch_files(&disk);
    assert_eq!(files.read().unwrap(), (None, None));
    assert_eq!(files.recover(Zxid::new(Epoch(4), 9)).unwrap(), epochs(4, 4));
    disk.crash(&mut |_| 0);
    assert_eq!(files.read().unwrap(), (Some(Epoch(4)), Some(Epoch(4))));
}

/// A crash between the first transaction of an epoch and the current epoch. Java would not start, or take the
/// temporary file (ZOOKEEPER-4269).
#[test]
fn the_current_epoch_is_not_inferred_from_the_log() {
    let disk = SimulatedDisk::new();
    let files = epoch_files(&disk);
    files.write_accepted(Epoch(6)).unwrap();
    files.write_current(Epoch(5)).unwrap();
    disk.put(&Path::new(SNAPSHOTS).join("currentEpoch.tmp"), b"6");
    assert_eq!(files.recover(Zxid::new(Epoch(6), 1)).unwrap(), epochs(6, 5));
    assert_eq!(names(&disk, SNAPSHOTS), ["acceptedEpoch", "currentEpoch"]);
}

#[test]
fn epochs_that_cannot_be_are_refused() {
    let disk = SimulatedDisk::new();
    let files = epoch_files(&disk);
    files.write_accepted(Epoch(4)).unwrap();
    files.write_current(Epoch(5)).unwrap();
    assert!(matches!(files.recover(Zxid::ZERO), Err(DiskError::Epochs { .. })));
    for (text, read) in [("7\n", Some(7)), ("-1", Some(0)), ("4294967295", Some(u32::MAX))] {
        disk.put(&Path::new(SNAPSHOTS).join("currentEpoch"), text.as_bytes());
        assert_eq!(files.read().unwrap().1, read.map(Epoch));
    }
    for text in ["", "seven", "-2", "4294967296", "1 2", "\u{fffd}"] {
        disk.put(&Path::new(SNAPSHOTS).join("currentEpoch"), text.as_bytes());
        let error = files.read().unwrap_err().to_string();
        assert!(error.contains("currentEpoch") && error.contains("no epoch"), "{error}");
    }
}

/// Whatever fails and whatever a crash keeps, the file holds the old epoch or the new one.
#[test]
fn an_interrupted_epoch_is_the_old_or_the_new_one() {
    for (operation, kept) in (0..6).flat_map(|operation| (0..4).map(move |kept| (operation, kept))) {
        let disk = SimulatedDisk::new();
        let files = epoch_files(&disk);
        files.write_accepted(Epoch(1)).unwrap();
        disk.fail_at(disk.operations() + operation, 5);
        let outcome = files.write_accepted(Epoch(22));
        disk.crash(&mut |most| most.min(kept));
        let epoch = files.read().unwrap().0.unwrap().0;
        assert!(epoch == 22 || (epoch == 1 && outcome.is_err()), "{epoch} after {outcome:?}");
    }
}

#[test]
fn my_id_is_a_number_from_1_to_255() {
    let disk = SimulatedDisk::new();
    let read = |text: &str| {
        disk.put(Path::new("/data/myid"), text.as_bytes());
        read_my_id(&disk, Path::new("/data"))
    };
    assert_eq!(read("3\n").unwrap(), Some(ServerId(3)));
    assert_eq!(read(" 255 \r\nmore").unwrap(), Some(ServerId(255)));
    for text in ["", "0", "256", "-1", "one", "3.0"] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.starts_with("/data/myid holds"), "{error}");
    }
    assert_eq!(read_my_id(&SimulatedDisk::new(), Path::new("/data")).unwrap(), None);
}

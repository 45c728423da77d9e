//! What the log still holds for a learner that lags: all that it asks for, or nothing.

use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;
use zab::{Epoch, History, Zxid};
use zabkeeper::disk::{
    DataDirectory, DiskError, FileLog, FileSystem, LogOptions, SimulatedDisk, SizeFactor, recall, write_all_at,
};

fn zxid(epoch: u32, counter: u32) -> Zxid {
    Zxid::new(Epoch(epoch), counter)
}

/// Bytes with a transaction's header, a hundred in all.
fn entry(zxid: Zxid) -> Vec<u8> {
    let mut bytes = vec![7; 12];
    bytes.extend_from_slice(&zxid.0.to_be_bytes());
    bytes.resize(100, 1);
    bytes
}

/// A directory whose log has these transactions; before every `each`th a new file begins.
fn directory(zxids: &[Zxid], each: usize) -> DataDirectory {
    let disk: Arc<dyn FileSystem> = Arc::new(SimulatedDisk::new());
    let directory = DataDirectory::new(disk.clone(), Path::new("/data"), Path::new("/data"));
    directory.create(true).unwrap();
    let options = LogOptions { preallocation: 1 << 10, ..LogOptions::default() };
    let mut log = FileLog::open(disk, directory.log_directory(), options).unwrap();
    for (place, zxid) in zxids.iter().enumerate() {
        if place > 0 && place % each == 0 {
            log.roll().unwrap();
        }
        log.append(&entry(*zxid)).unwrap();
        log.commit().unwrap();
    }
    directory
}

fn numbers(history: &History) -> (Zxid, Vec<Zxid>) {
    (history.snapshot(), history.log().iter().map(|txn| txn.zxid).collect())
}

fn recalled(directory: &DataDirectory, after: Zxid, upto: Zxid, most: Option<u64>) -> Option<(Zxid, Vec<Zxid>)> {
    recall(directory, after, upto, most).expect("it can be read").as_ref().map(numbers)
}

/// Two epochs of ten.
fn twenty() -> Vec<Zxid> {
    (1..=10).map(|counter| zxid(3, counter)).chain((1..=10).map(|counter| zxid(5, counter))).collect()
}

proptest! {
    #[test]
    fn it_is_the_log_between_two_transactions(
        (first, after, upto) in (0_usize..20, 0_usize..20, 0_usize..20),
        each in 1_usize..25,
    ) {
        let all = twenty();
        let (log, after, upto) = (&all[first..], all[after], all[upto]);
        let directory = directory(log, each);
        let place = |zxid: Zxid| log.iter().position(|other| *other == zxid);
        let expected = match (place(after), place(upto)) {
            (Some(from), Some(to)) if from < to => Some((after, log[from + 1..=to].to_vec())),
            _ => None,
        };
        prop_assert_eq!(recalled(&directory, after, upto, None), expected);
    }
}

#[test]
fn it_begins_at_the_last_that_is_not_beyond_a_transaction_of_elsewhere() {
    let directory = directory(&twenty(), 4);
    let skipped = recalled(&directory, zxid(3, 12), zxid(5, 2), None);
    assert_eq!(skipped, Some((zxid(3, 10), vec![zxid(5, 1), zxid(5, 2)])));
    let of_an_epoch_between = recalled(&directory, zxid(4, 1), zxid(5, 1), None);
    assert_eq!(of_an_epoch_between, Some((zxid(3, 10), vec![zxid(5, 1)])));
    let start_of_an_epoch = recalled(&directory, zxid(5, 0), zxid(5, 1), None);
    assert_eq!(start_of_an_epoch, Some((zxid(3, 10), vec![zxid(5, 1)])));
    assert_eq!(recalled(&directory, zxid(2, 9), zxid(5, 1), None), None, "what was before the first is not known");
    assert_eq!(recalled(&directory, Zxid::ZERO, zxid(5, 1), None), None, "nor whether anything was");
}

#[test]
fn it_is_no_more_than_may_be_sent() {
    let directory = directory(&twenty(), 7);
    assert!(recalled(&directory, zxid(3, 1), zxid(3, 6), Some(500)).is_some(), "five of a hundred bytes each");
    assert_eq!(recalled(&directory, zxid(3, 1), zxid(3, 6), Some(499)), None);
}

#[test]
fn a_hole_is_not_jumped() {
    let mut log = twenty();
    log.remove(5);
    let directory = directory(&log, 5);
    assert_eq!(recalled(&directory, zxid(3, 2), zxid(5, 1), None), None);
    assert!(recalled(&directory, zxid(3, 7), zxid(5, 1), None).is_some(), "behind it all is there");
}

#[test]
fn a_directory_without_a_log_has_nothing() {
    assert_eq!(recalled(&directory(&[], 1), zxid(1, 1), zxid(1, 2), None), None);
}

#[test]
fn damage_is_told() {
    let directory = directory(&twenty(), 30);
    let path = directory.log_directory().join("log.300000001");
    let file = directory.files().open_to_write(&path).unwrap();
    write_all_at(&*file, b"damage", 16 + 12 + 50).unwrap();
    let told = recall(&directory, zxid(3, 1), zxid(3, 9), None);
    assert!(matches!(told, Err(DiskError::Damaged { .. })), "{told:?}");
}

#[test]
fn the_limit_is_a_part_of_the_newest_snapshot() {
    let directory = directory(&[], 1);
    assert_eq!(SizeFactor(330_000).limit(&directory).unwrap(), None, "without a snapshot, none");
    for (name, length) in [("snapshot.1", 5000), ("snapshot.2", 1000)] {
        let path = directory.snapshot_directory().join(name);
        write_all_at(&*directory.files().create(&path).unwrap(), &vec![0; length], 0).unwrap();
    }
    assert_eq!(SizeFactor(330_000).limit(&directory).unwrap(), Some(330));
    assert_eq!(SizeFactor(0).limit(&directory).unwrap(), None);
}

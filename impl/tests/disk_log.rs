//! The transaction log: what is committed is there after every crash and every failure, and nothing else is invented.

use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zab::{Epoch, Zxid};
use zabkeeper::disk::{DiskError, FileLog, FileSystem, LogFile, LogOptions, LogReader, OperatingSystem, SimulatedDisk};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

fn directory() -> PathBuf {
    PathBuf::from("/data/version-2")
}

fn disk() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    disk.create_directories(&directory()).unwrap();
    disk
}

/// Small files, so that they grow often.
fn options() -> LogOptions {
    LogOptions { preallocation: 16 << 10, ..LogOptions::default() }
}

fn open(disk: &SimulatedDisk) -> Result<FileLog, DiskError> {
    FileLog::open(Arc::new(disk.clone()), &directory(), options())
}

/// Bytes that look like a transaction: a header with this zxid, and something that depends on it.
fn entry(zxid: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![7; 12];
    bytes.extend_from_slice(&zxid.to_be_bytes());
    bytes.extend((0..length).map(|index| (zxid as usize * 31 + index) as u8 | 1));
    bytes
}

fn read(disk: &SimulatedDisk, from: u64) -> Result<Vec<u64>, DiskError> {
    let reader = LogReader::new(Arc::new(disk.clone()), &directory(), Zxid(from))?;
    reader.map(|entry| entry.map(|entry| entry.zxid.0)).collect()
}

fn append_all(log: &mut FileLog, zxids: impl IntoIterator<Item = u64>) {
    for zxid in zxids {
        log.append(&entry(zxid, 100)).unwrap();
        log.commit().unwrap();
    }
}

#[test]
fn a_log_on_the_machine_is_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let files: Arc<dyn FileSystem> = Arc::new(OperatingSystem);
    let mut log = FileLog::open(files.clone(), directory.path(), LogOptions::default()).unwrap();
    for zxid in 1..=50 {
        log.append(&entry(zxid, zxid as usize * 100)).unwrap();
        if zxid % 7 == 0 {
            log.commit().unwrap();
        }
        if zxid == 30 {
            log.roll().unwrap();
        }
    }
    assert!(log.pending() > 0);
    log.commit().unwrap();
    assert_eq!(directory.path().join("log.1f").metadata().unwrap().len(), 64 << 20);
    let read: Vec<_> = log.read(Zxid(20)).unwrap().map(Result::unwrap).collect();
    assert_eq!(read.iter().map(|entry| entry.zxid.0).collect::<Vec<_>>(), (20..=50).collect::<Vec<_>>());
    assert!(read.iter().all(|read| read.bytes == entry(read.zxid.0, read.zxid.0 as usize * 100)));
    let again = FileLog::open(files, directory.path(), LogOptions::default()).unwrap();
    assert_eq!(again.last_zxid(), Some(Zxid(50)));
    assert!(directory.path().join("log.1f").metadata().unwrap().len() < 1 << 20, "the zeros ahead are cut off");
}

#[test]
fn the_bytes_are_apaches() {
    let disk = disk();
    let mut log = open(&disk).unwrap();
    log.append(&entry(0x1_0000_0001, 3)).unwrap();
    log.commit().unwrap();
    log.roll().unwrap();
    let bytes = disk.bytes(&directory().join("log.100000001")).unwrap();
    let payload = entry(0x1_0000_0001, 3);
    let mut expected = b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0".to_vec();
    expected.extend_from_slice(&[0, 0, 0, 0]);
    expected.extend_from_slice(&adler(&payload).to_be_bytes());
    expected.extend_from_slice(&(payload.len() as u32).to_be_bytes());
    expected.extend_from_slice(&payload);
    expected.push(b'B');
    assert_eq!(bytes, expected);
}

/// Adler-32 as RFC 1950 defines it, written a second time.
fn adler(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65521;
        (a, (a + b) % 65521)
    });
    b << 16 | a
}

#[test]
fn files_are_ordered_by_their_numbers_not_their_letters() {
    let disk = disk();
    let mut log = open(&disk).unwrap();
    for zxid in [9, 10, 15, 16, 255, 256] {
        log.append(&entry(zxid, 10)).unwrap();
        log.roll().unwrap();
    }
    assert_eq!(read(&disk, 0).unwrap(), [9, 10, 15, 16, 255, 256]);
    assert_eq!(read(&disk, 16).unwrap(), [16, 255, 256]);
    assert_eq!(read(&disk, 17).unwrap(), [255, 256]);
    assert!(read(&disk, 257).unwrap().is_empty());
}

#[test]
fn a_new_file_begins_at_the_limit() {
    let disk = disk();
    let limited = LogOptions { size_limit: Some(1000), ..options() };
    let mut log = FileLog::open(Arc::new(disk.clone()), &directory(), limited).unwrap();
    append_all(&mut log, 1..=20);
    assert_eq!(disk.list(&directory()).unwrap(), ["log.1", "log.11", "log.9"]);
    assert_eq!(read(&disk, 0).unwrap(), (1..=20).collect::<Vec<_>>());
}

#[test]
fn what_does_not_come_after_the_last_is_refused() {
    let disk = disk();
    let mut log = open(&disk).unwrap();
    append_all(&mut log, [5]);
    assert!(matches!(log.append(&entry(5, 0)), Err(DiskError::OutOfOrder { .. })));
    assert!(log.append(&[0; 19]).is_err(), "no room for a zxid");
    append_all(&mut log, [6]);
    assert_eq!(read(&disk, 0).unwrap(), [5, 6]);
}

// ---- Truncation ---------------------------------------------------------------------------------------------------

/// Files of five transactions each: 1–5, 6–10, 11–15.
fn three_files(disk: &SimulatedDisk) -> FileLog {
    let mut log = open(disk).unwrap();
    for first in [1, 6, 11] {
        append_all(&mut log, first..first + 5);
        log.roll().unwrap();
    }
    log
}

#[test]
fn truncation_keeps_exactly_what_is_not_later() {
    for cut in 1..=15 {
        let disk = disk();
        let mut log = three_files(&disk);
        log.append(&entry(16, 10)).unwrap();
        log.truncate(Zxid(cut), Zxid::ZERO).unwrap();
        assert_eq!(log.last_zxid(), Some(Zxid(cut)));
        assert_eq!(read(&disk, 0).unwrap(), (1..=cut).collect::<Vec<_>>());
        append_all(&mut log, cut + 1..cut + 4);
        assert_eq!(read(&disk, 0).unwrap(), (1..cut + 4).collect::<Vec<_>>());
        disk.crash(&mut |_| 0);
        assert_eq!(open(&disk).unwrap().last_zxid(), Some(Zxid(cut + 3)));
    }
}

#[test]
fn truncation_to_the_snapshot_empties_the_log() {
    let disk = disk();
    let mut log = open(&disk).unwrap();
    append_all(&mut log, 8..12);
    log.truncate(Zxid(7), Zxid(7)).unwrap();
    assert!(read(&disk, 0).unwrap().is_empty());
    assert_eq!(disk.list(&directory()).unwrap(), [""; 0]);
    append_all(&mut log, [8]);
}

#[test]
fn truncation_to_what_is_not_there_changes_nothing() {
    let disk = disk();
    let mut log = open(&disk).unwrap();
    append_all(&mut log, [3, 4, 6, 7]);
    for missing in [1, 2, 5, 8] {
        let refused = log.truncate(Zxid(missing), Zxid::ZERO);
        assert!(matches!(refused, Err(DiskError::CannotTruncate { .. })), "{missing}: {refused:?}");
        assert_eq!(read(&disk, 0).unwrap(), [3, 4, 6, 7]);
    }
    append_all(&mut log, [8]);
}

#[test]
fn a_truncation_that_is_interrupted_leaves_a_beginning() {
    let planned = {
        let disk = disk();
        let mut log = three_files(&disk);
        let before = disk.operations();
        log.truncate(Zxid(3), Zxid::ZERO).unwrap();
        before..disk.operations()
    };
    assert!(planned.end - planned.start >= 6, "two removals with their syncs, a cut and its sync");
    for operation in planned {
        let disk = disk();
        let mut log = three_files(&disk);
        disk.fail_at(operation, EIO);
        assert!(log.truncate(Zxid(3), Zxid::ZERO).is_err());
        assert!(matches!(log.append(&entry(100, 0)), Err(DiskError::Failed { .. })));
        disk.crash(&mut |most| most / 2);
        let left = read(&disk, 0).unwrap();
        assert!(left.len() >= 3 && left == (1..=left.len() as u64).collect::<Vec<_>>(), "{operation}: {left:?}");
        let mut again = open(&disk).unwrap();
        again.truncate(Zxid(3), Zxid::ZERO).unwrap();
        assert_eq!(read(&disk, 0).unwrap(), [1, 2, 3]);
    }
}

// ---- Damage -------------------------------------------------------------------------------------------------------

/// A file with the transactions 1 to 5, and where each begins.
fn five() -> (SimulatedDisk, PathBuf, Vec<u64>) {
    let disk = disk();
    let mut log = open(&disk).unwrap();
    append_all(&mut log, 1..=5);
    let path = directory().join("log.1");
    let offsets = LogFile::open(&disk, &path, true).unwrap().map(|entry| entry.unwrap().offset).collect();
    (disk, path, offsets)
}

fn assert_damaged(disk: &SimulatedDisk, at: u64) {
    match read(disk, 0) {
        Err(DiskError::Damaged { path, offset, .. }) => assert_eq!((path, offset), (directory().join("log.1"), at)),
        other => panic!("{other:?}"),
    }
    let error = open(disk).unwrap_err().to_string();
    assert!(error.contains("log.1") && error.contains(&at.to_string()), "{error}");
}

#[test]
fn a_damaged_entry_is_refused_by_file_and_offset() {
    let (disk, path, offsets) = five();
    let whole = disk.bytes(&path).unwrap();
    for (at, next) in offsets.iter().zip(&offsets[1..]) {
        // The checksum, the bytes, and the end mark with a whole entry behind it.
        for byte in [at + 7, at + 12, next - 2, next - 1] {
            let mut bytes = whole.clone();
            bytes[byte as usize] ^= 0x40;
            disk.put(&path, &bytes);
            assert_damaged(&disk, *at);
        }
        let mut bytes = whole.clone();
        bytes[*at as usize + 8] = 0x80;
        disk.put(&path, &bytes);
        assert_damaged(&disk, *at);
    }
}

#[test]
fn a_foreign_file_is_refused_by_name() {
    let disk = disk();
    for bytes in
        [&b"#!/bin/sh"[..], b"ZKLG\0\0\0\x03\0\0\0\0\0\0\0\0", b"ZKSN\0\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff"]
    {
        disk.put(&directory().join("log.1"), bytes);
        let error = open(&disk).unwrap_err().to_string();
        assert!(error.contains("log.1") && error.contains("not a transaction log"), "{error}");
    }
}

#[test]
fn a_file_that_was_only_created_is_removed_if_it_is_the_newest() {
    let header = b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0";
    for bytes in [&[][..], &header[..5], &header[..], &[0; 4096], &[&header[..6], &[0; 4000]].concat()] {
        let (disk, path, _) = five();
        disk.put(&directory().join("log.6"), bytes);
        assert_eq!(read(&disk, 0).unwrap(), [1, 2, 3, 4, 5]);
        let mut log = open(&disk).unwrap();
        assert_eq!(disk.list(&directory()).unwrap(), ["log.1"]);
        append_all(&mut log, [6]);
        assert_eq!(read(&disk, 0).unwrap(), [1, 2, 3, 4, 5, 6]);
        disk.put(&path, &bytes[..bytes.len().min(5)]);
        assert!(read(&disk, 0).is_err(), "but not where another follows");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), whole_header: bool) {
        let disk = disk();
        let header: &[u8] = if whole_header { b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0" } else { b"" };
        disk.put(&directory().join("log.1"), &[header, &bytes].concat());
        let _ = read(&disk, 0);
        let _ = open(&disk);
    }

    /// Whatever single bytes change, an entry is either as it was, or not read, or the reader says "damaged". What was
    /// before the change is always read.
    #[test]
    fn changed_bytes_are_noticed(position in 16..700_usize, bits in 1..=255_u8) {
        let (disk, path, offsets) = five();
        let mut bytes = disk.bytes(&path).unwrap();
        bytes[position] ^= bits;
        disk.put(&path, &bytes);
        let before = offsets.iter().filter(|offset| **offset <= position as u64).count();
        match read(&disk, 0) {
            Ok(read) => prop_assert!(read.len() + 1 >= before && read.len() <= 5, "{read:?} of {before}"),
            Err(DiskError::Damaged { offset, .. }) => {
                prop_assert!(before > 0 && offset <= position as u64 && offset >= offsets[before - 1]);
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}

// ---- Crashes and failures -----------------------------------------------------------------------------------------

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Commit,
    Roll,
    TruncateBy(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..3000_usize).prop_map(Step::Append),
        3 => Just(Step::Commit),
        1 => Just(Step::Roll),
        1 => (0..4_u64).prop_map(Step::TruncateBy),
    ];
    prop::collection::vec(step, 1..40)
}

/// What a run has told: `committed` was acknowledged, `appended` was asked for.
#[derive(Default)]
struct Told {
    committed: u64,
    appended: u64,
    /// The lowest that a truncation which did not return may leave.
    lowest: u64,
}

fn run(disk: &SimulatedDisk, steps: &[Step]) -> Result<Told, Told> {
    let mut told = Told::default();
    let Ok(mut log) = open(disk) else { return Err(told) };
    for step in steps {
        let outcome = match step {
            Step::Append(length) => log.append(&entry(told.appended + 1, *length)).map(|()| told.appended += 1),
            Step::Commit => log.commit().map(|_| told.committed = told.appended),
            Step::Roll => log.roll().map(|()| told.committed = told.appended),
            Step::TruncateBy(count) => {
                let cut = told.appended.saturating_sub(*count);
                // While it runs, anything between the cut and the end may be left.
                told.committed = told.committed.min(cut);
                log.truncate(Zxid(cut), Zxid::ZERO).map(|()| (told.committed, told.appended) = (cut, cut))
            }
        };
        told.lowest = told.committed;
        if outcome.is_err() {
            // It must stay refused: what is on the disk is not known.
            if !matches!(outcome, Err(DiskError::Unfit { .. })) {
                assert!(log.append(&entry(told.appended + 50, 1)).is_err() || log.commit().is_err());
            }
            // Half an append may have been the creation of a file only.
            return Err(told);
        }
    }
    Ok(told)
}

fn assert_prefix(disk: &SimulatedDisk, told: &Told) {
    let log = open(disk).unwrap();
    let left: Vec<_> = log.read(Zxid::ZERO).unwrap().map(Result::unwrap).collect();
    let count = left.len() as u64;
    assert!(left.iter().map(|entry| entry.zxid.0).eq(1..=count), "{left:?}");
    assert!((told.committed..=told.appended).contains(&count), "{count} of {}..={}", told.committed, told.appended);
    assert_eq!(log.last_zxid(), left.last().map(|entry| entry.zxid));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_crash_loses_only_an_end_that_was_not_committed(
        steps in steps(),
        choices in prop::collection::vec(0..5000_usize, 1..30),
        short in prop::option::of(1..700_usize),
    ) {
        let disk = disk();
        disk.set_longest_write(short);
        let Ok(told) = run(&disk, &steps) else { panic!("nothing fails here") };
        let mut choices = choices.into_iter().cycle();
        disk.crash(&mut |most| choices.next().unwrap() % (most + 1));
        assert_prefix(&disk, &told);
    }

    #[test]
    fn a_failure_is_told_and_nothing_acknowledged_is_lost(
        steps in steps(), operation in 0..60_u64, full: bool, choices in prop::collection::vec(0..5000_usize, 1..30),
    ) {
        let disk = disk();
        disk.fail_at(operation, if full { ENOSPC } else { EIO });
        let (Ok(told) | Err(told)) = run(&disk, &steps);
        let mut choices = choices.into_iter().cycle();
        disk.crash(&mut |most| choices.next().unwrap() % (most + 1));
        assert_prefix(&disk, &told);
    }

    #[test]
    fn a_full_disk_is_told_and_nothing_acknowledged_is_lost(steps in steps(), capacity in 0..60_000_u64) {
        let disk = disk();
        disk.set_capacity(Some(capacity));
        let (Ok(told) | Err(told)) = run(&disk, &steps);
        disk.crash(&mut |most| most);
        disk.set_capacity(None);
        assert_prefix(&disk, &told);
    }
}

#[test]
fn a_full_disk_says_so_with_the_file() {
    let disk = disk();
    disk.set_capacity(Some(100));
    let mut log = open(&disk).unwrap();
    log.append(&entry(1, 10)).unwrap();
    let error = log.commit().unwrap_err().to_string();
    assert!(error.contains("log.1") && error.contains("No space left on device"), "{error}");
    assert!(matches!(log.commit(), Err(DiskError::Failed { .. })), "and it stays so");
}

#[test]
fn zxids_of_another_epoch_follow() {
    let disk = disk();
    let mut log = open(&disk).unwrap();
    append_all(&mut log, [Zxid::new(Epoch(1), 7).0, Zxid::new(Epoch(3), 1).0]);
    assert_eq!(disk.list(Path::new("/data/version-2")).unwrap(), ["log.100000007"]);
    assert_eq!(read(&disk, Zxid::new(Epoch(2), 0).0).unwrap(), [Zxid::new(Epoch(3), 1).0]);
}

//! A log file: what can be read before the log is opened to write can be read afterwards, and another entry behind it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use std::sync::Arc;
use zab::Zxid;
use zabkeeper::disk::{Entry, FileLog, LogFile, LogOptions, SimulatedDisk};
use zabkeeper::wire::decode_transaction;

const FILE: &str = "/logs/log.1";

/// Every entry, and where the last one ends; `None` for a damaged file.
fn entries(disk: &SimulatedDisk, newest: bool) -> Option<(Vec<Entry>, u64)> {
    let mut file = LogFile::open(disk, Path::new(FILE), newest).ok()?;
    let mut entries = Vec::new();
    while let Some(entry) = file.next_entry().ok()? {
        assert!(file.position() <= file.length());
        let _ = decode_transaction(&entry.bytes);
        entries.push(entry);
    }
    Some((entries, file.position()))
}

fuzz_target!(|bytes: &[u8]| {
    let disk = SimulatedDisk::new();
    disk.put(Path::new(FILE), bytes);
    let _ = entries(&disk, false);
    let before = entries(&disk, true);
    let options = LogOptions { preallocation: 4096, ..LogOptions::default() };
    let opened = FileLog::open(Arc::new(disk.clone()), Path::new("/logs"), options);
    assert_eq!(opened.is_ok(), before.is_some());
    let (Ok(mut log), Some((before, end))) = (opened, before) else { return };
    if before.is_empty() {
        return assert_eq!(disk.bytes(Path::new(FILE)), None, "a file without an entry goes");
    }
    assert_eq!(disk.bytes(Path::new(FILE)).as_deref(), bytes.get(..usize::try_from(end).expect("small")));
    assert_eq!(entries(&disk, false), Some((before, end)));
    let mut next = [0; 32];
    let zxid = log.last_zxid().map_or(1, |last| last.0.saturating_add(1));
    next[12..20].copy_from_slice(&zxid.to_be_bytes());
    if log.append(&next).is_ok() && log.commit().is_ok() {
        let read = log.read(Zxid(zxid)).and_then(|mut reader| reader.next_entry());
        assert!(read.is_ok_and(|entry| entry.is_some_and(|entry| *entry.bytes == next)));
    }
});

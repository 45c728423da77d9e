//! Files that Apache ZooKeeper 3.8.0 wrote are opened as they are, and come out again byte for byte. How they were
//! made: `fixtures/README.md`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use zab::Zxid;
use zab::tree::{Tree, TreeOptions};
use zabkeeper::disk::{
    Compression, DataDirectory, DiskError, FileLog, FileSystem, LogOptions, LogReader, OperatingSystem, RestoreOptions,
    Restored, SimulatedDisk, read_snapshot, restore, write_snapshot,
};

/// The last transaction, and the tree's digest after it: the trailer of Java's `snapshot.1d.gz` says so.
const LAST: Zxid = Zxid(0x1d);

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/apache-3.8.0/version-2")
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name)).expect(name)
}

/// Java ran with times to live.
fn options() -> RestoreOptions {
    let tree = TreeOptions { extended_types: true, ..TreeOptions::default() };
    RestoreOptions { tree, ..RestoreOptions::default() }
}

/// A disk with these of the files.
fn disk(names: &[&str]) -> (SimulatedDisk, DataDirectory) {
    let disk = SimulatedDisk::new();
    names.iter().for_each(|name| disk.put(&Path::new("/data/version-2").join(name), &fixture(name)));
    let directory = DataDirectory::new(Arc::new(disk.clone()), Path::new("/data"), Path::new("/data"));
    directory.prepare(true).unwrap();
    (disk, directory)
}

fn restored(names: &[&str]) -> Restored {
    restore(&disk(names).1, &options()).unwrap()
}

#[test]
fn every_way_to_restore_comes_to_javas_digest() {
    let gzip = read_snapshot(&OperatingSystem, &fixtures().join("snapshot.1d.gz"), options().tree).unwrap();
    let recorded = gzip.digest.unwrap();
    assert_eq!((recorded.zxid, recorded.version), (LAST, 2));
    for (names, transactions) in [
        (&["snapshot.1d.gz"][..], 0),
        (&["snapshot.1d.snappy", "log.1", "log.1a"], 0),
        (&["snapshot.19", "log.1a"], 4),
        (&["snapshot.19", "log.1", "log.1a"], 4),
        (&["snapshot.0", "log.1", "log.1a"], 29),
    ] {
        let Restored { tree, report, trusted, .. } = restored(names);
        assert_eq!((tree.last_zxid(), tree.digest()), (LAST, recorded.digest), "{names:?}");
        assert_eq!((report.transactions, report.digest_mismatches), (transactions, vec![]), "{names:?}");
        // The digest leaves out ACLs, sessions and who owns what.
        assert!(trusted && tree == gzip.tree, "{names:?}: {tree:#?}");
    }
}

#[test]
fn the_tree_is_what_the_client_made() {
    let tree = restored(&["snapshot.0", "log.1", "log.1a"]).tree;
    let data = |path| tree.node(path).and_then(|node| node.data().map(<[u8]>::to_vec));
    assert_eq!(data("/a").unwrap(), b"gamma");
    assert_eq!(data("/grüß").unwrap(), b"Umlaute");
    assert_eq!((data("/a/empty"), data("/container")), (Some(vec![]), None));
    assert_eq!(tree.containers().collect::<Vec<_>>(), ["/container"]);
    assert_eq!(tree.ttls().collect::<Vec<_>>(), ["/ttl"]);
    let ephemerals = tree.sessions().flat_map(|(session, _)| tree.ephemerals(session).collect::<Vec<_>>());
    assert_eq!(ephemerals.collect::<Vec<_>>(), ["/m/live-one", "/m/live-two"]);
    assert_eq!(tree.node_count() + 1, 16, "Java counts the root twice");
}

/// Java's bytes, written again by us, in the same files.
#[test]
fn logs_come_out_byte_for_byte() {
    let disk = SimulatedDisk::new();
    disk.create_directories(Path::new("/data/version-2")).unwrap();
    let files: Arc<dyn FileSystem> = Arc::new(disk.clone());
    let small = LogOptions { preallocation: 1 << 20, ..LogOptions::default() };
    let mut log = FileLog::open(files, Path::new("/data/version-2"), small).unwrap();
    for entry in LogReader::new(Arc::new(OperatingSystem), &fixtures(), Zxid::ZERO).unwrap() {
        let entry = entry.unwrap();
        if entry.zxid == Zxid(0x1a) {
            log.roll().unwrap();
        }
        log.append(&entry.bytes).unwrap();
    }
    log.roll().unwrap();
    for name in ["log.1", "log.1a"] {
        assert!(disk.bytes(&Path::new("/data/version-2").join(name)).unwrap() == fixture(name), "{name}");
    }
}

/// Snapshots differ in the order of children and sessions, which is not defined, and in what 3.9 appends.
#[test]
fn snapshots_come_out_with_the_same_bytes_in_another_order() {
    let only_39 = 8 + 8 + 5;
    for name in ["snapshot.0", "snapshot.19"] {
        let (disk, directory) = disk(&[]);
        let path = fixtures().join(name);
        let java = read_snapshot(&OperatingSystem, &path, options().tree).unwrap();
        let ours = write_snapshot(&disk, directory.snapshot_directory(), &java.tree, Compression::Plain).unwrap();
        let sorted = |mut bytes: Vec<u8>, seals: &[usize]| {
            // Without the sums, which depend on the order.
            seals.iter().for_each(|seal| bytes[*seal..*seal + 8].fill(0));
            bytes.sort_unstable();
            bytes
        };
        let (theirs, mut ours) = (fixture(name), disk.bytes(&ours).unwrap());
        ours.truncate(ours.len() - only_39);
        assert_eq!(ours.len(), theirs.len());
        let (second, first) = (theirs.len() - 13, theirs.len() - 13 - 20 - 13);
        assert_eq!(sorted(ours, &[first, second]), sorted(theirs, &[first, second]), "{name}");
    }
}

#[test]
fn the_empty_tree_is_javas() {
    let java = read_snapshot(&OperatingSystem, &fixtures().join("snapshot.0"), options().tree).unwrap();
    assert_eq!(java.tree, Tree::new(options().tree));
    assert_eq!(java.digest, None, "3.8 writes a digest of nothing before the first transaction");
}

// ---- What is refused ----------------------------------------------------------------------------------------------

#[test]
fn an_empty_directory_becomes_a_database_once() {
    let (disk, directory) = disk(&[]);
    let first = restore(&directory, &options()).unwrap();
    assert!(first.trusted && first.tree == Tree::new(options().tree) && first.report.snapshot.is_none());
    disk.crash(&mut |_| 0);
    let second = restore(&directory, &options()).unwrap();
    assert_eq!(second.report.snapshot.unwrap(), Path::new("/data/version-2/snapshot.0"));
}

#[test]
fn an_empty_directory_that_should_not_be_empty_may_not_vote() {
    let (disk, directory) = disk(&[]);
    let careful = RestoreOptions { autocreate: false, ..options() };
    assert!(!restore(&directory, &careful).unwrap().trusted);
    assert!(directory.snapshots().unwrap().is_empty());
    disk.put(Path::new("/data/initialize"), b"");
    assert!(restore(&directory, &careful).unwrap().trusted);
    assert!(!disk.exists(Path::new("/data/initialize")).unwrap(), "it says so once");
}

#[test]
fn logs_without_snapshot_are_refused_unless_trusted() {
    let (_, directory) = disk(&["log.1", "log.1a"]);
    let error = restore(&directory, &options()).unwrap_err();
    assert!(matches!(error, DiskError::NoSnapshot { .. }), "{error}");
    let trusting = RestoreOptions { trust_empty_snapshot: true, ..options() };
    let tree = restore(&directory, &trusting).unwrap().tree;
    assert_eq!(tree, restored(&["snapshot.1d.gz"]).tree);
}

#[test]
fn a_hole_in_the_log_is_refused() {
    let error = restore(&disk(&["snapshot.0", "log.1a"]).1, &options()).unwrap_err();
    let DiskError::Gap { path, last, next } = &error else { panic!("{error}") };
    assert_eq!((path.as_path(), last.0, next.0), (Path::new("/data/version-2/log.1a"), 0, 0x1a));
}

#[test]
fn a_damaged_snapshot_is_passed_over_if_the_log_goes_back_far_enough() {
    let spoil = |disk: &SimulatedDisk| {
        let mut bytes = fixture("snapshot.19");
        bytes[700] ^= 1;
        disk.put(Path::new("/data/version-2/snapshot.19"), &bytes);
    };
    let (whole, directory) = disk(&["snapshot.0", "log.1", "log.1a"]);
    spoil(&whole);
    let Restored { tree, report, .. } = restore(&directory, &options()).unwrap();
    assert_eq!((tree.last_zxid(), report.transactions, report.passed_over.len()), (LAST, 29, 1));
    let (without, directory) = disk(&["snapshot.0", "log.1a"]);
    spoil(&without);
    assert!(matches!(restore(&directory, &options()), Err(DiskError::Gap { .. })));
    let (alone, directory) = disk(&[]);
    spoil(&alone);
    assert!(matches!(restore(&directory, &options()), Err(DiskError::Damaged { .. })), "not a new database");
}

#[test]
fn an_entry_that_is_no_transaction_is_refused_by_file_and_offset() {
    let (disk, directory) = disk(&["snapshot.0"]);
    let mut log = FileLog::open(Arc::new(disk), directory.log_directory(), LogOptions::default()).unwrap();
    log.append(&[&[0; 12][..], &1_u64.to_be_bytes(), &[0x55; 40]].concat()).unwrap();
    log.commit().unwrap();
    let error = restore(&directory, &options()).unwrap_err();
    assert!(error.to_string().contains("log.1 is damaged at offset 16"), "{error}");
}

#[test]
fn a_wrong_digest_is_reported() {
    let (disk, directory) = disk(&["snapshot.0", "log.1"]);
    let mut log = FileLog::open(Arc::new(disk), directory.log_directory(), LogOptions::default()).unwrap();
    let mut entries = LogReader::new(Arc::new(OperatingSystem), &fixtures(), Zxid(0x1a)).unwrap();
    let mut bytes = entries.next().unwrap().unwrap().bytes.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    log.append(&bytes).unwrap();
    log.commit().unwrap();
    assert_eq!(restore(&directory, &options()).unwrap().report.digest_mismatches, [Zxid(0x1a)]);
}

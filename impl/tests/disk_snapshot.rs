//! Snapshots: what is written is read again; what is not whole is never taken for a snapshot; nothing panics.

use bytes::Bytes;
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use zab::Zxid;
use zab::tree::{Acl, CreateTxn, Id, OpCode, Perms, Record, SessionId, Transaction, Tree, TreeOptions, TxnHeader};
use zabkeeper::disk::{
    Compression, DiskError, FileSystem, SimulatedDisk, UnfinishedSnapshot, is_valid_snapshot, read_snapshot,
    write_snapshot,
};

const ALL: [Compression; 3] = [Compression::Plain, Compression::Gzip, Compression::Snappy];

fn directory() -> PathBuf {
    PathBuf::from("/data/version-2")
}

fn disk() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    disk.create_directories(&directory()).unwrap();
    disk
}

fn apply(tree: &mut Tree, session: i64, kind: OpCode, record: Record) {
    let zxid = Zxid(tree.last_zxid().0 + 1);
    let header = TxnHeader { session: SessionId(session), cxid: 1, zxid, time: 1_700_000_000_000, kind };
    tree.apply(&Transaction { header, record, digest: None });
}

fn create(tree: &mut Tree, session: i64, path: &str, data: Option<&[u8]>, acl: Vec<Acl>, ephemeral: bool) {
    let data = data.map(Bytes::copy_from_slice);
    let create = CreateTxn { path: path.to_owned(), data, acl, ephemeral, parent_cversion: -1 };
    apply(tree, session, OpCode::Create, Record::Create(create));
}

/// Something of everything: null, empty and large data, ephemeral znodes, several ACLs, text that is not ASCII.
fn tree(options: TreeOptions) -> Tree {
    let mut tree = Tree::new(options);
    let own = vec![Acl { perms: Perms::READ, id: Id::new("digest", "jürgen:hash") }];
    apply(&mut tree, 7, OpCode::CreateSession, Record::CreateSession { timeout: 4000 });
    apply(&mut tree, -8, OpCode::CreateSession, Record::CreateSession { timeout: 30_000 });
    create(&mut tree, 7, "/a", Some(b"data"), Acl::open(), false);
    create(&mut tree, 7, "/a/null", None, own.clone(), false);
    create(&mut tree, 7, "/a/empty", Some(b""), own, false);
    create(&mut tree, -8, "/a/ephemeral", Some(b"e"), Acl::open(), true);
    create(&mut tree, 7, "/a-sibling", Some(&[9; 300_000]), Acl::open(), false);
    create(&mut tree, 7, "/a/grüße", Some("日本語".as_bytes()), Acl::open(), false);
    let record = Record::SetData { path: "/a".to_owned(), data: None, version: 1 };
    apply(&mut tree, 7, OpCode::SetData, record);
    tree
}

#[test]
fn what_is_written_is_read_again() {
    for (compression, digest) in ALL.into_iter().flat_map(|compression| [(compression, true), (compression, false)]) {
        let (disk, options) = (disk(), TreeOptions { digest, ..TreeOptions::default() });
        let tree = tree(options);
        let path = write_snapshot(&disk, &directory(), &tree, compression).unwrap();
        assert_eq!(path, directory().join(format!("snapshot.9{}", compression.suffix())));
        assert!(is_valid_snapshot(&disk, &path).unwrap());
        let read = read_snapshot(&disk, &path, options).unwrap();
        assert_eq!(read.tree, tree);
        let found = read.digest.map(|found| (found.zxid, found.version, found.digest));
        assert_eq!(found, digest.then_some((Zxid(9), 2, tree.digest())));
        disk.crash(&mut |_| 0);
        assert_eq!(read_snapshot(&disk, &path, options).unwrap().tree, tree, "it was durable");
    }
}

/// Each release writes a trailer more than the one before; each reads all of them.
#[test]
fn snapshots_of_every_release_are_read() {
    let (disk, tree) = (disk(), tree(TreeOptions::default()));
    let path = write_snapshot(&disk, &directory(), &tree, Compression::Plain).unwrap();
    let bytes = disk.bytes(&path).unwrap();
    let (without_zxid, without_digest) = (bytes.len() - 8 - 13, bytes.len() - 8 - 13 - 20 - 13);
    for (release, length, has_digest) in [("3.8", without_zxid, true), ("3.5", without_digest, false)] {
        disk.put(&path, &bytes[..length]);
        let read = read_snapshot(&disk, &path, TreeOptions::default()).expect(release);
        assert_eq!((read.tree == tree, read.digest.is_some()), (true, has_digest), "{release}");
    }
    for length in [10, without_digest - 1, without_zxid - 1, bytes.len() - 1] {
        disk.put(&path, &bytes[..length]);
        assert!(!is_valid_snapshot(&disk, &path).unwrap(), "{length}");
        let error = read_snapshot(&disk, &path, TreeOptions::default()).unwrap_err();
        assert!(matches!(error, DiskError::Damaged { .. }), "{error}");
    }
}

#[test]
fn a_snapshot_under_a_later_name_is_refused() {
    let (disk, tree) = (disk(), tree(TreeOptions::default()));
    let path = write_snapshot(&disk, &directory(), &tree, Compression::Plain).unwrap();
    let later = directory().join("snapshot.a");
    disk.put(&later, &disk.bytes(&path).unwrap());
    let error = read_snapshot(&disk, &later, TreeOptions::default()).unwrap_err().to_string();
    assert!(error.contains("its name says"), "{error}");
}

/// Java writes a character beyond U+FFFF as two surrogates of three bytes, and reads them as two U+FFFD.
#[test]
fn names_that_java_cannot_read_are_read_as_java_does() {
    let (disk, mut tree) = (disk(), Tree::new(TreeOptions::default()));
    let someone = |name: &str| vec![Acl { perms: Perms::READ, id: Id::new("digest", name) }];
    create(&mut tree, 7, "/a", None, someone("ABCDEF:x"), false);
    let path = write_snapshot(&disk, &directory(), &tree, Compression::Plain).unwrap();
    let mut bytes = disk.bytes(&path).unwrap();
    let name = bytes.windows(6).position(|bytes| bytes == b"ABCDEF").unwrap();
    bytes[name..name + 6].copy_from_slice(b"\xed\xa0\xbd\xed\xb8\x80");
    let end = bytes.len() - 13 - 8 - 13 - 20 - 13;
    let sum = adler2::adler32_slice(&bytes[..end]);
    bytes[end + 4..end + 8].copy_from_slice(&sum.to_be_bytes());
    disk.put(&path, &bytes[..end + 13]);
    let read = read_snapshot(&disk, &path, TreeOptions::default()).unwrap().tree;
    let node = read.node("/a").unwrap();
    assert_eq!(read.acl(node.acl).to_vec(), someone("\u{fffd}\u{fffd}:x"));
}

#[test]
fn every_failure_is_told_and_leaves_no_snapshot() {
    let tree = tree(TreeOptions::default());
    for compression in ALL {
        let reference = disk();
        reference.set_longest_write(Some(10_000));
        write_snapshot(&reference, &directory(), &tree, compression).unwrap();
        let operations = reference.operations();
        assert!(operations >= 5, "create, write, sync, rename, sync of the directory");
        for operation in 0..operations {
            let disk = disk();
            disk.set_longest_write(Some(10_000));
            disk.fail_at(operation, 28);
            let error = write_snapshot(&disk, &directory(), &tree, compression).unwrap_err().to_string();
            assert!(error.contains("No space left"), "{error}");
            disk.crash(&mut |most| most / 2);
            for name in disk.list(&directory()).unwrap().iter().filter(|name| name.starts_with("snapshot.")) {
                let read = read_snapshot(&disk, &directory().join(name), TreeOptions::default());
                assert_eq!(read.unwrap().tree, tree, "if it has its name, it is whole");
            }
        }
    }
}

#[test]
fn a_crash_leaves_a_whole_snapshot_or_none() {
    let tree = tree(TreeOptions::default());
    for kept in 0..50 {
        let disk = disk();
        let unfinished = UnfinishedSnapshot::write(&disk, &directory(), &tree, Compression::Plain).unwrap();
        assert!(disk.list(&directory()).unwrap().iter().all(|name| !name.starts_with("snapshot.")));
        if kept % 2 == 0 {
            unfinished.publish(&disk).unwrap();
        }
        disk.crash(&mut |most| most.min(kept));
        let path = directory().join("snapshot.9");
        match disk.bytes(&path) {
            Some(_) => assert_eq!(read_snapshot(&disk, &path, TreeOptions::default()).unwrap().tree, tree),
            None => assert_eq!(kept % 2, 1),
        }
    }
}

// ---- Hostile bytes ------------------------------------------------------------------------------------------------

fn read(bytes: &[u8], compression: Compression) -> Result<Tree, DiskError> {
    let (disk, path) = (disk(), directory().join(format!("snapshot.a{}", compression.suffix())));
    disk.put(&path, bytes);
    let _ = is_valid_snapshot(&disk, &path);
    read_snapshot(&disk, &path, TreeOptions::default()).map(|read| read.tree)
}

fn small_tree() -> Tree {
    let mut tree = tree(TreeOptions::default());
    let record = Record::Delete { path: "/a-sibling".to_owned() };
    apply(&mut tree, 7, OpCode::Delete, record);
    tree
}

fn written(tree: &Tree, compression: Compression) -> Vec<u8> {
    let disk = disk();
    let path = write_snapshot(&disk, Path::new("/data/version-2"), tree, compression).unwrap();
    disk.bytes(&path).unwrap()
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), header: bool) {
        for compression in ALL {
            prop_assert!(read(&bytes, compression).is_err());
        }
        let beginning: &[u8] = if header { b"ZKSN\0\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0" } else { b"" };
        prop_assert!(read(&[beginning, &bytes].concat(), Compression::Plain).is_err());
        let magic: &[u8] = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
        prop_assert!(read(&[magic, &bytes].concat(), Compression::Snappy).is_err());
        prop_assert!(read(&[b"\x1f\x8b\x08\0\0\0\0\0\0\xff", &*bytes].concat(), Compression::Gzip).is_err());
    }

    /// The checksum finds every changed byte, but for those that only tell how it was compressed.
    #[test]
    fn changed_bytes_are_noticed(position in any::<prop::sample::Index>(), bits in 1..=255_u8) {
        let tree = small_tree();
        for compression in ALL {
            let mut bytes = written(&tree, compression);
            let position = position.index(bytes.len());
            bytes[position] ^= bits;
            match read(&bytes, compression) {
                Ok(read) => prop_assert!(compression != Compression::Plain && read == tree, "{compression:?}"),
                Err(error) => prop_assert!(matches!(error, DiskError::Damaged { .. }), "{error}"),
            }
        }
    }

    #[test]
    fn cut_files_are_noticed(length in any::<prop::sample::Index>()) {
        let tree = small_tree();
        for compression in ALL {
            let bytes = written(&tree, compression);
            let cut = length.index(bytes.len());
            if let Ok(read) = read(&bytes[..cut], compression) {
                // A file that ends as those of an older release did. (Of gzip, the trailer may be missing.)
                prop_assert_eq!(read.digest(), tree.digest());
            }
        }
    }
}

/// Lengths up to 2³¹ in a file of 60 bytes: refused without taking that memory.
#[test]
fn lengths_are_not_believed() {
    let header = b"ZKSN\0\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff";
    let many = 0x7fff_ffff_u32.to_be_bytes();
    let large = 0x03ff_ffff_u32.to_be_bytes();
    let none = [0; 4];
    for bytes in [
        [&header[..], &many].concat(),
        [&header[..], &none, &many].concat(),
        [&header[..], &none, &none, &many].concat(),
        [&header[..], &none, &none, &large].concat(),
        [&header[..], &none, &none, &none, &large].concat(),
        [&header[..], &none, &1_u32.to_be_bytes(), &[0; 8], &many].concat(),
        [&header[..], &none, &none, &u32::MAX.to_be_bytes()].concat(),
    ] {
        assert!(matches!(read(&bytes, Compression::Plain), Err(DiskError::Damaged { .. })));
    }
    let magic = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
    for block in [&[0xff, 0xff, 0xff, 0xff][..], &[0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]] {
        assert!(matches!(read(&[&magic[..], block].concat(), Compression::Snappy), Err(DiskError::Damaged { .. })));
    }
}

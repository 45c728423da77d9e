//! A snapshot, compressed as its first bytes say, and the tree alone, which no checksum guards: what can be read is
//! written and read again, the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use zab::Zxid;
use zab::tree::{Tree, TreeOptions};
use zabkeeper::disk::{CheckedReader, CheckedWriter, SimulatedDisk, is_valid_snapshot, read_snapshot, read_tree};
use zabkeeper::disk::{write_stream, write_tree};

const OPTIONS: TreeOptions = TreeOptions { extended_types: true, digest: true };

fn file(bytes: &[u8]) {
    let path = match bytes {
        [0x1f, 0x8b, ..] => Path::new("/data/snapshot.5.gz"),
        [0x82, b'S', ..] => Path::new("/data/snapshot.5.snappy"),
        _ => Path::new("/data/snapshot.5"),
    };
    let disk = SimulatedDisk::new();
    disk.put(path, bytes);
    let _ = is_valid_snapshot(&disk, path);
    let Ok(snapshot) = read_snapshot(&disk, path, OPTIONS) else { return };
    let mut output = CheckedWriter::new(Vec::new());
    write_stream(&snapshot.tree, &mut output).expect("memory takes it");
    disk.put(Path::new("/data/snapshot.5"), &output.finish().expect("memory takes it"));
    let again = read_snapshot(&disk, Path::new("/data/snapshot.5"), OPTIONS).expect("our own bytes");
    assert!(again.tree == snapshot.tree);
}

fn tree(bytes: &[u8]) -> Option<Tree> {
    read_tree(&mut CheckedReader::new(bytes), OPTIONS, Zxid(5)).ok()
}

fuzz_target!(|bytes: &[u8]| {
    file(bytes);
    // Behind the header of a file, if it has one.
    let Some(read) = tree(bytes.strip_prefix(b"ZKSN\0\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff").unwrap_or(bytes)) else {
        return;
    };
    let mut output = CheckedWriter::new(Vec::new());
    write_tree(&read, &mut output).expect("memory takes it");
    assert!(tree(&output.finish().expect("memory takes it")).as_ref() == Some(&read));
});

//! `zabkeeper txnlog`, `snapshot` and `check-data`, with Apache's files: what they print is in `snapshots/`.

#[path = "harness/mod.rs"]
mod harness;

use harness::process::{Process, free_port};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use tempfile::TempDir;
use zabkeeper::disk::{LogFile, OperatingSystem};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/apache-3.8.0")
}

/// The program, in the directory of the fixtures or another.
fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zabkeeper"));
    command.args(arguments).current_dir(directory);
    command
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    command(directory, arguments).output().expect("run")
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What it prints when all is well.
fn printed(arguments: &[&str]) -> String {
    let output = run(&fixtures(), arguments);
    assert_eq!((said(&output.stderr), output.status.code()), (String::new(), Some(0)), "{arguments:?}");
    said(&output.stdout)
}

/// A data directory with these of the fixtures.
fn copied(names: &[&str]) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let version = directory.path().join("version-2");
    std::fs::create_dir(&version).expect("made");
    for name in names {
        std::fs::copy(fixtures().join("version-2").join(name), version.join(name)).expect(name);
    }
    directory
}

/// Changes the bytes of a file.
fn spoil(directory: &TempDir, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let path = directory.path().join("version-2").join(name);
    let mut bytes = std::fs::read(&path).expect(name);
    change(&mut bytes);
    std::fs::write(&path, bytes).expect(name);
}

/// What `check-data` says of a directory: the exit code, what it prints, what it complains of.
fn checked(directory: &Path) -> (i32, String, String) {
    let output = run(directory, &["check-data", "."]);
    (output.status.code().expect("ended"), said(&output.stdout), said(&output.stderr))
}

const ALL: &[&str] = &["snapshot.0", "snapshot.19", "snapshot.1d.gz", "snapshot.1d.snappy", "log.1", "log.1a"];

// ---- Transactions -------------------------------------------------------------------------------------------------

#[test]
fn transactions_are_printed_one_a_line() {
    insta::assert_snapshot!("txnlog", printed(&["txnlog", "version-2"]));
    let part = &["txnlog", "--data", "--json", "--from", "0x2", "--to", "27", "."];
    insta::assert_snapshot!("txnlog_json", printed(part));
    let lines = printed(&["txnlog", "--json", "version-2/log.1", "version-2/log.1a"]);
    assert_eq!(lines.lines().count(), 29);
    for line in lines.lines() {
        let object: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(object["zxid"].is_string() && object["type"].is_string(), "{line}");
    }
}

#[test]
fn a_part_of_the_log_is_read_from_the_files_that_may_hold_it() {
    let directory = copied(ALL);
    spoil(&directory, "log.1", |bytes| bytes.truncate(8));
    let output = run(directory.path(), &["txnlog", ".", "--from", "0x1b", "--to", "0x1c"]);
    assert_eq!((said(&output.stderr).as_str(), output.status.code()), ("", Some(0)));
    assert_eq!(said(&output.stdout).matches(" zxid 0x1").count(), 2);
}

#[test]
fn a_damaged_entry_is_named_and_the_next_file_is_read() {
    let directory = copied(ALL);
    spoil(&directory, "log.1", |bytes| bytes[410] ^= 1);
    let output = run(directory.path(), &["txnlog", "version-2"]);
    let (printed, complaint) = (said(&output.stdout), said(&output.stderr));
    assert!(complaint.starts_with("version-2/log.1 is damaged at offset 390: "), "{complaint}");
    assert_eq!((complaint.lines().count(), output.status.code()), (1, Some(1)), "{complaint}");
    assert!(printed.contains(" zxid 0x1 ") && printed.contains(" zxid 0x1d "), "{printed}");
    let output = run(directory.path(), &["txnlog", "version-2/snapshot.0"]);
    assert!(said(&output.stderr).contains("is not a transaction log of version 2"), "{}", said(&output.stderr));
    assert_eq!(output.status.code(), Some(1));
}

/// `| head` is no failure, and prints nothing.
#[test]
fn a_reader_that_leaves_is_no_failure() {
    for arguments in [&["txnlog", "version-2"][..], &["snapshot", "version-2/snapshot.19"], &["check-data", "."]] {
        let mut child = command(&fixtures(), arguments);
        let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("run");
        drop(child.stdout.take());
        let mut complaint = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut complaint).expect("text");
        assert_eq!((child.wait().expect("ended").code(), complaint.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

// ---- Snapshots ----------------------------------------------------------------------------------------------------

#[test]
fn snapshots_are_printed_as_java_does() {
    insta::assert_snapshot!("snapshot", printed(&["snapshot", "version-2/snapshot.19"]));
    insta::assert_snapshot!("snapshot_json", printed(&["snapshot", "--json", "--data", "version-2/snapshot.1d.gz"]));
    let (gzip, snappy) = (&["snapshot", "version-2/snapshot.1d.gz"], &["snapshot", "version-2/snapshot.1d.snappy"]);
    assert_eq!(printed(gzip), printed(snappy));
}

#[test]
fn sizes_are_summed_up_by_branch() {
    insta::assert_snapshot!("snapshot_summary", printed(&["snapshot", "--summary", "version-2/snapshot.1d.snappy"]));
    let part = &["snapshot", "--summary", "--depth", "1", "version-2/snapshot.1d.snappy"];
    assert!(!printed(part).contains("-- --"), "{}", printed(part));
    let below = printed(&["snapshot", "--summary", "--path", "/zookeeper", "--json", "version-2/snapshot.0"]);
    let branch = r#"{"kind":"branch","path":"/zookeeper","level":0,"znodesBelow":2,"bytes":0}"#;
    assert_eq!(below, format!("{branch}\n"));
}

#[test]
fn what_is_no_snapshot_is_refused() {
    let directory = copied(ALL);
    spoil(&directory, "snapshot.19", |bytes| bytes[700] ^= 1);
    for (name, complaint) in [("snapshot.19", "is damaged at offset"), ("log.1", "is not named as a snapshot")] {
        let output = run(directory.path(), &["snapshot", &format!("version-2/{name}")]);
        assert!(said(&output.stderr).contains(complaint), "{}", said(&output.stderr));
        assert_eq!(output.status.code(), Some(1));
    }
    let output = run(directory.path(), &["snapshot", "version-2/snapshot.0", "--path", "/none"]);
    assert_eq!(said(&output.stderr), "version-2/snapshot.0 holds no /none\n");
    for folder in ["version-2", "no/such"] {
        let empty = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(empty.path().join("version-2")).expect("made");
        let output = run(empty.path(), &["snapshot", folder]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(said(&output.stderr).contains("there is no whole snapshot in version-2"), folder == "version-2");
    }
}

#[test]
fn of_a_directory_the_newest_whole_snapshot_is_printed() {
    let directory = copied(&["snapshot.0", "snapshot.19"]);
    std::fs::write(directory.path().join("version-2/snapshot.1f"), "").expect("written");
    let expected = printed(&["snapshot", "version-2/snapshot.19"]);
    for folder in [".", "version-2", directory.path().to_str().expect("a path")] {
        let output = run(directory.path(), &["snapshot", folder]);
        assert_eq!((said(&output.stdout), said(&output.stderr)), (expected.clone(), String::new()), "{folder}");
    }
    let json = run(directory.path(), &["snapshot", "--json", "."]);
    assert!(said(&json.stdout).starts_with(r#"{"kind":"snapshot","file":"snapshot.19","#), "{}", said(&json.stdout));
}

// ---- What a server says when it starts --------------------------------------------------------------------------

/// What the server logs that starts on these files, the last one changed.
fn log_of_start(names: &[&str], change: impl FnOnce(&Path)) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    let version = directory.path().join("data/version-2");
    std::fs::create_dir_all(&version).expect("made");
    for name in names {
        std::fs::copy(fixtures().join("version-2").join(name), version.join(name)).expect(name);
    }
    change(&version);
    let process = Process::start(directory.path(), free_port(), &[]);
    process.kill();
    std::fs::read_to_string(directory.path().join("log.txt")).expect("a log")
}

/// Where the last entry of a log begins and ends.
fn last_entry(path: &Path) -> (usize, usize) {
    let mut log = LogFile::open(&OperatingSystem, path, true).expect("a log");
    let last = std::iter::from_fn(|| log.next_entry().expect("whole")).last().expect("an entry");
    (usize::try_from(last.offset).expect("short"), usize::try_from(log.position()).expect("short"))
}

#[test]
fn a_tail_that_is_cut_off_at_the_start_is_told_of() {
    let files = ["snapshot.0", "log.1", "log.1a"];
    let with_tail = |tail: &dyn Fn(&[u8], usize) -> Vec<u8>| {
        let ends = Arc::new(std::sync::Mutex::new(0));
        let said = log_of_start(&files, |version| {
            let path = version.join("log.1a");
            let (begin, end) = last_entry(&path);
            let mut bytes = std::fs::read(&path).expect("read");
            bytes.truncate(end);
            let tail = tail(&bytes, begin);
            bytes.extend(tail);
            std::fs::write(&path, bytes).expect("written");
            *ends.lock().expect("free") = end;
        });
        let end = *ends.lock().expect("free");
        (said, end)
    };
    let (said, end) = with_tail(&|_, _| vec![0, 0, 0, 0, 1, 2, 3, 0]);
    let expected = format!("log.1a is torn at offset {end}: 7 bytes that were not written to their end are cut off");
    assert!(said.contains("WARN") && said.contains(&expected), "{expected}\n{said}");

    let (said, end) = with_tail(&|bytes, begin| [&[1; 8][..], &[0; 4], &bytes[begin..]].concat());
    let expected = format!("is torn at offset {end}, but another transaction stands at offset {}: ", end + 12);
    assert!(said.contains("WARN") && said.contains(&expected), "{expected}\n{said}");

    // The zeros ahead are no tail.
    let (said, _) = with_tail(&|_, _| vec![0; 4096]);
    assert!(!said.contains("torn") && !said.contains("passed over"), "{said}");
}

#[test]
fn a_snapshot_that_is_passed_over_is_told_of() {
    let said = log_of_start(&[], |version| std::fs::write(version.join("snapshot.0"), "").expect("written"));
    assert!(said.contains("WARN") && said.contains("this snapshot is passed over: "), "{said}");
    assert!(said.contains("snapshot.0: is no whole snapshot"), "{said}");
}

// ---- Directories --------------------------------------------------------------------------------------------------

#[test]
fn a_directory_of_apache_is_well() {
    insta::assert_snapshot!("check_data", printed(&["check-data", "."]));
}

#[test]
fn the_log_may_have_a_directory_of_its_own() {
    let (data, logs) = (copied(&["snapshot.0"]), copied(&["log.1", "log.1a"]));
    let output = run(data.path(), &["check-data", ".", "--logs", &logs.path().display().to_string()]);
    assert!(said(&output.stdout).contains("snapshot.0 and 29 transactions"), "{}", said(&output.stdout));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_torn_tail_is_told_and_no_problem() {
    let directory = copied(&["snapshot.0", "log.1", "log.1a"]);
    spoil(&directory, "log.1a", |bytes| bytes.truncate(bytes.len() - 7));
    let (code, printed, complaint) = checked(directory.path());
    assert_eq!((code, complaint.as_str()), (0, ""), "{printed}");
    assert!(printed.contains("log.1a: 3 transactions, 0x1a to 0x1c; torn at offset "), "{printed}");
}

#[test]
fn zeros_ahead_are_no_torn_tail() {
    let directory = copied(&["snapshot.0", "log.1"]);
    spoil(&directory, "log.1", |bytes| bytes.resize(1 << 20, 0));
    let (code, printed, _) = checked(directory.path());
    assert!(code == 0 && !printed.contains("torn"), "{printed}");
}

#[test]
fn everything_that_is_wrong_is_found() {
    let wrong_digest = |bytes: &mut Vec<u8>| {
        // The last byte of the last entry's digest, and the checksum over it.
        let end = bytes.len() - 2;
        bytes[end] ^= 1;
        let start = (0..end).rev().find(|at| bytes[*at..].starts_with(&[0, 0, 0, 0])).expect("a checksum");
        let offset = (0..=start).rev().find(|at| length_at(bytes, *at) == Some(end + 1 - at - 12)).expect("an entry");
        let sum = u64::from(adler2::adler32_slice(&bytes[offset + 12..=end]));
        bytes[offset..offset + 8].copy_from_slice(&sum.to_be_bytes());
    };
    type Spoil<'a> = &'a dyn Fn(&TempDir);
    let cases: [(&[&str], Spoil<'_>, &str); 10] = [
        (&["snapshot.0", "log.1"], &|d| spoil(d, "log.1", |bytes| bytes[410] ^= 1), "log.1 is damaged at offset 390"),
        // A length: to the server it looks as if the file had been torn there.
        (&["snapshot.0", "log.1"], &|d| spoil(d, "log.1", |bytes| bytes[400] ^= 0x7f), "not whole, but another one"),
        (&["snapshot.0", "log.1a"], &|_| {}, "log.1a goes on with transaction (0,26) after (0,0)"),
        (&["log.1"], &|_| {}, "that can be read: a server would not start"),
        (ALL, &|d| spoil(d, "snapshot.19", |bytes| bytes[700] ^= 1), "snapshot.19 is damaged at offset"),
        (ALL, &|d| spoil(d, "log.1a", wrong_digest), "the digest after transaction 0x1d is not the one in the log"),
        (ALL, &|d| rename(d, "log.1a", "log.1b"), "log.1b begins with transaction 0x1a"),
        (ALL, &|d| epochs(d, "3", "4"), "the current epoch 4 is beyond the accepted epoch 3"),
        (ALL, &|d| epochs(d, "3", "x"), "holds \"x\", which is no epoch"),
        (ALL, &|d| std::fs::write(d.path().join("myid"), "300").expect("written"), "instead of a number from 1 to 255"),
    ];
    for (names, make, expected) in cases {
        let directory = copied(names);
        make(&directory);
        let (code, printed, complaint) = checked(directory.path());
        assert!(complaint.contains(expected), "{expected}:\n{printed}\n{complaint}");
        assert_eq!((code, complaint.lines().count()), (1, 1), "{expected}:\n{printed}\n{complaint}");
        assert!(printed.ends_with("There is 1 problem.\n"), "{printed}");
    }
}

/// The length that an entry at this offset claims.
fn length_at(bytes: &[u8], offset: usize) -> Option<usize> {
    let field = bytes.get(offset + 8..offset + 12)?;
    usize::try_from(i32::from_be_bytes(field.try_into().ok()?)).ok()
}

fn rename(directory: &TempDir, from: &str, to: &str) {
    let version = directory.path().join("version-2");
    std::fs::rename(version.join(from), version.join(to)).expect("renamed");
}

fn epochs(directory: &TempDir, accepted: &str, current: &str) {
    let version = directory.path().join("version-2");
    std::fs::write(version.join("acceptedEpoch"), accepted).expect("written");
    std::fs::write(version.join("currentEpoch"), current).expect("written");
}

#[test]
fn a_snapshot_may_stand_for_a_part_of_the_log_that_is_gone() {
    let directory = copied(&["snapshot.0", "snapshot.19", "log.1", "log.1a"]);
    let shortened = |bytes: &mut Vec<u8>| bytes.truncate(400);
    spoil(&directory, "log.1", shortened);
    let (code, printed, complaint) = checked(directory.path());
    assert_eq!((code, complaint.as_str()), (0, ""), "{printed}");
    assert!(printed.contains("snapshot.19 stands between"), "{printed}");
    assert!(printed.contains("tree: snapshot.19 and 4 transactions"), "{printed}");
}

#[test]
fn what_is_no_data_directory_is_said_to_be_none() {
    let directory = tempfile::tempdir().expect("a directory");
    let (code, _, complaint) = checked(directory.path());
    assert_eq!((code, complaint.as_str()), (1, "there is no directory ./version-2\n"));
}

//! Traces of three real servers (the beginning of a run, in `recorded/`), as they are and tampered with.

use conformance::judge::{Fault, Report, Violation, validate};
use conformance::recording::read;
use std::path::Path;

/// Judges the recording after its second server's lines were changed.
fn judge(change: impl FnOnce(&mut Vec<String>)) -> Result<Report, Box<Violation>> {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    let folder = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(recorded).expect("the recording") {
        let entry = entry.expect("a file");
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
    }
    let path = folder.path().join("server-2.000001.ndjson");
    let text = std::fs::read_to_string(&path).expect("a trace");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    change(&mut lines);
    std::fs::write(&path, lines.join("\n") + "\n").expect("written");
    validate(&read(&[folder.path().to_owned()]).expect("a recording"))
}

/// The place of the fifth line with this in it.
fn fifth(lines: &[String], text: &str) -> usize {
    lines.iter().enumerate().filter(|(_, line)| line.contains(text)).nth(4).expect("five of them").0
}

const COMMIT: &str = r#""input":{"Receive":[3,{"Commit""#;

#[test]
fn what_was_recorded_is_as_specified() {
    let report = judge(|_| {}).expect("it is");
    assert!(report.events > 250 && report.transactions > 5, "{report:?}");
}

#[test]
fn an_acknowledgement_before_its_write_is_refused() {
    let refused = judge(|lines| {
        let place = fifth(lines, r#""event":"flushed""#);
        let line = lines.remove(place);
        lines.insert(place + 20, line);
    });
    assert_eq!(refused.expect_err("it is refused").fault, Fault::TooEarly);
}

#[test]
fn a_lost_commit_is_refused() {
    let refused = judge(|lines| drop(lines.remove(fifth(lines, COMMIT))));
    assert!(matches!(refused.expect_err("it is refused").fault, Fault::NotSent(_)));
}

#[test]
fn swapped_messages_are_refused() {
    let refused = judge(|lines| {
        let first = fifth(lines, COMMIT);
        let second = first + 1 + lines[first + 1..].iter().position(|line| line.contains(COMMIT)).expect("a sixth");
        lines.swap(first, second);
    });
    assert!(matches!(refused.expect_err("it is refused").fault, Fault::NotSent(_)));
}

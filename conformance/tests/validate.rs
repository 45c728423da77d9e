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

#[test]
fn who_recorded_nothing_is_believed() {
    for silent in 1..=3 {
        let folder = tempfile::tempdir().expect("a folder");
        for other in (1..=3).filter(|id| *id != silent) {
            let name = format!("server-{other}.000001.ndjson");
            let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(&name);
            std::fs::copy(recorded, folder.path().join(name)).expect("copied");
        }
        let report = validate(&read(&[folder.path().to_owned()]).expect("a recording"));
        let report = report.unwrap_or_else(|violation| panic!("without {silent}: {violation}"));
        assert!(report.transactions > 5, "without {silent}: {report:?}");
    }
}

const COMMIT: &str = r#""input":{"Receive":[3,{"Commit""#;

#[test]
fn what_was_recorded_is_as_specified() {
    let report = judge(|_| {}).expect("it is");
    assert!(report.events > 250 && report.transactions > 5, "{report:?}");
}

#[test]
fn a_sync_of_another_number_of_writes_is_refused() {
    for wrong in ["0", "1", "2", "18446744073709551615"] {
        let refused = judge(|lines| {
            let counted = |line: &&mut String| line.contains(r#""event":"flushed","count":"#);
            let line = lines.iter_mut().find(counted).expect("writes share a sync");
            let (before, rest) = line.split_once(r#""count":"#).expect("a count");
            let (count, behind) = rest.split_once(',').expect("a write");
            assert_ne!(count, wrong);
            *line = format!(r#"{before}"count":{wrong},{behind}"#);
        });
        assert!(matches!(refused.expect_err("it is refused").fault, Fault::Difference(_)), "{wrong}");
    }
}

#[test]
fn a_wait_that_had_not_begun_is_refused() {
    let refused = judge(|lines| {
        let place = fifth(lines, COMMIT);
        let timeout = r#"{"server":2,"event":"stepped","input":{"Timeout":"Ping"},"outputs":[]}"#;
        lines.insert(place, timeout.to_owned());
    });
    assert!(matches!(refused.expect_err("it is refused").fault, Fault::NotEnabled(_)));
}

#[test]
fn what_was_sent_after_a_clean_end_is_refused() {
    // Of a run that was cut, the last lines may be missing; of one that stopped by itself, none.
    let end = |lines: &mut Vec<String>, how: Option<&str>| {
        lines.truncate(fifth(lines, COMMIT));
        lines.extend(how.map(str::to_owned));
    };
    assert!(judge(|lines| end(lines, None)).is_ok());
    let refused = judge(|lines| end(lines, Some(r#"{"server":2,"event":"crashed"}"#)));
    assert!(matches!(refused.expect_err("it is refused").fault, Fault::NotSent(_)));
}

#[test]
fn a_payload_that_is_none_is_told_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let header =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/server-2.000001.ndjson"));
    let header = header.expect("a trace").lines().next().expect("a header").to_owned();
    for payload in ["\"abc\"", "\"xy\"", "\"ä\"", "[256]", "7"] {
        let line = format!(r#"{{"server":2,"event":"flushed","write":{{"Append":{{"zxid":1,"payload":{payload}}}}}}}"#);
        std::fs::write(folder.path().join("a.ndjson"), format!("{header}\n{line}\n")).expect("written");
        let error = read(&[folder.path().to_owned()]).expect_err("it is none").to_string();
        assert!(error.contains("a.ndjson:2"), "{error}");
    }
}

#[test]
fn a_violation_is_drawn() {
    let refused = judge(|lines| drop(lines.remove(fifth(lines, COMMIT)))).expect_err("it is refused");
    let picture = conformance::diagram::svg(&refused);
    assert!(picture.contains("received what was not sent") && picture.contains("COMMIT"), "{picture}");
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

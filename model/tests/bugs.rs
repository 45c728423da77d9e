//! The planted bugs: their files say what they must, their diffs apply to today's specification, and one of them is
//! built and caught from end to end. `model bugs` does that for all.

use model::bounds::{Bounds, Timing};
use model::bugs::{Bug, BugError, catalogue, patch};
use model::engine::{Fair, NO_PANIC};
use model::zookeeper::ZooKeeper;
use stateright::{Expectation, Model};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Those of the catalogue in the reference that must not be missing.
const REQUIRED: [&str; 16] = [
    "ZOOKEEPER-1343",
    "ZOOKEEPER-1419",
    "ZOOKEEPER-1514",
    "ZOOKEEPER-1805",
    "ZOOKEEPER-3023",
    "ZOOKEEPER-3109",
    "ZOOKEEPER-3911",
    "ZOOKEEPER-4394",
    "ZOOKEEPER-4643",
    "ZOOKEEPER-4646",
    "ZOOKEEPER-4685",
    "ZOOKEEPER-4712",
    "ZOOKEEPER-4785",
    "ZOOKEEPER-4925",
    "ZOOKEEPER-5094",
    "ZOOKEEPER-962",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in a workspace").to_owned()
}

fn bugs() -> Vec<Bug> {
    catalogue(&root()).expect("every header can be read")
}

#[test]
fn the_catalogue_is_complete() {
    let bugs = bugs();
    let ids: BTreeSet<&str> = bugs.iter().map(|bug| bug.id.as_str()).collect();
    assert_eq!(ids.len(), bugs.len(), "ids are unique");
    assert!(bugs.len() >= 24, "{} bugs", bugs.len());
    for required in REQUIRED {
        assert!(ids.contains(required), "{required} is missing");
    }
    let live = bugs.iter().filter(|bug| bug.bounds.timing == Timing::Timely).count();
    assert!(live >= 6, "{live} bugs of liveness");
    let titles: BTreeSet<&str> = bugs.iter().map(|bug| bug.title.as_str()).collect();
    assert_eq!(titles.len(), bugs.len(), "no mutation is told twice");
}

#[test]
fn every_diff_applies_to_the_specification() {
    for bug in bugs() {
        for part in patch::parts(&bug).unwrap_or_else(|error| panic!("{error}")) {
            let text = std::fs::read_to_string(root().join(part.file)).expect("the file is there");
            let mutated = patch::apply(&bug, &part, &text).unwrap_or_else(|error| panic!("{error}"));
            assert_ne!(mutated, text, "{} changes nothing in {}", bug.id, part.file);
        }
    }
}

#[test]
fn every_bug_names_what_its_bounds_check() {
    for bug in bugs() {
        let known = names(bug.bounds);
        for name in &bug.properties {
            let is_known = |known: &String| known == name || known.split(' ').next() == Some(name);
            assert!(known.iter().any(is_known), "{}: there is no {name} within `{}`", bug.id, bug.check);
        }
    }
}

/// What can break within these bounds.
fn names(bounds: Bounds) -> Vec<String> {
    let model = ZooKeeper::new(bounds);
    let always = model.properties().into_iter().filter(|property| property.expectation == Expectation::Always);
    let goals = model.goals().into_iter().map(|goal| goal.name.to_owned());
    always.map(|property| property.name.to_owned()).chain(goals).chain([NO_PANIC.to_owned()]).collect()
}

const FILE: &str = "A title\n\nproperty: Agreement\ncheck: zab --servers 3\n\nProse.\n";

#[test]
fn a_diff_that_does_not_apply_names_its_hunk() {
    let diff = "--- specs/src/x.rs\n+++ specs/src/x.rs\n@@ -1,1 +1,1 @@\n-one\n+two\n";
    let bug = Bug::parse("X", &format!("{FILE}{diff}")).expect("the header is right");
    assert_eq!((bug.title.as_str(), bug.note.as_str()), ("A title", "Prose."));
    let parts = patch::parts(&bug).expect("it is a diff");
    assert_eq!(patch::apply(&bug, &parts[0], "zero\none\n").expect("moved lines are found"), "zero\ntwo\n");
    let told = |text| patch::apply(&bug, &parts[0], text).expect_err("it does not apply").to_string();
    assert!(told("none\nhere\n").contains("model/bugs/X.diff: hunk 1 of specs/src/x.rs does not apply"));
    assert!(told("one\none\n").contains("more than once"));
}

#[test]
fn a_header_that_says_nothing_sensible_is_refused() {
    let wrong = |text: &str| match Bug::parse("X", text) {
        Err(BugError::Header { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    let diff = "--- specs/src/x.rs\n";
    assert!(wrong("A title\n").contains("no diff"));
    assert!(wrong(&format!("A title\ncheck: zab\n{diff}")).contains("property"));
    assert!(wrong(&format!("A title\nproperty: Agreement\n{diff}")).contains("check"));
    assert!(wrong(&format!("A title\nproperty: Agreement\ncheck: zab --server 3\n{diff}")).contains("--server"));
}

fn model(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_model")).args(arguments).output().expect("the command starts")
}

#[test]
fn an_unknown_bug_is_a_bad_argument() {
    let output = model(&["bugs", "ZOOKEEPER-0"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(told.contains("no bug `ZOOKEEPER-0`") && told.contains("ZOOKEEPER-4643"), "{told}");
}

#[test]
fn a_bug_is_built_and_caught() {
    let output = model(&["bugs", "ZOOKEEPER-1277", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let bug = &answer["bugs"][0];
    assert_eq!(bug["id"], "ZOOKEEPER-1277");
    assert_eq!(bug["caught"], true);
    assert_eq!(bug["property"], "EpochsAreAcceptedFirst");
}

//! Plays every story in `scenarios/`. With `UPDATE_EXPECT=1` they are written anew with the answers that come.

use model::scenario;
use std::path::{Path, PathBuf};

fn stories() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let entries = std::fs::read_dir(folder).expect("the folder of the scenarios");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    files
}

#[test]
fn every_story_is_as_told() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1");
    let mut failures = Vec::new();
    for file in stories() {
        let text = std::fs::read_to_string(&file).expect("text");
        let result = if update {
            scenario::update(&text).map(|written| std::fs::write(&file, written).expect("a file that can be written"))
        } else {
            scenario::check(&text)
        };
        if let Err(failure) = result {
            failures.push(format!("{}:{}: {}", file.display(), failure.line, failure.what));
        }
    }
    assert!(failures.is_empty(), "\n{}\n\nIf the new answers are right: UPDATE_EXPECT=1\n", failures.join("\n\n"));
}

#[test]
fn every_story_begins_with_prose() {
    for file in stories() {
        let text = std::fs::read_to_string(&file).expect("text");
        assert!(text.starts_with("# "), "{} does not say what it tells", file.display());
    }
}

const STORY: &str = "# Alone.\nservers 1\nstart s1\nsettle\nshow\n----\n";

#[test]
fn a_wrong_expectation_fails() {
    let told = scenario::update(STORY).expect("a story that can be played");
    assert_eq!(scenario::check(&told), Ok(()));
    for wrong in [told.replace("LEADING", "LOOKING"), told.replace("s1 LEADING", "s1 LEADING\ns1 LEADING"), {
        let mut lines: Vec<&str> = told.lines().collect();
        lines.pop();
        lines.join("\n")
    }] {
        let failure = scenario::check(&wrong).expect_err("it is told wrong");
        assert!(failure.line == 7 && failure.what.starts_with("another answer"), "{failure}");
    }
}

#[test]
fn writing_a_story_anew_changes_nothing_else() {
    let told = scenario::update(STORY).expect("a story that can be played");
    let wrong = told.replace("LEADING", "LOOKING").replace("----\n", "----\nan old line\n");
    assert_eq!(scenario::update(&wrong).as_ref(), Ok(&told));
    let longer = format!("{told}\n# More.\nshow\n----\n\n# The end.\n");
    let longer = scenario::update(&longer).expect("a story that can be played");
    assert!(longer.starts_with(&told) && longer.ends_with("\n\n# The end.\n"), "{longer}");
    assert_eq!(scenario::update(&longer).as_ref(), Ok(&longer));
}

fn failure(commands: &str) -> String {
    let failure = scenario::update(&format!("{commands}\n----\n")).expect_err("it cannot be obeyed");
    failure.to_string()
}

#[test]
fn a_command_that_cannot_be_obeyed_says_why() {
    let impossible = failure("servers 3\nstart s1\ncrash s2");
    assert!(impossible.starts_with("line 3: `crash s2`: this is no command, or not possible now"), "{impossible}");
    assert!(impossible.contains("\n    crash s1") && impossible.contains("\n    restart s2"), "{impossible}");
    assert!(failure("servers 3\nstart s1\ncannot crash s1").contains("but it can"));
    assert!(failure("servers 3\nstart s4").contains("s4 is not in the ensemble"));
    assert!(failure("servers 3\nstart s1\nstart s1").contains("s1 is up"));
    assert!(failure("servers 3\nstart s1\nservers 5").contains("the story has begun"));
    assert!(failure("observers 1\nstart").contains("at least one server that votes"));
    assert!(failure("servers x").contains("`x` is not a number"));
    assert!(failure("servers 3\nserver s1 epoch 1 log (1,1) (1,3)\nstart").contains("(1,3) does not follow (1,1)"));
    assert!(failure("servers 3\nserver s1 epoch 2 log (3,1)\nstart").contains("has accepted e2 only"));
    assert!(failure("servers 3\nserver s1 wisdom 3\nstart").contains("a disk has no `wisdom`"));
}

#[test]
fn a_command_without_an_answer_is_refused() {
    let failure = scenario::check("# Nothing is checked here.\nservers 3\nstart\n").expect_err("no answer");
    assert_eq!(failure.line, 2);
}

/// The story begins where a property is violated: two servers hold different ends of one epoch as delivered.
#[test]
fn a_violated_property_fails_a_story() {
    let lost = "servers 3\nserver s1 epoch 1 snapshot (1,1)\nserver s2 epoch 1\nserver s3 epoch 1\nstart";
    assert!(failure(lost).contains("CommittedLogDurability is violated"), "{}", failure(lost));
}

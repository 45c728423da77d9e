//! Plays every story on the specification and on the server's own code. `UPDATE_EXPECT=1` writes them anew.

use conformance::scenario::{Engine, check, update};
use conformance::server::Medium;
use std::path::{Path, PathBuf};

/// The stories of this package, and the model's.
fn stories() -> Vec<(PathBuf, String)> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in [package.join("scenarios"), package.join("../model/scenarios")] {
        let entries = std::fs::read_dir(folder).expect("a folder of stories");
        files.extend(entries.map(|entry| entry.expect("a file").path()));
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    files.into_iter().map(|file| (file.clone(), std::fs::read_to_string(file).expect("text"))).collect()
}

fn all_are_as_told(engine: Engine, medium: Medium) {
    let mut failures = Vec::new();
    for (file, text) in stories() {
        if let Err(failure) = check(&text, engine, medium) {
            failures.push(format!("{}:{}: {}", file.display(), failure.line, failure.what));
        }
    }
    assert!(failures.is_empty(), "\n{}\n\nIf the new answers are right: UPDATE_EXPECT=1\n", failures.join("\n\n"));
}

#[test]
fn the_specification_does_as_told() {
    if std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1") {
        for (file, text) in stories() {
            let written = update(&text, Engine::Specs, Medium::Memory).expect("a story that can be played");
            std::fs::write(&file, written).expect("a file that can be written");
        }
    }
    all_are_as_told(Engine::Specs, Medium::Memory);
}

#[test]
fn the_server_does_as_told_on_files() {
    all_are_as_told(Engine::Server, Medium::Files);
}

/// A crash takes everything that was not synced.
#[test]
fn the_server_does_as_told_on_a_disk_that_forgets() {
    all_are_as_told(Engine::Server, Medium::Memory);
}

#[test]
fn there_are_enough_stories_and_each_says_what_it_shows() {
    let own =
        stories().into_iter().filter(|(file, _)| file.starts_with(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios")));
    let own: Vec<_> = own.collect();
    assert!(own.len() >= 40, "{} stories", own.len());
    for (file, text) in own {
        assert!(text.starts_with("# "), "{} does not say what it shows", file.display());
    }
}

/// A story told wrong fails on both engines, at the same place.
#[test]
fn a_wrong_answer_fails() {
    let told =
        update("# Alone.\nservers 1\nstart\nsettle\nshow\n----\n", Engine::Server, Medium::Memory).expect("played");
    let wrong = told.replace("LEADING", "LOOKING");
    assert!(told != wrong && check(&told, Engine::Specs, Medium::Memory).is_ok());
    for engine in [Engine::Specs, Engine::Server] {
        assert_eq!(check(&wrong, engine, Medium::Memory).expect_err("told wrong").line, 7);
    }
}

//! What the report finds out by itself, because it takes seconds.

use crate::judge;
use crate::recording;
use crate::replay;
use crate::results::{Results, root};
use crate::scenario::{Engine, check};
use crate::server::Medium;
use std::path::PathBuf;

/// Every story, on the specification and on the server's code.
#[must_use]
pub fn scenarios() -> Results {
    let mut results = Results::new("scenarios");
    let engines = [
        ("as told on the specification", Engine::Specs, Medium::Memory),
        ("as told on the server's code, on files", Engine::Server, Medium::Files),
        ("as told on the server's code, on a disk that forgets", Engine::Server, Medium::Memory),
    ];
    let stories = stories();
    results = results.figure("stories", stories.len());
    for (what, engine, medium) in engines {
        let mut told = 0;
        for (name, text) in &stories {
            match check(text, engine, medium) {
                Ok(()) => told += 1,
                Err(failure) => results.notes.push(format!("{name}:{}: {}", failure.line, failure.what)),
            }
        }
        results = results.figure(what, told);
    }
    results.well = results.notes.is_empty() && !stories.is_empty();
    results
}

fn stories() -> Vec<(String, String)> {
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in ["conformance/scenarios", "model/scenarios"] {
        let entries = std::fs::read_dir(root().join(folder)).into_iter().flatten().flatten();
        files.extend(entries.map(|entry| entry.path()));
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    let name = |file: &PathBuf| file.strip_prefix(root()).unwrap_or(file).display().to_string();
    files.iter().filter_map(|file| Some((name(file), std::fs::read_to_string(file).ok()?))).collect()
}

/// Every edge of a small graph, on the server's code.
#[must_use]
pub fn replay() -> Results {
    const SMALL: &str = "ensemble --servers 2 --transactions 1 --crashes 1";
    let mut results = Results::new("replay-small");
    match replay::graph(SMALL, Medium::Memory) {
        Ok(played) => results = results.figure(SMALL, played),
        Err(fault) => {
            results.well = false;
            results.notes.push(fault);
        }
    }
    results
}

/// The recording of three real servers that lies in the repository.
#[must_use]
pub fn recorded() -> Results {
    let mut results = Results::new("recorded");
    let judged = recording::read(&[root().join("conformance/tests/recorded")]);
    let judged = judged
        .map_err(|error| error.to_string())
        .and_then(|recording| judge::validate(&recording).map_err(|violation| violation.to_string()));
    match judged {
        Ok(report) => results = results.figure("events", report.events).figure("transactions", report.transactions),
        Err(fault) => {
            results.well = false;
            results.notes.push(fault);
        }
    }
    results
}

//! What `model trace --out` and `model check --out` write is played by `model scenario`, with the same answers.

use model::bounds::{Bounds, Grain, Kind};
use model::engine::{self, Progress, Settings, explore};
use model::invocation;
use model::mutation::Mutation;
use model::necessity::{kinds_of_steps, orders_to_try};
use model::scenario;
use model::story::{Story, coverage, write_texts};
use model::subject::Subject;
use model::suite;
use model::zookeeper::ZooKeeper;
use proptest::prelude::*;
use stateright::Model;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn small(kind: Kind) -> Bounds {
    Bounds { servers: 2, ..Bounds::default_of(kind) }
}

/// A directory of this test's own, which goes when the test is over.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let path = std::env::temp_dir().join(format!("zabkeeper-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory can be made");
        Directory(path)
    }

    fn scenarios(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.0).expect("it is there");
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
        files
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn model(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_model")).args(arguments).output().expect("the command starts")
}

fn play(file: &Path) -> (Option<i32>, String) {
    let output = model(&["scenario", &file.display().to_string()]);
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn traces_of_every_model_are_played_as_they_were_written() {
    for kind in Kind::ALL {
        for bounds in [small(kind), Bounds { grain: Grain::Batch, ..small(kind) }] {
            let model = ZooKeeper::new(bounds);
            let cover = coverage::cover(&model, 1, 100_000).expect("it is small");
            let initial = model.init_states();
            for walk in &cover.walks {
                let story = Story::tell(&model, "A path", &initial[walk.initial], &walk.actions);
                let told = story.scenario().expect("it begins where the model does");
                let blocks = told.lines().filter(|line| *line == "----").count();
                assert_eq!(blocks, walk.actions.len() + 1, "the start, and every step");
                assert_eq!(scenario::check(&told), Ok(()), "{told}");
                assert_eq!(scenario::update(&told), Ok(told.clone()), "the same answers");
            }
        }
    }
}

#[test]
fn an_answer_that_was_changed_by_hand_is_refused() {
    let model = ZooKeeper::new(small(Kind::Zab));
    let walk = &coverage::cover(&model, 1, 100_000).expect("it is small").walks[0];
    let initial = model.init_states();
    let story = Story::tell(&model, "A path", &initial[walk.initial], &walk.actions);
    let told = story.scenario().expect("it begins where the model does");
    let answers = told.lines().enumerate().filter(|(_, line)| line.starts_with("    "));
    for (place, _) in answers {
        let without: Vec<&str> =
            told.lines().enumerate().filter(|(at, _)| *at != place).map(|(_, line)| line).collect();
        scenario::check(&without.join("\n")).expect_err("a line of an answer is missing");
    }
}

#[test]
fn the_command_plays_what_the_command_writes() {
    let directory = Directory::new("written");
    let out = directory.0.display().to_string();
    for kind in Kind::ALL {
        let output = model(&["trace", kind.name(), "--servers", "2", "--out", &out]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
    // A goal that these bounds do not reach: it is told as a stem and what repeats for ever.
    let goal = ["check", "zab", "--liveness", "--servers", "2", "--elections", "1", "--out", &out];
    assert_eq!(model(&goal).status.code(), Some(1));
    let files = directory.scenarios();
    assert!(files.iter().any(|file| file.display().to_string().contains("zab-L1")), "{files:?}");
    assert!(files.len() > 20, "{files:?}");
    for file in files {
        let (code, said) = play(&file);
        assert!(code == Some(0) && said.ends_with("as told\n"), "{said}");
    }
}

#[test]
fn a_counterexample_is_played_on_the_mutated_model_and_refused_by_the_other() {
    let bounds = Bounds { servers: 2, ..Bounds::default_of(Kind::Zab) };
    let kinds = kinds_of_steps(&Progress::new()).expect("the engine takes the model");
    let mut found = 0;
    for other in orders_to_try(&kinds) {
        let mutation = Mutation::Order { signature: other.signature.clone(), order: other.order.clone() };
        let model = ZooKeeper { mutation: mutation.clone(), ..ZooKeeper::new(bounds) };
        let settings = Settings { stop_at_first: true, ..Settings::default() };
        let report = explore(&model, &settings, &Progress::new()).expect("the engine takes the model");
        let broken =
            |verdict: &&engine::Verdict<_>| verdict.kind == engine::Kind::Always && verdict.decided && !verdict.holds;
        for verdict in report.verdicts.iter().filter(broken) {
            let story = Story::of_verdict(&model, verdict).expect("it has a path");
            let told = story.scenario().expect("it begins where the model does");
            assert!(told.contains(&format!("violates {}", verdict.name)), "{told}");
            assert_eq!(scenario::check_on(&told, &mutation), Ok(()), "{told}");
            scenario::check(&told).expect_err("the specification does not do that");
            let directory = Directory::new(&format!("mutated-{found}"));
            write_texts(&directory.0, "story", &story).expect("it can be written");
            assert_eq!(play(&directory.0.join("story.txt")).0, Some(1), "nor does the command");
            found += 1;
        }
        if found >= 5 {
            return;
        }
    }
    panic!("only {found} counterexamples");
}

#[test]
fn a_file_that_tells_nothing_is_refused() {
    let directory = Directory::new("empty");
    for (name, text) in [("nothing", ""), ("prose", "# Only prose.\n"), ("ruler", "# No command.\n----\nan answer\n")] {
        let file = directory.0.join(format!("{name}.txt"));
        std::fs::write(&file, text).expect("it can be written");
        let output = model(&["scenario", &file.display().to_string()]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("there is no command in it"), "{output:?}");
        assert!(scenario::check(text).is_err());
    }
}

#[test]
fn the_beginning_of_a_model_is_checked() {
    let failure =
        |text: &str| scenario::update(&format!("{text}\nstart\n----\n")).expect_err("it is wrong").to_string();
    assert!(failure("model zab\nservers 3").contains("says already who takes part"));
    assert!(failure("model zab\ninitial 1").contains("no initial state 1"));
    assert!(failure("servers 3\ninitial 1").contains("needs a `model`"));
    assert!(failure("model zab --delays 2").contains("--delays means nothing in model zab"));
    assert!(failure("model zap").contains("zap"));
    assert!(failure("servers 3\nviolates Agreement: start").contains("Agreement is not violated"));
    assert!(failure("servers 3\nviolates Agreement").contains("write `violates NAME: `"));
}

/// The bounds of every run of the suites come back from the words for them, but for switches that mean nothing there.
#[test]
fn bounds_are_read_as_they_are_written() {
    for run in suite::default().into_iter().chain(suite::deep()) {
        let Subject::Protocol(bounds) = run.subject else { continue };
        let read = invocation::read(&invocation::words_of(&bounds)).expect("words that can be read");
        let oracle = if bounds.kind == Kind::Zab { bounds.oracle } else { read.oracle };
        assert_eq!(read, Bounds { oracle, ..bounds }, "{}", run.name);
    }
}

proptest! {
    #[test]
    fn no_line_makes_the_player_panic(line in "(model|initial|violates|start|servers) ?[a-z0-9:, -]{0,30}") {
        let _ = scenario::update(&format!("servers 2\n{line}\nstart\n----\n"));
    }
}

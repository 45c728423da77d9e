//! The command as a person or a machine meets it: what it prints, and its exit codes.

use std::process::{Command, Output, Stdio};

fn model(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_model")).args(arguments).output().expect("the command starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the command speaks UTF-8")
}

/// The lines of a table without the columns that no two runs have alike: seconds, states/s and MiB.
fn without_costs(table: &str) -> String {
    let cut = |line: &str| match line.match_indices('|').map(|(at, _)| at).collect::<Vec<_>>()[..] {
        [.., end, _, _, _] if line.matches('|').count() == 11 => line[..=end].to_owned(),
        _ => line.to_owned(),
    };
    table.lines().map(cut).collect::<Vec<_>>().join("\n")
}

const SMALL: [&str; 8] = ["check", "zab", "--servers", "2", "--crashes", "0", "--elections", "1"];

#[test]
fn a_check_ends_with_two_tables() {
    let output = model(&SMALL);
    insta::assert_snapshot!("check", without_costs(&text(&output.stdout)));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn a_check_that_is_capped_decides_nothing_and_is_no_success() {
    let output = model(&["check", "zab", "--max-states", "100"]);
    assert_eq!(output.status.code(), Some(1));
    let words = text(&output.stdout);
    assert!(words.contains("NOT COMPLETE: state limit") && !words.contains(" always,"), "{words}");
}

#[test]
fn json_has_the_fields_that_scripts_read() {
    let mut arguments = SMALL.to_vec();
    arguments.push("--json");
    let output = model(&arguments);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let [run] = json["runs"].as_array().expect("runs").as_slice() else { panic!("one run: {json}") };
    assert_eq!((&run["model"], &run["engine"], &run["complete"]), (&"zab".into(), &"graph".into(), &true.into()));
    assert_eq!(run["bounds"]["servers"], 2);
    for number in ["distinct", "generated", "depth", "seconds", "peak_bytes"] {
        assert!(run[number].is_number(), "{number} in {run}");
    }
    let properties = run["properties"].as_array().expect("properties");
    assert!(properties.iter().all(|property| property["holds"].is_boolean() && property["kind"].is_string()));
}

#[test]
fn help_names_every_subcommand() {
    insta::assert_snapshot!("help", text(&model(&["--help"]).stdout));
    insta::assert_snapshot!("help-check", text(&model(&["check", "--help"]).stdout));
}

#[test]
fn list_shows_models_suites_and_properties() {
    insta::assert_snapshot!("list", text(&model(&["list"]).stdout));
}

#[test]
fn wrong_arguments_are_told_in_a_sentence_with_exit_code_2() {
    let mut said = String::new();
    for arguments in [
        &["chek"][..],
        &["check", "zap"],
        &["check", "zab", "--servers", "0"],
        &["check", "--servers", "3"],
        &["check", "--run", "nowhere"],
        &["check", "--engine", "graph"],
        &["bugs", "ZOOKEEPER-0"],
        &["check", "--run", "zab", "--liveness"],
        &["check", "zab", "--histories", "2"],
        &["check", "zab", "--liveness", "--engine", "stateright"],
        &["simulate", "--seeds", "0"],
        &["simulate", "--shard", "3/2"],
        &["explore", "zab", "--address", "here"],
    ] {
        let output = model(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let sentence = text(&output.stderr);
        said += &format!("$ model {}\n{}\n", arguments.join(" "), sentence.lines().next().unwrap_or_default());
    }
    insta::assert_snapshot!("errors", said);
}

#[test]
fn a_reader_may_leave_before_the_end() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_model"))
        .arg("list")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
}

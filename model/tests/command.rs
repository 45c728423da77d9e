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
        &["check", "--run", "zab-break", "--engine", "stateright"],
        &["bugs", "ZOOKEEPER-0"],
        &["check", "--run", "zab", "--liveness"],
        &["check", "zab", "--histories", "2"],
        &["check", "election", "--transactions", "1"],
        &["check", "election", "--last-counter", "2"],
        &["check", "zab", "--delays", "1"],
        &["check", "ensemble", "--oracle", "best"],
        &["trace", "election", "--forward"],
        &["explore", "ensemble", "--elections", "3"],
        &["simulate", "--elections", "3"],
        &["check", "election", "--out", "Cargo.toml"],
        &["trace", "election", "--out", "Cargo.toml"],
        &["bugs", "--list", "--keep", "Cargo.toml"],
        &["scenario", "/dev/null"],
        &["check", "zab", "--liveness", "--engine", "stateright"],
        &["simulate", "--seeds", "0"],
        &["simulate", "--shard", "3/2"],
        &["simulate", "--shard", "half"],
        &["explore", "zab", "--address", "here"],
        &["check", "zab", "--variant", "herd"],
        &["check", "lock", "--variant", "hoard"],
        &["check", "lock", "--servers", "3"],
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

/// What every subcommand says at once, so that it can be told where nothing can be written.
const SPEAKING: [&[&str]; 9] = [
    &["--help"],
    &["list"],
    &["bugs", "--list"],
    &["necessity", "--list"],
    &["scenario", "scenarios/startup.txt"],
    &["simulate", "--seeds", "1", "--steps", "10"],
    &["trace", "zab", "--servers", "1"],
    &["check", "zab", "--servers", "1"],
    &["check", "zab", "--servers", "1", "--json"],
];

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_told_in_a_sentence_with_exit_code_1() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    for arguments in SPEAKING {
        let mut command = Command::new(env!("CARGO_BIN_EXE_model"));
        let output = command.args(arguments).stdout(full()).output().expect("the command starts");
        let sentence = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {sentence}");
        assert!(sentence.contains("error: standard output cannot be written: No space left"), "{sentence}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_model"));
        let output = command.args(arguments).stdout(Stdio::null()).stderr(full()).output().expect("the command starts");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn what_the_bounds_leave_no_room_for_is_not_told_as_a_violation() {
    let alike = model(&["check", "election", "--histories", "1", "--crashes", "0"]);
    let words = text(&alike.stdout);
    assert_eq!(alike.status.code(), Some(0), "{words}");
    assert!(words.contains("ElectedIsRecent: not the most recent is not reached within these bounds"), "{words}");
    assert!(words.ends_with("Every property holds, but 1 claim is not reached within these bounds.\n"), "{words}");
    assert!(!words.contains("does not hold"), "{words}");
    let idle = model(&["check", "zab", "--liveness", "--elections", "1", "--transactions", "0"]);
    let words = text(&idle.stdout);
    assert_eq!(idle.status.code(), Some(1), "{words}");
    assert!(words.contains("is not reached within these bounds: all elections of the oracle are held"), "{words}");
    assert!(words.contains("model explore zab") && words.contains(" --liveness`, then open"), "{words}");
    assert!(words.contains("here it stays: the oracle has held all its elections"), "{words}");
    assert!(!words.contains("NOT LIVE") && !words.contains("NOT everything holds"), "{words}");
}

#[test]
fn what_is_expected_to_fail_is_no_fault() {
    let output = model(&["check", "two-phase-commit"]);
    let words = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{words}");
    assert!(words.contains("0, the coordinator, is gone for good"), "{words}");
    assert!(words.contains("L nobody stays in doubt EXPECTED: BLOCKS"), "{words}");
    assert!(words.ends_with("Every property holds, but for 1 that fails as expected.\n"), "{words}");
    let planted = model(&["check", "two-phase-commit", "--variant", "loses-patience"]);
    let words = text(&planted.stdout);
    assert_eq!(planted.status.code(), Some(1), "{words}");
    assert!(words.contains(" loses patience") && words.ends_with("NOT everything holds.\n"), "{words}");
}

#[test]
fn a_run_can_be_asked_for_with_one_of_its_engines() {
    let output = model(&["check", "--run", "zab-counter", "--engine", "stateright"]);
    let words = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{words}");
    assert_eq!(words.lines().filter(|line| line.starts_with("| zab-counter ")).count(), 1, "{words}");
    assert!(words.contains("| stateright |"), "{words}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_a_check_with_what_was_explored() {
    for signal in ["INT", "TERM"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_model"));
        let arguments = ["check", "ensemble", "--crashes", "2", "--breaks", "2", "--json"];
        let child = command.args(arguments).stdout(Stdio::piped()).spawn().expect("the command starts");
        // The handler stands before the first state is explored; until then the signal would simply end the process.
        let handles = |status: String| {
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or_default();
            u64::from_str_radix(caught.trim(), 16).is_ok_and(|mask| mask & (1 << 14) != 0 && mask & (1 << 1) != 0)
        };
        let status = format!("/proc/{}/status", child.id());
        while !std::fs::read_to_string(&status).is_ok_and(handles) {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        assert!(sent.expect("there is kill").success());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(1), "{signal}");
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!((&json["runs"][0]["complete"], &json["runs"][0]["reason"]), (&false.into(), &"interrupted".into()));
    }
}

#[test]
fn the_catalogue_is_listed_for_machines_and_by_numbers() {
    let output = model(&["bugs", "--list", "--json", "4643"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let [bug] = json["bugs"].as_array().expect("bugs").as_slice() else { panic!("one bug: {json}") };
    assert_eq!(bug["id"], "ZOOKEEPER-4643");
    for field in ["mutation", "breaks", "check", "note"] {
        assert!(!bug[field].is_null(), "{field} in {bug}");
    }
}

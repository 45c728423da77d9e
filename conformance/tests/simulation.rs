//! The simulated server: as specified under faults, the same for the same seed, and found out when it has a defect.
//!
//! More seeds: `conformance simulate --seeds 1000`.

use conformance::simulation::command::{FAULTS, play, schedule};
use conformance::simulation::schedule::Schedule;
use conformance::simulation::{Defect, Run, run, shrink};
use zab::trace::Event;
use zab::{Input, Message, Write};

fn played(seed: u64) -> Run {
    run(&schedule(seed, None, None, FAULTS), None).expect("a run")
}

#[test]
fn servers_are_as_specified_under_faults() {
    let total = play(1..61, 2, |seed| schedule(seed, None, None, FAULTS), None).map_err(|(schedule, error)| {
        panic!("{schedule}fails: {error}");
    });
    let total = total.unwrap_or_default();
    assert!(total.runs == 60 && total.epochs > 120 && total.transactions > 2000, "{total:?}");
    assert_eq!(total.clients.undecided, 0);
}

/// What counts is there: every way to bring a learner up to date, and torn disks.
#[test]
fn the_faults_lead_to_every_way_of_recovery() {
    let mut found = std::collections::BTreeMap::<&str, usize>::new();
    for seed in 1..=40 {
        let run = played(seed);
        *found.entry("a full disk").or_default() += run.stops;
        for entry in run.recording.servers.values().flatten() {
            let name = match &entry.event {
                Event::Stepped { input: Input::Receive(_, Message::Diff(_)), .. } => "DIFF",
                Event::Stepped { input: Input::Receive(_, Message::Trunc(_)), .. } => "TRUNC",
                Event::Stepped { input: Input::Receive(_, Message::Snap(_)), .. } => "SNAP",
                Event::Stepped { input: Input::Receive(_, Message::Inform(_)), .. } => "INFORM",
                Event::Stepped { input: Input::Recalled(_, older), .. } if !older.log().is_empty() => "the log",
                Event::Stepped { input: Input::Timeout(_), .. } => "a timer",
                Event::Stepped { input: Input::Disconnected(_), .. } => "a broken connection",
                Event::Flushed { write: Write::Snapshot(_), .. } => "a snapshot",
                Event::Crashed => "a crash",
                _ => continue,
            };
            *found.entry(name).or_default() += 1;
        }
    }
    let ways = ["DIFF", "TRUNC", "SNAP", "INFORM", "the log", "a timer", "a broken connection", "a snapshot"];
    let ways = ways.iter().chain(&["a crash", "a full disk"]);
    assert!(ways.into_iter().all(|way| found.get(way).is_some_and(|times| *times >= 3)), "{found:?}");
}

#[test]
fn a_seed_does_the_same_again() {
    let prints: Vec<u64> = (1..=6).map(|seed| played(seed).fingerprint()).collect();
    let again: Vec<u64> = (1..=6).map(|seed| played(seed).fingerprint()).collect();
    assert_eq!(prints, again);
    assert!(prints.windows(2).all(|pair| pair[0] != pair[1]), "other seeds do something else");
}

/// Finds a planted defect, shortens the schedule, and plays what is left again.
fn found(defect: Defect) -> (Schedule, String) {
    let failed = |seed: u64| play(seed..seed + 1, 1, |seed| schedule(seed, Some(3), Some(0), 12), Some(defect)).err();
    let (schedule, error) = (1..=60).find_map(failed).unwrap_or_else(|| panic!("{defect:?} is not found"));
    let why = |schedule: &Schedule| run(schedule, Some(defect)).map_or_else(Some, |run| run.verdict.err());
    assert_eq!(why(&schedule).as_deref(), Some(error.as_str()), "it fails again, in the same way");
    let shortest = shrink(&schedule, 60, |tried| why(tried).is_some());
    assert!(shortest.faults.len() < schedule.faults.len(), "{shortest}");
    let why = why(&shortest).unwrap_or_else(|| panic!("what is left fails:\n{shortest}"));
    (shortest, why)
}

#[test]
fn an_acknowledgement_before_its_sync_is_found() {
    let (_, why) = found(Defect::AckBeforeSync);
    assert!(why.contains("before what this waits for was durable"), "{why}");
}

#[test]
fn messages_out_of_order_are_found() {
    let (_, why) = found(Defect::Reordered);
    assert!(why.contains("received what was not sent"), "{why}");
}

#[test]
fn a_history_that_was_not_cut_is_found() {
    let (shortest, why) = found(Defect::TruncateForgotten);
    assert!(!shortest.faults.is_empty(), "without a fault nothing is cut");
    // It is found when the disk is read again, or when what comes instead is logged behind what should be gone.
    assert!(why.contains("disk") || why.contains("cannot be logged after"), "{why}");
}

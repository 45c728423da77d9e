//! The models of uses: what is right holds, with the same counts by both engines; every planted mistake is caught.

use model::checkable::{Checkable, Told};
use model::cli::verdict::Word;
use model::engine::{Completion, Progress, Settings, explore};
use model::recipes::lock::{self, Lock};
use model::recipes::registry::{self, Registry};
use model::recipes::tale::Tale;
use model::recipes::two_phase_commit::{self as commit, TwoPhaseCommit};
use model::runner::{Engine, run};

/// Explores to the end; everything holds but what the model is to show, and both engines count the same.
fn check<M: Checkable>(model: &M) {
    let mut counted = Vec::new();
    for engine in [Engine::Graph, Engine::Stateright] {
        let outcome = run("pinned", model, engine, &Settings::default(), &Progress::new()).expect("the model is sound");
        let failed = outcome.verdicts().filter(|(_, finding)| !matches!(finding.word, Word::Holds | Word::Shown));
        let failed: Vec<_> = failed.map(|(verdict, finding)| (&verdict.name, finding)).collect();
        let told: Vec<_> = failed.iter().filter_map(|(_, finding)| Some(finding.story.as_ref()?.text())).collect();
        assert!(failed.is_empty(), "{failed:?}\n{}", told.join("\n"));
        assert_eq!(outcome.report.completion, Completion::Exhausted);
        counted.push((outcome.report.distinct, outcome.report.generated));
    }
    println!("{}: {counted:?}", model.bounds());
    assert_eq!(counted[0], counted[1], "{}", model.bounds());
}

/// The planted mistake breaks this claim; how, in words.
fn caught<M: Checkable>(model: &M, claim: &str) -> String {
    let settings = Settings { liveness: true, stop_at_first: false, ..Settings::default() };
    let report = explore(model, &settings, &Progress::new()).expect("the model is sound");
    let verdict = report.verdict(claim).expect("there is such a claim");
    assert!(!verdict.holds && verdict.decided, "{claim} holds in {}", model.bounds());
    model.tell(verdict, Word::plain(verdict, false)).expect("there is a counterexample").text()
}

fn lock(variant: lock::Variant) -> Lock {
    Lock { variant, ..Lock::default() }
}

fn commit(variant: commit::Variant) -> TwoPhaseCommit {
    TwoPhaseCommit { variant, ..TwoPhaseCommit::default() }
}

#[test]
fn a_lock_of_three() {
    check(&lock(lock::Variant::Queue));
}

#[test]
fn a_lock_of_three_that_is_a_herd() {
    check(&lock(lock::Variant::Herd));
}

#[test]
fn a_registry_with_two_servers() {
    check(&Registry::default());
}

#[test]
fn a_classic_commit_blocks_and_is_atomic() {
    check(&commit(commit::Variant::Classic));
}

#[test]
fn a_classic_commit_whose_coordinator_returns() {
    check(&commit(commit::Variant::ClassicReturns));
}

#[test]
fn a_commit_in_zabs_form_does_not_block() {
    check(&commit(commit::Variant::Zab));
}

const SERVED: &str = "L everyone who waits is served";

#[test]
fn mistakes_in_a_lock_are_caught() {
    let calm = |variant| Lock { expiries: 0, breaks: 0, ..lock(variant) };
    caught(&calm(lock::Variant::WatchesBehind), SERVED);
    caught(&calm(lock::Variant::WaitsForNobody), SERVED);
    caught(&Lock { breaks: 0, ..lock(lock::Variant::TrustsTheWakeUp) }, "MutualExclusion");
    caught(&Lock { contenders: 1, expiries: 0, ..lock(lock::Variant::CreatesTwice) }, SERVED);
    let story = caught(&Lock { contenders: 2, breaks: 0, ..lock(lock::Variant::Unfenced) }, "FencedInOrder");
    assert!(story.contains("session expires") && story.contains("'s write arrives"), "{story}");
}

#[test]
fn mistakes_in_a_registry_are_caught() {
    let planted = |variant| Registry { variant, ..Registry::default() };
    caught(&planted(registry::Variant::MovesBackwards), "LostStaysLost");
    caught(&planted(registry::Variant::MovesBackwards), "NewIsYounger");
    caught(&Registry { moves: 0, ..planted(registry::Variant::WatchesLater) }, "L the cache is who is there");
}

#[test]
fn mistakes_in_a_commit_are_caught() {
    caught(&commit(commit::Variant::VotesEarly), "DoneNeedsVotes");
    caught(&commit(commit::Variant::NoRedoNoUndo), "PageFollowsDecision");
    caught(&commit(commit::Variant::ForgetsTheLatest), "Atomicity");
}

/// The counterexample of which the chapter tells: everyone who is left has voted yes, and nobody knows.
#[test]
fn blocking_is_told_as_a_story() {
    let model = TwoPhaseCommit { crashes: 0, ..TwoPhaseCommit::default() };
    let settings = Settings { liveness: true, ..Settings::default() };
    let report = explore(&model, &settings, &Progress::new()).expect("the model is sound");
    let verdict = report.verdict("L nobody stays in doubt").expect("there is such a goal");
    let story = Tale::of(&model, verdict).expect("a path").text();
    assert!(story.contains("the coordinator, process 0, is gone for good") && story.contains("in doubt"), "{story}");
    assert!(story.ends_with("nothing that is owed can happen any more\n"), "{story}");
}

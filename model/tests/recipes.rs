//! The models of uses: every planted mistake is caught by the claim that is there for it, with a counterexample that
//! can be read, and what is to be seen of the blocking is seen. What is right is counted in `counts`.

use model::checkable::{Checkable, Told};
use model::cli::verdict::Word;
use model::engine::{Progress, Settings, explore};
use model::recipes::lock::{Lock, Variant as Locked};
use model::recipes::registry::{Registry, Variant as Registered};
use model::recipes::tale::Tale;
use model::recipes::two_phase_commit::{TwoPhaseCommit, Variant as Committed};
use model::recipes::{Setting, Use};

/// Explores all of a model in which a mistake is planted. It breaks this claim: how, in words, step by step.
fn caught<M: Checkable>(model: &M, claim: &str) -> String {
    // With one thread the story is always the same.
    let settings = Settings { threads: 1, liveness: true, stop_at_first: false, ..Settings::default() };
    let report = explore(model, &settings, &Progress::new()).expect("the model is sound");
    let verdict = report.verdict(claim).expect("there is such a claim");
    assert!(!verdict.holds && verdict.decided, "{claim} holds in {}", model.bounds());
    model.tell(verdict, Word::plain(verdict, None)).expect("there is a counterexample").text()
}

/// The story has these in it, in this order.
fn tells(story: &str, parts: &[&str]) {
    let mut rest = story;
    for part in parts {
        let Some(at) = rest.find(part) else { panic!("`{part}` is not told, or too early:\n{story}") };
        rest = &rest[at + part.len()..];
    }
}

const SERVED: &str = "L everyone who waits is served";

#[test]
fn who_watches_the_wrong_node_is_never_woken() {
    let story = caught(&Lock::of(Locked::WatchesBehind), SERVED);
    tells(&story, &["c0 believes to hold", "watch c2", "here it can stay for ever"]);
}

#[test]
fn who_waits_where_there_is_nothing_to_watch_is_never_woken() {
    let story = caught(&Lock::of(Locked::WaitsForNobody), SERVED);
    tells(&story, &["c0 has given the lock back", "there is nothing to watch", "c1 waits", "here it can stay"]);
}

#[test]
fn who_does_not_look_after_its_create_shares_the_lock() {
    let story = caught(&Lock::of(Locked::LooksBeforeCreate), "MutualExclusion");
    tells(&story, &["is created", "believes to hold the lock", "is created", "believes to hold the lock"]);
}

#[test]
fn who_trusts_the_wake_up_shares_the_lock() {
    let story = caught(&Lock::of(Locked::TrustsTheWakeUp), "MutualExclusion");
    tells(&story, &["session expires", "what you watched is gone", "believes to hold the lock"]);
}

#[test]
fn who_creates_twice_waits_for_itself() {
    let story = caught(&Lock::of(Locked::CreatesTwice), SERVED);
    tells(&story, &["the queue: c0-lock-0000000000", "connection breaks", "c0-lock-0000000001", "c0 waits"]);
}

#[test]
fn without_a_fence_an_expired_holder_writes() {
    let story = caught(&Lock::of(Locked::Unfenced), "FencedInOrder");
    tells(&story, &["session expires", "c1's write arrives", "c0's write arrives", "after one with a higher token"]);
}

#[test]
fn a_consumer_that_moves_backwards_sees_the_lost_return() {
    let model = Registry::of(Registered::MovesBackwards);
    let story = caught(&model, "LostStaysLost");
    tells(&story, &["the cache shows p1", "moves to the follower", "the cache shows nobody", "the cache shows p1"]);
    let story = caught(&model, "NewIsYounger");
    tells(&story, &["the cache shows p", "moves to the follower", "the follower applies", "the cache shows p1"]);
}

#[test]
fn a_watch_that_is_set_later_misses_a_change() {
    let story = caught(&Registry::of(Registered::WatchesLater), "L the cache is who is there");
    tells(&story, &["lists for the consumer", "applies", "sets the consumer's watch", "here it can stay for ever"]);
}

#[test]
fn a_vote_that_is_not_logged_is_not_there_after_a_crash() {
    let model = TwoPhaseCommit::of(Committed::VotesEarly);
    caught(&model, "DoneNeedsVotes");
    let forgotten = TwoPhaseCommit::of(Committed::ForgetsItsVote);
    tells(&caught(&forgotten, "PageFollowsLog"), &["vote yes", "crashes", "has heard of nothing"]);
    caught(&model, "PageFollowsLog");
}

#[test]
fn a_decision_that_is_not_logged_is_another_after_a_crash() {
    let story = caught(&TwoPhaseCommit::of(Committed::DecidesEarly), "Atomicity");
    tells(&story, &["it is done", "0 crashes", "0 knows that it is not done"]);
}

#[test]
fn who_is_in_doubt_must_not_lose_patience() {
    let story = caught(&TwoPhaseCommit::of(Committed::LosesPatience), "Atomicity");
    tells(&story, &["vote yes", "loses patience", "knows that it is not done", "0 knows that it is done"]);
}

#[test]
fn a_page_needs_its_log() {
    let story = caught(&TwoPhaseCommit::of(Committed::PagesEarly), "PageFollowsLog");
    tells(&story, &["0 writes its page", "0 crashes", "has heard of nothing, but its part is done"]);
    let story = caught(&TwoPhaseCommit::of(Committed::NoRedoNoUndo), "PageFollowsLog");
    tells(&story, &["0 writes its page", "0 crashes", "0 knows that it is not done, but its own part is"]);
}

#[test]
fn a_new_epoch_must_ask_what_others_have_accepted() {
    let story = caught(&TwoPhaseCommit::of(Committed::ForgetsTheLatest), "Atomicity");
    tells(&story, &["knows that it is done", "begins epoch 2", "propose nothing", "knows that it is not done"]);
}

#[test]
fn who_follows_a_new_epoch_accepts_nothing_of_an_older() {
    let story = caught(&TwoPhaseCommit::of(Committed::BreaksItsPromise), "Atomicity");
    tells(&story, &["0 begins", "begins epoch 2", "propose nothing (epoch 2)"]);
    assert!(story.contains("0 knows that it is done") && story.contains("1 knows that it is not done"), "{story}");
}

/// The counterexample of which the chapter tells: everyone who is left has voted yes, and nobody knows.
#[test]
fn the_classic_commit_blocks_when_its_coordinator_dies_after_the_votes() {
    let story = caught(&TwoPhaseCommit::of(Committed::Classic), "L nobody stays in doubt");
    tells(&story, &["1 -> 0: vote yes", "2 -> 0: vote yes", "0, the coordinator, is gone for good"]);
    tells(&story, &["gone for good", "what follows repeats for ever", "1 -> 2: what came of it?", "and again from"]);
}

/// The same death does not block Zab's form, though a process can be in doubt there, too.
#[test]
fn zabs_form_does_not_block() {
    let model = TwoPhaseCommit::of(Committed::Zab);
    let settings = Settings { threads: 1, liveness: true, ..Settings::default() };
    let report = explore(&model, &settings, &Progress::new());
    let report = report.expect("the model is sound");
    assert!(report.verdict("L nobody stays in doubt").is_some_and(|verdict| verdict.holds && verdict.decided));
    let doubt = report.verdict("Atomicity: one knows, another is in doubt").expect("there is such a claim");
    let told = Tale::of(&model, doubt).expect("a witness").text();
    tells(&told, &["is in doubt", "knows that it is done"]);
}

#[test]
fn every_variant_has_a_name_and_a_sentence() {
    for name in Use::ALL {
        for (variant, what) in Setting::variants(name) {
            assert!(!what.is_empty(), "{variant}");
            Setting::of(name, Some(&variant)).expect("it is known by its name");
        }
        assert!(Setting::of(name, Some("nonsense")).is_err());
    }
}

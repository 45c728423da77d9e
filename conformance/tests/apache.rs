//! Apache's server in the stories: it says what is specified, or what is known to differ; and a specification that said
//! something else would be found out.

use conformance::apache::{Note, Verdict, class_path, play, play_altered};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use zab::trace::Event;
use zab::{Input, Message, ServerId, Zxid};

/// One of Java's machines at a time, or waits of its own end before a story goes on.
static TURN: Mutex<()> = Mutex::new(());

/// `None`, and a sentence for whoever runs the tests, where there is no Apache ZooKeeper.
fn turn() -> Option<MutexGuard<'static, ()>> {
    match class_path() {
        Ok(_) => Some(TURN.lock().unwrap_or_else(PoisonError::into_inner)),
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "apache: skipped, there is no Apache ZooKeeper: {why}");
            None
        }
    }
}

fn story(name: &str) -> String {
    let folders = ["scenarios", "../model/scenarios"].map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    let path = folders.iter().map(|folder| folder.join(format!("{name}.txt"))).find(|path| path.exists());
    std::fs::read_to_string(path.unwrap_or_else(|| panic!("there is no story {name}"))).expect("it can be read")
}

/// The machine may be so busy that a wait of Apache's ends before the story goes on: then once more.
fn verdict(name: &str, java: u8) -> Verdict {
    let told = || play(&story(name), ServerId(java)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let untold =
        |verdict: &Verdict| matches!(verdict, Verdict::Untold(why) if why.contains("before the story went on"));
    (0..5).map(|_| told()).find(|verdict| !untold(verdict)).unwrap_or_else(told)
}

#[test]
fn apaches_server_says_what_is_specified() {
    let Some(_turn) = turn() else { return };
    // As a learner that starts with others, that comes late, that is cut, that gets a tree; and as a leader.
    let stories = [
        ("startup", 1),
        ("late-joiner", 1),
        ("sync-trunc-open", 1),
        ("sync-snap-open", 1),
        ("skipped-stays-away", 1),
        ("weightless", 1),
        ("observer-election", 1),
        ("bug-2959", 3),
        ("observer-writes", 3),
    ];
    for (name, java) in stories {
        match verdict(name, java) {
            Verdict::Agrees { messages, .. } => assert!(messages >= 5, "{name}: {messages} messages are not much"),
            other => panic!("{name} with s{java} as Apache's: {other:?}"),
        }
    }
}

#[test]
fn known_differences_are_told_by_name() {
    let Some(_turn) = turn() else { return };
    for (name, java, note) in [
        ("sync-trunc-to-nothing", 1, Note::CutsTooLittle),
        ("epoch-behind-log", 1, Note::RefusesEpoch),
        ("bug-5094", 1, Note::NeverLogs),
        ("bug-4040", 3, Note::LeavesBehind),
    ] {
        assert_eq!(verdict(name, java), Verdict::Known(note), "{name}");
    }
    // Behind this one the story goes on.
    match verdict("bug-1136", 3) {
        Verdict::Agrees { notes, .. } => assert!(notes.contains(&Note::SendsTrees), "{notes:?}"),
        other => panic!("bug-1136: {other:?}"),
    }
    assert!(matches!(verdict("end-of-epoch", 1), Verdict::Untold(_)));
}

/// The story with a specification that is otherwise.
fn otherwise(name: &str, alter: fn(ServerId, &mut Event)) -> String {
    match play_altered(&story(name), ServerId(1), alter) {
        Ok(Verdict::Differs { what, .. }) => what,
        other => panic!("{name}: nobody saw it: {other:?}"),
    }
}

#[test]
fn a_specification_that_says_something_else_is_found_out() {
    let Some(_turn) = turn() else { return };
    // It would acknowledge another transaction.
    let what = otherwise("late-joiner", |_, event| {
        if let Event::Stepped { input: Input::Receive(_, Message::Ack(zxid)), .. } = event
            && zxid.counter() != 0
        {
            *zxid = Zxid(zxid.0 + 1);
        }
    });
    assert!(what.contains("specified: ACK"), "{what}");
    // It would say on the election port that it follows somebody else.
    let what = otherwise("startup", |id, event| {
        if let Event::Stepped { input: Input::Receive(ServerId(1), Message::Notification(said)), .. } = event
            && id != ServerId(1)
            && let Some(vote) = &mut said.vote
        {
            vote.peer_epoch.0 += 1;
            said.round.0 += 1;
        }
    });
    assert!(what.contains("NOTIFICATION"), "{what}");
}

#[test]
fn a_message_that_never_came_is_missed() {
    let Some(_turn) = turn() else { return };
    // Apache's server is not told of a proposal that the specification logs and acknowledges.
    let what = otherwise("late-joiner", |id, event| {
        if let Event::Stepped { input, .. } = event
            && id == ServerId(1)
            && matches!(input, Input::Receive(_, Message::Proposal(txn)) if txn.zxid.counter() == 2)
        {
            *input = Input::Receive(ServerId(3), Message::Ping(0));
        }
    });
    assert!(what.contains("specified: ACK") || what.contains("its disk"), "{what}");
}

//! Histories of clients: as they were under faults, tampered with, and told by hand. Every promise has a defect that
//! only its own check must find.

use conformance::histories::{Answer, Broken, Entry, History, Operation, Questions, What, check, linear};
use conformance::simulation;
use conformance::simulation::command::schedule;
use zab::Zxid;
use zab::tree::SessionId;

/// What clients saw in a run with faults, which keeps every promise.
fn recorded(seed: u64) -> History {
    let run = simulation::run(&schedule(seed, Some(3), None, 8), None).expect("a run");
    run.verdict.expect("as specified");
    run.history
}

/// Looks at a history after it was changed.
fn judge(seed: u64, change: impl FnOnce(&mut Vec<Entry>)) -> Result<(), Broken> {
    let mut history = recorded(seed);
    change(&mut history.entries);
    check(&history).map(drop)
}

fn promise(judged: Result<(), Broken>) -> &'static str {
    judged.expect_err("it is found").promise
}

/// The places of what this looks for.
fn places(entries: &[Entry], is: impl Fn(&What) -> bool) -> Vec<usize> {
    entries.iter().enumerate().filter(|(_, entry)| is(&entry.what)).map(|(place, _)| place).collect()
}

// ---- Recorded histories -------------------------------------------------------------------------------------------

#[test]
fn what_clients_saw_under_faults_keeps_every_promise() {
    for seed in 1..=10 {
        let report = check(&recorded(seed)).expect("every promise");
        assert!(report.answers > 60 && report.linearized > 20 && report.undecided == 0, "{report:?}");
        assert!(report.events > 5 && report.over > 0, "{report:?}");
    }
}

#[test]
fn a_lost_write_is_found() {
    // Somebody reads what was written, from some moment on as it was before: the write is not there any more.
    let lost = judge(3, |entries| {
        let values = |entry: &Entry| match &entry.what {
            What::Answered(_, _, Answer::Value(value, mzxid)) => Some((*value, *mzxid)),
            _ => None,
        };
        let (first, last) = {
            let read: Vec<_> = entries.iter().filter_map(values).filter(|(value, _)| *value > 0).collect();
            (read[0], read[read.len() - 1])
        };
        let place = entries.iter().rposition(|entry| values(entry) == Some(last)).expect("it was read");
        if let What::Answered(_, _, answer) = &mut entries[place].what {
            *answer = Answer::Value(first.0, first.1);
        }
    });
    assert!(["one history", "never back"].contains(&promise(lost)));
}

#[test]
fn a_missed_watch_is_found() {
    let events = places(&recorded(4).entries, |what| matches!(what, What::Changed(_)));
    let found = events.iter().filter(|place| {
        let judged = judge(4, |entries| drop(entries.remove(**place)));
        judged.is_err_and(|broken| broken.promise == "watch")
    });
    // Of the others the client never came to see the change: it lost its session, or the run was over.
    let (found, all) = (found.count(), events.len());
    assert!(found > 0 && 2 * found > all, "{found} of {all}");
}

#[test]
fn an_ephemeral_znode_that_survives_or_comes_again_is_found() {
    let history = recorded(5);
    let listings = places(&history.entries, |what| matches!(what, What::Answered(_, _, Answer::Names(_))));
    let names = |place: usize| match &history.entries[place].what {
        What::Answered(_, _, Answer::Names(names)) => names.clone(),
        _ => Vec::new(),
    };
    let is_ephemeral = |name: &&String| name.starts_with('e');
    let shown = listings.iter().find_map(|place| names(*place).iter().find(is_ephemeral).cloned()).expect("one");
    let last = *listings.last().expect("the auditor's");
    assert!(!names(last).contains(&shown), "all sessions are over");
    let survivor = judge(5, |entries| {
        let What::Answered(_, _, Answer::Names(names)) = &mut entries[last].what else { return };
        names.push(shown.clone());
    });
    assert_eq!(promise(survivor), "ephemeral");
}

#[test]
fn an_order_that_is_broken_is_found() {
    let history = recorded(6);
    let answers = places(&history.entries, |what| matches!(what, What::Answered(..)));
    let next = |pair: &&[usize]| history.entries[pair[0]].client == history.entries[pair[1]].client;
    let pair = answers.windows(2).find(next).expect("two answers to one client");
    assert_eq!(promise(judge(6, |entries| entries.swap(pair[0], pair[1]))), "order");
    let back = judge(6, |entries| {
        let last = *answers.last().expect("answers");
        if let What::Answered(_, zxid, _) = &mut entries[last].what {
            *zxid = Zxid(1);
        }
    });
    assert_eq!(promise(back), "never back");
}

// ---- Told by hand -------------------------------------------------------------------------------------------------

const KEY: &str = "/k0";

/// Writes down what clients do, each with the next number.
#[derive(Default)]
struct Teller {
    history: History,
    xid: i32,
}

impl Teller {
    fn note(&mut self, client: usize, what: What) {
        self.history.note(client, what);
    }

    fn open(&mut self, client: usize) {
        self.note(client, What::Opened(SessionId(client as i64)));
    }

    fn ask(&mut self, client: usize, operation: Operation) -> i32 {
        self.xid += 1;
        self.note(client, What::Asked(self.xid, operation));
        self.xid
    }

    fn answer(&mut self, client: usize, xid: i32, zxid: u64, answer: Answer) {
        self.note(client, What::Answered(xid, Zxid(zxid), answer));
    }

    fn set(&mut self, client: usize, number: u64, zxid: u64) {
        let xid = self.ask(client, Operation::Set(KEY.to_owned(), client as u64 * 1_000_000 + number));
        self.answer(client, xid, zxid, Answer::Done);
    }

    /// A read behind a sync, at a server that has come to `zxid`.
    fn read(&mut self, client: usize, zxid: u64, (value, mzxid): (u64, u64)) {
        let sync = self.ask(client, Operation::Sync);
        let get = self.ask(client, Operation::Get(KEY.to_owned(), false));
        self.answer(client, sync, zxid, Answer::Done);
        self.answer(client, get, zxid, Answer::Value(value, Zxid(mzxid)));
    }

    fn list(&mut self, client: usize, zxid: u64, names: &[&str]) {
        let xid = self.ask(client, Operation::List);
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        self.answer(client, xid, zxid, Answer::Names(names));
    }
}

/// Two clients with a session each.
fn two() -> Teller {
    let mut teller = Teller::default();
    (1..=2).for_each(|client| teller.open(client));
    teller
}

#[test]
fn a_stale_read_after_a_sync_is_found() {
    let mut fresh = two();
    fresh.set(1, 1, 5);
    fresh.read(2, 5, (1_000_001, 5));
    assert_eq!(check(&fresh.history).map(|report| report.linearized), Ok(2));
    // At a server that lags: every state that it shows is one that there was, and no session sees one go back.
    let mut stale = two();
    stale.set(1, 1, 5);
    stale.read(2, 4, (0, 1));
    assert_eq!(promise(check(&stale.history).map(drop)), "linearizable");
}

#[test]
fn a_write_whose_answer_was_lost_may_have_happened_or_not() {
    let lost = |read: (u64, u64)| {
        let mut teller = two();
        teller.ask(1, Operation::Set(KEY.to_owned(), 1_000_001));
        teller.note(1, What::Closed);
        teller.read(2, 9, (0, 1));
        teller.read(2, 9, read);
        check(&teller.history).map(drop)
    };
    assert_eq!(lost((0, 1)), Ok(()));
    let mut later = two();
    later.ask(1, Operation::Set(KEY.to_owned(), 1_000_001));
    later.note(1, What::Closed);
    later.read(2, 8, (0, 1));
    later.read(2, 9, (1_000_001, 9));
    assert_eq!(check(&later.history).map(drop), Ok(()));
    later.read(2, 9, (0, 1));
    assert!(check(&later.history).is_err(), "it happened, and is not undone");
}

#[test]
fn where_the_witness_fails_an_order_is_looked_for_within_a_bound() {
    // The transactions' numbers are wrong, but there is an order: both are written at once.
    let tell = || {
        let mut teller = two();
        let first = teller.ask(1, Operation::Set(KEY.to_owned(), 1_000_001));
        let second = teller.ask(2, Operation::Set(KEY.to_owned(), 2_000_001));
        teller.answer(1, first, 5, Answer::Done);
        teller.answer(2, second, 6, Answer::Done);
        teller.read(2, 6, (1_000_001, 5));
        teller.history
    };
    let history = tell();
    let questions = Questions::of(&history).expect("in order");
    assert_eq!(linear::check(&history, &questions, linear::BUDGET), Ok((3, 0)));
    assert_eq!(linear::check(&history, &questions, 1), Ok((0, 1)), "told as undecided");
    assert_eq!(promise(check(&history).map(drop)), "never back", "all the same, the numbers are wrong");
}

#[test]
fn ephemeral_znodes_end_once() {
    let tell = |there: [&[&str]; 3]| {
        let mut teller = two();
        let xid = teller.ask(1, Operation::Create("e1-1".to_owned()));
        teller.answer(1, xid, 5, Answer::Done);
        teller.list(2, 6, there[0]);
        teller.note(1, What::Closed);
        teller.list(2, 7, there[1]);
        teller.list(2, 8, there[2]);
        check(&teller.history).map(drop)
    };
    assert_eq!(tell([&["e1-1"], &["e1-1"], &[]]), Ok(()));
    assert_eq!(promise(tell([&["e1-1"], &[], &["e1-1"]])), "ephemeral", "it comes again");
    let mut too_early = two();
    let xid = too_early.ask(1, Operation::Create("e1-1".to_owned()));
    too_early.answer(1, xid, 5, Answer::Done);
    too_early.list(2, 6, &[]);
    too_early.set(1, 1, 7);
    assert_eq!(promise(check(&too_early.history).map(drop)), "ephemeral", "its session goes on");
}

#[test]
fn writes_of_a_session_keep_their_order_even_for_others() {
    let mut teller = two();
    let first = teller.ask(1, Operation::Set(KEY.to_owned(), 1_000_001));
    teller.ask(1, Operation::Set(KEY.to_owned(), 1_000_002));
    teller.answer(1, first, 6, Answer::Done);
    teller.note(1, What::Closed);
    // The second, of which nobody knows, came before the first.
    let get = teller.ask(2, Operation::Get(KEY.to_owned(), false));
    teller.answer(2, get, 5, Answer::Value(1_000_002, Zxid(5)));
    assert_eq!(promise(check(&teller.history).map(drop)), "order");
}

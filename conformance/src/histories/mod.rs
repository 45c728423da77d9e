//! What clients saw while servers failed, and whether they were promised it.
//!
//! A history is one list of what all clients asked and were answered, in an order that time allows: what was answered
//! before something else was asked stands before it. Simulated servers and real processes are asked by the same
//! [`Client`], byte for byte.
//!
//! | module | promises |
//! |---|---|
//! | [`sessions`] | answers in the order of questions; a session never sees the state go back, and sees its writes |
//! | [`linear`] | all writes, and all reads behind a sync, are linearizable, key by key |
//! | [`ephemerals`] | there as long as their session, then gone once and for all |
//! | [`watches`] | the event comes before the client sees the state that it announces |
//!
//! The zxid of each answer is a witness: it says where in the one order of all transactions the answer belongs. So
//! nearly everything is decided in one pass. Only where that witness fails is there a search, by stateright's
//! [`LinearizabilityTester`](stateright::semantics::LinearizabilityTester), with a bound: what it does not decide
//! within it is told as undecided, never as fine.

mod client;
pub mod command;
pub mod ephemerals;
pub mod linear;
pub mod processes;
pub mod sessions;
pub mod watches;

pub use client::{Client, KEYS};

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use zab::Zxid;
use zab::tree::SessionId;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A key is made, with the value 0, if there is none.
    Make(String),
    /// A key is set to a value that no other write has; those of one client grow.
    Set(String, u64),
    /// `sync`.
    Sync,
    /// A key is read; perhaps a watch is left.
    Get(String, bool),
    /// The names below the root: among them all ephemeral znodes.
    List,
    /// An ephemeral znode with a name that no other has.
    Create(String),
    /// An ephemeral znode is deleted by its session.
    Delete(String),
    /// The watches of an earlier connection are set again.
    Watch(Vec<String>),
    /// The session is closed.
    Close,
}

/// What a client is answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It is done.
    Done,
    /// A key's value, and the transaction that set it.
    Value(u64, Zxid),
    /// The names below the root.
    Names(Vec<String>),
    /// Not done, by this number of an error.
    Refused(i32),
}

/// What a client did or saw.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// A server took the client's session up, or opened it.
    Opened(SessionId),
    /// Something was asked, with this number.
    Asked(i32, Operation),
    /// The question of this number was answered, by a server that had come to this transaction.
    Answered(i32, Zxid, Answer),
    /// A watched key has changed.
    Changed(String),
    /// The connection has ended. What was not answered may have happened or not, and may yet.
    Closed,
    /// The session is over, or left alone by its client. The next one has nothing to do with it.
    Over(SessionId),
}

/// One line of a history.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Which client.
    pub client: usize,
    /// What it did or saw.
    pub what: What,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client {} {:?}", self.client, self.what)
    }
}

/// What all clients did and saw, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct History {
    /// Oldest first.
    pub entries: Vec<Entry>,
}

impl History {
    /// A client did or saw something now.
    pub fn note(&mut self, client: usize, what: What) {
        self.entries.push(Entry { client, what });
    }
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{promise}: {sentence} (entry {entry})")]
pub struct Broken {
    /// Which promise, in a word.
    pub promise: &'static str,
    /// What happened.
    pub sentence: String,
    /// Where in the history, from 0.
    pub entry: usize,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Answers.
    pub answers: usize,
    /// Writes and reads behind a sync whose linearizability was decided.
    pub linearized: usize,
    /// Keys of which it could not be decided within the bound.
    pub undecided: usize,
    /// Events of watches.
    pub events: usize,
    /// Ephemeral znodes that were seen.
    pub ephemerals: usize,
    /// Sessions that were over before the end.
    pub over: usize,
}

impl Report {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Report) -> Report {
        Report {
            answers: self.answers + other.answers,
            linearized: self.linearized + other.linearized,
            undecided: self.undecided + other.undecided,
            events: self.events + other.events,
            ephemerals: self.ephemerals + other.ephemerals,
            over: self.over + other.over,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { answers, linearized, undecided, events, ephemerals, over } = self;
        write!(
            f,
            "{answers} answers; {linearized} writes and synced reads linearizable, {undecided} keys undecided; \
             {events} events; {ephemerals} ephemeral znodes; {over} sessions over"
        )
    }
}

/// Looks at every promise.
///
/// # Errors
/// With the first that is broken.
pub fn check(history: &History) -> Result<Report, Broken> {
    let asked = Questions::of(history)?;
    let changes = sessions::changes(&asked)?;
    sessions::check(history, &asked, &changes)?;
    let (linearized, undecided) = linear::check(history, &asked, linear::BUDGET)?;
    let events = watches::check(history, &asked, &changes)?;
    let ephemerals = ephemerals::check(history, &asked)?;
    let over = history.entries.iter().filter(|entry| matches!(entry.what, What::Over(_))).count();
    let answers = asked.all.iter().filter(|question| question.answer.is_some()).count();
    Ok(Report { answers, linearized, undecided, events, ephemerals, over })
}

/// A question with what became of it.
#[derive(Clone, Debug)]
pub struct Question {
    /// Who asked.
    pub client: usize,
    /// In which session.
    pub session: SessionId,
    /// What.
    pub operation: Operation,
    /// Where in the history.
    pub asked: usize,
    /// Where in the history the answer is, what the server had come to, and the answer; `None` of what is unknown.
    pub answer: Option<(usize, Zxid, Answer)>,
    /// Where in the history a sync was asked, if that was the question before it on the same connection.
    pub behind_sync: Option<usize>,
}

/// All questions of a history, in the order in which they were asked.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    /// Oldest first.
    pub all: Vec<Question>,
    /// Which question an entry of the history asks or answers.
    pub at: BTreeMap<usize, usize>,
}

impl Questions {
    /// Puts questions and answers together.
    ///
    /// # Errors
    /// Answers that nobody waits for, or that are not the next: a session's answers keep the order of its questions.
    pub fn of(history: &History) -> Result<Questions, Broken> {
        let mut found = Questions::default();
        let mut open: BTreeMap<usize, VecDeque<(i32, usize)>> = BTreeMap::new();
        let mut sessions: BTreeMap<usize, SessionId> = BTreeMap::new();
        let mut synced: BTreeMap<usize, Option<usize>> = BTreeMap::new();
        for (entry, Entry { client, what }) in history.entries.iter().enumerate() {
            match what {
                What::Opened(session) => drop(sessions.insert(*client, *session)),
                What::Asked(xid, operation) => {
                    let sync = (*operation == Operation::Sync).then_some(entry);
                    let behind_sync = synced.insert(*client, sync).flatten();
                    let session = sessions.get(client).copied().unwrap_or_default();
                    open.entry(*client).or_default().push_back((*xid, found.all.len()));
                    found.at.insert(entry, found.all.len());
                    let (client, operation) = (*client, operation.clone());
                    let question = Question { client, session, operation, asked: entry, answer: None, behind_sync };
                    found.all.push(question);
                }
                What::Answered(xid, zxid, answer) => {
                    let next = open.entry(*client).or_default().pop_front();
                    let Some((_, place)) = next.filter(|(asked, _)| asked == xid) else {
                        let sentence =
                            format!("client {client} is answered {xid}, where {next:?} is its oldest question");
                        return Err(Broken { promise: "order", sentence, entry });
                    };
                    found.at.insert(entry, place);
                    found.all[place].answer = Some((entry, *zxid, answer.clone()));
                }
                What::Closed => {
                    open.remove(client);
                    synced.remove(client);
                }
                What::Changed(_) | What::Over(_) => {}
            }
        }
        Ok(found)
    }
}

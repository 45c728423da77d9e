//! Why a recording is not one of the specification, told with what happened before.

use crate::enabled::NotEnabled;
use crate::links::{Cause, Causes, NotSent};
use crate::merge::At;
use crate::recording::{Place, Recording};
use std::fmt;
use zab::trace::{Difference, Event};
use zab::{Output, ServerId};

/// So many of the last events are told.
pub(super) const SHOWN: usize = 24;

/// Why a recording is not one of the specification.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Whose line it is.
    pub server: ServerId,
    /// Which line.
    pub place: Place,
    /// What is wrong.
    pub fault: Fault,
    /// The events before it and its own, in the order of the merge.
    pub story: Vec<Told>,
    /// All servers.
    pub servers: Vec<ServerId>,
}

/// An event, told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whose.
    pub server: ServerId,
    /// Its line.
    pub line: usize,
    /// What came in, or happened.
    pub what: String,
    /// What the server did.
    pub then: Vec<String>,
    /// Which event of the story sent what came in.
    pub from: Option<usize>,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The specification would have done something else.
    Difference(Box<Difference>),
    /// Nothing could have brought this input.
    NotEnabled(NotEnabled),
    /// A property is violated.
    Property(&'static str),
    /// Nobody sent what was received.
    NotSent(Box<NotSent>),
    /// What was received had not been sent, or its sender's disk had not come so far: events wait for each other.
    TooEarly,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Told { server, line, what, then, .. } in &self.story {
            let column = self.servers.iter().position(|id| id == server).unwrap_or(0);
            write!(f, "{}{server}:{line} {what}", "    │".repeat(column))?;
            let mut signs = std::iter::once(" → ").chain(std::iter::repeat(", "));
            then.iter().try_for_each(|then| write!(f, "{}{then}", signs.next().unwrap_or_default()))?;
            writeln!(f)?;
        }
        write!(f, "{} ({}): {}", self.place, self.server, self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Difference(difference) => write!(f, "{difference}"),
            Fault::NotEnabled(why) => write!(f, "this could not happen: {why}"),
            Fault::Property(name) => write!(f, "{name} is violated"),
            Fault::NotSent(fault) => match &fault.next {
                Some(next) => write!(f, "received what was not sent; next on this connection is {next}"),
                None => write!(f, "received what nobody sent"),
            },
            Fault::TooEarly => write!(f, "received before it was sent, or before its sender's disk had come so far"),
        }
    }
}

impl std::error::Error for Violation {}

impl Violation {
    /// A violation at the last of these lines.
    pub(super) fn new(recording: &Recording, causes: &Causes, story: &[At], at: At, fault: Fault) -> Box<Violation> {
        let from = |(server, line): At| match causes.before.get(&server).and_then(|lines| lines.get(line)) {
            Some(Cause::Line(other, sending)) => story.iter().position(|at| *at == (*other, *sending)),
            _ => None,
        };
        let story = story.iter().map(|at| Told { from: from(*at), ..tell(recording, *at) }).collect();
        let servers = recording.ensemble.servers().collect();
        let place = recording.servers[&at.0][at.1].place.clone();
        Box::new(Violation { server: at.0, place, fault, story, servers })
    }

    /// A violation that one server's lines show.
    pub(super) fn of_one(recording: &Recording, at: At, fault: Fault) -> Box<Violation> {
        let story: Vec<At> = (at.1.saturating_sub(SHOWN / 2)..=at.1).map(|line| (at.0, line)).collect();
        Violation::new(recording, &Causes::default(), &story, at, fault)
    }
}

/// Of many, the first and the last: a leader may deliver all that there is in one step.
fn words(outputs: &[Output]) -> Vec<String> {
    const MOST: usize = 10;
    let (first, rest) = outputs.split_at(outputs.len().min(MOST));
    let mut words: Vec<String> = first.iter().map(ToString::to_string).collect();
    let last = &rest[rest.len().saturating_sub(3)..];
    if rest.len() > last.len() {
        words.push(format!("… {} more …", rest.len() - last.len()));
    }
    words.extend(last.iter().map(ToString::to_string));
    words
}

fn tell(recording: &Recording, (server, line): At) -> Told {
    let entry = &recording.servers[&server][line];
    let (what, then) = match &entry.event {
        Event::Recovered { outputs, .. } => ("recovers".to_owned(), words(outputs)),
        Event::Stepped { input, outputs } => (input.to_string(), words(outputs)),
        Event::Flushed { write, .. } => (format!("durable: {write}"), Vec::new()),
        Event::Crashed => ("stops".to_owned(), Vec::new()),
    };
    Told { server, line: entry.place.line, what, then, from: None }
}

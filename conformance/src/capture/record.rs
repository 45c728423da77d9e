//! What a proxy sees between servers.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use zab::{Message, ServerId};

/// A connection on a quorum port. Its number is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection {
    /// Counted from 1, in the order of their introductions.
    pub number: usize,
    /// Who opened it.
    pub learner: ServerId,
    /// Whose port it is.
    pub leader: ServerId,
}

/// Something that the recorder saw, or did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A server's process begins.
    Started(ServerId),
    /// It was killed.
    Killed(ServerId),
    /// A message came from its sender. Its receiver gets it after this moment, if ever.
    Passed {
        /// Who says it.
        from: ServerId,
        /// To whom.
        to: ServerId,
        /// On which connection; `None` on the election port.
        connection: Option<Connection>,
        /// What.
        message: Message,
    },
    /// One end of a connection was closed: the other end learns of it after this moment.
    Closed(Connection),
    /// From here on this direction could not be read.
    Unreadable {
        /// Who says it.
        from: ServerId,
        /// To whom.
        to: ServerId,
        /// Why.
        why: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Started(id) => write!(f, "{id} starts"),
            Event::Killed(id) => write!(f, "{id} is killed"),
            Event::Passed { from, to, connection: None, message } => write!(f, "{from} → {to}: {message}"),
            Event::Passed { from, to, connection: Some(connection), message } => {
                write!(f, "{from} → {to} (connection {}): {message}", connection.number)
            }
            Event::Closed(Connection { number, learner, leader }) => {
                write!(f, "connection {number} of {learner} with {leader} is closed")
            }
            Event::Unreadable { from, to, why } => write!(f, "{from} → {to}: unreadable: {why}"),
        }
    }
}

/// One list for all proxies: what is earlier in it was earlier.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<(Vec<Event>, usize)>>);

impl Recorder {
    /// Adds an event. Call it before anything that the event may cause.
    pub fn add(&self, event: Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.push(event);
    }

    /// A new connection.
    #[must_use]
    pub fn connection(&self, learner: ServerId, leader: ServerId) -> Connection {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.1 += 1;
        Connection { number: inner.1, learner, leader }
    }

    /// Everything so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }
}

//! What can go wrong: with a request ([`Error`]), with opening a session ([`ConnectError`]), with a connection
//! ([`Disconnect`]).

use super::address::ConnectStringError;
use crate::wire::{FrameError, WireError};
use std::io;
use std::time::Duration;
use zab::tree::{Code, PathError};

/// Why a request did not give a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The server refused it.
    #[error("the server refused it: {0:?} ({number})", number = .0.number())]
    Server(Code),
    /// The server refused it, with a code that ZooKeeper does not have.
    #[error("the server refused it with the unknown code {0}")]
    UnknownCode(i32),
    /// An operation of a multi failed, so that none was done.
    #[error("operation {index} of the multi failed, so none was done: {code:?}")]
    Multi {
        /// Which one, from 0.
        index: usize,
        /// Why.
        code: Code,
    },
    /// The connection broke, or there was none. Whether the request was done is not known.
    #[error("the connection was lost: whether the request was done is not known")]
    ConnectionLoss,
    /// The session is over, and its ephemeral znodes with it: a new [`Client`](super::Client) is needed.
    #[error("the session has expired")]
    SessionExpired,
    /// A proof given by `add_auth` was refused; this ends the client.
    #[error("authentication failed")]
    AuthFailed,
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
    /// Not sent: the path names no znode.
    #[error("{path:?} is no path: {error}")]
    BadArguments {
        /// As it was given.
        path: String,
        /// Its fault.
        error: PathError,
    },
    /// Not sent: a server would close the connection ([`ClientOptions::longest_request`]).
    ///
    /// [`ClientOptions::longest_request`]: super::ClientOptions::longest_request
    #[error("the request has {length} bytes, and may have {longest}")]
    TooLong {
        /// Bytes that it would have.
        length: usize,
        /// Bytes that it may have.
        longest: usize,
    },
    /// The server answered something else than was asked.
    #[error("the server's reply does not fit the request")]
    UnexpectedReply,
}

impl Error {
    /// The error for a reply's number. What ends a session has one form only, whoever says it.
    pub(super) fn from_number(number: i32) -> Error {
        match Code::from_number(number) {
            Some(Code::SessionExpired) => Error::SessionExpired,
            Some(Code::AuthFailed) => Error::AuthFailed,
            Some(Code::ConnectionLoss) => Error::ConnectionLoss,
            Some(code) => Error::Server(code),
            None => Error::UnknownCode(number),
        }
    }

    /// ZooKeeper's code for this, where it has one (`KeeperException.code`).
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Error::Server(code) | Error::Multi { code, .. } => Some(*code),
            Error::ConnectionLoss => Some(Code::ConnectionLoss),
            Error::SessionExpired => Some(Code::SessionExpired),
            Error::AuthFailed => Some(Code::AuthFailed),
            Error::BadArguments { .. } => Some(Code::BadArguments),
            Error::UnexpectedReply => Some(Code::MarshallingError),
            Error::TooLong { .. } => Some(Code::BadArguments),
            Error::UnknownCode(_) | Error::Closed => None,
        }
    }
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The connect string cannot be read.
    #[error(transparent)]
    ConnectString(#[from] ConnectStringError),
    /// No server opened a session in time.
    #[error("no server opened a session within {after:?}: {last}")]
    TimedOut {
        /// How long was waited.
        after: Duration,
        /// What the last attempt met.
        last: String,
    },
    /// The session whose credentials were given is over.
    #[error("the session has expired")]
    SessionExpired,
    /// A server refused a proof given by [`ClientOptions::auth`](super::ClientOptions::auth).
    #[error("authentication failed")]
    AuthFailed,
}

/// Why a connection ended. The client goes on to the next server by itself.
#[derive(Debug, thiserror::Error)]
pub enum Disconnect {
    /// The operating system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The server closed it.
    #[error("the server closed the connection")]
    ServerClosed,
    /// No connection, or no session on it, in time.
    #[error("no answer to the connection request within {0:?}")]
    ConnectTimeout(Duration),
    /// Nothing was heard for two thirds of the session's timeout.
    #[error("nothing was heard from the server for {0:?}")]
    Silence(Duration),
    /// A packet's length.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A packet's content.
    #[error("a packet cannot be read: {0}")]
    Packet(#[from] WireError),
    /// A reply nobody waits for, or out of order.
    #[error("a reply with xid {got} came, where {expected:?} is the next")]
    UnexpectedXid {
        /// What came.
        got: i32,
        /// The oldest request without reply.
        expected: Option<i32>,
    },
    /// From a read-only server, because one that also writes was found.
    #[error("a server that also writes was found")]
    ReadWriteServerFound,
}

//! How a command ends when it does not end well.

use crate::config::ConfigError;
use std::fmt;
use std::process::ExitCode;

/// Java's exit codes (`ExitCode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Anything else.
    Unexpected = 1,
    /// Wrong arguments, or a wrong configuration.
    InvalidInvocation = 2,
    /// A data directory cannot be used.
    DataDirectory = 3,
    /// The admin server cannot start.
    AdminServer = 4,
    /// A snapshot or log cannot be written.
    Storage = 10,
    /// The election or quorum port cannot be bound.
    QuorumPort = 14,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command failed: one sentence for a person, one number for a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The number.
    pub exit: Exit,
    /// The sentence.
    pub sentence: String,
}

impl Failure {
    /// A failure that scripts need not tell from others.
    pub fn unexpected(sentence: String) -> Failure {
        Failure { exit: Exit::Unexpected, sentence }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Failure {}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        Failure { exit: Exit::InvalidInvocation, sentence: error.to_string() }
    }
}

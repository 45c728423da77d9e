//! Why a configuration is refused, and what is worth a warning: sentences that name the place and the key.

use super::properties::SyntaxError;
use std::fmt;
use std::path::PathBuf;
use thiserror::Error;

/// Where a setting stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file, on this line (from 1).
    Line(PathBuf, usize),
    /// Somewhere in this file, or missing from it.
    File(PathBuf),
    /// `-Dkey=value` among the arguments, or in `JVMFLAGS` or `SERVER_JVMFLAGS`.
    CommandLine,
    /// Nowhere: the built-in defaults.
    Defaults,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(file, line) => write!(f, "{}, line {line}", file.display()),
            Place::File(file) => write!(f, "{}", file.display()),
            Place::CommandLine => write!(f, "command line"),
            Place::Defaults => write!(f, "defaults"),
        }
    }
}

/// Why a server must not start with this configuration. Each prints as one sentence.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file is missing or unreadable.
    #[error("{}: cannot be read: {source}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file is no properties file.
    #[error("{}, {source}", .file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// Where and why.
        source: SyntaxError,
    },
    /// A value that its key does not take.
    #[error("{place}: {key}={value}: {wrong}")]
    Value {
        /// Where it stands.
        place: Place,
        /// The key as written.
        key: String,
        /// The value as written.
        value: String,
        /// What is wrong with it.
        wrong: Wrong,
    },
    /// A setting that would be dangerous to ignore and is not offered.
    #[error("{place}: {key}={value} is refused: {why}")]
    Refused {
        /// Where it stands.
        place: Place,
        /// The key as written.
        key: String,
        /// The value as written.
        value: String,
        /// Why.
        why: &'static str,
    },
    /// Settings that do not fit together, or one that is missing.
    #[error("{place}: {sentence}")]
    Whole {
        /// The file.
        place: Place,
        /// What does not fit.
        sentence: String,
    },
    /// The file `myid` is missing, unreadable, or names no server of the ensemble.
    #[error("{}: {sentence}", .file.display())]
    MyId {
        /// Where it is, or should be.
        file: PathBuf,
        /// What is wrong with it.
        sentence: String,
    },
}

/// What is wrong with a value, as the end of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Wrong(pub String);

impl Wrong {
    pub(super) fn new(sentence: impl Into<String>) -> Wrong {
        Wrong(sentence.into())
    }
}

/// Something a person should know, with which the server starts all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where the setting stands.
    pub place: Place,
    /// What to know; it names the key.
    pub sentence: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.sentence)
    }
}

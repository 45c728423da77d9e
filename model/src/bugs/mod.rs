//! The planted bugs: defects from ZooKeeper's history, each planted into a copy of the specification to see that the
//! model catches it.
//!
//! A bug is a file of `model/bugs`, named by its identifier: a header ([`mod@catalogue`]) and a readable diff against
//! `specs/src` ([`patch`]). The diff is applied to a copy of the sources, never to the sources: neither the server nor
//! the text of the core knows of any bug. The copy is built and run by a [`workshop`], and what it finds within the
//! bug's bounds is an [`exhibit`]; the model as it is must find nothing within the same bounds.
//!
//! Orders of outputs are mutated elsewhere, see [`crate::mutation`].

pub mod catalogue;
pub mod exhibit;
pub mod patch;
pub mod workshop;

pub use catalogue::{Bug, catalogue};
pub use exhibit::{Exhibit, Finding};
pub use workshop::Workshop;

/// Why a bug could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum BugError {
    /// A file or directory does not do what is needed.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// The header of a bug says something that cannot be read.
    #[error("model/bugs/{id}.diff: {what}")]
    Header {
        /// Whose.
        id: String,
        /// What is wrong.
        what: String,
    },
    /// A hunk does not fit the specification any more.
    #[error(
        "model/bugs/{id}.diff: hunk {hunk} of {file} does not apply: {why}. The sources have changed since it was \
         written: mend it"
    )]
    Hunk {
        /// Whose.
        id: String,
        /// The file that was to be changed.
        file: String,
        /// Which hunk, from 1.
        hunk: usize,
        /// Why.
        why: &'static str,
    },
    /// There are no sources to plant bugs into.
    #[error("the sources that this command was built from are not at {root} any more: build it again where they are")]
    Moved {
        /// Where they were.
        root: String,
    },
    /// Cargo could not be started.
    #[error("cannot start `{program}`, which builds the mutated specification: {error}")]
    NoCargo {
        /// What was started.
        program: String,
        /// Why it failed.
        error: std::io::Error,
    },
    /// The mutated specification does not compile.
    #[error("{id}: the mutated specification does not build:\n{errors}")]
    Build {
        /// Whose.
        id: String,
        /// What the compiler says.
        errors: String,
    },
    /// The mutated model ended without an answer.
    #[error("{id}: the mutated model gave no answer: {why}")]
    NoAnswer {
        /// Whose.
        id: String,
        /// What it said instead.
        why: String,
    },
    /// The engine refuses.
    #[error(transparent)]
    Engine(#[from] crate::engine::EngineError),
}

impl BugError {
    /// An error of the file system, with the path that it is about.
    fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> BugError {
        let path = path.display().to_string();
        move |error| BugError::File { path, error }
    }
}

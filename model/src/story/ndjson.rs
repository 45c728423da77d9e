//! Traces as text: one JSON value a line, the header first.

use super::Story;
use std::collections::BTreeMap;
use zab::ServerId;
use zab::trace::{FORMAT, Header, Line, Refusal, Replay, VERSION, validate};

/// Why a text is not a trace.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// There is no line at all.
    #[error("the trace is empty")]
    Empty,
    /// The first line is something else's.
    #[error("line 1: this is `{format}` version {version}; what is read here is `{FORMAT}` version {VERSION}")]
    Format {
        /// What it calls itself.
        format: String,
        /// Its version.
        version: u32,
    },
    /// A line cannot be read.
    #[error("line {line}: {error}")]
    Json {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        error: serde_json::Error,
    },
    /// The specification does something else.
    #[error("{0}")]
    Refused(#[from] Refusal),
}

/// The trace of a story.
///
/// # Panics
/// Never: all of it can be written as JSON.
#[must_use]
pub fn write(story: &Story) -> String {
    let mut text = serde_json::to_string(&story.header).expect("a header is JSON");
    text.push('\n');
    for line in story.lines() {
        text.push_str(&serde_json::to_string(line).expect("a line is JSON"));
        text.push('\n');
    }
    text
}

/// The header and the lines of a trace. Empty lines at the end are allowed.
///
/// # Errors
/// When it is not one.
pub fn read(text: &str) -> Result<(Header, Vec<Line>), TraceError> {
    let mut lines = text.trim_end().lines().enumerate();
    let (_, first) = lines.next().ok_or(TraceError::Empty)?;
    let header: Header = serde_json::from_str(first).map_err(|error| TraceError::Json { line: 1, error })?;
    if header.format != FORMAT || header.version != VERSION {
        return Err(TraceError::Format { format: header.format, version: header.version });
    }
    let line = |(index, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| TraceError::Json { line: index + 1, error })
    };
    Ok((header, lines.map(line).collect::<Result<_, _>>()?))
}

/// Reads a trace and judges it; the servers as they are at its end.
///
/// # Errors
/// When it is not a trace, or not one of the specification.
pub fn judge(text: &str) -> Result<BTreeMap<ServerId, Replay>, TraceError> {
    let (header, lines) = read(text)?;
    Ok(validate(&header, &lines)?)
}

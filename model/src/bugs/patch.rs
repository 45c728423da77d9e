//! Applying a bug's diff.
//!
//! Hunks are found by their text, wherever it stands, so that a change elsewhere in the file does not disturb a bug;
//! but the text must stand there exactly once, or the bug could land in another place than its author meant.

use super::{Bug, BugError};
use diffy::{Line, Patch};

/// The part of a diff that changes one file.
#[derive(Debug)]
pub struct FilePatch<'a> {
    /// The file, relative to the workspace.
    pub file: &'a str,
    /// What changes in it.
    patch: Patch<'a, str>,
}

/// The parts of a bug's diff, one a file; none if it is empty.
///
/// # Errors
/// When it is not a unified diff.
pub fn parts(bug: &Bug) -> Result<Vec<FilePatch<'_>>, BugError> {
    let wrong = |what: String| BugError::Header { id: bug.id.clone(), what };
    if bug.diff.is_empty() {
        return Ok(Vec::new());
    }
    let inner = bug.diff.match_indices("\n--- ").map(|(at, _)| at + 1);
    let starts: Vec<usize> = std::iter::once(0).chain(inner).collect();
    let ends = starts.iter().skip(1).copied().chain([bug.diff.len()]);
    let mut parts = Vec::new();
    for (start, end) in starts.iter().zip(ends) {
        let text = &bug.diff[*start..end];
        let patch = Patch::from_str(text).map_err(|error| wrong(format!("not a diff: {error}")))?;
        let name = text.lines().next().and_then(|line| line.strip_prefix("--- ")).unwrap_or_default();
        let file = name.split('\t').next().unwrap_or_default().trim();
        if !file.starts_with("specs/src/") || file.contains("..") {
            return Err(wrong(format!("`{file}` is not a file of specs/src")));
        }
        parts.push(FilePatch { file, patch });
    }
    Ok(parts)
}

/// The file's text with the bug in it.
///
/// # Errors
/// When a hunk's text does not stand in the file, or stands there twice.
pub fn apply(bug: &Bug, part: &FilePatch<'_>, text: &str) -> Result<String, BugError> {
    let wrong = |hunk, why| BugError::Hunk { id: bug.id.clone(), file: part.file.to_owned(), hunk, why };
    for (index, hunk) in part.patch.hunks().iter().enumerate() {
        let old = hunk.lines().iter().filter_map(|line| match line {
            Line::Context(text) | Line::Delete(text) => Some(*text),
            Line::Insert(_) => None,
        });
        let old: String = old.collect();
        match text.matches(&old).count() {
            0 => return Err(wrong(index + 1, "its lines do not stand there any more")),
            1 => {}
            _ => return Err(wrong(index + 1, "its lines stand there more than once; give it more context")),
        }
    }
    diffy::apply(text, &part.patch).map_err(|_| wrong(part.patch.hunks().len(), "its hunks are out of order"))
}

//! The files of `model/bugs`.
//!
//! ```text
//! What the mutation does, in one line
//!
//! property: LeaderLogCompleteness | CommittedLogDurability     any of these may break
//! check: zab --transactions 2 --crashes 2                      the arguments of `model check`
//! published: TLC 69 s, 847 683 states, depth 16                what others paid for it, where known
//! source: ZOOKEEPER-4643                                       where it comes from, if the name does not say
//!
//! Prose: what goes wrong, and how it differs from the original.
//! --- specs/src/…
//! ```

use super::BugError;
use crate::bounds::Bounds;
use crate::invocation;
use std::path::Path;

/// A planted bug.
#[derive(Clone, Debug)]
pub struct Bug {
    /// Its name: the file's.
    pub id: String,
    /// What the mutation does.
    pub title: String,
    /// The properties or goals of which one must break.
    pub properties: Vec<String>,
    /// The arguments of `model check` for its bounds.
    pub check: String,
    /// The bounds.
    pub bounds: Bounds,
    /// What others paid to find it.
    pub published: Option<String>,
    /// Where it comes from.
    pub source: Option<String>,
    /// The prose of the header.
    pub note: String,
    /// The mutation.
    pub diff: String,
}

/// Every planted bug of the workspace at `root`, in the order of their names.
///
/// # Errors
/// When a file cannot be read, or its header says nothing sensible.
pub fn catalogue(root: &Path) -> Result<Vec<Bug>, BugError> {
    let directory = root.join("model/bugs");
    let mut bugs = Vec::new();
    for entry in std::fs::read_dir(&directory).map_err(BugError::file(&directory))? {
        let path = entry.map_err(BugError::file(&directory))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(id) = name.strip_suffix(".diff") {
            let text = std::fs::read_to_string(&path).map_err(BugError::file(&path))?;
            bugs.push(Bug::parse(id, &text)?);
        }
    }
    bugs.sort_by_key(|bug| sort_key(&bug.id));
    Ok(bugs)
}

/// Names without their number, then by number.
fn sort_key(id: &str) -> (String, u64, String) {
    let digits: String = id.chars().filter(char::is_ascii_digit).collect();
    let words = id.chars().filter(|char| !char.is_ascii_digit()).collect();
    (words, digits.parse().unwrap_or_default(), id.to_owned())
}

impl Bug {
    /// The bug that this file tells of.
    ///
    /// # Errors
    /// When its header lacks something, or says something that cannot be read.
    pub fn parse(id: &str, text: &str) -> Result<Bug, BugError> {
        let wrong = |what: String| BugError::Header { id: id.to_owned(), what };
        let start = if text.starts_with("--- ") { Some(0) } else { text.find("\n--- ").map(|at| at + 1) };
        let (header, diff) = text.split_at(start.ok_or_else(|| wrong("there is no diff".into()))?);
        let mut lines = header.lines();
        let title = lines.next().unwrap_or_default().trim().to_owned();
        if title.is_empty() {
            return Err(wrong("the first line must say what the mutation does".into()));
        }
        let (mut properties, mut check, mut published, mut source, mut note) = (vec![], None, None, None, vec![]);
        for line in lines {
            match line.split_once(": ") {
                Some(("property", names)) => properties.extend(names.split('|').map(|name| name.trim().to_owned())),
                Some(("check", arguments)) => check = Some(arguments.trim().to_owned()),
                Some(("published", cost)) => published = Some(cost.trim().to_owned()),
                Some(("source", issue)) => source = Some(issue.trim().to_owned()),
                _ => note.push(line),
            }
        }
        if properties.is_empty() {
            return Err(wrong("`property:` must name what breaks".into()));
        }
        let check = check.ok_or_else(|| wrong("`check:` must give the bounds".into()))?;
        let bounds = invocation::read(&check).map_err(|error| wrong(format!("`check:` {error}")))?;
        let (id, diff, note) = (id.to_owned(), diff.to_owned(), note.join("\n").trim().to_owned());
        Ok(Bug { id, title, properties, check, bounds, published, source, note, diff })
    }
}

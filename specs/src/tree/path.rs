//! The names of znodes: which are allowed, and how they are ordered.

use std::cmp::Ordering;
use thiserror::Error;

/// The root.
pub const ROOT: &str = "/";
/// Holds what ZooKeeper keeps about itself.
pub const ZOOKEEPER: &str = "/zookeeper";
/// Holds the limits of quotas and what is used of them.
pub const QUOTA: &str = "/zookeeper/quota";
/// Holds the ensemble's configuration.
pub const CONFIG: &str = "/zookeeper/config";

/// Why a path names no znode. Positions are those of Java's text: UTF-16 units, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// There is nothing.
    #[error("the path is empty")]
    Empty,
    /// It is relative.
    #[error("the path does not begin with a slash")]
    NoSlash,
    /// It ends as if a name should follow.
    #[error("the path ends with a slash")]
    TrailingSlash,
    /// Two slashes in a row.
    #[error("the path has an empty name at position {0}")]
    EmptyName(usize),
    /// A name is `.` or `..`.
    #[error("the path has a relative name at position {0}")]
    RelativeName(usize),
    /// A character that terminals, logs or Java cannot show.
    #[error("the path has a character that is not allowed at position {0}")]
    Character(usize),
}

/// Whether `path` may name a znode (`PathUtils.validatePath`). Rule PathsAreCanonical.
///
/// Of a sequential znode, whose number is still to come, see [`validate_sequential`].
///
/// # Errors
/// The first fault from the left, but for a slash at the end, which is found before.
pub fn validate(path: &str) -> Result<(), PathError> {
    if path.is_empty() {
        return Err(PathError::Empty);
    }
    if !path.starts_with('/') {
        return Err(PathError::NoSlash);
    }
    if path == ROOT {
        return Ok(());
    }
    if path.ends_with('/') {
        return Err(PathError::TrailingSlash);
    }
    let mut position = 0;
    for name in path.split('/').skip(1) {
        position += 1;
        validate_name(name, position)?;
        position += name.encode_utf16().count();
    }
    Ok(())
}

/// Whether `path` may name a sequential znode: a number is still to be appended, so it may end with a slash
/// (`PathUtils.validatePath(path, true)`).
///
/// # Errors
/// As [`validate`], of the path with a digit appended.
pub fn validate_sequential(path: &str) -> Result<(), PathError> {
    validate(&format!("{path}1"))
}

/// `start` is the position of the name's first character.
fn validate_name(name: &str, start: usize) -> Result<(), PathError> {
    match name {
        "" => return Err(PathError::EmptyName(start)),
        "." => return Err(PathError::RelativeName(start)),
        ".." => return Err(PathError::RelativeName(start + 1)),
        _ => {}
    }
    let mut position = start;
    for character in name.chars() {
        if is_forbidden(character) {
            return Err(PathError::Character(position));
        }
        position += character.len_utf16();
    }
    Ok(())
}

/// Control characters, the private use area, specials; and everything that Java says with two surrogates.
fn is_forbidden(character: char) -> bool {
    matches!(character, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..)
}

/// The path of the znode above; of a child of the root, and of the root itself, `/`.
///
/// For something that is no path (it has no slash): the empty text, which names no parent.
#[must_use]
pub fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) => ROOT,
        Some(slash) => &path[..slash],
        None => "",
    }
}

/// What stands behind the last slash: the name under which the parent lists it. Empty for the root.
#[must_use]
pub fn name(path: &str) -> &str {
    path.rfind('/').map_or(path, |slash| &path[slash + 1..])
}

/// The path of the child `name` of `parent`.
#[must_use]
pub fn child(parent: &str, name: &str) -> String {
    if parent == ROOT { format!("/{name}") } else { format!("{parent}/{name}") }
}

/// A path as the tree orders them: by parent, then by name.
///
/// So all children of a znode stand together, and every znode stands behind its parent, because a parent's path is
/// shorter than the path of whose parent it is, and begins it. It is bytes, in whose order UTF-8 has that of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path<'a> {
    parent: &'a [u8],
    name: &'a [u8],
}

impl<'a> Path<'a> {
    /// The place of this path. The empty path is the root's other name, as in Java.
    pub fn new(path: &'a [u8]) -> Path<'a> {
        let (parent, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(0) => (&path[..1], &path[1..]),
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None if path.is_empty() => (ROOT.as_bytes(), path),
            None => (&path[..0], path),
        };
        Path { parent, name }
    }

    /// Before the first child of this parent, and behind everything that comes before.
    pub fn before_children(parent: &'a [u8]) -> Path<'a> {
        Path { parent: if parent.is_empty() { ROOT.as_bytes() } else { parent }, name: b"" }
    }

    /// What it is a child of.
    pub fn parent(self) -> &'a [u8] {
        self.parent
    }
}

impl Ord for Path<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.parent, self.name).cmp(&(other.parent, other.name))
    }
}

impl PartialOrd for Path<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

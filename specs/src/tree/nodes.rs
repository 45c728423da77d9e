//! All znodes, in one persistent ordered set.

use super::node::Node;
use super::path::Path;
use equivalent::{Comparable, Equivalent};
use imbl::OrdSet;
use std::cmp::Ordering;
use std::ops::Bound;

/// The znodes by place: every one behind its parent, all children of one together. No znode lists its children, for
/// they are a range.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    set: OrdSet<Place>,
    /// The bytes of all paths and data.
    bytes: u64,
}

/// A znode as a member of the set, in which its path alone counts.
#[derive(Clone, Debug)]
struct Place(Node);

impl Nodes {
    pub fn get(&self, path: &str) -> Option<&Node> {
        Some(&self.set.get(&Path::new(path.as_bytes()))?.0)
    }

    /// Puts it in its place, and gives what stood there.
    pub fn insert(&mut self, node: Node) -> Option<Node> {
        self.bytes += size(&node);
        let replaced = self.set.insert(Place(node)).map(|place| place.0);
        self.bytes -= replaced.as_ref().map_or(0, size);
        replaced
    }

    pub fn remove(&mut self, path: &str) -> Option<Node> {
        let removed = self.set.remove(&Path::new(path.as_bytes())).map(|place| place.0);
        self.bytes -= removed.as_ref().map_or(0, size);
        removed
    }

    /// The bytes of all paths and data.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn len(&self) -> usize {
        self.set.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Node> {
        self.set.iter().map(|place| &place.0)
    }

    /// The children of what has this path, by name.
    pub fn children<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Node> {
        let start = Path::before_children(path.as_bytes());
        // The root stands where a child of the root without name would.
        let behind = self.range_from(Bound::Excluded(start));
        behind.take_while(move |node| node.place().parent() == start.parent())
    }

    /// What stands below the children of what has this path: the range of those whose parent begins with it and a
    /// slash.
    pub fn below_children<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Node> {
        debug_assert!(prefix.ends_with('/'), "else /ab stands below /a");
        let start = Path::before_children(prefix.as_bytes());
        let behind = self.range_from(Bound::Included(start));
        behind.take_while(move |node| node.place().parent().starts_with(prefix.as_bytes()))
    }

    fn range_from<'a>(&'a self, start: Bound<Path<'a>>) -> impl Iterator<Item = &'a Node> {
        self.set.range((start, Bound::Unbounded)).map(|place| &place.0)
    }
}

fn size(node: &Node) -> u64 {
    (node.path().len() + node.data_length()) as u64
}

impl Ord for Place {
    fn cmp(&self, other: &Place) -> Ordering {
        self.0.place().cmp(&other.0.place())
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Place) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Place) -> bool {
        self.0.place() == other.0.place()
    }
}

impl Eq for Place {}

impl Equivalent<Place> for Path<'_> {
    fn equivalent(&self, place: &Place) -> bool {
        *self == place.0.place()
    }
}

impl Comparable<Place> for Path<'_> {
    fn compare(&self, place: &Place) -> Ordering {
        self.cmp(&place.0.place())
    }
}

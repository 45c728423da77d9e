//! A znode, as small as it can be: a server may hold millions.

use super::digest;
use super::path::{self, Path};
use super::stat::{Owner, Stat, StatPersisted};
use crc32fast::Hasher;
use std::fmt;
use std::ops::Deref;
use triomphe::ThinArc;

/// The number of an access control list in [`super::acls::AclTable`]; −1 is `world:anyone:cdrwa`
/// (`ReferenceCountedACLCache`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AclId(pub i64);

impl AclId {
    /// Everything to everyone.
    pub const OPEN: AclId = AclId(-1);
}

/// A znode (`DataNode`) with its path. It never changes: a change is another `Node` in its place. A clone is the same
/// one, shared.
///
/// Fields, path and data are one piece of memory, because three pieces (with a path of 20 bytes and 100 bytes of data)
/// cost 346 to 365 bytes in a tree, and this costs about 260. Large data are a piece of their own, so that a change of
/// the Stat does not copy them: a parent's changes with every child.
#[derive(Clone, PartialEq, Eq)]
pub struct Node(ThinArc<Fields, u8>);

/// What has always the same size. A [`Node`] gives them as its own.
#[derive(Clone, PartialEq, Eq)]
pub struct Fields {
    /// What is kept beside data and ACL.
    pub stat: StatPersisted,
    /// Its access control list.
    pub acl: AclId,
    /// How many children it has.
    pub children: u32,
    /// Bytes of data that stand behind the path; −1 for null.
    inline: i32,
    /// Larger data instead, with the CRC-32 of path and data, because of which the digest needs not read them again.
    large: Option<ThinArc<u32, u8>>,
}

impl Node {
    /// Data up to so many bytes stand beside the fields, and are copied when those change.
    const LARGEST_INLINE: usize = 1024;

    /// The znode with this path, these data (null and empty are two things), ACL, Stat and number of children.
    #[must_use]
    pub fn new(path: &str, data: Option<&[u8]>, acl: AclId, stat: StatPersisted, children: u32) -> Node {
        let (beside, large) = match data {
            Some(data) if data.len() > Node::LARGEST_INLINE => {
                let mut checksum = Hasher::new();
                checksum.update(digest::path_bytes(path.as_bytes()));
                checksum.update(data);
                (None, Some(ThinArc::from_header_and_slice(checksum.finalize(), data)))
            }
            _ => (data, None),
        };
        let mut bytes = Vec::with_capacity(path.len() + beside.map_or(0, <[u8]>::len));
        bytes.extend_from_slice(path.as_bytes());
        bytes.extend_from_slice(beside.unwrap_or_default());
        let inline = beside.map_or(-1, |data| data.len() as i32);
        Node(ThinArc::from_header_and_slice(Fields { stat, acl, children, inline, large }, &bytes))
    }

    /// The same with other fields.
    #[must_use]
    pub(super) fn with(&self, change: impl FnOnce(&mut Fields)) -> Node {
        let mut fields = self.0.header.header.clone();
        change(&mut fields);
        Node(ThinArc::from_header_and_slice(fields, &self.0.slice))
    }

    fn split(&self) -> (&[u8], &[u8]) {
        let inline = usize::try_from(self.inline).unwrap_or(0);
        self.0.slice.split_at(self.0.slice.len() - inline)
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &str {
        std::str::from_utf8(self.path_bytes()).expect("a path was text when the node was made")
    }

    /// Its path, as bytes of UTF-8.
    pub(super) fn path_bytes(&self) -> &[u8] {
        self.split().0
    }

    /// The name under which its parent lists it; empty for the root.
    #[must_use]
    pub fn name(&self) -> &str {
        path::name(self.path())
    }

    /// Its data; null and empty are two things.
    #[must_use]
    pub fn data(&self) -> Option<&[u8]> {
        match &self.large {
            Some(large) => Some(&large.slice),
            None => (self.inline >= 0).then(|| self.split().1),
        }
    }

    /// Bytes of data.
    #[must_use]
    pub fn data_length(&self) -> usize {
        self.data().map_or(0, <[u8]>::len)
    }

    /// Why it may vanish by itself. `extended` as in [`Owner::of`].
    #[must_use]
    pub fn owner(&self, extended: bool) -> Owner {
        Owner::of(self.stat.ephemeral_owner, extended)
    }

    /// What a client is told of it (`DataNode.copyStat`). Rule CversionForClients: they see how often the list of
    /// children changed, which counts deletions too. `extended` as in [`Owner::of`].
    #[must_use]
    pub fn stat(&self, extended: bool) -> Stat {
        let mut persisted = self.stat;
        if !matches!(self.owner(extended), Owner::Session(_)) {
            persisted.ephemeral_owner = 0;
        }
        let num_children = self.children as i32;
        persisted.cversion = persisted.cversion.wrapping_mul(2).wrapping_sub(num_children);
        Stat { persisted, data_length: self.data_length() as i32, num_children }
    }

    /// Its place in the tree.
    pub(super) fn place(&self) -> Path<'_> {
        Path::new(self.path_bytes())
    }

    /// The CRC-32 so far of path and data, with which its digest begins.
    pub(super) fn digest_prefix(&self) -> Hasher {
        if let Some(large) = &self.large {
            // The length matters to combined checksums only.
            return Hasher::new_with_initial(large.header.header);
        }
        let (path, data) = self.split();
        let mut checksum = Hasher::new();
        checksum.update(digest::path_bytes(path));
        checksum.update(data);
        checksum
    }
}

impl Deref for Node {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.0.header.header
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Node");
        debug.field("path", &self.path()).field("data", &self.data()).field("acl", &self.acl);
        debug.field("stat", &self.stat).field("children", &self.children).finish()
    }
}

//! A tree out of the parts of a snapshot.

use super::acl::Acl;
use super::node::{AclId, Node};
use super::path;
use super::stat::{SessionId, StatPersisted};
use super::state::{Tree, TreeOptions};
use crate::Zxid;
use thiserror::Error;

/// Why the parts of a snapshot are no tree.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BuildError {
    /// A znode stands before its parent, or its parent is missing.
    #[error("the snapshot has znode {0:?} before its parent")]
    NoParent(String),
    /// A path without slash, or with an empty name.
    #[error("the snapshot has a znode with the path {0:?}, which is none")]
    BadPath(String),
    /// There is no root.
    #[error("the snapshot has no root")]
    NoRoot,
}

/// Takes the parts of a snapshot in the order of the file (`DataTree.deserialize`): sessions, access control lists,
/// znodes with every parent before its children.
#[derive(Clone, Debug)]
pub struct Builder(Tree);

impl Builder {
    /// A tree of nothing.
    #[must_use]
    pub fn new(options: TreeOptions) -> Builder {
        Builder(Tree::empty(options))
    }

    /// An open session with its timeout in milliseconds. The same again replaces it.
    pub fn session(&mut self, session: SessionId, timeout: i32) {
        self.0.sessions.insert(session, timeout);
    }

    /// An access control list with its number.
    pub fn acl(&mut self, id: AclId, list: &[Acl]) {
        self.0.acls.load(id, list);
    }

    /// A znode; the root's path is empty. The same path again replaces what was there, as in Java. A number of no ACL
    /// is taken (rule UnknownAclIsClosed): a fuzzy snapshot may have one, and the log mends it.
    ///
    /// # Errors
    /// When the parent did not come before, or the path is none.
    pub fn node(&mut self, path: &str, data: Option<&[u8]>, acl: AclId, stat: StatPersisted) -> Result<(), BuildError> {
        let path = if path.is_empty() { path::ROOT } else { path };
        let is_root = path == path::ROOT;
        if !path.starts_with('/') || (path::name(path).is_empty() && !is_root) {
            return Err(BuildError::BadPath(path.to_owned()));
        }
        if !is_root && self.0.node(path::parent(path)).is_none() {
            return Err(BuildError::NoParent(path.to_owned()));
        }
        self.0.acls.use_again(acl);
        let children = self.0.node(path).map_or(0, |before| before.children);
        self.0.remove(path);
        self.0.insert(Node::new(path, data, acl, stat, children));
        Ok(())
    }

    /// The tree, as it was after this transaction or, if the snapshot is fuzzy, a little later: then the log from there
    /// on completes it.
    ///
    /// # Errors
    /// When there is no root.
    pub fn finish(mut self, last_zxid: Zxid) -> Result<Tree, BuildError> {
        if self.0.node(path::ROOT).is_none() {
            return Err(BuildError::NoRoot);
        }
        self.0.acls.purge_unused();
        self.0.last_zxid = last_zxid;
        Ok(self.0)
    }
}

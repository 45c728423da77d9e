//! A tree out of the parts of a snapshot.

use super::acl::Acl;
use super::node::{AclId, Node};
use super::path::{self, Path};
use super::stat::{SessionId, StatPersisted};
use super::state::{Tree, TreeOptions};
use crate::Zxid;
use thiserror::Error;

/// Why the parts of a snapshot are no tree.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BuildError {
    /// A znode's parent is missing.
    #[error("the snapshot has znode {0:?}, but not its parent")]
    NoParent(String),
    /// A path without slash, or with an empty name.
    #[error("the snapshot has a znode with the path {0:?}, which is none")]
    BadPath(String),
    /// There is no root.
    #[error("the snapshot has no root")]
    NoRoot,
}

/// Takes the parts of a snapshot in any order (`DataTree.deserialize`): sessions, access control lists, znodes.
#[derive(Clone, Debug)]
pub struct Builder {
    tree: Tree,
    nodes: Vec<Node>,
}

impl Builder {
    /// A tree of nothing.
    #[must_use]
    pub fn new(options: TreeOptions) -> Builder {
        Builder { tree: Tree::empty(options), nodes: Vec::new() }
    }

    /// An open session with its timeout in milliseconds. The same again replaces it.
    pub fn session(&mut self, session: SessionId, timeout: i32) {
        self.tree.sessions.insert(session, timeout);
    }

    /// An access control list with its number.
    pub fn acl(&mut self, id: AclId, list: &[Acl]) {
        self.tree.acls.load(id, list);
    }

    /// A znode; the root's path is empty, or `/`. The same path again replaces what was there, as in Java. A number of
    /// no ACL is taken (rule UnknownAclIsClosed): a fuzzy snapshot may have one, and the log mends it.
    ///
    /// # Errors
    /// When the path is none.
    pub fn node(&mut self, path: &str, data: Option<&[u8]>, acl: AclId, stat: StatPersisted) -> Result<(), BuildError> {
        let path = if path.is_empty() { path::ROOT } else { path };
        if !path.starts_with('/') || (path::name(path).is_empty() && path != path::ROOT) {
            return Err(BuildError::BadPath(path.to_owned()));
        }
        self.nodes.push(Node::new(path, data, acl, stat, 0));
        Ok(())
    }

    /// The tree, as it was after this transaction or, if the snapshot is fuzzy, a little later: then the log from there
    /// on completes it.
    ///
    /// # Errors
    /// When there is no root, or a znode without its parent.
    pub fn finish(mut self, last_zxid: Zxid) -> Result<Tree, BuildError> {
        // Stable: of those with the same path the last one is last.
        self.nodes.sort_by(|one, other| one.place().cmp(&other.place()));
        let nodes = count_children(last_of_each_path(self.nodes))?;
        if nodes.first().is_none_or(|first| first.path() != path::ROOT) {
            return Err(BuildError::NoRoot);
        }
        for node in nodes {
            self.tree.acls.reserve(node.acl);
            self.tree.acls.use_again(node.acl);
            self.tree.own(&node);
            self.tree.replace(node);
        }
        self.tree.acls.purge_unused();
        self.tree.advance_to(last_zxid);
        Ok(self.tree)
    }
}

fn last_of_each_path(nodes: Vec<Node>) -> Vec<Node> {
    let mut kept: Vec<Node> = Vec::with_capacity(nodes.len());
    for node in nodes {
        match kept.last_mut() {
            Some(last) if last.place() == node.place() => *last = node,
            _ => kept.push(node),
        }
    }
    kept
}

/// Of znodes in the order of the tree, so that all children of one stand together, behind it: finds each family's
/// parent and sets how many they are.
fn count_children(mut nodes: Vec<Node>) -> Result<Vec<Node>, BuildError> {
    let mut start = usize::from(nodes.first().is_some_and(|first| first.path() == path::ROOT));
    while start < nodes.len() {
        let parent = nodes[start].place().parent();
        let family = nodes[start..].iter().take_while(|node| node.place().parent() == parent).count();
        let Ok(place) = nodes[..start].binary_search_by(|node| node.place().cmp(&Path::new(parent))) else {
            return Err(BuildError::NoParent(nodes[start].path().to_owned()));
        };
        nodes[place] = nodes[place].with(|fields| fields.children = family as u32);
        start += family;
    }
    Ok(nodes)
}

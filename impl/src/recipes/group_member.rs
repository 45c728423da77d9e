//! Who belongs to a group.
//!
//! *Java:* Curator's `GroupMember`.

use super::cache::TreeCache;
use super::cache_state::Changes;
use super::persistent_node::PersistentNode;
use super::retry::{child, name};
use super::sessions::Sessions;
use crate::client::Error;
use bytes::Bytes;
use std::collections::BTreeMap;

/// A member of a group, over all its sessions, who knows the others from memory. Dropped, it leaves.
#[derive(Debug)]
pub struct GroupMember {
    node: PersistentNode,
    cache: TreeCache,
}

impl GroupMember {
    /// Joins as `<path>/<id>`, and returns when the others are known. Identifiers must differ: of two who are alike
    /// each would replace the other.
    ///
    /// # Errors
    /// [`Error::BadArguments`] for an identifier that is no name; what the server says.
    pub async fn join(sessions: &Sessions, path: &str, id: &str, data: &[u8]) -> Result<GroupMember, Error> {
        let node = PersistentNode::start(sessions, &child(path, name(id)?), data).await?;
        let cache = TreeCache::start(sessions, path).await?;
        Ok(GroupMember { node, cache })
    }

    /// All members by their identifiers, with what they say (`getCurrentMembers`). Without a request.
    #[must_use]
    pub fn members(&self) -> BTreeMap<String, Bytes> {
        let children = self.cache.children(self.cache.root());
        children.into_iter().map(|(id, member)| (id, member.data.clone())).collect()
    }

    /// As [`TreeCache::changes`]: the group's own znode is among them.
    pub fn changes(&self) -> Changes {
        self.cache.changes()
    }

    /// Says something else from now on (`setThisData`). Returns at once.
    pub fn set_data(&self, data: &[u8]) {
        self.node.set_data(data);
    }

    /// Leaves, and returns when that is done.
    ///
    /// # Errors
    /// What the server says.
    pub async fn leave(self) -> Result<(), Error> {
        self.node.close().await
    }
}

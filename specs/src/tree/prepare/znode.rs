//! delete, deleteContainer, setData, setACL, check: the changes of a znode that there is (`pRequest2Txn`).

use super::{Preparation, Prepared, fixup, length, next_version, parent_of};
use crate::tree::acl::{Acl, Perms};
use crate::tree::error::Code;
use crate::tree::node::{AclId, Node};
use crate::tree::operation::OpCode;
use crate::tree::outlook::Prospect;
use crate::tree::path;
use crate::tree::stat::{Owner, StatPersisted};
use crate::tree::txn::Record;
use bytes::Bytes;

impl Preparation<'_> {
    pub(super) fn delete(&mut self, path: &str, version: i32) -> Prepared {
        self.check_session()?;
        let parent_path = parent_of_deletable(path)?;
        let parent = self.node(parent_path)?;
        self.permit(&parent.acl, Perms::DELETE)?;
        let node = self.node(path)?;
        next_version(node.stat.version, version)?;
        if node.children > 0 {
            return Err(Code::NotEmpty);
        }
        self.remove(path, &node, parent_path, &parent);
        Ok((OpCode::Delete, Record::Delete { path: path.to_owned() }))
    }

    /// The leader's own, so nobody's permission is asked. A znode that was deleted and made anew as another kind since
    /// the leader looked is a BadVersion.
    pub(super) fn delete_container(&mut self, path: &str) -> Prepared {
        let parent_path = parent_of_deletable(path)?;
        let node = self.node(path)?;
        if node.children > 0 {
            return Err(Code::NotEmpty);
        }
        // Java refuses ephemeral znodes only, and takes this operation from any client: with it, an empty znode that
        // stays could be deleted without permission.
        let extended = self.tree.options().extended_types;
        if !matches!(Owner::of(node.stat.ephemeral_owner, extended), Owner::Container | Owner::Ttl(_)) {
            return Err(Code::BadVersion);
        }
        let parent = self.node(parent_path)?;
        self.remove(path, &node, parent_path, &parent);
        Ok((OpCode::DeleteContainer, Record::Delete { path: path.to_owned() }))
    }

    pub(super) fn set_data(&mut self, path: &str, data: Option<&Bytes>, version: i32) -> Prepared {
        self.check_session()?;
        path::validate(path).map_err(|_| Code::BadArguments)?;
        let node = self.node(path)?;
        self.permit(&node.acl, Perms::WRITE)?;
        self.check_quota(path, 0, length(data.map_or(0, Bytes::len)) - length(node.data_length()))?;
        let version = next_version(node.stat.version, version)?;
        let stat = StatPersisted { version, mtime: self.time, mzxid: self.zxid, ..node.stat };
        let changed = Node::new(path, data.map(Bytes::as_ref), AclId::OPEN, stat, node.children);
        self.put(path, Some(&node), Some(Prospect { node: changed, acl: node.acl.clone() }));
        Ok((OpCode::SetData, Record::SetData { path: path.to_owned(), data: data.cloned(), version }))
    }

    pub(super) fn set_acl(&mut self, path: &str, acl: &[Acl], version: i32) -> Prepared {
        self.check_session()?;
        path::validate(path).map_err(|_| Code::BadArguments)?;
        let acl = fixup(acl, &self.request.identities, self.request.options.schemes)?;
        let node = self.node(path)?;
        self.permit(&node.acl, Perms::ADMIN)?;
        let version = next_version(node.stat.aversion, version)?;
        let changed = node.with(|fields| fields.stat.aversion = version);
        self.put(path, Some(&node), Some(Prospect { node: changed, acl: acl.as_slice().into() }));
        Ok((OpCode::SetAcl, Record::SetAcl { path: path.to_owned(), acl, version }))
    }

    /// The record says the version that the next change would have, as in Java, though nothing changes.
    pub(super) fn check(&mut self, path: &str, version: i32) -> Prepared {
        self.check_session()?;
        path::validate(path).map_err(|_| Code::BadArguments)?;
        let node = self.node(path)?;
        self.permit(&node.acl, Perms::READ)?;
        let version = next_version(node.stat.version, version)?;
        Ok((OpCode::Check, Record::Check { path: path.to_owned(), version }))
    }

    /// Deletes a znode that has passed its checks. A parent's `cversion` counts creations only.
    pub(super) fn remove(&mut self, path: &str, node: &Prospect, parent_path: &str, parent: &Prospect) {
        let left = parent.node.with(|fields| {
            fields.children = fields.children.saturating_sub(1);
            fields.stat.pzxid = self.zxid;
        });
        self.put(parent_path, Some(parent), Some(Prospect { node: left, acl: parent.acl.clone() }));
        self.put(path, Some(node), None);
    }
}

/// As [`parent_of`], and not one of the znodes that there always are (`getParentPathAndValidate`, `isSpecialPath`).
fn parent_of_deletable(path: &str) -> Result<&str, Code> {
    match path {
        "/" | "/zookeeper" | "/zookeeper/quota" | "/zookeeper/config" => Err(Code::BadArguments),
        _ => parent_of(path),
    }
}

//! Questions of clients that change nothing (`FinalRequestProcessor`), each answered from one version of the tree.
//!
//! `ids` is what the client has proved to be. Rule NoNodeBeforeNoAuth holds for all of them: what does not exist has no
//! ACL that could hide it.

use super::acl::{Acl, Id, Perms};
use super::error::Code;
use super::node::Node;
use super::permission::allows;
use super::stat::{SessionId, Stat};
use super::state::Tree;

impl Tree {
    /// exists: the znode's Stat.
    ///
    /// # Errors
    /// `BadArguments` if the path has a null character; `NoAuth` without READ (ZOOKEEPER-2590); `NoNode`.
    pub fn exists(&self, path: &str, ids: &[Id]) -> Result<Stat, Code> {
        if path.contains('\0') {
            return Err(Code::BadArguments);
        }
        self.readable(path, Perms::READ, ids).map(|node| self.stat(node))
    }

    /// getData: the data, of which null and empty are two, and the Stat.
    ///
    /// # Errors
    /// `NoNode`; `NoAuth` without READ.
    pub fn get_data(&self, path: &str, ids: &[Id]) -> Result<(Option<&[u8]>, Stat), Code> {
        self.readable(path, Perms::READ, ids).map(|node| (node.data(), self.stat(node)))
    }

    /// getACL: the ACL and the Stat. Rule HashesAreMasked: who has not ADMIN sees `x` for the hashes of passwords.
    ///
    /// # Errors
    /// `NoNode`; `NoAuth` with neither READ nor ADMIN.
    pub fn get_acl(&self, path: &str, ids: &[Id]) -> Result<(Vec<Acl>, Stat), Code> {
        let node = self.readable(path, Perms(Perms::READ.0 | Perms::ADMIN.0), ids)?;
        let mut acl = self.acl(node.acl).to_vec();
        if !allows(&acl, Perms::ADMIN, ids) {
            acl.iter_mut().filter(|entry| entry.id.scheme == "digest").for_each(mask);
        }
        Ok((acl, self.stat(node)))
    }

    /// getChildren and getChildren2: the names of the children in order, which Java does not promise, and the Stat.
    ///
    /// # Errors
    /// `NoNode`; `NoAuth` without READ.
    pub fn get_children(&self, path: &str, ids: &[Id]) -> Result<(Vec<&str>, Stat), Code> {
        let node = self.readable(path, Perms::READ, ids)?;
        let mut names = Vec::with_capacity(node.children as usize);
        names.extend(self.nodes.children(node.path()).map(Node::name));
        Ok((names, self.stat(node)))
    }

    /// getAllChildrenNumber: how many znodes stand below.
    ///
    /// # Errors
    /// `NoNode`; `NoAuth` without READ.
    pub fn get_all_children_number(&self, path: &str, ids: &[Id]) -> Result<i32, Code> {
        let node = self.readable(path, Perms::READ, ids)?;
        let below = if path.is_empty() {
            // The root's other name: Java counts every path that begins with it and a slash, `/` among them.
            self.node_count()
        } else if node.path() == super::path::ROOT {
            self.node_count() - 1
        } else {
            self.nodes.below_children(&format!("{path}/")).count() + node.children as usize
        };
        Ok(i32::try_from(below).unwrap_or(i32::MAX))
    }

    /// getEphemerals: the paths of the session's ephemeral znodes that begin with this text. Nobody is asked for
    /// permission: they are the client's own.
    pub fn get_ephemerals<'a>(&'a self, session: SessionId, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        // Java trims, to see whether there is a prefix, and then does not.
        let all = matches!(prefix.trim_matches(|c| c <= ' '), "" | "/");
        self.ephemerals(session).filter(move |path| all || path.starts_with(prefix))
    }

    fn readable(&self, path: &str, perms: Perms, ids: &[Id]) -> Result<&Node, Code> {
        let node = self.node(path).ok_or(Code::NoNode)?;
        if allows(self.acl(node.acl), perms, ids) { Ok(node) } else { Err(Code::NoAuth) }
    }
}

/// The user's name stays.
fn mask(entry: &mut Acl) {
    if let Some(colon) = entry.id.id.find(':') {
        entry.id.id.truncate(colon);
        entry.id.id.push_str(":x");
    }
}

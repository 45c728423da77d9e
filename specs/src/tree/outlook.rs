//! What the transactions that are prepared but not applied yet will have made of the tree.
//!
//! Java's `outstandingChanges` and `outstandingChangesForPath` (`ZooKeeperServer`), with the undoing of a failed multi
//! (`PrepRequestProcessor.rollbackPendingChanges`).

use super::acl::Acl;
use super::node::Node;
use super::quota::Exceeded;
use super::stat::SessionId;
use super::state::Tree;
use crate::Zxid;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Deref;
use std::sync::Arc;

/// The leader's view beyond the committed tree. Empty when leadership starts; dropped when it is lost.
///
/// Holds what is outstanding and nothing else, so its size follows the requests in flight and not the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// What the last outstanding transaction that touches a path makes of it.
    nodes: BTreeMap<Arc<str>, Outstanding>,
    /// Every change of a znode, oldest first, with what it replaced here.
    order: VecDeque<Replaced>,
    /// The znodes among `nodes` with an owner, by its number: a session's are its ephemeral ones.
    ephemerals: BTreeSet<(SessionId, Arc<str>)>,
    /// Sessions that will open (`true`) or close, and by which transaction.
    sessions: BTreeMap<SessionId, (Zxid, bool)>,
    /// The same, oldest first.
    session_order: VecDeque<(Zxid, SessionId)>,
    /// The tree's digest after the last change; means something only while `order` is not empty.
    digest: u64,
    /// What the last request that was prepared exceeds.
    pub(super) exceeded: Vec<Exceeded>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Outstanding {
    zxid: Zxid,
    /// `None`: it will be deleted.
    node: Option<Prospect>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Replaced {
    zxid: Zxid,
    path: Arc<str>,
    /// What was outstanding for this path before.
    before: Option<Outstanding>,
    /// The digest before.
    digest: u64,
}

/// A znode as it will be (Java's `ChangeRecord`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prospect {
    /// The znode; its number of an ACL means nothing here, since only applying gives numbers.
    pub node: Node,
    /// Its ACL.
    pub acl: Arc<[Acl]>,
}

impl Deref for Prospect {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.node
    }
}

impl Outlook {
    /// The transactions up to this zxid are in the tree now: forgets them. To be called in the same step in which the
    /// tree applied them, since what is asked for next is looked for in the tree.
    pub fn committed(&mut self, zxid: Zxid) {
        while self.order.front().is_some_and(|replaced| replaced.zxid <= zxid) {
            let Some(replaced) = self.order.pop_front() else { break };
            if self.nodes.get(&replaced.path).is_some_and(|outstanding| outstanding.zxid <= zxid) {
                self.set(&replaced.path, None);
            }
        }
        while self.session_order.front().is_some_and(|(changed, _)| *changed <= zxid) {
            let Some((_, session)) = self.session_order.pop_front() else { break };
            if self.sessions.get(&session).is_some_and(|(changed, _)| *changed <= zxid) {
                self.sessions.remove(&session);
            }
        }
    }

    /// Whether everything that was prepared is in the tree.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty() && self.session_order.is_empty()
    }

    /// The znode at this path as it will be. The root is `/` and nothing else: were a znode known by two names, what is
    /// outstanding under one would be missed under the other, as it is in Java.
    #[must_use]
    pub fn node(&self, tree: &Tree, path: &str) -> Option<Prospect> {
        if let Some(outstanding) = self.nodes.get(path) {
            return outstanding.node.clone();
        }
        let node = tree.node(path).filter(|node| node.path() == path)?;
        Some(Prospect { node: node.clone(), acl: tree.acl(node.acl).clone() })
    }

    /// The tree's digest as it will be.
    #[must_use]
    pub fn digest(&self, tree: &Tree) -> u64 {
        if self.order.is_empty() { tree.digest() } else { self.digest }
    }

    /// Whether the session will be open.
    #[must_use]
    pub fn has_session(&self, tree: &Tree, session: SessionId) -> bool {
        self.sessions.get(&session).map_or_else(|| tree.session_timeout(session).is_some(), |(_, opens)| *opens)
    }

    /// The ephemeral znodes that the session will have, in the order of their paths.
    #[must_use]
    pub fn ephemerals(&self, tree: &Tree, session: SessionId) -> BTreeSet<Arc<str>> {
        let committed = tree.ephemerals(session).filter(|path| !self.nodes.contains_key(*path)).map(Arc::from);
        let first = (session, Arc::from(""));
        let outstanding = self.ephemerals.range(first..).take_while(|(owner, _)| *owner == session);
        committed.chain(outstanding.map(|(_, path)| path.clone())).collect()
    }

    /// The quotas that the last request exceeds: what it asked for was done where all of them are soft. For the log of
    /// the server, as Java; nothing where quotas are not enforced.
    #[must_use]
    pub fn exceeded(&self) -> &[Exceeded] {
        &self.exceeded
    }

    /// A transaction makes this of a znode, and this of the tree's digest.
    pub(super) fn change(&mut self, zxid: Zxid, path: &str, node: Option<Prospect>, digest: u64) {
        let path = Arc::from(path);
        let before = self.set(&path, Some(Outstanding { zxid, node }));
        self.order.push_back(Replaced { zxid, path, before, digest: self.digest });
        self.digest = digest;
    }

    /// The transaction failed after some of its changes: takes them back.
    pub(super) fn roll_back(&mut self, zxid: Zxid) {
        while self.order.back().is_some_and(|replaced| replaced.zxid == zxid) {
            let Some(replaced) = self.order.pop_back() else { break };
            self.set(&replaced.path, replaced.before);
            self.digest = replaced.digest;
        }
    }

    /// A transaction opens or closes a session.
    pub(super) fn change_session(&mut self, zxid: Zxid, session: SessionId, opens: bool) {
        self.sessions.insert(session, (zxid, opens));
        self.session_order.push_back((zxid, session));
    }

    /// The one place that touches `nodes`, so that `ephemerals` follows. The answer is what was there.
    fn set(&mut self, path: &Arc<str>, outstanding: Option<Outstanding>) -> Option<Outstanding> {
        let owner = |outstanding: &Option<Outstanding>| Some(outstanding.as_ref()?.node.as_ref()?.stat.ephemeral_owner);
        let (after, before) = (
            owner(&outstanding),
            match outstanding {
                Some(outstanding) => self.nodes.insert(path.clone(), outstanding),
                None => self.nodes.remove(path),
            },
        );
        if let Some(owner) = owner(&before) {
            self.ephemerals.remove(&(SessionId(owner), path.clone()));
        }
        if let Some(owner) = after.filter(|owner| *owner != 0) {
            self.ephemerals.insert((SessionId(owner), path.clone()));
        }
        before
    }
}

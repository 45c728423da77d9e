//! The tree itself: what it holds, and the few ways in which that changes, each of which keeps the sums right.

use super::acl::{Acl, Perms};
use super::acls::AclTable;
use super::digest;
use super::node::{AclId, Fields, Node};
use super::nodes::Nodes;
use super::path;
use super::quota;
use super::stat::{Owner, SessionId, Stat, StatPersisted};
use crate::Zxid;
use imbl::{OrdMap, OrdSet};
use std::sync::Arc;

/// What a server's configuration says about its tree. Equal on all servers of an ensemble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeOptions {
    /// Whether there are times to live (`zookeeper.extendedTypesEnabled`, off).
    pub extended_types: bool,
    /// Whether the digest is kept (`zookeeper.digest.enabled`, on).
    pub digest: bool,
}

impl Default for TreeOptions {
    fn default() -> TreeOptions {
        TreeOptions { extended_types: false, digest: true }
    }
}

/// Znodes, their access control lists, and the sessions. A clone costs nothing and stays as it was.
///
/// Two trees are equal if they hold the same; under which numbers their tables keep the lists does not matter.
#[derive(Clone, Debug)]
pub struct Tree {
    pub(super) options: TreeOptions,
    pub(super) nodes: Nodes,
    pub(super) acls: AclTable,
    pub(super) sessions: OrdMap<SessionId, i32>,
    ephemerals: OrdMap<SessionId, OrdSet<Arc<str>>>,
    containers: OrdSet<Arc<str>>,
    ttls: OrdSet<Arc<str>>,
    /// How many znodes limit what may stand somewhere.
    quotas: u32,
    digest: u64,
    pub(super) last_zxid: Zxid,
}

impl Tree {
    /// The tree before the first transaction: `/`, `/zookeeper`, and below it `quota` and `config`, all with nothing
    /// but zeros. Everyone may read `config`, and nobody but the super user write it.
    #[must_use]
    pub fn new(options: TreeOptions) -> Tree {
        let mut tree = Tree::empty(options);
        for path in [path::ROOT, path::ZOOKEEPER, path::QUOTA] {
            tree.insert(Node::new(path, Some(b""), AclId::OPEN, StatPersisted::default(), 0), |_| {});
        }
        tree.add_config_node();
        tree
    }

    /// Nothing at all, not even a root.
    pub(super) fn empty(options: TreeOptions) -> Tree {
        Tree {
            options,
            nodes: Nodes::default(),
            acls: AclTable::new(),
            sessions: OrdMap::new(),
            ephemerals: OrdMap::new(),
            containers: OrdSet::new(),
            ttls: OrdSet::new(),
            quotas: 0,
            digest: 0,
            last_zxid: Zxid::ZERO,
        }
    }

    // ---- What it holds --------------------------------------------------------------------------------------------

    /// What it was made with.
    #[must_use]
    pub fn options(&self) -> TreeOptions {
        self.options
    }

    /// The znode with this path. The empty path is another name of the root, as in Java.
    #[must_use]
    pub fn node(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// What a client is told of this znode.
    #[must_use]
    pub fn stat(&self, node: &Node) -> Stat {
        node.stat(self.options.extended_types)
    }

    /// The names of the children, in order. Of a znode that does not exist: none.
    pub fn children<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a str> {
        self.nodes.children(path).map(Node::name)
    }

    /// Every znode, each behind its parent: the order in which a snapshot can hold them.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// How many znodes there are, with the root and ZooKeeper's own. (Java counts the root twice.)
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The bytes of all paths and data (`DataTree.cachedApproximateDataSize`).
    #[must_use]
    pub fn data_size(&self) -> u64 {
        self.nodes.bytes()
    }

    /// The access control list with this number; see [`AclTable::get`].
    #[must_use]
    pub fn acl(&self, id: AclId) -> &Arc<[Acl]> {
        self.acls.get(id)
    }

    /// All access control lists.
    #[must_use]
    pub fn acl_table(&self) -> &AclTable {
        &self.acls
    }

    /// Every open session with its timeout in milliseconds.
    pub fn sessions(&self) -> impl ExactSizeIterator<Item = (SessionId, i32)> {
        self.sessions.iter().map(|(session, timeout)| (*session, *timeout))
    }

    /// The timeout of this session in milliseconds, if it is open.
    #[must_use]
    pub fn session_timeout(&self, session: SessionId) -> Option<i32> {
        self.sessions.get(&session).copied()
    }

    /// The paths of this session's ephemeral znodes, in order.
    pub fn ephemerals(&self, session: SessionId) -> impl Iterator<Item = &str> {
        self.ephemerals.get(&session).into_iter().flatten().map(|path| &**path)
    }

    /// The sessions that have ephemeral znodes, open or not. (A snapshot may hold some of a session that is over.)
    pub fn ephemeral_owners(&self) -> impl ExactSizeIterator<Item = SessionId> {
        self.ephemerals.keys().copied()
    }

    /// The paths of the containers, in order.
    pub fn containers(&self) -> impl ExactSizeIterator<Item = &str> {
        self.containers.iter().map(|path| &**path)
    }

    /// The paths of the znodes with a time to live, in order.
    pub fn ttls(&self) -> impl ExactSizeIterator<Item = &str> {
        self.ttls.iter().map(|path| &**path)
    }

    /// ZooKeeper's digest of all znodes ([`digest::VERSION`]); 0 where it is not kept.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// The last transaction that was applied.
    #[must_use]
    pub fn last_zxid(&self) -> Zxid {
        self.last_zxid
    }

    /// Whether there is a quota anywhere.
    pub(super) fn has_quotas(&self) -> bool {
        self.quotas > 0
    }

    // ---- How it changes -------------------------------------------------------------------------------------------

    /// Notes a zxid of which there is no transaction: an epoch's beginning, when its leader is established. Lower ones
    /// than the last are passed over.
    pub fn advance_to(&mut self, zxid: Zxid) {
        self.last_zxid = self.last_zxid.max(zxid);
    }

    /// Sets the data of `/zookeeper/config`, which every server does for itself when it starts, without transaction
    /// (`ZKDatabase.initConfigInZKDatabase`). `version` is the configuration's; `time` in milliseconds since 1970.
    pub fn set_config(&mut self, text: &str, version: Zxid, time: i64) {
        if self.node(path::CONFIG).is_none() {
            self.add_config_node();
        }
        if let Some(node) = self.node(path::CONFIG) {
            let stat = StatPersisted { mzxid: version, mtime: time, version: -1, ..node.stat };
            self.replace(Node::new(path::CONFIG, Some(text.as_bytes()), node.acl, stat, node.children));
        }
    }

    /// Snapshots of releases before 3.5 do not have it (`DataTree.addConfigNode`).
    fn add_config_node(&mut self) {
        let read_only = Acl { perms: Perms::READ, ..Acl::open().remove(0) };
        let acl = self.acls.acquire(&[read_only]);
        // Java sets the ACL with version −1.
        let stat = StatPersisted { aversion: -1, ..StatPersisted::default() };
        self.insert(Node::new(path::CONFIG, Some(b""), acl, stat, 0), |_| {});
    }

    /// Puts a znode where none is: its owner lists it, and its parent counts it and changes as said. The use of its ACL
    /// is counted already.
    pub(super) fn insert(&mut self, node: Node, parent: impl FnOnce(&mut Fields)) {
        if node.path() != path::ROOT {
            self.update(path::parent(node.path()), |fields| {
                fields.children += 1;
                parent(fields);
            });
        }
        self.own(&node);
        self.replace(node);
    }

    /// Changes fields of a znode, but not its owner; nothing if there is none.
    pub(super) fn update(&mut self, path: &str, change: impl FnOnce(&mut Fields)) {
        if let Some(node) = self.nodes.get(path) {
            self.replace(node.with(change));
        }
    }

    /// Puts a znode in the place of the one with its path, of the same owner.
    pub(super) fn replace(&mut self, node: Node) {
        if self.options.digest {
            self.digest = self.digest.wrapping_add(digest::of_node(&node));
        }
        let before = self.nodes.insert(node);
        self.undigest(before.as_ref());
    }

    /// Takes a znode away, with the use of its ACL; its parent changes as said. Its children stay: that there are none
    /// is the caller's business.
    pub(super) fn remove(&mut self, path: &str, parent: impl FnOnce(&mut Fields)) -> Option<Node> {
        let node = self.nodes.remove(path)?;
        self.undigest(Some(&node));
        self.disown(&node);
        self.acls.release(node.acl);
        self.update(path::parent(path), |fields| {
            fields.children = fields.children.saturating_sub(1);
            parent(fields);
        });
        Some(node)
    }

    fn undigest(&mut self, node: Option<&Node>) {
        if let Some(node) = node.filter(|_| self.options.digest) {
            self.digest = self.digest.wrapping_sub(digest::of_node(node));
        }
    }

    /// Lists a znode with its owner, if it has one, and notes whether it is a quota.
    pub(super) fn own(&mut self, node: &Node) {
        self.quotas += u32::from(is_quota(node));
        let path = || Arc::from(node.path());
        match node.owner(self.options.extended_types) {
            Owner::Nobody => None,
            Owner::Session(session) => self.ephemerals.entry(session).or_default().insert(path()),
            Owner::Container => self.containers.insert(path()),
            Owner::Ttl(_) => self.ttls.insert(path()),
        };
    }

    fn disown(&mut self, node: &Node) {
        self.quotas -= u32::from(is_quota(node));
        match node.owner(self.options.extended_types) {
            Owner::Nobody => {}
            Owner::Session(session) => self.disown_ephemeral(session, node.path()),
            Owner::Container => drop(self.containers.remove(node.path())),
            Owner::Ttl(_) => drop(self.ttls.remove(node.path())),
        }
    }

    fn disown_ephemeral(&mut self, session: SessionId, path: &str) {
        if let Some(paths) = self.ephemerals.get_mut(&session) {
            paths.remove(path);
            if paths.is_empty() {
                self.ephemerals.remove(&session);
            }
        }
    }
}

/// Whether it holds the limits of a quota.
fn is_quota(node: &Node) -> bool {
    node.name() == quota::LIMITS && node.path().starts_with(quota::ROOT)
}

impl PartialEq for Tree {
    fn eq(&self, other: &Tree) -> bool {
        let same_node = |(mine, theirs): (&Node, &Node)| {
            mine.path() == theirs.path()
                && mine.data() == theirs.data()
                && (mine.stat, mine.children) == (theirs.stat, theirs.children)
                && self.acl(mine.acl) == other.acl(theirs.acl)
        };
        (self.options, self.digest, self.last_zxid) == (other.options, other.digest, other.last_zxid)
            && (&self.sessions, &self.ephemerals) == (&other.sessions, &other.ephemerals)
            && (&self.containers, &self.ttls) == (&other.containers, &other.ttls)
            && self.nodes.len() == other.nodes.len()
            && self.nodes().zip(other.nodes()).all(same_node)
    }
}

impl Eq for Tree {}

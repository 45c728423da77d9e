//! What every server does with a transaction that is delivered (`DataTree.processTxn`).

use super::acl::Acl;
use super::error::Code;
use super::node::{Fields, Node};
use super::operation::OpCode;
use super::path;
use super::stat::{Owner, SessionId, Stat, StatPersisted};
use super::state::Tree;
use super::txn::{CreateTxn, Record, Transaction, TxnHeader};
use crate::Zxid;
use std::sync::Arc;

/// What a transaction came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What to answer. Of a multi that failed: its first error.
    pub result: Result<Outcome, Code>,
    /// What to answer to each operation of a multi; empty for all else. The kinds are the record's.
    pub operations: Vec<Result<Outcome, Code>>,
    /// What watches may see, in order.
    pub events: Vec<Event>,
    /// Whether the tree's digest is now the transaction's; `None` if it has none or none is kept. It means nothing
    /// while the log is replayed over a fuzzy snapshot.
    pub digest_matches: Option<bool>,
}

/// What a transaction, or an operation of a multi, did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A znode is new. Which kinds of create answer with the Stat is the wire's business.
    Created {
        /// Its path.
        path: String,
        /// Its Stat.
        stat: Stat,
    },
    /// A znode has gone.
    Deleted,
    /// Data are set.
    DataSet(Stat),
    /// An ACL is set.
    AclSet(Stat),
    /// The version was right.
    Checked,
    /// All operations of a multi are done.
    Multi,
    /// Nothing, because an operation later in the same multi failed: answered as an error with code 0.
    Undone,
    /// A session is open.
    SessionCreated,
    /// A session is over, and its ephemeral znodes have gone.
    SessionClosed,
}

/// What happened to a znode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// It is new.
    Created,
    /// It has gone.
    Deleted,
    /// Its data were set.
    DataChanged,
    /// A child came or went.
    ChildrenChanged,
}

/// Something that watches may see (`WatchedEvent`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// To which znode.
    pub path: String,
    /// By which transaction.
    pub zxid: Zxid,
    /// The znode's ACL, as it was before a change and is after a creation: who may not read the znode sees nothing
    /// (CVE-2024-23944).
    pub acl: Arc<[Acl]>,
}

/// What changes while one transaction, or one operation of a multi, is applied.
struct Applying<'a> {
    tree: &'a mut Tree,
    header: &'a TxnHeader,
    events: Vec<Event>,
}

impl Tree {
    /// Applies a transaction. Total, and equal on all servers. Rule ReplayIsIdempotent: what a fuzzy snapshot holds
    /// already is found so; the errors that this brings are in [`Applied::result`] and change nothing.
    pub fn apply(&mut self, transaction: &Transaction) -> Applied {
        let mut applying = Applying { tree: self, header: &transaction.header, events: Vec::new() };
        let (result, operations) = match &transaction.record {
            Record::Multi(operations) => applying.multi(operations),
            record => (applying.record(record), Vec::new()),
        };
        let events = applying.events;
        self.advance_to(transaction.header.zxid);
        let digest_matches = transaction.digest.filter(|_| self.options.digest).map(|digest| digest == self.digest());
        Applied { result, operations, events, digest_matches }
    }
}

impl Applying<'_> {
    fn multi(&mut self, operations: &[(OpCode, Record)]) -> (Result<Outcome, Code>, Vec<Result<Outcome, Code>>) {
        let is_error = |record: &Record| matches!(record, Record::Error { .. });
        let failed = operations.iter().position(|(_, record)| is_error(record));
        let mut results = Vec::with_capacity(operations.len());
        for (index, (_, record)) in operations.iter().enumerate() {
            results.push(match (failed, record) {
                (None, _) | (Some(_), Record::Error { .. }) => self.record(record),
                // Rule FailedMultiChangesNothing.
                (Some(failed), _) if index < failed => Ok(Outcome::Undone),
                (Some(_), _) => Err(Code::RuntimeInconsistency),
            });
        }
        let first_error = results.iter().find_map(|result| result.as_ref().err()).copied();
        (first_error.map_or(Ok(Outcome::Multi), Err), results)
    }

    fn record(&mut self, record: &Record) -> Result<Outcome, Code> {
        match record {
            Record::Create(create) => {
                let owner = if create.ephemeral { Owner::Session(self.header.session) } else { Owner::Nobody };
                self.create(create, owner)
            }
            Record::CreateContainer(create) => self.create(create, Owner::Container),
            Record::CreateTtl(create, ttl) if (1..=Owner::MAX_TTL).contains(ttl) => {
                self.create(create, Owner::Ttl(*ttl))
            }
            Record::CreateTtl(..) => Err(Code::BadArguments),
            Record::Delete { path } => self.delete(path).map(|()| Outcome::Deleted),
            Record::SetData { path, data, version } => self.set_data(path, data.as_deref(), *version),
            Record::SetAcl { path, acl, version } => self.set_acl(path, acl, *version),
            Record::Check { .. } => Ok(Outcome::Checked),
            Record::CreateSession { timeout } => {
                self.tree.sessions.insert(self.header.session, *timeout);
                Ok(Outcome::SessionCreated)
            }
            Record::CloseSession { paths } => {
                self.close_session(self.header.session, paths.as_deref().unwrap_or_default());
                Ok(Outcome::SessionClosed)
            }
            Record::Error { code: 0 } => Ok(Outcome::Undone),
            Record::Error { code } => Err(Code::from_number(*code).unwrap_or(Code::SystemError)),
            // No server writes one inside of another.
            Record::Multi(_) => Err(Code::MarshallingError),
        }
    }

    fn create(&mut self, create: &CreateTxn, owner: Owner) -> Result<Outcome, Code> {
        let (path, zxid) = (&create.path, self.header.zxid);
        refuse_nameless(path)?;
        let parent = self.tree.node(path::parent(path)).ok_or(Code::NoNode)?;
        let parent_acl = self.tree.acl(parent.acl).clone();
        let acl = self.tree.acls.acquire(&create.acl);
        let cversion = create.parent_cversion;
        let raise = move |parent: &mut Fields| raise_cversion(parent, cversion, zxid);
        if let Some(existing) = self.tree.node(path).map(|existing| existing.acl) {
            // Only in a replay over a fuzzy snapshot, whose table may lack this list (ZOOKEEPER-4846).
            self.tree.acls.release(existing);
            self.tree.update(path, |fields| fields.acl = acl);
            self.tree.update(path::parent(path), raise);
            return Err(Code::NodeExists);
        }
        let stat = StatPersisted {
            czxid: zxid,
            mzxid: zxid,
            pzxid: zxid,
            ctime: self.header.time,
            mtime: self.header.time,
            ephemeral_owner: owner.number(),
            ..StatPersisted::default()
        };
        let node = Node::new(path, create.data.as_deref(), acl, stat, 0);
        let stat = self.tree.stat(&node);
        self.tree.insert(node, raise);
        let acl = self.tree.acl(acl).clone();
        self.event(EventKind::Created, path, acl);
        self.event(EventKind::ChildrenChanged, path::parent(path), parent_acl);
        Ok(Outcome::Created { path: path.clone(), stat })
    }

    fn delete(&mut self, path: &str) -> Result<(), Code> {
        refuse_nameless(path)?;
        let parent = self.tree.node(path::parent(path)).ok_or(Code::NoNode)?;
        let parent_acl = self.tree.acl(parent.acl).clone();
        let zxid = self.header.zxid;
        // Rule PzxidOnlyGrows.
        let touch = move |parent: &mut Fields| parent.stat.pzxid = parent.stat.pzxid.max(zxid);
        let Some((acl, children)) = self.tree.node(path).map(|node| (node.acl, node.children)) else {
            // Gone already, but the parent may come from before.
            self.tree.update(path::parent(path), touch);
            return Err(Code::NoNode);
        };
        let acl = self.tree.acl(acl).clone();
        if children > 0 {
            self.delete_below(path);
        }
        self.tree.remove(path, touch);
        self.event(EventKind::Deleted, path, acl);
        self.event(EventKind::ChildrenChanged, path::parent(path), parent_acl);
        Ok(())
    }

    /// Rule NoOrphans: children of a znode that is deleted are from a fuzzy snapshot's future, in which the znode was
    /// created again. The log creates them again as well.
    fn delete_below(&mut self, path: &str) {
        let prefix = format!("{path}/");
        let children = self.tree.nodes.children(path).map(|node| node.path().to_owned());
        let below = self.tree.nodes.below_children(&prefix).map(|node| node.path().to_owned());
        let all: Vec<String> = children.chain(below).collect();
        // Backwards, so that parents go last.
        for path in all.iter().rev() {
            self.tree.remove(path, |_| {});
        }
    }

    fn set_data(&mut self, path: &str, data: Option<&[u8]>, version: i32) -> Result<Outcome, Code> {
        let node = self.tree.node(path).ok_or(Code::NoNode)?;
        let stat = StatPersisted { mzxid: self.header.zxid, mtime: self.header.time, version, ..node.stat };
        let changed = Node::new(node.path(), data, node.acl, stat, node.children);
        let (stat, acl) = (self.tree.stat(&changed), self.tree.acl(node.acl).clone());
        self.tree.replace(changed);
        self.event(EventKind::DataChanged, path, acl);
        Ok(Outcome::DataSet(stat))
    }

    /// Rule AclIsNotData: a new ACL changes neither mzxid nor mtime, and no watch sees it.
    fn set_acl(&mut self, path: &str, acl: &[Acl], version: i32) -> Result<Outcome, Code> {
        let node = self.tree.node(path).ok_or(Code::NoNode)?.clone();
        // The new one first: if it is the old one, its number stays.
        let acl = self.tree.acls.acquire(acl);
        self.tree.acls.release(node.acl);
        let changed = node.with(|fields| (fields.acl, fields.stat.aversion) = (acl, version));
        let stat = self.tree.stat(&changed);
        self.tree.replace(changed);
        Ok(Outcome::AclSet(stat))
    }

    /// Rule SessionTakesItsEphemerals: those that the leader names, and what else is found of it: all, where it names
    /// none, as releases before 3.6 do.
    fn close_session(&mut self, session: SessionId, named: &[String]) {
        // One that has gone already is no fault.
        for path in named {
            let _ = self.delete(path);
        }
        let found: Vec<String> = self.tree.ephemerals(session).map(str::to_owned).collect();
        for path in &found {
            let _ = self.delete(path);
        }
        self.tree.sessions.remove(&session);
    }

    fn event(&mut self, kind: EventKind, path: &str, acl: Arc<[Acl]>) {
        self.events.push(Event { kind, path: path.to_owned(), zxid: self.header.zxid, acl });
    }
}

/// Rule CversionOnlyGrows: the leader has computed it; −1 is one more than it is (logs of releases before 3.4).
fn raise_cversion(parent: &mut Fields, cversion: i32, zxid: Zxid) {
    let cversion = if cversion == -1 { parent.stat.cversion.wrapping_add(1) } else { cversion };
    if cversion > parent.stat.cversion {
        (parent.stat.cversion, parent.stat.pzxid) = (cversion, zxid);
    }
}

/// The root neither comes nor goes, and other paths that name nothing are in no leader's transaction.
fn refuse_nameless(path: &str) -> Result<(), Code> {
    let named = path.starts_with('/') && !path::name(path).is_empty();
    if named { Ok(()) } else { Err(Code::BadArguments) }
}

//! The tree as simply as it can be said: a map of paths, everything else counted anew when asked.

use std::collections::BTreeMap;
use zab::tree::*;

#[derive(Clone, Debug)]
pub struct NaiveNode {
    pub data: Option<Vec<u8>>,
    pub acl: Vec<Acl>,
    pub stat: StatPersisted,
}

#[derive(Clone, Debug, Default)]
pub struct Naive {
    pub nodes: BTreeMap<String, NaiveNode>,
    pub sessions: BTreeMap<SessionId, i32>,
}

impl Naive {
    pub fn of(tree: &Tree) -> Naive {
        let node = |node: &Node| NaiveNode {
            data: node.data().map(<[u8]>::to_vec),
            acl: tree.acl(node.acl).to_vec(),
            stat: node.stat,
        };
        let nodes = tree.nodes().map(|it| (it.path().to_owned(), node(it))).collect();
        Naive { nodes, sessions: tree.sessions().collect() }
    }

    pub fn children(&self, path: &str) -> Vec<String> {
        let below = self.nodes.keys().filter(|key| *key != "/" && path::parent(key) == path);
        below.map(|key| path::name(key).to_owned()).collect()
    }

    /// How many paths begin with this one and a slash.
    pub fn below(&self, path: &str) -> usize {
        self.nodes.keys().filter(|key| key.starts_with(&format!("{path}/"))).count()
    }

    pub fn owned(&self, wanted: Owner) -> Vec<String> {
        let same = |owner| match (owner, wanted) {
            (Owner::Ttl(_), Owner::Ttl(_)) => true,
            _ => owner == wanted,
        };
        let owned = self.nodes.iter().filter(|(_, node)| same(Owner::of(node.stat.ephemeral_owner, true)));
        owned.map(|(path, _)| path.clone()).collect()
    }

    /// The error of each operation, or none.
    pub fn apply(&mut self, transaction: &Transaction) -> Vec<Option<Code>> {
        let header = &transaction.header;
        let Record::Multi(records) = &transaction.record else {
            return vec![self.record(header, &transaction.record)];
        };
        let Some(failed) = records.iter().position(|(kind, _)| *kind == OpCode::Error) else {
            return records.iter().map(|(_, record)| self.record(header, record)).collect();
        };
        let errors = records.iter().enumerate().map(|(index, (_, record))| match record {
            Record::Error { code: 0 } => None,
            Record::Error { code } => Some(Code::from_number(*code).unwrap_or(Code::SystemError)),
            _ => (index > failed).then_some(Code::RuntimeInconsistency),
        });
        errors.collect()
    }

    fn record(&mut self, header: &TxnHeader, record: &Record) -> Option<Code> {
        match record {
            Record::Create(txn) if txn.ephemeral => self.create(header, txn, header.session.0),
            Record::Create(txn) => self.create(header, txn, 0),
            Record::CreateContainer(txn) => self.create(header, txn, i64::MIN),
            Record::CreateTtl(_, 0) => Some(Code::BadArguments),
            Record::CreateTtl(txn, ttl) => self.create(header, txn, (0xff << 56) | ttl),
            Record::Delete { path } => self.delete(header, path),
            Record::SetData { path, data, version } => match self.nodes.get_mut(path) {
                Some(node) => {
                    node.data = data.as_deref().map(<[u8]>::to_vec);
                    (node.stat.mzxid, node.stat.mtime, node.stat.version) = (header.zxid, header.time, *version);
                    None
                }
                None => Some(Code::NoNode),
            },
            Record::SetAcl { path, acl, version } => match self.nodes.get_mut(path) {
                Some(node) => {
                    (node.acl, node.stat.aversion) = (acl.clone(), *version);
                    None
                }
                None => Some(Code::NoNode),
            },
            Record::CreateSession { timeout } => {
                self.sessions.insert(header.session, *timeout);
                None
            }
            Record::CloseSession { paths } => {
                for path in paths.iter().flatten() {
                    self.delete(header, path);
                }
                for path in self.owned(Owner::Session(header.session)) {
                    self.delete(header, &path);
                }
                self.sessions.remove(&header.session);
                None
            }
            Record::Error { code: 0 } | Record::Check { .. } => None,
            Record::Error { code } => Some(Code::from_number(*code).unwrap_or(Code::SystemError)),
            Record::Multi(_) => Some(Code::MarshallingError),
        }
    }

    fn create(&mut self, header: &TxnHeader, txn: &CreateTxn, ephemeral_owner: i64) -> Option<Code> {
        let parent = self.nodes.get_mut(path::parent(&txn.path));
        let Some(parent) = parent else {
            return Some(Code::NoNode);
        };
        let cversion = if txn.parent_cversion < 0 { parent.stat.cversion + 1 } else { txn.parent_cversion };
        if cversion > parent.stat.cversion {
            (parent.stat.cversion, parent.stat.pzxid) = (cversion, header.zxid);
        }
        if let Some(existing) = self.nodes.get_mut(&txn.path) {
            existing.acl.clone_from(&txn.acl);
            return Some(Code::NodeExists);
        }
        let (zxid, time) = (header.zxid, header.time);
        let zeros = StatPersisted::default();
        let stat = StatPersisted { czxid: zxid, mzxid: zxid, pzxid: zxid, ctime: time, mtime: time, ..zeros };
        let stat = StatPersisted { ephemeral_owner, ..stat };
        let data = txn.data.as_deref().map(<[u8]>::to_vec);
        self.nodes.insert(txn.path.clone(), NaiveNode { data, acl: txn.acl.clone(), stat });
        None
    }

    fn delete(&mut self, header: &TxnHeader, path: &str) -> Option<Code> {
        let Some(parent) = self.nodes.get_mut(path::parent(path)) else {
            return Some(Code::NoNode);
        };
        parent.stat.pzxid = parent.stat.pzxid.max(header.zxid);
        if self.nodes.remove(path).is_none() {
            return Some(Code::NoNode);
        }
        self.nodes.retain(|below, _| !below.starts_with(&format!("{path}/")));
        None
    }
}

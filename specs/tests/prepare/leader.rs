//! A leader with nothing but a tree and an outlook, and short ways to ask it.

use bytes::Bytes;
use std::sync::Arc;
use zab::Zxid;
use zab::tree::{
    Acl, Asked, Change, Code, Id, OpCode, Outlook, Perms, PrepareOptions, Record, SessionId, Standing, Transaction,
    Tree, TreeOptions, prepare,
};

/// Prepares requests and, when told to, commits what is outstanding.
#[derive(Clone)]
pub struct Leader {
    pub tree: Tree,
    pub outlook: Outlook,
    pub outstanding: std::collections::VecDeque<Transaction>,
    pub options: PrepareOptions,
    last: Zxid,
}

impl Leader {
    /// A leader of an empty tree; sessions 1, 2 and 3 are open.
    pub fn new(extended_types: bool) -> Leader {
        let mut leader = Leader {
            tree: Tree::new(TreeOptions { extended_types, ..TreeOptions::default() }),
            outlook: Outlook::default(),
            outstanding: std::collections::VecDeque::new(),
            options: PrepareOptions::default(),
            last: Zxid(1 << 32),
        };
        for session in 1..=3 {
            leader.ask(&asked(session, Change::CreateSession { timeout: 10_000 }));
        }
        leader.commit(usize::MAX);
        leader
    }

    /// Prepares a request, at a time that follows from its zxid.
    pub fn ask(&mut self, asked: &Asked) -> Transaction {
        self.last = Zxid(self.last.0 + 1);
        let asked = Asked { options: self.options, ..asked.clone() };
        let transaction = prepare(&self.tree, &mut self.outlook, &asked, self.last, 1_000_000 + self.last.0 as i64);
        self.outstanding.push_back(transaction.clone());
        transaction
    }

    /// Commits so many of the oldest outstanding transactions; each must come out as it was prepared.
    pub fn commit(&mut self, many: usize) {
        for transaction in self.outstanding.drain(..many.min(self.outstanding.len())) {
            let applied = self.tree.apply(&transaction);
            assert_eq!(applied.result.err().map(Code::number), failure(&transaction), "{transaction:?}");
            assert_ne!(applied.digest_matches, Some(false), "{transaction:?}");
            self.outlook.committed(transaction.header.zxid);
        }
    }

    /// Asks for something that must be done, by session 1.
    pub fn must(&mut self, change: Change) -> Record {
        let transaction = self.ask(&asked(1, change.clone()));
        assert_eq!(failure(&transaction), None, "{change:?}");
        transaction.record
    }

    /// What fails a request of session 1.
    pub fn code(&mut self, change: Change) -> Option<Code> {
        code(&self.ask(&asked(1, change)))
    }
}

/// The number of the code with which a transaction fails.
pub fn failure(transaction: &Transaction) -> Option<i32> {
    match &transaction.record {
        Record::Error { code } => Some(*code),
        Record::Multi(records) => records.iter().find_map(|(_, record)| match record {
            Record::Error { code } => Some(*code),
            _ => None,
        }),
        _ => None,
    }
}

pub fn code(transaction: &Transaction) -> Option<Code> {
    failure(transaction).map(|number| Code::from_number(number).expect("a code"))
}

/// A request of this session, whose client comes from 10.0.0.1.
pub fn asked(session: i64, change: Change) -> Asked {
    Asked {
        session: SessionId(session),
        cxid: 7,
        change,
        identities: Arc::from([Id::new("ip", "10.0.0.1")]),
        standing: Standing::Here,
        options: PrepareOptions::default(),
    }
}

pub fn by(asked: Asked, scheme: &str, id: &str) -> Asked {
    let identities = asked.identities.iter().cloned().chain([Id::new(scheme, id)]).collect();
    Asked { identities, ..asked }
}

pub fn bytes(text: &str) -> Option<Bytes> {
    Some(Bytes::copy_from_slice(text.as_bytes()))
}

pub fn acl(perms: Perms, scheme: &str, id: &str) -> Acl {
    Acl { perms, id: Id::new(scheme, id) }
}

pub fn create(path: &str) -> Change {
    create_as(OpCode::Create, path, 0, -1, Acl::open())
}

pub fn create_mode(path: &str, flags: i32) -> Change {
    create_as(OpCode::Create, path, flags, -1, Acl::open())
}

pub fn create_as(kind: OpCode, path: &str, flags: i32, ttl: i64, acl: Vec<Acl>) -> Change {
    Change::Create { kind, path: path.to_owned(), data: bytes("data"), acl, flags, ttl }
}

pub fn create_ttl(path: &str, flags: i32, ttl: i64) -> Change {
    create_as(OpCode::CreateTtl, path, flags, ttl, Acl::open())
}

pub fn create_acl(path: &str, acl: Vec<Acl>) -> Change {
    create_as(OpCode::Create, path, 0, -1, acl)
}

pub fn delete(path: &str, version: i32) -> Change {
    Change::Delete { path: path.to_owned(), version }
}

pub fn delete_container(path: &str) -> Change {
    Change::DeleteContainer { path: path.to_owned() }
}

pub fn set(path: &str, data: &str, version: i32) -> Change {
    Change::SetData { path: path.to_owned(), data: bytes(data), version }
}

pub fn set_acl(path: &str, acl: Vec<Acl>, version: i32) -> Change {
    Change::SetAcl { path: path.to_owned(), acl, version }
}

pub fn check(path: &str, version: i32) -> Change {
    Change::Check { path: path.to_owned(), version }
}

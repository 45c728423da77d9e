//! Transactions: what changes the tree, already computed, equal on every server. These are the records of ZooKeeper's
//! log (`zookeeper.jute`, module `txn`); the bytes are the server's business.

use super::acl::Acl;
use super::error::Code;
use super::operation::OpCode;
use super::stat::SessionId;
use crate::Zxid;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What every transaction begins with (`TxnHeader`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TxnHeader {
    /// The session that asked.
    pub session: SessionId,
    /// Its number of the request.
    pub cxid: i32,
    /// The transaction's place in the order.
    pub zxid: Zxid,
    /// The leader's clock, in milliseconds since 1970.
    pub time: i64,
    /// What it is. It tells create from create2 and delete from deleteContainer, whose records are the same.
    pub kind: OpCode,
}

/// A transaction of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Transaction {
    /// Who, when, what.
    pub header: TxnHeader,
    /// The change.
    pub record: Record,
    /// The tree's digest after it, as the leader computed it (`TxnDigest` of version 2). Errors have none.
    pub digest: Option<u64>,
}

/// What a transaction changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Record {
    /// `CreateTxn`, of create and create2.
    Create(CreateTxn),
    /// `CreateContainerTxn`: as [`Record::Create`], never ephemeral.
    CreateContainer(CreateTxn),
    /// `CreateTTLTxn`: with its time to live in milliseconds, never ephemeral.
    CreateTtl(CreateTxn, i64),
    /// `DeleteTxn`, of delete and deleteContainer.
    Delete {
        /// Which znode.
        path: String,
    },
    /// `SetDataTxn`, of setData and reconfig.
    SetData {
        /// Which znode.
        path: String,
        /// Its new data; null and empty are two things.
        data: Option<Bytes>,
        /// Its new version.
        version: i32,
    },
    /// `SetACLTxn`.
    SetAcl {
        /// Which znode.
        path: String,
        /// Its new ACL.
        acl: Vec<Acl>,
        /// Its new ACL version.
        version: i32,
    },
    /// `CheckVersionTxn`: changes nothing.
    Check {
        /// Which znode.
        path: String,
        /// The version that it had.
        version: i32,
    },
    /// `CreateSessionTxn`.
    CreateSession {
        /// The session's timeout in milliseconds.
        timeout: i32,
    },
    /// `CloseSessionTxn`: the ephemeral znodes that go. `None`, as releases before 3.6 wrote it: all of the session.
    CloseSession {
        /// Which znodes.
        paths: Option<Vec<String>>,
    },
    /// `ErrorTxn`: a request that failed. It changes nothing but the order.
    Error {
        /// [`Code::number`], or 0 inside a multi for operations before the one that failed.
        code: i32,
    },
    /// `MultiTxn`: all of them or, where one is an error, nothing. A multi holds no multi.
    Multi(Vec<(OpCode, Record)>),
}

/// `CreateTxn`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CreateTxn {
    /// Its path, with the number of a sequential znode.
    pub path: String,
    /// Its data; null and empty are two things.
    pub data: Option<Bytes>,
    /// Its ACL.
    pub acl: Vec<Acl>,
    /// Whether it goes with the session.
    pub ephemeral: bool,
    /// The parent's new `cversion`; −1 as releases before 3.4 wrote it: one more than it is.
    pub parent_cversion: i32,
}

impl Record {
    /// The record of a request that failed.
    #[must_use]
    pub fn error(code: Code) -> Record {
        Record::Error { code: code.number() }
    }
}

//! The state machine: znodes, sessions, watches and ACLs.

pub mod acl;
pub mod error;
pub mod operation;
pub mod stat;
pub mod txn;

pub use acl::{Acl, Id, Perms};
pub use error::Code;
pub use operation::{Change, CreateMode, OpCode};
pub use stat::{Owner, SessionId, Stat, StatPersisted};
pub use txn::{CreateTxn, Record, Transaction, TxnHeader};

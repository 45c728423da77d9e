//! The state machine: znodes, sessions, watches and ACLs.

pub mod acl;
pub mod error;
pub mod operation;
pub mod session;
pub mod stat;
pub mod txn;
pub mod watch;

pub use acl::{Acl, Id, Perms};
pub use error::Code;
pub use operation::{Change, CreateMode, OpCode};
pub use session::{SessionIds, SessionOwner, Sessions};
pub use stat::{Owner, SessionId, Stat, StatPersisted};
pub use txn::{CreateTxn, Record, Transaction, TxnHeader};
pub use watch::{Event, EventKind, Notification, SetWatches, WatchMode, WatcherId, WatcherType, Watches};

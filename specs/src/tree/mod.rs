#![doc = include_str!("tree.md")]

pub mod acl;
pub mod acls;
pub mod apply;
pub mod builder;
pub mod digest;
pub mod error;
pub mod node;
mod nodes;
pub mod operation;
pub mod path;
pub mod permission;
pub mod read;
pub mod session;
pub mod stat;
pub mod state;
pub mod txn;
pub mod watch;

pub use acl::{Acl, Id, Perms};
pub use acls::AclTable;
pub use apply::{Applied, Event, EventKind, Outcome};
pub use builder::{BuildError, Builder};
pub use error::Code;
pub use node::{AclId, Node};
pub use operation::{Change, CreateMode, OpCode};
pub use path::PathError;
pub use permission::allows;
pub use session::{SessionIds, SessionOwner, Sessions};
pub use stat::{Owner, SessionId, Stat, StatPersisted};
pub use state::{Tree, TreeOptions};
pub use txn::{CreateTxn, Record, Transaction, TxnHeader};
pub use watch::{Notification, SetWatches, WatchMode, WatcherId, WatcherType, Watches};

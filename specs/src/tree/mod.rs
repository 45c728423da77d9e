#![doc = include_str!("tree.md")]

pub mod acl;
pub mod acls;
pub mod apply;
pub mod auth;
pub mod builder;
pub mod digest;
pub mod error;
pub mod node;
mod nodes;
pub mod operation;
pub mod outlook;
pub mod path;
pub mod permission;
pub mod prepare;
pub mod quota;
pub mod read;
pub mod stat;
pub mod state;
pub mod txn;
mod usage;

pub use acl::{Acl, Id, Perms};
pub use acls::AclTable;
pub use apply::{Applied, Event, EventKind, Outcome};
pub use auth::Schemes;
pub use builder::{BuildError, Builder};
pub use error::Code;
pub use node::{AclId, Node};
pub use operation::{Change, CreateMode, OpCode};
pub use outlook::Outlook;
pub use path::PathError;
pub use permission::allows;
pub use prepare::{Asked, PrepareOptions, Standing, prepare};
pub use stat::{Owner, SessionId, Stat, StatPersisted};
pub use state::{Tree, TreeOptions};
pub use txn::{CreateTxn, Record, Transaction, TxnHeader};

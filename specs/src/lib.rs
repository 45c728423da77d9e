//! <!-- Of two definitions of a link the first counts: these for rustdoc, the README's own for editors and the web. -->
//!
//! [`number`]: mod@number
//! [`ensemble`]: mod@ensemble
//! [`history`]: mod@history
//! [`disk`]: mod@disk
//! [`contract`]: mod@contract
//! [`peer`]: mod@peer
//! [`election`]: mod@election
//! [`discovery`]: mod@discovery
//! [`synchronization`]: mod@synchronization
//! [`broadcast`]: mod@broadcast
//! [`message`]: mod@message
//! [`properties`]: mod@properties
//! [`trace`]: mod@trace
//! [`tree`]: mod@tree
//! [`recipes`]: mod@recipes
//! [`tree::prepare`]: tree::prepare()
//! [`tree::watch`]: mod@tree::watch
//! [`tree::session`]: mod@tree::session
//!
#![doc = include_str!("../README.md")]

pub mod broadcast;
pub mod contract;
pub mod discovery;
pub mod disk;
pub mod election;
pub mod ensemble;
mod hexadecimal;
pub mod history;
pub mod message;
pub mod number;
pub mod peer;
pub mod properties;
pub mod recipes;
pub mod synchronization;
pub mod trace;
pub mod tree;

pub use contract::{Halt, Input, Output, Timer};
pub use disk::{Disk, Write};
pub use ensemble::Ensemble;
pub use hexadecimal::Digits;
pub use history::{History, Payload, Txn};
pub use message::{AckEpoch, Message, Notification, Request, ServerState, Vote};
pub use number::{Epoch, Round, ServerId, Zxid};
pub use peer::{Peer, Role};

#![doc = include_str!("../README.md")]

pub mod broadcast;
pub mod contract;
pub mod discovery;
pub mod disk;
pub mod election;
pub mod ensemble;
pub mod history;
pub mod message;
pub mod number;
pub mod peer;
pub mod properties;
pub mod synchronization;
pub mod trace;
pub mod tree;

pub use contract::{Halt, Input, Output, Timer};
pub use disk::{Disk, Write};
pub use ensemble::Ensemble;
pub use history::{History, Payload, Txn};
pub use message::{AckEpoch, Message, Notification, Request, ServerState, Vote};
pub use number::{Epoch, Round, ServerId, Zxid};
pub use peer::{Peer, Role};

#![doc = include_str!("wire.md")]

pub mod connect;
pub mod data;
#[cfg(feature = "server")]
pub mod election;
pub mod error;
pub mod event;
pub mod frame;
pub mod header;
pub mod jute;
pub mod multi;
#[cfg(feature = "server")]
pub mod quorum;
pub mod reply;
pub mod request;
pub mod txn;

mod change;
mod lossy;

pub use connect::{ConnectRequest, ConnectResponse};
pub use data::ClientInfo;
pub use error::WireError;
pub use event::{EventType, KeeperState, WatcherEvent};
pub use frame::{Frame, FrameDecoder, FrameError};
pub use header::{ReplyHeader, RequestHeader};
pub use jute::{Reader, Writer};
pub use multi::{OperationResult, ReadOperation};
pub use reply::{Reply, encode_reply};
pub use request::{ClientRequest, encode_request};
pub use txn::{decode_transaction, encode_transaction};

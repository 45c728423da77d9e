//! An asynchronous client of any server that speaks ZooKeeper's protocol. It needs a tokio runtime, and of this crate
//! only the feature `client`.
//!
//! ```no_run
//! use zabkeeper::client::{Acl, Client, CreateMode};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect("h1:2181,h2:2181/app").await?;
//! client.create("/answer", b"41", CreateMode::Persistent, &Acl::open()).await?;
//! let ((data, stat), changed) = client.get_data_and_watch("/answer").await?;
//! assert_eq!((&data[..], stat.persisted.version), (&b"41"[..], 0));
//! client.set_data("/answer", b"42", Some(stat.persisted.version)).await?;
//! println!("{:?}", changed.await.kind);
//! client.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! - **Order.** A request is sent when its method is called, not when it is awaited ([`Pending`]). Requests are
//!   pipelined, and answered in their order. An event is there before the reply that shows what it tells of.
//! - **One session.** The client pings at a third of the session's timeout, leaves a server that was silent for two
//!   thirds, and goes on with the next one: the session, its watches and its proofs come along. When the session is
//!   over, which only a server can say (or nobody, if none was reached for 4/3 of the timeout), the client ends: every
//!   request, now and later, fails with [`Error::SessionExpired`], every watch is told once, [`Client::state`] is
//!   [`SessionState::Expired`]. A new session is a new client: its owner must know that ephemeral znodes are gone.
//! - **No repetition.** When a connection breaks, all that waits for an answer, or for a connection, fails with
//!   [`Error::ConnectionLoss`] (as in Java): whether it was done is not known, and only its author knows whether it may
//!   be asked again.
//! - **Cancellation.** Any future may be dropped at any time. The request is not taken back, others are not disturbed.
//! - **Traces.** By the crate `tracing`: a span `zookeeper` over the life of the session, with what happens to it as
//!   events; a span `request` (debug) for each request, below the caller's own, with `operation`, `path`, `session`,
//!   `xid`, `zxid` and `error`, from the call to the answer. What is counted is in [`Client::metrics`].
//! - **Any bytes.** What a server sends that cannot be understood ends the connection, with a [`Disconnect`] that says
//!   why, and never more.
//!
//! # Not there yet
//!
//! TLS (the seam is [`Connector`]) and SASL. Requests are not limited in number or length: who asks faster than the
//! server answers should await some of them, and a server closes the connection over a request longer than its
//! `jute.maxbuffer` (1 MiB).
//!
//! *Java:* `ZooKeeper`, `ClientCnxn`, `ZKWatchManager` of 3.9.5.

mod address;
mod answer;
mod command;
mod connection;
mod connector;
mod driver;
mod error;
mod handle;
mod metrics;
mod multi;
mod operations;
mod options;
mod pending;
mod registry;
mod search;
mod serve;
mod servers;
mod session;
mod shared;
mod watch;

pub use crate::wire::data::ClientInfo;
pub use crate::wire::{EventType, KeeperState};
pub use address::{ConnectStringError, DEFAULT_PORT, ServerAddress};
pub use connector::{Connecting, Connector, TcpConnector, Transport};
pub use error::{ConnectError, Disconnect, Error};
pub use handle::Client;
pub use metrics::Metrics;
pub use multi::{Multi, MultiRead, MultiResult, ReadResult};
pub use operations::CreateMode;
pub use options::ClientOptions;
pub use pending::Pending;
pub use session::{SessionCredentials, SessionState};
pub use watch::{AddWatchMode, OneShotWatch, Watch, WatchedEvent};
pub use zab::Zxid;
pub use zab::tree::{Acl, Code, Id, PathError, Perms, SessionId, Stat, StatPersisted, WatcherType};

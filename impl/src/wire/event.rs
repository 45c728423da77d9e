//! Notifications: what a watch tells.
//!
//! *Java:* `WatcherEvent`, `Watcher.Event.EventType`, `Watcher.Event.KeeperState`, `WatchedEvent` (the zxid:
//! ZOOKEEPER-4655, 3.9).

use super::error::WireError;
use super::header::{NOTIFICATION_XID, ReplyHeader};
use super::jute::{Reader, Writer};
use zab::Zxid;

macro_rules! numbers {
    ($(#[$about:meta])+ $kind:ident, $error:ident: $($(#[$doc:meta])+ $name:ident = $number:literal,)+) => {
        $(#[$about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $kind { $($(#[$doc])+ $name,)+ }

        impl $kind {
            /// Every one.
            pub const ALL: &[$kind] = &[$($kind::$name),+];

            /// Its number on the wire.
            #[must_use]
            pub fn number(self) -> i32 {
                match self { $($kind::$name => $number,)+ }
            }

            fn from_number(number: i32) -> Result<$kind, WireError> {
                match number { $($number => Ok($kind::$name),)+ _ => Err(WireError::$error(number)) }
            }
        }
    };
}

numbers! {
    /// What happened.
    EventType, Event:
    /// Only the state of the connection changed.
    None = -1,
    /// The znode was created.
    NodeCreated = 1,
    /// The znode was deleted.
    NodeDeleted = 2,
    /// Its data were set.
    NodeDataChanged = 3,
    /// A child came or went.
    NodeChildrenChanged = 4,
    /// A watch on data was removed.
    DataWatchRemoved = 5,
    /// A watch on children was removed.
    ChildWatchRemoved = 6,
    /// A persistent watch was removed.
    PersistentWatchRemoved = 7,
}

numbers! {
    /// How the client is connected. What a server sends is nearly always [`KeeperState::SyncConnected`].
    KeeperState, State:
    /// Of old; sent by nobody.
    Unknown = -1,
    /// To no server.
    Disconnected = 0,
    /// Of old; sent by nobody.
    NoSyncConnected = 1,
    /// To a server that is part of the ensemble.
    SyncConnected = 3,
    /// Its authentication failed.
    AuthFailed = 4,
    /// To a read-only server.
    ConnectedReadOnly = 5,
    /// It is authenticated by SASL.
    SaslAuthenticated = 6,
    /// It was closed by its owner; a client tells it to itself.
    Closed = 7,
    /// Its session is over.
    Expired = -112,
}

/// What a client reads behind a header with the xid −1.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WatcherEvent {
    /// What happened.
    pub kind: EventType,
    /// How the client is connected.
    pub state: KeeperState,
    /// To which znode.
    pub path: String,
}

impl WatcherEvent {
    /// Reads the body of a notification.
    ///
    /// # Errors
    /// Those of the reader; [`WireError::Event`], [`WireError::State`].
    pub fn decode(body: &[u8]) -> Result<WatcherEvent, WireError> {
        let mut reader = Reader::new(body);
        Ok(WatcherEvent {
            kind: EventType::from_number(reader.int("type")?)?,
            state: KeeperState::from_number(reader.int("state")?)?,
            path: reader.string("path")?,
        })
    }
}

/// Writes a notification as a frame. `zxid` is the transaction that caused it; servers before 3.9 wrote −1.
pub fn encode_event(out: &mut impl Writer, zxid: Zxid, kind: EventType, state: KeeperState, path: &str) {
    out.put_measured(|out| {
        ReplyHeader { xid: NOTIFICATION_XID, zxid, err: 0 }.encode(out);
        out.put_i32(kind.number());
        out.put_i32(state.number());
        out.put_string(path);
    });
}

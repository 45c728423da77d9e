//! What is known about a znode beside its data.

use crate::Zxid;
use serde::{Deserialize, Serialize};

/// The identifier of a session: the server that opened it in the highest byte, then a part of its clock and a counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub i64);

/// What ZooKeeper keeps of a znode beside its data and its ACL, but for what can be counted (`StatPersisted`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StatPersisted {
    /// The transaction that created it.
    pub czxid: Zxid,
    /// The last transaction that set its data.
    pub mzxid: Zxid,
    /// When it was created, in milliseconds since 1970, by the leader's clock.
    pub ctime: i64,
    /// When its data were set last, likewise.
    pub mtime: i64,
    /// How often its data were set.
    pub version: i32,
    /// How often its children changed.
    pub cversion: i32,
    /// How often its ACL was set.
    pub aversion: i32,
    /// Why it may vanish by itself, as the wire and the files say it: see [`Owner`].
    pub ephemeral_owner: i64,
    /// The last transaction that changed its children.
    pub pzxid: Zxid,
}

/// What a client is told about a znode (`Stat`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stat {
    /// What is kept. `ephemeral_owner` is the session of an ephemeral znode and 0 for every other: clients never see
    /// the marks of containers and of znodes with a time to live.
    pub persisted: StatPersisted,
    /// Bytes of data.
    pub data_length: i32,
    /// Children.
    pub num_children: i32,
}

/// Why a znode may vanish by itself: the meanings of `ephemeralOwner` (Java's `EphemeralType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Owner {
    /// It stays: 0.
    Nobody,
    /// It goes with this session.
    Session(SessionId),
    /// It goes when its last child has gone: the lowest number, −2⁶³.
    Container,
    /// It goes when it has no children and was not changed for so many milliseconds (1 to 2⁴⁰ − 1): 0xff in the
    /// highest byte. Only where extended types are enabled; elsewhere such a number is a session.
    Ttl(i64),
}

impl Owner {
    /// The longest time to live, in milliseconds.
    pub const MAX_TTL: i64 = 0x00ff_ffff_ffff;
    const CONTAINER: i64 = i64::MIN;
    const TTL_MASK: i64 = 0xff << 56;

    /// What this `ephemeralOwner` means. `extended` is Java's `zookeeper.extendedTypesEnabled`: without it there are no
    /// times to live.
    #[must_use]
    pub fn of(number: i64, extended: bool) -> Owner {
        match number {
            0 => Owner::Nobody,
            Owner::CONTAINER => Owner::Container,
            // Java keeps 16 bits behind the mark for further types; the only one is 0.
            _ if extended && number & Owner::TTL_MASK == Owner::TTL_MASK => Owner::Ttl(number & Owner::MAX_TTL),
            _ => Owner::Session(SessionId(number)),
        }
    }

    /// The `ephemeralOwner` that says so.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Owner::Nobody => 0,
            Owner::Session(session) => session.0,
            Owner::Container => Owner::CONTAINER,
            Owner::Ttl(milliseconds) => Owner::TTL_MASK | milliseconds,
        }
    }
}

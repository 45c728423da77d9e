//! What a client asks of the tree.

use super::acl::Acl;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

macro_rules! op_codes {
    ($($(#[$doc:meta])+ $name:ident = $code:literal,)+) => {
        /// The kinds of requests and transactions (`ZooDefs.OpCode`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum OpCode { $($(#[$doc])+ $name,)+ }

        impl OpCode {
            /// Every kind.
            pub const ALL: &[OpCode] = &[$(OpCode::$name),+];

            /// Its number on the wire and in transactions.
            #[must_use]
            pub fn number(self) -> i32 {
                match self { $(OpCode::$name => $code,)+ }
            }

            /// The kind with this number, if there is one.
            #[must_use]
            pub fn from_number(number: i32) -> Option<OpCode> {
                match number { $($code => Some(OpCode::$name),)+ _ => None }
            }
        }
    };
}

op_codes! {
    /// Nothing; asked by nobody.
    Notification = 0,
    /// Creates a znode; the reply is its path.
    Create = 1,
    /// Deletes a znode.
    Delete = 2,
    /// Asks for a znode's Stat.
    Exists = 3,
    /// Asks for data and Stat.
    GetData = 4,
    /// Sets data.
    SetData = 5,
    /// Asks for ACL and Stat.
    GetAcl = 6,
    /// Sets the ACL.
    SetAcl = 7,
    /// Asks for the names of the children.
    GetChildren = 8,
    /// Waits until this server has what was committed before.
    Sync = 9,
    /// Keeps the session.
    Ping = 11,
    /// Asks for the names of the children and the Stat.
    GetChildren2 = 12,
    /// Asks that a znode has a version.
    Check = 13,
    /// Several changes, all or none.
    Multi = 14,
    /// Creates a znode; the reply is its path and Stat.
    Create2 = 15,
    /// Changes the ensemble.
    Reconfig = 16,
    /// Asks whether the session has such a watch.
    CheckWatches = 17,
    /// Removes watches.
    RemoveWatches = 18,
    /// Creates a container.
    CreateContainer = 19,
    /// Deletes an empty container; the leader's own.
    DeleteContainer = 20,
    /// Creates a znode with a time to live.
    CreateTtl = 21,
    /// Several reads.
    MultiRead = 22,
    /// Proves who the client is.
    Auth = 100,
    /// Sets one-shot watches again after a reconnection.
    SetWatches = 101,
    /// A step of SASL.
    Sasl = 102,
    /// Asks for the session's ephemeral znodes below a prefix.
    GetEphemerals = 103,
    /// Asks for the number of all descendants.
    GetAllChildrenNumber = 104,
    /// Sets every kind of watches again after a reconnection.
    SetWatches2 = 105,
    /// Adds a persistent watch.
    AddWatch = 106,
    /// Asks who the server thinks the client is.
    WhoAmI = 107,
    /// Opens a session.
    CreateSession = -10,
    /// Closes the session.
    CloseSession = -11,
    /// A request that failed, as a transaction.
    Error = -1,
}

/// How a znode is created (`CreateMode`), by its number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CreateMode {
    /// 0: stays.
    Persistent,
    /// 1: goes with the session.
    Ephemeral,
    /// 2: stays, and the parent's `cversion` is appended to its name, as ten digits.
    PersistentSequential,
    /// 3: both.
    EphemeralSequential,
    /// 4: goes when its last child has gone.
    Container,
    /// 5: goes when it was not changed for long and has no children.
    PersistentWithTtl,
    /// 6: likewise, and sequential.
    PersistentSequentialWithTtl,
}

impl CreateMode {
    /// The mode with this number, if there is one.
    #[must_use]
    pub fn from_number(number: i32) -> Option<CreateMode> {
        use CreateMode::*;
        let modes = [
            Persistent,
            Ephemeral,
            PersistentSequential,
            EphemeralSequential,
            Container,
            PersistentWithTtl,
            PersistentSequentialWithTtl,
        ];
        usize::try_from(number).ok().and_then(|number| modes.get(number).copied())
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> i32 {
        self as i32
    }

    /// Whether a number is appended.
    #[must_use]
    pub fn is_sequential(self) -> bool {
        use CreateMode::{EphemeralSequential, PersistentSequential, PersistentSequentialWithTtl};
        matches!(self, PersistentSequential | EphemeralSequential | PersistentSequentialWithTtl)
    }

    /// Whether it goes with the session.
    #[must_use]
    pub fn is_ephemeral(self) -> bool {
        matches!(self, CreateMode::Ephemeral | CreateMode::EphemeralSequential)
    }

    /// Whether it has a time to live.
    #[must_use]
    pub fn is_ttl(self) -> bool {
        matches!(self, CreateMode::PersistentWithTtl | CreateMode::PersistentSequentialWithTtl)
    }
}

/// A request that becomes a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Change {
    /// create, create2, createContainer, createTTL.
    Create {
        /// As which of the four it was asked: it decides the reply.
        kind: OpCode,
        /// The path; of a sequential znode without its number.
        path: String,
        /// The data; null and empty are two things.
        data: Option<Bytes>,
        /// The ACL as asked, with `auth` not resolved yet.
        acl: Vec<Acl>,
        /// `CreateMode`'s number as it came: which numbers are allowed depends on `kind`.
        flags: i32,
        /// The time to live in milliseconds, of createTTL.
        ttl: i64,
    },
    /// delete.
    Delete {
        /// Which znode.
        path: String,
        /// Its version; −1 for any.
        version: i32,
    },
    /// deleteContainer, which only the leader itself asks.
    DeleteContainer {
        /// Which znode.
        path: String,
    },
    /// setData.
    SetData {
        /// Which znode.
        path: String,
        /// The data; null and empty are two things.
        data: Option<Bytes>,
        /// Its version; −1 for any.
        version: i32,
    },
    /// setACL.
    SetAcl {
        /// Which znode.
        path: String,
        /// The ACL as asked.
        acl: Vec<Acl>,
        /// Its ACL version; −1 for any.
        version: i32,
    },
    /// check.
    Check {
        /// Which znode.
        path: String,
        /// Its version; −1 for any.
        version: i32,
    },
    /// multi.
    Multi(Vec<Change>),
    /// Opening a session.
    CreateSession {
        /// Its timeout in milliseconds, already negotiated.
        timeout: i32,
    },
    /// Closing a session, or its expiry.
    CloseSession,
    /// A request that is refused whatever the tree holds: reconfig where it is switched off, an operation that is not
    /// known. It becomes a transaction so that the order of the session's replies is kept on every server.
    Refused {
        /// What was asked.
        kind: OpCode,
        /// [`super::Code::number`].
        code: i32,
    },
}

//! ZooKeeper's error codes: results of operations, not failures of the server.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])+ $name:ident = $code:literal,)+) => {
        /// Why an operation did not happen (`KeeperException.Code`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code { $($(#[$doc])+ $name,)+ }

        impl Code {
            /// Every code.
            pub const ALL: &[Code] = &[$(Code::$name),+];

            /// Its number on the wire and in transactions.
            #[must_use]
            pub fn number(self) -> i32 {
                match self { $(Code::$name => $code,)+ }
            }

            /// The code with this number, if there is one.
            #[must_use]
            pub fn from_number(number: i32) -> Option<Code> {
                match number { $($code => Some(Code::$name),)+ _ => None }
            }
        }
    };
}

codes! {
    /// The server failed.
    SystemError = -1,
    /// An operation of a multi that was not tried, because an earlier one failed.
    RuntimeInconsistency = -2,
    /// Data were found to be inconsistent.
    DataInconsistency = -3,
    /// The connection was lost.
    ConnectionLoss = -4,
    /// A request or reply could not be read.
    MarshallingError = -5,
    /// The server does not know such an operation, or it is switched off.
    Unimplemented = -6,
    /// It took too long.
    OperationTimeout = -7,
    /// An argument is not allowed.
    BadArguments = -8,
    /// The new configuration has no quorum.
    NewConfigNoQuorum = -13,
    /// Another reconfiguration is under way.
    ReconfigInProgress = -14,
    /// There is no such znode.
    NoNode = -101,
    /// The ACL does not allow it.
    NoAuth = -102,
    /// The version is another.
    BadVersion = -103,
    /// Ephemeral znodes have no children.
    NoChildrenForEphemerals = -108,
    /// There is such a znode already.
    NodeExists = -110,
    /// The znode has children.
    NotEmpty = -111,
    /// The session is over.
    SessionExpired = -112,
    /// A callback was wrong.
    InvalidCallback = -113,
    /// The ACL is empty, or names nobody.
    InvalidAcl = -114,
    /// Authentication failed.
    AuthFailed = -115,
    /// The session has moved to another server.
    SessionMoved = -118,
    /// The server is read-only.
    NotReadOnly = -119,
    /// Local sessions have no ephemeral znodes.
    EphemeralOnLocalSession = -120,
    /// There is no such watch.
    NoWatcher = -121,
    /// The request took too long.
    RequestTimeout = -122,
    /// Reconfiguration is switched off.
    ReconfigDisabled = -123,
    /// The session must authenticate with SASL.
    SessionClosedRequireSaslAuth = -124,
    /// A quota does not allow it.
    QuotaExceeded = -125,
    /// The server has too much to do.
    ThrottledOp = -127,
}

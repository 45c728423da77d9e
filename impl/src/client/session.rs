//! What a session is known by, and how it stands.

use bytes::Bytes;
use std::fmt;
use zab::tree::SessionId;

/// How a client's session stands. The last three are for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionState {
    /// There is no connection; one is sought.
    Connecting,
    /// Connected to a server that is part of the ensemble.
    Connected,
    /// Connected to a server that only reads: see [`ClientOptions::read_only`](super::ClientOptions::read_only).
    ConnectedReadOnly,
    /// The session is over, and so are its ephemeral znodes.
    Expired,
    /// A proof was refused.
    AuthFailed,
    /// Closed by its owner.
    Closed,
}

impl SessionState {
    /// Whether requests can be served now.
    #[must_use]
    pub fn is_connected(self) -> bool {
        matches!(self, SessionState::Connected | SessionState::ConnectedReadOnly)
    }

    /// Whether the client has ended.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, SessionState::Expired | SessionState::AuthFailed | SessionState::Closed)
    }
}

/// With these another client takes a session over; the server then ends the first one's connection.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionCredentials {
    /// The session; 0 for none yet.
    pub id: SessionId,
    /// Its password, 16 bytes.
    pub password: Bytes,
}

impl SessionCredentials {
    /// Asks for a new session.
    pub(super) fn none() -> SessionCredentials {
        SessionCredentials { id: SessionId(0), password: Bytes::from_static(&[0; 16]) }
    }
}

/// The password is a secret.
impl fmt::Debug for SessionCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionCredentials(0x{:x})", self.id.0)
    }
}

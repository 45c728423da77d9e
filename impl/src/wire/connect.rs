//! The first packet each way: no header, only the record.
//!
//! *Java:* `ProtocolManager` (ZOOKEEPER-4492, ZOOKEEPER-4814). Clients up to 3.3, and some clients in other languages,
//! do not know the last byte, `readOnly`: who did not send it does not get it. The record alone says which: there is no
//! version.

use super::error::WireError;
use super::jute::{Reader, Writer};
use bytes::Bytes;
use zab::Zxid;
use zab::tree::SessionId;

/// A client opens a session or goes on with one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConnectRequest {
    /// 0 from every client.
    pub protocol_version: i32,
    /// The last transaction the client saw: a server that is behind refuses it.
    pub last_zxid_seen: Zxid,
    /// The timeout it wishes, in milliseconds.
    pub timeout: i32,
    /// The session it goes on with, or 0.
    pub session: SessionId,
    /// The session's password, or 16 zeros.
    pub password: Option<Bytes>,
    /// Whether a read-only server will do; `None` from clients that do not know of such.
    pub read_only: Option<bool>,
}

impl ConnectRequest {
    /// Reads it. A `readOnly` that is missing is no error.
    ///
    /// # Errors
    /// [`WireError::End`], [`WireError::Length`]: ZooKeeper closes the connection.
    pub fn decode(frame: &Bytes) -> Result<ConnectRequest, WireError> {
        let mut reader = Reader::sharing(frame);
        Ok(ConnectRequest {
            protocol_version: reader.int("protocolVersion")?,
            last_zxid_seen: reader.zxid("lastZxidSeen")?,
            timeout: reader.int("timeOut")?,
            session: SessionId(reader.long("sessionId")?),
            password: reader.buffer("passwd")?,
            read_only: reader.boolean("readOnly").ok(),
        })
    }

    /// Writes it, with the frame's length.
    pub fn encode(&self, out: &mut impl Writer) {
        out.put_measured(|out| {
            out.put_i32(self.protocol_version);
            out.put_zxid(self.last_zxid_seen);
            out.put_i32(self.timeout);
            out.put_i64(self.session.0);
            out.put_buffer(self.password.as_deref());
            if let Some(read_only) = self.read_only {
                out.put_boolean(read_only);
            }
        });
    }
}

/// The server's answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConnectResponse {
    /// 0 from every server.
    pub protocol_version: i32,
    /// The timeout that holds, in milliseconds; 0 when the session is over.
    pub timeout: i32,
    /// The session; 0 when it is over.
    pub session: SessionId,
    /// Its password; 16 zeros when it is over.
    pub password: Option<Bytes>,
    /// Whether this server is read-only. `None` leaves the byte away: it answers a request whose own is `None`.
    pub read_only: Option<bool>,
}

impl ConnectResponse {
    /// Reads it. A `readOnly` that is missing is no error.
    ///
    /// # Errors
    /// [`WireError::End`], [`WireError::Length`].
    pub fn decode(frame: &Bytes) -> Result<ConnectResponse, WireError> {
        let mut reader = Reader::sharing(frame);
        Ok(ConnectResponse {
            protocol_version: reader.int("protocolVersion")?,
            timeout: reader.int("timeOut")?,
            session: SessionId(reader.long("sessionId")?),
            password: reader.buffer("passwd")?,
            read_only: reader.boolean("readOnly").ok(),
        })
    }

    /// Writes it, with the frame's length.
    pub fn encode(&self, out: &mut impl Writer) {
        out.put_measured(|out| {
            out.put_i32(self.protocol_version);
            out.put_i32(self.timeout);
            out.put_i64(self.session.0);
            out.put_buffer(self.password.as_deref());
            if let Some(read_only) = self.read_only {
                out.put_boolean(read_only);
            }
        });
    }
}

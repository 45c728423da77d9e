//! What every request and every reply begins with.

use super::error::WireError;
use super::jute::{Reader, Writer};
use bytes::{Buf, Bytes};
use zab::Zxid;
use zab::tree::OpCode;

/// The xid of a notification, which answers no request.
pub const NOTIFICATION_XID: i32 = -1;
/// The xid of a ping and of its reply.
pub const PING_XID: i32 = -2;
/// The xid of an auth packet and of its reply.
pub const AUTH_XID: i32 = -4;
/// The xid of setWatches and setWatches2 after a reconnection.
pub const SET_WATCHES_XID: i32 = -8;

/// What every request but the first begins with (`RequestHeader`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestHeader {
    /// The client's number of the request: its reply bears the same. Below 0 for the packets outside of the order.
    pub xid: i32,
    /// The operation, as the wire has it; see [`OpCode::from_number`].
    pub kind: i32,
}

impl RequestHeader {
    /// Splits a frame into header and body. The body shares the frame's memory.
    ///
    /// # Errors
    /// [`WireError::End`] for fewer than 8 bytes: ZooKeeper closes such a connection.
    pub fn split(mut frame: Bytes) -> Result<(RequestHeader, Bytes), WireError> {
        let mut reader = Reader::new(&frame);
        let header = RequestHeader { xid: reader.int("xid")?, kind: reader.int("type")? };
        frame.advance(8);
        Ok((header, frame))
    }

    /// Writes it.
    pub fn encode(&self, out: &mut impl Writer) {
        out.put_i32(self.xid);
        out.put_i32(self.kind);
    }

    /// Whether a client may ask this at all; what it may not is answered `Unimplemented`, and the connection closed.
    ///
    /// *Java:* `Request.isValid` of 3.9.5, which does not know auth and sasl because the connection itself answers
    /// them. Before 3.9.5 a check outside of a multi was let through.
    #[must_use]
    pub fn is_served(&self) -> bool {
        match OpCode::from_number(self.kind) {
            None | Some(OpCode::Notification | OpCode::Check | OpCode::Error) => false,
            Some(_) => true,
        }
    }
}

/// What every reply and notification begins with (`ReplyHeader`), 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReplyHeader {
    /// The request's.
    pub xid: i32,
    /// The last transaction that this server has applied; of a notification the transaction that caused it. −1, which
    /// servers before 3.9 put into notifications, is [`u64::MAX`].
    pub zxid: Zxid,
    /// 0, or [`zab::tree::Code::number`]: then no body follows.
    pub err: i32,
}

impl ReplyHeader {
    /// Splits a frame into header and body. The body shares the frame's memory.
    ///
    /// # Errors
    /// [`WireError::End`] for fewer than 16 bytes.
    pub fn split(mut frame: Bytes) -> Result<(ReplyHeader, Bytes), WireError> {
        let mut reader = Reader::new(&frame);
        let header = ReplyHeader { xid: reader.int("xid")?, zxid: reader.zxid("zxid")?, err: reader.int("err")? };
        frame.advance(16);
        Ok((header, frame))
    }

    /// Writes it.
    pub fn encode(&self, out: &mut impl Writer) {
        let mut bytes = [0; 16];
        bytes[0..4].copy_from_slice(&self.xid.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.zxid.0.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.err.to_be_bytes());
        out.put_slice(&bytes);
    }
}

//! The bodies of requests that become transactions.
//!
//! A null path is an error where Java runs into it (create, delete: `MarshallingError`), and is the empty path where
//! Java refuses both alike (setData, setACL, check: `BadArguments`). A null ACL is the empty one: `InvalidACL`.

use super::data::{acl, put_acl};
use super::error::WireError;
use super::jute::{Reader, Writer};
use zab::tree::{Change, OpCode};

/// What Java takes as the time to live of a create without one.
pub(super) const NO_TTL: i64 = -1;

/// Reads the body of a change, but for a multi; `None` if the operation is none.
pub(super) fn decode(kind: OpCode, reader: &mut Reader<'_>) -> Result<Option<Change>, WireError> {
    Ok(Some(match kind {
        OpCode::Create | OpCode::Create2 | OpCode::CreateContainer | OpCode::CreateTtl => Change::Create {
            kind,
            path: reader.required_string("path")?,
            data: reader.buffer("data")?,
            acl: acl(reader)?.unwrap_or_default(),
            flags: reader.int("flags")?,
            ttl: if kind == OpCode::CreateTtl { reader.long("ttl")? } else { NO_TTL },
        },
        OpCode::Delete => Change::Delete { path: reader.required_string("path")?, version: reader.int("version")? },
        OpCode::DeleteContainer => Change::DeleteContainer { path: reader.required_string("path")? },
        OpCode::SetData => Change::SetData {
            path: reader.string("path")?,
            data: reader.buffer("data")?,
            version: reader.int("version")?,
        },
        OpCode::SetAcl => Change::SetAcl {
            path: reader.string("path")?,
            acl: acl(reader)?.unwrap_or_default(),
            version: reader.int("version")?,
        },
        OpCode::Check => Change::Check { path: reader.string("path")?, version: reader.int("version")? },
        OpCode::CreateSession => Change::CreateSession { timeout: reader.int("timeOut")? },
        OpCode::CloseSession => Change::CloseSession,
        _ => return Ok(None),
    }))
}

/// Its operation.
pub(super) fn kind(change: &Change) -> OpCode {
    match change {
        Change::Create { kind, .. } | Change::Refused { kind, .. } => *kind,
        Change::Delete { .. } => OpCode::Delete,
        Change::DeleteContainer { .. } => OpCode::DeleteContainer,
        Change::SetData { .. } => OpCode::SetData,
        Change::SetAcl { .. } => OpCode::SetAcl,
        Change::Check { .. } => OpCode::Check,
        Change::Multi(_) => OpCode::Multi,
        Change::CreateSession { .. } => OpCode::CreateSession,
        Change::CloseSession => OpCode::CloseSession,
    }
}

/// Writes its body. A [`Change::Refused`] no longer knows what it was, and has none.
pub(super) fn encode(out: &mut impl Writer, change: &Change) {
    match change {
        Change::Create { kind, path, data, acl, flags, ttl } => {
            out.put_string(path);
            out.put_buffer(data.as_deref());
            put_acl(out, acl);
            out.put_i32(*flags);
            if *kind == OpCode::CreateTtl {
                out.put_i64(*ttl);
            }
        }
        Change::Delete { path, version } | Change::Check { path, version } => {
            out.put_string(path);
            out.put_i32(*version);
        }
        // Java writes the path as a buffer: the same bytes.
        Change::DeleteContainer { path } => out.put_string(path),
        Change::SetData { path, data, version } => {
            out.put_string(path);
            out.put_buffer(data.as_deref());
            out.put_i32(*version);
        }
        Change::SetAcl { path, acl, version } => {
            out.put_string(path);
            put_acl(out, acl);
            out.put_i32(*version);
        }
        Change::Multi(changes) => super::multi::encode_changes(out, changes),
        Change::CreateSession { timeout } => out.put_i32(*timeout),
        Change::CloseSession | Change::Refused { .. } => {}
    }
}

//! Transactions as ZooKeeper's log and its PROPOSAL packets carry them: `TxnHeader`, the record, `TxnDigest`.
//!
//! *Java:* `SerializeUtils.deserializeTxn`, `Request.getSerializeData`, `DataTree.processTxn` (the parts of a multi).
//!
//! Older bytes are read too: no digest (before 3.6), closeSession without the list of paths (before 3.6, or with
//! `closeSessionTxn.enabled=false`), create without `parentCVersion` (before 3.4). Bytes behind the digest are ignored.

use super::data::{acl, put_acl};
use super::error::WireError;
use super::jute::{Reader, Writer};
use zab::tree::{Acl, CreateTxn, OpCode, Record, SessionId, Transaction, TxnHeader};

/// The version of the digests that we know how to compute (`DigestCalculator.DIGEST_VERSION`).
const DIGEST_VERSION: i32 = 2;

/// The bytes of a `TxnDigest`.
const DIGEST_LENGTH: usize = 12;

/// What a create of before 3.4 has for `parentCVersion`.
const UNKNOWN_CVERSION: i32 = -1;

/// Writes a transaction at the end of `out`.
///
/// # Panics
/// If the header names another operation than the record is of, or a multi holds a multi: nobody could read it again.
pub fn encode_transaction(transaction: &Transaction, out: &mut impl Writer) {
    let header = &transaction.header;
    assert!(belongs(header.kind, &transaction.record), "{:?} is no record of {:?}", transaction.record, header.kind);
    out.put_i64(header.session.0);
    out.put_i32(header.cxid);
    out.put_zxid(header.zxid);
    out.put_i64(header.time);
    out.put_i32(header.kind.number());
    encode_record(&transaction.record, out);
    if let Some(digest) = transaction.digest {
        out.put_i32(DIGEST_VERSION);
        out.put_u64(digest);
    }
}

/// Reads a transaction. Data are copied: they outlive the buffer of a log's reader.
///
/// # Errors
/// Those of the reader; [`WireError::Transaction`], [`WireError::InMulti`].
pub fn decode_transaction(bytes: &[u8]) -> Result<Transaction, WireError> {
    let reader = &mut Reader::new(bytes);
    let session = SessionId(reader.long("clientId")?);
    let (cxid, zxid, time) = (reader.int("cxid")?, reader.zxid("zxid")?, reader.long("time")?);
    let number = reader.int("type")?;
    let kind = OpCode::from_number(number).ok_or(WireError::Transaction(number))?;
    let record = match kind {
        OpCode::Create => Record::Create(create_of_any_release(reader)?),
        OpCode::CloseSession => Record::CloseSession { paths: paths_of_any_release(reader)? },
        OpCode::CreateSession => Record::CreateSession { timeout: reader.int("timeOut")? },
        OpCode::SetAcl => {
            Record::SetAcl { path: reader.string("path")?, acl: open_if_null(reader)?, version: reader.int("version")? }
        }
        OpCode::Reconfig => set_data(reader)?,
        OpCode::Multi => Record::Multi(decode_parts(reader)?),
        _ => decode_part(kind, reader)?.ok_or(WireError::Transaction(number))?,
    };
    let header = TxnHeader { session, cxid, zxid, time, kind };
    Ok(Transaction { header, record, digest: decode_digest(reader) })
}

/// Whether a transaction of this kind has such a record.
fn belongs(kind: OpCode, record: &Record) -> bool {
    match record {
        Record::Create(_) => matches!(kind, OpCode::Create | OpCode::Create2),
        Record::CreateContainer(_) => kind == OpCode::CreateContainer,
        Record::CreateTtl(..) => kind == OpCode::CreateTtl,
        Record::Delete { .. } => matches!(kind, OpCode::Delete | OpCode::DeleteContainer),
        Record::SetData { .. } => matches!(kind, OpCode::SetData | OpCode::Reconfig),
        Record::SetAcl { .. } => kind == OpCode::SetAcl,
        Record::Check { .. } => kind == OpCode::Check,
        Record::CreateSession { .. } => kind == OpCode::CreateSession,
        Record::CloseSession { .. } => kind == OpCode::CloseSession,
        Record::Error { .. } => kind == OpCode::Error,
        Record::Multi(_) => kind == OpCode::Multi,
    }
}

/// Whether a multi may have a part of this kind.
fn is_part(kind: OpCode) -> bool {
    use OpCode::{Check, Create, Create2, CreateContainer, CreateTtl, Delete, DeleteContainer, Error, SetData};
    matches!(kind, Create | Create2 | CreateContainer | CreateTtl | Delete | DeleteContainer | SetData | Check | Error)
}

// ---- Writing ------------------------------------------------------------------------------------------------------

fn encode_record(record: &Record, out: &mut impl Writer) {
    match record {
        Record::Create(create) => {
            put_create(create, out);
            out.put_boolean(create.ephemeral);
            out.put_i32(create.parent_cversion);
        }
        Record::CreateContainer(create) => {
            put_create(create, out);
            out.put_i32(create.parent_cversion);
        }
        Record::CreateTtl(create, ttl) => {
            put_create(create, out);
            out.put_i32(create.parent_cversion);
            out.put_i64(*ttl);
        }
        Record::Delete { path } => out.put_string(path),
        Record::SetData { path, data, version } => {
            out.put_string(path);
            out.put_buffer(data.as_deref());
            out.put_i32(*version);
        }
        Record::SetAcl { path, acl, version } => {
            out.put_string(path);
            put_acl(out, acl);
            out.put_i32(*version);
        }
        Record::Check { path, version } => {
            out.put_string(path);
            out.put_i32(*version);
        }
        Record::CreateSession { timeout: number } | Record::Error { code: number } => out.put_i32(*number),
        Record::CloseSession { paths } => {
            if let Some(paths) = paths {
                out.put_strings(paths);
            }
        }
        Record::Multi(parts) => encode_parts(parts, out),
    }
}

fn put_create(create: &CreateTxn, out: &mut impl Writer) {
    out.put_string(&create.path);
    out.put_buffer(create.data.as_deref());
    put_acl(out, &create.acl);
}

fn encode_parts(parts: &[(OpCode, Record)], out: &mut impl Writer) {
    out.put_length(parts.len());
    for (kind, record) in parts {
        assert!(is_part(*kind) && belongs(*kind, record), "{record:?} of {kind:?} cannot be part of a multi");
        out.put_i32(kind.number());
        out.put_measured(|out| encode_record(record, out));
    }
}

// ---- Reading ------------------------------------------------------------------------------------------------------

/// The record of an operation that may stand in a multi and alone, or `None` of any other.
fn decode_part(kind: OpCode, reader: &mut Reader<'_>) -> Result<Option<Record>, WireError> {
    Ok(Some(match kind {
        OpCode::Create | OpCode::Create2 => {
            let (mut create, ephemeral) = (create(reader)?, reader.boolean("ephemeral")?);
            create.ephemeral = ephemeral;
            create.parent_cversion = reader.int("parentCVersion")?;
            Record::Create(create)
        }
        OpCode::CreateContainer => Record::CreateContainer(create_with_cversion(reader)?),
        OpCode::CreateTtl => Record::CreateTtl(create_with_cversion(reader)?, reader.long("ttl")?),
        OpCode::Delete | OpCode::DeleteContainer => Record::Delete { path: reader.string("path")? },
        OpCode::SetData => set_data(reader)?,
        OpCode::Check => Record::Check { path: reader.string("path")?, version: reader.int("version")? },
        OpCode::Error => Record::Error { code: reader.int("err")? },
        _ => return Ok(None),
    }))
}

fn decode_parts(reader: &mut Reader<'_>) -> Result<Vec<(OpCode, Record)>, WireError> {
    // A part is a type, a length, and a record of at least 4 bytes.
    let parts = reader.vector("txns", 12, |reader| {
        let number = reader.int("type")?;
        let kind = OpCode::from_number(number).filter(|kind| is_part(*kind)).ok_or(WireError::InMulti(number))?;
        let mut inside = Reader::new(reader.slice("data")?.ok_or(WireError::Null("data"))?);
        let record = decode_part(kind, &mut inside)?.ok_or(WireError::InMulti(number))?;
        Ok((kind, record))
    });
    parts?.ok_or(WireError::Null("txns"))
}

/// What all creates begin with.
fn create(reader: &mut Reader<'_>) -> Result<CreateTxn, WireError> {
    let (path, data) = (reader.string("path")?, reader.buffer("data")?);
    Ok(CreateTxn { path, data, acl: open_if_null(reader)?, ephemeral: false, parent_cversion: UNKNOWN_CVERSION })
}

fn create_with_cversion(reader: &mut Reader<'_>) -> Result<CreateTxn, WireError> {
    let create = create(reader)?;
    Ok(CreateTxn { parent_cversion: reader.int("parentCVersion")?, ..create })
}

/// `CreateTxn`, or `CreateTxnV0`, which ends one field earlier and has no digest. Of the kind create only.
fn create_of_any_release(reader: &mut Reader<'_>) -> Result<CreateTxn, WireError> {
    let (create, ephemeral) = (create(reader)?, reader.boolean("ephemeral")?);
    let parent_cversion = reader.int("parentCVersion").unwrap_or(UNKNOWN_CVERSION);
    Ok(CreateTxn { ephemeral, parent_cversion, ..create })
}

/// An ACL. For a null one Java's tree takes the open one (`ReferenceCountedACLCache.convertAcls`).
fn open_if_null(reader: &mut Reader<'_>) -> Result<Vec<Acl>, WireError> {
    acl(reader).map(|acl| acl.unwrap_or_else(Acl::open))
}

fn set_data(reader: &mut Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::SetData { path: reader.string("path")?, data: reader.buffer("data")?, version: reader.int("version")? })
}

/// The list of a closeSession, if there is one. A digest right behind the header is not a list of two paths: those
/// would be empty.
fn paths_of_any_release(reader: &mut Reader<'_>) -> Result<Option<Vec<String>>, WireError> {
    let only_digest =
        reader.rest().len() == DIGEST_LENGTH && Reader::new(reader.rest()).int("version")? == DIGEST_VERSION;
    if reader.rest().is_empty() || only_digest {
        return Ok(None);
    }
    reader.vector("paths2Delete", 4, |reader| reader.string("paths2Delete"))
}

/// The digest, if there is one of a version that means anything to us.
fn decode_digest(reader: &mut Reader<'_>) -> Option<u64> {
    let version = reader.int("version").ok()?;
    let digest = reader.zxid("treeDigest").ok()?;
    (version == DIGEST_VERSION).then_some(digest.0)
}

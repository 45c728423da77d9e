//! multi and multiRead: operations, or results, each behind a `MultiHeader {type, done, err}`; a last header with
//! `done` ends the list.
//!
//! *Java:* `MultiOperationRecord`, `MultiResponse`, `Op`.

use super::change;
use super::data::{put_stat, stat};
use super::error::WireError;
use super::jute::{Reader, Writer};
use bytes::Bytes;
use zab::tree::{Change, CreateMode, OpCode, Stat};

/// `MultiHeader`, but for `done`: reading one gives `None` at the end. In requests `err` is −1.
struct Header {
    kind: i32,
}

impl Header {
    fn decode(reader: &mut Reader<'_>) -> Result<Option<Header>, WireError> {
        let kind = reader.int("type")?;
        let done = reader.boolean("done")?;
        reader.int("err")?;
        Ok((!done).then_some(Header { kind }))
    }
}

fn put_header(out: &mut impl Writer, kind: i32, done: bool, err: i32) {
    out.put_i32(kind);
    out.put_boolean(done);
    out.put_i32(err);
}

fn put_end(out: &mut impl Writer) {
    put_header(out, OpCode::Error.number(), true, -1);
}

// ---- Requests -----------------------------------------------------------------------------------------------------

/// Reads the operations of a multi.
pub(super) fn decode_changes(reader: &mut Reader<'_>) -> Result<Vec<Change>, WireError> {
    let mut changes = Vec::new();
    while let Some(header) = Header::decode(reader)? {
        changes.push(decode_change(header.kind, reader)?);
    }
    Ok(changes)
}

fn decode_change(number: i32, reader: &mut Reader<'_>) -> Result<Change, WireError> {
    use OpCode::{Check, Create, Create2, CreateContainer, CreateTtl, Delete, SetData};
    let kind = match OpCode::from_number(number) {
        Some(kind @ (Create | Create2 | CreateContainer | CreateTtl | Delete | SetData | Check)) => kind,
        _ => return Err(WireError::InMulti(number)),
    };
    let mut decoded = change::decode(kind, reader)?.ok_or(WireError::InMulti(number))?;
    if let Change::Create { kind, flags, ttl, .. } = &mut decoded {
        *kind = effective_kind(*kind, *flags)?;
        if *kind != CreateTtl {
            *ttl = change::NO_TTL;
        }
    }
    Ok(decoded)
}

/// Inside of a multi the flags decide what a create is (ZOOKEEPER-4026): a container's flags make it createContainer,
/// and createTTL without a mode with a time to live is a create.
fn effective_kind(asked: OpCode, flags: i32) -> Result<OpCode, WireError> {
    match (asked, CreateMode::from_number(flags)) {
        (_, Some(CreateMode::Container)) => Ok(OpCode::CreateContainer),
        (OpCode::CreateTtl, Some(mode)) if mode.is_ttl() => Ok(OpCode::CreateTtl),
        // Flags that no mode has are refused later, as bad arguments of this operation alone.
        (OpCode::CreateTtl, _) => Ok(OpCode::Create),
        (_, Some(mode)) if !mode.is_ttl() => Ok(asked),
        _ => Err(WireError::CreateMode(flags)),
    }
}

/// Writes the operations of a multi.
pub(super) fn encode_changes(out: &mut impl Writer, changes: &[Change]) {
    for part in changes {
        put_header(out, change::kind(part).number(), false, -1);
        change::encode(out, part);
    }
    put_end(out);
}

/// An operation of multiRead. Java drops the watch that such an operation may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReadOperation {
    /// The names of a znode's children.
    GetChildren {
        /// Which znode.
        path: String,
    },
    /// Data and Stat.
    GetData {
        /// Which znode.
        path: String,
    },
}

/// Reads the operations of a multiRead.
pub(super) fn decode_reads(reader: &mut Reader<'_>) -> Result<Vec<ReadOperation>, WireError> {
    let mut reads = Vec::new();
    while let Some(header) = Header::decode(reader)? {
        let kind = OpCode::from_number(header.kind);
        if !matches!(kind, Some(OpCode::GetChildren | OpCode::GetData)) {
            return Err(WireError::InMulti(header.kind));
        }
        let path = reader.required_string("path")?;
        reader.boolean("watch")?;
        reads.push(match kind {
            Some(OpCode::GetChildren) => ReadOperation::GetChildren { path },
            _ => ReadOperation::GetData { path },
        });
    }
    Ok(reads)
}

/// Writes the operations of a multiRead.
pub(super) fn encode_reads(out: &mut impl Writer, reads: &[ReadOperation]) {
    for read in reads {
        let (kind, path) = match read {
            ReadOperation::GetChildren { path } => (OpCode::GetChildren, path),
            ReadOperation::GetData { path } => (OpCode::GetData, path),
        };
        put_header(out, kind.number(), false, -1);
        out.put_string(path);
        out.put_boolean(false);
    }
    put_end(out);
}

// ---- Results ------------------------------------------------------------------------------------------------------

/// What became of one operation of a multi or multiRead (`OpResult`). A multi that failed is all errors: 0 for those
/// before the one that failed, its own code, and `RuntimeInconsistency` for those behind; the reply's header says 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OperationResult {
    /// Of create: the path.
    Create {
        /// With the number of a sequential znode.
        path: String,
    },
    /// Of create2, createContainer and createTTL, all with create2's number.
    Create2 {
        /// With the number of a sequential znode.
        path: String,
        /// The new znode's Stat.
        stat: Stat,
    },
    /// Of delete.
    Delete,
    /// Of setData.
    SetData(Stat),
    /// Of check.
    Check,
    /// Of getChildren: the names.
    GetChildren(Vec<String>),
    /// Of getData.
    GetData {
        /// The data; null and empty are two things.
        data: Option<Bytes>,
        /// The Stat.
        stat: Stat,
    },
    /// It failed, or was not done because another failed ([`zab::tree::Code::number`], or 0).
    Error(i32),
}

/// Writes a `MultiResponse`.
pub(super) fn encode_results(out: &mut impl Writer, results: &[OperationResult]) {
    for result in results {
        encode_result(out, result);
    }
    put_end(out);
}

fn encode_result(out: &mut impl Writer, result: &OperationResult) {
    let (kind, err) = match result {
        OperationResult::Create { .. } => (OpCode::Create, 0),
        OperationResult::Create2 { .. } => (OpCode::Create2, 0),
        OperationResult::Delete => (OpCode::Delete, 0),
        OperationResult::SetData(_) => (OpCode::SetData, 0),
        OperationResult::Check => (OpCode::Check, 0),
        OperationResult::GetChildren(_) => (OpCode::GetChildren, 0),
        OperationResult::GetData { .. } => (OpCode::GetData, 0),
        OperationResult::Error(err) => (OpCode::Error, *err),
    };
    put_header(out, kind.number(), false, err);
    match result {
        OperationResult::Create { path } => out.put_string(path),
        OperationResult::Create2 { path, stat } => {
            out.put_string(path);
            put_stat(out, stat);
        }
        OperationResult::Delete | OperationResult::Check => {}
        OperationResult::SetData(stat) => put_stat(out, stat),
        OperationResult::GetChildren(names) => out.put_strings(names),
        OperationResult::GetData { data, stat } => {
            out.put_buffer(data.as_deref());
            put_stat(out, stat);
        }
        OperationResult::Error(err) => out.put_i32(*err),
    }
}

/// Reads a `MultiResponse`.
pub(super) fn decode_results(reader: &mut Reader<'_>) -> Result<Vec<OperationResult>, WireError> {
    let mut results = Vec::new();
    while let Some(header) = Header::decode(reader)? {
        results.push(decode_result(header.kind, reader)?);
    }
    Ok(results)
}

fn decode_result(number: i32, reader: &mut Reader<'_>) -> Result<OperationResult, WireError> {
    Ok(match OpCode::from_number(number) {
        Some(OpCode::Create) => OperationResult::Create { path: reader.string("path")? },
        Some(OpCode::Create2) => OperationResult::Create2 { path: reader.string("path")?, stat: stat(reader)? },
        Some(OpCode::Delete) => OperationResult::Delete,
        Some(OpCode::SetData) => OperationResult::SetData(stat(reader)?),
        Some(OpCode::Check) => OperationResult::Check,
        Some(OpCode::GetChildren) => OperationResult::GetChildren(reader.strings("children")?),
        Some(OpCode::GetData) => OperationResult::GetData { data: reader.buffer("data")?, stat: stat(reader)? },
        // The code stands twice; Java believes the second one.
        Some(OpCode::Error) => OperationResult::Error(reader.int("err")?),
        _ => return Err(WireError::InMulti(number)),
    })
}

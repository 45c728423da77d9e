//! What a transaction says, for a person and for a program.

use crate::java_text;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use std::fmt;
use zab::tree::{Acl, Code, CreateTxn, OpCode, Perms, Record, Transaction};

/// A transaction in one line, as `TxnLogToolkit` prints it: who, when, what. Times are UTC.
pub(super) fn line(transaction: &Transaction, data: bool) -> String {
    let header = &transaction.header;
    let (time, session) = (java_text::instant(header.time), header.session.0);
    let (cxid, zxid, what) = (header.cxid, header.zxid.0, phrase(header.kind, &transaction.record, data));
    let digest = transaction.digest.map(|digest| format!(", digest {}", digest.cast_signed())).unwrap_or_default();
    format!("{time} session {session:#x} cxid {cxid:#x} zxid {zxid:#x} {what}{digest}")
}

/// The name of an operation (`Request.op2String`).
pub(super) fn name(kind: OpCode) -> String {
    // The names are those of the variants, but for the case of the first letter and of abbreviations.
    match kind {
        OpCode::SetAcl => "setACL".to_owned(),
        OpCode::GetAcl => "getACL".to_owned(),
        OpCode::CreateTtl => "createTTL".to_owned(),
        other => {
            let mut name = format!("{other:?}");
            name[..1].make_ascii_lowercase();
            name
        }
    }
}

fn phrase(kind: OpCode, record: &Record, data: bool) -> String {
    let kind = name(kind);
    match record {
        Record::Create(create) => {
            let how = if create.ephemeral { "ephemeral" } else { "persistent" };
            format!("{kind} {}, {how}", creation(create, data))
        }
        Record::CreateContainer(create) => format!("{kind} {}", creation(create, data)),
        Record::CreateTtl(create, ttl) => format!("{kind} {}, time to live {ttl} ms", creation(create, data)),
        Record::Delete { path } => format!("{kind} {}", Plain(path)),
        Record::SetData { path, data: bytes, version } => {
            format!("{kind} {}, {}, version {version}", Plain(path), content(bytes.as_deref(), data))
        }
        Record::SetAcl { path, acl, version } => format!("{kind} {}, {}, version {version}", Plain(path), list(acl)),
        Record::Check { path, version } => format!("{kind} {}, version {version}", Plain(path)),
        Record::CreateSession { timeout } => format!("{kind} timeout {timeout} ms"),
        Record::CloseSession { paths: None } => format!("{kind} with all its ephemerals"),
        Record::CloseSession { paths: Some(paths) } => {
            let paths: Vec<String> = paths.iter().map(|path| Plain(path).to_string()).collect();
            format!("{kind} [{}]", paths.join(", "))
        }
        Record::Error { code } => format!("{kind} {code} {}", error_name(*code)),
        Record::Multi(parts) => {
            let parts: Vec<String> = parts.iter().map(|(kind, part)| phrase(*kind, part, data)).collect();
            format!("{kind} [{}]", parts.join("; "))
        }
    }
}

fn creation(create: &CreateTxn, data: bool) -> String {
    let content = content(create.data.as_deref(), data);
    let parent = create.parent_cversion;
    format!("{}, {content}, {}, parent's cversion {parent}", Plain(&create.path), list(&create.acl))
}

fn error_name(code: i32) -> String {
    match (code, Code::from_number(code)) {
        (0, _) => "(not done)".to_owned(),
        (_, Some(code)) => format!("{code:?}"),
        (_, None) => "(unknown)".to_owned(),
    }
}

/// How much it is, or what: text where it is text.
fn content(bytes: Option<&[u8]>, shown: bool) -> String {
    match bytes {
        None => "null".to_owned(),
        Some(bytes) if !shown => format!("{} bytes", bytes.len()),
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => format!("{text:?}"),
            Err(_) => format!("base64 {}", STANDARD.encode(bytes)),
        },
    }
}

fn list(acl: &[Acl]) -> String {
    let entries: Vec<String> = acl.iter().map(entry).collect();
    format!("[{}]", entries.join(", "))
}

fn entry(acl: &Acl) -> String {
    format!("{}:{}:{}", Plain(&acl.id.scheme), Plain(&acl.id.id), letters(acl.perms))
}

/// As `ZKUtil.getPermString`.
fn letters(perms: Perms) -> String {
    let all =
        [(Perms::CREATE, 'c'), (Perms::DELETE, 'd'), (Perms::READ, 'r'), (Perms::WRITE, 'w'), (Perms::ADMIN, 'a')];
    all.into_iter().filter(|(one, _)| perms.intersects(*one)).map(|(_, letter)| letter).collect()
}

/// Text that stays in its line: paths may hold anything but U+0000.
pub(super) struct Plain<'a>(pub &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character.is_control() {
            true => write!(f, "{}", character.escape_debug()),
            false => write!(f, "{character}"),
        })
    }
}

/// Bytes as JSON holds them.
pub(super) fn encoded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

// ---- JSON ---------------------------------------------------------------------------------------------------------

/// A transaction as an object in one line; numbers that do not fit a double are text.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TransactionJson<'a> {
    file: &'a str,
    offset: u64,
    zxid: String,
    time: i64,
    session: String,
    cxid: i32,
    #[serde(flatten)]
    record: RecordJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
}

impl<'a> TransactionJson<'a> {
    pub(super) fn new(file: &'a str, offset: u64, transaction: &'a Transaction, data: bool) -> TransactionJson<'a> {
        let header = &transaction.header;
        TransactionJson {
            file,
            offset,
            zxid: format!("{:#x}", header.zxid.0),
            time: header.time,
            session: format!("{:#x}", header.session.0),
            cxid: header.cxid,
            record: RecordJson::new(header.kind, &transaction.record, data),
            digest: transaction.digest.map(|digest| digest.cast_signed().to_string()),
        }
    }
}

/// What a record has, and only that. Data that are null have a length of null.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordJson<'a> {
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_length: Option<Option<usize>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acl: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ephemeral: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_cversion: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_to_live: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paths: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<Vec<RecordJson<'a>>>,
}

impl<'a> RecordJson<'a> {
    fn new(kind: OpCode, record: &'a Record, data: bool) -> RecordJson<'a> {
        let plain = RecordJson { r#type: name(kind), ..RecordJson::default() };
        let of_path = |path: &'a String| RecordJson { path: Some(path), ..RecordJson::default() };
        let content = |bytes: &'a Option<bytes::Bytes>| {
            let shown = bytes.as_deref().filter(|_| data).map(encoded);
            (Some(bytes.as_ref().map(bytes::Bytes::len)), shown)
        };
        let created = |create: &'a CreateTxn, ephemeral| {
            let ((data_length, data), acl) = (content(&create.data), Some(create.acl.iter().map(entry).collect()));
            let parent_cversion = Some(create.parent_cversion);
            RecordJson { data_length, data, acl, ephemeral, parent_cversion, ..of_path(&create.path) }
        };
        let described = match record {
            Record::Create(create) => created(create, Some(create.ephemeral)),
            Record::CreateContainer(create) => created(create, None),
            Record::CreateTtl(create, ttl) => RecordJson { time_to_live: Some(*ttl), ..created(create, None) },
            Record::Delete { path } => of_path(path),
            Record::SetData { path, data, version } => {
                let (data_length, data) = content(data);
                RecordJson { data_length, data, version: Some(*version), ..of_path(path) }
            }
            Record::SetAcl { path, acl, version } => {
                let acl = Some(acl.iter().map(entry).collect());
                RecordJson { acl, version: Some(*version), ..of_path(path) }
            }
            Record::Check { path, version } => RecordJson { version: Some(*version), ..of_path(path) },
            Record::CreateSession { timeout } => RecordJson { timeout: Some(*timeout), ..RecordJson::default() },
            Record::CloseSession { paths } => RecordJson { paths: paths.as_deref(), ..RecordJson::default() },
            Record::Error { code } => RecordJson { error: Some(*code), ..RecordJson::default() },
            Record::Multi(parts) => {
                let parts = parts.iter().map(|(kind, part)| RecordJson::new(*kind, part, data)).collect();
                RecordJson { parts: Some(parts), ..RecordJson::default() }
            }
        };
        RecordJson { r#type: plain.r#type, ..described }
    }
}

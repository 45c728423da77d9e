//! Transactions against the bytes of Java's own classes: both ways, and those of old releases.

use super::golden::{data, golden, two_entries};
use bytes::Bytes;
use zab::Zxid;
use zab::tree::{Acl, Code, CreateTxn, OpCode, Record, SessionId, Transaction, TxnHeader};
use zabkeeper::wire::{WireError, decode_transaction, encode_transaction};

fn transaction(kind: OpCode, record: Record) -> Transaction {
    let session = SessionId(0x1000_00ab_cdef_0001);
    let header = TxnHeader { session, cxid: 7, zxid: Zxid(0x5_0000_0003), time: 1_700_000_000_123, kind };
    Transaction { header, record, digest: Some(0x8000_0000_dead_beef) }
}

fn created(path: &str, data: Option<Bytes>, acl: Vec<Acl>, ephemeral: bool) -> CreateTxn {
    CreateTxn { path: path.to_owned(), data, acl, ephemeral, parent_cversion: 4 }
}

fn a() -> String {
    "/a".to_owned()
}

fn closed(paths: &[&str]) -> Record {
    Record::CloseSession { paths: Some(paths.iter().map(|path| (*path).to_owned()).collect()) }
}

fn check(name: &str, transaction: &Transaction) {
    let expected = golden(name);
    assert_eq!(decode_transaction(&expected).as_ref(), Ok(transaction), "{name}");
    let mut written = Vec::new();
    encode_transaction(transaction, &mut written);
    assert_eq!(written, expected, "{name}");
}

#[test]
fn of_every_kind() {
    let (open, empty) = (Acl::open(), Some(Bytes::new()));
    let config = Some(Bytes::from_static(b"version=1"));
    let kinds = [
        ("txn_create", OpCode::Create, Record::Create(created("/a", data(), two_entries(), true))),
        ("txn_create2", OpCode::Create2, Record::Create(created("/a", None, open.clone(), false))),
        ("txn_container", OpCode::CreateContainer, Record::CreateContainer(created("/c", data(), open.clone(), false))),
        ("txn_ttl", OpCode::CreateTtl, Record::CreateTtl(created("/t", data(), open, false), 60000)),
        ("txn_delete", OpCode::Delete, Record::Delete { path: a() }),
        ("txn_set_data", OpCode::SetData, Record::SetData { path: a(), data: empty, version: 9 }),
        (
            "txn_reconfig",
            OpCode::Reconfig,
            Record::SetData { path: "/zookeeper/config".to_owned(), data: config, version: -1 },
        ),
        ("txn_set_acl", OpCode::SetAcl, Record::SetAcl { path: a(), acl: two_entries(), version: 2 }),
        ("txn_create_session", OpCode::CreateSession, Record::CreateSession { timeout: 30000 }),
        ("txn_close", OpCode::CloseSession, closed(&["/e", "/f"])),
        ("txn_close_empty", OpCode::CloseSession, closed(&[])),
    ];
    for (name, kind, record) in kinds {
        check(name, &transaction(kind, record));
    }
    check("txn_error", &Transaction { digest: None, ..transaction(OpCode::Error, Record::error(Code::NoNode)) });
}

#[test]
fn multis() {
    let parts = vec![
        (OpCode::Create, Record::Create(created("/a", data(), two_entries(), true))),
        (OpCode::Delete, Record::Delete { path: "/b".to_owned() }),
        (OpCode::SetData, Record::SetData { path: a(), data: None, version: 3 }),
        (OpCode::Check, Record::Check { path: a(), version: 4 }),
    ];
    check("txn_multi", &transaction(OpCode::Multi, Record::Multi(parts)));
    let failed = vec![
        (OpCode::Delete, Record::Delete { path: "/b".to_owned() }),
        (OpCode::Error, Record::error(Code::NoNode)),
        (OpCode::Error, Record::error(Code::RuntimeInconsistency)),
    ];
    check("txn_multi_failed", &transaction(OpCode::Multi, Record::Multi(failed)));
}

/// A create of before 3.4 and two ways to close a session without a list.
#[test]
fn of_old_releases() {
    let create = CreateTxn { parent_cversion: -1, ..created("/a", data(), Acl::open(), true) };
    let old = Transaction { digest: None, ..transaction(OpCode::Create, Record::Create(create)) };
    assert_eq!(decode_transaction(&golden("txn_create_v0")), Ok(old));

    let close = transaction(OpCode::CloseSession, Record::CloseSession { paths: None });
    check("txn_close_digest", &close);
    check("txn_close_old", &Transaction { digest: None, ..close });
}

#[test]
fn digests_and_what_stands_behind() {
    let (bytes, whole) = (golden("txn_delete"), transaction(OpCode::Delete, Record::Delete { path: a() }));
    let digest_at = bytes.len() - 12;
    let without = Transaction { digest: None, ..whole.clone() };
    // Whatever is no whole digest is none, as in Java.
    for length in digest_at..bytes.len() {
        assert_eq!(decode_transaction(&bytes[..length]).as_ref(), Ok(&without));
    }
    let trailing = [&bytes[..], b"more"].concat();
    assert_eq!(decode_transaction(&trailing), Ok(whole));
    let mut of_version_3 = bytes.to_vec();
    of_version_3[digest_at + 3] = 3;
    assert_eq!(decode_transaction(&of_version_3), Ok(without));
}

/// The header of the golden transactions with another type, and what follows it.
fn with_type(number: i32, body: &[u8]) -> Vec<u8> {
    let header = golden("txn_close_old");
    [&header[..header.len() - 4], &number.to_be_bytes(), body].concat()
}

#[test]
fn what_is_no_transaction() {
    for number in [OpCode::GetData.number(), OpCode::Ping.number(), 0, 999] {
        assert_eq!(decode_transaction(&with_type(number, &[0; 64])), Err(WireError::Transaction(number)));
    }
    // A multi in a multi; a closeSession in a multi.
    for number in [OpCode::Multi.number(), OpCode::CloseSession.number()] {
        let part = [&1_i32.to_be_bytes()[..], &number.to_be_bytes(), &4_i32.to_be_bytes(), &[0; 4]].concat();
        assert_eq!(decode_transaction(&with_type(14, &part)), Err(WireError::InMulti(number)));
    }
    // A part without bytes, which Java cannot read either.
    let part = [&1_i32.to_be_bytes()[..], &2_i32.to_be_bytes(), &(-1_i32).to_be_bytes(), &[0; 4]].concat();
    assert_eq!(decode_transaction(&with_type(14, &part)), Err(WireError::Null("data")));
}

/// Null ACLs are open ones, null data stay null.
#[test]
fn nulls() {
    let null = (-1_i32).to_be_bytes();
    let body = [&null[..], &null, &null, &[1], &4_i32.to_be_bytes()].concat();
    let read = decode_transaction(&with_type(1, &body)).expect("a create").record;
    assert_eq!(read, Record::Create(created("", None, Acl::open(), true)));
}

#[test]
#[should_panic(expected = "is no record of")]
fn a_record_of_another_kind_is_not_written() {
    encode_transaction(&transaction(OpCode::SetData, Record::Delete { path: a() }), &mut Vec::new());
}

#[test]
#[should_panic(expected = "cannot be part of a multi")]
fn a_multi_in_a_multi_is_not_written() {
    let parts = vec![(OpCode::Multi, Record::Multi(Vec::new()))];
    encode_transaction(&transaction(OpCode::Multi, Record::Multi(parts)), &mut Vec::new());
}

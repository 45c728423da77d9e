//! Transactions to try the tree with: any at all, whether they fit or not.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use zab::Zxid;
use zab::tree::*;

/// Few names, so that they meet; some sort before the slash, some behind it.
const NAMES: &[&str] = &["a", "a-", "a.b", "b"];

pub fn path() -> impl Strategy<Value = String> {
    vec(prop::sample::select(NAMES), 1..4).prop_map(|names| format!("/{}", names.join("/")))
}

pub fn data() -> impl Strategy<Value = Option<Bytes>> {
    let size = prop_oneof![Just(0_usize), 1..20_usize, Just(1024), Just(1025), Just(5000)];
    let bytes = (size, any::<u8>()).prop_map(|(size, byte)| Bytes::from(vec![byte; size]));
    prop::option::of(bytes)
}

pub fn acl(user: u8) -> Vec<Acl> {
    match user % 4 {
        0 => Acl::open(),
        user => vec![Acl { perms: Perms(i32::from(user)), id: Id::new("digest", &format!("u{user}:hash")) }],
    }
}

/// A record of any kind but multi, whether it fits or not.
fn any_record() -> impl Strategy<Value = (OpCode, Record)> {
    let create = (path(), data(), any::<u8>(), any::<bool>(), -1..6_i32).prop_map(
        |(path, data, user, ephemeral, parent_cversion)| CreateTxn {
            path,
            data,
            acl: acl(user),
            ephemeral,
            parent_cversion,
        },
    );
    prop_oneof![
        8 => (create, 0..4_u8, 0..3_i64).prop_map(|(create, kind, ttl)| match kind {
            0 => (OpCode::CreateContainer, Record::CreateContainer(create)),
            1 => (OpCode::CreateTtl, Record::CreateTtl(create, ttl)),
            2 => (OpCode::Create2, Record::Create(create)),
            _ => (OpCode::Create, Record::Create(create)),
        }),
        5 => path().prop_map(|path| (OpCode::Delete, Record::Delete { path })),
        3 => (path(), data(), -1..5_i32)
            .prop_map(|(path, data, version)| (OpCode::SetData, Record::SetData { path, data, version })),
        1 => (path(), any::<u8>(), -1..5_i32)
            .prop_map(|(path, user, version)| (OpCode::SetAcl, Record::SetAcl { path, acl: acl(user), version })),
        1 => (path(), 0..5_i32).prop_map(|(path, version)| (OpCode::Check, Record::Check { path, version })),
        1 => prop::sample::select(&[-101, -110, -103, 0, 7][..])
            .prop_map(|code| (OpCode::Error, Record::Error { code })),
        1 => (1..9_i32).prop_map(|timeout| (OpCode::CreateSession, Record::CreateSession { timeout })),
        1 => prop::option::of(vec(path(), 0..4))
            .prop_map(|paths| (OpCode::CloseSession, Record::CloseSession { paths })),
    ]
}

/// Any transactions, with rising zxids.
pub fn any_transactions(most: usize) -> impl Strategy<Value = Vec<Transaction>> {
    let record = prop_oneof![
        9 => any_record(),
        1 => vec(any_record(), 0..5).prop_map(|records| (OpCode::Multi, Record::Multi(records))),
    ];
    vec((record, 1..4_i64), 0..most).prop_map(|all| {
        let numbered = all.into_iter().zip(1..);
        numbered.map(|(((kind, record), session), number)| transaction(number, session, kind, record)).collect()
    })
}

pub fn transaction(zxid: u64, session: i64, kind: OpCode, record: Record) -> Transaction {
    let header = TxnHeader { session: SessionId(session), cxid: 1, zxid: Zxid(zxid), time: 1000 + zxid as i64, kind };
    Transaction { header, record, digest: None }
}

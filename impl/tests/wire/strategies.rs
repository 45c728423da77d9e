//! Arbitrary values of every type that the wire carries.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use zab::Zxid;
use zab::tree::{
    Acl, Change, CreateTxn, Id, OpCode, Perms, Record, SessionId, Stat, StatPersisted, Transaction, TxnHeader,
};
use zabkeeper::wire::request::{AuthPacket, ReconfigRequest, SetWatches, WatchSelection, WatchingRead};
use zabkeeper::wire::{ClientInfo, ClientRequest, OperationResult, ReadOperation, Reply};

/// Text of every length of UTF-8, sometimes empty.
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-zé中😀/]{1,12}"]
}

pub fn path() -> impl Strategy<Value = String> {
    "/[a-zé中/]{0,12}"
}

/// Null, empty, or some.
pub fn data() -> impl Strategy<Value = Option<Bytes>> {
    of(vec(any::<u8>(), 0..20).prop_map(Bytes::from))
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    vec(text(), 0..4)
}

fn acl() -> impl Strategy<Value = Vec<Acl>> {
    let entry = (any::<i32>(), text(), text());
    vec(entry.prop_map(|(perms, scheme, id)| Acl { perms: Perms(perms), id: Id { scheme, id } }), 0..3)
}

pub fn stat() -> impl Strategy<Value = Stat> {
    let longs = any::<(u64, u64, i64, i64, i64, u64)>();
    (longs, any::<(i32, i32, i32, i32, i32)>()).prop_map(|(longs, ints)| {
        let (czxid, mzxid, ctime, mtime, ephemeral_owner, pzxid) = longs;
        let (version, cversion, aversion, data_length, num_children) = ints;
        let (czxid, mzxid, pzxid) = (Zxid(czxid), Zxid(mzxid), Zxid(pzxid));
        let persisted =
            StatPersisted { czxid, mzxid, ctime, mtime, version, cversion, aversion, ephemeral_owner, pzxid };
        Stat { persisted, data_length, num_children }
    })
}

// ---- Requests -----------------------------------------------------------------------------------------------------

/// A create, with flags and a kind that belong together, as they do in a multi.
fn create() -> impl Strategy<Value = Change> {
    let kinds = prop_oneof![
        (Just(OpCode::Create), 0..4_i32, Just(-1_i64)),
        (Just(OpCode::Create2), 0..4_i32, Just(-1_i64)),
        (Just(OpCode::CreateContainer), 0..5_i32, Just(-1_i64)),
        (Just(OpCode::CreateTtl), 5..7_i32, any::<i64>()),
    ];
    (kinds, path(), data(), acl()).prop_map(|((kind, flags, ttl), path, data, acl)| Change::Create {
        kind,
        path,
        data,
        acl,
        flags,
        ttl,
    })
}

fn part() -> impl Strategy<Value = Change> {
    prop_oneof![
        create(),
        (path(), any::<i32>()).prop_map(|(path, version)| Change::Delete { path, version }),
        (path(), data(), any::<i32>()).prop_map(|(path, data, version)| Change::SetData { path, data, version }),
        (path(), any::<i32>()).prop_map(|(path, version)| Change::Check { path, version }),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => part(),
        1 => path().prop_map(|path| Change::DeleteContainer { path }),
        1 => (path(), acl(), any::<i32>()).prop_map(|(path, acl, version)| Change::SetAcl { path, acl, version }),
        2 => vec(part(), 0..5).prop_map(Change::Multi),
        1 => any::<i32>().prop_map(|timeout| Change::CreateSession { timeout }),
        1 => Just(Change::CloseSession),
    ]
}

fn watching_read() -> impl Strategy<Value = WatchingRead> {
    (path(), any::<bool>()).prop_map(|(path, watch)| WatchingRead { path, watch })
}

fn set_watches() -> impl Strategy<Value = SetWatches> {
    (any::<u64>(), texts(), texts(), texts(), texts(), texts()).prop_map(
        |(zxid, data, exist, child, persistent, persistent_recursive)| SetWatches {
            relative_zxid: Zxid(zxid),
            data,
            exist,
            child,
            persistent,
            persistent_recursive,
        },
    )
}

fn watches() -> impl Strategy<Value = ClientRequest> {
    let selection = || (path(), any::<i32>()).prop_map(|(path, kind)| WatchSelection { path, kind });
    prop_oneof![
        set_watches().prop_map(|watches| {
            let (persistent, persistent_recursive) = (Vec::new(), Vec::new());
            ClientRequest::SetWatches(SetWatches { persistent, persistent_recursive, ..watches })
        }),
        set_watches().prop_map(ClientRequest::SetWatches2),
        (path(), any::<i32>()).prop_map(|(path, mode)| ClientRequest::AddWatch { path, mode }),
        selection().prop_map(ClientRequest::CheckWatches),
        selection().prop_map(ClientRequest::RemoveWatches),
    ]
}

fn read() -> impl Strategy<Value = ClientRequest> {
    let operation = prop_oneof![
        path().prop_map(|path| ReadOperation::GetChildren { path }),
        path().prop_map(|path| ReadOperation::GetData { path }),
    ];
    prop_oneof![
        watching_read().prop_map(ClientRequest::Exists),
        watching_read().prop_map(ClientRequest::GetData),
        watching_read().prop_map(ClientRequest::GetChildren),
        watching_read().prop_map(ClientRequest::GetChildren2),
        path().prop_map(|path| ClientRequest::GetAcl { path }),
        path().prop_map(|path| ClientRequest::GetAllChildrenNumber { path }),
        of(text()).prop_map(|prefix| ClientRequest::GetEphemerals { prefix }),
        of(text()).prop_map(|path| ClientRequest::Sync { path }),
        vec(operation, 0..4).prop_map(ClientRequest::MultiRead),
        Just(ClientRequest::WhoAmI),
        Just(ClientRequest::Ping),
    ]
}

/// Every request that can be written and read again.
pub fn request() -> impl Strategy<Value = ClientRequest> {
    prop_oneof![
        change().prop_map(ClientRequest::Write),
        read(),
        watches(),
        (any::<i32>(), text(), data()).prop_map(|(kind, scheme, auth)| ClientRequest::Auth(AuthPacket {
            kind,
            scheme,
            auth
        })),
        data().prop_map(|token| ClientRequest::Sasl { token }),
        (of(text()), of(text()), of(text()), any::<i64>()).prop_map(|(joining, leaving, members, current)| {
            ClientRequest::Reconfig(ReconfigRequest { joining, leaving, members, current })
        }),
        (200..300_i32).prop_map(|kind| ClientRequest::Unknown { kind }),
    ]
}

// ---- Replies ------------------------------------------------------------------------------------------------------

fn result() -> impl Strategy<Value = OperationResult> {
    prop_oneof![
        text().prop_map(|path| OperationResult::Create { path }),
        (text(), stat()).prop_map(|(path, stat)| OperationResult::Create2 { path, stat }),
        Just(OperationResult::Delete),
        stat().prop_map(OperationResult::SetData),
        Just(OperationResult::Check),
        texts().prop_map(OperationResult::GetChildren),
        (data(), stat()).prop_map(|(data, stat)| OperationResult::GetData { data, stat }),
        any::<i32>().prop_map(OperationResult::Error),
    ]
}

/// A reply, and the operation that has such a one.
pub fn reply() -> impl Strategy<Value = (OpCode, Reply)> {
    let client = (text(), text()).prop_map(|(scheme, user)| ClientInfo { scheme, user });
    prop_oneof![
        Just((OpCode::Delete, Reply::Nothing)),
        text().prop_map(|path| (OpCode::Create, Reply::Create { path })),
        (text(), stat()).prop_map(|(path, stat)| (OpCode::CreateTtl, Reply::Create2 { path, stat })),
        stat().prop_map(|stat| (OpCode::SetAcl, Reply::Stat(stat))),
        (data(), stat()).prop_map(|(data, stat)| (OpCode::GetData, Reply::Data { data, stat })),
        (acl(), stat()).prop_map(|(acl, stat)| (OpCode::GetAcl, Reply::Acl { acl, stat })),
        texts().prop_map(|names| (OpCode::GetChildren, Reply::Names(names))),
        texts().prop_map(|names| (OpCode::GetEphemerals, Reply::Names(names))),
        (texts(), stat()).prop_map(|(names, stat)| (OpCode::GetChildren2, Reply::NamesAndStat { names, stat })),
        any::<i32>().prop_map(|number| (OpCode::GetAllChildrenNumber, Reply::Number(number))),
        vec(result(), 0..5).prop_map(|results| (OpCode::MultiRead, Reply::Multi(results))),
        of(text()).prop_map(|path| (OpCode::Sync, Reply::Sync { path })),
        any::<i32>().prop_map(|err| (OpCode::AddWatch, Reply::Error(err))),
        data().prop_map(|token| (OpCode::Sasl, Reply::Sasl { token })),
        vec(client, 0..3).prop_map(|clients| (OpCode::WhoAmI, Reply::WhoAmI(clients))),
    ]
}

// ---- Transactions -------------------------------------------------------------------------------------------------

fn create_txn(may_be_ephemeral: bool) -> impl Strategy<Value = CreateTxn> {
    (path(), data(), acl(), any::<bool>(), any::<i32>()).prop_map(
        move |(path, data, acl, ephemeral, parent_cversion)| {
            let ephemeral = ephemeral && may_be_ephemeral;
            CreateTxn { path, data, acl, ephemeral, parent_cversion }
        },
    )
}

/// What a multi may hold.
fn txn_part() -> impl Strategy<Value = (OpCode, Record)> {
    let create_kind = prop_oneof![Just(OpCode::Create), Just(OpCode::Create2)];
    let delete_kind = prop_oneof![Just(OpCode::Delete), Just(OpCode::DeleteContainer)];
    prop_oneof![
        (create_kind, create_txn(true)).prop_map(|(kind, create)| (kind, Record::Create(create))),
        create_txn(false).prop_map(|create| (OpCode::CreateContainer, Record::CreateContainer(create))),
        (create_txn(false), any::<i64>()).prop_map(|(create, ttl)| (OpCode::CreateTtl, Record::CreateTtl(create, ttl))),
        (delete_kind, path()).prop_map(|(kind, path)| (kind, Record::Delete { path })),
        (path(), data(), any::<i32>())
            .prop_map(|(path, data, version)| (OpCode::SetData, Record::SetData { path, data, version })),
        (path(), any::<i32>()).prop_map(|(path, version)| (OpCode::Check, Record::Check { path, version })),
        any::<i32>().prop_map(|code| (OpCode::Error, Record::Error { code })),
    ]
}

fn record() -> impl Strategy<Value = (OpCode, Record)> {
    prop_oneof![
        4 => txn_part(),
        1 => (path(), data(), any::<i32>())
            .prop_map(|(path, data, version)| (OpCode::Reconfig, Record::SetData { path, data, version })),
        1 => (path(), acl(), any::<i32>())
            .prop_map(|(path, acl, version)| (OpCode::SetAcl, Record::SetAcl { path, acl, version })),
        1 => any::<i32>().prop_map(|timeout| (OpCode::CreateSession, Record::CreateSession { timeout })),
        1 => of(vec(path(), 0..4)).prop_map(|paths| (OpCode::CloseSession, Record::CloseSession { paths })),
        2 => vec(txn_part(), 0..5).prop_map(|parts| (OpCode::Multi, Record::Multi(parts))),
    ]
}

pub fn transaction() -> impl Strategy<Value = Transaction> {
    (any::<(i64, i32, u64, i64)>(), record(), of(any::<u64>())).prop_map(|(header, (kind, record), digest)| {
        let (session, cxid, zxid, time) = header;
        let header = TxnHeader { session: SessionId(session), cxid, zxid: Zxid(zxid), time, kind };
        Transaction { header, record, digest }
    })
}

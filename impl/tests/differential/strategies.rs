//! Arbitrary sequences. Few znodes, so that steps meet each other's work; some of everything that is refused.

use super::step::{Manner, Question, SEATS, Sequence, Step};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use zab::Zxid;
use zab::tree::auth::digest;
use zab::tree::{Acl, Change, Id, OpCode, Owner, Perms};
use zabkeeper::wire::request::{AuthPacket, SetWatches, WatchSelection, WatchingRead};
use zabkeeper::wire::{ClientRequest, ReadOperation};

/// The longest sequence.
const STEPS: usize = 40;

/// Most sequences find some znodes.
pub fn sequence() -> impl Strategy<Value = Sequence> {
    (proptest::bool::weighted(0.8), vec(step(), 1..STEPS)).prop_map(|(furnished, mut steps)| {
        if furnished {
            steps.insert(0, furnish());
        }
        Sequence(steps)
    })
}

fn furnish() -> Step {
    let create = |path: &str| Change::Create {
        kind: OpCode::Create,
        path: path.to_owned(),
        data: None,
        acl: Acl::open(),
        flags: 0,
        ttl: -1,
    };
    let requests = ["~/a", "~/a/b", "~/d"].map(|path| Question::Request(ClientRequest::Write(create(path))));
    Step::Ask(0, requests.into())
}

fn step() -> impl Strategy<Value = Step> {
    let seat = || prop_oneof![5 => Just(0), 3 => Just(1), 1 => 2..SEATS];
    let manner =
        select(vec![Manner::Properly, Manner::AfterLeaving, Manner::AsOfOld, Manner::WithWrongPassword, Manner::Ahead]);
    prop_oneof![
        24 => (seat(), question()).prop_map(|(seat, question)| Step::Ask(seat, vec![question])),
        6 => (seat(), at_once()).prop_map(|(seat, all)| Step::Ask(seat, all)),
        1 => seat().prop_map(Step::Close),
        2 => (seat(), manner).prop_map(|(seat, manner)| Step::Connect(seat, manner)),
    ]
}

/// Several requests on the way. Only the last may be setACL: in Java, requests behind it see the old ACL or the new
/// one, as the disk's speed has it (see `specs/exceptions.md`).
fn at_once() -> impl Strategy<Value = Vec<Question>> {
    (vec(orderly(), 2..7), prop_oneof![4 => Just(None), 1 => set_acl().prop_map(Some)])
        .prop_map(|(requests, last)| requests.into_iter().chain(last).map(Question::Request).collect())
}

fn question() -> impl Strategy<Value = Question> {
    let broken = select(vec![
        OpCode::Exists,
        OpCode::GetData,
        OpCode::GetAcl,
        OpCode::GetChildren,
        OpCode::GetChildren2,
        OpCode::GetAllChildrenNumber,
        OpCode::AddWatch,
        OpCode::RemoveWatches,
        OpCode::SetWatches2,
        OpCode::MultiRead,
        OpCode::Sync,
        OpCode::GetEphemerals,
    ]);
    prop_oneof![
        40 => orderly().prop_map(Question::Request),
        3 => set_acl().prop_map(Question::Request),
        3 => auth().prop_map(|packet| Question::Request(ClientRequest::Auth(packet))),
        1 => Just(Question::Request(ClientRequest::Unknown { kind: 99 })),
        1 => (broken, vec(any::<u8>(), 0..8)).prop_map(|(kind, bytes)| Question::Broken(kind, bytes)),
    ]
}

/// What is answered in its turn, so that several may be on the way.
fn orderly() -> impl Strategy<Value = ClientRequest> {
    prop_oneof![
        10 => change().prop_map(ClientRequest::Write),
        3 => vec(part(), 0..5).prop_map(|parts| ClientRequest::Write(Change::Multi(parts))),
        6 => read(),
        4 => watch(),
    ]
}

// ---- Values -------------------------------------------------------------------------------------------------------

fn path() -> impl Strategy<Value = String> {
    let usual = select(vec!["~", "~/a", "~/a", "~/a", "~/a/b", "~/a/b", "~/d", "~/d/e"]);
    let rare = select(vec!["~/a/b/c", "~/é", "~/f"]);
    let numbered = select(vec!["~/a-0000000000", "~/a-0000000001", "~/a/0000000000", "~/0000000000"]);
    let odd =
        select(vec!["", "a", "~/", "~//a", "~/./a", "~/..", "~/a/", "~/\u{1}", "~/a\u{0}", "~/\u{e000}", "~/\u{ffff}"]);
    prop_oneof![32 => usual, 4 => rare, 3 => numbered, 1 => odd].prop_map(str::to_owned)
}

/// A path of a znode to be made: for a number to be appended too.
fn new_path() -> impl Strategy<Value = String> {
    // A character beyond U+FFFF is only refused here: Java echoes it otherwise (see `specs/exceptions.md`).
    let open = select(vec!["~/a-", "~/a/", "~/", "/", "/zookeeper", "~/😀"]);
    prop_oneof![10 => path(), 1 => open.prop_map(str::to_owned)]
}

/// A path that is only looked at, or that cannot be deleted.
fn safe_path() -> impl Strategy<Value = String> {
    let special = select(vec!["/zookeeper", "/zookeeper/quota", "/zookeeper/config"]);
    prop_oneof![20 => path(), 1 => special.prop_map(str::to_owned)]
}

/// Null, empty, or some.
fn data() -> impl Strategy<Value = Option<Bytes>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(Bytes::new())),
        4 => vec(any::<u8>(), 1..20).prop_map(|bytes| Some(Bytes::from(bytes))),
        1 => Just(Some(Bytes::from(vec![7; 40]))),
    ]
}

fn version() -> impl Strategy<Value = i32> {
    prop_oneof![12 => Just(-1), 4 => Just(0), 3 => Just(1), 2 => Just(2), 1 => select(vec![-2, 9, i32::MIN, i32::MAX])]
}

fn acl() -> impl Strategy<Value = Vec<Acl>> {
    let perms = prop_oneof![3 => Just(31), 3 => 0..32_i32, 1 => Just(63), 1 => Just(-1)].prop_map(Perms);
    let good = select(vec![
        Id::new("world", "anyone"),
        Id::new("auth", ""),
        Id::new("digest", &digest("alice:secret")),
        Id::new("digest", &digest("bob:")),
        Id::new("digest", "nobody:hash"),
        Id::new("ip", "127.0.0.1"),
        Id::new("ip", "127.0.0.0/8"),
        Id::new("ip", "10.0.0.1"),
    ]);
    let odd = select(vec![
        Id::new("world", "someone"),
        Id::new("digest", "nocolon"),
        Id::new("digest", "a:b:c"),
        Id::new("digest", ""),
        Id::new("ip", "127.0.0.256"),
        Id::new("ip", "127.0.0.1/33"),
        Id::new("ip", "localhost"),
        Id::new("auth", "alice"),
        Id::new("nothing", "x"),
        Id::new("sasl", "alice"),
        Id::new("x509", "CN=alice"),
        Id::new("super", ""),
        Id::new("", ""),
    ]);
    let id = prop_oneof![30 => good, 1 => odd];
    let entry = (perms, id).prop_map(|(perms, id)| Acl { perms, id });
    prop_oneof![20 => Just(Acl::open()), 9 => vec(entry, 1..4), 1 => Just(Vec::new())]
}

fn auth() -> impl Strategy<Value = AuthPacket> {
    let proof = select(vec!["alice:secret", "alice:secret", "alice:other", "bob:", "nocolon", "", ":", "super:super"]);
    let scheme = prop_oneof![12 => Just("digest"), 1 => select(vec!["ip", "world", "auth", "sasl", "super", ""])];
    (scheme, proof).prop_map(|(scheme, proof)| AuthPacket {
        kind: 0,
        scheme: scheme.to_owned(),
        auth: Some(Bytes::from(proof)),
    })
}

// ---- Writes -------------------------------------------------------------------------------------------------------

fn create() -> impl Strategy<Value = Change> {
    let ttl = select(vec![3_600_000, 1, Owner::MAX_TTL, 0, -1, -5, Owner::MAX_TTL + 1]);
    let kinds = prop_oneof![
        8 => (Just(OpCode::Create), 0..4_i32, Just(-1)),
        5 => (Just(OpCode::Create2), 0..4_i32, Just(-1)),
        2 => (Just(OpCode::CreateContainer), Just(4), Just(-1)),
        1 => (Just(OpCode::CreateTtl), 5..7_i32, Just(3_600_000)),
        1 => (Just(OpCode::CreateTtl), 5..7_i32, ttl),
    ];
    (kinds, new_path(), data(), acl()).prop_map(|((kind, flags, ttl), path, data, acl)| Change::Create {
        kind,
        path,
        data,
        acl,
        flags,
        ttl,
    })
}

/// With flags that do not belong to the operation. Outside of a multi only: inside, they decide what it is.
fn odd_create() -> impl Strategy<Value = Change> {
    let kinds = select(vec![OpCode::Create, OpCode::Create2, OpCode::CreateContainer]);
    let flags = select(vec![-1, 4, 5, 6, 7]);
    (kinds, flags, new_path(), data()).prop_map(|(kind, flags, path, data)| Change::Create {
        kind,
        path,
        data,
        acl: Acl::open(),
        flags,
        ttl: -1,
    })
}

/// What may stand in a multi.
fn part() -> impl Strategy<Value = Change> {
    let deleted = prop_oneof![15 => safe_path(), 1 => Just("/".to_owned())];
    prop_oneof![
        6 => create(),
        3 => (deleted, version()).prop_map(|(path, version)| Change::Delete { path, version }),
        3 => (path(), data(), version()).prop_map(|(path, data, version)| Change::SetData { path, data, version }),
        2 => (safe_path(), version()).prop_map(|(path, version)| Change::Check { path, version }),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let not_alone = |change: &Change| !matches!(change, Change::Check { .. });
    prop_oneof![
        16 => part().prop_filter("a check alone is not served", not_alone),
        1 => odd_create(),
    ]
}

fn set_acl() -> impl Strategy<Value = ClientRequest> {
    (path(), acl(), version())
        .prop_map(|(path, acl, version)| ClientRequest::Write(Change::SetAcl { path, acl, version }))
}

// ---- Reads and watches --------------------------------------------------------------------------------------------

fn read() -> impl Strategy<Value = ClientRequest> {
    let watching = || (safe_path(), any::<bool>()).prop_map(|(path, watch)| WatchingRead { path, watch });
    let operation = (safe_path(), any::<bool>()).prop_map(|(path, data)| match data {
        true => ReadOperation::GetData { path },
        false => ReadOperation::GetChildren { path },
    });
    let prefix = prop_oneof![
        Just(None),
        select(vec!["", " ", "/", "~", "~/a", "~/a/", "nothing"]).prop_map(|prefix| Some(prefix.to_owned()))
    ];
    prop_oneof![
        3 => watching().prop_map(ClientRequest::Exists),
        3 => watching().prop_map(ClientRequest::GetData),
        2 => watching().prop_map(ClientRequest::GetChildren),
        2 => watching().prop_map(ClientRequest::GetChildren2),
        2 => safe_path().prop_map(|path| ClientRequest::GetAcl { path }),
        1 => safe_path().prop_map(|path| ClientRequest::GetAllChildrenNumber { path }),
        1 => prefix.prop_map(|prefix| ClientRequest::GetEphemerals { prefix }),
        1 => vec(operation, 0..4).prop_map(ClientRequest::MultiRead),
        1 => prop_oneof![Just(None), path().prop_map(Some)].prop_map(|path| ClientRequest::Sync { path }),
        1 => Just(ClientRequest::WhoAmI),
        1 => Just(ClientRequest::Ping),
    ]
}

fn watch() -> impl Strategy<Value = ClientRequest> {
    let kind = prop_oneof![12 => 1..6_i32, 6 => Just(3), 1 => select(vec![0, 6, -1])];
    let selection = || (path(), kind.clone()).prop_map(|(path, kind)| WatchSelection { path, kind });
    let mode = prop_oneof![8 => 0..2_i32, 1 => select(vec![-1, 2, 3])];
    prop_oneof![
        4 => (path(), mode).prop_map(|(path, mode)| ClientRequest::AddWatch { path, mode }),
        1 => selection().prop_map(ClientRequest::CheckWatches),
        2 => selection().prop_map(ClientRequest::RemoveWatches),
        2 => set_watches(),
    ]
}

fn set_watches() -> impl Strategy<Value = ClientRequest> {
    let paths = || vec(path(), 0..3);
    let lists = (paths(), paths(), paths(), paths(), paths());
    (any::<bool>(), 0..12_u64, lists).prop_map(|(new, back, (data, exist, child, persistent, recursive))| {
        let mut watches = SetWatches { relative_zxid: Zxid(back), data, exist, child, ..SetWatches::default() };
        if !new {
            return ClientRequest::SetWatches(watches);
        }
        (watches.persistent, watches.persistent_recursive) = (persistent, recursive);
        ClientRequest::SetWatches2(watches)
    })
}

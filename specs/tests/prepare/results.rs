//! What transactions say: numbers of sequential znodes, versions, lists, digests; and what multis and quotas do.

use crate::leader::*;
use zab::tree::Code::{BadVersion, MarshallingError, NoNode, NotEmpty, QuotaExceeded, RuntimeInconsistency};
use zab::tree::{Acl, Change, Code, OpCode, Record, Transaction};

fn path_of(record: &Record) -> &str {
    match record {
        Record::Create(txn) | Record::CreateContainer(txn) | Record::CreateTtl(txn, _) => &txn.path,
        other => panic!("no create: {other:?}"),
    }
}

#[test]
fn numbers_of_sequential_znodes_count_creations() {
    let mut leader = Leader::new(true);
    leader.must(create("/q"));
    assert_eq!(path_of(&leader.must(create_mode("/q/n-", 2))), "/q/n-0000000000");
    assert_eq!(path_of(&leader.must(create_mode("/q/", 3))), "/q/0000000001");
    leader.must(create("/q/other"));
    leader.must(delete("/q/other", -1));
    leader.commit(2);
    assert_eq!(path_of(&leader.must(create_ttl("/q/n-", 6, 5))), "/q/n-0000000003", "deleting does not count");
    let next = leader.must(create_mode("/q/n-", 2));
    assert!(matches!(next, Record::Create(txn) if txn.parent_cversion == 5 && !txn.ephemeral));
    leader.commit(usize::MAX);
}

#[test]
fn records_follow_the_operation_and_not_the_mode() {
    let mut leader = Leader::new(true);
    let container = create_as(OpCode::CreateContainer, "/c", 0, -1, Acl::open());
    assert!(matches!(leader.must(container), Record::CreateContainer(_)));
    assert!(matches!(leader.must(create_mode("/p", 4)), Record::Create(txn) if !txn.ephemeral));
    assert!(matches!(leader.must(create_mode("/e", 1)), Record::Create(txn) if txn.ephemeral));
    assert!(matches!(leader.must(create_ttl("/t", 5, 9)), Record::CreateTtl(_, 9)));
    leader.commit(usize::MAX);
    assert_eq!(leader.tree.containers().collect::<Vec<_>>(), ["/c"]);
    assert_eq!(leader.tree.ttls().collect::<Vec<_>>(), ["/t"]);
}

#[test]
fn versions_are_the_next_ones() {
    let mut leader = Leader::new(false);
    leader.must(create("/a"));
    for version in 1..4 {
        assert!(matches!(leader.must(set("/a", "x", version - 1)), Record::SetData { version: v, .. } if v == version));
    }
    assert!(matches!(leader.must(set_acl("/a", Acl::open(), 0)), Record::SetAcl { version: 1, .. }));
    assert!(matches!(leader.must(check("/a", 3)), Record::Check { version: 4, .. }), "as Java: the next one");
    leader.must(delete("/a", 3));
    leader.commit(usize::MAX);
}

/// Java differs from itself here until the commit; the digest must be that of the tree all the same.
#[test]
fn a_parent_at_its_last_cversion_stays_there() {
    let mut leader = Leader::new(false);
    leader.must(create("/a"));
    let mut last = leader.ask(&asked(1, create("/a/x")));
    leader.outstanding.pop_back();
    leader.commit(usize::MAX);
    if let Record::Create(txn) = &mut last.record {
        txn.parent_cversion = i32::MAX;
    }
    last.digest = None;
    leader.tree.apply(&last);
    leader.outlook.committed(last.header.zxid);
    assert!(matches!(leader.must(create("/a/y")), Record::Create(txn) if txn.parent_cversion == i32::MIN));
    leader.must(create_mode("/a/s", 2));
    leader.commit(usize::MAX);
    assert_eq!(leader.tree.node("/a").map(|node| node.stat.cversion), Some(i32::MAX));
}

#[test]
fn what_is_prepared_is_outstanding_until_its_commit() {
    let mut leader = Leader::new(false);
    assert!(leader.outlook.is_empty());
    for (session, change) in [(1, create("/a")), (9, Change::CreateSession { timeout: 5000 })] {
        leader.ask(&asked(session, change.clone()));
        assert!(!leader.outlook.is_empty(), "{change:?}");
        leader.commit(usize::MAX);
        assert!(leader.outlook.is_empty(), "{change:?}");
    }
}

#[test]
fn a_closing_session_takes_along_what_will_be_its_own() {
    let mut leader = Leader::new(false);
    let mode = |session: i64, path: &str| asked(session, create_mode(path, 1));
    for path in ["/b", "/gone", "/a", "/again"] {
        leader.ask(&mode(1, path));
    }
    leader.must(create("/d"));
    leader.commit(usize::MAX);
    leader.must(delete("/gone", -1));
    leader.must(delete("/again", -1));
    leader.ask(&mode(2, "/again"));
    leader.ask(&mode(1, "/d/late"));
    leader.must(create_mode("/undone", 1));
    leader.must(delete("/undone", -1));
    let closed = leader.ask(&asked(1, Change::CloseSession));
    let paths = |paths: &[&str]| Record::CloseSession { paths: Some(paths.iter().map(|&path| path.into()).collect()) };
    assert_eq!(closed.record, paths(&["/a", "/b", "/d/late"]));
    let again = leader.ask(&asked(1, Change::CloseSession));
    assert_eq!(again.record, paths(&[]), "the second finds nothing");
    let free = leader.ask(&asked(2, delete("/d", -1)));
    assert_eq!(failure(&free), None, "its znodes count as children no more");
    assert_eq!(leader.ask(&asked(2, Change::CloseSession)).record, paths(&["/again"]));
    leader.commit(usize::MAX);
    assert_eq!(leader.tree.ephemeral_owners().len(), 0);
}

#[test]
fn errors_have_a_zxid_and_no_digest() {
    let mut leader = Leader::new(false);
    let Transaction { header, record, digest } = leader.ask(&asked(1, delete("/none", -1)));
    assert_eq!((header.kind, digest), (OpCode::Error, None));
    assert_eq!((record, header.cxid), (Record::error(NoNode), 7));
    let next = leader.ask(&asked(1, check("/", -1)));
    assert_eq!(next.header.zxid.0, header.zxid.0 + 1);
    assert_eq!(next.digest, Some(leader.tree.digest()), "nothing changes, and the digest is said all the same");
}

// ---- multi --------------------------------------------------------------------------------------------------------

#[test]
fn a_multi_sees_its_own_changes() {
    let mut leader = Leader::new(false);
    let record = leader.must(Change::Multi(vec![
        create("/a"),
        create_mode("/a/s", 2),
        set("/a", "x", 0),
        check("/a", 1),
        delete("/a/s0000000000", 0),
        delete("/a", 1),
        create_mode("/e", 3),
    ]));
    let Record::Multi(records) = record else { panic!("a multi") };
    let kinds = records.iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
    use OpCode::{Check, Create, Delete, SetData};
    assert_eq!(kinds, [Create, Create, SetData, Check, Delete, Delete, Create]);
    assert_eq!(path_of(&records[6].1), "/e0000000001", "the root has had one creation, though it is undone");
    leader.commit(usize::MAX);
}

#[test]
fn a_multi_that_fails_leaves_no_trace() {
    let mut leader = Leader::new(false);
    leader.must(create("/a"));
    leader.commit(1);
    leader.must(create("/a/x"));
    let (before, digest) = (format!("{:?}", leader.outlook), leader.outlook.digest(&leader.tree));
    let changes = vec![
        create_mode("/a/s", 3),
        set("/a/x", "y", 0),
        delete("/a/x", 1),
        delete("/a", -1),
        create("/b"),
        delete("/none", -1),
    ];
    let failed = leader.ask(&asked(1, Change::Multi(changes)));
    assert_eq!(failed.header.kind, OpCode::Multi);
    assert_eq!(failed.digest, Some(digest), "the digest as it stood");
    let Record::Multi(records) = failed.record else { panic!("a multi") };
    let kinds = records.iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
    use OpCode::{Create, Delete, Error, SetData};
    assert_eq!(kinds, [Create, SetData, Delete, Error, Error, Error], "what was prepared stays in the record");
    assert_eq!(records[3].1, Record::error(NotEmpty));
    assert_eq!([&records[4].1, &records[5].1], [&Record::error(RuntimeInconsistency); 2]);
    assert_eq!(format!("{:?}", leader.outlook), before);
    leader.must(delete("/a/x", 0));
    assert_eq!(path_of(&leader.must(create_mode("/a/s", 2))), "/a/s0000000001");
    leader.commit(usize::MAX);
}

#[test]
fn what_cannot_stand_in_a_multi() {
    let create_kind = |kind, flags| create_as(kind, "/new", flags, -1, Acl::open());
    let refused = [
        set_acl("/", Acl::open(), -1),
        delete_container("/c"),
        Change::Multi(vec![]),
        Change::CreateSession { timeout: 1 },
        Change::CloseSession,
        Change::Refused { kind: OpCode::Reconfig, code: -123 },
        create_kind(OpCode::Create, 7),
        create_kind(OpCode::Create2, 5),
    ];
    for change in refused {
        let mut leader = Leader::new(true);
        let transaction = leader.ask(&asked(1, Change::Multi(vec![create("/a"), change.clone()])));
        assert_eq!((transaction.header.kind, transaction.digest), (OpCode::Error, None), "{change:?}");
        assert_eq!(transaction.record, Record::error(MarshallingError), "{change:?}");
    }
    let mut leader = Leader::new(true);
    assert_eq!(leader.code(Change::Multi(vec![create_kind(OpCode::CreateTtl, 7)])), Some(Code::BadArguments));
    assert_eq!(leader.must(Change::Multi(vec![])), Record::Multi(vec![]), "nothing at all, not even a session");
    leader.commit(usize::MAX);
}

#[test]
fn in_a_multi_the_mode_decides() {
    let mut leader = Leader::new(true);
    let record = leader.must(Change::Multi(vec![
        create_as(OpCode::Create, "/c", 4, -1, Acl::open()),
        create_ttl("/p", 0, 9),
        create_ttl("/t", 5, 9),
        create_as(OpCode::Create2, "/q", 0, -1, Acl::open()),
    ]));
    let Record::Multi(records) = record else { panic!("a multi") };
    let kinds = records.iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
    assert_eq!(kinds, [OpCode::CreateContainer, OpCode::Create, OpCode::CreateTtl, OpCode::Create2]);
    leader.commit(usize::MAX);
}

// ---- quotas -------------------------------------------------------------------------------------------------------

/// A leader that enforces quotas, with these limits and these counts on `/a`.
fn limited(limits: &str, counts: &str) -> Leader {
    let mut leader = Leader::new(false);
    leader.options.enforce_quota = true;
    for path in ["/a", "/a/b", "/zookeeper/quota/a"] {
        leader.must(create(path));
    }
    for (path, text) in [("zookeeper_limits", limits), ("zookeeper_stats", counts)] {
        let path = format!("/zookeeper/quota/a/{path}");
        leader.must(create(&path));
        leader.must(set(&path, text, -1));
    }
    leader.commit(usize::MAX);
    leader
}

#[test]
fn hard_limits_refuse_and_soft_ones_are_said() {
    let new = || create("/a/new");
    let cases: Vec<(&str, &str, Change, Option<Code>, &str)> = vec![
        ("count=-1,bytes=-1=;countHardLimit=3", "count=2,bytes=8", new(), None, ""),
        (
            "count=-1,bytes=-1=;countHardLimit=2",
            "count=2,bytes=8",
            new(),
            Some(QuotaExceeded),
            "count=3, hardCountLimit=2",
        ),
        (
            "count=7,bytes=-1=;countHardLimit=1",
            "count=2,bytes=8",
            new(),
            Some(QuotaExceeded),
            "count=3, hardCountLimit=1",
        ),
        ("count=2,bytes=-1", "count=2,bytes=8", new(), None, "count=3, softCountLimit=2"),
        (
            "count=2,bytes=11=;byteHardLimit=11",
            "count=2,bytes=8",
            new(),
            Some(QuotaExceeded),
            "bytes=12, hardByteLimit=11",
        ),
        ("count=-1,bytes=11", "count=2,bytes=8", new(), None, "bytes=12, softByteLimit=11"),
        ("bytes=8", "count=2,bytes=8", set("/a", "data", -1), None, ""),
        ("bytes=8", "count=2,bytes=8", set("/a/b", "longer", -1), None, "bytes=10, softByteLimit=8"),
        (
            "byteHardLimit=8",
            "count=2,bytes=8",
            set("/a", "longer", 9),
            Some(QuotaExceeded),
            "bytes=10, hardByteLimit=8",
        ),
        ("byteHardLimit=8", "count=2,bytes=8", set("/a", "less", 9), Some(BadVersion), ""),
        ("count=0,bytes=0", "count=2,bytes=8", create("/other"), None, ""),
        ("nonsense", "count=2,bytes=8", new(), Some(MarshallingError), ""),
        ("count=0", "nonsense", new(), Some(MarshallingError), ""),
        ("count=-1", "nonsense", new(), None, ""),
    ];
    for (limits, counts, change, expected, said) in cases {
        let mut leader = limited(limits, counts);
        assert_eq!(leader.code(change.clone()), expected, "{limits} {change:?}");
        let exceeded = leader.outlook.exceeded().last().map(|last| last.to_string()).unwrap_or_default();
        let said = if said.is_empty() { String::new() } else { format!("Quota exceeded: /a [current {said}]") };
        assert_eq!(exceeded, said, "{limits} {change:?}");
        leader.options.enforce_quota = false;
        let lax = leader.code(change);
        assert!(lax.is_none() || lax == Some(BadVersion) || lax == Some(Code::NodeExists), "{lax:?} not enforced");
        assert!(leader.outlook.exceeded().is_empty());
    }
}

#[test]
fn the_nearest_quota_counts() {
    let mut leader = limited("countHardLimit=0", "count=2,bytes=8");
    assert_eq!(leader.code(create("/a/b/new")), Some(QuotaExceeded));
    for path in
        ["/zookeeper/quota/a/b", "/zookeeper/quota/a/b/zookeeper_limits", "/zookeeper/quota/a/b/zookeeper_stats"]
    {
        leader.must(create(path));
        leader.must(set(path, "count=1", -1));
    }
    assert_eq!(leader.code(create("/a/b/new")), Some(QuotaExceeded), "a quota counts when it is committed");
    leader.commit(usize::MAX);
    assert_eq!(leader.code(create("/a/b/new")), None);
    assert_eq!(leader.code(create("/a/c")), Some(QuotaExceeded));
    assert_eq!(leader.code(create("/ab")), None, "a name that begins alike is another");
    let multi = Change::Multi(vec![create("/a/b/two"), create("/a/x")]);
    assert_eq!(leader.code(multi), Some(QuotaExceeded));
    assert_eq!(leader.outlook.exceeded().len(), 2, "a soft one, then the hard one");
}

//! What each transaction does to the tree, by itself.

use crate::history::{acl, transaction};
use zab::Zxid;
use zab::tree::*;

fn tree() -> Tree {
    Tree::new(TreeOptions { extended_types: true, digest: true })
}

fn create_txn(path: &str) -> CreateTxn {
    let data = Some(b"data"[..].into());
    CreateTxn { path: path.to_owned(), data, acl: Acl::open(), ephemeral: false, parent_cversion: -1 }
}

fn create(path: &str) -> Record {
    Record::Create(create_txn(path))
}

fn ephemeral(path: &str) -> Record {
    Record::Create(CreateTxn { ephemeral: true, ..create_txn(path) })
}

fn delete(path: &str) -> Record {
    Record::Delete { path: path.to_owned() }
}

fn set_data(path: &str, version: i32) -> Record {
    Record::SetData { path: path.to_owned(), data: None, version }
}

/// Applies it as session 7's, at `1000 + zxid` milliseconds.
fn apply(tree: &mut Tree, zxid: u64, record: Record) -> Applied {
    tree.apply(&transaction(zxid, 7, OpCode::Create, record))
}

fn stat(tree: &Tree, path: &str) -> Stat {
    tree.stat(tree.node(path).unwrap_or_else(|| panic!("no {path}")))
}

/// The events as `kind path`.
fn told(applied: &Applied) -> Vec<String> {
    applied.events.iter().map(|event| format!("{:?} {}", event.kind, event.path)).collect()
}

#[test]
fn lists_that_are_open_or_empty_need_no_entry() {
    let mut tree = tree();
    let before = tree.acl_table().iter().len();
    for (zxid, (path, acl)) in (1..).zip([("/open", Acl::open()), ("/empty", Vec::new()), ("/own", acl(1))]) {
        let create = Record::Create(CreateTxn { acl, ..create_txn(path) });
        assert!(apply(&mut tree, zxid, create).result.is_ok());
    }
    let of = |path| tree.node(path).map(|node| node.acl);
    assert_eq!((of("/open"), of("/empty")), (Some(AclId::OPEN), Some(AclId::OPEN)));
    assert_ne!(of("/own"), Some(AclId::OPEN));
    assert_eq!(tree.acl_table().iter().len(), before + 1);
}

#[test]
fn modes_have_the_numbers_of_the_wire() {
    let numbers = (0..7).filter_map(CreateMode::from_number).map(CreateMode::number);
    assert_eq!(numbers.collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!([-1, 7].map(CreateMode::from_number), [None, None]);
}

#[test]
fn a_znode_is_shown_with_its_path() {
    let tree = tree();
    let root = tree.node("/zookeeper/quota").expect("it is there");
    assert!(format!("{root:?}").starts_with(r#"Node { path: "/zookeeper/quota", data: "#), "{root:?}");
}

#[test]
fn trees_are_equal_that_hold_the_same() {
    let with = |data: &'static [u8], list: Vec<Acl>, time: u64, names: &[&str]| {
        let mut tree = Tree::new(TreeOptions { extended_types: true, digest: false });
        for name in names {
            let (data, acl) = (Some(data.into()), list.clone());
            let create = Record::Create(CreateTxn { data, acl, ..create_txn(name) });
            let mut transaction = transaction(9, 7, OpCode::Create, create);
            transaction.header.time += i64::try_from(time).expect("a small number");
            assert!(tree.apply(&transaction).result.is_ok());
        }
        tree
    };
    let tree = || with(b"x", Acl::open(), 0, &["/a"]);
    assert_eq!(tree(), tree());
    for other in [
        with(b"y", Acl::open(), 0, &["/a"]),
        with(b"x", acl(1), 0, &["/a"]),
        with(b"x", Acl::open(), 1, &["/a"]),
        with(b"x", Acl::open(), 0, &["/b"]),
        with(b"x", Acl::open(), 0, &["/a", "/b"]),
    ] {
        assert_ne!(tree(), other);
    }
}

#[test]
fn the_tree_begins_with_zookeepers_own() {
    let tree = tree();
    assert_eq!(
        tree.nodes().map(Node::path).collect::<Vec<_>>(),
        ["/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"]
    );
    assert_eq!(tree.children("/").collect::<Vec<_>>(), ["zookeeper"]);
    let numbers = |path| (stat(&tree, path).persisted.cversion, stat(&tree, path).num_children);
    assert_eq!([numbers("/"), numbers("/zookeeper"), numbers("/zookeeper/quota")], [(-1, 1), (-2, 2), (0, 0)]);
    let config = tree.node("/zookeeper/config").expect("it is there");
    assert_eq!(tree.acl(config.acl)[..], [Acl { perms: Perms::READ, id: Id::new("world", "anyone") }]);
    assert_eq!((config.stat.aversion, config.data()), (-1, Some(&b""[..])));
    assert_eq!(tree.last_zxid(), Zxid::ZERO);
}

#[test]
fn create_makes_a_znode_and_touches_its_parent() {
    let mut tree = tree();
    let applied = apply(&mut tree, 5, create("/a"));
    let expected = StatPersisted {
        czxid: Zxid(5),
        mzxid: Zxid(5),
        pzxid: Zxid(5),
        ctime: 1005,
        mtime: 1005,
        ..StatPersisted::default()
    };
    let expected = Stat { persisted: expected, data_length: 4, num_children: 0 };
    assert_eq!(applied.result, Ok(Outcome::Created { path: "/a".to_owned(), stat: expected }));
    assert_eq!(told(&applied), ["Created /a", "ChildrenChanged /"]);
    let root = stat(&tree, "/");
    assert_eq!((root.persisted.pzxid, root.persisted.mzxid), (Zxid(5), Zxid(0)));
    // The second child of the root: 2 · 1 − 2.
    assert_eq!((root.persisted.cversion, root.num_children), (0, 2));
    assert_eq!(tree.last_zxid(), Zxid(5));

    assert_eq!(apply(&mut tree, 6, create("/none/b")).result, Err(Code::NoNode));
    assert_eq!(told(&apply(&mut tree, 7, create("/a/b"))), ["Created /a/b", "ChildrenChanged /a"]);
}

#[test]
fn the_leader_says_the_parents_cversion_and_it_only_grows() {
    let mut tree = tree();
    let mut with = |zxid, path, parent_cversion| {
        apply(&mut tree, zxid, Record::Create(CreateTxn { parent_cversion, ..create_txn(path) }));
        let stat = tree.node("/").expect("the root").stat;
        (stat.cversion, stat.pzxid.0)
    };
    assert_eq!(with(1, "/a", 7), (7, 1));
    assert_eq!(with(2, "/b", 7), (7, 1));
    assert_eq!(with(3, "/c", 2), (7, 1));
    assert_eq!(with(4, "/d", -1), (8, 4));
    // There already, as in a replay: the parent changes all the same.
    assert_eq!(with(5, "/a", 9), (9, 5));
}

#[test]
fn a_znode_that_is_there_gets_the_acl_only() {
    let mut tree = tree();
    apply(&mut tree, 1, create("/a"));
    let before = tree.node("/a").expect("a").stat;
    let again = Record::Create(CreateTxn { data: None, acl: acl(1), parent_cversion: 1, ..create_txn("/a") });
    let applied = apply(&mut tree, 2, again);
    assert_eq!((applied.result, applied.events), (Err(Code::NodeExists), vec![]));
    let node = tree.node("/a").expect("a");
    assert_eq!((node.stat, node.data()), (before, Some(&b"data"[..])));
    assert_eq!(tree.acl(node.acl)[..], acl(1));
}

#[test]
fn delete_touches_the_parent_even_if_nothing_was_there() {
    let mut tree = tree();
    apply(&mut tree, 1, create("/a"));
    apply(&mut tree, 2, create("/a/b"));
    let applied = apply(&mut tree, 3, delete("/a/b"));
    assert_eq!(applied.result, Ok(Outcome::Deleted));
    assert_eq!(told(&applied), ["Deleted /a/b", "ChildrenChanged /a"]);
    let a = stat(&tree, "/a");
    // Clients count both changes.
    assert_eq!((a.persisted.cversion, a.persisted.pzxid, a.num_children), (2, Zxid(3), 0));
    let applied = apply(&mut tree, 4, delete("/a/b"));
    assert_eq!((applied.result, applied.events), (Err(Code::NoNode), vec![]));
    assert_eq!(stat(&tree, "/a").persisted.pzxid, Zxid(4));
    apply(&mut tree, 2, delete("/a/b"));
    assert_eq!(stat(&tree, "/a").persisted.pzxid, Zxid(4), "an older transaction takes nothing back");
    assert_eq!(tree.last_zxid(), Zxid(4));
}

#[test]
fn the_root_and_what_is_no_path_neither_come_nor_go() {
    let mut tree = tree();
    let before = tree.clone();
    for path in ["/", "", "a", "/zookeeper/", "//"] {
        for record in [create(path), delete(path)] {
            assert_eq!(apply(&mut tree, 0, record).result, Err(Code::BadArguments), "{path:?}");
        }
    }
    assert_eq!(tree, before);
}

#[test]
fn set_data_changes_data_and_who_may_see_it_was_asked_before() {
    let mut tree = tree();
    apply(&mut tree, 1, Record::Create(CreateTxn { acl: acl(1), ..create_txn("/a") }));
    let applied = apply(&mut tree, 2, set_data("/a", 1));
    let a = stat(&tree, "/a");
    assert_eq!(applied.result, Ok(Outcome::DataSet(a)));
    assert_eq!((a.persisted.version, a.persisted.mzxid, a.persisted.mtime, a.data_length), (1, Zxid(2), 1002, 0));
    assert_eq!((a.persisted.czxid, a.persisted.pzxid, a.persisted.ctime), (Zxid(1), Zxid(1), 1001));
    let event = Event { kind: EventKind::DataChanged, path: "/a".to_owned(), zxid: Zxid(2), acl: acl(1).into() };
    assert_eq!(applied.events, [event]);
    assert_eq!(apply(&mut tree, 3, set_data("/b", 1)).result, Err(Code::NoNode));
}

#[test]
fn events_of_a_deletion_have_the_acls_of_both() {
    let mut tree = tree();
    apply(&mut tree, 1, Record::Create(CreateTxn { acl: acl(1), ..create_txn("/a") }));
    apply(&mut tree, 2, Record::Create(CreateTxn { acl: acl(2), ..create_txn("/a/b") }));
    let acls = |applied: Applied| applied.events.iter().map(|event| event.acl.to_vec()).collect::<Vec<_>>();
    assert_eq!(acls(apply(&mut tree, 3, delete("/a/b"))), [acl(2), acl(1)]);
    let again = Record::Create(CreateTxn { acl: acl(3), ..create_txn("/a/b") });
    assert_eq!(acls(apply(&mut tree, 4, again)), [acl(3), acl(1)]);
}

#[test]
fn set_acl_touches_neither_mzxid_nor_watches() {
    let mut tree = tree();
    apply(&mut tree, 1, create("/a"));
    let record = Record::SetAcl { path: "/a".to_owned(), acl: acl(1), version: 1 };
    let applied = apply(&mut tree, 2, record);
    let a = stat(&tree, "/a");
    assert_eq!((applied.result, applied.events), (Ok(Outcome::AclSet(a)), vec![]));
    assert_eq!((a.persisted.aversion, a.persisted.mzxid, a.persisted.version), (1, Zxid(1), 0));
    assert_eq!(tree.acl(tree.node("/a").expect("a").acl)[..], acl(1));
}

#[test]
fn clients_see_the_session_of_an_ephemeral_and_no_other_owner() {
    let mut tree = tree();
    apply(&mut tree, 1, ephemeral("/e"));
    apply(&mut tree, 2, Record::CreateContainer(create_txn("/c")));
    apply(&mut tree, 3, Record::CreateTtl(create_txn("/t"), 5));
    let shown = ["/e", "/c", "/t"].map(|path| stat(&tree, path).persisted.ephemeral_owner);
    assert_eq!(shown, [7, 0, 0]);
    let kept = ["/e", "/c", "/t"].map(|path| tree.node(path).expect("it").owner(true));
    assert_eq!(kept, [Owner::Session(SessionId(7)), Owner::Container, Owner::Ttl(5)]);
    assert_eq!((tree.containers().collect(), tree.ttls().collect()), (vec!["/c"], vec!["/t"]));
    for ttl in [0, -1, Owner::MAX_TTL + 1] {
        let applied = apply(&mut tree, 4, Record::CreateTtl(create_txn("/u"), ttl));
        assert_eq!(applied.result, Err(Code::BadArguments));
    }
    // Where there are no times to live, such a number is a session of server 255.
    let mut plain = Tree::new(TreeOptions::default());
    plain.apply(&transaction(1, -5, OpCode::Create, ephemeral("/e")));
    assert_eq!(stat(&plain, "/e").persisted.ephemeral_owner, -5);
    assert_eq!(plain.ephemerals(SessionId(-5)).collect::<Vec<_>>(), ["/e"]);
}

#[test]
fn a_session_takes_its_ephemerals_along() {
    let close = |tree: &mut Tree, paths: Option<&[&str]>| {
        let paths = paths.map(|paths| paths.iter().map(|path| (*path).to_owned()).collect());
        apply(tree, 9, Record::CloseSession { paths })
    };
    let mut tree = tree();
    apply(&mut tree, 1, Record::CreateSession { timeout: 4000 });
    assert_eq!(tree.session_timeout(SessionId(7)), Some(4000));
    for (zxid, path) in [(2, "/b"), (3, "/a"), (4, "/c")] {
        apply(&mut tree, zxid, ephemeral(path));
    }
    tree.apply(&transaction(5, 8, OpCode::Create, ephemeral("/other")));
    let mut listed = tree.clone();

    let applied = close(&mut tree, None);
    assert_eq!(applied.result, Ok(Outcome::SessionClosed));
    let deleted = applied.events.iter().filter(|event| event.kind == EventKind::Deleted);
    assert_eq!(deleted.map(|event| &*event.path).collect::<Vec<_>>(), ["/a", "/b", "/c"]);
    assert_eq!(tree.children("/").collect::<Vec<_>>(), ["other", "zookeeper"]);
    assert_eq!((tree.sessions().len(), tree.ephemeral_owners().collect()), (0, vec![SessionId(8)]));

    // The leader's list first, in its order, whoever owns what it names; then what the leader forgot.
    let applied = close(&mut listed, Some(&["/c", "/gone", "/other"]));
    let deleted = applied.events.iter().filter(|event| event.kind == EventKind::Deleted);
    assert_eq!(deleted.map(|event| &*event.path).collect::<Vec<_>>(), ["/c", "/other", "/a", "/b"]);
    assert_eq!(listed.children("/").collect::<Vec<_>>(), ["zookeeper"]);
}

#[test]
fn a_multi_does_all_or_nothing() {
    let mut tree = tree();
    let both = vec![(OpCode::Create, create("/a")), (OpCode::Create2, create("/a/b"))];
    let applied = apply(&mut tree, 1, Record::Multi(both));
    assert_eq!(applied.result, Ok(Outcome::Multi));
    assert_eq!(told(&applied), ["Created /a", "ChildrenChanged /", "Created /a/b", "ChildrenChanged /a"]);
    assert!(applied.operations.iter().all(|result| matches!(result, Ok(Outcome::Created { .. }))));

    let before = tree.clone();
    let failed = vec![
        (OpCode::Create, create("/c")),
        (OpCode::Check, Record::Check { path: "/a".to_owned(), version: 0 }),
        (OpCode::Error, Record::error(Code::BadVersion)),
        (OpCode::Error, Record::error(Code::RuntimeInconsistency)),
        (OpCode::Delete, delete("/a/b")),
    ];
    let applied = apply(&mut tree, 1, Record::Multi(failed));
    let undone = Ok(Outcome::Undone);
    let skipped = Err(Code::RuntimeInconsistency);
    let expected = [undone.clone(), undone, Err(Code::BadVersion), skipped.clone(), skipped];
    assert_eq!((&applied.operations[..], applied.result), (&expected[..], Err(Code::BadVersion)));
    assert!(applied.events.is_empty());
    assert_eq!(tree, before);
}

#[test]
fn errors_and_checks_change_the_zxid_only() {
    let mut tree = tree();
    let before = tree.clone();
    assert_eq!(apply(&mut tree, 1, Record::error(Code::NoAuth)).result, Err(Code::NoAuth));
    assert_eq!(apply(&mut tree, 2, Record::Error { code: 12345 }).result, Err(Code::SystemError));
    let check = Record::Check { path: "/nowhere".to_owned(), version: 3 };
    assert_eq!(apply(&mut tree, 3, check).result, Ok(Outcome::Checked));
    assert_eq!(tree.last_zxid(), Zxid(3));
    assert_ne!(tree, before);
    let mut before = before;
    before.advance_to(Zxid(3));
    assert_eq!(tree, before);
}

#[test]
fn the_configuration_is_every_servers_own() {
    let mut tree = tree();
    tree.set_config("version=100000000", Zxid(9), 77);
    let config = tree.node("/zookeeper/config").expect("config");
    assert_eq!(config.data(), Some(&b"version=100000000"[..]));
    assert_eq!((config.stat.mzxid, config.stat.mtime, config.stat.version), (Zxid(9), 77, -1));
    assert_eq!(tree.last_zxid(), Zxid::ZERO);
}

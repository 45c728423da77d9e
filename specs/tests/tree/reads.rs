//! What clients may ask, and who may; paths; and the parts of snapshots that are none.

use crate::history::transaction;
use zab::Zxid;
use zab::tree::*;

const PERMS: [(char, Perms); 5] =
    [('r', Perms::READ), ('w', Perms::WRITE), ('c', Perms::CREATE), ('d', Perms::DELETE), ('a', Perms::ADMIN)];

fn entry(text: &str) -> Acl {
    let [scheme, id, perms]: [&str; 3] = text.splitn(3, '|').collect::<Vec<_>>().try_into().expect("three parts");
    let sum = PERMS.iter().filter(|(letter, _)| perms.contains(*letter)).map(|(_, perm)| perm.0).sum();
    Acl { perms: Perms(sum), id: Id::new(scheme, id) }
}

fn who(text: &str) -> Vec<Id> {
    let ids = text.split_whitespace().map(|id| id.split_once('|').expect("two parts"));
    ids.map(|(scheme, id)| Id::new(scheme, id)).collect()
}

/// A tree of these znodes, each with its ACL.
fn tree(nodes: &[(&str, &[&str])]) -> Tree {
    let mut tree = Tree::new(TreeOptions::default());
    for ((path, acl), zxid) in nodes.iter().zip(1..) {
        let acl = acl.iter().map(|text| entry(text)).collect();
        let data = Some(b"data"[..].into());
        let create = CreateTxn { path: (*path).to_owned(), data, acl, ephemeral: false, parent_cversion: -1 };
        let applied = tree.apply(&transaction(zxid, 7, OpCode::Create, Record::Create(create)));
        assert!(applied.result.is_ok(), "{path}");
    }
    tree
}

#[test]
fn an_acl_allows_whom_it_names() {
    let cases = [
        ("world|anyone|r", "", true),
        ("world|anyone|w", "", false),
        ("world|someone|r", "", false),
        ("world|someone|r", "world|someone", false),
        ("digest|u:h|r", "digest|u:h", true),
        ("digest|u:h|r", "digest|u:x", false),
        ("digest|u:h|r", "sasl|u:h", false),
        ("digest|u:h|wcda", "digest|u:h", false),
        ("sasl|u|r", "ip|1.2.3.4 sasl|u", true),
        ("x509|cn=u|r", "x509|cn=u", true),
        ("auth||r", "auth|", false),
        ("digest|u:h|w", "super|", true),
        ("ip|10.1.2.3|r", "ip|10.1.2.3", true),
        ("ip|10.1.2.3|r", "ip|10.1.2.4", false),
        ("ip|10.1.2.0/24|r", "ip|10.1.2.77", true),
        ("ip|10.1.2.77/24|r", "ip|10.1.2.0", true),
        ("ip|10.1.2.0/24|r", "ip|10.1.3.77", false),
        ("ip|10.1.2.128/25|r", "ip|10.1.2.127", false),
        ("ip|10.1.2.128/25|r", "ip|10.1.2.128", true),
        ("ip|0.0.0.0/0|r", "ip|255.1.2.3", true),
        ("ip|0.0.0.0/0|r", "ip|::1", false),
        ("ip|0.0.0.0/33|r", "ip|1.2.3.4", false),
        ("ip|0.0.0.0/-1|r", "ip|1.2.3.4", false),
        ("ip|1.2.3|r", "ip|1.2.3", false),
        ("ip|1.2.3.256|r", "ip|1.2.3.256", false),
        ("ip|::1|r", "ip|0:0:0:0:0:0:0:1", true),
        ("ip|fe80::/10|r", "ip|febf:0:0:0:1:2:3:4", true),
        ("ip|fe80::/10|r", "ip|fec0:0:0:0:1:2:3:4", false),
        ("ip|1::2::3|r", "ip|1::2::3", false),
        ("ip|1:2:3:4:5:6:7::8|r", "ip|1:2:3:4:5:6:7::8", false),
        ("ip|12345::|r", "ip|12345::", false),
    ];
    for (acl, ids, expected) in cases {
        assert_eq!(allows(&[entry(acl)], Perms::READ, &who(ids)), expected, "{acl} {ids}");
    }
    assert!(allows(&[], Perms::READ, &[]), "an empty list is no list");
    assert!(allows(&[entry("digest|u:h|r"), entry("world|anyone|r")], Perms::READ, &[]));
    assert!(permission::is_network("10.0.0.0/8") && permission::is_network("::/0"));
    assert!(!permission::is_network("localhost") && !permission::is_network("10.0.0.0/x"));
}

#[test]
fn reads_need_read_and_what_is_not_there_is_found_first() {
    let tree = tree(&[("/a", &["digest|u:h|r", "world|anyone|c"]), ("/a/b", &["world|anyone|r"])]);
    let (user, other) = (who("digest|u:h"), who("digest|o:h"));
    let stat = tree.stat(tree.node("/a").expect("a"));
    assert_eq!(tree.exists("/a", &user), Ok(stat));
    assert_eq!(tree.get_data("/a", &user), Ok((Some(&b"data"[..]), stat)));
    assert_eq!(tree.get_children("/a", &user), Ok((vec!["b"], stat)));
    assert_eq!(tree.get_all_children_number("/a", &user), Ok(1));
    assert_eq!(tree.get_all_children_number("/", &other), Ok(5));
    for (path, code) in [("/a", Code::NoAuth), ("/none", Code::NoNode)] {
        assert_eq!(tree.exists(path, &other), Err(code));
        assert_eq!(tree.get_data(path, &other), Err(code));
        assert_eq!(tree.get_acl(path, &other), Err(code));
        assert_eq!(tree.get_children(path, &other), Err(code));
        assert_eq!(tree.get_all_children_number(path, &other), Err(code));
    }
    // A child is nobody's secret if its own ACL says so.
    assert!(tree.exists("/a/b", &other).is_ok());
    assert_eq!(tree.exists("/a\0", &user), Err(Code::BadArguments));
    assert_eq!(tree.get_data("/a\0", &user), Err(Code::NoNode));
    assert_eq!(tree.get_children("", &user).map(|(names, _)| names), Ok(vec!["a", "zookeeper"]));
}

#[test]
fn who_may_not_administer_sees_no_hashes() {
    let tree = tree(&[("/a", &["digest|u:h|r", "digest|admin:s:t|a", "digest|plain|r", "ip|::1|r"])]);
    let seen = |ids| {
        let (acl, _) = tree.get_acl("/a", &who(ids)).expect("it may be read");
        acl.iter().map(|entry| entry.id.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(seen("digest|u:h"), ["u:x", "admin:x", "plain", "::1"]);
    assert_eq!(seen("digest|admin:s:t"), ["u:h", "admin:s:t", "plain", "::1"]);
    assert_eq!(seen("super|"), ["u:h", "admin:s:t", "plain", "::1"]);
}

#[test]
fn ephemerals_are_found_by_the_beginning_of_their_paths() {
    let mut tree = tree(&[("/a", &[])]);
    for (path, zxid) in ["/a/x", "/a/y", "/ab"].into_iter().zip(9..) {
        let path = path.to_owned();
        let create = CreateTxn { path, data: None, acl: Acl::open(), ephemeral: true, parent_cversion: -1 };
        tree.apply(&transaction(zxid, 7, OpCode::Create, Record::Create(create)));
    }
    let found = |prefix| tree.get_ephemerals(SessionId(7), prefix).collect::<Vec<_>>();
    for all in ["", " ", "/", " / "] {
        assert_eq!(found(all), ["/a/x", "/a/y", "/ab"]);
    }
    assert_eq!(found("/a"), ["/a/x", "/a/y", "/ab"]);
    assert_eq!(found("/a/"), ["/a/x", "/a/y"]);
    assert_eq!(found(" /a"), [""; 0]);
    assert_eq!(tree.get_ephemerals(SessionId(8), "").count(), 0);
}

#[test]
fn paths_are_what_java_allows() {
    let cases = [
        ("/", Ok(())),
        ("/a", Ok(())),
        ("/a/...", Ok(())),
        ("/a/.b/b.", Ok(())),
        ("/a b/ü/€", Ok(())),
        ("", Err(PathError::Empty)),
        ("a", Err(PathError::NoSlash)),
        ("/a/", Err(PathError::TrailingSlash)),
        ("//a", Err(PathError::EmptyName(1))),
        ("/a//b", Err(PathError::EmptyName(3))),
        ("/.", Err(PathError::RelativeName(1))),
        ("/a/./b", Err(PathError::RelativeName(3))),
        ("/a/..", Err(PathError::RelativeName(4))),
        ("/a\0b", Err(PathError::Character(2))),
        ("/\u{1f}", Err(PathError::Character(1))),
        ("/a\u{7f}", Err(PathError::Character(2))),
        ("/a\u{9f}", Err(PathError::Character(2))),
        ("/a\u{a0}\u{d7ff}\u{f900}\u{ffef}", Ok(())),
        ("/a\u{e000}", Err(PathError::Character(2))),
        ("/a\u{f8ff}", Err(PathError::Character(2))),
        ("/a\u{fff0}", Err(PathError::Character(2))),
        ("/a\u{fffd}", Err(PathError::Character(2))),
        ("/ü\u{1f600}", Err(PathError::Character(2))),
    ];
    for (path, expected) in cases {
        assert_eq!(path::validate(path), expected, "{path:?}");
    }
    assert_eq!(path::validate_sequential("/a/"), Ok(()));
    assert_eq!(path::validate_sequential("/"), Ok(()));
    assert_eq!(path::validate_sequential("/a/."), Ok(()));
    assert_eq!(path::validate_sequential("/a//"), Err(PathError::EmptyName(3)));
    let parts = |path| (path::parent(path), path::name(path));
    assert_eq!([parts("/a/b"), parts("/a"), parts("/")], [("/a", "b"), ("/", "a"), ("/", "")]);
}

#[test]
fn parts_that_make_no_tree_are_refused() {
    let builder = |paths: &[&str]| {
        let mut builder = Builder::new(TreeOptions::default());
        for path in paths {
            builder.node(path, None, AclId::OPEN, StatPersisted::default())?;
        }
        builder.finish(Zxid(3))
    };
    assert_eq!(builder(&[]), Err(BuildError::NoRoot));
    assert_eq!(builder(&["/a"]), Err(BuildError::NoParent("/a".to_owned())));
    assert_eq!(builder(&["", "/a/b"]), Err(BuildError::NoParent("/a/b".to_owned())));
    assert_eq!(builder(&["", "/a/b", "/a/b/c"]), Err(BuildError::NoParent("/a/b".to_owned())));
    for path in ["a", "/a/", "//"] {
        assert_eq!(builder(&["", path]), Err(BuildError::BadPath(path.to_owned())));
    }
    let tree = builder(&["", "/b", "/a", "/a/c", "/a", "/b/d"]).expect("the second /a takes the place of the first");
    assert_eq!(tree.nodes().map(Node::path).collect::<Vec<_>>(), ["/", "/a", "/b", "/a/c", "/b/d"]);
    assert_eq!(tree.nodes().map(|node| node.children).collect::<Vec<_>>(), [2, 1, 1, 0, 0]);
    assert_eq!(tree.last_zxid(), Zxid(3));
}

#[test]
fn an_acl_that_a_snapshot_lacks_allows_nobody_until_the_log_mends_it() {
    let mut builder = Builder::new(TreeOptions::default());
    let list = [entry("digest|u:h|r")];
    builder.acl(AclId(4), &list);
    builder.acl(AclId(5), &[entry("digest|unused:h|r")]);
    builder.acl(AclId::OPEN, &list);
    for (path, acl) in [("", -1), ("/a", 9), ("/b", 4)] {
        builder.node(path, None, AclId(acl), StatPersisted::default()).expect("a path");
    }
    let mut tree = builder.finish(Zxid(3)).expect("a tree");
    assert_eq!(tree.acl_table().iter().map(|(id, _)| id).collect::<Vec<_>>(), [AclId(4)]);
    assert!(tree.exists("/", &[]).is_ok());
    assert_eq!(tree.exists("/a", &who("digest|u:h")), Err(Code::NoAuth));
    assert!(tree.exists("/b", &who("digest|u:h")).is_ok());
    // A new list does not get the number that is missing, or /a would have it.
    let acl = vec![entry("digest|v:h|r")];
    let create = CreateTxn { path: "/c".to_owned(), data: None, acl, ephemeral: false, parent_cversion: -1 };
    tree.apply(&transaction(4, 7, OpCode::Create, Record::Create(create)));
    assert_eq!(tree.exists("/a", &who("digest|v:h")), Err(Code::NoAuth));
    let create =
        CreateTxn { path: "/a".to_owned(), data: None, acl: list.to_vec(), ephemeral: false, parent_cversion: 1 };
    tree.apply(&transaction(5, 7, OpCode::Create, Record::Create(create)));
    assert!(tree.exists("/a", &who("digest|u:h")).is_ok());
}

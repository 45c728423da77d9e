//! Each check, and which of two comes first.

use crate::leader::*;
use zab::tree::Code::*;
use zab::tree::{Acl, Asked, Change, Code, Id, OpCode, Perms, Standing};

/// The tree that the tables ask about, all of it still outstanding: what is checked is the outlook.
///
/// | znode | what |
/// |---|---|
/// | `/a`, `/a/b` | open, with a child; open, data set once |
/// | `/e` | ephemeral |
/// | `/c`, `/t` | an empty container, one with a time to live |
/// | `/full`, `/full/x` | a container with a child |
/// | `/shut`, `/shut/x` | the user `u:h` may do everything, others nothing |
fn garden() -> Leader {
    let mut leader = Leader::new(true);
    let shut = vec![acl(Perms::ALL, "digest", "u:h")];
    for change in [
        create("/a"),
        create("/a/b"),
        set("/a/b", "more", 0),
        create_mode("/e", 1),
        create_as(OpCode::CreateContainer, "/c", 4, -1, Acl::open()),
        create_as(OpCode::CreateContainer, "/full", 4, -1, Acl::open()),
        create("/full/x"),
        create_ttl("/t", 5, 1000),
        create_acl("/shut", Acl::open()),
        create_acl("/shut/x", shut.clone()),
        set_acl("/shut", shut, 0),
    ] {
        leader.must(change);
    }
    leader
}

/// Asks each question of a garden of its own, once outstanding and once committed.
fn answers(table: Vec<(Change, Option<Code>)>) {
    for (change, expected) in table {
        let mut leader = garden();
        assert_eq!(leader.code(change.clone()), expected, "{change:?}");
        leader.commit(usize::MAX);
        assert!(leader.outlook.is_empty());
        let mut leader = garden();
        leader.commit(usize::MAX);
        assert_eq!(leader.code(change.clone()), expected, "committed, {change:?}");
        leader.commit(usize::MAX);
    }
}

const NOBODY: Vec<Acl> = Vec::new();

#[test]
fn create_checks() {
    answers(vec![
        (create("/new"), None),
        (create("/a/b/new"), None),
        // The mode comes before everything, even the path.
        (create_mode("bad", 7), Some(BadArguments)),
        (create_mode("/new", -1), Some(BadArguments)),
        (create_mode("/new", 5), Some(BadArguments)),
        // The slash before the ACL, the ACL before the parent.
        (create_acl("bad", NOBODY), Some(BadArguments)),
        (create_acl("/a\0b", NOBODY), Some(BadArguments)),
        (create_acl("/none/new", NOBODY), Some(InvalidAcl)),
        (create_acl("/a", NOBODY), Some(InvalidAcl)),
        // The parent before the rest of the path.
        (create("/none/new"), Some(NoNode)),
        (create("a/b"), Some(NoNode)),
        (create("/none//x"), Some(NoNode)),
        (create("/a//x"), Some(NoNode)),
        (create("/a/"), Some(BadArguments)),
        (create("/a/.."), Some(BadArguments)),
        (create("/a/\u{1}"), Some(BadArguments)),
        (create("//"), Some(BadArguments)),
        (create(""), Some(BadArguments)),
        // Permission before path, path before existence.
        (create("/shut/.."), Some(NoAuth)),
        (create("/shut/x"), Some(NoAuth)),
        (create("/shut/new"), Some(NoAuth)),
        (create("/shut/x/new"), Some(NoAuth)),
        (create("/"), Some(NodeExists)),
        (create("/a/b"), Some(NodeExists)),
        (create("/zookeeper/config"), Some(NodeExists)),
        (create("/zookeeper/new"), None),
        (create("/e/new"), Some(NoChildrenForEphemerals)),
        (create("/e/.."), Some(BadArguments)),
        (create("/c/new"), None),
        (create("/t/new"), None),
        // A number may follow a slash.
        (create_mode("/a/", 2), None),
        (create_mode("/", 2), None),
        (create_mode("//", 2), Some(BadArguments)),
        (create_mode("/a/b", 2), None),
    ]);
}

#[test]
fn create_checks_times_to_live() {
    let container = |flags| create_as(OpCode::CreateContainer, "/new", flags, -1, Acl::open());
    answers(vec![
        (create_ttl("/new", 5, 1), None),
        (create_ttl("/new", 6, (1 << 40) - 1), None),
        (create_ttl("/new", 5, 1 << 40), Some(BadArguments)),
        (create_ttl("/new", 5, 0), Some(BadArguments)),
        (create_ttl("/new", 5, -1), Some(BadArguments)),
        (create_ttl("/new", 0, 1), Some(BadArguments)),
        (create_ttl("/new", 0, -1), Some(BadArguments)),
        (create_ttl("/new", 4, -1), Some(BadArguments)),
        (container(4), None),
        (container(0), None),
        (container(1), None),
        (container(5), Some(BadArguments)),
        // Only createTTL has one; of the others it is not looked at.
        (create_as(OpCode::Create, "/new", 0, 5, Acl::open()), None),
    ]);
    let mut leader = Leader::new(false);
    assert_eq!(leader.code(create_ttl("bad", 5, 0)), Some(Unimplemented), "before its range and the path");
    assert_eq!(leader.code(create_mode("/new", 6)), Some(Unimplemented));
    assert_eq!(leader.code(container(4)), None, "containers are no extended type");
}

#[test]
fn delete_checks() {
    answers(vec![
        (delete("/a/b", -1), None),
        (delete("/a/b", 1), None),
        (delete("/e", 0), None),
        (delete("/", -1), Some(BadArguments)),
        (delete("/zookeeper", -1), Some(BadArguments)),
        (delete("/zookeeper/quota", -1), Some(BadArguments)),
        (delete("/zookeeper/config", -1), Some(BadArguments)),
        (delete("bad", -1), Some(BadArguments)),
        (delete("", -1), Some(BadArguments)),
        (delete("/a\0", -1), Some(BadArguments)),
        (delete("/none/x", 5), Some(NoNode)),
        (delete("a/b", -1), Some(NoNode)),
        // What else is wrong with a path does not matter: there is no such znode.
        (delete("//", -1), Some(NoNode)),
        (delete("/a/", -1), Some(NoNode)),
        (delete("/shut/none", -1), Some(NoAuth)),
        (delete("/shut/x", 9), Some(NoAuth)),
        (delete("/none", 9), Some(NoNode)),
        (delete("/a", 9), Some(BadVersion)),
        (delete("/a/b", 0), Some(BadVersion)),
        (delete("/a/b", -2), Some(BadVersion)),
        (delete("/a", -1), Some(NotEmpty)),
        (delete("/a", 0), Some(NotEmpty)),
    ]);
}

#[test]
fn delete_container_checks() {
    answers(vec![
        (delete_container("/c"), None),
        (delete_container("/t"), None),
        (delete_container("/"), Some(BadArguments)),
        (delete_container("bad"), Some(BadArguments)),
        (delete_container("/none/x"), Some(NoNode)),
        (delete_container("/full"), Some(NotEmpty)),
        (delete_container("/a"), Some(NotEmpty)),
        (delete_container("/e"), Some(BadVersion)),
        (delete_container("/a/b"), Some(BadVersion)),
    ]);
}

#[test]
fn set_data_and_check_checks() {
    for change in [|path: &str, version| set(path, "x", version), check] {
        answers(vec![
            (change("/a/b", -1), None),
            (change("/a/b", 1), None),
            (change("/", 0), None),
            (change("bad", -1), Some(BadArguments)),
            (change("", -1), Some(BadArguments)),
            (change("/none/", -1), Some(BadArguments)),
            (change("/none", 3), Some(NoNode)),
            (change("/shut", 3), Some(NoAuth)),
            (change("/a/b", 0), Some(BadVersion)),
            (change("/a/b", -2), Some(BadVersion)),
        ]);
    }
    answers(vec![
        (set("/zookeeper/config", "x", -1), Some(NoAuth)),
        (check("/zookeeper/config", -1), None),
        (set("/zookeeper/quota", "x", -1), None),
    ]);
}

#[test]
fn set_acl_checks() {
    answers(vec![
        (set_acl("/a", Acl::open(), -1), None),
        (set_acl("/a", Acl::open(), 0), None),
        (set_acl("/none/", NOBODY, 0), Some(BadArguments)),
        (set_acl("/none", NOBODY, 0), Some(InvalidAcl)),
        (set_acl("/none", Acl::open(), 0), Some(NoNode)),
        (set_acl("/shut", NOBODY, 9), Some(InvalidAcl)),
        (set_acl("/shut", Acl::open(), 9), Some(NoAuth)),
        (set_acl("/a/b", Acl::open(), 1), Some(BadVersion)),
    ]);
}

#[test]
fn sessions_come_before_nearly_everything() {
    let questions = [create("bad"), delete("bad", 0), set("bad", "", 0), set_acl("bad", NOBODY, 0), check("bad", 0)];
    for change in questions {
        let mut leader = garden();
        let mut ask = |session, standing| code(&leader.ask(&Asked { standing, ..asked(session, change.clone()) }));
        assert_eq!(ask(9, Standing::Here), Some(SessionExpired), "{change:?}");
        assert_eq!(ask(9, Standing::Moved), Some(SessionExpired), "{change:?}");
        assert_eq!(ask(1, Standing::Moved), Some(SessionMoved), "{change:?}");
        assert_eq!(ask(9, Standing::Local), Some(BadArguments), "{change:?}");
        leader.ask(&asked(1, Change::CloseSession));
        assert_eq!(leader.code(change.clone()), Some(SessionExpired), "closing, {change:?}");
        leader.commit(usize::MAX);
        assert_eq!(leader.code(change), Some(SessionExpired));
    }
    let mut leader = garden();
    let mut ask = |standing, change| code(&leader.ask(&Asked { standing, ..asked(9, change) }));
    assert_eq!(ask(Standing::Here, create_mode("/new", 7)), Some(BadArguments), "the mode comes before");
    assert_eq!(ask(Standing::Here, create_ttl("/new", 5, 0)), Some(BadArguments), "and the time to live");
    assert_eq!(ask(Standing::Local, create_mode("/new", 1)), Some(EphemeralOnLocalSession));
    assert_eq!(ask(Standing::Local, create("/new")), None);
    assert_eq!(ask(Standing::Here, delete_container("/c")), None, "the leader's own has no session");
    assert_eq!(ask(Standing::Here, Change::CreateSession { timeout: 1 }), None);
    assert_eq!(ask(Standing::Here, create_mode("/new2", 1)), None, "a session that is still outstanding");
}

#[test]
fn refusals_are_errors() {
    let mut leader = garden();
    let change = Change::Refused { kind: OpCode::Reconfig, code: Code::ReconfigDisabled.number() };
    assert_eq!(leader.code(change), Some(ReconfigDisabled));
}

#[test]
fn permissions() {
    let only = |perms| vec![acl(perms, "digest", "u:h"), acl(Perms::ALL, "ip", "192.168.0.0/16")];
    let cases = [
        (Perms::CREATE, create("/p/new")),
        (Perms::DELETE, delete("/p/x", -1)),
        (Perms::WRITE, set("/p", "x", -1)),
        (Perms::ADMIN, set_acl("/p", Acl::open(), -1)),
        (Perms::READ, check("/p", -1)),
    ];
    for (needed, change) in cases {
        for perms in [Perms::CREATE, Perms::DELETE, Perms::WRITE, Perms::ADMIN, Perms::READ, Perms(0), Perms::ALL] {
            let mut leader = Leader::new(false);
            leader.must(create("/p"));
            leader.must(create("/p/x"));
            leader.must(set_acl("/p", only(perms), -1));
            let answer = |asked| code(&leader.clone().ask(&asked));
            let expected = if perms.intersects(needed) { None } else { Some(NoAuth) };
            assert_eq!(answer(by(asked(1, change.clone()), "digest", "u:h")), expected, "{perms:?} {change:?}");
            assert_eq!(answer(by(asked(1, change.clone()), "digest", "u:other")), Some(NoAuth));
            assert_eq!(answer(asked(1, change.clone())), Some(NoAuth), "from 10.0.0.1");
            assert_eq!(answer(by(asked(1, change.clone()), "ip", "192.168.3.4")), None);
            assert_eq!(answer(by(asked(1, change.clone()), "super", "")), None);
            leader.options.skip_acl = true;
            assert_eq!(code(&leader.ask(&asked(1, change.clone()))), None, "skipACL");
        }
    }
}

#[test]
fn acls_are_fixed_up() {
    use zab::tree::Schemes;
    let fixup = |acls: &[Acl], ids: &[Id]| zab::tree::prepare::fixup(acls, ids, Schemes::default());
    let (all, read) = (Perms::ALL, Perms::READ);
    let anyone = acl(all, "world", "anyone");
    let ids = [Id::new("ip", "10.0.0.1"), Id::new("digest", "u:h"), Id::new("super", ""), Id::new("digest", "v:h")];
    assert_eq!(fixup(&[], &ids), Err(InvalidAcl));
    assert_eq!(fixup(&[anyone.clone(), anyone.clone()], &[]), Ok(vec![anyone.clone()]));
    for (scheme, id) in
        [("world", "someone"), ("digest", "u"), ("ip", "x"), ("sasl", "u"), ("nobody", ""), ("super", "")]
    {
        assert_eq!(fixup(&[anyone.clone(), acl(all, scheme, id)], &ids), Err(InvalidAcl), "{scheme}:{id}");
    }
    let (of_u, of_v) = (acl(read, "digest", "u:h"), acl(read, "digest", "v:h"));
    assert_eq!(fixup(&[acl(read, "auth", "")], &ids), Ok(vec![of_u.clone(), of_v.clone()]));
    assert_eq!(fixup(&[acl(read, "auth", "")], &ids[..1]), Err(InvalidAcl), "an address proves nothing");
    // Doubles that `auth` makes stay, as in Java.
    assert_eq!(fixup(&[of_u.clone(), acl(read, "auth", "me")], &ids), Ok(vec![of_u.clone(), of_u, of_v]));
    // Not asked for any more once `anyone` stands there, but checked all the same.
    assert_eq!(fixup(&[anyone, acl(all, "auth", "")], &[]), Err(InvalidAcl));
}

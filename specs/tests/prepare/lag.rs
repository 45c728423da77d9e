//! Rule OutstandingIsSeen, for sequences of any requests: two leaders are asked the same, one of which commits at once
//! and the other when it comes to it; their transactions are equal, and what each says is what applying it does.

use crate::leader::*;
use proptest::prelude::*;
use zab::tree::{Acl, Asked, Change, Id, Node, OpCode, Perms, Standing, Tree};

/// What happens to the leader that lags behind.
#[derive(Clone, Debug)]
enum Event {
    Ask(Box<Asked>),
    /// So many of the oldest outstanding transactions are committed.
    Commit(usize),
}

/// Few paths, so that requests meet; among them some that are none.
fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        20 => proptest::sample::select(vec!["/a", "/a/b", "/a/b/c", "/b", "/b/a", "/a/s0000000000", "/a/s0000000001"]),
        1 => proptest::sample::select(vec!["/", "", "a", "/a/", "//", "/zookeeper", "/zookeeper/config", "/a/.."]),
    ]
    .prop_map(str::to_owned)
}

fn acls() -> impl Strategy<Value = Vec<Acl>> {
    let one = prop_oneof![
        Just(acl(Perms::READ, "world", "anyone")),
        Just(acl(Perms::ALL, "digest", "u:h")),
        Just(acl(Perms::ALL, "auth", "")),
        Just(acl(Perms(14), "ip", "10.0.0.0/8")),
        Just(acl(Perms::ALL, "digest", "bad")),
    ];
    prop_oneof![15 => Just(Acl::open()), 2 => proptest::collection::vec(one, 0..3)]
}

fn create_change() -> impl Strategy<Value = Change> {
    let sequential = prop_oneof![Just("/a/s".to_owned()), Just("/a/".to_owned()), path()];
    let kind = |flags: i32| match flags {
        4 => OpCode::CreateContainer,
        5 | 6 => OpCode::CreateTtl,
        _ => OpCode::Create2,
    };
    let kinds = proptest::sample::select(vec![OpCode::Create, OpCode::CreateTtl, OpCode::CreateContainer]);
    let ttl = prop_oneof![15 => Just(1000_i64), 1 => Just(-1), 1 => Just(0)];
    let flags = prop_oneof![6 => Just(0), 6 => 1..4_i32, 3 => 4..7_i32];
    (path(), sequential, acls(), flags, ttl, proptest::option::weighted(0.03, kinds), data()).prop_map(
        move |(path, sequential, acl, flags, ttl, other, data)| {
            let path = if [2, 3, 6].contains(&flags) { sequential } else { path };
            Change::Create { kind: other.unwrap_or(kind(flags)), path, data: data.map(Into::into), acl, flags, ttl }
        },
    )
}

/// Null, empty, small, and too large to stand beside the other fields of a znode.
fn data() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop_oneof![
        1 => Just(None),
        4 => proptest::collection::vec(any::<u8>(), 0..4).prop_map(Some),
        1 => Just(Some(vec![7; 3000])),
    ]
}

/// What may stand in a multi.
fn operation() -> impl Strategy<Value = Change> {
    let version = || prop_oneof![8 => Just(-1), 4 => 0..3_i32, 1 => Just(-2)];
    prop_oneof![
        9 => create_change(),
        3 => (path(), version()).prop_map(|(path, version)| Change::Delete { path, version }),
        3 => (path(), data(), version())
            .prop_map(|(path, data, version)| Change::SetData { path, data: data.map(Into::into), version }),
        1 => (path(), version()).prop_map(|(path, version)| Change::Check { path, version }),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        36 => operation(),
        8 => proptest::collection::vec(operation(), 0..5).prop_map(Change::Multi),
        2 => path().prop_map(|path| Change::DeleteContainer { path }),
        3 => (path(), acls(), -1..2).prop_map(|(path, acl, version)| Change::SetAcl { path, acl, version }),
        2 => Just(Change::CreateSession { timeout: 5000 }),
        1 => Just(Change::CloseSession),
        1 => Just(Change::Refused { kind: OpCode::Reconfig, code: -123 }),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let identities = prop_oneof![
        4 => Just(vec![]),
        2 => Just(vec![Id::new("digest", "u:h")]),
        1 => Just(vec![Id::new("super", "")]),
    ];
    let standing = prop_oneof![40 => Just(Standing::Here), 1 => Just(Standing::Moved), 1 => Just(Standing::Local)];
    let ask = (change(), 1..4_i64, identities, standing).prop_map(|(change, session, more, standing)| {
        let mut asked = Asked { standing, ..asked(session, change) };
        asked.identities = asked.identities.iter().cloned().chain(more).collect();
        Event::Ask(Box::new(asked))
    });
    prop_oneof![5 => ask, 1 => (1..6_usize).prop_map(Event::Commit)]
}

/// Everything about the znodes that the outlook shows at these paths.
fn shown(leader: &Leader, tree: &Tree) -> Vec<String> {
    let paths = ["/", "/a", "/a/b", "/a/b/c", "/b", "/b/a", "/a/s0000000000", "/zookeeper"];
    let prospects = paths.map(|path| {
        let prospect = leader.outlook.node(tree, path)?;
        let node: &Node = &prospect;
        Some(format!("{path} {:?} {} {:?} {:?}", node.stat, node.children, node.data(), prospect.acl))
    });
    prospects.into_iter().flatten().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn commits_that_lag_behind_change_nothing(
        events in proptest::collection::vec(event(), 1..60),
        extended in proptest::bool::weighted(0.8),
    ) {
        let mut prompt = Leader::new(extended);
        prompt.must(Change::Multi(["/a", "/a/b", "/b"].map(create).to_vec()));
        prompt.commit(1);
        let mut lagging = prompt.clone();
        for event in events {
            match event {
                Event::Commit(many) => lagging.commit(many),
                Event::Ask(asked) => {
                    let transaction = prompt.ask(&asked);
                    prop_assert_eq!(&lagging.ask(&asked), &transaction);
                    let (expected, digest) = (shown(&prompt, &prompt.tree), prompt.outlook.digest(&prompt.tree));
                    prop_assert_eq!(&shown(&lagging, &lagging.tree), &expected);
                    // Each commit asserts that the transaction comes out as it was prepared, with its digest.
                    prompt.commit(1);
                    prop_assert!(prompt.outlook.is_empty());
                    prop_assert_eq!(shown(&prompt, &prompt.tree), expected);
                    prop_assert_eq!(prompt.tree.digest(), digest);
                }
            }
        }
        lagging.commit(usize::MAX);
        prop_assert!(lagging.outlook.is_empty());
        prop_assert!(lagging.tree == prompt.tree);
    }
}

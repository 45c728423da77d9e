//! The tree agrees with a naive one after any transactions; a leader's history can be replayed over a fuzzy snapshot of
//! it; and clones stay as they were.

use crate::history::any_transactions;
use crate::leader::{leaders_history, wishes};
use crate::naive::Naive;
use proptest::prelude::*;
use std::collections::BTreeSet;
use zab::Zxid;
use zab::tree::*;

const OPTIONS: TreeOptions = TreeOptions { extended_types: true, digest: true };

fn assert_agree(tree: &Tree, naive: &Naive) {
    assert_eq!(tree.node_count(), naive.nodes.len());
    let size = |(path, node): (&String, &crate::naive::NaiveNode)| path.len() + node.data.as_ref().map_or(0, Vec::len);
    assert_eq!(tree.data_size(), naive.nodes.iter().map(size).sum::<usize>() as u64);
    for (path, expected) in &naive.nodes {
        let node = tree.node(path).unwrap_or_else(|| panic!("{path} is missing"));
        assert_eq!(node.path(), path);
        assert_eq!(node.data().map(<[u8]>::to_vec), expected.data, "{path}");
        assert_eq!(node.stat, expected.stat, "{path}");
        assert_eq!(tree.acl(node.acl)[..], expected.acl[..], "{path}");
        let children: Vec<&str> = tree.children(path).collect();
        assert_eq!(children, naive.children(path), "{path}");
        assert_eq!(node.children as usize, children.len(), "{path}");
        if path != "/" {
            let below = tree.get_all_children_number(path, &[Id::new("super", "")]);
            assert_eq!(below, Ok(naive.below(path) as i32), "{path}");
        }
    }
    assert_eq!(tree.sessions().collect::<Vec<_>>(), naive.sessions.clone().into_iter().collect::<Vec<_>>());
    for session in (1..4).map(SessionId) {
        let expected: BTreeSet<String> = naive.owned(Owner::Session(session)).into_iter().collect();
        assert_eq!(tree.ephemerals(session).map(str::to_owned).collect::<BTreeSet<_>>(), expected);
    }
    assert_eq!(tree.containers().collect::<Vec<_>>(), naive.owned(Owner::Container));
    assert_eq!(tree.ttls().collect::<Vec<_>>(), naive.owned(Owner::Ttl(1)));
    assert_acls_are_counted(tree);
}

/// Every list is there as long as a znode uses it, and no longer.
fn assert_acls_are_counted(tree: &Tree) {
    let used: BTreeSet<AclId> = tree.nodes().map(|node| node.acl).filter(|id| *id != AclId::OPEN).collect();
    let kept: BTreeSet<AclId> = tree.acl_table().iter().map(|(id, _)| id).collect();
    assert_eq!(used, kept);
}

/// The parts of a snapshot, and the tree that comes of them.
fn rebuilt(tree: &Tree) -> Tree {
    let mut builder = Builder::new(tree.options());
    tree.sessions().for_each(|(session, timeout)| builder.session(session, timeout));
    tree.acl_table().iter().for_each(|(id, list)| builder.acl(id, list));
    for node in tree.nodes() {
        builder.node(node.path(), node.data(), node.acl, node.stat).expect("a path");
    }
    builder.finish(tree.last_zxid()).expect("a tree")
}

/// A snapshot as Java takes it while transactions are applied: sessions and the ACL table as they were at `start`,
/// then every znode as it is a little later than the one before, with the children that it has then.
fn fuzzy_snapshot(trees: &[Tree], start: usize, pace: &[u8]) -> Tree {
    let mut builder = Builder::new(OPTIONS);
    trees[start].sessions().for_each(|(session, timeout)| builder.session(session, timeout));
    trees[start].acl_table().iter().for_each(|(id, list)| builder.acl(id, list));
    let (mut open, mut now, mut pace) = (vec!["/".to_owned()], start, pace.iter().cycle());
    while let Some(path) = open.pop() {
        now = (now + usize::from(*pace.next().expect("it cycles"))).min(trees.len() - 1);
        if let Some(node) = trees[now].node(&path) {
            builder.node(&path, node.data(), node.acl, node.stat).expect("a path");
            open.extend(trees[now].children(&path).map(|name| path::child(&path, name)));
        }
    }
    builder.finish(trees[start].last_zxid()).expect("a tree")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_transactions_do_what_they_do_to_a_naive_tree(transactions in any_transactions(60)) {
        let mut tree = Tree::new(OPTIONS);
        let mut naive = Naive::of(&tree);
        for transaction in &transactions {
            let applied = tree.apply(transaction);
            let results = match &transaction.record {
                Record::Multi(_) => applied.operations.clone(),
                _ => vec![applied.result.clone()],
            };
            let errors: Vec<Option<Code>> = results.into_iter().map(Result::err).collect();
            prop_assert_eq!(&errors, &naive.apply(transaction), "{:?}", transaction);
            prop_assert_eq!(applied.result.err(), errors.into_iter().flatten().next());
        }
        assert_agree(&tree, &naive);
        prop_assert_eq!(tree.last_zxid(), Zxid(transactions.len() as u64));
    }

    #[test]
    fn a_snapshot_holds_the_whole_tree(transactions in any_transactions(60)) {
        let mut tree = Tree::new(OPTIONS);
        transactions.iter().for_each(|transaction| drop(tree.apply(transaction)));
        let again = rebuilt(&tree);
        prop_assert_eq!(&again, &tree);
        assert_acls_are_counted(&again);
    }

    #[test]
    fn the_log_completes_a_fuzzy_snapshot(
        wishes in wishes(80), start in any::<prop::sample::Index>(), pace in proptest::collection::vec(0..6_u8, 1..9),
    ) {
        let (trees, transactions) = leaders_history(OPTIONS, &wishes);
        let start = start.index(trees.len());
        let mut tree = fuzzy_snapshot(&trees, start, &pace);
        for transaction in &transactions[start..] {
            tree.apply(transaction);
        }
        prop_assert_eq!(&tree, trees.last().expect("one at least"));
        assert_acls_are_counted(&tree);
        // And once more: the end of the log over the end.
        let suffix = &transactions[start..];
        let mut twice = tree.clone();
        suffix.iter().for_each(|transaction| drop(twice.apply(transaction)));
        prop_assert_eq!(&twice, &tree);
    }

    #[test]
    fn a_clone_stays_as_it_was(wishes in wishes(60)) {
        let (trees, transactions) = leaders_history(OPTIONS, &wishes);
        // All these are clones of each other, each changed after it was cloned.
        let mut naive = Naive::of(&trees[0]);
        assert_agree(&trees[0], &naive);
        for (tree, transaction) in trees[1..].iter().zip(&transactions) {
            naive.apply(transaction);
            assert_agree(tree, &naive);
        }
    }

    #[test]
    fn digests_of_a_leader_are_matched(wishes in wishes(60)) {
        let (trees, transactions) = leaders_history(OPTIONS, &wishes);
        let mut tree = trees[0].clone();
        for transaction in transactions {
            prop_assert_eq!(tree.apply(&transaction).digest_matches, Some(true));
            let wrong = Transaction { digest: Some(tree.digest() ^ 1), ..transaction };
            prop_assert_eq!(tree.clone().apply(&wrong).digest_matches, Some(false));
        }
    }
}

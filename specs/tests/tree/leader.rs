//! Histories as a leader makes them: every transaction fits the tree before it.

use crate::history::{acl, data, path, transaction};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use zab::tree::*;

/// What a client tries next.
pub type Wish = (u8, String, Option<Bytes>, u8, i64);

pub fn wishes(most: usize) -> impl Strategy<Value = Vec<Wish>> {
    vec((0..12_u8, path(), data(), any::<u8>(), 1..4_i64), 0..most)
}

/// A leader's history of these wishes, those that can be fulfilled: the tree before it and after each transaction.
pub fn leaders_history(options: TreeOptions, wishes: &[Wish]) -> (Vec<Tree>, Vec<Transaction>) {
    let (mut trees, mut transactions) = (vec![Tree::new(options)], Vec::new());
    for wish in wishes {
        let mut tree = trees.last().expect("one at least").clone();
        let Some((kind, record)) = prepare(&tree, wish) else {
            continue;
        };
        let mut transaction = transaction(trees.len() as u64, wish.4, kind, record);
        let applied = tree.apply(&transaction);
        assert!(applied.result.is_ok(), "a leader's transaction: {transaction:?} {applied:?}");
        transaction.digest = Some(tree.digest());
        trees.push(tree);
        transactions.push(transaction);
    }
    (trees, transactions)
}

fn prepare(tree: &Tree, (kind, path, data, user, session): &Wish) -> Option<(OpCode, Record)> {
    let (path, data, acl) = (path.clone(), data.clone(), acl(*user));
    let node = tree.node(&path);
    Some(match kind {
        0..=5 => {
            let parent = tree.node(path::parent(&path)).filter(|_| node.is_none())?;
            if matches!(parent.owner(true), Owner::Session(_)) {
                return None;
            }
            let ephemeral = *kind == 5;
            let parent_cversion = parent.stat.cversion + 1;
            let create = CreateTxn { path, data, acl, ephemeral, parent_cversion };
            match kind {
                4 => (OpCode::CreateContainer, Record::CreateContainer(create)),
                3 => (OpCode::CreateTtl, Record::CreateTtl(create, 5)),
                _ => (OpCode::Create, Record::Create(create)),
            }
        }
        6..=8 => (OpCode::Delete, node.filter(|node| node.children == 0).map(|_| Record::Delete { path })?),
        9 => (OpCode::SetData, Record::SetData { data, version: node?.stat.version + 1, path }),
        10 => (OpCode::SetAcl, Record::SetAcl { acl, version: node?.stat.aversion + 1, path }),
        _ => {
            let paths = tree.ephemerals(SessionId(*session)).map(str::to_owned).collect();
            (OpCode::CloseSession, Record::CloseSession { paths: Some(paths) })
        }
    })
}

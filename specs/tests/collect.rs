//! Which znodes the leader deletes by itself.

use zab::Zxid;
use zab::tree::{Acl, CreateTxn, OpCode, Record, SessionId, Transaction, Tree, TreeOptions, TxnHeader};

/// A tree on which transactions are applied one after the other, at given times.
struct Grower {
    tree: Tree,
    zxid: u64,
}

impl Grower {
    fn new() -> Grower {
        Grower { tree: Tree::new(TreeOptions { extended_types: true, ..TreeOptions::default() }), zxid: 0 }
    }

    fn apply(&mut self, kind: OpCode, time: i64, record: Record) {
        self.zxid += 1;
        let header = TxnHeader { session: SessionId(1), cxid: 0, zxid: Zxid(self.zxid), time, kind };
        self.tree.apply(&Transaction { header, record, digest: None });
    }

    fn create(&mut self, path: &str, time: i64, record: impl Fn(CreateTxn) -> Record) {
        let acl = Acl::open();
        let create = CreateTxn { path: path.to_owned(), data: None, acl, ephemeral: false, parent_cversion: -1 };
        self.apply(OpCode::Create, time, record(create));
    }

    fn collectable(&self, now: i64, max_never_used: Option<i64>) -> Vec<&str> {
        self.tree.collectable(now, max_never_used).collect()
    }
}

#[test]
fn a_container_goes_when_its_last_child_has_gone() {
    let mut grower = Grower::new();
    grower.create("/c", 100, Record::CreateContainer);
    assert!(grower.collectable(1_000_000, None).is_empty(), "it never had a child");
    grower.create("/c/a", 200, Record::Create);
    assert!(grower.collectable(1_000_000, None).is_empty(), "it has one");
    grower.apply(OpCode::Delete, 300, Record::Delete { path: "/c/a".into() });
    assert_eq!(grower.collectable(300, None), ["/c"]);
}

#[test]
fn a_container_that_was_never_used_goes_only_where_that_is_configured() {
    let mut grower = Grower::new();
    grower.create("/c", 100, Record::CreateContainer);
    assert!(grower.collectable(150, Some(50)).is_empty());
    assert_eq!(grower.collectable(151, Some(50)), ["/c"]);
}

#[test]
fn a_time_to_live_counts_from_the_last_data_and_only_without_children() {
    let mut grower = Grower::new();
    grower.create("/t", 1000, |create| Record::CreateTtl(create, 500));
    grower.create("/stays", 1000, Record::Create);
    assert!(grower.collectable(1500, None).is_empty());
    assert_eq!(grower.collectable(1501, None), ["/t"]);
    let data = Record::SetData { path: "/t".into(), data: None, version: 1 };
    grower.apply(OpCode::SetData, 1400, data);
    assert!(grower.collectable(1501, None).is_empty());
    grower.create("/t/child", 1401, Record::Create);
    assert!(grower.collectable(9000, None).is_empty());
}

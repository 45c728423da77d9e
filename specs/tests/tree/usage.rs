//! What is used of quotas is counted with every change, at the nearest quota.

use crate::history::transaction;
use bytes::Bytes;
use zab::Zxid;
use zab::tree::*;

/// Applies changes one after the other.
struct Story(Tree, u64);

impl Story {
    fn apply(&mut self, record: Record) {
        self.1 += 1;
        let applied = self.0.apply(&transaction(self.1, 7, OpCode::Create, record));
        assert!(applied.result.is_ok(), "{applied:?}");
    }

    fn create(&mut self, path: &str, size: usize) {
        let data = Some(Bytes::from(vec![b'x'; size]));
        let (path, acl) = (path.to_owned(), Acl::open());
        self.apply(Record::Create(CreateTxn { path, data, acl, ephemeral: true, parent_cversion: -1 }));
    }

    fn delete(&mut self, path: &str) {
        self.apply(Record::Delete { path: path.to_owned() });
    }

    /// As `setquota` of the shell does: the two znodes, limits first.
    fn limit(&mut self, path: &str) {
        for name in ["", "/zookeeper_limits", "/zookeeper_stats"] {
            self.create(&format!("/zookeeper/quota{path}{name}"), 0);
        }
    }

    fn used(&self, path: &str) -> String {
        let stats = self.0.node(&format!("/zookeeper/quota{path}/zookeeper_stats")).expect("a quota");
        String::from_utf8(stats.data().expect("a text").to_vec()).expect("a text")
    }
}

fn story() -> Story {
    let mut story = Story(Tree::new(TreeOptions::default()), 0);
    story.create("/a", 10);
    story.create("/a/b", 20);
    story.create("/a/b/c", 30);
    story.create("/ab", 1000);
    story.limit("/a");
    story
}

#[test]
fn a_new_count_starts_with_what_is_there() {
    assert_eq!(story().used("/a"), "count=3,bytes=60");
}

#[test]
fn every_change_counts_where_the_nearest_quota_is() {
    let mut story = story();
    story.create("/a/d", 5);
    assert_eq!(story.used("/a"), "count=4,bytes=65");
    story.apply(Record::SetData { path: "/a/d".to_owned(), data: Some(vec![1; 7].into()), version: 1 });
    assert_eq!(story.used("/a"), "count=4,bytes=67");
    story.apply(Record::SetData { path: "/a/d".to_owned(), data: None, version: 2 });
    assert_eq!(story.used("/a"), "count=4,bytes=60");
    story.delete("/a/d");
    assert_eq!(story.used("/a"), "count=3,bytes=60");
    story.create("/a/g", 9);
    story.delete("/a/g");
    assert_eq!(story.used("/a"), "count=3,bytes=60", "its data count no more");
    story.create("/ab/x", 5);
    assert_eq!(story.used("/a"), "count=3,bytes=60", "/ab is not below /a");

    story.limit("/a/b");
    assert_eq!(story.used("/a/b"), "count=2,bytes=50");
    story.create("/a/b/e", 1);
    assert_eq!([story.used("/a/b"), story.used("/a")], ["count=3,bytes=51", "count=3,bytes=60"]);

    story.delete("/zookeeper/quota/a/b/zookeeper_limits");
    story.create("/a/b/f", 1);
    assert_eq!([story.used("/a/b"), story.used("/a")], ["count=3,bytes=51", "count=4,bytes=61"]);

    story.apply(Record::CloseSession { paths: None });
    assert_eq!(story.0.node_count(), 4);
}

#[test]
fn counting_is_nobodys_business_but_the_servers() {
    let mut story = story();
    let of = |tree: &Tree| tree.node("/zookeeper/quota/a/zookeeper_stats").expect("it").stat;
    let before = of(&story.0);
    let data = transaction(99, 7, OpCode::SetData, Record::SetData { path: "/a".to_owned(), data: None, version: 1 });
    let events = story.0.apply(&data).events;
    assert_eq!(events.iter().map(|event| &*event.path).collect::<Vec<_>>(), ["/a"]);
    assert_eq!(of(&story.0), before);
    assert_eq!(story.used("/a"), "count=3,bytes=50");
}

#[test]
fn a_snapshot_is_counted_anew() {
    let story = story();
    let mut builder = Builder::new(TreeOptions::default());
    for node in story.0.nodes() {
        let data = if node.name() == "zookeeper_stats" { Some(&b"count=77,bytes=77"[..]) } else { node.data() };
        builder.node(node.path(), data, node.acl, node.stat).expect("a path");
    }
    story.0.acl_table().iter().for_each(|(id, list)| builder.acl(id, list));
    let again = builder.finish(Zxid(story.1)).expect("a tree");
    assert_eq!(again, story.0);
}

#[test]
fn a_count_that_is_none_stays() {
    let mut story = story();
    let path = "/zookeeper/quota/a/zookeeper_stats".to_owned();
    story.apply(Record::SetData { path, data: Some(b"nonsense"[..].into()), version: 1 });
    story.create("/a/d", 5);
    assert_eq!(story.used("/a"), "nonsense");
}

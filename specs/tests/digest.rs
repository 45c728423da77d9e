//! The digest of the tree: its values, computed by other hands, and that the sum kept along is the sum.

#[path = "tree/history.rs"]
mod history;

use history::{acl, any_transactions, transaction};
use proptest::prelude::*;
use zab::Zxid;
use zab::tree::*;

/// CRC-32 bit by bit, as the polynomial says it.
fn crc32(bytes: &[u8]) -> u32 {
    let mut remainder = u32::MAX;
    for byte in bytes {
        remainder ^= u32::from(*byte);
        for _ in 0..8 {
            remainder = if remainder & 1 == 1 { remainder >> 1 ^ 0xedb8_8320 } else { remainder >> 1 };
        }
    }
    !remainder
}

#[test]
fn the_other_checksum_is_crc32() {
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926, "the check value of the standard");
}

/// The digest from the beginning, from what a tree shows.
fn from_scratch(tree: &Tree) -> u64 {
    let digested = tree.nodes().filter(|node| !node.path().starts_with("/zookeeper/"));
    digested
        .map(|node| {
            let mut bytes = if node.path() == "/" { Vec::new() } else { node.path().as_bytes().to_vec() };
            bytes.extend(node.data().unwrap_or_default());
            let stat = node.stat;
            for number in [stat.czxid.0 as i64, stat.mzxid.0 as i64, stat.pzxid.0 as i64, stat.ctime, stat.mtime] {
                bytes.extend(number.to_be_bytes());
            }
            for number in [stat.version, stat.cversion, stat.aversion] {
                bytes.extend(number.to_be_bytes());
            }
            bytes.extend(stat.ephemeral_owner.to_be_bytes());
            u64::from(crc32(&bytes))
        })
        .sum()
}

fn create(path: &str, ephemeral: bool) -> Record {
    let data = Some(b"hello"[..].into());
    Record::Create(CreateTxn { path: path.to_owned(), data, acl: Acl::open(), ephemeral, parent_cversion: 1 })
}

/// The first number is what Apache ZooKeeper logs of an empty tree ("with zxid as 0x0, and digest value as
/// 1371985504"); the others were computed with Python's zlib.crc32 and struct.pack('>qqqqqiiiq', …).
#[test]
fn known_trees_have_known_digests() {
    let mut tree = Tree::new(TreeOptions::default());
    assert_eq!(tree.digest(), 1_371_985_504);

    let zxid = 0x1_0000_0001;
    let mut first = transaction(zxid, 0x1000, OpCode::Create, create("/a", true));
    first.header.time = 1_700_000_000_000;
    first.digest = Some(6_275_569_797);
    assert_eq!(tree.apply(&first).digest_matches, Some(true));

    let data = Some(vec![7; 5000].into());
    let large = Record::SetData { path: "/a".to_owned(), data, version: 1 };
    let mut second = transaction(zxid + 1, 0x1000, OpCode::SetData, large);
    second.header.time = 1_700_000_000_005;
    second.digest = Some(6_626_571_177);
    assert_eq!(tree.apply(&second).digest_matches, Some(true));

    // Gone again: of the tree only the root is another than before.
    tree.apply(&transaction(zxid + 2, 0x1000, OpCode::CloseSession, Record::CloseSession { paths: None }));
    assert_eq!(tree.digest(), from_scratch(&tree));
    assert_ne!(tree.digest(), 1_371_985_504);
}

#[test]
fn zookeepers_own_nodes_do_not_count() {
    let mut tree = Tree::new(TreeOptions::default());
    let before = tree.digest();
    tree.set_config("server.1=localhost:2888:3888:participant", Zxid(5), 77);
    assert_eq!(tree.digest(), before);
    // But /zookeeper itself does: its pzxid is another.
    tree.apply(&transaction(1, 1, OpCode::Create, create("/zookeeper/own", false)));
    assert_ne!(tree.digest(), before);
    assert_eq!(tree.digest(), from_scratch(&tree));
    // And so does a neighbour whose name begins likewise.
    let after = tree.digest();
    tree.apply(&transaction(2, 1, OpCode::Create, create("/zookeepers", false)));
    assert_ne!(tree.digest().wrapping_sub(after), 0);
    assert_eq!(tree.digest(), from_scratch(&tree));
}

#[test]
fn without_digest_there_is_none() {
    let mut tree = Tree::new(TreeOptions { extended_types: false, digest: false });
    let mut first = transaction(1, 1, OpCode::Create, create("/a", false));
    first.digest = Some(1);
    assert_eq!(tree.apply(&first).digest_matches, None);
    assert_eq!(tree.digest(), 0);
}

#[test]
fn the_acl_does_not_count_but_its_version_does() {
    let mut tree = Tree::new(TreeOptions::default());
    tree.apply(&transaction(1, 1, OpCode::Create, create("/a", false)));
    let before = tree.digest();
    let set = |version| Record::SetAcl { path: "/a".to_owned(), acl: acl(1), version };
    tree.apply(&transaction(2, 1, OpCode::SetAcl, set(0)));
    assert_eq!(tree.digest(), before);
    tree.apply(&transaction(3, 1, OpCode::SetAcl, set(1)));
    assert_ne!(tree.digest(), before);
}

proptest! {
    #[test]
    fn the_sum_kept_along_is_the_sum(transactions in any_transactions(60)) {
        let mut tree = Tree::new(TreeOptions { extended_types: true, digest: true });
        for transaction in &transactions {
            tree.apply(transaction);
            prop_assert_eq!(tree.digest(), from_scratch(&tree));
        }
    }
}

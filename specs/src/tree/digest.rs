//! The tree's digest, by which servers notice that their trees differ (`DigestCalculator`, version 2).

use super::node::Node;
use super::path;

/// The version of the digest that this is: it goes with it into transactions and snapshots (`TxnDigest`).
pub const VERSION: i32 = 2;

/// What this znode adds to the tree's digest, which is the sum of all, wrapping: the CRC-32 of path, data and Stat.
/// Rules RootIsNameless and OwnBusinessIsNotDigested.
#[must_use]
pub fn of_node(node: &Node) -> u64 {
    if node.path_bytes().starts_with(b"/zookeeper/") {
        return 0;
    }
    let mut checksum = node.digest_prefix();
    let stat = &node.stat;
    let mut bytes = [0; 60];
    bytes[0..8].copy_from_slice(&stat.czxid.0.to_be_bytes());
    bytes[8..16].copy_from_slice(&stat.mzxid.0.to_be_bytes());
    bytes[16..24].copy_from_slice(&stat.pzxid.0.to_be_bytes());
    bytes[24..32].copy_from_slice(&stat.ctime.to_be_bytes());
    bytes[32..40].copy_from_slice(&stat.mtime.to_be_bytes());
    bytes[40..44].copy_from_slice(&stat.version.to_be_bytes());
    bytes[44..48].copy_from_slice(&stat.cversion.to_be_bytes());
    bytes[48..52].copy_from_slice(&stat.aversion.to_be_bytes());
    bytes[52..60].copy_from_slice(&stat.ephemeral_owner.to_be_bytes());
    checksum.update(&bytes);
    u64::from(checksum.finalize())
}

/// The bytes of `path` that the digest knows: the root's is empty (rule RootIsNameless).
pub(super) fn path_bytes(path: &[u8]) -> &[u8] {
    if path == path::ROOT.as_bytes() { b"" } else { path }
}

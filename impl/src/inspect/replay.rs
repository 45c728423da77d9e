//! A tree that grows while its log is read, and every digest that it can be compared with.

use super::{InspectError, TREE, name_of};
use crate::disk::{OperatingSystem, ZxidDigest, read_snapshot};
use std::path::{Path, PathBuf};
use zab::Zxid;
use zab::tree::{Transaction, Tree, digest};

/// So many transactions with wrong digests are named; of the others only the number is told.
const MOST_NAMED: usize = 5;

/// A snapshot that was read whole.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub path: PathBuf,
    /// Its last transaction.
    pub zxid: Zxid,
    pub digest: Option<ZxidDigest>,
}

/// A tree, from one snapshot on.
pub(super) struct Replay {
    /// `None` when something in the log could not be read: then nothing later means anything.
    tree: Option<Tree>,
    base: PathBuf,
    /// Until then the tree holds effects of transactions that are yet to come.
    settled: Zxid,
    pub transactions: u64,
    pub compared: u64,
    pub wrong: u64,
}

impl Replay {
    /// From this snapshot on.
    pub fn new(base: &Known) -> Result<Replay, InspectError> {
        let snapshot = read_snapshot(&OperatingSystem, &base.path, TREE)?;
        let settled = snapshot.digest.map_or(base.zxid, |digest| digest.zxid);
        let (tree, base) = (Some(snapshot.tree), base.path.clone());
        Ok(Replay { tree, base, settled, transactions: 0, compared: 0, wrong: 0 })
    }

    /// The snapshot that it began with.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The tree as it is now.
    pub fn tree(&self) -> Option<&Tree> {
        self.tree.as_ref()
    }

    /// Gives up.
    pub fn abandon(&mut self) {
        self.tree = None;
    }

    /// Applies the next transaction of the log, if the tree has it not yet. Says what is wrong with the digest then.
    pub fn apply(&mut self, transaction: &Transaction, snapshots: &[Known]) -> Vec<String> {
        let zxid = transaction.header.zxid;
        let Some(tree) = self.tree.as_mut().filter(|tree| zxid > tree.last_zxid()) else { return Vec::new() };
        let applied = tree.apply(transaction);
        self.transactions += 1;
        let mut wrong = Vec::new();
        if let Some(right) = applied.digest_matches.filter(|_| zxid > self.settled) {
            self.compared += 1;
            if !right {
                wrong.push(format!("the digest after transaction {:#x} is not the one in the log", zxid.0));
            }
        }
        for known in snapshots {
            let Some(found) = known.digest.filter(|digest| digest.zxid == zxid) else { continue };
            if found.version != digest::VERSION {
                continue;
            }
            self.compared += 1;
            if found.digest != tree.digest() {
                let (zxid, name) = (zxid.0, name_of(&known.path));
                wrong.push(format!("the digest after transaction {zxid:#x} is not the one in {name}"));
            }
        }
        let unnamed = MOST_NAMED.saturating_sub(usize::try_from(self.wrong).unwrap_or(MOST_NAMED));
        self.wrong += wrong.len() as u64;
        wrong.truncate(unnamed);
        wrong
    }
}

//! Which transaction of the real tree stands for which of a story.

use crate::server::{files, translation};
use std::collections::BTreeMap;
use zab::tree::{SessionId, Tree};
use zab::{Disk, Payload, Request, Txn, Zxid};
use zabkeeper::disk::{Compression, DataDirectory, DiskError, write_snapshot};
use zabkeeper::wire::decode_transaction;
use zabkeeper::wire::quorum::ForwardedRequest;

/// The transactions whose bytes are known: those that were made here, and those that Apache's server has made.
#[derive(Default)]
pub struct Ledger {
    made: BTreeMap<Zxid, Payload>,
    /// Which client of Apache's server has asked for what, and under which number.
    askers: BTreeMap<Payload, (SessionId, i32)>,
}

impl Ledger {
    /// Apache's server has sent this.
    pub fn learn(&mut self, txn: &Txn) {
        self.made.entry(txn.zxid).or_insert_with(|| txn.payload.clone());
    }

    /// Apache's server has forwarded this: what becomes of it is its client's.
    pub fn asked(&mut self, request: &Request, named: &Request) {
        if let (Request::Write(real), Request::Write(named)) = (request, named)
            && let Ok(ForwardedRequest { session, cxid, .. }) = ForwardedRequest::from_payload(real)
        {
            self.askers.insert(named.clone(), (session, cxid));
        }
    }

    /// This transaction, with its bytes. It is the last of these, which are a history from the beginning.
    ///
    /// # Errors
    /// When it is not.
    pub fn real(&mut self, txn: &Txn, history: &[Txn]) -> Result<Txn, String> {
        if history.last() != Some(txn) {
            return Err(format!("nobody knows what is before {txn}"));
        }
        self.tree(history);
        let known = self.made.get(&txn.zxid).ok_or_else(|| format!("{txn} was not made"))?;
        Ok(Txn { zxid: txn.zxid, payload: known.clone() })
    }

    /// The tree that these transactions make.
    pub fn tree(&mut self, history: &[Txn]) -> Tree {
        let mut tree = files::with_sessions();
        history.iter().for_each(|txn| drop(self.grow(&mut tree, txn)));
        tree
    }

    /// Writes the files of a server that has this disk, whose snapshot stands for these transactions.
    ///
    /// # Errors
    /// Files that cannot be written.
    pub fn write(&mut self, directory: &DataDirectory, disk: &Disk, snapshot: &[Txn]) -> Result<(), DiskError> {
        files::write_with(directory, disk, snapshot, &mut |tree, txn| self.grow(tree, txn).0.to_vec())
    }

    /// Writes a snapshot that stands for these transactions.
    ///
    /// # Errors
    /// Files that cannot be written.
    pub fn write_snapshot(&mut self, directory: &DataDirectory, history: &[Txn]) -> Result<(), DiskError> {
        let tree = self.tree(history);
        write_snapshot(&**directory.files(), directory.snapshot_directory(), &tree, Compression::Plain).map(drop)
    }

    fn grow(&mut self, tree: &mut Tree, txn: &Txn) -> Payload {
        if let Some(known) = self.made.get(&txn.zxid)
            && translation::txn(&Txn { zxid: txn.zxid, payload: known.clone() }) == *txn
            && let Ok(transaction) = decode_transaction(&known.0)
        {
            tree.apply(&transaction);
            return known.clone();
        }
        let asker = self.askers.get(&txn.payload).copied().unwrap_or((SessionId(1), 0));
        let payload = Payload(files::grow_for(asker, tree, txn).into());
        self.made.insert(txn.zxid, payload.clone());
        payload
    }
}

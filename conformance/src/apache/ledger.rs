//! Which transaction of the real tree stands for which of a story.

use crate::server::{files, translation};
use std::collections::BTreeMap;
use zab::tree::Tree;
use zab::{Payload, Txn, Zxid};
use zabkeeper::wire::decode_transaction;

/// The transactions whose bytes are known: those that were made here, and those that Apache's server has made.
#[derive(Default)]
pub struct Ledger(BTreeMap<Zxid, Payload>);

impl Ledger {
    /// Apache's server has sent this.
    pub fn learn(&mut self, txn: &Txn) {
        self.0.entry(txn.zxid).or_insert_with(|| txn.payload.clone());
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
        let known = self.0.get(&txn.zxid).ok_or_else(|| format!("{txn} was not made"))?;
        Ok(Txn { zxid: txn.zxid, payload: known.clone() })
    }

    /// The tree that these transactions make.
    pub fn tree(&mut self, history: &[Txn]) -> Tree {
        let mut tree = files::with_sessions();
        history.iter().for_each(|txn| drop(self.grow(&mut tree, txn)));
        tree
    }

    fn grow(&mut self, tree: &mut Tree, txn: &Txn) -> Payload {
        if let Some(known) = self.0.get(&txn.zxid)
            && translation::txn(&Txn { zxid: txn.zxid, payload: known.clone() }) == *txn
            && let Ok(transaction) = decode_transaction(&known.0)
        {
            tree.apply(&transaction);
            return known.clone();
        }
        let payload = Payload(files::grow(tree, txn).into());
        self.0.insert(txn.zxid, payload.clone());
        payload
    }
}

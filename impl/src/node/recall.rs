//! A leader's learner lags further than the history in memory goes back: whether the log on the disk helps.

use super::{Incoming, Node};
use crate::disk::{DataDirectory, DiskError, SizeFactor, recall};
use zab::{History, ServerId, Zxid};

/// How the log on the disk is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recall {
    /// Not at all: such a learner gets a snapshot (a negative `snapshotSizeFactor`).
    Never,
    /// By a thread, for no more than this part of a snapshot.
    Within(SizeFactor),
    /// Whoever drives the node step by step does it.
    Driven,
}

impl Node {
    /// The answer comes as [`Incoming::Recalled`]: everything else goes on meanwhile.
    pub(super) fn recall(&mut self, learner: ServerId, after: Zxid) {
        let factor = match self.options.recall {
            Recall::Driven => return,
            Recall::Never => return self.handle.send(Incoming::Recalled(learner, History::default())),
            Recall::Within(factor) => factor,
        };
        let upto = self.peer.memory.history.snapshot();
        let (directory, handle) = (self.options.directory.clone(), self.handle.clone());
        std::thread::spawn(move || {
            let history = find(&directory, after, upto, factor).unwrap_or_else(|error| {
                // The log is of no use then; a snapshot of the tree in memory is.
                tracing::warn!(%learner, %error, "the log cannot be read back for a learner");
                None
            });
            let count = history.as_ref().map(|history| history.log().len());
            tracing::info!(%learner, %after, transactions = count, "the log was read back for a learner that lags");
            handle.send(Incoming::Recalled(learner, history.unwrap_or_default()));
        });
    }
}

fn find(directory: &DataDirectory, after: Zxid, upto: Zxid, factor: SizeFactor) -> Result<Option<History>, DiskError> {
    let most = factor.limit(directory)?;
    recall(directory, after, upto, most)
}

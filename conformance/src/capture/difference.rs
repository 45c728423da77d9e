//! Where Java's servers may say something else than the specification, and still be explained.
//!
//! Not counted: a notification is sent again, or never, as `QuorumCnxManager` keeps the newest for each server and
//! sends the last once more on a new connection.

use std::fmt;

/// A tolerated difference. Everything that is not one of these is a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Difference {
    /// A leader's PING comes when it will.
    Ping,
    /// An acknowledgement of a transaction of the initial history.
    AckOfHistory,
    /// SNAP where the specification cuts or fills up.
    SnapForDiff,
    /// DIFF names the last transaction that is applied; what is committed behind it follows all the same.
    DiffOfApplied,
    /// Proposals that are open come before NEWLEADER, and what is committed meanwhile.
    OpenBeforeNewLeader,
    /// What is proposed or committed overtakes UPTODATE, or is overtaken by it.
    UpToDateOvertaken,
    /// A sync is answered without a quorum's confirmation.
    SyncUnconfirmed,
    /// ZOOKEEPER-4685: UPTODATE before NEWLEADER is acknowledged.
    AckMistaken,
    /// A learner votes without what it was brought up to date with, when its connection is lost before UPTODATE.
    HistoryForgotten,
    /// A transaction is sent without the digest with which it was proposed.
    WithoutDigest,
    /// An answer to who looks for a leader is sent behind what the server says when it looks for one itself.
    AnswersLate,
    /// A vote is sent once more on a new connection, behind a newer one that was sent on another.
    VotesOvertaken,
    /// A sync waits in the leader, and acknowledgements that came behind it do not.
    SyncOvertaken,
}

impl Difference {
    /// All of them.
    pub const ALL: [Difference; 13] = [
        Difference::Ping,
        Difference::AckOfHistory,
        Difference::SnapForDiff,
        Difference::DiffOfApplied,
        Difference::OpenBeforeNewLeader,
        Difference::UpToDateOvertaken,
        Difference::SyncUnconfirmed,
        Difference::AckMistaken,
        Difference::HistoryForgotten,
        Difference::WithoutDigest,
        Difference::AnswersLate,
        Difference::VotesOvertaken,
        Difference::SyncOvertaken,
    ];

    /// Java's class and method, and why.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Difference::Ping => "Leader.lead pings learners twice a tick, LearnerHandler.ping also before UPTODATE",
            Difference::AckOfHistory => {
                "Learner.syncWithLeader (before 3.9.3) logs the initial history through SendAckRequestProcessor"
            }
            Difference::SnapForDiff => {
                "LearnerHandler.syncFollower sends SNAP where committedLog and snapshotSizeFactor leave no DIFF"
            }
            Difference::DiffOfApplied => {
                "LearnerHandler.syncFollower knows what is applied, Leader.startForwarding adds what is committed"
            }
            Difference::OpenBeforeNewLeader => "Leader.startForwarding queues open proposals before NEWLEADER",
            Difference::UpToDateOvertaken => {
                "LearnerHandler.run queues UPTODATE from a thread of its own, when forwarding has begun already"
            }
            Difference::SyncUnconfirmed => "Leader.processSync answers when nothing is open, and asks nobody",
            Difference::AckMistaken => {
                "LearnerHandler.run takes the first ACK for NEWLEADER's, whatever it acknowledges (ZOOKEEPER-4685)"
            }
            Difference::HistoryForgotten => {
                "Learner.syncWithLeader keeps what follows DIFF beside its tree, and leaves at its COMMIT up to 3.8.0 \
                 (ZOOKEEPER-4394); FollowerZooKeeperServer.shutdown reads the log before it is written (ZOOKEEPER-4712)"
            }
            Difference::WithoutDigest => "TxnLogProposalIterator writes header and record only",
            Difference::SyncOvertaken => {
                "PrepRequestProcessor has a queue for requests; an ACK that follows goes to Leader.processAck at once"
            }
            Difference::VotesOvertaken => {
                "QuorumCnxManager.SendWorker sends the last message again, while another takes the next from the queue"
            }
            Difference::AnswersLate => {
                "FastLeaderElection.Messenger.WorkerReceiver is a thread of its own, and may be behind lookForLeader"
            }
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}: {}", self.reason())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The class that is named first must stand in the row, too: the reasons of both are one.
    #[test]
    fn every_difference_is_listed() {
        let page = include_str!("../../../specs/exceptions.md");
        for difference in Difference::ALL {
            let name = format!("`{difference:?}`");
            let row = page.lines().find(|line| line.starts_with('|') && line.contains(&name));
            let row = row.unwrap_or_else(|| panic!("{name} does not stand in specs/exceptions.md"));
            let class = difference.reason().split(['.', ' ']).next().unwrap_or_default();
            assert!(row.contains(class), "{name} is {class}'s, of which its row says nothing: {row}");
        }
    }
}

//! Whether what happened to a server could happen then: an input that the specification would answer, but that no
//! action of the model brings, says that the driver around the core is wrong.

use std::collections::{BTreeMap, BTreeSet};
use zab::{Input, Message, Output, Peer, Role, ServerId, Timer};

/// Why an input was not enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotEnabled {
    /// A wait ended that had not begun.
    #[error("the wait {0:?} was not under way")]
    NotArmed(Timer),
    /// A connection opened that nobody asked for.
    #[error("no connection to {0} was asked for")]
    NotAsked(ServerId),
    /// A connection was lost that was not there.
    #[error("there was no connection with {0}")]
    NotConnected(ServerId),
    /// A learner introduced itself to a server that does not lead.
    #[error("{0} came to a quorum port that was not open")]
    NotListening(ServerId),
    /// A client of a server asked that does not serve.
    #[error("this server did not serve clients")]
    NotServing,
    /// A transaction came of no request.
    #[error("no request was to be prepared")]
    NotPrepared,
    /// An answer about a session that nobody had asked for.
    #[error("{0} had not asked about a session")]
    NotRevalidating(ServerId),
    /// The log on the disk was read for a learner that needed nothing of it.
    #[error("nothing was to be recalled for {0}")]
    NotRecalling(ServerId),
    /// A snapshot of what the state machine had not been given yet.
    #[error("the state machine had not come so far")]
    NotDelivered,
    /// The server was told whom to elect.
    #[error("servers hold their elections themselves")]
    ElectedElsewhere,
}

/// What a server waits for, and whom it is connected with, by what it took in and put out.
#[derive(Clone, Debug, Default)]
pub struct Driver {
    armed: BTreeSet<Timer>,
    connecting: Option<ServerId>,
    open: BTreeSet<ServerId>,
    /// Requests that were handed out and have not come back.
    prepared: usize,
    /// Questions about sessions that were handed out, by learner.
    asked: BTreeMap<ServerId, usize>,
    /// Learners for which the log on the disk is being read, how often.
    recalling: BTreeMap<ServerId, usize>,
}

impl Driver {
    /// An input that is about to be taken by this peer.
    ///
    /// # Errors
    /// When nothing could have brought it.
    pub fn before(&mut self, peer: &Peer, input: &Input) -> Result<(), NotEnabled> {
        match input {
            Input::Timeout(timer) => enabled(self.armed.remove(timer), NotEnabled::NotArmed(*timer)),
            Input::Connected(leader) => {
                let asked = self.connecting.take_if(|asked| asked == leader).is_some();
                self.open.insert(*leader);
                enabled(asked, NotEnabled::NotAsked(*leader))
            }
            Input::Disconnected(with) => {
                let refused = self.connecting.take_if(|asked| asked == with).is_some();
                enabled(self.open.remove(with) || refused, NotEnabled::NotConnected(*with))
            }
            Input::Receive(from, Message::FollowerInfo(_) | Message::ObserverInfo(_)) if *from != peer.id => {
                self.open.insert(*from);
                enabled(matches!(peer.role, Role::Leading(_)), NotEnabled::NotListening(*from))
            }
            Input::Receive(_, Message::Notification(_)) => Ok(()),
            Input::Receive(from, _) => {
                enabled(*from == peer.id || self.open.contains(from), NotEnabled::NotConnected(*from))
            }
            Input::Request(_) | Input::Revalidate(_) => enabled(peer.is_serving(), NotEnabled::NotServing),
            Input::Propose(_) => {
                let handed_out = self.prepared > 0;
                self.prepared = self.prepared.saturating_sub(1);
                enabled(handed_out, NotEnabled::NotPrepared)
            }
            Input::Revalidated(learner, _) => {
                enabled(take_one(&mut self.asked, *learner), NotEnabled::NotRevalidating(*learner))
            }
            Input::Recalled(learner, _) => {
                enabled(take_one(&mut self.recalling, *learner), NotEnabled::NotRecalling(*learner))
            }
            Input::Snapshotted(zxid) => enabled(*zxid <= peer.delivered, NotEnabled::NotDelivered),
            Input::Elected(_) => Err(NotEnabled::ElectedElsewhere),
        }
    }

    /// What the peer did.
    pub fn after(&mut self, id: ServerId, outputs: &[Output]) {
        for output in outputs {
            match output {
                Output::Arm(timer) => drop(self.armed.insert(*timer)),
                Output::Connect(leader) => self.connecting = Some(*leader),
                Output::Disconnect(with) if *with == id => self.open.clear(),
                Output::Disconnect(with) => {
                    self.open.remove(with);
                    self.connecting.take_if(|asked| asked == with);
                }
                Output::Prepare(..) => self.prepared += 1,
                Output::Recall(learner, _) => *self.recalling.entry(*learner).or_default() += 1,
                Output::Revalidate(learner, _) => *self.asked.entry(*learner).or_default() += 1,
                _ => {}
            }
        }
    }
}

/// Whether there was one.
fn take_one(counts: &mut BTreeMap<ServerId, usize>, of: ServerId) -> bool {
    counts.get_mut(&of).filter(|count| **count > 0).map(|count| *count -= 1).is_some()
}

fn enabled(enabled: bool, otherwise: NotEnabled) -> Result<(), NotEnabled> {
    if enabled { Ok(()) } else { Err(otherwise) }
}

//! The network: quorum connections, which a learner opens to its leader, and election links between all servers.

use serde::{Deserialize, Serialize};
use zab::{Message, Notification, ServerId, Txn};

/// A quorum connection. It is FIFO in both directions; when it breaks, each end notices by itself, and until then may
/// still receive, in order, what was on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Connection {
    /// Who opened it.
    pub learner: ServerId,
    /// Whose quorum port it is.
    pub leader: ServerId,
    /// On the way to the leader, oldest first.
    pub to_leader: Vec<Message>,
    /// On the way to the learner, oldest first.
    pub to_learner: Vec<Message>,
    /// The state machine behind the SNAP that is on the way to the learner.
    pub snapshot: Vec<Txn>,
    /// Whether the learner's end is open.
    pub learner_open: bool,
    /// Whether the leader's end is open.
    pub leader_open: bool,
    /// Whether it is broken: nothing more enters.
    pub broken: bool,
}

/// An end of a quorum connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum End {
    /// The one that opened it.
    Learner,
    /// The one on whose port it is.
    Leader,
}

impl Connection {
    /// A new one, open at both ends.
    #[must_use]
    pub fn new(learner: ServerId, leader: ServerId) -> Connection {
        Connection {
            learner,
            leader,
            to_leader: Vec::new(),
            to_learner: Vec::new(),
            snapshot: Vec::new(),
            learner_open: true,
            leader_open: true,
            broken: false,
        }
    }

    /// Who sits at this end.
    #[must_use]
    pub fn server_at(&self, end: End) -> ServerId {
        match end {
            End::Learner => self.learner,
            End::Leader => self.leader,
        }
    }

    /// Whether this end is open.
    #[must_use]
    pub fn is_open(&self, end: End) -> bool {
        match end {
            End::Learner => self.learner_open,
            End::Leader => self.leader_open,
        }
    }

    /// What is on the way to this end.
    #[must_use]
    pub fn inbound(&self, end: End) -> &Vec<Message> {
        match end {
            End::Learner => &self.to_learner,
            End::Leader => &self.to_leader,
        }
    }

    /// What is on the way to this end, to change it.
    pub fn inbound_mut(&mut self, end: End) -> &mut Vec<Message> {
        match end {
            End::Learner => &mut self.to_learner,
            End::Leader => &mut self.to_leader,
        }
    }

    /// Sends a message to this end, unless nothing can arrive there any more.
    pub fn send_to(&mut self, end: End, message: Message) {
        if !self.broken && self.is_open(end) {
            self.inbound_mut(end).push(message);
        }
    }

    /// Closes this end; what was on the way to it is lost.
    pub fn close(&mut self, end: End) {
        self.inbound_mut(end).clear();
        match end {
            End::Learner => {
                self.learner_open = false;
                self.snapshot.clear();
            }
            End::Leader => self.leader_open = false,
        }
    }

    /// Whether this end, being open, could notice that the connection is gone.
    #[must_use]
    pub fn is_gone_for(&self, end: End) -> bool {
        self.is_open(end) && (self.broken || !(self.learner_open && self.leader_open))
    }
}

/// An election link from one server to another. As in ZooKeeper, a notification that has not left yet is replaced by a
/// newer one; one that is on the wire is not. The wire holds at most one: the bound of this model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ElectionLink {
    /// On the wire.
    pub wire: Option<Notification>,
    /// Not sent yet.
    pub waiting: Option<Notification>,
}

impl ElectionLink {
    /// Sends a notification.
    pub fn send(&mut self, notification: Notification) {
        match &self.wire {
            // The receiver could not tell a repetition from its original.
            Some(last) if self.waiting.is_none() && *last == notification => {}
            Some(_) => self.waiting = Some(notification),
            None => self.wire = Some(notification),
        }
    }

    /// Takes the notification from the wire.
    pub fn receive(&mut self) -> Option<Notification> {
        std::mem::replace(&mut self.wire, self.waiting.take())
    }
}

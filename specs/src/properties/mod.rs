#![doc = include_str!("../properties.md")]

pub mod premises;
pub mod safety;

use crate::contract::{Input, Output};
use crate::disk::Disk;
use crate::ensemble::Ensemble;
use crate::history::Txn;
use crate::message::Message;
use crate::number::{Epoch, ServerId, Zxid};
use crate::peer::{HandlerPhase, LeaderPhase, Leading, Peer, Role};
use serde::{Deserialize, Serialize};

/// The ensemble at one moment, as an observer outside sees it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Who takes part.
    pub ensemble: &'a Ensemble,
    /// Every server, in the order of the ids.
    pub servers: &'a [ServerView<'a>],
    /// What happened so far.
    pub past: &'a Past,
}

/// One server at one moment.
#[derive(Clone, Copy, Debug)]
pub struct ServerView<'a> {
    /// Who it is.
    pub id: ServerId,
    /// Its memory; `None` while it is down.
    pub peer: Option<&'a Peer>,
    /// What its disk holds durably.
    pub disk: &'a Disk,
    /// What the snapshot on its disk stands for.
    pub snapshot: &'a [Txn],
    /// What its state machine was given, snapshots included; empty while it is down.
    pub delivered: &'a [Txn],
}

/// What no state shows any more: the history variables of the proofs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Past {
    /// Every epoch that was established, in the order in which it happened.
    pub established: Vec<Established>,
    /// Every transaction that a primary broadcast, in that order.
    pub broadcast: Vec<Txn>,
    /// The longest sequence that any server delivered.
    pub delivered: Vec<Txn>,
    /// What some server said or did that the other must never see.
    pub misdeeds: Misdeeds,
}

/// An epoch that a quorum took over.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Established {
    /// Which.
    pub epoch: Epoch,
    /// Under whom.
    pub leader: ServerId,
    /// Its initial history.
    pub initial: Vec<Txn>,
}

/// Things that a server only does when another one did not keep to the protocol (P25's I-11 to I-14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Misdeeds {
    /// A message came in a phase where it must not come, or a server could not go on.
    pub state: bool,
    /// A leader was sent an acknowledgement that it could not use, or that came before NEWLEADER's.
    pub ack: bool,
    /// A learner was sent a proposal that did not follow its history.
    pub proposal: bool,
    /// A learner was told to commit something else than its next transaction.
    pub commit: bool,
    /// A sync was answered before everything committed when it was asked had been delivered.
    pub sync: bool,
    /// Two servers delivered different transactions at the same place.
    pub order: bool,
}

impl ServerView<'_> {
    /// The transactions that its memory holds as its history, oldest first.
    pub fn history(&self) -> impl Iterator<Item = &Txn> {
        let memory = self.peer.map(|peer| &peer.memory.history);
        let snapshot = memory.map_or(Zxid::ZERO, |history| history.snapshot());
        let old = self.delivered.iter().take_while(move |txn| txn.zxid <= snapshot);
        old.chain(memory.into_iter().flat_map(|history| history.log()))
    }

    /// The transactions that its disk holds durably, oldest first.
    pub fn durable(&self) -> impl Iterator<Item = &Txn> {
        self.snapshot.iter().chain(self.disk.history.log())
    }

    /// Its reign, if it leads.
    #[must_use]
    pub fn leading(&self) -> Option<(&Peer, &Leading)> {
        match self.peer.map(|peer| (peer, &peer.role)) {
            Some((peer, Role::Leading(leading))) => Some((peer, leading)),
            _ => None,
        }
    }

    /// The epoch that it leads from this phase on.
    #[must_use]
    pub fn leads_from(&self, phase: LeaderPhase) -> Option<Epoch> {
        self.leading().filter(|(_, leading)| leading.phase >= phase).map(|(peer, _)| peer.memory.accepted_epoch)
    }
}

impl Past {
    /// Remembers what a step of `peer` shows. To be called after every [`Peer::step`], with `before` being whether
    /// the peer led an established epoch before it, and `delivered` what its state machine was given by then.
    pub fn observe(&mut self, peer: &Peer, before: bool, input: &Input, outputs: &[Output], delivered: &[Txn]) {
        let broadcasts = matches!(&peer.role, Role::Leading(leading) if leading.phase == LeaderPhase::Broadcast);
        if broadcasts && !before {
            let initial = delivered.to_vec();
            self.established.push(Established { epoch: peer.memory.accepted_epoch, leader: peer.id, initial });
        }
        if let Input::Propose(_) = input {
            self.broadcast.extend(outputs.iter().find_map(|output| match output {
                Output::Write(crate::disk::Write::Append(txn)) => Some(txn.clone()),
                _ => None,
            }));
        }
        self.compare(delivered);
        self.judge(peer, input, outputs);
    }

    fn compare(&mut self, delivered: &[Txn]) {
        let common = self.delivered.len().min(delivered.len());
        if self.delivered[..common] != delivered[..common] {
            self.misdeeds.order = true;
        } else if delivered.len() > common {
            self.delivered.extend_from_slice(&delivered[common..]);
        }
    }

    fn judge(&mut self, peer: &Peer, input: &Input, outputs: &[Output]) {
        if outputs.iter().any(|output| matches!(output, Output::Halt(_))) {
            self.misdeeds.state = true;
        }
        let Input::Receive(from, message) = input else {
            return;
        };
        if let Message::Ack(zxid) = message
            && is_early(peer, *from, *zxid)
        {
            self.misdeeds.ack = true;
        }
        if !outputs.contains(&Output::Disconnect(*from)) || *from == peer.id {
            return;
        }
        let still_leads = matches!(peer.role, Role::Leading(_));
        match message {
            Message::Diff(_) | Message::Trunc(_) | Message::Snap(_) | Message::NewLeader(_) | Message::UpToDate => {
                self.misdeeds.state = true;
            }
            Message::Request(_) | Message::FollowerInfo(_) | Message::ObserverInfo(_) if still_leads => {
                self.misdeeds.state = true;
            }
            Message::Ack(_) | Message::AckEpoch(_) if still_leads => self.misdeeds.ack = true,
            Message::Proposal(_) | Message::Inform(_) => self.misdeeds.proposal = true,
            Message::Commit(_) => self.misdeeds.commit = true,
            _ => {}
        }
    }
}

/// Whether a learner acknowledges a transaction before NEWLEADER. The leader here bears it; Java's does not.
fn is_early(peer: &Peer, from: ServerId, zxid: Zxid) -> bool {
    let Role::Leading(leading) = &peer.role else { return false };
    let synchronizing =
        leading.learners.iter().any(|learner| learner.id == from && learner.phase == HandlerPhase::Synchronizing);
    synchronizing && zxid.counter() != 0
}

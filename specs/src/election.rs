#![doc = include_str!("election.md")]

use crate::contract::{Output, Timer};
use crate::message::{Message, Notification, ServerState, Vote};
use crate::number::{Epoch, Round, ServerId, Zxid};
use crate::peer::{Peer, Role};
use serde::{Deserialize, Serialize};

/// What a server has heard in the election that it takes part in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Looking {
    /// The votes of this round, this server's own aside, by voter (Java's `recvset`).
    pub received: Vec<Received>,
    /// What servers say that follow or lead already, by server (Java's `outofelection`).
    pub standing: Vec<Standing>,
    /// A quorum agrees, and the wait for a better vote has begun.
    pub settling: bool,
}

/// A vote of this round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Received {
    /// Whose.
    pub from: ServerId,
    /// Where the voter stood.
    pub state: ServerState,
    /// For whom.
    pub vote: Vote,
}

/// A server that follows or leads already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Standing {
    /// Who says so.
    pub from: ServerId,
    /// The leader that it names.
    pub leader: ServerId,
    /// The epoch that it names.
    pub peer_epoch: Epoch,
    /// Whether it is that leader.
    pub leads: bool,
}

impl Vote {
    /// What decides between two votes: peer epoch, then zxid, then id, the greater wins (rule VotesAreOrdered).
    #[must_use]
    pub fn rank(&self) -> (Epoch, Zxid, ServerId) {
        (self.peer_epoch, self.zxid, self.leader)
    }
}

impl Peer {
    /// Begins an election: a new round, a vote for oneself, and everyone is told.
    pub(crate) fn look_for_leader(&mut self, out: &mut Vec<Output>) {
        self.role = Role::Looking(Looking::default());
        self.round = Round(self.round.0 + 1);
        self.vote = self.own_vote();
        self.send_notifications(out);
        self.count_votes(out);
    }

    /// The vote that a server has at first: itself, if it may lead.
    fn own_vote(&self) -> Option<Vote> {
        self.ensemble.may_lead(self.id).then(|| Vote {
            leader: self.id,
            zxid: self.last_zxid(),
            peer_epoch: self.memory.current_epoch,
        })
    }

    /// Tells every other voter where this server stands.
    pub(crate) fn send_notifications(&self, out: &mut Vec<Output>) {
        let message = Message::Notification(self.notification());
        for voter in self.ensemble.voters().filter(|voter| *voter != self.id) {
            out.push(Output::Send(voter, message.clone()));
        }
        out.push(Output::Arm(Timer::Notification));
    }

    fn notification(&self) -> Notification {
        Notification { state: self.state(), round: self.round, vote: self.vote }
    }

    /// A notification: by where it comes from, and where this server and its sender stand.
    pub(crate) fn on_notification(&mut self, from: ServerId, notification: Notification, out: &mut Vec<Output>) {
        // Java's rounds are signed: one beyond is nobody's who keeps to the protocol, and leaves room to count.
        if from == self.id || notification.round > Round(i64::MAX as u64) {
            return;
        }
        // Servers that do not vote are answered and have no other influence (WorkerReceiver.run).
        if !self.ensemble.is_voter(from) {
            return out.push(Output::Send(from, Message::Notification(self.notification())));
        }
        if !matches!(self.role, Role::Looking(_)) {
            // An observer keeps still here as well: a voter answers it whatever it says, and the two would never stop.
            if notification.state == ServerState::Looking && self.ensemble.is_voter(self.id) {
                out.push(Output::Send(from, Message::Notification(self.notification())));
            }
            return;
        }
        let Some(vote) = notification.vote.filter(|vote| self.ensemble.is_voter(vote.leader)) else {
            return;
        };
        match notification.state {
            ServerState::Looking => self.on_vote(from, notification.round, vote, out),
            ServerState::Following | ServerState::Leading => {
                self.on_standing(from, notification.state, notification.round, vote, out);
            }
            ServerState::Observing => {}
        }
    }

    /// The vote of a server that is looking as well.
    fn on_vote(&mut self, from: ServerId, round: Round, vote: Vote, out: &mut Vec<Output>) {
        if round < self.round {
            // Help a latecomer into this round. An observer keeps still: voters answer whatever it says, and the
            // two would never stop.
            if self.ensemble.is_voter(self.id) {
                out.push(Output::Send(from, Message::Notification(self.notification())));
            }
            return;
        }
        let later = round > self.round;
        if later {
            self.round = round;
            self.vote = self.own_vote();
            self.looking().received.clear();
        }
        let better = self.ensemble.may_lead(vote.leader) && self.vote.is_none_or(|own| vote.rank() > own.rank());
        if better {
            self.vote = Some(vote);
        }
        if later || better {
            self.looking().settling = false;
            self.send_notifications(out);
        }
        self.record(Received { from, state: ServerState::Looking, vote });
        self.count_votes(out);
    }

    /// The report of a server that follows or leads: perhaps an ensemble stands that can be joined.
    fn on_standing(&mut self, from: ServerId, state: ServerState, round: Round, vote: Vote, out: &mut Vec<Output>) {
        let leads = state == ServerState::Leading;
        if round == self.round {
            self.record(Received { from, state, vote });
            if self.is_joinable_in_round(vote) {
                return self.join(round, vote, out);
            }
        }
        let standing = Standing { from, leader: vote.leader, peer_epoch: vote.peer_epoch, leads };
        put(&mut self.looking().standing, standing, |entry| entry.from);
        if self.is_joinable(round, vote) {
            return self.join(round, vote, out);
        }
        // The sender may have left the quorum that this server was about to settle for.
        self.count_votes(out);
    }

    /// Whether a quorum of this round is with `vote`'s leader, and that leader says that it leads.
    fn is_joinable_in_round(&mut self, vote: Vote) -> bool {
        let id = self.id;
        let own = self.vote.filter(|own| *own == vote).map(|_| id);
        let received = &self.looking().received;
        // Votes of servers that stand are equal when they name the same leader, those of servers that look only
        // when they agree in everything (Vote.equals; zxid and epoch of a standing vote may be out of date).
        let agrees = |entry: &&Received| match entry.state {
            ServerState::Looking => entry.vote == vote,
            _ => entry.vote.leader == vote.leader,
        };
        let supporters: Vec<_> = received.iter().filter(agrees).map(|entry| entry.from).chain(own).collect();
        let confirmed = vote.leader == id
            || received.iter().any(|entry| entry.from == vote.leader && entry.state == ServerState::Leading);
        confirmed && self.ensemble.is_quorum(supporters)
    }

    /// Whether a quorum stands with `vote`'s leader in its epoch, and that leader says that it leads.
    fn is_joinable(&mut self, round: Round, vote: Vote) -> bool {
        let (id, own_round) = (self.id, self.round);
        let standing = &self.looking().standing;
        let agrees = |entry: &&Standing| entry.leader == vote.leader && entry.peer_epoch == vote.peer_epoch;
        let supporters: Vec<_> = standing.iter().filter(agrees).map(|entry| entry.from).collect();
        let confirmed = if vote.leader == id {
            round == own_round
        } else {
            standing.iter().any(|entry| entry.from == vote.leader && entry.leads)
        };
        confirmed && self.ensemble.is_quorum(supporters)
    }

    fn join(&mut self, round: Round, vote: Vote, out: &mut Vec<Output>) {
        self.round = round;
        self.vote = Some(vote);
        self.decide(vote.leader, out);
    }

    /// Whether a quorum agrees with this server's vote; begins the wait for a better one, or decides at once when
    /// no voter is left who could bring one.
    fn count_votes(&mut self, out: &mut Vec<Output>) {
        let Some(own) = self.vote else { return };
        let agreeing = self.agreeing(own);
        let (quorum, everyone) = (
            self.ensemble.is_quorum(agreeing.iter().copied()),
            self.ensemble.voters().all(|voter| agreeing.contains(&voter)),
        );
        if quorum && everyone {
            return self.decide(own.leader, out);
        }
        let looking = self.looking();
        if quorum && !looking.settling {
            out.push(Output::Arm(Timer::Settle));
        }
        looking.settling = quorum;
    }

    fn agreeing(&mut self, own: Vote) -> Vec<ServerId> {
        let id = self.id;
        let received = self.looking().received.iter();
        received.filter(|entry| entry.vote == own).map(|entry| entry.from).chain([id]).collect()
    }

    /// No better vote came in time.
    pub(crate) fn on_settled(&mut self, out: &mut Vec<Output>) {
        if let Some(own) = self.vote.filter(|_| self.looking().settling) {
            self.decide(own.leader, out);
        }
    }

    /// Every server that took part in establishing an epoch reports it in its vote, so that their votes agree
    /// whatever they were elected by (rule VotesShowTheEpoch; ZOOKEEPER-1732, -1805).
    pub(crate) fn raise_vote(&mut self, epoch: Epoch) {
        if let Some(vote) = &mut self.vote {
            vote.peer_epoch = epoch;
        }
    }

    fn record(&mut self, received: Received) {
        put(&mut self.looking().received, received, |entry| entry.from);
    }

    fn looking(&mut self) -> &mut Looking {
        match &mut self.role {
            Role::Looking(looking) => looking,
            _ => unreachable!("only a server that looks counts votes"),
        }
    }
}

/// Puts `entry` in its place in a list sorted by server, over the older one of the same server.
fn put<T>(list: &mut Vec<T>, entry: T, key: impl Fn(&T) -> ServerId) {
    match list.binary_search_by_key(&key(&entry), &key) {
        Ok(index) => list[index] = entry,
        Err(index) => list.insert(index, entry),
    }
}

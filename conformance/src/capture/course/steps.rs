//! The steps of a course that nobody outside sees, and which of them to try.

use super::{Course, Hidden, Receipt, Script, Sent, Waiting};
use crate::capture::difference::Difference;
use std::collections::VecDeque;
use zab::peer::{HandlerPhase, LeaderPhase, Learner, LearnerPhase};
use zab::{Input, Message, Request, Role, ServerId, ServerState, Timer, Txn, Write, Zxid};

impl Course {
    // ---- What nobody sees -----------------------------------------------------------------------------------------

    /// Takes a hidden step; whether it makes sense.
    pub fn apply(&mut self, script: &Script, hidden: &Hidden) -> bool {
        match hidden {
            Hidden::Receive(link) => return self.receive(script, *link),
            Hidden::Lose(link) => self.lose(script, *link),
            Hidden::Flush(count) => self.flush(*count),
            Hidden::Step(input) => self.step(input.clone()),
            Hidden::Open(connection) => {
                self.said.insert(connection.leader, (*connection, VecDeque::new()));
                for (link, read) in script.links.iter().zip(&mut self.read) {
                    let is_older = |receipt: &Receipt| {
                        receipt.connection.is_some_and(|other| {
                            (other.learner, other.leader) == (connection.learner, connection.leader)
                                && other.number < connection.number
                        })
                    };
                    while link.get(*read).is_some_and(is_older) {
                        *read += 1;
                    }
                }
                self.step(Input::Connected(connection.leader));
            }
            Hidden::GiveUp => self.give_up(),
            Hidden::MistakeAck(learner) => {
                *self.differences.entry(Difference::AckMistaken).or_default() += 1;
                let start = self.peer.memory.accepted_epoch.start();
                self.step(Input::Receive(*learner, Message::Ack(start)));
            }
            Hidden::ConfirmSync => return self.confirm_sync(),
            Hidden::DeferSync(link) => self.defer_sync(script, *link),
            Hidden::TakeSync => match self.deferred.pop_front() {
                Some((from, sync)) => self.step(Input::Receive(from, sync)),
                None => return false,
            },
            Hidden::Repeat => self.repeats = true,
            Hidden::Forget(last) => self.forget_history(*last),
        }
        true
    }

    fn receive(&mut self, script: &Script, link: usize) -> bool {
        let receipt = &script.links[link][self.read[link]];
        // Nobody answers what was not sent. UPTODATE is the one message that others may overtake.
        let unsent = || self.said.get(&receipt.from).is_some_and(|(_, said)| said.contains(&Message::UpToDate));
        if receipt.message.as_ref().is_some_and(answers_up_to_date) && self.has_told_up_to_date(receipt) && unsent() {
            return false;
        }
        self.read[link] += 1;
        let (from, id) = (receipt.from, self.peer.id);
        let Some(connection) = receipt.connection else {
            let Some(message) = &receipt.message else { return false };
            self.step(Input::Receive(from, message.clone()));
            return true;
        };
        match &receipt.message {
            Some(message @ (Message::FollowerInfo(_) | Message::ObserverInfo(_))) => {
                if !self.leads() {
                    return false;
                }
                self.said.insert(from, (connection, VecDeque::new()));
                self.step(Input::Receive(from, message.clone()));
            }
            // What comes on another connection than the present one comes too late.
            _ if self.said.get(&from).is_none_or(|(open, _)| *open != connection) => {}
            None => {
                self.forget(from);
                self.step(Input::Disconnected(from));
            }
            // Java's leader counts on no number: it sends the last zxid, and would confirm every sync with it.
            Some(Message::Ping(_)) if connection.leader == id => {}
            Some(message) => {
                if connection.learner == id {
                    self.note_history(message);
                }
                self.step(Input::Receive(from, message.clone()));
            }
        }
        true
    }

    /// Whether anything of this link was not read.
    #[must_use]
    pub fn has_next(&self, script: &Script, link: usize) -> bool {
        self.read[link] < script.links[link].len()
    }

    fn note_history(&mut self, message: &Message) {
        match (message, &self.peer.role) {
            (Message::Diff(_) | Message::Trunc(_) | Message::Snap(_), _) => {
                self.before = self.peer.last_zxid();
                self.initial.clear();
                self.early.clear();
            }
            // What was open at NEWLEADER is acknowledged by the specification as well.
            (Message::UpToDate, Role::Following(following)) => {
                let acknowledged = following.acknowledged;
                self.initial.retain(|zxid| *zxid <= acknowledged);
            }
            (Message::Proposal(txn), Role::Following(following))
                if following.phase == LearnerPhase::Synchronization =>
            {
                self.initial.insert(txn.zxid);
            }
            _ => {}
        }
    }

    fn lose(&mut self, script: &Script, link: usize) {
        let of = |receipt: &Receipt| receipt.connection;
        let first = of(&script.links[link][self.read[link]]);
        self.read[link] += 1;
        // Of a connection everything.
        while first.is_some() && script.links[link].get(self.read[link]).map(of) == Some(first) {
            self.read[link] += 1;
        }
    }

    fn flush(&mut self, count: usize) {
        for _ in 0..count {
            match self.waiting.pop_front() {
                Some(Waiting::Write(write)) => self.durable.apply(&write),
                Some(Waiting::Send(to, message)) if to == self.peer.id => self.step(Input::Receive(to, message)),
                Some(Waiting::Send(to, message)) => self.say(to, message),
                None => return,
            }
        }
    }

    fn give_up(&mut self) {
        match &self.peer.role {
            Role::Following(following) => {
                let leader = following.leader;
                self.forget(leader);
                self.step(Input::Disconnected(leader));
            }
            Role::Leading(leading) => {
                let own = self.peer.id;
                let learners: Vec<ServerId> = leading.learners.iter().map(|learner| learner.id).collect();
                for id in learners.into_iter().filter(|id| *id != own) {
                    self.forget(id);
                    self.step(Input::Disconnected(id));
                }
                self.step(Input::Timeout(Timer::Init));
            }
            Role::Looking(_) => {}
        }
    }

    fn forget_history(&mut self, last: Zxid) {
        let Role::Following(following) = &self.peer.role else { return };
        let leader = following.leader;
        self.forget(leader);
        self.flush(self.waiting.len());
        self.peer.memory.apply(&Write::Truncate(last));
        self.durable.apply(&Write::Truncate(last));
        self.peer.delivered = self.peer.delivered.min(last);
        self.excuse(Difference::HistoryForgotten);
        self.step(Input::Disconnected(leader));
    }

    fn confirm_sync(&mut self) -> bool {
        let Role::Leading(leading) = &self.peer.role else { return false };
        let Some(number) = leading.syncs.first().map(|sync| sync.ping) else { return false };
        let own = self.peer.id;
        let learners: Vec<ServerId> = leading.learners.iter().map(|learner| learner.id).collect();
        self.excuse(Difference::SyncUnconfirmed);
        for id in learners.into_iter().filter(|id| *id != own) {
            self.step(Input::Receive(id, Message::Ping(number)));
        }
        true
    }

    fn defer_sync(&mut self, script: &Script, link: usize) {
        let receipt = &script.links[link][self.read[link]];
        self.read[link] += 1;
        let of_now = self.said.get(&receipt.from).is_some_and(|(open, _)| Some(*open) == receipt.connection);
        if let (true, Some(sync)) = (of_now, &receipt.message) {
            self.deferred.push_back((receipt.from, sync.clone()));
            self.excuse(Difference::SyncOvertaken);
        }
    }

    // ---- What to try ----------------------------------------------------------------------------------------------

    /// Takes receipts that change nothing but their place in the queue, so that the search need not think of them.
    /// Whether what comes is possible.
    pub fn settle(&mut self, script: &Script, sent: &Sent) -> bool {
        let will_look = matches!(&sent.message, Message::Notification(n) if n.state == ServerState::Looking);
        for link in 0..script.links.len() {
            while let Some(receipt) = script.links[link].get(self.read[link]).filter(|receipt| receipt.at < sent.at) {
                let harmless = match &receipt.message {
                    Some(Message::Notification(_)) => !matches!(self.peer.role, Role::Looking(_)) && !will_look,
                    Some(message) => answers_up_to_date(message) && self.has_told_up_to_date(receipt),
                    None => false,
                };
                if !harmless {
                    break;
                }
                if !self.receive(script, link) {
                    return false;
                }
            }
        }
        true
    }

    /// Whether this comes from a learner that was told UPTODATE, in the specification at least.
    fn has_told_up_to_date(&self, receipt: &Receipt) -> bool {
        self.learner(receipt.from).is_some_and(|learner| learner.phase == HandlerPhase::UpToDate)
            && self.said.get(&receipt.from).map(|(open, _)| *open) == receipt.connection
    }

    /// The steps that may lead to what was seen, the likeliest first.
    #[must_use]
    pub fn hidden(&self, script: &Script, sent: &Sent) -> Vec<Hidden> {
        let mut steps: Vec<Hidden> = self.direct(sent).into_iter().collect();
        let wanted =
            |waiting: &Waiting| matches!(waiting, Waiting::Send(to, m) if (*to, m) == (sent.to, &sent.message));
        if let Some(place) = self.waiting.iter().position(wanted) {
            steps.push(Hidden::Flush(place + 1));
        }
        let next = |link: &usize| script.links[*link].get(self.read[*link]).filter(|receipt| receipt.at < sent.at);
        let mut links: Vec<(usize, usize)> =
            (0..script.links.len()).filter_map(|link| next(&link).map(|receipt| (receipt.at, link))).collect();
        links.sort_unstable();
        steps.extend(links.iter().map(|(_, link)| Hidden::Receive(*link)));
        let own = |waiting: &Waiting| matches!(waiting, Waiting::Send(to, _) if *to == self.peer.id);
        if let Some(place) = self.waiting.iter().position(own) {
            steps.push(Hidden::Flush(place + 1));
        }
        match &self.peer.role {
            Role::Looking(looking) if looking.settling => steps.push(Hidden::Step(Input::Timeout(Timer::Settle))),
            Role::Looking(_) => {}
            // A sync may be answered between two messages to others, and be seen behind them.
            Role::Leading(leading) if !leading.syncs.is_empty() => steps.push(Hidden::ConfirmSync),
            _ => {}
        }
        let is_sync = |link: &usize| {
            next(link).is_some_and(|receipt| matches!(receipt.message, Some(Message::Request(Request::Sync(_)))))
        };
        if self.leads() {
            steps.extend(links.iter().map(|(_, link)| *link).filter(is_sync).map(Hidden::DeferSync));
            steps.extend((!self.deferred.is_empty()).then_some(Hidden::TakeSync));
        }
        match &self.peer.role {
            Role::Looking(_) => {}
            _ if self.may_have_given_up(sent) => steps.push(Hidden::GiveUp),
            _ => {}
        }
        let may_be_lost = |link: &usize| match next(link).map(|receipt| receipt.connection) {
            Some(None) => true,
            Some(Some(connection)) => !self.leads() && connection.leader == self.peer.id,
            None => false,
        };
        steps.extend(links.iter().map(|(_, link)| *link).filter(may_be_lost).map(Hidden::Lose));
        if self.may_mistake(script, sent) {
            steps.push(Hidden::MistakeAck(sent.to));
        }
        steps.extend(self.may_forget(sent).map(Hidden::Forget));
        if !self.repeats && self.may_have_said_before(sent) {
            steps.push(Hidden::Repeat);
        }
        steps
    }

    /// Whether UPTODATE was seen when the learner had acknowledged a transaction, and not NEWLEADER.
    fn may_mistake(&self, script: &Script, sent: &Sent) -> bool {
        let synchronizes = |learner: &Learner| learner.phase == HandlerPhase::Synchronizing;
        if sent.message != Message::UpToDate || !self.learner(sent.to).is_some_and(synchronizes) {
            return false;
        }
        let before = |receipt: &&Receipt| receipt.connection == sent.connection && receipt.at < sent.at;
        let acks = script.links.iter().flatten().filter(before).filter_map(|receipt| match receipt.message {
            Some(Message::Ack(zxid)) => Some(zxid.counter()),
            _ => None,
        });
        let acks: Vec<u32> = acks.collect();
        !acks.is_empty() && !acks.contains(&0)
    }

    /// Whether this is an older notification, of when it still looked for a leader.
    fn may_have_said_before(&self, sent: &Sent) -> bool {
        let Message::Notification(notification) = &sent.message else { return false };
        let said = self.voted.get(&sent.to).is_some_and(|voted| voted.contains(notification));
        said && notification.state == ServerState::Looking && !matches!(self.peer.role, Role::Looking(_))
    }

    /// What was forgotten, if this vote names an earlier transaction than the last that the learner was brought up to
    /// date with.
    fn may_forget(&self, sent: &Sent) -> Option<Zxid> {
        let Role::Following(following) = &self.peer.role else { return None };
        let Message::Notification(notification) = &sent.message else { return None };
        let learns = [LearnerPhase::Synchronization, LearnerPhase::NewLeaderAcknowledged].contains(&following.phase);
        let vote = notification.vote.filter(|vote| learns && vote.leader == self.peer.id)?;
        let lost = self.before <= vote.zxid && vote.zxid < self.peer.last_zxid();
        let stands = self.peer.memory.history.can_end_at(vote.zxid) && self.peer.delivered <= vote.zxid;
        (notification.state == ServerState::Looking && lost && stands).then_some(vote.zxid)
    }

    fn may_have_given_up(&self, sent: &Sent) -> bool {
        match (&sent.message, sent.connection) {
            (Message::Notification(notification), _) => notification.state == ServerState::Looking,
            (_, Some(connection)) => self.said.get(&sent.to).is_none_or(|(open, _)| *open != connection),
            _ => false,
        }
    }

    /// What makes a server say this of its own accord.
    fn direct(&self, sent: &Sent) -> Option<Hidden> {
        let connection = sent.connection?;
        let follows = match &self.peer.role {
            Role::Following(following) if following.leader == sent.to => Some(following.phase),
            _ => None,
        };
        let reigns = matches!(&self.peer.role, Role::Leading(leading) if leading.phase == LeaderPhase::Broadcast);
        match &sent.message {
            Message::FollowerInfo(_) | Message::ObserverInfo(_) => {
                (follows == Some(LearnerPhase::Connecting)).then_some(Hidden::Open(connection))
            }
            Message::Proposal(Txn { zxid, payload }) => {
                (reigns && self.peer.next_zxid() == Some(*zxid)).then(|| Hidden::Step(Input::Propose(payload.clone())))
            }
            Message::Request(request) => {
                (follows == Some(LearnerPhase::Broadcast)).then(|| Hidden::Step(Input::Request(request.clone())))
            }
            Message::Revalidate(payload) if reigns => Some(Hidden::Step(Input::Revalidated(sent.to, payload.clone()))),
            Message::Revalidate(payload) => {
                (follows == Some(LearnerPhase::Broadcast)).then(|| Hidden::Step(Input::Revalidate(payload.clone())))
            }
            Message::Sync => {
                let Role::Leading(leading) = &self.peer.role else { return None };
                let waits = (!self.deferred.is_empty()).then_some(Hidden::TakeSync);
                if leading.syncs.is_empty() { waits } else { Some(Hidden::ConfirmSync) }
            }
            _ => None,
        }
    }
}

/// What a learner says only when it has UPTODATE. Nothing of it changes what a leader says until it is asked for.
fn answers_up_to_date(message: &Message) -> bool {
    match message {
        Message::Ping(_) | Message::Request(Request::Write(_)) | Message::Revalidate(_) => true,
        Message::Ack(zxid) => zxid.counter() == 0,
        _ => false,
    }
}

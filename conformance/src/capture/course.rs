//! One possible course of one run of a server: a [`Peer`], what its disk has not done, and what it has said.

use super::difference::Difference;
use super::record::Connection;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use zab::peer::{HandlerPhase, LeaderPhase, Learner, LearnerPhase};
use zab::{
    Disk, Ensemble, History, Input, Message, Notification, Output, Peer, Request, Role, ServerId, ServerState, Timer,
    Txn, Write, Zxid,
};

/// A message that a server was seen to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its place in the recording.
    pub at: usize,
    /// To whom.
    pub to: ServerId,
    /// Where; `None` on the election port.
    pub connection: Option<Connection>,
    /// What.
    pub message: Message,
}

/// Something that comes to a server, on one of its links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its place in the recording: it did not come before.
    pub at: usize,
    /// From whom.
    pub from: ServerId,
    /// Where; `None` on the election port.
    pub connection: Option<Connection>,
    /// What; `None` for the connection's end.
    pub message: Option<Message>,
}

/// What happened around a server between its start and its end.
#[derive(Clone, Debug)]
pub struct Script {
    /// Whose.
    pub id: ServerId,
    /// What it was seen to send, in the order in which it was seen.
    pub sent: Vec<Sent>,
    /// What came, a link each: from a server on the election port, on connections to it, and on those from it. Each is
    /// first in, first out.
    pub links: Vec<Vec<Receipt>>,
}

/// A step that nobody outside sees.
#[derive(Clone, Debug)]
pub enum Hidden {
    /// The next of a link arrives.
    Receive(usize),
    /// The next of a link is lost: a notification that Java clears away, or what a server that does not lead hears.
    Lose(usize),
    /// The disk does so many of the things that wait for it.
    Flush(usize),
    /// Something else comes in.
    Step(Input),
    /// The connection on which the server will speak next is open.
    Open(Connection),
    /// A leader gives up on its own.
    GiveUp,
    /// A sync is answered as Java does.
    ConfirmSync,
}

#[derive(Clone, Debug, Hash)]
enum Waiting {
    Write(Write),
    Send(ServerId, Message),
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Course {
    peer: Peer,
    durable: Disk,
    waiting: VecDeque<Waiting>,
    /// How far each link was read.
    read: Vec<usize>,
    /// Said on the connection with this server, and not seen yet.
    said: BTreeMap<ServerId, (Connection, VecDeque<Message>)>,
    /// Notifications for this server from the one on that was seen last.
    voted: BTreeMap<ServerId, VecDeque<Notification>>,
    /// Proposed between DIFF and NEWLEADER, and not acknowledged.
    initial: BTreeSet<Zxid>,
    /// How often each difference was needed.
    pub differences: BTreeMap<Difference, usize>,
}

impl Course {
    /// A server that starts on this disk.
    #[must_use]
    pub fn begin(script: &Script, ensemble: Arc<Ensemble>, disk: &Disk) -> Course {
        let mut out = Vec::new();
        let peer = Peer::recover(script.id, ensemble, disk, &mut out);
        let (waiting, said, voted, initial, differences) = Default::default();
        let read = vec![0; script.links.len()];
        let mut course = Course { peer, durable: disk.clone(), waiting, read, said, voted, initial, differences };
        course.take(out);
        course
    }

    /// The server.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// A number that differs for courses that go on differently.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.peer, &self.waiting, &self.read, &self.initial).hash(&mut hasher);
        for (id, (connection, messages)) in &self.said {
            (id, connection, messages).hash(&mut hasher);
        }
        self.voted.hash(&mut hasher);
        hasher.finish()
    }

    /// What the disk may hold if the server is killed now: everything first, then less and less.
    #[must_use]
    pub fn disks(&self) -> Vec<Disk> {
        let mut disks = vec![self.durable.clone()];
        for waiting in &self.waiting {
            if let Waiting::Write(write) = waiting {
                let mut disk = disks[disks.len() - 1].clone();
                disk.apply(write);
                disks.push(disk);
            }
        }
        disks.reverse();
        disks
    }

    // ---- What comes out -------------------------------------------------------------------------------------------

    fn step(&mut self, input: Input) {
        let mut out = Vec::new();
        self.peer.step(input, &mut out);
        self.take(out);
    }

    fn take(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Write(write) => self.waiting.push_back(Waiting::Write(write)),
                Output::Send(to, message) => self.say(to, message),
                Output::SendWhenDurable(to, message) => self.waiting.push_back(Waiting::Send(to, message)),
                Output::Disconnect(id) => self.forget(id),
                // The log behind a snapshot is not known here: the leader sends its own.
                Output::Recall(to, _) => self.step(Input::Recalled(to, History::default())),
                _ => {}
            }
        }
    }

    fn say(&mut self, to: ServerId, message: Message) {
        match message {
            Message::Notification(notification) => self.voted.entry(to).or_default().push_back(notification),
            Message::Ping(_) if self.leads() => {}
            message => {
                if let Some((_, said)) = self.said.get_mut(&to) {
                    said.push_back(message);
                }
            }
        }
    }

    fn forget(&mut self, id: ServerId) {
        self.said.remove(&id);
        self.waiting.retain(|waiting| !matches!(waiting, Waiting::Send(to, _) if *to == id));
    }

    fn leads(&self) -> bool {
        matches!(self.peer.role, Role::Leading(_))
    }

    fn learner(&self, id: ServerId) -> Option<&Learner> {
        match &self.peer.role {
            Role::Leading(leading) => leading.learners.iter().find(|learner| learner.id == id),
            _ => None,
        }
    }

    // ---- What was seen --------------------------------------------------------------------------------------------

    /// Whether the server has said this, and nothing else before it that was not seen.
    pub fn meets(&mut self, sent: &Sent) -> bool {
        let Some(connection) = sent.connection else {
            return self.meets_notification(sent);
        };
        // Whoever pings on a connection to its own port leads.
        if let (Message::Ping(_), true) = (&sent.message, connection.leader == self.peer.id) {
            return self.excuse(Difference::Ping);
        }
        let Some((open, said)) = self.said.get_mut(&sent.to).filter(|(open, _)| *open == connection) else {
            return false;
        };
        if said.front() == Some(&sent.message) {
            said.pop_front();
            return true;
        }
        let learns = open.learner == self.peer.id;
        match (&sent.message, said.front()) {
            (Message::Ack(zxid), _) if learns && self.initial.remove(zxid) => self.excuse(Difference::AckOfHistory),
            (Message::Proposal(seen), Some(Message::Proposal(txn))) if is_without_digest(seen, txn) => {
                said.pop_front();
                self.excuse(Difference::WithoutDigest)
            }
            (Message::Snap(zxid), Some(Message::Diff(_) | Message::Trunc(_) | Message::Snap(_))) => {
                let zxid = *zxid;
                said.pop_front();
                while said.front().is_some_and(|message| is_in_snapshot(message, zxid)) {
                    said.pop_front();
                }
                self.excuse(Difference::SnapForDiff)
            }
            (Message::Proposal(_), Some(Message::NewLeader(_))) if said.get(1) == Some(&sent.message) => {
                said.remove(1);
                self.excuse(Difference::OpenBeforeNewLeader)
            }
            (_, Some(Message::UpToDate)) if said.get(1) == Some(&sent.message) => {
                said.remove(1);
                self.excuse(Difference::UpToDateOvertaken)
            }
            _ => false,
        }
    }

    fn meets_notification(&mut self, sent: &Sent) -> bool {
        let Message::Notification(seen) = &sent.message else { return false };
        let voted = self.voted.entry(sent.to).or_default();
        let Some(place) = voted.iter().position(|notification| notification == seen) else { return false };
        // It stays the first: it may be sent again.
        voted.drain(..place);
        true
    }

    fn excuse(&mut self, difference: Difference) -> bool {
        *self.differences.entry(difference).or_default() += 1;
        true
    }

    /// What was said to this server on this connection and not seen yet, or to all voters: for people.
    #[must_use]
    pub fn expected(&self, sent: &Sent) -> Vec<String> {
        match sent.connection {
            None => self.voted.get(&sent.to).into_iter().flatten().map(ToString::to_string).collect(),
            Some(connection) => {
                let open = self.said.get(&sent.to).filter(|(open, _)| *open == connection);
                open.into_iter().flat_map(|(_, said)| said).map(ToString::to_string).collect()
            }
        }
    }

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
            Hidden::ConfirmSync => return self.confirm_sync(),
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
            (Message::Diff(_) | Message::Trunc(_) | Message::Snap(_), _) => self.initial.clear(),
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
            _ if self.may_have_given_up(sent) => steps.push(Hidden::GiveUp),
            _ => {}
        }
        let may_be_lost = |link: &usize| match next(link).map(|receipt| receipt.connection) {
            Some(None) => true,
            Some(Some(connection)) => !self.leads() && connection.leader == self.peer.id,
            None => false,
        };
        steps.extend(links.iter().map(|(_, link)| *link).filter(may_be_lost).map(Hidden::Lose));
        steps
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
                (!leading.syncs.is_empty()).then_some(Hidden::ConfirmSync)
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

fn is_without_digest(seen: &Txn, txn: &Txn) -> bool {
    seen.zxid == txn.zxid && !seen.payload.0.is_empty() && txn.payload.0.starts_with(&seen.payload.0)
}

fn is_in_snapshot(message: &Message, snapshot: Zxid) -> bool {
    match message {
        Message::Proposal(txn) => txn.zxid <= snapshot,
        Message::Commit(zxid) => *zxid <= snapshot,
        _ => false,
    }
}

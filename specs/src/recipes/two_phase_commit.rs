#![doc = include_str!("two_phase_commit.md")]

use std::collections::BTreeSet;

/// Which of the two protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// Two-phase commit: everybody must agree, anybody may refuse, and only the coordinator knows.
    Classic,
    /// Zab's: nobody may refuse, a majority is enough, and a majority knows.
    Zab,
}

/// What is in a process's log, in this order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Record {
    /// It follows no epoch before this one (Zab's form).
    Promised(u8),
    /// It can do both: redo the transaction, and undo it. Of `has`: whether the epoch's history has the transaction.
    Accepted {
        /// Whose proposal.
        epoch: u8,
        /// Whether it is to be done; only a later epoch of Zab's form proposes that it is not.
        has: bool,
    },
    /// What came of it: done or not. Zab's form does not log this: what a majority has accepted is the decision.
    Decided(bool),
}

/// What processes say to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// Phase 1: can you? With the same meaning as [`Record::Accepted`].
    Propose(u8, bool),
    /// The answer.
    Vote(u8, bool),
    /// Phase 2: what came of it.
    Decide(bool),
    /// Has anyone heard what came of it? In Zab's form also: what have I missed?
    Ask,
    /// Zab's form: follow nobody older.
    NewEpoch(u8),
    /// Zab's form: I do not, and this is what I accepted last.
    Promise(u8, Option<(u8, bool)>),
}

/// What a process does, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Appends to its log.
    Write(Record),
    /// Sends now.
    Send(u8, Message),
    /// Sends when all writes before it are durable.
    SendWhenDurable(u8, Message),
}

/// One of the processes 0, 1, … that each hold a part of the data. Process 0 coordinates at first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    /// Its number.
    pub id: u8,
    /// How many there are.
    pub count: u8,
    /// Which protocol.
    pub form: Form,
    /// Whether it can do its part. Zab's form does not ask.
    pub willing: bool,
    /// The epoch that it follows.
    pub promised: u8,
    /// What it accepted last.
    pub accepted: Option<(u8, bool)>,
    /// What came of it, once it knows.
    pub decided: Option<bool>,
    /// Its data: whether the transaction's change is in them.
    pub page: bool,
    /// What it coordinates.
    pub leads: Option<Lead>,
}

/// What a coordinator has heard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lead {
    /// Its epoch.
    pub epoch: u8,
    /// What it proposes; `None` while it collects promises.
    pub has: Option<bool>,
    /// What those who promised had accepted last; the best of it.
    pub best: Option<(u8, bool)>,
    /// Who has answered what it asked last.
    pub answers: BTreeSet<u8>,
}

impl Process {
    /// A process that has never run: number `id` of `count`.
    #[must_use]
    pub fn new(id: u8, count: u8, form: Form, willing: bool) -> Process {
        Process { id, count, form, willing, promised: 1, accepted: None, decided: None, page: false, leads: None }
    }

    /// The same process after a crash, with what its log and its page hold on the disk.
    #[must_use]
    pub fn recover(mut self, log: &[Record], page: bool, effects: &mut Vec<Effect>) -> Process {
        for record in log {
            match *record {
                Record::Promised(epoch) => self.promised = epoch,
                Record::Accepted { epoch, has } => (self.promised, self.accepted) = (epoch, Some((epoch, has))),
                Record::Decided(done) => self.decided = Some(done),
            }
        }
        // Rule RedoAndUndo: where the log says anything, it says what the page must be.
        self.page = match (self.decided, self.accepted) {
            (Some(true), None) | (None, None) => page,
            (Some(done), _) => done,
            (None, Some((_, has))) => has,
        };
        self.resume(effects);
        self
    }

    fn resume(&mut self, effects: &mut Vec<Effect>) {
        match (self.form, self.decided, self.accepted) {
            // Rule CatchUp.
            (Form::Zab, ..) => self.ask(effects),
            (Form::Classic, Some(done), _) if self.id == 0 => self.tell_all(done, effects),
            // Rule PresumeAbort.
            (Form::Classic, None, Some(_)) if self.id == 0 => self.decide(false, effects),
            (Form::Classic, None, Some((epoch, _))) => {
                self.ask(effects);
                effects.push(Effect::Send(0, Message::Vote(epoch, true)));
            }
            (Form::Classic, ..) => {}
        }
    }

    /// Asks all others what came of it.
    pub fn ask(&self, effects: &mut Vec<Effect>) {
        effects.extend(self.others().map(|other| Effect::Send(other, Message::Ask)));
    }

    /// Process 0 begins the transaction.
    pub fn begin(&mut self, effects: &mut Vec<Effect>) {
        self.propose(1, true, effects);
    }

    /// The classic coordinator waits no longer for votes.
    pub fn give_up(&mut self, effects: &mut Vec<Effect>) {
        if self.leads.is_some() && self.decided.is_none() {
            self.decide(false, effects);
        }
    }

    /// Zab's form: this process begins an epoch. It must be higher than any before, which an election sees to.
    pub fn take_over(&mut self, epoch: u8, effects: &mut Vec<Effect>) {
        self.leads = Some(Lead { epoch, has: None, best: None, answers: BTreeSet::new() });
        effects.extend((0..self.count).map(|other| Effect::Send(other, Message::NewEpoch(epoch))));
    }

    /// Zab's form: a coordinator that has lost its majority is none.
    pub fn lose_majority(&mut self) {
        self.leads = None;
    }

    /// Takes a message in.
    pub fn receive(&mut self, from: u8, message: Message, effects: &mut Vec<Effect>) {
        match (message, self.decided) {
            (Message::Ask | Message::Propose(..) | Message::NewEpoch(_), Some(done)) => self.tell(from, done, effects),
            // Who votes so late had forgotten the answer in a crash.
            (Message::Vote(..), Some(done)) if self.form == Form::Classic => self.tell(from, done, effects),
            (Message::Ask, None) => self.bring_up_to_date(from, effects),
            (Message::Propose(epoch, has), None) if epoch >= self.promised => self.accept(from, epoch, has, effects),
            (Message::NewEpoch(epoch), None) if epoch > self.promised => {
                // Rule PromiseExcludes.
                self.promised = epoch;
                effects.push(Effect::Write(Record::Promised(epoch)));
                effects.push(Effect::SendWhenDurable(from, Message::Promise(epoch, self.accepted)));
            }
            (Message::Vote(epoch, yes), None) => self.on_vote(from, epoch, yes, effects),
            (Message::Promise(epoch, accepted), None) => self.on_promise(from, epoch, accepted, effects),
            // Who coordinates meanwhile tells those who wait for it.
            (Message::Decide(done), None) if self.leads.is_some() => self.decide(done, effects),
            (Message::Decide(done), None) => self.conclude(done, effects),
            _ => {}
        }
    }

    /// Phase 1, at each process.
    fn accept(&mut self, from: u8, epoch: u8, has: bool, effects: &mut Vec<Effect>) {
        if self.form == Form::Classic && !self.willing {
            self.conclude(false, effects);
            effects.push(Effect::SendWhenDurable(from, Message::Vote(epoch, false)));
            return;
        }
        // Rule PrepareBeforeYes: done in memory, and undo and redo in the log, before the vote leaves.
        if self.accepted != Some((epoch, has)) {
            (self.promised, self.accepted, self.page) = (epoch, Some((epoch, has)), has);
            effects.push(Effect::Write(Record::Accepted { epoch, has }));
        }
        effects.push(Effect::SendWhenDurable(from, Message::Vote(epoch, true)));
    }

    /// Rule PresumeAbort: whether it is the classic coordinator, and knows nothing of what it is asked about.
    fn has_forgotten(&self) -> bool {
        self.form == Form::Classic && self.id == 0 && self.leads.is_none()
    }

    /// An answer for who asks, from one who does not know what came of it.
    fn bring_up_to_date(&mut self, other: u8, effects: &mut Vec<Effect>) {
        if self.has_forgotten() {
            self.decide(false, effects);
        }
        // Rule CatchUp: who starts again may have lost what the leader asked of it.
        if let (Form::Zab, Some(Lead { epoch, has, .. })) = (self.form, &self.leads) {
            let message = has.map_or(Message::NewEpoch(*epoch), |has| Message::Propose(*epoch, has));
            effects.push(Effect::Send(other, message));
        }
    }

    fn on_vote(&mut self, from: u8, epoch: u8, yes: bool, effects: &mut Vec<Effect>) {
        let enough = self.enough();
        if self.has_forgotten() {
            return self.decide(false, effects);
        }
        let Some(Lead { has: Some(has), answers, .. }) = self.leads.as_mut().filter(|lead| lead.epoch == epoch) else {
            return;
        };
        let has = *has;
        if !yes {
            return self.decide(false, effects);
        }
        answers.insert(from);
        // Rules UnanimityDecides, MajorityDecides.
        if answers.len() >= enough {
            self.decide(has, effects);
        }
    }

    fn on_promise(&mut self, from: u8, epoch: u8, accepted: Option<(u8, bool)>, effects: &mut Vec<Effect>) {
        let enough = self.enough();
        let Some(lead) = self.leads.as_mut().filter(|lead| lead.epoch == epoch && lead.has.is_none()) else { return };
        lead.answers.insert(from);
        lead.best = lead.best.max(accepted);
        if lead.answers.len() >= enough {
            // Rule LatestIsTakenOver.
            let has = lead.best.is_some_and(|(_, has)| has);
            self.propose(epoch, has, effects);
        }
    }

    fn propose(&mut self, epoch: u8, has: bool, effects: &mut Vec<Effect>) {
        self.leads = Some(Lead { epoch, has: Some(has), best: None, answers: BTreeSet::new() });
        effects.extend((0..self.count).map(|other| Effect::Send(other, Message::Propose(epoch, has))));
    }

    /// Phase 2, at the coordinator.
    fn decide(&mut self, done: bool, effects: &mut Vec<Effect>) {
        if self.decided.is_none() {
            self.conclude(done, effects);
        }
        self.tell_all(done, effects);
    }

    /// Phase 2, at each process.
    fn conclude(&mut self, done: bool, effects: &mut Vec<Effect>) {
        self.decided = Some(done);
        match self.form {
            // Without a record there is nothing to do it with.
            Form::Classic => self.page = done && self.accepted.is_some(),
            // The message brings the transaction along (ZooKeeper's INFORM, or its synchronization).
            Form::Zab => self.page = done,
        }
        if self.form == Form::Classic {
            effects.push(Effect::Write(Record::Decided(done)));
        }
    }

    fn tell(&self, other: u8, done: bool, effects: &mut Vec<Effect>) {
        let message = Message::Decide(done);
        effects.push(match self.form {
            // Rule DecisionIsLoggedFirst.
            Form::Classic => Effect::SendWhenDurable(other, message),
            // A majority has logged it already.
            Form::Zab => Effect::Send(other, message),
        });
    }

    fn tell_all(&self, done: bool, effects: &mut Vec<Effect>) {
        self.others().for_each(|other| self.tell(other, done, effects));
    }

    fn others(&self) -> impl Iterator<Item = u8> + use<> {
        let id = self.id;
        (0..self.count).filter(move |other| *other != id)
    }

    /// How many must agree.
    fn enough(&self) -> usize {
        usize::from(match self.form {
            Form::Classic => self.count,
            Form::Zab => self.count / 2 + 1,
        })
    }

    /// Whether it has done its part, holds what that needs, and may neither keep nor undo it.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.accepted.is_some() && self.decided.is_none()
    }
}

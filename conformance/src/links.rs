//! Which sending each receipt comes from.
//!
//! A quorum connection has two ends. At the learner it begins with `Connected`, at the leader with FOLLOWERINFO or
//! OBSERVERINFO. What one end received must be a beginning of what the other sent. What was sent at once keeps its
//! order, and so does what waited for the disk; what waited may be overtaken, but overtakes nothing, and counts as sent
//! when the writes before it were durable. Notifications may be lost and repeated: each must have been sent once.
//!
//! A run whose last line is not that it stopped was cut: its server was killed, and may have done more than its trace
//! says. So receipts behind everything that such a run sent are allowed, and counted; what happened before their
//! sending is not known. What its next run finds on the disk was received all the same: that run begins after its
//! sending.

use crate::recording::{Entry, Recording};
use std::collections::{BTreeMap, HashMap, VecDeque};
use zab::trace::Event;
use zab::{Disk, Input, Message, Notification, Output, ServerId};

/// What must have happened before a line, beside the lines before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing.
    None,
    /// This line of that server.
    Line(ServerId, usize),
    /// A line that was lost when its server was killed.
    Lost,
}

/// For every server, for every line.
#[derive(Clone, Debug, Default)]
pub struct Causes {
    /// What must have happened before.
    pub before: BTreeMap<ServerId, Vec<Cause>>,
    /// Receipts whose sending was lost.
    pub lost: usize,
}

/// A receipt that nobody sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSent {
    /// Who received it.
    pub server: ServerId,
    /// In which of its lines, from 0.
    pub line: usize,
    /// What the other end would have sent next.
    pub next: Option<Message>,
}

/// So many notifications may be missing in the trace of a run that was cut.
const CUT: usize = 256;

struct Sent<'a> {
    message: &'a Message,
    line: usize,
    waits: bool,
    /// The line from which on it may have been on its way.
    released: Option<usize>,
}

#[derive(Default)]
struct End<'a> {
    sent: Vec<Sent<'a>>,
    received: Vec<(usize, &'a Message)>,
    /// It was open when the run ended.
    cut: bool,
    /// The line with which the next run begins, and what it found.
    next: Option<(usize, &'a Disk)>,
}

impl End<'_> {
    /// The line that sent the last of what is on the disk of the next run, if it came this way, and may have been lost.
    fn kept(&self, sent: &[Sent<'_>]) -> Option<(usize, usize)> {
        let (next, disk) = self.next?;
        let on_disk = |message: &Message| match message {
            Message::Proposal(txn) | Message::Inform(txn) => {
                let log = disk.history.log();
                log.binary_search_by_key(&txn.zxid, |txn| txn.zxid).is_ok_and(|place| log[place] == *txn)
            }
            Message::LeaderInfo(epoch) => *epoch == disk.accepted_epoch,
            Message::NewLeader(epoch) => *epoch == disk.current_epoch,
            _ => false,
        };
        let last = sent.iter().rfind(|sent| on_disk(sent.message))?;
        Some((next, last.line))
    }
}

/// What one server's lines say of its links.
#[derive(Default)]
struct Links<'a> {
    /// With whom, and whether this server is the learner.
    ends: BTreeMap<(ServerId, bool), Vec<End<'a>>>,
    open: BTreeMap<ServerId, (ServerId, bool)>,
    /// Writes of this run that were emitted, and that are durable.
    written: usize,
    durable: usize,
    /// What waits for the disk: after how many writes, and where it stands.
    waiting: VecDeque<(usize, (ServerId, bool), usize, usize)>,
    told: HashMap<(ServerId, Notification), usize>,
    heard: Vec<(usize, ServerId, Notification)>,
    astray: Option<usize>,
    /// Runs that were cut.
    cut: usize,
}

impl<'a> Links<'a> {
    fn of(id: ServerId, entries: &'a [Entry]) -> Links<'a> {
        let mut links = Links::default();
        let mut runs = false;
        for (line, entry) in entries.iter().enumerate() {
            match &entry.event {
                Event::Recovered { disk, outputs } => {
                    if std::mem::replace(&mut runs, true) {
                        links.cut(disk.as_ref().map(|disk| (line, disk)));
                    }
                    links.outputs(id, line, outputs);
                }
                Event::Stepped { input, outputs } => {
                    links.input(id, line, input);
                    links.outputs(id, line, outputs);
                }
                Event::Flushed { .. } => {
                    links.durable += 1;
                    links.release(line);
                }
                Event::Crashed => {
                    runs = false;
                    links.stop();
                }
            }
        }
        if runs {
            links.cut(None);
        }
        links
    }

    /// A run has been cut: whatever it did last may be missing.
    fn cut(&mut self, next: Option<(usize, &'a Disk)>) {
        for key in self.open.values() {
            if let Some(end) = self.ends.get_mut(key).and_then(|ends| ends.last_mut()) {
                (end.cut, end.next) = (true, next);
            }
        }
        self.cut += 1;
        self.stop();
    }

    /// A run is over.
    fn stop(&mut self) {
        self.open.clear();
        (self.written, self.durable) = (0, 0);
        self.waiting.clear();
    }

    fn open(&mut self, with: ServerId, learns: bool) {
        self.open.insert(with, (with, learns));
        self.ends.entry((with, learns)).or_default().push(End::default());
    }

    fn end(&mut self, with: ServerId) -> Option<&mut End<'a>> {
        self.ends.get_mut(self.open.get(&with)?)?.last_mut()
    }

    fn input(&mut self, id: ServerId, line: usize, input: &'a Input) {
        match input {
            Input::Connected(leader) => self.open(*leader, true),
            Input::Disconnected(with) => drop(self.open.remove(with)),
            Input::Receive(from, Message::Notification(told)) if *from != id => self.heard.push((line, *from, *told)),
            Input::Receive(from, message) if *from != id => {
                if matches!(message, Message::FollowerInfo(_) | Message::ObserverInfo(_)) {
                    self.open(*from, false);
                }
                match self.end(*from) {
                    Some(end) => end.received.push((line, message)),
                    None => drop(self.astray.get_or_insert(line)),
                }
            }
            _ => {}
        }
    }

    fn outputs(&mut self, id: ServerId, line: usize, outputs: &'a [Output]) {
        for output in outputs {
            match output {
                Output::Write(_) => self.written += 1,
                Output::Send(to, message) => self.send(*to, line, message, false),
                Output::SendWhenDurable(to, message) if *to != id => self.send(*to, line, message, true),
                Output::Disconnect(with) if *with == id => self.open.clear(),
                Output::Disconnect(with) => drop(self.open.remove(with)),
                _ => {}
            }
        }
        self.release(line);
    }

    fn send(&mut self, to: ServerId, line: usize, message: &'a Message, waits: bool) {
        if let Message::Notification(told) = message {
            self.told.entry((to, *told)).or_insert(line);
            return;
        }
        let Some(key) = self.open.get(&to).copied() else { return };
        let written = self.written;
        let Some(ends) = self.ends.get_mut(&key) else { return };
        let place = ends.len() - 1;
        let sent = &mut ends[place].sent;
        sent.push(Sent { message, line, waits, released: (!waits).then_some(line) });
        if waits {
            self.waiting.push_back((written, key, place, ends[place].sent.len() - 1));
        }
    }

    fn release(&mut self, line: usize) {
        while let Some((after, key, end, place)) = self.waiting.front().copied() {
            if after > self.durable {
                return;
            }
            self.waiting.pop_front();
            if let Some(sent) = self.ends.get_mut(&key).and_then(|ends| ends.get_mut(end)?.sent.get_mut(place)) {
                sent.released = Some(line);
            }
        }
    }
}

/// Explains every receipt.
///
/// # Errors
/// With the first that nobody sent.
pub fn causes(recording: &Recording) -> Result<Causes, NotSent> {
    let links: BTreeMap<ServerId, Links<'_>> =
        recording.servers.iter().map(|(id, entries)| (*id, Links::of(*id, entries))).collect();
    let before = recording.servers.iter().map(|(id, entries)| (*id, vec![Cause::None; entries.len()])).collect();
    let mut causes = Causes { before, lost: 0 };
    for (id, own) in &links {
        if let Some(line) = own.astray {
            return Err(NotSent { server: *id, line, next: None });
        }
        notifications(*id, own, &links, &mut causes)?;
        for ((with, learns), ends) in &own.ends {
            let none = Vec::new();
            let of_other = links.get(with).and_then(|other| other.ends.get(&(*id, !*learns))).unwrap_or(&none);
            if !*learns {
                connections((*id, ends), (*with, of_other), &mut causes)?;
            }
        }
    }
    Ok(causes)
}

fn notifications(
    id: ServerId,
    own: &Links<'_>,
    links: &BTreeMap<ServerId, Links<'_>>,
    causes: &mut Causes,
) -> Result<(), NotSent> {
    let mut missing: BTreeMap<ServerId, usize> = BTreeMap::new();
    for (line, from, told) in &own.heard {
        // Who recorded nothing is not asked.
        let Some(other) = links.get(from) else { continue };
        let missing = missing.entry(*from).or_default();
        match other.told.get(&(id, *told)) {
            Some(sending) => causes.explain(id, *line, Cause::Line(*from, *sending)),
            None if *missing < CUT * other.cut => {
                *missing += 1;
                causes.explain(id, *line, Cause::Lost);
            }
            None => return Err(NotSent { server: id, line: *line, next: None }),
        }
    }
    Ok(())
}

/// Finds for each end at the leader the one at the learner, in order: the first that both directions fit.
fn connections(
    (leader, at_leader): (ServerId, &[End<'_>]),
    (learner, at_learner): (ServerId, &[End<'_>]),
    causes: &mut Causes,
) -> Result<(), NotSent> {
    let mut next = 0;
    for end in at_leader {
        let mut misfit = None;
        let found = (next..at_learner.len()).find_map(|place| {
            let other = &at_learner[place];
            let up = received(&end.received, other).map_err(|fault| (leader, fault));
            let down = received(&other.received, end).map_err(|fault| (learner, fault));
            match (up, down) {
                (Ok(up), Ok(down)) => return Some((place, up, down)),
                (Err(fault), _) | (_, Err(fault)) => drop(misfit.get_or_insert(fault)),
            }
            None
        });
        match (found, misfit) {
            (Some((place, up, down)), _) => {
                next = place + 1;
                for ((line, _), sending) in end.received.iter().zip(up) {
                    causes.explain(leader, *line, cause(learner, sending));
                }
                for ((line, _), sending) in at_learner[place].received.iter().zip(down) {
                    causes.explain(learner, *line, cause(leader, sending));
                }
                if let Some((line, sending)) = at_learner[place].kept(&end.sent) {
                    causes.explain(learner, line, Cause::Line(leader, sending));
                }
            }
            (None, Some((server, (line, next)))) => return Err(NotSent { server, line, next }),
            // The learner has recorded no connection any more: it was killed at once, or records nothing.
            (None, None) => end.received.iter().for_each(|(line, _)| causes.explain(leader, *line, Cause::Lost)),
        }
    }
    Ok(())
}

type Fault = (usize, Option<Message>);

/// The lines that sent these, if the other end sent them in this order.
fn received(received: &[(usize, &Message)], other: &End<'_>) -> Result<Vec<Option<usize>>, Fault> {
    let of = |waits: bool| (0..other.sent.len()).filter(move |place| other.sent[*place].waits == waits).peekable();
    let (mut at_once, mut waited) = (of(false), of(true));
    let mut lines = Vec::with_capacity(received.len());
    for (line, message) in received {
        let (first, second) = (at_once.peek().copied(), waited.peek().copied());
        let sent = |place: usize| &other.sent[place];
        if let Some(place) = first.filter(|place| sent(*place).message == *message) {
            at_once.next();
            lines.push(Some(sent(place).line));
            continue;
        }
        let in_order = |place: &usize| first.is_none_or(|first| first > *place);
        match second.filter(|place| in_order(place) && sent(*place).message == *message).map(sent) {
            Some(Sent { released: Some(released), .. }) => lines.push(Some(*released)),
            Some(Sent { line, .. }) if other.cut => lines.push(Some(*line)),
            None if first.is_none() && second.is_none() && other.cut => lines.push(None),
            _ => return Err((*line, first.or(second).map(|place| sent(place).message.clone()))),
        }
        waited.next();
    }
    Ok(lines)
}

fn cause(sender: ServerId, line: Option<usize>) -> Cause {
    line.map_or(Cause::Lost, |line| Cause::Line(sender, line))
}

impl Causes {
    fn explain(&mut self, server: ServerId, line: usize, cause: Cause) {
        self.lost += usize::from(cause == Cause::Lost);
        if let Some(known) = self.before.get_mut(&server).and_then(|lines| lines.get_mut(line)) {
            *known = cause;
        }
    }
}

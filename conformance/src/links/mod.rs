//! Which sending each receipt comes from.
//!
//! A quorum connection has two ends. At the learner it begins with `Connected`, at the leader with FOLLOWERINFO or
//! OBSERVERINFO. What one end received must be a beginning of what the other sent. What was sent at once keeps its
//! order, and so does what waited for the disk; what waited may be overtaken, but overtakes nothing, and counts as sent
//! when the writes before it were durable. Notifications may be lost and repeated: each must have been sent once.
//!
//! A run whose last line is not that it stopped was cut: its server was killed, and may have done more than its trace
//! says. So receipts behind everything that such a run sent are allowed, and counted. They stand behind the last line
//! of that run; what else happened before their sending is not known, and can lead to an order in which it did not
//! happen: of 800 simulated recordings whose servers lost up to eight lines each when they were killed, four are
//! refused. What comes from a server of which there is no trace at all is believed too.

mod pairing;

use crate::found;
use crate::merge::At;
use crate::recording::{Entry, Recording};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use zab::trace::Event;
use zab::{Epoch, Input, Message, Notification, Output, ServerId};

/// What must have happened before a line, beside the lines before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing.
    None,
    /// This line of that server.
    Line(ServerId, usize),
    /// A line that was lost when its server was killed.
    Lost,
    /// This line of that server, or one that said the same and was lost.
    Perhaps(ServerId, usize),
}

/// For every server, for every line.
#[derive(Clone, Debug, Default)]
pub struct Causes {
    /// What must have happened before.
    pub before: BTreeMap<ServerId, Vec<Cause>>,
    /// Lines that must have happened before too: before a run that finds something on its disk ([`crate::found`]), and
    /// before the receipt of what was sent behind the last line of a run that was cut.
    pub also: BTreeMap<At, Vec<At>>,
    /// Beginnings of runs after one that was cut.
    pub anew: BTreeSet<At>,
    /// Leaders that were killed, by their epochs, each with its last line ([`found::cut_leaders`]).
    pub cut_leaders: BTreeMap<Epoch, At>,
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
    opened: usize,
    sent: Vec<Sent<'a>>,
    received: Vec<(usize, &'a Message)>,
    /// The last line of the run, if this end was open when it was cut.
    cut: Option<usize>,
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
    /// The last lines of runs that were cut.
    cuts: Vec<usize>,
}

impl<'a> Links<'a> {
    fn of(id: ServerId, entries: &'a [Entry]) -> Links<'a> {
        let mut links = Links::default();
        let mut last = None;
        for (line, entry) in entries.iter().enumerate() {
            match &entry.event {
                Event::Recovered { outputs, .. } => {
                    last.into_iter().for_each(|last| links.cut(last));
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
                Event::Crashed => links.stop(),
            }
            last = (entry.event != Event::Crashed).then_some(line);
        }
        last.into_iter().for_each(|last| links.cut(last));
        links
    }

    /// A run has been cut: whatever it did last may be missing.
    fn cut(&mut self, last: usize) {
        for key in self.open.values() {
            self.ends.get_mut(key).and_then(|ends| ends.last_mut()).into_iter().for_each(|end| end.cut = Some(last));
        }
        self.cuts.push(last);
        self.stop();
    }

    /// A run is over.
    fn stop(&mut self) {
        self.open.clear();
        (self.written, self.durable) = (0, 0);
        self.waiting.clear();
    }

    fn open(&mut self, line: usize, with: ServerId, learns: bool) {
        self.open.insert(with, (with, learns));
        self.ends.entry((with, learns)).or_default().push(End { opened: line, ..End::default() });
    }

    fn end(&mut self, with: ServerId) -> Option<&mut End<'a>> {
        self.ends.get_mut(self.open.get(&with)?)?.last_mut()
    }

    fn input(&mut self, id: ServerId, line: usize, input: &'a Input) {
        match input {
            Input::Connected(leader) => self.open(line, *leader, true),
            Input::Disconnected(with) => drop(self.open.remove(with)),
            Input::Receive(from, Message::Notification(told)) if *from != id => self.heard.push((line, *from, *told)),
            Input::Receive(from, message) if *from != id => {
                if matches!(message, Message::FollowerInfo(_) | Message::ObserverInfo(_)) {
                    self.open(line, *from, false);
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
    let cut_leaders = found::cut_leaders(recording);
    let anew = links.iter().flat_map(|(id, links)| links.cuts.iter().map(|last| (*id, *last + 1))).collect();
    let mut causes = Causes { before, also: found::before(recording, &cut_leaders), anew, cut_leaders, lost: 0 };
    for (id, own) in &links {
        if let Some(line) = own.astray {
            return Err(NotSent { server: *id, line, next: None });
        }
        notifications(*id, own, &links, &mut causes)?;
        // Whatever a leader sends that recorded nothing.
        let silent = own.ends.iter().filter(|((with, learns), _)| *learns && !links.contains_key(with));
        for (line, _) in silent.flat_map(|(_, ends)| ends.iter().flat_map(|end| &end.received)) {
            causes.explain_lost((*id, *line), None);
        }
        let learners = own.ends.keys().map(|(with, _)| with).chain(links.keys()).collect::<BTreeSet<_>>();
        for learner in learners {
            pairing::connections((*id, own), (*learner, links.get(learner)), &mut causes)?;
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
            Some(sending) if other.cuts.first().is_some_and(|last| last < sending) => {
                causes.explain(id, *line, Cause::Perhaps(*from, *sending));
            }
            Some(sending) => causes.explain(id, *line, Cause::Line(*from, *sending)),
            None if *missing < CUT * other.cuts.len() => {
                *missing += 1;
                causes.explain(id, *line, Cause::Lost);
            }
            None => return Err(NotSent { server: id, line: *line, next: None }),
        }
    }
    Ok(())
}

impl Causes {
    /// All that came to one end of a connection, from these lines of the other.
    fn explain_all(&mut self, (id, end): (ServerId, &End<'_>), of: (ServerId, &End<'_>), lines: Vec<Option<usize>>) {
        for ((line, _), sending) in end.received.iter().zip(lines) {
            match sending {
                Some(sending) => self.explain(id, *line, Cause::Line(of.0, sending)),
                None => self.explain_lost((id, *line), of.1.cut.map(|last| (of.0, last))),
            }
        }
    }

    fn explain_lost(&mut self, at: At, after: Option<At>) {
        self.explain(at.0, at.1, Cause::Lost);
        self.also.entry(at).or_default().extend(after);
    }

    fn explain(&mut self, server: ServerId, line: usize, cause: Cause) {
        self.lost += usize::from(cause == Cause::Lost);
        if let Some(known) = self.before.get_mut(&server).and_then(|lines| lines.get_mut(line)) {
            *known = cause;
        }
    }
}

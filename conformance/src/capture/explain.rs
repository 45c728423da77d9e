//! The search for hidden steps with which the specification says what a server was seen to say.
//!
//! A depth-first search, led by the next message that was seen: a course that has it ready goes on; one that has not
//! tries what may bring it about. Courses that are equal are tried once. The servers are explained one by one, as a
//! server knows of the others only what it is told.

use super::course::{Course, Hidden, Receipt, Script, Sent};
use super::difference::Difference;
use super::record::{Connection, Event};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use zab::{Disk, Ensemble, Input, Message, Payload, ServerId, ServerState};

/// So many courses are tried for one run of a server.
const PATIENCE: usize = 150_000;
/// So many transactions a killed leader may have logged that nobody has seen.
const UNSEEN: usize = 8;

/// What came out for one server.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Whose.
    pub id: ServerId,
    /// How many messages it was seen to send.
    pub sent: usize,
    /// How many of them, from the first on, are explained.
    pub explained: usize,
    /// Courses tried.
    pub tried: usize,
    /// What was tolerated, and how often.
    pub differences: BTreeMap<Difference, usize>,
    /// Why the next one is not.
    pub unexplained: Option<Unexplained>,
}

/// The first message that the specification would not have sent, after the longest prefix that it would.
#[derive(Clone, Debug)]
pub struct Unexplained {
    /// Its place in the recording.
    pub at: usize,
    /// What was seen.
    pub seen: String,
    /// What the best course had ready to be sent there instead.
    pub expected: Vec<String>,
    /// Where that course stands.
    pub state: String,
    /// Whether the search ended for lack of patience, not of courses.
    pub gave_up: bool,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} of {} messages are explained ({} courses)", self.id, self.explained, self.sent, self.tried)?;
        if let Some(unexplained) = &self.unexplained {
            let Unexplained { at, seen, expected, state, gave_up } = unexplained;
            write!(f, "\n  the first that is not, event {at}: {seen}")?;
            write!(f, "\n  the specification has ready: {}", expected.join("; "))?;
            write!(f, "\n  it is {state}")?;
            if *gave_up {
                write!(f, "\n  the search was ended after {PATIENCE} courses")?;
            }
        }
        Ok(())
    }
}

/// Explains every server of a recording.
#[must_use]
pub fn explain(events: &[Event], ensemble: &Arc<Ensemble>) -> Vec<Explanation> {
    ensemble.servers().map(|id| explain_server(events, ensemble, id)).collect()
}

fn explain_server(events: &[Event], ensemble: &Arc<Ensemble>, id: ServerId) -> Explanation {
    let (unexplained, differences) = Default::default();
    let mut whole = Explanation { id, sent: 0, explained: 0, tried: 0, differences, unexplained };
    let mut disks = vec![Disk::default()];
    for script in scripts(events, id) {
        whole.sent += script.sent.len();
        if whole.unexplained.is_some() {
            continue;
        }
        let mut search = Search::new(&script);
        let course = search.run(ensemble, &disks);
        whole.tried += search.tried;
        whole.explained += search.best;
        if let Some(course) = course {
            for (difference, count) in &course.differences {
                *whole.differences.entry(*difference).or_default() += count;
            }
            disks = ends(&script, &course);
        } else {
            whole.unexplained = search.unexplained(events);
        }
    }
    whole
}

/// The runs of a server. What is unreadable appears as if it were never sent.
fn scripts(events: &[Event], id: ServerId) -> Vec<Script> {
    let mut scripts = Vec::new();
    let mut links: BTreeMap<(bool, bool, ServerId), Vec<Receipt>> = BTreeMap::new();
    let mut sent = Vec::new();
    let mut runs = false;
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::Started(started) if *started == id => runs = true,
            Event::Killed(killed) if *killed == id => {
                let links = std::mem::take(&mut links).into_values().collect();
                scripts.push(Script { id, sent: in_order(std::mem::take(&mut sent)), links });
                runs = false;
            }
            _ if !runs => {}
            Event::Passed { from, to, connection, message } if *from == id => {
                sent.push(Sent { at, to: *to, connection: *connection, message: message.clone() });
            }
            Event::Passed { from, to, connection, message } if *to == id => {
                let receipt = Receipt { at, from: *from, connection: *connection, message: Some(message.clone()) };
                links.entry(key(id, *from, *connection)).or_default().push(receipt);
            }
            Event::Closed(connection) if connection.learner == id || connection.leader == id => {
                let from = if connection.learner == id { connection.leader } else { connection.learner };
                let receipt = Receipt { at, from, connection: Some(*connection), message: None };
                links.entry(key(id, from, Some(*connection))).or_default().push(receipt);
            }
            _ => {}
        }
    }
    if runs {
        scripts.push(Script { id, sent: in_order(sent), links: links.into_values().collect() });
    }
    scripts
}

/// Proxies of different links may record two messages the wrong way round. A server that looks for a leader again has
/// closed its connections: what comes on an older one was said before.
fn in_order(sent: Vec<Sent>) -> Vec<Sent> {
    let mut ordered: Vec<Sent> = Vec::new();
    let (mut known, mut over) = (BTreeSet::new(), BTreeMap::new());
    let mut round = None;
    for message in sent {
        let place = match (&message.message, message.connection) {
            (Message::Notification(said), _) => {
                if said.state == ServerState::Looking && round.is_none_or(|round| said.round > round) {
                    round = Some(said.round);
                    for connection in &known {
                        over.entry(*connection).or_insert(ordered.len());
                    }
                }
                None
            }
            (_, Some(connection)) => {
                known.insert(connection);
                over.get(&connection).copied()
            }
            _ => None,
        };
        match place {
            Some(place) => {
                ordered.insert(place, message);
                over.values_mut().filter(|other| **other >= place).for_each(|other| *other += 1);
            }
            None => ordered.push(message),
        }
    }
    ordered
}

fn key(id: ServerId, from: ServerId, connection: Option<Connection>) -> (bool, bool, ServerId) {
    (connection.is_some(), connection.is_some_and(|connection| connection.learner == id), from)
}

/// What a killed server may find on its disk: it may also have done what it was never seen to answer.
fn ends(script: &Script, course: &Course) -> Vec<Disk> {
    let mut disks = Vec::new();
    let mut course = course.clone();
    for link in 0..script.links.len() {
        disks.push(course.disks());
        let quorum = |receipt: &Receipt| receipt.connection.is_some_and(|connection| connection.learner == script.id);
        if script.links[link].first().is_some_and(quorum) {
            while course.has_next(script, link) && course.apply(script, &Hidden::Receive(link)) {
                disks.push(course.disks());
            }
        }
    }
    // A leader may have logged what it was not seen to propose. Nobody knows what that says, and nobody will ask.
    for _ in 0..UNSEEN {
        course.apply(script, &Hidden::Step(Input::Propose(Payload::default())));
        disks.push(course.disks());
    }
    // The one that has done most is the likeliest.
    let mut distinct: Vec<Disk> = Vec::new();
    for disk in disks.into_iter().rev().flatten() {
        if !distinct.contains(&disk) {
            distinct.push(disk);
        }
    }
    distinct
}

struct Search<'a> {
    script: &'a Script,
    tried: usize,
    best: usize,
    farthest: Option<Course>,
}

impl Search<'_> {
    fn new(script: &Script) -> Search<'_> {
        Search { script, tried: 0, best: 0, farthest: None }
    }

    fn run(&mut self, ensemble: &Arc<Ensemble>, disks: &[Disk]) -> Option<Course> {
        let mut seen: HashSet<(usize, u64)> = HashSet::new();
        let begin = |disk| (0, Rc::new(Course::begin(self.script, ensemble.clone(), disk)), None);
        let mut open: Vec<(usize, Rc<Course>, Option<Hidden>)> = disks.iter().rev().map(begin).collect();
        while let Some((mut place, course, hidden)) = open.pop() {
            if self.tried >= PATIENCE {
                return None;
            }
            self.tried += 1;
            let mut course = Rc::unwrap_or_clone(course);
            if hidden.is_some_and(|hidden| !course.apply(self.script, &hidden)) {
                continue;
            }
            let mut possible = true;
            while let Some(sent) = self.script.sent.get(place) {
                possible = course.settle(self.script, sent);
                if !possible || !course.meets(sent) {
                    break;
                }
                place += 1;
            }
            if place > self.best || self.farthest.is_none() {
                (self.best, self.farthest) = (place, Some(course.clone()));
            }
            let Some(sent) = self.script.sent.get(place) else { return Some(course) };
            if !possible || !seen.insert((place, course.fingerprint())) {
                continue;
            }
            let steps = course.hidden(self.script, sent);
            let course = Rc::new(course);
            open.extend(steps.into_iter().rev().map(|step| (place, course.clone(), Some(step))));
        }
        None
    }

    fn unexplained(&self, events: &[Event]) -> Option<Unexplained> {
        let (sent, course) = (self.script.sent.get(self.best)?, self.farthest.as_ref()?);
        let peer = course.peer();
        let state = format!(
            "{:?} in round {} with epochs {} and {} and the last transaction {}, as {:?}",
            peer.state(),
            peer.round.0,
            peer.memory.accepted_epoch,
            peer.memory.current_epoch,
            peer.last_zxid(),
            peer.role
        );
        let (seen, expected) = (events[sent.at].to_string(), course.expected(sent));
        Some(Unexplained { at: sent.at, seen, expected, state, gave_up: self.tried >= PATIENCE })
    }
}

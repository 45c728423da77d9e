//! The judge: merges what the servers recorded, plays every line through the specification, and looks at properties.
//!
//! What grows with the run (deliveries, broadcasts) is looked at where it grows, once. The
//! predicates of [`zab::properties::safety`] themselves, which look at whole histories, are evaluated in every state
//! while histories are short ([`SHORT`]), and afterwards whenever a server recovers, is elected or changes its phase,
//! and at the end.

use crate::links::{self, Causes, NotSent};
use crate::recording::{Entry, Place, Recording};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use zab::peer::LeaderPhase;
use zab::properties::{Past, ServerView, View, safety};
use zab::trace::{Difference, Elections, Event, Replay};
use zab::{Disk, Ensemble, Input, Message, Output, Role, ServerId, Txn, Write, Zxid};

/// So many transactions are few: every predicate is evaluated in every state.
pub const SHORT: usize = 64;

/// So many of the last events are shown with a violation.
const SHOWN: usize = 24;

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Lines of all servers: each is an event, and leads to a merged state.
    pub events: usize,
    /// States in which every predicate was evaluated on whole histories.
    pub whole: usize,
    /// Transactions that were delivered.
    pub transactions: usize,
    /// Epochs that were established.
    pub epochs: usize,
    /// Whether histories could be looked at: not where servers begin on disks that hold something.
    pub histories: bool,
    /// Receipts whose sending is in no trace, because its server was killed.
    pub unexplained: usize,
}

/// Why a recording is not one of the specification.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Whose line it is.
    pub server: ServerId,
    /// Which line.
    pub place: Place,
    /// What is wrong.
    pub fault: Fault,
    /// The events before it, one a line, in the order of the merge.
    pub story: Vec<String>,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The specification would have done something else.
    Difference(Box<Difference>),
    /// A property is violated.
    Property(&'static str),
    /// Nobody sent what was received.
    NotSent(Box<NotSent>),
    /// What was received had not been sent, or its sender's disk had not come so far: events wait for each other.
    TooEarly,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.story.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        write!(f, "{} ({}): ", self.place, self.server)?;
        match &self.fault {
            Fault::Difference(difference) => write!(f, "{difference}"),
            Fault::Property(name) => write!(f, "{name} is violated"),
            Fault::NotSent(fault) => match &fault.next {
                Some(next) => write!(f, "received what was not sent; next on this connection is {next}"),
                None => write!(f, "received what nobody sent"),
            },
            Fault::TooEarly => write!(f, "received before it was sent, or before its sender's disk had come so far"),
        }
    }
}

impl std::error::Error for Violation {}

/// Judges a recording.
///
/// # Errors
/// With the first line, in an order that causes allow, that the specification would not have written or after which a
/// property does not hold.
pub fn validate(recording: &Recording) -> Result<Report, Box<Violation>> {
    let causes = links::causes(recording).map_err(|fault| {
        let (server, line) = (fault.server, fault.line);
        violation(recording, server, line, Fault::NotSent(Box::new(fault)), &VecDeque::new())
    })?;
    let mut judge = Judge::new(recording);
    let last = judge.merge(&causes)?;
    if let Some((server, line)) = last {
        let checked = judge.whole();
        checked.map_err(|fault| violation(recording, server, line, fault, &judge.story))?;
    }
    judge.report.unexplained = causes.unexplained;
    judge.report.histories = judge.base == Zxid::ZERO;
    judge.report.transactions = judge.past.delivered.len();
    judge.report.epochs = judge.past.established.len();
    Ok(judge.report)
}

fn violation(
    recording: &Recording,
    server: ServerId,
    line: usize,
    fault: Fault,
    story: &VecDeque<(ServerId, usize)>,
) -> Box<Violation> {
    let tell =
        |(server, line): &(ServerId, usize)| tell(&recording.ensemble, *server, &recording.servers[server][*line]);
    let place = recording.servers[&server][line].place.clone();
    Box::new(Violation { server, place, fault, story: story.iter().map(tell).collect() })
}

/// An event in its server's column.
fn tell(ensemble: &Ensemble, server: ServerId, entry: &Entry) -> String {
    let column = ensemble.servers().position(|id| id == server).unwrap_or(0);
    let joined = |outputs: &[Output]| outputs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let event = match &entry.event {
        Event::Recovered { outputs, .. } => format!("recovers → {}", joined(outputs)),
        Event::Stepped { input, outputs } => format!("{input} → {}", joined(outputs)),
        Event::Flushed { write } => format!("durable: {write}"),
        Event::Crashed => "crashes".to_owned(),
    };
    format!("{}{server}:{} {event}", "    │".repeat(column), entry.place.line)
}

struct Server {
    replay: Replay,
    /// What its state machine was given last.
    upto: Zxid,
    standing: Standing,
    /// Its run is over, and what it did last may be missing: its disk may hold more.
    ended: bool,
}

/// What decides when whole histories are looked at.
type Standing = Option<(u8, Option<LeaderPhase>)>;

struct Judge<'a> {
    recording: &'a Recording,
    servers: BTreeMap<ServerId, Server>,
    past: Past,
    broadcast: BTreeMap<Zxid, Txn>,
    /// What was there before the recording began: of it nothing is known.
    base: Zxid,
    nothing: Disk,
    story: VecDeque<(ServerId, usize)>,
    report: Report,
}

impl<'a> Judge<'a> {
    fn new(recording: &'a Recording) -> Judge<'a> {
        let server = |id| {
            let replay = Replay::new(id, recording.ensemble.clone(), Elections::Held);
            (id, Server { replay, upto: Zxid::ZERO, standing: None, ended: false })
        };
        let disk = |entries: &'a Vec<Entry>| match entries.first().map(|entry| &entry.event) {
            Some(Event::Recovered { disk: Some(disk), .. }) => disk.history.last(),
            _ => Zxid::ZERO,
        };
        Judge {
            recording,
            servers: recording.ensemble.servers().map(server).collect(),
            past: Past::default(),
            broadcast: BTreeMap::new(),
            base: recording.servers.values().map(disk).max().unwrap_or(Zxid::ZERO),
            nothing: Disk::default(),
            story: VecDeque::new(),
            report: Report::default(),
        }
    }

    /// Takes every line, each after its cause; the last one.
    fn merge(&mut self, causes: &Causes) -> Result<Option<(ServerId, usize)>, Box<Violation>> {
        let recording = self.recording;
        let mut next: BTreeMap<ServerId, usize> = recording.servers.keys().map(|id| (*id, 0)).collect();
        let mut last = None;
        loop {
            let (mut moved, mut stuck) = (false, None);
            for (id, entries) in &recording.servers {
                let line = next[id];
                let Some(entry) = entries.get(line) else { continue };
                if causes.before[id][line].is_some_and(|(other, cause)| next[&other] <= cause) {
                    stuck = Some((*id, line));
                    continue;
                }
                if self.story.len() == SHOWN {
                    self.story.pop_front();
                }
                self.story.push_back((*id, line));
                if causes.before[id][line].is_none() {
                    self.hidden(&entry.event);
                }
                let taken = self.take(*id, &entry.event);
                taken.map_err(|fault| violation(recording, *id, line, fault, &self.story))?;
                next.insert(*id, line + 1);
                let goes_on = |after: &Entry| !matches!(after.event, Event::Recovered { .. });
                let ended = !entries.get(line + 1).is_some_and(goes_on);
                self.servers.entry(*id).and_modify(|server| server.ended = ended);
                (moved, last) = (true, Some((*id, line)));
            }
            match stuck {
                _ if moved => {}
                Some((id, line)) => return Err(violation(recording, id, line, Fault::TooEarly, &self.story)),
                None => return Ok(last),
            }
        }
    }

    /// What came from a server whose last lines are missing was broadcast there.
    fn hidden(&mut self, event: &Event) {
        if let Event::Stepped { input: Input::Receive(_, Message::Proposal(txn) | Message::Inform(txn)), .. } = event {
            self.broadcast.entry(txn.zxid).or_insert_with(|| txn.clone());
        }
    }

    fn take(&mut self, id: ServerId, event: &Event) -> Result<(), Fault> {
        self.report.events += 1;
        let Some(server) = self.servers.get_mut(&id) else { return Err(differs(Difference::NotInEnsemble)) };
        if let Event::Recovered { disk: Some(disk), .. } = event {
            if let Some(durable) = server.replay.disk()
                && !goes_on(durable, disk)
            {
                let (durable, recorded) = (Box::new(durable.clone()), Box::new(disk.clone()));
                return Err(differs(Difference::Disk { durable, recorded }));
            }
            // A new run: whatever the last one had not done when it was killed.
            server.replay = Replay::new(id, self.recording.ensemble.clone(), Elections::Held);
        }
        let led = server.replay.peer().is_some_and(broadcasts);
        server.replay.take(event).map_err(differs)?;
        match event {
            Event::Recovered { .. } => {
                server.upto = server.replay.disk().map_or(Zxid::ZERO, |disk| disk.history.snapshot());
            }
            Event::Stepped { input, outputs } => {
                let established = self.past.established.len();
                if let Some(peer) = server.replay.peer() {
                    self.past.observe(peer, led, input, outputs, &[]);
                }
                for output in outputs {
                    self.output(id, matches!(input, Input::Propose(_)), output)?;
                }
                let upto = self.servers[&id].upto;
                let initial = prefix(&self.past.delivered, upto).to_vec();
                self.past.established[established..].iter_mut().for_each(|new| new.initial.clone_from(&initial));
            }
            Event::Flushed { .. } | Event::Crashed => {}
        }
        self.check(id, event)
    }

    fn output(&mut self, id: ServerId, proposes: bool, output: &Output) -> Result<(), Fault> {
        match output {
            Output::Write(Write::Append(txn)) if proposes => drop(self.broadcast.insert(txn.zxid, txn.clone())),
            Output::Deliver(txn) => self.deliver(id, txn)?,
            Output::Install(zxid) => self.upto(id, *zxid),
            _ => {}
        }
        Ok(())
    }

    fn upto(&mut self, id: ServerId, zxid: Zxid) {
        self.servers.entry(id).and_modify(|server| server.upto = zxid);
    }

    /// Everybody delivers the same: one sequence is enough for all.
    fn deliver(&mut self, id: ServerId, txn: &Txn) -> Result<(), Fault> {
        let upto = self.servers[&id].upto;
        self.upto(id, txn.zxid);
        if txn.zxid <= self.base {
            return Ok(());
        }
        let next = self.past.delivered.partition_point(|other| other.zxid <= upto);
        if let Some(expected) = self.past.delivered.get(next) {
            return if expected == txn { Ok(()) } else { Err(Fault::Property("PrefixConsistency")) };
        }
        let last = self.past.delivered.last().map_or(self.base, |last| last.zxid);
        if last > txn.zxid {
            return Err(Fault::Property("GlobalPrimaryOrder"));
        }
        if self.broadcast.get(&txn.zxid) != Some(txn) {
            return Err(Fault::Property("Integrity"));
        }
        let before = self.broadcast.range(..txn.zxid).next_back().map(|(zxid, _)| *zxid);
        if before.is_some_and(|before| before.epoch() == txn.zxid.epoch() && before > last) {
            return Err(Fault::Property("LocalPrimaryOrder"));
        }
        let holds = |server: &Server| {
            let history = server.replay.disk().map(|disk| &disk.history);
            server.ended
                || history.is_some_and(|history| history.snapshot() >= txn.zxid || history.can_end_at(txn.zxid))
        };
        let holders = self.servers.iter().filter(|(_, server)| holds(server)).map(|(id, _)| *id);
        if !self.recording.ensemble.is_quorum(holders) {
            return Err(Fault::Property("CommittedLogDurability"));
        }
        self.past.delivered.push(txn.clone());
        Ok(())
    }

    fn check(&mut self, id: ServerId, event: &Event) -> Result<(), Fault> {
        self.with_view(&[], |view| first(view, EVERYWHERE))?;
        let Some(server) = self.servers.get_mut(&id) else { return Ok(()) };
        let standing = server.replay.peer().map(|peer| match &peer.role {
            Role::Looking(_) => (0, None),
            Role::Following(following) => (1 + following.phase as u8, None),
            Role::Leading(leading) => (u8::MAX, Some(leading.phase)),
        });
        let changed = std::mem::replace(&mut server.standing, standing) != standing;
        if changed || matches!(event, Event::Recovered { .. }) || self.broadcast.len() <= SHORT {
            self.whole()?;
        }
        Ok(())
    }

    /// Every predicate that looks at whole histories.
    fn whole(&mut self) -> Result<(), Fault> {
        self.report.whole += 1;
        // Of what was there before, the state machines cannot be known.
        if self.base > Zxid::ZERO { Ok(()) } else { self.with_view(&self.past.delivered, |view| first(view, WHOLE)) }
    }

    fn with_view<T>(&self, delivered: &[Txn], look: impl FnOnce(&View<'_>) -> T) -> T {
        let view = |(id, server): (&ServerId, &'_ Server)| (*id, server.upto);
        let upto: Vec<(ServerId, Zxid)> = self.servers.iter().map(view).collect();
        let servers: Vec<ServerView<'_>> = upto
            .iter()
            .map(|(id, upto)| {
                let replay = &self.servers[id].replay;
                let (peer, disk) = (replay.peer(), replay.disk().unwrap_or(&self.nothing));
                let given = if peer.is_some() { prefix(delivered, *upto) } else { &[] };
                let snapshot = prefix(delivered, disk.history.snapshot());
                ServerView { id: *id, peer, disk, snapshot, delivered: given }
            })
            .collect();
        look(&View { ensemble: &self.recording.ensemble, servers: &servers, past: &self.past })
    }
}

type Property = (&'static str, fn(&View<'_>) -> bool);

/// What needs no histories.
const EVERYWHERE: &[Property] = &[
    ("Leadership1", safety::leadership1),
    ("Leadership2", safety::leadership2),
    ("NoBadState", safety::no_bad_state),
    ("NoBadAck", safety::no_bad_ack),
    ("NoBadProposal", safety::no_bad_proposal),
    ("NoBadCommit", safety::no_bad_commit),
    ("EpochsAreAcceptedFirst", safety::epochs_are_accepted_first),
];

const WHOLE: &[Property] = &[
    ("PrefixConsistency", safety::prefix_consistency),
    ("GlobalPrimaryOrder", safety::global_primary_order),
    ("CommittedLogMonotonicity", safety::committed_log_monotonicity),
    ("ProcessConsistency", safety::process_consistency),
    ("LeaderLogCompleteness", safety::leader_log_completeness),
    ("InitialHistoryIntegrity", safety::initial_history_integrity),
    ("CommitConsistency", safety::commit_consistency),
    ("HistoryConsistency", safety::history_consistency),
    ("DeliveredIsHistory", safety::delivered_is_history),
    ("Agreement", safety::agreement),
    ("TotalOrder", safety::total_order),
];

fn first(view: &View<'_>, properties: &[Property]) -> Result<(), Fault> {
    let broken = properties.iter().find(|(_, holds)| !holds(view));
    broken.map_or(Ok(()), |(name, _)| Err(Fault::Property(name)))
}

fn differs(difference: Difference) -> Fault {
    Fault::Difference(Box::new(difference))
}

fn broadcasts(peer: &zab::Peer) -> bool {
    matches!(&peer.role, Role::Leading(leading) if leading.phase == LeaderPhase::Broadcast)
}

fn prefix(delivered: &[Txn], upto: Zxid) -> &[Txn] {
    &delivered[..delivered.partition_point(|txn| txn.zxid <= upto)]
}

/// Whether a server whose disk held `durable` may recover on `found`: nothing is lost, though a snapshot may stand for
/// more or less of it, and more may have become durable than its killed recorder could write.
fn goes_on(durable: &Disk, found: &Disk) -> bool {
    let from = durable.history.snapshot().max(found.history.snapshot());
    let (old, new) = (durable.history.after(from), found.history.after(from));
    durable.accepted_epoch <= found.accepted_epoch
        && durable.current_epoch <= found.current_epoch
        && durable.history.last() <= found.history.last()
        && new.starts_with(old)
}

//! The merged run, line by line.

use super::deliveries::prefix;
use super::violation::SHOWN;
use super::{Fault, Report, Violation};
use crate::enabled::Driver;
use crate::links::Causes;
use crate::merge::{At, merge};
use crate::recording::{Entry, Recording};
use std::collections::{BTreeMap, VecDeque};
use zab::peer::LeaderPhase;
use zab::properties::Past;
use zab::trace::{Difference, Elections, Event, Replay};
use zab::{Disk, Input, Message, Output, Role, ServerId, Txn, Zxid};

#[derive(Debug)]
pub(super) struct Server {
    pub(super) replay: Replay,
    /// What its state machine was given last.
    pub(super) upto: Zxid,
    /// What had been delivered when its clients asked for the syncs that are not answered yet, oldest first.
    pub(super) syncs: VecDeque<Zxid>,
    pub(super) standing: Standing,
    driver: Driver,
    /// Its run was cut, or there is no trace of it at all, and what it did last may be missing: its disk may hold more.
    pub(super) ended: bool,
}

impl Server {
    pub(super) fn new(replay: Replay) -> Server {
        let (syncs, driver) = Default::default();
        Server { replay, upto: Zxid::ZERO, syncs, standing: None, driver, ended: false }
    }
}

/// What decides when whole histories are looked at.
pub(super) type Standing = Option<(u8, Option<LeaderPhase>)>;

pub(super) struct Judge<'a> {
    pub(super) recording: &'a Recording,
    pub(super) causes: &'a Causes,
    pub(super) servers: BTreeMap<ServerId, Server>,
    pub(super) past: Past,
    pub(super) broadcast: BTreeMap<Zxid, Txn>,
    /// What was there before the recording began: of it nothing is known.
    pub(super) base: Zxid,
    pub(super) nothing: Disk,
    pub(super) story: VecDeque<At>,
    pub(super) report: Report,
}

impl<'a> Judge<'a> {
    pub(super) fn new(recording: &'a Recording, causes: &'a Causes) -> Judge<'a> {
        let server = |id| {
            let server = Server::new(Replay::new(id, recording.ensemble.clone(), Elections::Held));
            (id, Server { ended: !recording.servers.contains_key(&id), ..server })
        };
        let disk = |entries: &'a Vec<Entry>| match entries.first().map(|entry| &entry.event) {
            Some(Event::Recovered { disk: Some(disk), .. }) => disk.history.last(),
            _ => Zxid::ZERO,
        };
        Judge {
            recording,
            causes,
            servers: recording.ensemble.servers().map(server).collect(),
            past: Past::default(),
            broadcast: BTreeMap::new(),
            base: recording.servers.values().map(disk).max().unwrap_or(Zxid::ZERO),
            nothing: Disk::default(),
            story: VecDeque::new(),
            report: Report::default(),
        }
    }

    /// Takes every line, each after its cause, and looks at everything once more at the end.
    pub(super) fn merge(&mut self) -> Result<(), Box<Violation>> {
        let recording = self.recording;
        let lengths = recording.servers.iter().map(|(id, entries)| (*id, entries.len())).collect();
        let mut stuck = None;
        let merged = merge(
            &lengths,
            self.causes,
            |(id, line)| rank(&recording.servers[&id][line].event),
            |at, lost| self.line(at, lost).map_err(|fault| (at, fault)),
            |at| {
                stuck = Some(at);
                (at, Fault::TooEarly)
            },
        );
        self.story.extend(stuck);
        let checked = merged.and_then(|()| match self.story.back().copied() {
            Some(end) => self.whole().map_err(|fault| (end, fault)),
            None => Ok(()),
        });
        checked
            .map_err(|(at, fault)| Violation::new(self.recording, self.causes, self.story.make_contiguous(), at, fault))
    }

    fn line(&mut self, (id, line): At, lost: bool) -> Result<(), Fault> {
        if self.story.len() == SHOWN {
            self.story.pop_front();
        }
        self.story.push_back((id, line));
        let entries = &self.recording.servers[&id];
        let event = &entries[line].event;
        if lost {
            self.hidden(id, event);
        }
        self.take(id, event)?;
        let goes_on = |after: &Entry| !matches!(after.event, Event::Recovered { .. });
        let cut = !matches!(event, Event::Crashed) && !entries.get(line + 1).is_some_and(goes_on);
        self.servers.entry(id).and_modify(|server| server.ended = cut);
        Ok(())
    }

    fn take(&mut self, id: ServerId, event: &Event) -> Result<(), Fault> {
        self.report.events += 1;
        if let Event::Recovered { disk: Some(disk), .. } = event {
            self.begin_run(id, disk)?;
        }
        let Some(server) = self.servers.get_mut(&id) else { return Err(differs(Difference::NotInEnsemble)) };
        let led = server.replay.peer().is_some_and(broadcasts);
        if let (Event::Stepped { input, .. }, Some(peer)) = (event, server.replay.peer()) {
            server.driver.before(peer, input).map_err(Fault::NotEnabled)?;
        }
        server.replay.take(event).map_err(differs)?;
        match event {
            Event::Recovered { outputs, .. } => {
                server.driver.after(id, outputs);
                server.upto = server.replay.disk().map_or(Zxid::ZERO, |disk| disk.history.snapshot());
            }
            Event::Stepped { input, outputs } => {
                server.driver.after(id, outputs);
                self.stepped(id, led, input, outputs)?;
            }
            Event::Flushed { .. } | Event::Crashed => {}
        }
        self.check(id, event)
    }

    fn stepped(&mut self, id: ServerId, led: bool, input: &Input, outputs: &[Output]) -> Result<(), Fault> {
        let established = self.past.established.len();
        self.asked(id, input);
        // What a leader delivers in the step that establishes its epoch belongs to that epoch's beginning.
        for output in outputs {
            self.output(id, established, matches!(input, Input::Propose(_)), output)?;
        }
        if let Some(peer) = self.servers[&id].replay.peer() {
            self.past.observe(peer, led, input, outputs, &[]);
        }
        if self.past.established.len() > established {
            let initial = prefix(&self.past.delivered, self.servers[&id].upto).to_vec();
            self.establish(&initial)?;
        }
        Ok(())
    }
}

/// What a killed server said, in an order in which it can have happened: others had logged what it called committed,
/// and may have heard of that from it as well.
fn rank(event: &Event) -> Zxid {
    match event {
        Event::Stepped { input: Input::Receive(_, Message::Commit(zxid)), .. } => *zxid,
        Event::Stepped { input: Input::Receive(_, Message::Inform(txn)), .. } => txn.zxid,
        Event::Stepped { input: Input::Receive(_, Message::UpToDate), .. } => Zxid(1),
        _ => Zxid::ZERO,
    }
}

pub(super) fn differs(difference: Difference) -> Fault {
    Fault::Difference(Box::new(difference))
}

fn broadcasts(peer: &zab::Peer) -> bool {
    matches!(&peer.role, Role::Leading(leading) if leading.phase == LeaderPhase::Broadcast)
}

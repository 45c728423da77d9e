//! What a run finds on its disk though the one before, which was cut, has recorded nothing of it. Somebody proposed it:
//! the new run begins after that.

use crate::merge::At;
use crate::recording::Recording;
use std::collections::{BTreeMap, BTreeSet};
use zab::trace::Event;
use zab::{Disk, Epoch, Input, Message, Output, ServerId, Write, Zxid};

/// The last that a disk holds.
#[derive(Clone, Copy, Default)]
struct Last {
    zxid: Zxid,
    current: Epoch,
    accepted: Epoch,
}

impl Last {
    fn of(disk: &Disk) -> Last {
        Last { zxid: disk.history.last(), current: disk.current_epoch, accepted: disk.accepted_epoch }
    }

    fn note(&mut self, write: &Write) {
        match write {
            Write::Append(txn) => self.zxid = txn.zxid,
            Write::Truncate(zxid) => self.zxid = *zxid,
            Write::CurrentEpoch(epoch) => self.current = *epoch,
            Write::AcceptedEpoch(epoch) => self.accepted = *epoch,
            Write::Replace(zxid) => self.zxid = *zxid,
            Write::Snapshot(_) => {}
        }
    }
}

/// Where leaders said something first.
#[derive(Default)]
struct Said {
    proposed: BTreeMap<Zxid, At>,
    leader_info: BTreeMap<Epoch, At>,
    new_leader: BTreeMap<Epoch, At>,
}

impl Said {
    fn note(&mut self, at: At, input: &Input, outputs: &[Output], wanted: &BTreeSet<Zxid>) {
        for output in outputs {
            match output {
                Output::Write(Write::Append(txn))
                    if matches!(input, Input::Propose(_)) && wanted.contains(&txn.zxid) =>
                {
                    self.proposed.insert(txn.zxid, at);
                }
                Output::Send(_, message) | Output::SendWhenDurable(_, message) => match message {
                    Message::LeaderInfo(epoch) => drop(self.leader_info.entry(*epoch).or_insert(at)),
                    Message::NewLeader(epoch) => drop(self.new_leader.entry(*epoch).or_insert(at)),
                    _ => {}
                },
                _ => {}
            }
        }
    }
}

/// For every beginning of a run that finds such things, the lines that it comes after; `cut` are the [`cut_leaders`].
#[must_use]
pub fn before(recording: &Recording, cut: &BTreeMap<Epoch, At>) -> BTreeMap<At, Vec<At>> {
    let found: Vec<(At, Last, Last)> = recording.servers.keys().flat_map(|id| finds(recording, *id)).collect();
    if found.is_empty() {
        return BTreeMap::new();
    }
    let wanted = found.iter().map(|(_, _, last)| last.zxid).collect();
    let mut said = Said::default();
    for (id, entries) in &recording.servers {
        for (line, entry) in entries.iter().enumerate() {
            if let Event::Stepped { input, outputs } = &entry.event {
                said.note((*id, line), input, outputs, &wanted);
            }
        }
    }
    let mut before = BTreeMap::new();
    for (at, known, last) in found {
        let epoch = last.zxid.epoch();
        let sources = [
            (last.zxid > known.zxid).then(|| said.proposed.get(&last.zxid).or_else(|| cut.get(&epoch))).flatten(),
            (last.current > known.current).then(|| said.new_leader.get(&last.current)).flatten(),
            (last.accepted > known.accepted).then(|| said.leader_info.get(&last.accepted)).flatten(),
        ];
        let of_others = sources.into_iter().flatten().filter(|source| source.0 != at.0);
        before.insert(at, of_others.copied().collect());
    }
    before
}

/// Runs of a server that begin on more than its lines say: what they say, and what is there.
fn finds(recording: &Recording, id: ServerId) -> Vec<(At, Last, Last)> {
    let mut found = Vec::new();
    let mut known: Option<Last> = None;
    for (line, entry) in recording.servers[&id].iter().enumerate() {
        let outputs = match &entry.event {
            Event::Recovered { disk, outputs } => {
                let last = disk.as_ref().map(Last::of);
                if let (Some(known), Some(last)) = (known, last)
                    && (last.zxid > known.zxid || last.current > known.current || last.accepted > known.accepted)
                {
                    found.push(((id, line), known, last));
                }
                known = last.or(known);
                outputs
            }
            Event::Stepped { outputs, .. } => outputs,
            Event::Flushed { .. } | Event::Crashed => continue,
        };
        let known = known.get_or_insert_default();
        for output in outputs {
            if let Output::Write(write) = output {
                known.note(write);
            }
        }
    }
    found
}

/// Leaders that were killed, by their epochs: the trace may lack the last of what they broadcast. With the last line.
#[must_use]
pub fn cut_leaders(recording: &Recording) -> BTreeMap<Epoch, At> {
    let mut leaders = BTreeMap::new();
    for (id, entries) in &recording.servers {
        let (mut leads, mut last) = (None, 0);
        for (line, entry) in entries.iter().enumerate() {
            match &entry.event {
                Event::Recovered { .. } => leaders.extend(leads.take().map(|epoch| (epoch, (*id, last)))),
                Event::Stepped { outputs, .. } => leads = outputs.iter().find_map(leadership).or(leads),
                Event::Flushed { .. } => {}
                Event::Crashed => leads = None,
            }
            last = line;
        }
        leaders.extend(leads.map(|epoch| (epoch, (*id, last))));
    }
    leaders
}

fn leadership(output: &Output) -> Option<Epoch> {
    match output {
        Output::Send(_, Message::NewLeader(epoch)) | Output::SendWhenDurable(_, Message::NewLeader(epoch)) => {
            Some(*epoch)
        }
        _ => None,
    }
}

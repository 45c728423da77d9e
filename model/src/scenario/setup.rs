//! How a story begins: who takes part, and what their disks hold.

use super::command::{Beginning, DiskText};
use crate::bounds::{Bounds, Grain, Kind, Timing};
use crate::mutation::Mutation;
use crate::world::{Budget, Server, World};
use crate::zookeeper::ZooKeeper;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use zab::properties::Past;
use zab::{Disk, Ensemble, History, Payload, ServerId, Txn, Zxid};

/// What a story allows: it tells by itself what goes wrong, and how often.
const BUDGET: Budget = Budget {
    crashes: 100,
    breaks: 100,
    transactions: 60,
    syncs: 100,
    elections: 0,
    timeouts: 100,
    snapshots: 100,
    delays: 0,
};

/// What was said so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    model: Option<Bounds>,
    initial: Option<usize>,
    servers: u8,
    observers: u8,
    groups: BTreeMap<ServerId, u8>,
    weights: BTreeMap<ServerId, u32>,
    last_counter: Option<u32>,
    disks: BTreeMap<ServerId, DiskText>,
}

impl Setup {
    /// Takes in another line.
    pub fn say(&mut self, beginning: Beginning) {
        match beginning {
            Beginning::Model(bounds) => self.model = Some(*bounds),
            Beginning::Initial(place) => self.initial = Some(place),
            Beginning::Servers(count) => self.servers = count,
            Beginning::Observers(count) => self.observers = count,
            Beginning::Group(group, servers) => self.groups.extend(servers.into_iter().map(|id| (id, group))),
            Beginning::Weight(id, weight) => {
                self.weights.insert(id, weight);
            }
            Beginning::LastCounter(last) => self.last_counter = Some(last),
            Beginning::Disk(id, disk) => {
                self.disks.insert(id, disk);
            }
        }
    }

    /// The model with what is planted in it, and its world, with every server down.
    pub fn build(&self, mutation: &Mutation) -> Result<(ZooKeeper, World), String> {
        let (mut model, world) = match self.model {
            Some(bounds) => self.of_model(bounds)?,
            None if self.initial.is_some() => return Err("`initial` needs a `model` whose initial state it is".into()),
            None => self.of_ensemble()?,
        };
        model.mutation = mutation.clone();
        Ok((model, world))
    }

    /// The model that the checker explores: its bounds say who takes part, and its initial states what disks hold.
    fn of_model(&self, bounds: Bounds) -> Result<(ZooKeeper, World), String> {
        let other = Setup { model: None, initial: None, ..self.clone() };
        if other != Setup::default() {
            return Err("`model` says already who takes part, and what their disks hold".to_owned());
        }
        let (model, place) = (ZooKeeper::new(bounds), self.initial.unwrap_or_default());
        let world = model.before_start(place).ok_or_else(|| format!("the model has no initial state {place}"))?;
        Ok((model, world))
    }

    /// The ensemble that the story tells of.
    fn of_ensemble(&self) -> Result<(ZooKeeper, World), String> {
        let count = self.servers.checked_add(self.observers).ok_or("so many servers have no names")?;
        let named = self.groups.keys().chain(self.weights.keys()).chain(self.disks.keys());
        if let Some(stranger) = named.into_iter().find(|id| id.0 == 0 || id.0 > count) {
            return Err(format!("{stranger} is not in the ensemble"));
        }
        let bounds = Bounds {
            servers: self.servers,
            observers: self.observers,
            budget: BUDGET,
            forward: true,
            grain: Grain::Write,
            timing: Timing::Asynchronous,
            ..Bounds::default_of(Kind::Ensemble)
        };
        let ensemble = Arc::new(self.ensemble()?);
        let model = ZooKeeper { bounds, ensemble, mutation: Mutation::None };
        let servers = (1..=count).map(|id| self.server(ServerId(id))).collect::<Result<Vec<_>, _>>()?;
        let past = past(&servers);
        let election = vec![Default::default(); servers.len() * servers.len()];
        Ok((model, World { servers, connections: Vec::new(), election, due: Vec::new(), budget: BUDGET, past }))
    }

    fn ensemble(&self) -> Result<Ensemble, String> {
        let voters = (1..=self.servers).map(ServerId);
        let observers = (self.servers + 1..=self.servers + self.observers).map(ServerId);
        let ensemble = if self.groups.is_empty() && self.weights.is_empty() {
            Ensemble::majority(voters, observers)
        } else {
            let group = |id| self.groups.get(&id).copied().unwrap_or(0);
            let weight = |id| self.weights.get(&id).copied().unwrap_or(1);
            Ensemble::hierarchical(voters.map(|id| (id, group(id), weight(id))), observers)
        };
        let ensemble = ensemble.map_err(|error| error.to_string())?;
        Ok(match self.last_counter {
            Some(0) => return Err("an epoch needs room for a transaction".to_owned()),
            Some(last) => ensemble.with_last_counter(last),
            None => ensemble,
        })
    }

    fn server(&self, id: ServerId) -> Result<Server, String> {
        let text = self.disks.get(&id).cloned().unwrap_or_default();
        let all: Vec<Zxid> = text.snapshot.iter().chain(&text.log).copied().collect();
        let mut previous = Zxid::ZERO;
        for zxid in &all {
            if !zxid.follows(previous) {
                return Err(format!("in the history of {id}, {zxid} does not follow {previous}"));
            }
            previous = *zxid;
        }
        let accepted = text.accepted.unwrap_or(text.epoch);
        if accepted < text.epoch || accepted < previous.epoch() {
            return Err(format!("{id} has accepted {accepted} only"));
        }
        let snapshot: Vec<Txn> = text.snapshot.iter().copied().map(old).collect();
        let mut history = History::from_snapshot(text.snapshot.last().copied().unwrap_or_default());
        text.log.iter().copied().map(old).for_each(|txn| history.append(txn));
        let disk = Disk { accepted_epoch: accepted, current_epoch: text.epoch, history };
        Ok(Server { peer: None, disk, snapshot, queue: Vec::new(), delivered: Vec::new(), syncs: Vec::new() })
    }
}

/// A transaction of the time before the story. No transaction of the model's clients says the same.
fn old(zxid: Zxid) -> Txn {
    Txn { zxid, payload: Payload(Bytes::copy_from_slice(&zxid.0.to_be_bytes())) }
}

/// What must have happened before: every transaction was broadcast, and what a snapshot holds was delivered.
fn past(servers: &[Server]) -> Past {
    let on_disks = servers.iter().flat_map(|server| server.snapshot.iter().chain(server.disk.history.log()));
    let broadcast: BTreeMap<Zxid, Txn> = on_disks.map(|txn| (txn.zxid, txn.clone())).collect();
    let snapshots = servers.iter().map(|server| &server.snapshot);
    let delivered = snapshots.max_by_key(|snapshot| snapshot.len()).cloned().unwrap_or_default();
    Past { broadcast: broadcast.into_values().collect(), delivered, ..Past::default() }
}

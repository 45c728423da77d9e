//! The server's own code as an engine of stories and traces: its node, its journal, its files and its packets, driven
//! step by step, and compared with the specification after every step.
//!
//! ```text
//!   story or trace ──▶ what happens ──▶ node ──▶ packets ──▶ (the story lets them arrive)
//!         ▲                              │
//!         └── the same? ◀── recorder ◀───┴──▶ commands ──▶ (the story lets them be durable) ──▶ journal ──▶ files
//! ```
//!
//! What no story decides is the server's own: how it prepares a request, when it opens its port, what it writes into
//! which file. What a story cannot show is time: here nothing ever takes too long by itself.

pub(crate) mod files;
mod machine;
pub(crate) mod network;
pub(crate) mod translation;

pub use files::Medium;

use machine::Machine;
use model::bounds::Kind;
use model::scenario::Double;
use model::world::{Connection, OpenSync, Queued, Server, World};
use model::zookeeper::ZooKeeper;
use network::{End, Wires};
use std::collections::BTreeMap;
use std::sync::Arc;
use translation::{fill, forget_election, without_elections};
use zab::trace::{Elections, Event};
use zab::{Disk, Ensemble, Message, Output, Peer, ServerId, Txn};

/// The servers of an ensemble.
pub struct Servers {
    medium: Medium,
    elections: Elections,
    ensemble: Option<Arc<Ensemble>>,
    machines: BTreeMap<ServerId, Machine>,
    wires: Wires,
    /// What the world's servers keep and these do not: how far each was when a sync was asked.
    syncs: BTreeMap<ServerId, Vec<OpenSync>>,
}

impl Servers {
    /// None yet.
    #[must_use]
    pub fn new(medium: Medium) -> Servers {
        let (machines, wires, syncs) = Default::default();
        Servers { medium, elections: Elections::Held, ensemble: None, machines, wires, syncs }
    }

    /// Who takes part, and who elects.
    pub fn take_part(&mut self, ensemble: Arc<Ensemble>, elections: Elections) {
        (self.ensemble, self.elections) = (Some(ensemble), elections);
    }

    /// A server that was never started, with what is on its disk.
    ///
    /// # Errors
    /// Files that cannot be written.
    pub fn add(&mut self, id: ServerId, disk: &Disk, snapshot: &[Txn]) -> Result<(), String> {
        self.machines.insert(id, Machine::new(id, self.medium, disk, snapshot)?);
        Ok(())
    }

    /// Whether a server is known.
    #[must_use]
    pub fn knows(&self, id: ServerId) -> bool {
        self.machines.contains_key(&id)
    }

    fn machine(&mut self, id: ServerId) -> Result<&mut Machine, String> {
        self.machines.get_mut(&id).ok_or_else(|| format!("{id} is not in the ensemble"))
    }

    /// Makes an event happen; what the server recorded, in the model's words.
    fn make_happen(&mut self, id: ServerId, expected: &Event) -> Result<Event, String> {
        let (elections, ensemble, wires) = (self.elections, self.ensemble.clone(), self.wires.clone());
        let goes_on = |other: ServerId| other == id && matches!(expected, Event::Flushed { .. });
        let others = self.machines.iter_mut().filter(|(other, _)| !goes_on(**other));
        others.map(|(_, machine)| machine).try_for_each(Machine::catch_up)?;
        let machine = self.machine(id)?;
        match expected {
            Event::Crashed => {
                machine.crash();
                wires.crash(id);
                return Ok(Event::Crashed);
            }
            Event::Recovered { .. } => {
                machine.start(&ensemble.ok_or("nobody said who takes part")?, &wires)?;
            }
            Event::Flushed { .. } => machine.flush()?,
            // What a server owes itself it does by itself.
            Event::Stepped { .. } if machine.is_ahead() => {}
            Event::Stepped { input, .. } => {
                if !machine.give(input, &wires)? {
                    return Ok(Event::Stepped { input: input.clone(), outputs: Vec::new() });
                }
            }
        }
        let own = machine.next_event().ok_or_else(|| format!("{id} does nothing"))?;
        let mut own = translation::event(&own, elections);
        fill(&mut own, expected);
        wires.fault().map_or(Ok(own), Err)
    }

    /// Makes this happen, and compares what the server does with what the event says; what the server did.
    ///
    /// # Errors
    /// With a sentence, when it does something else.
    pub fn happens(&mut self, id: ServerId, specified: &Event) -> Result<Event, String> {
        let expected = without_elections(specified.clone(), self.elections);
        let own = self.make_happen(id, &expected)?;
        if is_same(&own, &expected) {
            // Of elections that are held elsewhere nobody asks what the server says in them.
            return Ok(if self.elections == Elections::Held { own } else { specified.clone() });
        }
        Err(format!("{id} does otherwise\n  specified: {}\n     server: {}", tell(&expected), tell(&own)))
    }

    /// Whether a server has done by itself what it was not asked about yet.
    ///
    /// # Errors
    /// When there is no such server.
    pub fn is_ahead(&mut self, id: ServerId) -> Result<bool, String> {
        let machine = self.machine(id)?;
        machine.catch_up()?;
        Ok(machine.is_ahead())
    }

    /// Compares a server with its memory, its disk and how far its state machine should be.
    ///
    /// # Errors
    /// With a sentence, when it stands elsewhere.
    pub fn stands(&mut self, id: ServerId, peer: Option<&Peer>, disk: &Disk) -> Result<(), String> {
        let elections = self.elections;
        let machine = self.machine(id)?;
        machine.catch_up()?;
        if let Some(event) = machine.next_event() {
            return Err(format!("{id} does more than is specified: {}", tell(&translation::event(&event, elections))));
        }
        let own = machine.peer().map(|peer| translation::peer(peer, elections));
        let expected = peer
            .map(|peer| if elections == Elections::Elsewhere { forget_election(peer.clone()) } else { peer.clone() });
        same(id, "its memory", &expected, &own)?;
        same(id, "its state machine's last transaction", &peer.map(|peer| peer.delivered), &machine.last_applied())?;
        same(id, "its files", disk, &machine.disk()?.0)
    }

    fn compare_server(&mut self, id: ServerId, server: &Server) -> Result<(), String> {
        self.stands(id, server.peer.as_ref(), &server.disk)?;
        let wires = self.wires.clone();
        let machine = self.machine(id)?;
        same(id, "what its state machine holds", &server.delivered, &machine.delivered())?;
        let queue: Vec<Queued> = server.queue.iter().map(without_tree).collect();
        same(id, "what waits for its disk", &queue, &machine.queue(&wires))?;
        same(id, "what its snapshot holds", &server.snapshot, &machine.disk()?.1)
    }

    /// Compares what is on its way.
    fn compare_connection(&self, connection: &Connection) -> Result<(), String> {
        let Connection { learner, leader, .. } = connection;
        let wire = self.wires.wire(*learner, *leader);
        let wire = wire.ok_or_else(|| format!("{learner} has no connection to {leader}"))?;
        let ends = [
            (learner, &wire.at_learner, connection.learner_open, &connection.to_learner),
            (leader, &wire.at_leader, connection.leader_open, &connection.to_leader),
        ];
        for (id, end, open, inbound) in ends {
            same(*id, "whether its end of the connection is open", &open, &end.open)?;
            // What enters a connection that is broken never arrives.
            let own: Vec<Message> =
                arriving(end).take(if connection.broken { inbound.len() } else { usize::MAX }).collect();
            same(*id, "what is on its way there", inbound, &own)?;
        }
        Ok(())
    }
}

impl Double for Servers {
    fn begin(&mut self, model: &ZooKeeper, world: &World) -> Result<(), String> {
        let elections = if model.bounds.kind == Kind::Zab { Elections::Elsewhere } else { Elections::Held };
        self.take_part(model.ensemble.clone(), elections);
        for (id, server) in world.ids().zip(&world.servers) {
            self.add(id, &server.disk, &server.snapshot)?;
        }
        Ok(())
    }

    fn happens(&mut self, id: ServerId, event: Event) -> Result<Event, String> {
        Servers::happens(self, id, &event)
    }

    fn compare(&mut self, world: &World) -> Result<(), String> {
        for (id, server) in world.ids().zip(&world.servers) {
            self.compare_server(id, server)?;
            self.syncs.insert(id, server.syncs.clone());
        }
        world.connections.iter().try_for_each(|connection| self.compare_connection(connection))
    }

    fn server(&mut self, id: ServerId) -> Result<Server, String> {
        let (elections, syncs) = (self.elections, self.syncs.get(&id).cloned().unwrap_or_default());
        let wires = self.wires.clone();
        let machine = self.machine(id)?;
        let (disk, snapshot) = machine.disk()?.clone();
        let peer = machine.peer().map(|peer| translation::peer(peer, elections));
        Ok(Server { peer, disk, snapshot, queue: machine.queue(&wires), delivered: machine.delivered(), syncs })
    }
}

fn arriving(end: &End) -> impl Iterator<Item = Message> {
    end.inbound.iter().map(|packet| translation::message(&packet.message))
}

/// What a snapshot in the queue stands for is compared when it is on the disk.
fn without_tree(queued: &Queued) -> Queued {
    match queued {
        Queued::Snapshot(write, _) => Queued::Write(write.clone()),
        other => other.clone(),
    }
}

/// Equal; but a disk only where both tell of it.
fn is_same(own: &Event, expected: &Event) -> bool {
    match (own, expected) {
        (Event::Recovered { outputs, .. }, Event::Recovered { disk: None, outputs: specified }) => outputs == specified,
        _ => own == expected,
    }
}

fn same<T: PartialEq + std::fmt::Debug>(id: ServerId, what: &str, specified: &T, own: &T) -> Result<(), String> {
    if specified == own {
        return Ok(());
    }
    Err(format!("{id}: {what} differs\n  specified: {specified:?}\n     server: {own:?}"))
}

/// An event in words and in full: words leave payloads out.
fn tell(event: &Event) -> String {
    let joined = |outputs: &[Output]| outputs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match event {
        Event::Recovered { outputs, .. } => format!("start → {}", joined(outputs)),
        Event::Stepped { input, outputs } => format!("{input} → {} [{event:?}]", joined(outputs)),
        Event::Flushed { write, .. } => format!("durable {write}"),
        Event::Crashed => "crash".to_owned(),
    }
}

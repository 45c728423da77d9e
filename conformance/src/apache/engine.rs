//! A story with one server of Apache's in it: what it says must be what the specification says in its place.

use super::actor::Actor;
use super::client::Client;
use super::java::{Java, Ports};
use super::ledger::Ledger;
use super::tolerance::{Note, Synchronization};
use crate::server::files;
use model::bounds::Kind;
use model::scenario::Double;
use model::world::{Queued, Server, World};
use model::zookeeper::ZooKeeper;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use zab::peer::Role;
use zab::trace::Event;
use zab::{Ensemble, Message, Notification, Output, Payload, ServerId, Txn, Write, Zxid};

/// What every step may end with.
pub(super) type Told<T = ()> = Result<T, String>;

/// The engine. All servers but one are played.
pub struct Apache {
    pub(super) runtime: Runtime,
    /// What is made of the specification first.
    pub(super) alter: fn(ServerId, &mut Event),
    /// The server that is Apache's.
    pub(super) id: ServerId,
    pub(super) java: Option<Java>,
    /// How long it waits for an epoch to be established.
    pub(super) init_patience: Duration,
    pub(super) ports: BTreeMap<ServerId, Ports>,
    pub(super) actors: BTreeMap<ServerId, Actor>,
    pub(super) ledger: Ledger,
    /// How the last action left the world.
    pub(super) world: Option<World>,
    /// What the specification says in Apache's place on the election port.
    pub(super) said: BTreeMap<ServerId, Vec<Notification>>,
    /// What it has closed.
    pub(super) closed: BTreeSet<ServerId>,
    /// What it was told to be committed, since it was last brought up to date.
    pub(super) history: BTreeSet<Zxid>,
    /// How it is brought up to date, or was last.
    pub(super) synchronization: Synchronization,
    /// The last transactions that its learners have claimed.
    pub(super) claims: BTreeMap<ServerId, Zxid>,
    /// Who got a tree instead of what was missing, and what is in it, until NEWLEADER.
    pub(super) trees: BTreeMap<ServerId, Zxid>,
    /// The played servers that are down.
    pub(super) down: BTreeSet<ServerId>,
    /// Who observes.
    pub(super) observers: BTreeSet<ServerId>,
    /// Since when it waits for a better vote.
    pub(super) settling: Option<Instant>,
    /// Who asks it whatever its clients ask in the story, while it serves.
    pub(super) client: Option<Client>,
    /// The writes that this client has asked for and that are not answered: their numbers, and what they say.
    pub(super) writes: Vec<(i32, Payload)>,
    /// The same of its syncs, oldest first.
    pub(super) syncs: Vec<i32>,
    /// Clients that came to it with a session.
    pub(super) moved: Vec<Client>,
    /// Whether it was ever started.
    pub(super) started: bool,
    /// The difference at which the story ended, if it is known.
    pub known: Option<Note>,
    /// Why the story cannot be told with this server as Apache's, if it cannot.
    pub untold: Option<String>,
    /// How many messages were compared.
    pub compared: usize,
    /// Differences that are known, with their reasons.
    pub notes: BTreeSet<Note>,
}

impl Apache {
    /// An engine in which this server is Apache's, waits so long for an epoch to be established, and what the
    /// specification does is altered before it is compared.
    ///
    /// # Errors
    /// When the system has no threads left.
    pub fn new(id: ServerId, init_patience: Duration, alter: fn(ServerId, &mut Event)) -> std::io::Result<Apache> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (java, ports, actors, ledger, world) = Default::default();
        let (said, closed, history, untold, compared, notes) = Default::default();
        let (client, writes, syncs, moved, synchronization, claims, trees) = Default::default();
        Ok(Apache {
            runtime,
            alter,
            id,
            java,
            init_patience,
            ports,
            actors,
            ledger,
            world,
            said,
            closed,
            history,
            synchronization,
            claims,
            trees,
            down: BTreeSet::new(),
            observers: BTreeSet::new(),
            settling: None,
            client,
            writes,
            syncs,
            moved,
            started: false,
            known: None,
            untold,
            compared,
            notes,
        })
    }

    /// The end of what Apache's server has logged.
    #[must_use]
    pub fn last_words(&self) -> String {
        self.java.as_ref().map(Java::last_words).unwrap_or_default()
    }

    pub(super) fn cannot_tell<T>(&mut self, why: &str) -> Told<T> {
        self.untold = Some(why.to_owned());
        Err(why.to_owned())
    }

    fn prepare(&mut self, model: &ZooKeeper, world: &World) -> Told {
        let ensemble = &model.ensemble;
        if model.bounds.kind != Kind::Ensemble {
            return self.cannot_tell("its elections are held by an oracle");
        }
        let majority = Ensemble::majority(ensemble.voters(), ensemble.observers()).ok();
        if majority.is_none_or(|majority| majority.last_counter() != ensemble.last_counter()) {
            return self.cannot_tell("epochs of a few transactions");
        }
        if ensemble.is_voter(self.id) && !ensemble.may_lead(self.id) {
            return self.cannot_tell("a voter of weight 0 votes for itself at first");
        }
        if ensemble.voters().count() < 2 {
            return self.cannot_tell("one voter is no ensemble to Apache's server");
        }
        if !world.ids().any(|id| id == self.id) {
            return self.cannot_tell("there is no such server in it");
        }
        let told = |error: std::io::Error| error.to_string();
        self.observers = ensemble.observers().collect();
        for id in world.ids() {
            self.ports.insert(id, Ports::free().map_err(told)?);
        }
        let ports: Vec<(ServerId, Ports)> = self.ports.iter().map(|(id, ports)| (*id, *ports)).collect();
        let java = Java::new(self.id, ensemble, &ports, self.init_patience).map_err(told)?;
        let own = world.server(self.id);
        files::write(&java.data(), &own.disk, &own.snapshot).map_err(|error| error.to_string())?;
        self.java = Some(java);
        self.world = Some(world.clone());
        Ok(())
    }

    // ---- What happens to Apache's server --------------------------------------------------------------------------

    fn at_java(&mut self, event: &Event) -> Told {
        match event {
            Event::Recovered { outputs, .. } => {
                self.started = true;
                self.note(outputs);
                let started = self.java.as_mut().map_or(Ok(()), Java::start);
                let refused = started.as_ref().is_err_and(|why| why.contains("is older than the last zxid"));
                self.known = refused.then_some(Note::RefusesEpoch);
                started
            }
            Event::Stepped { input, outputs } => {
                self.note(outputs);
                self.give(input)?;
                self.follows(input, outputs)
            }
            // It takes snapshots when it will, and they are all alike.
            Event::Flushed { write: Write::Snapshot(zxid), .. } => {
                let history = self.known_up_to(self.id, *zxid)?;
                let Some(java) = &self.java else { return Ok(()) };
                self.ledger.write_snapshot(&java.data(), &history).map_err(|error| error.to_string())
            }
            // When its disk is done, is its own affair.
            Event::Flushed { .. } => Ok(()),
            Event::Crashed => self.crash(),
        }
    }

    fn note(&mut self, outputs: &[Output]) {
        for output in outputs {
            match output {
                Output::Send(to, Message::Notification(notification)) => {
                    self.said.entry(*to).or_default().push(*notification);
                }
                Output::Disconnect(from) if *from == self.id => {
                    self.closed.extend(self.actors.keys());
                }
                Output::Disconnect(from) => {
                    self.closed.insert(*from);
                }
                _ => {}
            }
        }
    }

    /// It is killed. Its disk was faster than the story's, perhaps: then it is put back to what the story left.
    fn crash(&mut self) -> Told {
        let Some(server) = self.world.as_ref().map(|world| world.server(self.id).clone()) else { return Ok(()) };
        let waits = server.queue.iter().any(|queued| !matches!(queued, Queued::Send(..)));
        if !waits {
            self.compare_disk(&server.disk).map_err(|why| format!("before it is killed: {why}"))?;
        }
        self.forget_clients();
        self.synchronization.dies();
        let Some(java) = &mut self.java else { return Ok(()) };
        java.kill();
        for actor in self.actors.values_mut() {
            actor.renew(self.runtime.handle())?;
        }
        if waits {
            self.notes.insert(Note::PutBack);
            java.forget().map_err(|error| error.to_string())?;
            let written = self.ledger.write(&java.data(), &server.disk, &server.snapshot);
            written.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// What this server has, from the beginning up to this zxid.
    pub(super) fn known_up_to(&self, id: ServerId, upto: Zxid) -> Told<Vec<Txn>> {
        let world = self.world.as_ref().ok_or("the story has not begun")?;
        let server = world.server(id);
        let log = server.peer.iter().flat_map(|peer| peer.memory.history.log());
        let log = log.filter(|txn| server.delivered.last().is_none_or(|last| txn.zxid > last.zxid));
        Ok(server.delivered.iter().chain(log).filter(|txn| txn.zxid <= upto).cloned().collect())
    }

    /// What Apache's server should be doing since the last action.
    pub(super) fn role(&self) -> Option<&Role> {
        let peer = self.world.as_ref()?.server(self.id).peer.as_ref();
        peer.map(|peer| &peer.role)
    }

    pub(super) fn actor(&mut self, id: ServerId) -> Told<&mut Actor> {
        self.actors.get_mut(&id).ok_or_else(|| format!("{id} is down"))
    }
}

impl Double for Apache {
    fn begin(&mut self, model: &ZooKeeper, world: &World) -> Told {
        self.prepare(model, world)
    }

    fn happens(&mut self, id: ServerId, event: Event) -> Told<Event> {
        let mut altered = event.clone();
        (self.alter)(id, &mut altered);
        if id == self.id {
            self.at_java(&altered)?;
        } else {
            self.at_actor(id, &altered)?;
        }
        Ok(event)
    }

    fn compare(&mut self, world: &World) -> Told {
        self.world = Some(world.clone());
        Ok(())
    }

    fn server(&mut self, id: ServerId) -> Told<Server> {
        self.world.as_ref().map(|world| world.server(id).clone()).ok_or_else(|| "the story has not begun".to_owned())
    }
}

//! A story with one server of Apache's in it: what it says must be what the specification says in its place.

use super::actor::Actor;
use super::java::{Java, Ports};
use super::ledger::Ledger;
use super::tolerance::{self, Note};
use crate::server::{files, translation};
use bytes::Bytes;
use model::bounds::Kind;
use model::scenario::Double;
use model::world::{Queued, Server, World};
use model::zookeeper::ZooKeeper;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use zab::trace::Event;
use zab::tree::SessionId;
use zab::{Ensemble, Input, Message, Notification, Output, Payload, Request, ServerId, Timer, Txn, Zxid};
use zabkeeper::disk::Snapshot;
use zabkeeper::wire::ClientRequest;
use zabkeeper::wire::quorum::{Attachment, ForwardedRequest, Packet};

/// Its wait for a better vote (`finalizeWait`, 200 ms) is nearly over.
const SETTLED: Duration = Duration::from_millis(120);

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
    /// Whether its log was cut.
    pub(super) truncated: bool,
    /// The played servers that are down.
    pub(super) down: BTreeSet<ServerId>,
    /// Who observes.
    pub(super) observers: BTreeSet<ServerId>,
    /// Since when it waits for a better vote.
    pub(super) settling: Option<Instant>,
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
    /// An engine in which this server is Apache's, and what the specification does is altered before it is compared.
    ///
    /// # Errors
    /// When the system has no threads left.
    pub fn new(id: ServerId, alter: fn(ServerId, &mut Event)) -> std::io::Result<Apache> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (java, ports, actors, ledger, world) = Default::default();
        let (said, closed, history, untold, compared, notes) = Default::default();
        Ok(Apache {
            runtime,
            alter,
            id,
            java,
            ports,
            actors,
            ledger,
            world,
            said,
            closed,
            history,
            truncated: false,
            down: BTreeSet::new(),
            observers: BTreeSet::new(),
            settling: None,
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

    fn cannot_tell<T>(&mut self, why: &str) -> Told<T> {
        self.untold = Some(why.to_owned());
        Err(why.to_owned())
    }

    fn prepare(&mut self, model: &ZooKeeper, world: &World) -> Told {
        let ensemble = &model.ensemble;
        if model.bounds.kind != Kind::Ensemble {
            return self.cannot_tell("its elections are held by an oracle");
        }
        let majority = Ensemble::majority(ensemble.voters(), ensemble.observers()).ok();
        if majority.is_none_or(|majority| majority != **ensemble) {
            return self.cannot_tell("quorums of groups, or epochs of a few transactions");
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
        let java = Java::new(self.id, ensemble, &ports).map_err(told)?;
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
            // When its disk is done, is its own affair.
            Event::Flushed { .. } => Ok(()),
            Event::Crashed => {
                let waits = |queued: &Queued| !matches!(queued, Queued::Send(..));
                let world = self.world.as_ref();
                if world.is_some_and(|world| world.server(self.id).queue.iter().any(waits)) {
                    return self.cannot_tell("it crashes before its disk is done, for which Apache's does not wait");
                }
                if let Some(world) = self.world.clone() {
                    let disk = &world.server(self.id).disk;
                    self.compare_disk(disk).map_err(|why| format!("before it is killed: {why}"))?;
                }
                if let Some(java) = &mut self.java {
                    java.kill();
                }
                Ok(())
            }
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

    /// Waits for what can be seen of these outputs at once, so that what is given next really comes later.
    fn follows(&mut self, input: &Input, outputs: &[Output]) -> Told {
        let mut said = false;
        let follows = outputs.iter().any(|output| matches!(output, Output::Connect(_)));
        for output in outputs {
            match output {
                Output::Send(to, Message::Notification(notification)) => {
                    let up = !self.down.contains(to);
                    let Some(actor) = self.actors.get_mut(to).filter(|_| up) else { continue };
                    said = true;
                    let observes = self.observers.contains(to);
                    let is_said = |own: &Notification| tolerance::is_said(notification, own, observes);
                    if actor.wait(|actor| actor.notifications.iter().any(is_said).then_some(())).is_none() {
                        let own = tell(&actor.notifications);
                        let last = actor.notifications.back();
                        let later = last.is_some_and(|last| last.round < notification.round);
                        let dropped = self.settling.filter(|_| later).map(|_| Note::DropsWhileSettling);
                        let stays = matches!(input, Input::Receive(_, Message::FollowerInfo(_)));
                        let stays = stays.then_some(Note::LeavesBehind);
                        self.known = stays.or(dropped).or(tolerance::ends_with_vote(notification, last));
                        return Err(format!(
                            "after `{input}`, to {to}\n  specified: {notification}\n   Apache's: {own}"
                        ));
                    }
                }
                Output::Connect(leader) => {
                    self.settling = None;
                    if let Some(actor) = self.actors.get_mut(leader)
                        && !actor.is_called()
                    {
                        return Err(format!("after `{input}`, Apache's server should come to {leader}"));
                    }
                }
                Output::Halt(halt) => {
                    let left = self.java.as_mut().is_some_and(Java::leaves);
                    self.known = left.then_some(Note::Leaves);
                    return Err(format!("it should leave: {halt:?}"));
                }
                Output::Arm(Timer::Settle) => self.settling = Some(Instant::now()),
                Output::Arm(Timer::Init) if !follows => {
                    self.settling = None;
                    let java = self.java.as_ref().is_some_and(Java::leads);
                    java.then_some(()).ok_or_else(|| format!("after `{input}`, Apache's server should lead"))?;
                }
                _ => {}
            }
        }
        if matches!(input, Input::Receive(_, Message::Notification(_))) && !said {
            // Nothing tells that it was heard, and it comes on a connection of its own.
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn give(&mut self, input: &Input) -> Told {
        match input {
            Input::Receive(from, _) if *from == self.id => Ok(()),
            Input::Receive(..) if self.settling.is_some_and(|since| since.elapsed() > SETTLED) => {
                self.cannot_tell("it has decided before the story went on")
            }
            Input::Receive(from, Message::Notification(notification)) => {
                let (java, notification) = (self.id, *notification);
                self.actor(*from)?.notify(java, notification);
                Ok(())
            }
            Input::Receive(from, message) => {
                match message {
                    Message::Diff(_) | Message::Trunc(_) | Message::Snap(_) => {
                        self.history.clear();
                        self.truncated |= matches!(message, Message::Trunc(_));
                    }
                    Message::Commit(zxid) => drop(self.history.insert(*zxid)),
                    _ => {}
                }
                let packet = self.packet(*from, message)?;
                self.actor(*from)?.send(packet)
            }
            Input::Connected(leader) => {
                self.closed.remove(leader);
                let met = self.actor(*leader)?.meet();
                met.map_err(|why| format!("Apache's server does not come to {leader}: {why}"))
            }
            Input::Disconnected(peer) => {
                if let Some(actor) = self.actors.get_mut(peer) {
                    actor.close();
                }
                Ok(())
            }
            // These ends of waits it comes to by itself; and a request that was to be prepared, it has prepared.
            Input::Timeout(Timer::Notification | Timer::Settle | Timer::Ping) | Input::Propose(_) => Ok(()),
            Input::Recalled(..) | Input::Revalidated(..) => Ok(()),
            Input::Timeout(Timer::Init) => self.cannot_tell("its patience ends, which takes long"),
            Input::Request(_) | Input::Revalidate(_) => self.cannot_tell("a client of it asks"),
            Input::Snapshotted(_) => self.cannot_tell("it takes a snapshot when it is told"),
            Input::Elected(_) => self.cannot_tell("its elections are held by an oracle"),
        }
    }

    /// A message of a played server, as it is on the wire.
    fn packet(&mut self, from: ServerId, message: &Message) -> Told<Packet> {
        let world = self.world.as_ref().ok_or("the story has not begun")?;
        let server = world.server(from);
        let known = |upto: Zxid| -> Vec<Txn> {
            let log = server.peer.iter().flat_map(|peer| peer.memory.history.log());
            let log = log.filter(|txn| server.delivered.last().is_none_or(|last| txn.zxid > last.zxid));
            server.delivered.iter().chain(log).filter(|txn| txn.zxid <= upto).cloned().collect()
        };
        let mut attachment = Attachment::None;
        let message = match message {
            Message::Proposal(txn) => Message::Proposal(self.ledger.real(txn, &known(txn.zxid))?),
            Message::Inform(txn) => Message::Inform(self.ledger.real(txn, &known(txn.zxid))?),
            Message::Snap(zxid) => {
                let tree = self.ledger.tree(&known(*zxid));
                attachment = Attachment::Snapshot(Box::new(Snapshot { tree, digest: None, size: 0 }));
                Message::Snap(*zxid)
            }
            Message::Request(Request::Write(payload)) => Message::Request(forwarded(payload)),
            Message::Request(Request::Sync(_)) => {
                let request = ClientRequest::Sync { path: Some("/".to_owned()) };
                Message::Request(Request::Sync(asked(files::SESSIONS, &request)))
            }
            Message::Revalidate(_) => return self.cannot_tell("a session moves"),
            Message::Ping(number) => {
                attachment = Attachment::Touched(Vec::new());
                Message::Ping(*number)
            }
            other => other.clone(),
        };
        Ok(Packet { message, attachment })
    }

    // ---- What happens to the others -------------------------------------------------------------------------------

    fn at_actor(&mut self, id: ServerId, event: &Event) -> Told {
        match event {
            Event::Recovered { .. } => {
                self.actors.remove(&id);
                self.down.remove(&id);
                let places = ((id, self.ports[&id]), (self.id, self.ports[&self.id]));
                let actor = Actor::start(self.runtime.handle(), places.0, places.1)?;
                self.actors.insert(id, actor);
                Ok(())
            }
            // What it said last may still arrive.
            Event::Crashed => {
                self.down.insert(id);
                Ok(())
            }
            Event::Flushed { .. } => Ok(()),
            Event::Stepped { input, outputs } => {
                self.hears(id, input)?;
                self.leaves(id, outputs)
            }
        }
    }

    fn hears(&mut self, id: ServerId, input: &Input) -> Told {
        match input {
            Input::Receive(from, message) if *from == self.id => self.expect(id, message),
            Input::Connected(leader) if *leader == self.id => {
                self.closed.remove(&id);
                self.actor(id)?.meet().map_err(|why| format!("{id} cannot come to Apache's server: {why}"))
            }
            Input::Disconnected(from) if *from == self.id => {
                let closed = self.closed.remove(&id);
                let actor = self.actor(id)?;
                if closed && !actor.is_left() {
                    return Err(format!("Apache's server should leave {id}, and does not"));
                }
                actor.close();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn leaves(&mut self, id: ServerId, outputs: &[Output]) -> Told {
        let java = self.id;
        for output in outputs {
            match output {
                Output::Connect(leader) if *leader == java => self.actor(id)?.connect(java),
                Output::Disconnect(from) if *from == java => self.actor(id)?.close(),
                Output::Disconnect(from) if *from == id => self.actor(id)?.close_port(),
                _ => {}
            }
        }
        Ok(())
    }

    /// Apache's server must have said this, next on its connection.
    pub(super) fn expect(&mut self, at: ServerId, message: &Message) -> Told {
        let observes = self.observers.contains(&at);
        let said = self.said.get(&at).map_or(&[][..], Vec::as_slice);
        let (ledger, notes, history) = (&mut self.ledger, &mut self.notes, &self.history);
        let actor = self.actors.get_mut(&at).ok_or_else(|| format!("{at} is down"))?;
        self.compared += 1;
        match message {
            // It pings by its own clock, and on the election port says all again by its own.
            Message::Ping(_) => Ok(()),
            Message::Notification(expected) => {
                let found = actor.wait(|actor| {
                    let at = actor.notifications.iter().position(|own| tolerance::is_said(expected, own, observes))?;
                    actor.notifications.drain(..at).for_each(drop);
                    Some(())
                });
                // Of what was said to a server that could not be reached yet, the newest is kept; the story has both.
                let newer = |own: &Notification| said.iter().any(|other| tolerance::is_said(other, own, observes));
                let replaced = said.contains(expected) && actor.notifications.iter().any(newer);
                if found.is_some() || replaced {
                    return Ok(());
                }
                let own = tell(&actor.notifications);
                Err(format!("to {at}\n  specified: {message}\n   Apache's: {own}"))
            }
            expected => {
                let next = actor.wait(|actor| {
                    let packets = actor.packets()?;
                    tolerance::skip(packets, expected, history, notes);
                    packets.pop_front()
                });
                let Some(packet) = next else {
                    return Err(format!("to {at}\n  specified: {expected}\n   Apache's: nothing"));
                };
                if let Message::Proposal(txn) | Message::Inform(txn) = &packet.message {
                    ledger.learn(txn);
                }
                let own = translation::message(&packet.message);
                if own == *expected || tolerance::is_same_tree(expected, &own, notes) {
                    return Ok(());
                }
                self.known = tolerance::ends_with(expected, &own);
                Err(format!("to {at}\n  specified: {expected} {expected:?}\n   Apache's: {own} {own:?}"))
            }
        }
    }

    fn actor(&mut self, id: ServerId) -> Told<&mut Actor> {
        self.actors.get_mut(&id).ok_or_else(|| format!("{id} is down"))
    }
}

fn tell(notifications: &VecDeque<Notification>) -> String {
    let words: Vec<String> = notifications.iter().map(ToString::to_string).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

fn forwarded(payload: &Payload) -> Request {
    let session = payload.0.first().map_or(0, |number| number % (files::SESSIONS - 1)) + 1;
    Request::Write(asked(session, &ClientRequest::Write(translation::change(payload))))
}

fn asked(session: u8, request: &ClientRequest) -> Payload {
    let mut body = Vec::new();
    request.encode(&mut body);
    let (session, body) = (SessionId(session.into()), Bytes::from(body));
    ForwardedRequest { session, cxid: 1, kind: request.kind(), body, identities: Vec::new() }.to_payload()
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

//! Making an action happen: the interpreter of `zab`'s outputs.

use super::{Action, Connection, End, OpenSync, World};
use crate::bounds::{Discovery, Grain, Kind};
use crate::zookeeper::ZooKeeper;
use bytes::Bytes;
use zab::peer::{LeaderPhase, Role};
use zab::{History, Input, Message, Output, Payload, Peer, Request, Round, ServerId, Timer, Txn, Write, Zxid};

/// The payloads of the model: each transaction says its own number, and so differs from every other.
static PAYLOADS: [u8; 64] = {
    let mut payloads = [0; 64];
    let mut number = 0;
    while number < payloads.len() {
        payloads[number] = number as u8;
        number += 1;
    }
    payloads
};

/// Someone who is told of every input that a server takes, and of what it does: a recorder of traces, a diagram.
pub trait Watch {
    /// A server started on its disk.
    fn recovered(&mut self, _id: ServerId, _outputs: &[Output]) {}
    /// A server took a step.
    fn stepped(&mut self, _id: ServerId, _input: &Input, _outputs: &[Output]) {}
    /// A write became durable.
    fn flushed(&mut self, _id: ServerId, _write: &Write) {}
    /// A server crashed.
    fn crashed(&mut self, _id: ServerId) {}
}

/// Nobody.
impl Watch for () {}

/// An action in the making.
pub struct Stepper<'a, W: Watch> {
    pub(super) model: &'a ZooKeeper,
    pub(super) world: &'a mut World,
    pub(super) watch: &'a mut W,
    /// What servers still have to take in before the action is over: messages to themselves, prepared requests.
    pub(super) pending: Vec<(ServerId, Input)>,
}

impl<'a, W: Watch> Stepper<'a, W> {
    /// A stepper on `world`.
    pub fn new(model: &'a ZooKeeper, world: &'a mut World, watch: &'a mut W) -> Stepper<'a, W> {
        Stepper { model, world, watch, pending: Vec::new() }
    }

    /// Makes `action` happen, which must be enabled.
    pub fn act(&mut self, action: Action) {
        match action {
            Action::Deliver { learner, leader, to } => self.deliver(learner, leader, to),
            Action::Notify { from, to } => self.notify(from, to),
            Action::Flush(id) => match self.model.bounds.grain {
                Grain::Write => self.flush_one(id),
                Grain::Batch | Grain::Atomic => self.flush_all(id),
            },
            Action::Crash(id) => self.crash(id),
            Action::Restart(id) => self.restart(id),
            Action::Break(a, b) => self.break_link(a, b),
            Action::Notice { learner, leader, at } => self.notice(learner, leader, at),
            Action::Connect { learner, leader } => self.connect(learner, leader),
            Action::Timeout(id, timer) => self.timeout(id, timer),
            Action::Write(id) => self.write(id),
            Action::Sync(id) => self.sync(id),
            Action::Snapshot(id) => self.snapshot(id),
            Action::Recall { leader, learner, found } => self.recall(leader, learner, found),
            Action::Elect { at, leader } => self.elect(at, leader),
        }
        self.settle();
    }

    /// Starts every server for the first time.
    pub fn start(&mut self) {
        let all: Vec<_> = self.world.ids().collect();
        self.start_together(&all);
    }

    /// Starts these servers, which are down, at one moment.
    pub fn start_together(&mut self, ids: &[ServerId]) {
        // All are there before anything is sent: what is sent to a server that is down is lost.
        let recovered: Vec<_> = ids.iter().map(|id| (*id, self.recover(*id))).collect();
        for (id, outputs) in recovered {
            self.perform(id, outputs);
        }
        self.settle();
    }

    fn deliver(&mut self, learner: ServerId, leader: ServerId, to: End) {
        let connection = self.connection(learner, leader);
        let message = connection.inbound_mut(to).remove(0);
        let (from, to) = match to {
            End::Learner => (leader, learner),
            End::Leader => (learner, leader),
        };
        self.input(to, Input::Receive(from, message));
    }

    fn notify(&mut self, from: ServerId, to: ServerId) {
        if self.model.bounds.delays.is_some() {
            let passed = self.world.lateness(self.world.link_place(from, to));
            self.world.budget.delays -= passed;
            // Those that it passes are due again behind all that are on their way.
            self.world.due.rotate_left(passed.into());
            self.world.due.remove(0);
        }
        let link = self.world.election_link(from, to);
        let notification = link.receive().expect("a notification is on the wire");
        self.input(to, Input::Receive(from, Message::Notification(notification)));
    }

    fn break_link(&mut self, a: ServerId, b: ServerId) {
        self.world.budget.breaks -= 1;
        for connection in &mut self.world.connections {
            if [(a, b), (b, a)].contains(&(connection.learner, connection.leader)) {
                connection.broken = true;
            }
        }
        if self.model.bounds.kind != Kind::Zab {
            *self.world.election_link(a, b) = Default::default();
            *self.world.election_link(b, a) = Default::default();
        }
    }

    fn notice(&mut self, learner: ServerId, leader: ServerId, at: End) {
        self.connection(learner, leader).close(at);
        let (id, other) = match at {
            End::Learner => (learner, leader),
            End::Leader => (leader, learner),
        };
        self.forget_unsent(id, other);
        self.input(id, Input::Disconnected(other));
    }

    fn connect(&mut self, learner: ServerId, leader: ServerId) {
        let connection = Connection::new(learner, leader);
        let place = self.world.connections.partition_point(|other| (other.learner, other.leader) < (learner, leader));
        self.world.connections.insert(place, connection);
        self.input(learner, Input::Connected(leader));
    }

    fn elect(&mut self, at: ServerId, leader: ServerId) {
        self.input(at, Input::Elected(leader));
        if at == leader {
            self.world.budget.elections -= 1;
        } else {
            self.connect(at, leader);
        }
    }

    fn timeout(&mut self, id: ServerId, timer: Timer) {
        if matches!(timer, Timer::Init | Timer::Ping) {
            // Whoever has patience to lose loses it first; without a budget only those time out who wait in vain.
            let budget = &mut self.world.budget.timeouts;
            *budget = budget.saturating_sub(1);
        }
        self.input(id, Input::Timeout(timer));
    }

    fn write(&mut self, id: ServerId) {
        let number = usize::from(self.model.bounds.budget.transactions - self.world.budget.transactions);
        self.world.budget.transactions -= 1;
        let payload = Payload(Bytes::from_static(&PAYLOADS[number..=number]));
        self.world.server_mut(id).syncs.iter_mut().for_each(|sync| sync.later |= 1 << number);
        self.input(id, Input::Request(Request::Write(payload)));
    }

    fn sync(&mut self, id: ServerId) {
        self.world.budget.syncs -= 1;
        let delivered = self.world.past.delivered.len() as u8;
        self.world.server_mut(id).syncs.push(OpenSync { promised: delivered, later: 0 });
        self.input(id, Input::Request(Request::Sync(Payload::default())));
    }

    fn snapshot(&mut self, id: ServerId) {
        self.world.budget.snapshots -= 1;
        let zxid = self.world.server(id).peer.as_ref().map_or(Zxid::ZERO, |peer| peer.delivered);
        self.input(id, Input::Snapshotted(zxid));
    }

    /// What its snapshot stands for is what its log once held, and holds unless it was thrown away.
    fn recall(&mut self, leader: ServerId, learner: ServerId, found: bool) {
        let server = self.world.server(leader);
        let peer = server.peer.as_ref().expect("a server that leads is up");
        let Role::Leading(leading) = &peer.role else { unreachable!("only leaders recall") };
        let last = leading.learners.iter().find(|other| other.id == learner).map_or(Zxid::ZERO, |other| other.zxid);
        let (older, newer): (Vec<&Txn>, Vec<&Txn>) = server.delivered.iter().partition(|txn| txn.zxid <= last);
        let mut history = History::from_snapshot(older.last().map_or(Zxid::ZERO, |txn| txn.zxid));
        newer.into_iter().for_each(|txn| history.append(txn.clone()));
        self.input(leader, Input::Recalled(learner, if found { history } else { History::default() }));
    }

    fn crash(&mut self, id: ServerId) {
        self.world.budget.crashes -= 1;
        self.watch.crashed(id);
        let server = self.world.server_mut(id);
        server.peer = None;
        server.queue.clear();
        server.delivered.clear();
        server.syncs.clear();
        self.close_all(id);
        if self.model.bounds.kind != Kind::Zab {
            for other in self.world.ids() {
                *self.world.election_link(other, id) = Default::default();
                self.world.election_link(id, other).waiting = None;
            }
        }
    }

    fn restart(&mut self, id: ServerId) {
        let outputs = self.recover(id);
        self.perform(id, outputs);
    }

    fn recover(&mut self, id: ServerId) -> Vec<Output> {
        let mut outputs = Vec::new();
        let ensemble = self.model.ensemble.clone();
        let server = self.world.server_mut(id);
        server.delivered = server.snapshot.clone();
        server.peer = Some(Peer::recover(id, ensemble, &server.disk, &mut outputs));
        self.watch.recovered(id, &outputs);
        outputs
    }

    /// Gives a server that is up an input for which no action stands, and works off what it owes.
    pub fn take(&mut self, id: ServerId, input: Input) {
        self.input(id, input);
        self.settle();
    }

    /// Gives a server an input and does what it says.
    pub fn input(&mut self, id: ServerId, input: Input) {
        let mut outputs = Vec::new();
        let peer = self.world.server_mut(id).peer.as_mut().expect("only a server that is up takes inputs");
        let broadcast = broadcasts(peer);
        peer.step(input.clone(), &mut outputs);
        self.model.mutation.reorder(id, &input, &mut outputs);
        self.watch.stepped(id, &input, &outputs);
        self.note_syncs(id, &outputs);
        let deliveries = apply_deliveries(self.world, id, &outputs, &input);
        let server = &self.world.servers[usize::from(id.0) - 1];
        let peer = server.peer.as_ref().expect("it took a step");
        if deliveries || broadcast != broadcasts(peer) || is_watched(&input) {
            self.world.past.observe(peer, broadcast, &input, &outputs, &server.delivered);
        }
        self.perform(id, outputs);
        let server = self.world.server_mut(id);
        if !server.peer.as_ref().is_some_and(Peer::is_serving) {
            // Its clients are sent away, and wait for nothing any more.
            server.syncs.clear();
        }
    }

    fn perform(&mut self, id: ServerId, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Write(write) => self.queue_write(id, write),
                Output::Send(to, message) => self.send(id, to, message),
                Output::SendWhenDurable(to, message) => self.send_when_durable(id, to, message),
                Output::Disconnect(other) => self.disconnect(id, other),
                Output::Prepare(_, Request::Write(payload)) => self.pending.push((id, Input::Propose(payload))),
                Output::Prepare(_, Request::Sync(_)) => unreachable!("syncs are not prepared"),
                Output::Synced => self.synced(id),
                Output::Revalidate(from, session) => self.pending.push((id, Input::Revalidated(from, session))),
                // The connection is opened by an action of its own; deliveries are done; waits have no length here.
                Output::Connect(_) | Output::Deliver(_) | Output::Install(_) | Output::Arm(_) => {}
                // The log on the disk is looked through by an action of its own.
                Output::Revalidated(_) | Output::Recall(..) | Output::Halt(_) => {}
            }
        }
        if self.model.bounds.grain == Grain::Atomic {
            self.flush_all(id);
        }
        self.forget_election(id);
    }

    /// Works off what the action still owes.
    fn settle(&mut self) {
        loop {
            if !self.pending.is_empty() {
                let (id, input) = self.pending.remove(0);
                self.input(id, input);
            } else if let Some((learner, leader, to)) = self.discovers() {
                self.deliver(learner, leader, to);
            } else {
                break;
            }
        }
        self.world.connections.retain(|connection| connection.learner_open || connection.leader_open);
        if self.model.bounds.delays.is_some() {
            let (due, election) = (&mut self.world.due, &self.world.election);
            due.retain(|index| election[usize::from(*index)].wire.is_some());
            let sent = (0..election.len() as u8).filter(|index| election[usize::from(*index)].wire.is_some());
            let new: Vec<u8> = sent.filter(|index| !due.contains(index)).collect();
            due.extend(new);
        }
    }

    /// Where discovery is one step, a message of it that is on its way.
    fn discovers(&self) -> Option<(ServerId, ServerId, End)> {
        if self.model.bounds.discovery == Discovery::Messages {
            return None;
        }
        let ends = self.world.connections.iter().flat_map(|c| [(c, End::Leader), (c, End::Learner)]);
        let mut next = ends.filter(|(c, end)| c.is_open(*end) && c.inbound(*end).first().is_some_and(is_discovery));
        next.next().map(|(c, end)| (c.learner, c.leader, end))
    }

    fn synced(&mut self, id: ServerId) {
        let server = self.world.server_mut(id);
        let (promised, delivered) = (usize::from(server.syncs.remove(0).promised), server.delivered.len());
        if delivered < promised {
            self.world.past.misdeeds.sync = true;
        }
    }

    /// What the syncs' client asked for later must not be delivered before they are answered.
    fn note_syncs(&mut self, id: ServerId, outputs: &[Output]) {
        let server = self.world.server_mut(id);
        let mut open = server.syncs.iter().peekable();
        let mut overtaken = false;
        for output in outputs {
            match output {
                Output::Synced => drop(open.next()),
                Output::Deliver(txn) => {
                    let number = u32::from(txn.payload.0.first().copied().unwrap_or(u8::MAX));
                    let is_later = |sync: &&OpenSync| sync.later.checked_shr(number).is_some_and(|bits| bits & 1 == 1);
                    overtaken |= open.peek().is_some_and(is_later);
                }
                _ => {}
            }
        }
        self.world.past.misdeeds.sync |= overtaken;
    }

    /// Where an oracle elects, what the peer keeps for elections of its own means nothing.
    fn forget_election(&mut self, id: ServerId) {
        if self.model.bounds.kind != Kind::Zab {
            return;
        }
        if let Some(peer) = &mut self.world.server_mut(id).peer {
            peer.round = Round::default();
            peer.vote = None;
            if let Role::Looking(looking) = &mut peer.role {
                *looking = Default::default();
            }
        }
    }

    fn connection(&mut self, learner: ServerId, leader: ServerId) -> &mut Connection {
        let mut connections = self.world.connections.iter_mut();
        connections.find(|c| (c.learner, c.leader) == (learner, leader)).expect("the connection is there")
    }
}

fn is_discovery(message: &Message) -> bool {
    use Message::{AckEpoch, FollowerInfo, LeaderInfo, ObserverInfo};
    matches!(message, FollowerInfo(_) | ObserverInfo(_) | LeaderInfo(_) | AckEpoch(_))
}

fn broadcasts(peer: &Peer) -> bool {
    matches!(&peer.role, Role::Leading(leading) if leading.phase == LeaderPhase::Broadcast)
}

/// Whether the past must be asked even though nothing was delivered.
fn is_watched(input: &Input) -> bool {
    matches!(input, Input::Receive(..) | Input::Propose(_))
}

/// Applies what was delivered to the state machine; whether anything was.
fn apply_deliveries(world: &mut World, id: ServerId, outputs: &[Output], input: &Input) -> bool {
    let mut any = false;
    for output in outputs {
        match output {
            Output::Deliver(txn) => world.server_mut(id).delivered.push(txn.clone()),
            Output::Install(_) => {
                let Input::Receive(from, _) = input else { unreachable!("snapshots come from leaders") };
                let mut connections = world.connections.iter_mut();
                let connection = connections.find(|c| (c.learner, c.leader) == (id, *from)).expect("it brought SNAP");
                let snapshot = std::mem::take(&mut connection.snapshot);
                world.server_mut(id).delivered = snapshot;
            }
            _ => continue,
        }
        any = true;
    }
    any
}

impl World {
    /// The election link between two servers.
    pub(crate) fn election_link(&mut self, from: ServerId, to: ServerId) -> &mut super::ElectionLink {
        let place = self.link_place(from, to);
        &mut self.election[place]
    }
}

//! The run: what happens next, to whom, and what follows at once.

use super::callers::{Aim, Caller};
use super::links::{Dial, Notes, Wire};
use super::member::Member;
use super::running::Running;
use super::schedule::{Fault, MS, Schedule};
use super::{Defect, TICK, TIMEOUT};
use crate::dice::Dice;
use crate::histories::{Client, History};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::{Arc, PoisonError};
use zab::{Ensemble, ServerId};
use zabkeeper::client_port::connection::Connection;
use zabkeeper::link::LinkEvent;
use zabkeeper::node::Incoming;
use zabkeeper::node::journal::Durable;

/// Something that will happen, unless it has become void by then.
pub(super) enum Happening {
    /// A node's clock calls.
    Wake(usize, u64),
    /// A disk is done.
    Durable(usize, u64),
    /// A snapshot's file is written.
    Snapshot(usize, u64),
    /// A server hears something.
    Tell(usize, u64, LinkEvent),
    /// A learner tries to connect.
    Dial(Dial),
    /// Something arrives at an end of a quorum connection.
    Arrive(usize, usize),
    /// An end of a quorum connection may have heard nothing for too long.
    Silence(usize, usize),
    /// Something of a client arrives at its server.
    Up(usize, u64),
    /// Something arrives at a client.
    Down(usize, u64),
    /// A client's connection has ended.
    Gone(usize, u64, Arc<Connection>),
    /// A client's turn.
    Act(usize),
    /// A fault of the schedule comes.
    Begin(usize),
    /// A fault is over: whom it befell is known since it came.
    End(Fault, Vec<usize>),
}

struct Planned {
    at: u64,
    number: u64,
    happening: Happening,
}

impl PartialEq for Planned {
    fn eq(&self, other: &Planned) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Planned) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    fn cmp(&self, other: &Planned) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// The oldest that is on its way, if it has arrived.
pub(super) fn arrived<T>(way: &mut VecDeque<(u64, T)>, now: u64) -> Option<(u64, T)> {
    if way.front().is_some_and(|(due, _)| *due <= now) { way.pop_front() } else { None }
}

/// All servers and clients, and what is on its way between them.
pub(super) struct World {
    pub now: u64,
    pub dice: Dice,
    pub members: Vec<Member>,
    pub callers: Vec<Caller>,
    pub history: History,
    pub defect: Option<Defect>,
    /// Some write was acknowledged since this was last set to false.
    pub written: bool,
    pub wires: Vec<Wire>,
    pub notes: BTreeMap<(usize, usize), Notes>,
    /// How many faults keep something from passing.
    pub blocked: BTreeMap<(usize, usize), u32>,
    pub slow_network: u64,
    /// Of each server: its attempts to connect, and in which run it listens.
    pub attempts: Vec<u64>,
    pub listening: Vec<Option<u64>>,
    pub calls: u64,
    pub schedule: Schedule,
    pub ensemble: Arc<Ensemble>,
    heap: BinaryHeap<Reverse<Planned>>,
    planned: u64,
    /// Faults that keep a server from starting.
    pub down: Vec<u32>,
    /// How often one stopped because its disk was full.
    pub stops: usize,
}

impl World {
    /// Servers with empty disks, which start now, and clients.
    pub(super) fn new(schedule: &Schedule, clients: usize, defect: Option<Defect>) -> Result<World, String> {
        let servers = schedule.servers + schedule.observers;
        let ids = (1..=servers).map(|id| ServerId(u8::try_from(id).unwrap_or(u8::MAX)));
        let (voters, observers) = (ids.clone().take(schedule.servers), ids.clone().skip(schedule.servers));
        let ensemble = Arc::new(Ensemble::majority(voters, observers).map_err(|error| error.to_string())?);
        let seed = schedule.seed;
        let client = |number: usize| Client::new(number, TIMEOUT, seed.wrapping_mul(31).wrapping_add(number as u64));
        let (history, wires, notes, blocked, heap) = Default::default();
        let mut world = World {
            now: 0,
            dice: Dice::new(!seed),
            members: ids.map(|id| Member::new(id, seed)).collect(),
            callers: (1..=clients).map(|number| Caller::new(client(number), Aim::Work)).collect(),
            history,
            defect,
            written: false,
            wires,
            notes,
            blocked,
            slow_network: 1,
            attempts: vec![0; servers],
            listening: vec![None; servers],
            calls: 0,
            schedule: schedule.clone(),
            ensemble,
            heap,
            planned: 0,
            down: vec![0; servers],
            stops: 0,
        };
        (0..servers).try_for_each(|server| world.start(server))?;
        (0..clients).for_each(|number| world.plan(200 * MS, Happening::Act(number)));
        for (number, planned) in schedule.faults.iter().enumerate() {
            world.plan(planned.at, Happening::Begin(number));
        }
        Ok(world)
    }

    /// Something will happen, so many microseconds from now.
    pub(super) fn plan(&mut self, wait: u64, happening: Happening) {
        self.planned += 1;
        self.heap.push(Reverse(Planned { at: self.now + wait, number: self.planned, happening }));
    }

    /// Lets everything happen until a moment, or until `enough`.
    ///
    /// # Errors
    /// When a server cannot go on.
    pub(super) fn run(&mut self, until: u64, enough: impl Fn(&World) -> bool) -> Result<bool, String> {
        while self.heap.peek().is_some_and(|Reverse(next)| next.at <= until) {
            let Some(Reverse(next)) = self.heap.pop() else { break };
            self.now = self.now.max(next.at);
            if let Some(wake) = self.frozen_until(&next.happening) {
                // A silence is looked for when all that came meanwhile was read.
                let later = u64::from(matches!(next.happening, Happening::Silence(..)));
                self.plan(wake - self.now + later, next.happening);
                continue;
            }
            self.happen(next.happening)?;
            if enough(self) {
                return Ok(true);
            }
        }
        self.now = until;
        Ok(false)
    }

    /// Until when the server stands still to which this happens.
    fn frozen_until(&self, happening: &Happening) -> Option<u64> {
        let server = match happening {
            Happening::Wake(server, _)
            | Happening::Durable(server, _)
            | Happening::Snapshot(server, _)
            | Happening::Tell(server, ..)
            | Happening::Gone(server, ..) => *server,
            Happening::Dial(dial) => dial.from,
            Happening::Arrive(wire, end) | Happening::Silence(wire, end) => self.server_at(*wire, *end),
            Happening::Up(number, _) => self.callers[*number].server(),
            Happening::Down(..) | Happening::Act(_) | Happening::Begin(_) | Happening::End(..) => return None,
        };
        Some(self.members[server].frozen).filter(|wake| *wake > self.now)
    }

    fn happen(&mut self, happening: Happening) -> Result<(), String> {
        match happening {
            Happening::Wake(server, run) => {
                if let Some(running) = self.running(server, run) {
                    running.wake = None;
                    self.turn(server)?;
                }
                Ok(())
            }
            Happening::Durable(server, run) => self.durable(server, run),
            Happening::Snapshot(server, run) => {
                let lacks_room = self.members[server].lacks_room();
                match self.running(server, run).map(Running::end_snapshot) {
                    Some(Ok(Some(zxid))) => self.tell(server, run, Incoming::Snapshotted(zxid)),
                    Some(Err(_)) if lacks_room => self.tell(server, run, Incoming::NotSnapshotted),
                    Some(Err(error)) => Err(error),
                    Some(Ok(None)) | None => Ok(()),
                }
            }
            Happening::Tell(server, run, event) => self.tell(server, run, Incoming::Link(event)),
            Happening::Dial(dial) => {
                self.dial(dial);
                Ok(())
            }
            Happening::Arrive(wire, end) => self.arrive(wire, end),
            Happening::Silence(wire, end) => self.silence(wire, end),
            Happening::Up(number, call) => self.up(number, call),
            Happening::Down(number, call) => self.down(number, call),
            Happening::Gone(server, run, connection) => self.gone(server, run, &connection),
            Happening::Act(number) => self.act(number),
            Happening::Begin(number) => self.begin(number),
            Happening::End(fault, befallen) => self.end_fault(fault, &befallen),
        }
    }

    // ---- Servers --------------------------------------------------------------------------------------------------

    pub(super) fn running(&mut self, server: usize, run: u64) -> Option<&mut Running> {
        let member = &mut self.members[server];
        member.running.as_mut().filter(|_| member.run == run)
    }

    /// Sets a server's clocks.
    pub(super) fn set_time(&self, server: usize) {
        let member = &self.members[server];
        if let Some(running) = &member.running {
            running.set_time(self.now, member.calendar);
        }
    }

    /// A server hears something, unless that run of it is over.
    pub(super) fn tell(&mut self, server: usize, run: u64, incoming: Incoming) -> Result<(), String> {
        let Some(running) = self.running(server, run) else { return Ok(()) };
        running.handle.send(incoming);
        self.turn(server)
    }

    /// A server does all that it can do now.
    pub(super) fn turn(&mut self, server: usize) -> Result<(), String> {
        self.set_time(server);
        let id = self.members[server].id;
        let Some(running) = &mut self.members[server].running else { return Ok(()) };
        let done = running.node.turn().and_then(|()| running.node.pass_time());
        let asked: VecDeque<_> = std::mem::take(&mut *running.asked.lock().unwrap_or_else(PoisonError::into_inner));
        self.members[server].listen();
        done.map_err(|error| format!("{id} cannot go on: {error}"))?;
        asked.into_iter().try_for_each(|asked| self.serve_network(server, asked))?;
        self.write(server);
        self.collect(server);
        let (now, run) = (self.now, self.members[server].run);
        let Some(running) = &mut self.members[server].running else { return Ok(()) };
        let deadline = running.deadline().max(now + 1);
        if running.wake.is_none_or(|wake| wake > deadline) {
            running.wake = Some(deadline);
            self.plan(deadline - now, Happening::Wake(server, run));
        }
        Ok(())
    }

    /// The disk begins, if it is free and something waits.
    fn write(&mut self, server: usize) {
        let (defect, member) = (self.defect, &mut self.members[server]);
        let (run, slow) = (member.run, member.slow);
        let Some(syncs) = member.running.as_mut().and_then(|running| running.begin_group(defect)) else { return };
        let delay = match syncs {
            true if self.dice.once_in(40) => self.dice.between(5_000, 60_000),
            true => self.dice.between(200, 3_000) * slow,
            false => 1,
        };
        self.plan(delay, Happening::Durable(server, run));
        if defect == Some(Defect::AckBeforeSync) {
            self.plan(0, Happening::Wake(server, run));
        }
    }

    fn durable(&mut self, server: usize, run: u64) -> Result<(), String> {
        let defect = self.defect;
        if self.running(server, run).is_none() {
            return Ok(());
        }
        let Some((turns, released)) = self.members[server].end_group(defect)? else { return self.stop(server) };
        self.tell(server, run, Incoming::Durable(Durable { turns, released }))
    }

    pub(super) fn start(&mut self, server: usize) -> Result<(), String> {
        let (now, ensemble) = (self.now, self.ensemble.clone());
        match self.members[server].start(&ensemble, now) {
            Err(_) if self.members[server].lacks_room() => return self.stop(server),
            started => started?,
        }
        self.greet(server);
        self.turn(server)
    }

    pub(super) fn crash(&mut self, server: usize, power: bool) -> Result<(), String> {
        if self.members[server].running.is_none() {
            return Ok(());
        }
        let mut dice = Dice::new(self.dice.below(u64::MAX));
        self.members[server].crash(power, &mut |most| dice.below(most as u64 + 1) as usize);
        (self.listening[server], self.members[server].frozen) = (None, 0);
        self.attempts[server] += 1;
        self.cut_callers(server);
        self.break_all(server, true)
    }

    // ---- The end --------------------------------------------------------------------------------------------------

    /// Whether all servers serve the same.
    pub(super) fn is_settled(&self) -> bool {
        let state = |member: &Member| {
            let running = member.running.as_ref().filter(|running| running.shared.is_serving())?;
            let tree = running.shared.tree.read();
            Some((tree.last_zxid(), tree.digest()))
        };
        let states: Vec<_> = self.members.iter().map(state).collect();
        states.iter().all(|state| state.is_some() && *state == states[0])
    }

    /// A client that has just come.
    pub(super) fn enter(&mut self, aim: Aim) {
        let number = self.callers.len() + 1;
        self.callers.push(Caller::new(Client::new(number, 20 * TICK as i32, number as u64), aim));
        self.plan(0, Happening::Act(number - 1));
    }
}

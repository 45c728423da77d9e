//! Faults that come and go.

use super::member::Member;
use super::running::Running;
use super::schedule::{Fault, MS, Planned, Victim};
use super::world::{Happening, World};
use zab::Role;

impl World {
    fn find(&self, victim: Victim) -> usize {
        let leads = |member: &Member| {
            member.running.as_ref().is_some_and(|running| matches!(running.node.peer().role, Role::Leading(_)))
        };
        match victim {
            Victim::Server(server) => server,
            Victim::Leader => self.members.iter().position(leads).unwrap_or(0),
        }
    }

    /// The ways that a fault closes.
    fn ways(&self, fault: Fault, server: usize) -> Vec<(usize, usize)> {
        let others = (0..self.members.len()).filter(|other| *other != server);
        match fault {
            Fault::CutOff(_) => others.flat_map(|other| [(server, other), (other, server)]).collect(),
            Fault::Mute(_) => others.map(|other| (server, other)).collect(),
            Fault::Deaf(_) => others.map(|other| (other, server)).collect(),
            Fault::OneWay(from, to) => vec![(from, to)],
            _ => Vec::new(),
        }
    }

    pub(super) fn begin(&mut self, number: usize) -> Result<(), String> {
        let Planned { lasts, fault, .. } = self.schedule.faults[number];
        let server = match fault {
            Fault::Killed(victim)
            | Fault::PowerLost(victim)
            | Fault::CutOff(victim)
            | Fault::Mute(victim)
            | Fault::Deaf(victim)
            | Fault::Frozen(victim)
            | Fault::ClockAhead(victim, _)
            | Fault::CalendarBack(victim, _)
            | Fault::SlowDisk(victim, _)
            | Fault::FullDisk(victim, _)
            | Fault::Snapshot(victim)
            | Fault::Broken(victim) => self.find(victim),
            Fault::OneWay(from, _) => from,
            Fault::AllDark | Fault::SlowNetwork(_) => 0,
        };
        let befallen = if fault == Fault::AllDark { (0..self.members.len()).collect() } else { vec![server] };
        self.plan(lasts, Happening::End(fault, befallen.clone()));
        for way in self.ways(fault, server) {
            *self.blocked.entry(way).or_default() += 1;
        }
        match fault {
            Fault::Killed(_) | Fault::PowerLost(_) | Fault::AllDark => {
                for server in befallen {
                    self.down[server] += 1;
                    self.crash(server, !matches!(fault, Fault::Killed(_)))?;
                }
            }
            Fault::Frozen(_) => self.members[server].frozen = self.now + lasts,
            Fault::ClockAhead(_, by) => {
                if let Some(running) = &mut self.members[server].running {
                    (running.ahead, running.wake) = (running.ahead + by * MS, None);
                    let run = self.members[server].run;
                    self.plan(0, Happening::Wake(server, run));
                }
            }
            Fault::CalendarBack(_, by) => self.members[server].calendar -= by as i64,
            Fault::SlowDisk(_, times) => self.members[server].slow = times,
            Fault::FullDisk(_, room) => self.members[server].leave_room(Some(room)),
            Fault::SlowNetwork(times) => self.slow_network = times,
            Fault::Snapshot(_) => self.snapshot(server)?,
            Fault::Broken(_) => self.break_all(server, false)?,
            Fault::CutOff(_) | Fault::Mute(_) | Fault::Deaf(_) | Fault::OneWay(..) => {}
        }
        Ok(())
    }

    fn snapshot(&mut self, server: usize) -> Result<(), String> {
        let run = self.members[server].run;
        if self.running(server, run).is_some_and(Running::begin_snapshot) {
            let delay = self.dice.between(100, 20_000);
            self.plan(delay, Happening::Snapshot(server, run));
            self.turn(server)?;
        }
        Ok(())
    }

    pub(super) fn end_fault(&mut self, fault: Fault, befallen: &[usize]) -> Result<(), String> {
        for server in befallen.iter().copied() {
            for (from, to) in self.ways(fault, server) {
                self.blocked.entry((from, to)).and_modify(|times| *times = times.saturating_sub(1));
                self.pass_again(from, to);
            }
            match fault {
                Fault::Killed(_) | Fault::PowerLost(_) | Fault::AllDark => self.come_again(server)?,
                Fault::SlowDisk(..) => self.members[server].slow = 1,
                Fault::FullDisk(..) => {
                    self.members[server].leave_room(None);
                    if std::mem::take(&mut self.members[server].stopped) {
                        self.come_again(server)?;
                    }
                }
                Fault::SlowNetwork(_) => self.slow_network = 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// It needs room on its disk and has none: it ends, and whoever looks after it starts it when there is room.
    pub(super) fn stop(&mut self, server: usize) -> Result<(), String> {
        self.stops += 1;
        self.members[server].stopped = true;
        self.down[server] += 1;
        self.crash(server, false)
    }

    /// One of the faults is over that keep a server from starting.
    fn come_again(&mut self, server: usize) -> Result<(), String> {
        self.down[server] -= 1;
        if self.down[server] == 0 { self.start(server) } else { Ok(()) }
    }
}

//! What goes wrong in a run, and when: made from a seed, and shortened without changing anything else.

use crate::dice::Dice;
use std::fmt;

/// One millisecond, in the simulation's unit.
pub const MS: u64 = 1000;

/// When the first fault comes, at the earliest: an ensemble that has begun to serve has more to lose.
const WARM: u64 = 1500 * MS;

/// Whom something happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    /// Whoever leads then; the first if nobody does.
    Leader,
    /// This server, from 0.
    Server(usize),
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process is killed, and comes again later. What it wrote is written.
    Killed(Victim),
    /// Power is lost, and comes again later. Of what was not synced any part may be there: the last write may be torn.
    PowerLost(Victim),
    /// Power is lost everywhere.
    AllDark,
    /// Nothing reaches this server, and nothing comes from it.
    CutOff(Victim),
    /// Nothing that this server sends reaches anybody.
    Mute(Victim),
    /// Nothing reaches this server.
    Deaf(Victim),
    /// Nothing passes from the one server to the other.
    OneWay(usize, usize),
    /// The process stands still, with all that comes waiting for it: its timers fire late.
    Frozen(Victim),
    /// The server's clocks jump ahead by so many milliseconds: its timers fire early.
    ClockAhead(Victim, u64),
    /// The calendar of the server goes back by so many milliseconds.
    CalendarBack(Victim, u64),
    /// Every sync takes so many times as long.
    SlowDisk(Victim, u64),
    /// The disk has room for so many more bytes. A server that needs more stops, and is started when there is room.
    FullDisk(Victim, u64),
    /// What goes between servers takes so many times as long.
    SlowNetwork(u64),
    /// A snapshot is taken.
    Snapshot(Victim),
    /// Quorum connections break.
    Broken(Victim),
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Victim::Leader => write!(f, "the leader"),
            Victim::Server(index) => write!(f, "s{}", index + 1),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Killed(victim) => write!(f, "{victim} is killed"),
            Fault::PowerLost(victim) => write!(f, "{victim} loses power"),
            Fault::AllDark => write!(f, "all lose power"),
            Fault::CutOff(victim) => write!(f, "{victim} is cut off"),
            Fault::Mute(victim) => write!(f, "{victim} is not heard"),
            Fault::Deaf(victim) => write!(f, "{victim} hears nothing"),
            Fault::OneWay(from, to) => write!(f, "nothing passes from s{} to s{}", from + 1, to + 1),
            Fault::Frozen(victim) => write!(f, "{victim} stands still"),
            Fault::ClockAhead(victim, by) => write!(f, "{victim}'s clocks jump ahead by {by} ms"),
            Fault::CalendarBack(victim, by) => write!(f, "{victim}'s calendar goes back by {by} ms"),
            Fault::SlowDisk(victim, times) => write!(f, "{victim}'s disk takes {times} times as long"),
            Fault::FullDisk(victim, room) => write!(f, "{victim}'s disk has room for {room} bytes"),
            Fault::SlowNetwork(times) => write!(f, "the network takes {times} times as long"),
            Fault::Snapshot(victim) => write!(f, "{victim} takes a snapshot"),
            Fault::Broken(victim) => write!(f, "{victim}'s quorum connections break"),
        }
    }
}

/// A fault, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// When it comes, in microseconds.
    pub at: u64,
    /// How long it lasts, in microseconds. Of what happens at one moment it means nothing.
    pub lasts: u64,
    /// What it is.
    pub fault: Fault,
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6} ms: {}", self.at / MS, self.fault)?;
        match self.fault {
            Fault::ClockAhead(..) | Fault::CalendarBack(..) | Fault::Snapshot(_) | Fault::Broken(_) => Ok(()),
            _ => write!(f, ", for {} ms", self.lasts / MS),
        }
    }
}

/// All that goes wrong in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The seed, which also decides every delay and what clients ask.
    pub seed: u64,
    /// How many servers vote.
    pub servers: usize,
    /// How many observers there are besides: the last ones.
    pub observers: usize,
    /// The faults, by time.
    pub faults: Vec<Planned>,
}

impl Schedule {
    /// So many faults, one after the other or together.
    #[must_use]
    pub fn new(seed: u64, servers: usize, observers: usize, faults: usize) -> Schedule {
        let mut dice = Dice::new(seed);
        let mut at = WARM;
        let planned = (0..faults).map(|_| {
            let pause = if dice.once_in(3) { 2500 } else { 700 };
            at += dice.between(5, pause) * MS;
            // Mostly shorter than others take to notice, or not much longer; some are so long that sessions expire.
            let most = if dice.once_in(6) { 4500 } else { 1200 };
            Planned { at, lasts: dice.between(20, most) * MS, fault: fault(&mut dice, servers + observers) }
        });
        let faults = planned.collect();
        Schedule { seed, servers, observers, faults }
    }

    /// When the last fault is over, in microseconds.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.faults.iter().map(|planned| planned.at + planned.lasts).max().unwrap_or(0).max(WARM)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Schedule { seed, servers, observers, faults } = self;
        writeln!(f, "seed {seed}, {servers} servers, {observers} observers, {} faults", faults.len())?;
        self.faults.iter().try_for_each(|planned| writeln!(f, "  {planned}"))
    }
}

fn fault(dice: &mut Dice, servers: usize) -> Fault {
    let one = dice.below(servers as u64) as usize;
    let other = (one + 1 + dice.below(servers as u64 - 1) as usize) % servers;
    let victim = if dice.once_in(2) { Victim::Leader } else { Victim::Server(one) };
    match dice.below(31) {
        0..3 => Fault::Killed(victim),
        3..7 => Fault::PowerLost(victim),
        7 => Fault::AllDark,
        8..11 => Fault::CutOff(victim),
        11 | 12 => Fault::Mute(victim),
        13 => Fault::Deaf(victim),
        14 => Fault::OneWay(one, other),
        15..18 => Fault::Frozen(victim),
        18 => Fault::ClockAhead(victim, dice.between(50, 3000)),
        19 => Fault::CalendarBack(victim, dice.between(50, 100_000)),
        20 | 21 => Fault::SlowDisk(victim, dice.between(5, 200)),
        22 => Fault::SlowNetwork(dice.between(5, 100)),
        23..27 => Fault::Snapshot(victim),
        27..30 => Fault::FullDisk(victim, dice.below(4000)),
        _ => Fault::Broken(victim),
    }
}

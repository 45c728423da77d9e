//! The server under faults that a seed chooses, in a time of its own: three to five nodes and
//! observers, each with its journal, its files and its packets, on a simulated network, clock and disk.
//!
//! ```text
//!   schedule (seed) ─▶ faults ─▶ ┌────────────────────────────────────────────────┐ ─▶ recording ─▶ judge::validate
//!                                │ world: one list of what happens next           │
//!   histories::Client ◀─ bytes ─▶│ node · journal · files   node · journal · files│ ─▶ history ─▶ histories::check
//!                                └────────── links: packets, delays ──────────────┘ ─▶ trees that must be equal
//! ```
//!
//! **Real** are the node with all it does, its timers, the journal and its group commit, the files' formats and their
//! restoration, every packet between servers and with clients, and the client port's rule which requests the node
//! answers. **Played** are threads and sockets: links (what `link` does with patience and broken connections), the
//! disk below the files, and when a snapshot is taken. One thread, no system clock, no randomness but the seed's: the
//! same seed does the same, to the last byte of the recording.
//!
//! Why not `turmoil` or `madsim`: they put a network and a clock under tokio's tasks. But the server's node and journal
//! are threads, so that reads never wait for them, and know neither tokio nor sockets; they already have doors for
//! whoever drives them ([`zabkeeper::node::Node::turn`], [`zabkeeper::node::journal::Journal::settle`],
//! [`zabkeeper::node::Network`]). Behind these doors a list of happenings is all the machinery that is missing.
//!
//! A run is: an ensemble begins, faults come and go, and clients ask all along. When the last fault is over there must
//! be a leader, and an acknowledged write, within [`CALM`]; then the clients leave, the sessions that they left behind
//! expire, an auditor reads everything, and all servers must hold the same tree and what they wrote.

mod callers;
pub mod command;
mod faults;
mod links;
mod member;
mod port;
mod running;
pub mod schedule;
mod shrink;
mod world;

pub use shrink::shrink;

use crate::histories::{self, History};
use crate::judge;
use crate::recording::Recording;
use callers::Aim;
use schedule::{MS, Schedule};
use std::hash::{DefaultHasher, Hasher};
use world::World;

/// `tickTime` of the simulated servers, in milliseconds. All other waits are the server's own.
const TICK: u64 = 200;

/// The timeout of the clients' sessions, in milliseconds.
const TIMEOUT: i32 = 2000;

/// How many clients there are.
const CLIENTS: usize = 4;

/// When the last fault is over, the ensemble has a leader, and a client's write is acknowledged, within so many
/// microseconds of the simulation's time: what the slowest election after many takes, and connecting again.
pub const CALM: u64 = 30_000 * MS;

/// A defect that is planted, to see that it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Defect {
    /// What waits for the disk does not wait.
    AckBeforeSync,
    /// Packets of a quorum connection overtake each other.
    Reordered,
    /// A history is not cut where the leader said, and the protocol is told that it was.
    TruncateForgotten,
}

/// What came of a run.
pub struct Run {
    /// What the servers did.
    pub recording: Recording,
    /// What the clients saw.
    pub history: History,
    /// When it ended, in the simulation's milliseconds.
    pub lasted: u64,
    /// How often a server stopped because its disk was full.
    pub stops: usize,
    /// What was looked at; or what is wrong.
    pub verdict: Result<Verdict, String>,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verdict {
    /// By the specification.
    pub servers: judge::Report,
    /// By what clients are promised.
    pub clients: histories::Report,
    /// From the end of the last fault until a write was acknowledged, in the simulation's milliseconds.
    pub calm_after: u64,
}

impl Run {
    /// A number of all that servers and clients did: the same only if all of it is.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        use std::hash::Hash;
        let mut hasher = DefaultHasher::new();
        for (id, entries) in &self.recording.servers {
            hasher.write_u8(id.0);
            for entry in entries {
                hasher.write(&serde_json::to_vec(&entry.event).unwrap_or_default());
            }
        }
        self.history.hash(&mut hasher);
        hasher.write_u64(self.lasted);
        hasher.finish()
    }
}

/// Plays a schedule, and judges what came of it.
///
/// # Errors
/// When it cannot even begin.
pub fn run(schedule: &Schedule, defect: Option<Defect>) -> Result<Run, String> {
    let mut world = World::new(schedule, CLIENTS, defect)?;
    let played = play(&mut world);
    world.members.iter_mut().for_each(member::Member::listen);
    let servers = world.members.iter_mut().map(|member| (member.id, std::mem::take(&mut member.entries))).collect();
    let recording = Recording { ensemble: world.ensemble.clone(), servers };
    let (history, lasted) = (std::mem::take(&mut world.history), world.now / MS);
    let verdict = judge_all(&recording, &history, played);
    Ok(Run { recording, history, lasted, stops: world.stops, verdict })
}

/// First what the servers did, as it tells more; then what clients saw; and then what the run itself found.
fn judge_all(recording: &Recording, history: &History, played: Result<u64, String>) -> Result<Verdict, String> {
    let servers = judge::validate(recording).map_err(|violation| format!("the servers: {violation}"))?;
    let calm_after = played?;
    let clients = histories::check(history).map_err(|broken| format!("the clients: {broken}"))?;
    Ok(Verdict { servers, clients, calm_after })
}

/// How long it took until there was calm, in milliseconds.
fn play(world: &mut World) -> Result<u64, String> {
    let end = world.schedule.end();
    world.run(end + 1, |_| false)?;
    world.written = false;
    if !world.run(end + CALM, |world| world.written)? {
        return Err(format!("no write was acknowledged within {} ms after the last fault", CALM / MS));
    }
    let calm_after = (world.now - end) / MS;
    world.callers.iter_mut().for_each(|caller| caller.aim = Aim::Leave);
    let all_done = |world: &World| world.callers.iter().all(|caller| caller.aim == Aim::Done);
    if !world.run(world.now + CALM, all_done)? {
        return Err("a client could not leave".to_owned());
    }
    // The sessions that were left behind: a leader looks at them every tick.
    world.run(world.now + (TIMEOUT as u64 + 3 * TICK) * MS, |_| false)?;
    world.enter(Aim::Audit);
    if !world.run(world.now + CALM, all_done)? {
        return Err("nobody could read everything in the end".to_owned());
    }
    if !world.run(world.now + CALM, World::is_settled)? {
        return Err("the servers do not come to the same tree".to_owned());
    }
    world.members.iter_mut().try_for_each(member::Member::inspect)?;
    Ok(calm_after)
}

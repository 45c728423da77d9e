//! `model simulate`: random deep walks far beyond the bounds, each from a seed that brings it back.

use super::bounds::BoundsArguments;
use super::output::{hint, say};
use super::progress;
use super::table::counted;
use crate::bounds::{Bounds, Grain, Kind};
use crate::engine::{EngineError, Progress, Replayed, WalkEnd, WalkOutcome, shrink, walk};
use crate::world::{Action, Budget, World};
use crate::zookeeper::ZooKeeper;
use stateright::Model;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The arguments of `model simulate`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many seeds to walk from.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(..=u64::MAX >> 1))]
    from: u64,
    /// The length of each walk.
    #[arg(long, default_value_t = 10_000)]
    steps: usize,
    /// Walk only part i of n of the seeds (`1/4` to `4/4`), so that several machines can share them.
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    shard: Shard,
    /// Begin no walk after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    limit: Option<u64>,
    #[command(flatten)]
    bounds: BoundsArguments,
}

/// A part of the seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
}

impl Shard {
    /// Whether the part holds this number of a row that begins with 0.
    #[must_use]
    pub fn holds(self, number: u64) -> bool {
        number % self.count == self.index - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match parts {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Shard { index, count }),
            Some((index, count)) if count > 0 => {
                Err(format!("there is no part {index} of {count}: the parts are 1/{count} to {count}/{count}"))
            }
            _ => Err(format!("`{text}` is no part of something: write I/N, such as 1/4 for the first of four")),
        }
    }
}

/// Five servers that live through dozens of epochs.
fn defaults() -> Bounds {
    let budget = Budget {
        crashes: 80,
        breaks: 80,
        transactions: 60,
        syncs: 20,
        elections: 0,
        timeouts: 200,
        snapshots: 20,
        delays: 0,
    };
    Bounds {
        servers: 5,
        observers: 1,
        budget,
        forward: true,
        grain: Grain::Write,
        ..Bounds::default_of(Kind::Ensemble)
    }
}

/// How likely an action is: faults are rare enough that reigns come about between them.
fn weight(_: &World, action: &Action) -> u32 {
    match action {
        Action::Crash(_) | Action::Break(..) => 1,
        Action::Timeout(_, zab::Timer::Init | zab::Timer::Ping) | Action::Snapshot(_) => 2,
        Action::Write(_) | Action::Sync(_) => 6,
        Action::Restart(_) => 20,
        _ => 100,
    }
}

/// Runs it.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let bounds = match arguments.bounds.meant_for(Kind::Ensemble) {
        Ok(switches) => switches.apply_to(defaults()),
        Err(sentence) => {
            hint!("error: {sentence}");
            return ExitCode::from(2);
        }
    };
    let model = ZooKeeper::new(bounds);
    let progress = Arc::new(Progress::new());
    let seeds =
        (arguments.from..arguments.from.saturating_add(arguments.seeds)).filter(|seed| arguments.shard.holds(*seed));
    say!("{}", model.bounds);
    let start = Instant::now();
    let late = || arguments.limit.is_some_and(|limit| start.elapsed() > Duration::from_secs(limit));
    let mut total = Total::default();
    type Found = Option<(u64, WalkOutcome<Action>)>;
    let result: Result<Found, EngineError> = progress::watched("walks", &progress, |progress| {
        for seed in seeds {
            if progress.stop_requested() || late() {
                break;
            }
            let outcome = walk(&model, seed, arguments.steps, weight)?;
            total.add(&model, &outcome);
            if let WalkEnd::Violated { .. } = outcome.end {
                return Ok(Some((seed, outcome)));
            }
        }
        Ok(None)
    });
    say!("{} in {:.1} s", total, start.elapsed().as_secs_f64());
    match result {
        Ok(None) if total.steps == 0 || progress.stop_requested() => {
            say!("NOT COMPLETE: nothing is violated so far, but not every walk was taken.");
            ExitCode::from(1)
        }
        Ok(None) => {
            say!("Every property holds on every walk.");
            ExitCode::SUCCESS
        }
        Ok(Some((seed, outcome))) => tell(&model, seed, &outcome),
        Err(error) => {
            hint!("error: {error}");
            ExitCode::from(1)
        }
    }
}

/// What the walks saw.
#[derive(Default)]
struct Total {
    walks: u64,
    steps: u64,
    epochs: u64,
    delivered: u64,
    faults: u64,
}

impl Total {
    fn add(&mut self, model: &ZooKeeper, outcome: &WalkOutcome<Action>) {
        self.walks += 1;
        self.steps += outcome.actions.len() as u64;
        let faults = outcome.actions.iter().filter(|action| matches!(action, Action::Crash(_) | Action::Break(..)));
        self.faults += faults.count() as u64;
        if matches!(outcome.end, WalkEnd::Violated { .. }) {
            return;
        }
        let mut world = model.init_states().swap_remove(outcome.initial);
        for action in &outcome.actions {
            world = model.next_state(&world, *action).expect("it was taken before");
        }
        self.epochs += world.past.established.len() as u64;
        self.delivered += world.past.delivered.len() as u64;
    }
}

impl std::fmt::Display for Total {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Total { walks, steps, epochs, delivered, faults } = self;
        let counts = [
            (walks, "walk", "walks"),
            (steps, "step", "steps"),
            (faults, "fault", "faults"),
            (epochs, "epoch", "epochs"),
            (delivered, "transaction delivered", "transactions delivered"),
        ];
        let words = counts.map(|(count, one, many)| counted(*count as usize, one, many));
        f.write_str(&words.join(", "))
    }
}

/// Prints what was violated, and the shortest story of it that shrinking finds.
fn tell(model: &ZooKeeper, seed: u64, outcome: &WalkOutcome<Action>) -> ExitCode {
    let WalkEnd::Violated { name, note } = &outcome.end else { unreachable!("called for violations") };
    say!("seed {seed}: {name} does not hold after {}", counted(outcome.actions.len(), "step", "steps"));
    if let Some(note) = note {
        say!("  {note}");
    }
    let violated = |end: &Option<WalkEnd>| matches!(end, Some(WalkEnd::Violated { name: other, .. }) if other == name);
    let same = |replayed: &Replayed<Action>| violated(&replayed.end);
    match shrunk(model, outcome, same) {
        Ok(actions) => {
            say!("The same in {}:", counted(actions.len(), "step", "steps"));
            for (number, action) in actions.iter().enumerate() {
                say!("{:4}  {action}", number + 1);
            }
        }
        Err(error) => hint!("error: {error}"),
    }
    ExitCode::from(1)
}

fn shrunk(
    model: &ZooKeeper,
    outcome: &WalkOutcome<Action>,
    same: impl FnMut(&Replayed<Action>) -> bool,
) -> Result<Vec<Action>, EngineError> {
    shrink(model, outcome.initial, &outcome.actions, same)
}

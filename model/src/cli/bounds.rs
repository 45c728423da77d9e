//! The switches that change a model's bounds.

use crate::bounds::{Bounds, Discovery, Grain, Kind, Oracle, Timing};

/// Switches for bounds; each replaces the default of the named model.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Bounds")]
pub struct BoundsArguments {
    /// Servers that vote (1 to 7).
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=7))]
    pub servers: Option<u8>,
    /// Servers that observe (0 to 2).
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=2))]
    pub observers: Option<u8>,
    /// Different histories that servers may start with (model election only).
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=3))]
    pub histories: Option<u8>,
    /// Transactions that clients ask for (0 to 60; models zab and ensemble).
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=60))]
    pub transactions: Option<u8>,
    /// Syncs that clients ask for (models zab and ensemble).
    #[arg(long)]
    pub syncs: Option<u8>,
    /// Crashes.
    #[arg(long)]
    pub crashes: Option<u8>,
    /// Links that break.
    #[arg(long)]
    pub breaks: Option<u8>,
    /// Elections that the oracle holds: the epochs that are begun (model zab only).
    #[arg(long, alias = "epochs")]
    pub elections: Option<u8>,
    /// Timers that fire too early (models zab and ensemble).
    #[arg(long)]
    pub timeouts: Option<u8>,
    /// Snapshots that servers take (models zab and ensemble).
    #[arg(long)]
    pub snapshots: Option<u8>,
    /// The counter of the last transaction of an epoch: 1 to 255, or 0 for 2^32 - 1 (models zab and ensemble).
    #[arg(long)]
    pub last_counter: Option<u8>,
    /// Clients ask learners as well, which forward (models zab and ensemble).
    #[arg(long)]
    pub forward: bool,
    /// Notifications that may be late; without it, any may be (models election and ensemble).
    #[arg(long)]
    pub delays: Option<u8>,
    /// How fine the disk is (models zab and ensemble).
    #[arg(long)]
    pub grain: Option<Grain>,
    /// How fine the discovery of an epoch is (models zab and ensemble).
    #[arg(long)]
    pub discovery: Option<Discovery>,
    /// Whom the oracle may elect (model zab only).
    #[arg(long)]
    pub oracle: Option<Oracle>,
    /// When timers fire.
    #[arg(long)]
    pub timing: Option<Timing>,
}

impl BoundsArguments {
    /// Whether any switch was given.
    #[must_use]
    pub fn is_any_set(&self) -> bool {
        let default = BoundsArguments::default();
        *self != default
    }

    /// These switches, if each of them changes something in the model.
    ///
    /// # Errors
    /// With a sentence that names the first that means nothing there, and where it does.
    pub fn meant_for(&self, kind: Kind) -> Result<&BoundsArguments, String> {
        let Some(stray) = self.given().into_iter().find(|switch| !kind.knows(switch)) else { return Ok(self) };
        let others: Vec<&str> = Kind::ALL.into_iter().filter(|kind| kind.knows(stray)).map(Kind::name).collect();
        Err(format!("--{stray} means nothing in model {}, only in {}", kind.name(), others.join(" and ")))
    }

    /// The names of the switches that were given, but for those that every model knows.
    fn given(&self) -> Vec<&'static str> {
        let given = [
            ("histories", self.histories.is_some()),
            ("transactions", self.transactions.is_some()),
            ("syncs", self.syncs.is_some()),
            ("elections", self.elections.is_some()),
            ("timeouts", self.timeouts.is_some()),
            ("snapshots", self.snapshots.is_some()),
            ("last-counter", self.last_counter.is_some()),
            ("forward", self.forward),
            ("delays", self.delays.is_some()),
            ("grain", self.grain.is_some()),
            ("discovery", self.discovery.is_some()),
            ("oracle", self.oracle.is_some()),
        ];
        given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }

    /// `bounds`, with these switches applied.
    #[must_use]
    pub fn apply_to(&self, mut bounds: Bounds) -> Bounds {
        fn set<T: Copy>(target: &mut T, switch: Option<T>) {
            *target = switch.unwrap_or(*target);
        }
        set(&mut bounds.servers, self.servers);
        set(&mut bounds.observers, self.observers);
        set(&mut bounds.histories, self.histories);
        set(&mut bounds.budget.transactions, self.transactions);
        set(&mut bounds.budget.syncs, self.syncs);
        set(&mut bounds.budget.crashes, self.crashes);
        set(&mut bounds.budget.breaks, self.breaks);
        set(&mut bounds.budget.elections, self.elections);
        set(&mut bounds.budget.timeouts, self.timeouts);
        set(&mut bounds.budget.snapshots, self.snapshots);
        set(&mut bounds.last_counter, self.last_counter);
        bounds.delays = self.delays.or(bounds.delays);
        set(&mut bounds.grain, self.grain);
        set(&mut bounds.discovery, self.discovery);
        set(&mut bounds.oracle, self.oracle);
        set(&mut bounds.timing, self.timing);
        bounds.forward |= self.forward;
        bounds
    }
}

//! How a model is asked for again: the command line that opens the Explorer with given bounds.

use crate::bounds::{Bounds, Grain, Kind};
use crate::world::Budget;
use clap::ValueEnum;

/// The bounds of `model explore NAME` without switches: those of `check`, made small enough for the Explorer's "Run to
/// completion" to come to its end (580,000, 370,000 and 1,900,000 states, a minute to several). The composition does
/// without crashes for that.
#[must_use]
pub fn default_bounds(kind: Kind) -> Bounds {
    let bounds = Bounds::default_of(kind);
    match kind {
        Kind::Election | Kind::Zab => bounds,
        Kind::Ensemble => Bounds { budget: Budget { crashes: 0, ..bounds.budget }, grain: Grain::Batch, ..bounds },
    }
}

/// The command that opens a model with these bounds.
///
/// # Panics
/// Never: every value has a name.
#[must_use]
pub fn command_of(bounds: &Bounds) -> String {
    fn name<V: ValueEnum>(value: &V) -> String {
        value.to_possible_value().expect("no value is hidden").get_name().to_owned()
    }
    let late = |bounds: &Bounds| bounds.delays.map(|delays| delays.to_string()).unwrap_or_default();
    let default = default_bounds(bounds.kind);
    let (budget, usual) = (&bounds.budget, &default.budget);
    let switches = [
        ("servers", bounds.servers.to_string(), default.servers.to_string()),
        ("observers", bounds.observers.to_string(), default.observers.to_string()),
        ("histories", bounds.histories.to_string(), default.histories.to_string()),
        ("transactions", budget.transactions.to_string(), usual.transactions.to_string()),
        ("syncs", budget.syncs.to_string(), usual.syncs.to_string()),
        ("crashes", budget.crashes.to_string(), usual.crashes.to_string()),
        ("breaks", budget.breaks.to_string(), usual.breaks.to_string()),
        ("elections", budget.elections.to_string(), usual.elections.to_string()),
        ("timeouts", budget.timeouts.to_string(), usual.timeouts.to_string()),
        ("snapshots", budget.snapshots.to_string(), usual.snapshots.to_string()),
        ("last-counter", bounds.last_counter.to_string(), default.last_counter.to_string()),
        ("delays", late(bounds), late(&default)),
        ("discovery", name(&bounds.discovery), name(&default.discovery)),
        ("grain", name(&bounds.grain), name(&default.grain)),
        ("oracle", name(&bounds.oracle), name(&default.oracle)),
        ("timing", name(&bounds.timing), name(&default.timing)),
    ];
    let mut command = format!("model explore {}", name(&bounds.kind));
    for (switch, value, _) in switches.into_iter().filter(|(_, value, usual)| value != usual) {
        command.push_str(&format!(" --{switch} {value}"));
    }
    if bounds.forward {
        command.push_str(" --forward");
    }
    command
}

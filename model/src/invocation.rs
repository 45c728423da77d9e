//! How a model is asked for again: the words of a command line, or of a scenario's first line, that give its bounds.

use crate::bounds::{Bounds, Grain, Kind, Oracle, Timing};
use crate::cli::bounds::BoundsArguments;
use crate::world::Budget;
use clap::{Parser, ValueEnum};

/// A model's name and switches, as `model check` takes them.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Named {
    kind: Kind,
    #[arg(long)]
    liveness: bool,
    #[command(flatten)]
    bounds: BoundsArguments,
}

/// The bounds that `model check` would use with these arguments, such as `zab --liveness --crashes 2`.
///
/// # Errors
/// With a sentence, when they name no model, or a switch that it does not know.
pub fn read(arguments: &str) -> Result<Bounds, String> {
    let told = |error: clap::Error| {
        let text = error.to_string();
        text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
    };
    let named = Named::try_parse_from(arguments.split_whitespace()).map_err(told)?;
    let bounds = if named.liveness { timely(named.kind) } else { Bounds::default_of(named.kind) };
    Ok(named.bounds.meant_for(named.kind)?.apply_to(bounds))
}

/// The bounds of `model check NAME --liveness`: given time, twice as many elections come about.
#[must_use]
pub fn timely(kind: Kind) -> Bounds {
    let mut bounds = Bounds { timing: Timing::Timely, ..Bounds::default_of(kind) };
    if kind == Kind::Zab {
        bounds.oracle = Oracle::Best;
        bounds.budget.elections *= 2;
    }
    bounds
}

/// The bounds of `model explore NAME` without switches: those of `check`, made small enough for the Explorer's "Run to
/// completion" to come to its end (580,000, 370,000 and 1,900,000 states, a minute to several). The composition does
/// without crashes for that.
#[must_use]
pub fn explorer_bounds(kind: Kind) -> Bounds {
    let bounds = Bounds::default_of(kind);
    match kind {
        Kind::Election | Kind::Zab => bounds,
        Kind::Ensemble => Bounds { budget: Budget { crashes: 0, ..bounds.budget }, grain: Grain::Batch, ..bounds },
    }
}

/// The bounds of `model trace NAME` without switches. The composition is traced with two servers, and a crash: its
/// graph is small then, and shows more kinds than three servers without one. What a third server adds is in the paths
/// of `zab`.
#[must_use]
pub fn trace_bounds(kind: Kind) -> Bounds {
    let bounds = Bounds::default_of(kind);
    if kind == Kind::Ensemble { Bounds { servers: 2, ..bounds } } else { bounds }
}

/// The words that [`read`] takes for these bounds.
#[must_use]
pub fn words_of(bounds: &Bounds) -> String {
    words(bounds, &Bounds::default_of(bounds.kind))
}

/// The command that opens a model with these bounds in the Explorer; with `liveness`, looking for fair cycles.
#[must_use]
pub fn explorer_command(bounds: &Bounds, liveness: bool) -> String {
    let words = words(bounds, &explorer_bounds(bounds.kind));
    format!("model explore {words}{}", if liveness { " --liveness" } else { "" })
}

/// The command that traces a model with these bounds.
#[must_use]
pub fn trace_command(bounds: &Bounds) -> String {
    format!("model trace {}", words(bounds, &trace_bounds(bounds.kind)))
}

/// The model's name, and the switches in which `bounds` differ from the `usual` ones.
fn words(bounds: &Bounds, usual: &Bounds) -> String {
    let mut words = bounds.kind.name().to_owned();
    for ((switch, value), (_, usual)) in switches(bounds).into_iter().zip(switches(usual)) {
        if value != usual && bounds.kind.knows(switch) {
            words.push_str(&format!(" --{switch} {value}"));
        }
    }
    if bounds.forward && bounds.kind.knows("forward") {
        words.push_str(" --forward");
    }
    words
}

/// Every switch that takes a value, with the value that stands for these bounds.
fn switches(bounds: &Bounds) -> [(&'static str, String); 16] {
    fn name<V: ValueEnum>(value: &V) -> String {
        value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
    let budget = &bounds.budget;
    [
        ("servers", bounds.servers.to_string()),
        ("observers", bounds.observers.to_string()),
        ("histories", bounds.histories.to_string()),
        ("transactions", budget.transactions.to_string()),
        ("syncs", budget.syncs.to_string()),
        ("crashes", budget.crashes.to_string()),
        ("breaks", budget.breaks.to_string()),
        ("elections", budget.elections.to_string()),
        ("timeouts", budget.timeouts.to_string()),
        ("snapshots", budget.snapshots.to_string()),
        ("last-counter", bounds.last_counter.to_string()),
        ("delays", bounds.delays.map(|delays| delays.to_string()).unwrap_or_default()),
        ("discovery", name(&bounds.discovery)),
        ("grain", name(&bounds.grain)),
        ("oracle", name(&bounds.oracle)),
        ("timing", name(&bounds.timing)),
    ]
}

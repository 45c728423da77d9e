//! `model list`.

use super::output::say;
use super::table;
use crate::bounds::{Bounds, Kind};
use crate::engine::{Fair, Goal, NO_PANIC};
use crate::recipes::{self, Setting, Use};
use crate::subject::Subject;
use crate::suite::{self, Run};
use crate::zookeeper::ZooKeeper;
use stateright::{Expectation, Model, Property};
use std::process::ExitCode;

/// The arguments of `model list`.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Runs it.
#[must_use]
pub fn run(_arguments: &Arguments) -> ExitCode {
    say!("Models and their default bounds:");
    for kind in Kind::ALL {
        say!("  {}: {}", kind.name(), Bounds::default_of(kind));
    }
    say!("\nModels of what people do with it; `check NAME` checks what is right, `--variant` one of these:");
    for name in Use::ALL {
        variants(name);
    }
    for (title, runs) in [("default", suite::default()), ("deep", suite::deep())] {
        say!("\nThe {title} suite:");
        let mut rows = table::table(&["run", "model", "bounds", "engines", "why"], 5);
        for Run { name, reason, subject, engines } in runs {
            let engines: Vec<&str> = engines.iter().map(|engine| engine.name()).collect();
            rows.add_row([name, subject.name(), &subject.bounds(), &engines.join(", "), reason]);
        }
        say!("{rows}");
    }
    for kind in [Kind::Election, Kind::Ensemble] {
        say!("\nProperties of {}:", if kind == Kind::Election { "election" } else { "zab and ensemble" });
        properties(kind);
    }
    for setting in Use::ALL.into_iter().filter_map(|name| Setting::of(name, None).ok()) {
        say!("\nProperties of {}:", Subject::Use(setting).name());
        recipes::each!(setting, model => tell(&model.properties(), &model.goals()));
    }
    ExitCode::SUCCESS
}

/// The variants of a use, each in the bounds that show it.
fn variants(name: Use) {
    let Ok(setting) = Setting::of(name, None) else { return };
    say!("  {}", Subject::Use(setting).name());
    for (variant, what) in Setting::variants(name) {
        say!("    {variant:20} {what}");
    }
}

/// Every property that bounds of this kind can have.
fn properties(kind: Kind) {
    let mut bounds = Bounds::default_of(kind);
    let budget = &mut bounds.budget;
    (budget.transactions, budget.crashes, budget.breaks, budget.syncs, budget.snapshots) = (2, 1, 1, 1, 1);
    let model = ZooKeeper::new(bounds);
    let timely = ZooKeeper::new(Bounds { timing: crate::bounds::Timing::Timely, ..bounds });
    tell(&model.properties(), &timely.goals());
}

fn tell<M: Model>(properties: &[Property<M>], goals: &[Goal<M>]) {
    for property in properties {
        let kind = if matches!(property.expectation, Expectation::Always) { "always" } else { "sometimes" };
        say!("  {kind:9}  {}", property.name);
    }
    say!("  {:9}  {NO_PANIC}", "always");
    for goal in goals {
        say!("  {:9}  {}", "live", goal.name);
    }
}

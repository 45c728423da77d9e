//! `model trace`.

use super::bounds::BoundsArguments;
use super::output::{hint, make_directory, say};
use super::table::counted;
use crate::bounds::Kind;
use crate::invocation;
use crate::story::coverage::{self, Cover};
use crate::story::{self, Story};
use crate::zookeeper::ZooKeeper;
use stateright::Model;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// More distinct states than this are not looked at: beyond, the pass takes longer than what it finds is worth.
const LIMIT: usize = 4_000_000;

/// The arguments of `model trace`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The model; without one, all three.
    name: Option<Kind>,
    /// Write the paths into this directory: NAME-NN.txt (scenario) and NAME-NN.ndjson (trace).
    #[arg(long)]
    out: Option<PathBuf>,
    /// The seed of the walks.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    bounds: BoundsArguments,
}

/// Runs it.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let all = arguments.name.map_or(Kind::ALL.to_vec(), |kind| vec![kind]);
    let meant = all.iter().try_for_each(|kind| arguments.bounds.meant_for(*kind).map(drop));
    let directory = arguments.out.as_deref().map_or(Ok(()), make_directory);
    if let Err(sentence) = meant.and(directory) {
        hint!("error: {sentence}");
        return ExitCode::from(2);
    }
    for kind in all {
        if let Err(sentence) = trace(arguments, kind) {
            hint!("error: {sentence}");
            return ExitCode::from(1);
        }
    }
    ExitCode::SUCCESS
}

fn trace(arguments: &Arguments, kind: Kind) -> Result<(), String> {
    let bounds = arguments.bounds.apply_to(invocation::trace_bounds(kind));
    let model = ZooKeeper::new(bounds);
    let cover = coverage::cover(&model, arguments.seed, LIMIT).map_err(|error| error.to_string())?;
    let stories = stories(&model, &cover);
    let name = kind.name();
    if arguments.out.is_none() {
        say!("paths | action | phase | outputs");
        for (kind, paths) in &cover.kinds {
            say!("{paths:>5} | {kind}");
        }
    }
    let events: usize = stories.iter().map(|story| story.lines().count()).sum();
    say!(
        "{name}: {} in {}, shown by {} with {} and {}",
        counted(cover.kinds.len(), "kind of transition", "kinds of transition"),
        counted(cover.states, "state", "states"),
        counted(stories.len(), "path", "paths"),
        counted(stories.iter().map(|story| story.steps.len()).sum(), "step", "steps"),
        counted(events, "event", "events")
    );
    arguments.out.as_ref().map_or(Ok(()), |directory| write(directory, name, &stories))
}

fn stories(model: &ZooKeeper, cover: &Cover) -> Vec<Story> {
    let initial = model.init_states();
    let walks = cover.walks.iter().enumerate();
    walks
        .map(|(place, walk)| {
            let title = format!("path {} of {}, from initial state {}", place + 1, cover.walks.len(), walk.initial);
            Story::tell(model, &title, &initial[walk.initial], &walk.actions)
        })
        .collect()
}

fn write(directory: &Path, name: &str, stories: &[Story]) -> Result<(), String> {
    for (place, story) in stories.iter().enumerate() {
        let file = format!("{name}-{:02}", place + 1);
        story::write_texts(directory, &file, story).map_err(|error| format!("{}: {error}", directory.display()))?;
    }
    say!("{name}: written to {}", directory.display());
    Ok(())
}

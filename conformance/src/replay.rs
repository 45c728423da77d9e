//! What the model explores, the server does: traces of the model, and paths that take every edge of a graph of it, on
//! the server's own code, compared after every step.

use crate::cover::{self, Graph, Path};
use crate::results::Results;
use crate::server::{Medium, Servers};
use model::bounds::Kind;
use model::invocation;
use model::scenario::{Beside, Double};
use model::story::coverage::{self, Walk};
use model::story::ndjson;
use model::world::step::Stepper;
use model::world::{Action, World};
use model::zookeeper::ZooKeeper;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use stateright::Model;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use zab::trace::{Event, Line, Replay};
use zab::{ServerId, Timer};

/// The graphs of which every edge is taken without being asked: elections, a broken link and a crash in any moment
/// between any two writes; snapshots and syncs; patience that ends; an observer; three servers that elect, and a reign
/// of theirs; one who comes late, to a log that begins with a snapshot.
pub const GRAPHS: [&str; 7] = [
    "ensemble --servers 2 --transactions 1 --crashes 1 --breaks 1",
    "ensemble --servers 2 --transactions 1 --crashes 1 --snapshots 1 --syncs 1",
    "ensemble --servers 2 --transactions 0 --crashes 0 --timeouts 2",
    "election --servers 3 --crashes 0 --histories 1",
    "zab --servers 2 --observers 1 --transactions 1 --crashes 1 --elections 2 --grain atomic",
    "zab --servers 3 --transactions 1 --crashes 0 --elections 1 --grain atomic",
    "zab --servers 3 --transactions 1 --crashes 0 --elections 1 --grain atomic --snapshots 1",
];

/// More states than this are not looked at.
const LIMIT: usize = 1_000_000;

/// The arguments of `conformance replay`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Traces of the model, as `model trace --out` and `model bugs` write them (NAME.ndjson).
    #[arg(required_unless_present_any = ["model", "kinds"])]
    files: Vec<PathBuf>,
    /// Take every edge of this graph, told as `model check` is told of it; without words, of seven that are small.
    #[arg(long, num_args = 0..=1, default_missing_value = "")]
    model: Vec<String>,
    /// Take so many random walks through each graph instead of all its edges: for graphs that are too large.
    #[arg(long, requires = "model")]
    walks: Option<u64>,
    /// The seed of the first walk; the next one's is one more.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Show every kind of transition of the models that `model trace` traces, whose edges are too many.
    #[arg(long)]
    kinds: bool,
    /// On what disks the servers are played.
    #[arg(long, value_enum, default_value = "memory")]
    medium: Medium,
    /// Write the figures here, for the report.
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
}

/// Plays all of it.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let mut results = Results::new("replay");
    let mut say = |played: Result<String, String>| match played {
        Ok(line) => {
            println!("{line}");
            let (what, figure) = line.split_once(": ").unwrap_or(("", &line));
            results.figures.push((what.to_owned(), figure.to_owned()));
        }
        Err(fault) => {
            println!("{fault}");
            results.well = false;
            results.notes.push(fault);
        }
    };
    for file in &arguments.files {
        let text = std::fs::read_to_string(file).map_err(|error| error.to_string());
        let played = text.and_then(|text| trace(&text, arguments.medium));
        say(match played {
            Ok(events) => Ok(format!("{}: {events} events, as the server does them", file.display())),
            Err(fault) => Err(format!("{}: {fault}", file.display())),
        });
    }
    let asked = arguments.model.iter().flat_map(|words| match words.is_empty() {
        true => GRAPHS.map(str::to_owned).to_vec(),
        false => vec![words.clone()],
    });
    for words in asked {
        let start = Instant::now();
        let played = match arguments.walks {
            None => graph(&words, arguments.medium).map(|played| played.to_string()),
            Some(count) => walks(&words, arguments.seed..arguments.seed.saturating_add(count), arguments.medium)
                .map(|steps| format!("{count} walks of {steps} steps")),
        };
        let played = played.map(|played| {
            format!("{words}: {played} in {:.1} s, and the server does the same", start.elapsed().as_secs_f64())
        });
        say(played.map_err(|fault| format!("{words}: {fault}")));
    }
    for kind in Kind::ALL.into_iter().filter(|_| arguments.kinds) {
        let words = invocation::words_of(&invocation::trace_bounds(kind));
        let played = kinds(&words, arguments.medium).map(|(kinds, paths)| {
            format!("{words}: all {kinds} kinds of transitions by {paths} paths, and the server does the same")
        });
        say(played.map_err(|fault| format!("{words}: {fault}")));
    }
    if let Some(directory) = &arguments.results
        && let Err(error) = results.write(directory)
    {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    if results.well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays a trace; how many events it has.
///
/// # Errors
/// With the first line at which the text is no trace of the specification, or the server does something else.
pub fn trace(text: &str, medium: Medium) -> Result<usize, String> {
    let (header, lines) = ndjson::read(text).map_err(|error| error.to_string())?;
    let mut servers = Servers::new(medium);
    servers.take_part(header.ensemble.clone(), header.elections);
    let replay = |id| (id, Replay::new(id, header.ensemble.clone(), header.elections));
    let mut replays: BTreeMap<ServerId, Replay> = header.ensemble.servers().map(replay).collect();
    for (place, line) in lines.iter().enumerate() {
        // The header is line 1.
        let at_line = |what: String| format!("line {}: {what}", place + 2);
        let replay = replays.get_mut(&line.server).ok_or_else(|| at_line("of no server".to_owned()))?;
        replay.take(&line.event).map_err(|difference| at_line(difference.to_string()))?;
        let is_write = |line: &Line| matches!(line.event, Event::Flushed { .. });
        let goes_on = |next: &Line| next.server == line.server && is_write(next) && is_write(line);
        let whole = !lines.get(place + 1).is_some_and(goes_on);
        take(&mut servers, line, replay, whole).map_err(at_line)?;
    }
    for (id, replay) in replays.iter().filter(|(_, replay)| replay.disk().is_some()) {
        stands(&mut servers, *id, replay)?;
    }
    Ok(lines.len())
}

/// What became durable at one moment is compared as a whole.
fn take(servers: &mut Servers, line: &Line, replay: &Replay, whole: bool) -> Result<(), String> {
    let Line { server: id, event } = line;
    let id = *id;
    if let (Event::Recovered { disk, .. }, false) = (event, servers.knows(id)) {
        servers.add(id, &disk.clone().unwrap_or_default(), &[])?;
    }
    servers.happens(id, event)?;
    // What a server owes itself it has done already; the trace tells of it in the next lines.
    if !whole || servers.is_ahead(id)? { Ok(()) } else { stands(servers, id, replay) }
}

fn stands(servers: &mut Servers, id: ServerId, replay: &Replay) -> Result<(), String> {
    let disk = replay.disk().ok_or_else(|| format!("{id} was never up"))?;
    servers.stands(id, replay.peer(), disk)
}

/// What was played of a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// States of the graph.
    pub states: usize,
    /// Its edges, all of which were taken.
    pub edges: usize,
    /// Kinds of transitions, all of which were shown.
    pub kinds: usize,
    /// Paths.
    pub paths: usize,
    /// Their steps.
    pub steps: usize,
}

impl std::fmt::Display for Played {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Played { states, edges, kinds, paths, steps } = self;
        write!(
            f,
            "{states} states, all {edges} edges and {kinds} kinds of transitions by {paths} paths of {steps} steps"
        )
    }
}

/// Takes every edge of the graph that these words describe.
///
/// # Errors
/// When they describe none, or one that is too large; with the path on which the server does something else.
pub fn graph(words: &str, medium: Medium) -> Result<Played, String> {
    let model = ZooKeeper::new(invocation::read(words)?);
    let graph = Graph::of(&model, LIMIT).map_err(|error| error.to_string())?;
    let paths = graph.cover();
    let mut steps = 0;
    for path in &paths {
        steps += play(&model, path, medium)?;
    }
    let kinds = coverage::cover(&model, 1, LIMIT).map_err(|error| error.to_string())?.kinds.len();
    Ok(Played { states: graph.edges.len(), edges: graph.size(), kinds, paths: paths.len(), steps })
}

/// Shows every kind of transition of a model whose edges are too many; how many kinds, and by how many paths.
///
/// # Errors
/// As [`graph`].
pub fn kinds(words: &str, medium: Medium) -> Result<(usize, usize), String> {
    let model = ZooKeeper::new(invocation::read(words)?);
    let cover = coverage::cover(&model, 1, 4 * LIMIT).map_err(|error| error.to_string())?;
    for Walk { initial, actions, .. } in &cover.walks {
        let mut stage = Stage::new(&model, *initial, medium)?;
        actions.iter().try_for_each(|action| stage.act(*action))?;
    }
    Ok((cover.kinds.len(), cover.walks.len()))
}

/// Takes a random walk for each of these seeds, to where nothing can happen any more; how many steps they have.
///
/// # Errors
/// As [`graph`], with the walk's seed.
pub fn walks(words: &str, seeds: Range<u64>, medium: Medium) -> Result<usize, String> {
    let model = ZooKeeper::new(invocation::read(words)?);
    let mut steps = 0;
    for seed in seeds {
        steps += walk(&model, seed, medium).map_err(|fault| format!("seed {seed}: {fault}"))?;
    }
    Ok(steps)
}

fn walk(model: &ZooKeeper, seed: u64, medium: Medium) -> Result<usize, String> {
    /// Ends those that could go on for ever.
    const LONGEST: usize = 1_000;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut stage = Stage::new(model, 0, medium)?;
    for _ in 0..LONGEST {
        let mut actions = Vec::new();
        model.actions(&stage.world, &mut actions);
        if actions.is_empty() {
            break;
        }
        // A crash, a broken link or lost patience is one of many: else all are spent before anything has begun.
        let is_fault =
            |action: &Action| matches!(action, Action::Crash(_) | Action::Break(..) | Action::Timeout(_, Timer::Init));
        let seldom = random.next_u32() % 16 > 0;
        let (faults, others): (Vec<Action>, Vec<Action>) = actions.into_iter().partition(is_fault);
        let chosen = if others.is_empty() || !seldom && !faults.is_empty() { faults } else { others };
        stage.act(chosen[random.next_u32() as usize % chosen.len()])?;
    }
    Ok(stage.story.len())
}

fn play(model: &ZooKeeper, path: &Path, medium: Medium) -> Result<usize, String> {
    let mut stage = Stage::new(model, path.initial, medium)?;
    for place in &path.places {
        let action = cover::action(model, &stage.world, *place).ok_or("the path leaves the graph")?;
        stage.act(action)?;
    }
    Ok(path.places.len())
}

/// The model's world, and the servers beside it.
struct Stage<'a> {
    model: &'a ZooKeeper,
    world: World,
    servers: Servers,
    story: Vec<Action>,
}

impl<'a> Stage<'a> {
    fn new(model: &'a ZooKeeper, initial: usize, medium: Medium) -> Result<Stage<'a>, String> {
        let world = model.before_start(initial).ok_or("the model has no such initial state")?;
        let mut servers = Servers::new(medium);
        servers.begin(model, &world)?;
        let mut stage = Stage { model, world, servers, story: Vec::new() };
        stage.step(|stepper| stepper.start())?;
        Ok(stage)
    }

    fn act(&mut self, action: Action) -> Result<(), String> {
        self.story.push(action);
        self.step(|stepper| stepper.act(action))
    }

    fn step(&mut self, take: impl FnOnce(&mut Stepper<Beside<()>>)) -> Result<(), String> {
        let told = &mut ();
        let mut watch = Beside::new(told, Some(&mut self.servers));
        take(&mut Stepper::new(self.model, &mut self.world, &mut watch));
        let taken = watch.fault.take().map_or(Ok(()), Err);
        taken.and_then(|()| self.servers.compare(&self.world)).map_err(|fault| {
            let story: Vec<String> = self.story.iter().map(|action| format!("  {action}\n")).collect();
            format!("start\n{}{fault}", story.concat())
        })
    }
}

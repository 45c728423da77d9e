//! A path of the model, told: what happened, step by step, and what it changed.
//!
//! One [`Story`] is shown in four ways, which number its steps alike:
//!
//! | as | for |
//! |---|---|
//! | [`Story::text`] | the terminal: numbered steps with their effects, in words |
//! | [`Story::scenario`] | scenario files, which `model scenario` plays: a command and its answer for each action |
//! | [`ndjson`] | other engines: the trace of [`zab::trace`], the events of all servers in the order of the path |
//! | [`diagram`] | the eye: a sequence diagram (SVG) with one lane a server |
//!
//! [`coverage`] chooses paths that together show every kind of transition of a model.

pub mod coverage;
pub mod diagram;
pub mod effects;
pub mod flight;
pub mod label;
pub mod ndjson;
pub mod record;
pub mod svg;

mod layout;

use crate::bounds::Kind;
use crate::checkable::Told;
use crate::engine::{Verdict, quiet};
use crate::invocation;
use crate::scenario;
use crate::world::step::Stepper;
use crate::world::{Action, World};
use crate::zookeeper::ZooKeeper;
use effects::{Change, Effect, Field, Standing};
use flight::{Flight, Tracker};
use record::Recorder;
use stateright::Model;
use std::fmt::Write as _;
use std::path::Path;
use zab::trace::{Elections, FORMAT, Header, Line, VERSION};
use zab::{ServerId, Write};

/// A path of the model, told.
#[derive(Clone, Debug)]
pub struct Story {
    /// What it is about, in one line.
    pub title: String,
    /// The servers, in the order of their ids.
    pub lanes: Vec<Lane>,
    /// The steps. Step 1 of the text is the first.
    pub steps: Vec<Step>,
    /// Every message that was sent.
    pub flights: Vec<Flight>,
    /// For a behaviour that goes on for ever: the place in `steps` to which it returns after the last one.
    pub returns_to: Option<usize>,
    /// What is to be said at the end.
    pub note: Option<String>,
    /// The first line of its trace.
    pub header: Header,
    /// What the servers did when they started for the first time.
    pub started: Vec<Line>,
    /// The model whose path it is.
    pub model: ZooKeeper,
    /// The state at the start.
    pub first: World,
    /// The state at the end.
    pub last: World,
}

/// A server of a story.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Who.
    pub id: ServerId,
    /// Whether it only observes.
    pub observes: bool,
    /// Where it stands at the start.
    pub standing: Standing,
    /// What is to be said of it at the start.
    pub start: Vec<String>,
}

/// A step of a story.
#[derive(Clone, Debug)]
pub struct Step {
    /// What happened.
    pub action: Action,
    /// The same with what it is about: the message that arrived, the writes that became durable.
    pub label: String,
    /// What it changed.
    pub effects: Vec<Effect>,
    /// The events of servers that it consists of.
    pub lines: Vec<Line>,
    /// Where every server stands afterwards.
    pub standing: Vec<Standing>,
}

impl Story {
    /// The story of these actions, from this initial state on. A step that panics is told, and is the last one.
    #[must_use]
    pub fn tell(model: &ZooKeeper, title: &str, initial: &World, actions: &[Action]) -> Story {
        let mut tracker = Tracker::default();
        tracker.observe(0, None, initial);
        let mut recorder = Recorder::new(elections(model));
        recorder.start(model, initial);
        let mut story = Story {
            title: title.to_owned(),
            lanes: initial.ids().map(|id| lane(model, initial, id)).collect(),
            steps: Vec::new(),
            flights: Vec::new(),
            returns_to: None,
            note: None,
            header: header(model),
            started: recorder.take(),
            model: model.clone(),
            first: initial.clone(),
            last: initial.clone(),
        };
        for action in actions {
            let before = story.last.clone();
            story.go_on(model, *action, &mut recorder);
            if story.note.is_some() {
                break;
            }
            let (row, lines) = (story.steps.len(), &story.steps[story.steps.len() - 1].lines);
            tracker.observe(row, Some(action), &story.last);
            tracker.observe_lost(row, &before, lines, &story.last);
        }
        story.flights = tracker.flights;
        story
    }

    /// The story of a behaviour that, after `stem`, repeats `cycle` for ever. An empty cycle is one in which nothing
    /// needs to happen any more.
    #[must_use]
    pub fn of_lasso(model: &ZooKeeper, title: &str, initial: &World, stem: &[Action], cycle: &[Action]) -> Story {
        let mut story = Story::tell(model, title, initial, &[stem, cycle].concat());
        if cycle.is_empty() {
            story.note = Some("here it can stay for ever: nothing that is owed can happen any more".to_owned());
        } else if story.note.is_none() {
            story.returns_to = Some(stem.len());
        }
        story
    }

    /// The story of a verdict's evidence, if it has any.
    #[must_use]
    pub fn of_verdict(model: &ZooKeeper, verdict: &Verdict<Action>) -> Option<Story> {
        let path = verdict.path.as_ref()?;
        let initial = model.init_states().into_iter().nth(verdict.initial)?;
        let title = match (verdict.kind, verdict.holds) {
            (crate::engine::Kind::Always, false) => format!("{} is violated", verdict.name),
            (crate::engine::Kind::Live, false) => format!("{} is never reached again", verdict.name),
            _ => verdict.name.clone(),
        };
        Some(match &verdict.cycle {
            Some(cycle) => Story::of_lasso(model, &title, &initial, path, cycle),
            None => Story::tell(model, &title, &initial, path),
        })
    }

    fn go_on(&mut self, model: &ZooKeeper, action: Action, recorder: &mut Recorder) {
        let label = label::label(model, &self.last, &action);
        recorder.before(&self.last, &action);
        let mut world = self.last.clone();
        quiet::install();
        let acted = quiet::catch(|| Stepper::new(model, &mut world, recorder).act(action));
        if acted.is_err() {
            self.note = Some(format!("step {} panics: the specification breaks an assertion", self.steps.len() + 1));
            world = self.last.clone();
        }
        let standing = world.servers.iter().map(|server| Standing::of(server, &model.ensemble)).collect();
        let effects = effects::effects(&self.last, &world);
        self.steps.push(Step { action, label, effects, lines: recorder.take(), standing });
        self.last = world;
    }

    /// Numbered steps with their effects, in words.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.title);
        for lane in self.lanes.iter().filter(|lane| !lane.start.is_empty()) {
            let _ = writeln!(text, "      {} starts: {}", lane.id, lane.start.join("; "));
        }
        for (index, step) in self.steps.iter().enumerate() {
            if self.returns_to == Some(index) {
                let _ = writeln!(text, "      what follows repeats for ever:");
            }
            let _ = writeln!(text, "{:>4}. {}", index + 1, step.label);
            for effect in &step.effects {
                let _ = writeln!(text, "      {}", effect.text());
            }
        }
        if let Some(place) = self.returns_to {
            let _ = writeln!(text, "      and again from step {}", place + 1);
        }
        if let Some(note) = &self.note {
            let _ = writeln!(text, "      {note}");
        }
        text
    }

    /// What every step is about, in a line each; those that repeat for ever apart.
    #[must_use]
    pub fn labels(&self) -> (Vec<String>, Vec<String>) {
        let mut labels: Vec<String> = self.steps.iter().map(|step| step.label.clone()).collect();
        let cycle = self.returns_to.map_or_else(Vec::new, |place| labels.split_off(place));
        (labels, cycle)
    }

    /// The same to be played: the model, its start, and every action, each with the answer that came.
    ///
    /// # Errors
    /// With a sentence, when the story does not begin in an initial state of its model.
    pub fn scenario(&self) -> Result<String, String> {
        let initial = self.model.init_states().iter().position(|state| *state == self.first);
        let initial = initial.ok_or("the story does not begin in an initial state of its model")?;
        let words = invocation::words_of(&self.model.bounds);
        let beginning = format!("# {}.\nmodel {words}\ninitial {initial}\n", self.title);
        let commands = self.steps.iter().enumerate().map(|(place, step)| match self.returns_to {
            Some(first) if first == place => format!("# What follows repeats for ever.\n{}", step.action),
            _ => step.action.to_string(),
        });
        let commands: Vec<String> = std::iter::once("start".to_owned()).chain(commands).collect();
        let mut text = scenario::write(&beginning, &commands, &self.model.mutation)?;
        self.note.iter().for_each(|note| text += &format!("\n# In the end: {note}.\n"));
        Ok(text)
    }

    /// The lines of its trace.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.started.iter().chain(self.steps.iter().flat_map(|step| &step.lines))
    }
}

impl Step {
    /// The writes that became durable, with whose they are.
    pub fn flushed(&self) -> impl Iterator<Item = (ServerId, &Write)> {
        self.lines.iter().filter_map(|line| match &line.event {
            zab::trace::Event::Flushed { write, .. } => Some((line.server, write)),
            _ => None,
        })
    }
}

/// Writes `NAME.txt` (the scenario), `NAME.ndjson` (the trace) and `NAME.svg` (the diagram) into a directory, which is
/// made if there is none.
///
/// # Errors
/// When the directory cannot be written.
pub fn write_all(directory: &Path, name: &str, story: &Story) -> std::io::Result<()> {
    write_texts(directory, name, story)?;
    std::fs::write(directory.join(format!("{name}.svg")), diagram::svg(story, &[]))
}

/// Writes what machines read of a story: `NAME.txt` and `NAME.ndjson`.
///
/// # Errors
/// When the directory cannot be written.
pub fn write_texts(directory: &Path, name: &str, story: &Story) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let scenario = story.scenario().map_err(std::io::Error::other)?;
    std::fs::write(directory.join(format!("{name}.txt")), scenario)?;
    std::fs::write(directory.join(format!("{name}.ndjson")), ndjson::write(story))
}

impl Told for Story {
    fn text(&self) -> String {
        Story::text(self)
    }

    fn labels(&self) -> (Vec<String>, Vec<String>) {
        Story::labels(self)
    }

    fn write_all(&self, directory: &Path, name: &str) -> std::io::Result<&'static str> {
        write_all(directory, name, self).map(|()| ".txt, .ndjson and .svg are")
    }
}

fn elections(model: &ZooKeeper) -> Elections {
    if model.bounds.kind == Kind::Zab { Elections::Elsewhere } else { Elections::Held }
}

fn header(model: &ZooKeeper) -> Header {
    Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        ensemble: model.ensemble.clone(),
        elections: elections(model),
        recorded_by: invocation::trace_command(&model.bounds),
    }
}

fn lane(model: &ZooKeeper, world: &World, id: ServerId) -> Lane {
    let server = world.server(id);
    let said = [Field::Role, Field::Accepted, Field::Current, Field::History, Field::Delivered];
    let blank = ["", "e0"];
    let change = |of| Change { field: of, before: String::new(), after: effects::field(server, of) };
    let changes = said.into_iter().map(change).filter(|change| !blank.contains(&change.after.as_str()));
    Lane {
        id,
        observes: model.ensemble.is_observer(id),
        standing: Standing::of(server, &model.ensemble),
        start: changes.filter_map(|change| change.brief()).collect(),
    }
}

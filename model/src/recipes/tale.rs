//! Paths of the models of uses, told: each step in a line, and below it what it changed.

use crate::checkable::{Action, Checkable, State, Told};
use crate::cli::verdict::Word;
use crate::engine::{Fair, Kind, Verdict};
use serde_json::{Value, json};
use stateright::Model;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// A model of a use: it knows how to say what it does.
pub trait Recipe: Fair + Model<State: State, Action: Action> + Clone + Send + Sync + 'static {
    /// Its name, as commands and tables have it.
    fn name(&self) -> &'static str;

    /// Its bounds in words.
    fn bounds(&self) -> String;

    /// The variant's name.
    fn variant(&self) -> String;

    /// Whether these are the bounds of its variant on the command line.
    fn is_usual(&self) -> bool;

    /// Where it is there to show that this claim fails: the words for it; see [`Checkable::expected`].
    fn expected(&self, claim: &str) -> Option<&'static str> {
        let _ = claim;
        None
    }

    /// An action's line, with what it is about.
    fn label(&self, state: &Self::State, action: &Self::Action) -> String;

    /// What there is to say about a state, a line each: a step is told by those that are new after it.
    fn facts(&self, state: &Self::State) -> Vec<String>;
}

impl<R: Recipe> Checkable for R {
    fn name(&self) -> &'static str {
        Recipe::name(self)
    }

    fn bounds(&self) -> String {
        Recipe::bounds(self)
    }

    fn bounds_for_machines(&self) -> Value {
        json!({ "variant": self.variant(), "words": Recipe::bounds(self) })
    }

    fn is_live(&self) -> bool {
        true
    }

    fn expected(&self, claim: &str) -> Option<&'static str> {
        Recipe::expected(self, claim)
    }

    fn tell(&self, verdict: &Verdict<R::Action>, _word: Word) -> Option<Arc<dyn Told>> {
        Tale::of(self, verdict).map(|tale| Arc::new(tale) as Arc<dyn Told>)
    }

    fn explorer_command(&self, _verdict: &Verdict<R::Action>) -> Option<String> {
        self.is_usual().then(|| format!("model explore {} --variant {}", Recipe::name(self), self.variant()))
    }
}

/// A path, told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tale {
    title: String,
    steps: Vec<(String, Vec<String>)>,
    returns_to: Option<usize>,
    note: Option<String>,
}

impl Tale {
    /// The evidence of a verdict; `None` if it has none.
    #[must_use]
    pub fn of<R: Recipe>(model: &R, verdict: &Verdict<R::Action>) -> Option<Tale> {
        let (stem, cycle) = (verdict.path.as_deref()?, verdict.cycle.as_deref());
        let title = match (verdict.kind, verdict.holds) {
            (Kind::Always, false) => format!("{} is violated", verdict.name),
            (Kind::Live, false) => format!("{} is never reached again", verdict.name),
            _ => verdict.name.clone(),
        };
        let mut state = model.init_states().into_iter().nth(verdict.initial)?;
        let mut tale = Tale { title, steps: Vec::new(), returns_to: None, note: None };
        for action in stem.iter().chain(cycle.unwrap_or_default()) {
            let (label, before) = (model.label(&state, action), model.facts(&state));
            let Some(next) = model.next_state(&state, action.clone()) else { break };
            let mut after = model.facts(&next);
            after.retain(|fact| !before.contains(fact));
            tale.steps.push((label, after));
            state = next;
        }
        match cycle {
            Some([]) => tale.note = Some("here it can stay for ever: nothing that is owed can happen any more".into()),
            Some(_) => tale.returns_to = Some(stem.len()),
            None => {}
        }
        Some(tale)
    }
}

impl Told for Tale {
    fn text(&self) -> String {
        let mut text = format!("{}\n", self.title);
        for (index, (label, facts)) in self.steps.iter().enumerate() {
            if self.returns_to == Some(index) {
                text.push_str("      what follows repeats for ever:\n");
            }
            let _ = writeln!(text, "{:>4}. {label}", index + 1);
            for fact in facts {
                let _ = writeln!(text, "      {fact}");
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

    fn labels(&self) -> (Vec<String>, Vec<String>) {
        let mut labels: Vec<String> = self.steps.iter().map(|(label, _)| label.clone()).collect();
        let cycle = self.returns_to.map_or_else(Vec::new, |place| labels.split_off(place));
        (labels, cycle)
    }

    fn write_all(&self, directory: &Path, name: &str) -> std::io::Result<&'static str> {
        std::fs::create_dir_all(directory)?;
        std::fs::write(directory.join(format!("{name}.txt")), self.text())?;
        Ok(".txt is")
    }
}

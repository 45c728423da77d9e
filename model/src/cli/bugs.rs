//! `model bugs`: the planted bugs, each caught.

use super::output::{hint, make_directory, say};
use super::table::{counted, grouped, table};
use crate::bounds::Bounds;
use crate::bugs::exhibit::{Question, exhibit};
use crate::bugs::{Bug, BugError, Exhibit, Finding, Workshop, catalogue};
use crate::invocation;
use comfy_table::CellAlignment;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The arguments of `model bugs`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Plant only these (see --list); 4643 is short for ZOOKEEPER-4643.
    ids: Vec<String>,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Only name the bugs, and what each is expected to break.
    #[arg(long)]
    list: bool,
    /// Print the counterexample of each, step by step.
    #[arg(long)]
    steps: bool,
    /// Keep the mutated files here, for reading.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Do not explore the model without a bug at the same bounds: for those who write one.
    #[arg(long)]
    only_mutants: bool,
    /// Answer this question and print the answer: how a mutant is asked.
    #[arg(long, value_name = "QUESTION", hide = true, exclusive = true)]
    exhibit: Option<String>,
}

/// A bug that was planted, and what the mutated model found.
struct Shown {
    bug: Bug,
    exhibit: Exhibit,
}

/// Bounds at which bugs were planted, and what the model as it is found there.
struct Control {
    bounds: Bounds,
    exhibit: Exhibit,
}

/// Runs it.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    if let Some(question) = &arguments.exhibit {
        return answer(question);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in a workspace");
    if let Err(sentence) = arguments.keep.as_deref().map_or(Ok(()), make_directory) {
        hint!("error: {sentence}");
        return ExitCode::from(2);
    }
    let outcome = sources(root).and_then(catalogue).and_then(|bugs| match choose(bugs, &arguments.ids) {
        Err(sentence) => {
            hint!("error: {sentence}");
            Ok(ExitCode::from(2))
        }
        Ok(bugs) if arguments.list => {
            say!("{}", if arguments.json { json_of_list(&bugs).to_string() } else { listed(&bugs) });
            Ok(ExitCode::SUCCESS)
        }
        Ok(bugs) => show_all(arguments, root, bugs),
    });
    outcome.unwrap_or_else(|error| {
        hint!("error: {error}");
        ExitCode::from(1)
    })
}

/// The workspace, if it is still where this command was built.
fn sources(root: &Path) -> Result<&Path, BugError> {
    let root_is_there = root.join("model/bugs").is_dir() && root.join("specs/src").is_dir();
    if root_is_there { Ok(root) } else { Err(BugError::Moved { root: root.display().to_string() }) }
}

/// What a mutant does: explores, and prints one line.
fn answer(question: &str) -> ExitCode {
    let Ok(question) = serde_json::from_str::<Question>(question) else {
        hint!("error: --exhibit needs a question as JSON");
        return ExitCode::from(2);
    };
    match question.answer() {
        Ok(exhibit) => {
            say!("{}", serde_json::to_string(&exhibit).expect("plain data"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            hint!("error: {error}");
            ExitCode::from(1)
        }
    }
}

fn choose(bugs: Vec<Bug>, ids: &[String]) -> Result<Vec<Bug>, String> {
    if let Some(unknown) = ids.iter().find(|id| !bugs.iter().any(|bug| is_named(bug, id))) {
        let known: Vec<&str> = bugs.iter().map(|bug| bug.id.as_str()).collect();
        return Err(format!("there is no bug `{unknown}`; known are {}", known.join(", ")));
    }
    Ok(bugs.into_iter().filter(|bug| ids.is_empty() || ids.iter().any(|id| is_named(bug, id))).collect())
}

/// Whether this is the bug's name, or the number of its issue.
fn is_named(bug: &Bug, name: &str) -> bool {
    bug.id.eq_ignore_ascii_case(name) || bug.id.strip_prefix("ZOOKEEPER-") == Some(name)
}

fn listed(bugs: &[Bug]) -> String {
    let mut table = table(&["bug", "mutation", "breaks", "model check"], 4);
    for bug in bugs {
        table.add_row([&bug.id, &bug.title, &bug.properties.join(" or "), &bug.check]);
    }
    table.to_string()
}

fn json_of_list(bugs: &[Bug]) -> Value {
    let bug = |bug: &Bug| {
        json!({
            "id": bug.id, "mutation": bug.title, "breaks": bug.properties, "check": bug.check,
            "published": bug.published, "source": bug.source, "note": bug.note,
        })
    };
    json!({ "bugs": bugs.iter().map(bug).collect::<Vec<_>>() })
}

fn show_all(arguments: &Arguments, root: &Path, bugs: Vec<Bug>) -> Result<ExitCode, BugError> {
    let workshop = Workshop::open(root)?;
    let (mut shown, mut controls) = (Vec::new(), Vec::new());
    let count = bugs.len();
    for (index, bug) in bugs.into_iter().enumerate() {
        hint!("[{}/{count}] {}: {}", index + 1, bug.id, bug.title);
        let exhibit = plant(arguments, &workshop, &bug, index == 0)?;
        if !arguments.only_mutants {
            control(bug.bounds, &mut controls)?;
        }
        let shown_now = Shown { bug, exhibit };
        hint!("        {}", shown_now.outcome());
        if arguments.steps && !arguments.json {
            tell(&shown_now);
        }
        shown.push(shown_now);
    }
    let well = shown.iter().all(|shown| shown.caught().is_some()) && controls.iter().all(Control::is_clean);
    if arguments.json {
        let (shown, controls): (Vec<Value>, Vec<Value>) =
            (shown.iter().map(Shown::json).collect(), controls.iter().map(Control::json).collect());
        say!("{}", json!({ "bugs": shown, "without_any_bug": controls }));
    } else {
        say!("{}\n\n{}\n", of_bugs(&shown), of_controls(&controls));
    }
    controls.iter().for_each(Control::complain);
    hint!("{}", verdict(arguments, well));
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Plants the bug, compiles the specification with it, and lets it explore.
fn plant(arguments: &Arguments, workshop: &Workshop, bug: &Bug, first: bool) -> Result<Exhibit, BugError> {
    workshop.plant(bug)?;
    if let Some(directory) = &arguments.keep {
        workshop.keep(bug, directory)?;
    }
    let patience = if first { " (with Cargo; the first takes a minute or more, each other some seconds)" } else { "" };
    hint!("        compiling the specification with this bug{patience} …");
    workshop.build(bug)?;
    hint!("        exploring {} …", invocation::words_of(&bug.bounds));
    workshop.run(bug)
}

fn verdict(arguments: &Arguments, well: bool) -> &'static str {
    match (well, arguments.only_mutants) {
        (true, false) => "Every bug is caught, and without them nothing is.",
        (true, true) => "Every bug is caught.",
        (false, _) => "NOT every bug is caught, or something is found without any bug.",
    }
}

/// The model as it is, within the same bounds, once for each.
fn control(bounds: Bounds, controls: &mut Vec<Control>) -> Result<(), BugError> {
    if !controls.iter().any(|control| control.bounds == bounds) {
        controls.push(Control { bounds, exhibit: exhibit(bounds, 2, false)? });
    }
    Ok(())
}

impl Control {
    fn is_clean(&self) -> bool {
        self.exhibit.complete && self.exhibit.findings.is_empty()
    }

    /// Says what is found where nothing should be.
    fn complain(&self) {
        if self.is_clean() {
            return;
        }
        let broken: Vec<&str> = self.exhibit.findings.iter().map(|finding| finding.property.as_str()).collect();
        let what = if broken.is_empty() { self.exhibit.reason.clone().unwrap_or_default() } else { broken.join(", ") };
        hint!("error: the model without any bug is not clean within {}: {what}", self.bounds);
    }

    fn json(&self) -> Value {
        json!({
            "model": self.bounds.kind,
            "bounds": self.bounds,
            "clean": self.is_clean(),
            "complete": self.exhibit.complete,
            "reason": self.exhibit.reason,
            "distinct": self.exhibit.distinct,
            "seconds": self.exhibit.seconds,
        })
    }
}

impl Shown {
    /// The finding that was expected, the first that the header names.
    fn caught(&self) -> Option<&Finding> {
        self.exhibit.expected(&self.bug.properties)
    }

    /// What was found, in a line.
    fn outcome(&self) -> String {
        let states = grouped(self.exhibit.distinct);
        match self.caught() {
            Some(finding) => format!("{} breaks after {}; {states} states", finding.property, steps_in_words(finding)),
            None => format!("NOT CAUGHT ({}); {states} states", self.missed()),
        }
    }

    /// What broke although it was not expected to.
    fn others(&self) -> Vec<&str> {
        let caught = self.caught().map(|finding| &finding.property);
        let others = self.exhibit.findings.iter().map(|finding| &finding.property);
        others.filter(|other| Some(*other) != caught).map(String::as_str).collect()
    }

    /// What was found in place of what was expected.
    fn missed(&self) -> String {
        match (&self.others()[..], &self.exhibit.reason) {
            ([], None) => "nothing broke".to_owned(),
            ([], Some(reason)) => format!("nothing broke so far, {reason}"),
            (others, _) => format!("{} instead", others.join(", ")),
        }
    }

    fn json(&self) -> Value {
        let found = self.caught();
        json!({
            "id": self.bug.id,
            "mutation": self.bug.title,
            "caught": found.is_some(),
            "property": found.map(|finding| &finding.property),
            "steps": found.map(|finding| &finding.path),
            "cycle": found.and_then(|finding| finding.cycle.as_ref()),
            "note": found.and_then(|finding| finding.note.as_ref()),
            "others": self.others(),
            "complete": self.exhibit.complete,
            "reason": self.exhibit.reason,
            "distinct": self.exhibit.distinct,
            "seconds": self.exhibit.seconds,
            "published": self.bug.published,
        })
    }
}

fn of_bugs(shown: &[Shown]) -> String {
    let columns = ["bug", "mutation", "published", "property broken", "steps", "distinct", "seconds"];
    let mut table = table(&columns, 4);
    for one in shown {
        let (bug, exhibit, found) = (&one.bug, &one.exhibit, one.caught());
        table.add_row([
            bug.id.clone(),
            bug.title.clone(),
            bug.published.clone().unwrap_or_default(),
            found.map_or_else(|| format!("NOT CAUGHT ({})", one.missed()), |finding| finding.property.clone()),
            found.map_or_else(String::new, steps),
            grouped(exhibit.distinct),
            format!("{:.1}", exhibit.seconds),
        ]);
    }
    table.to_string()
}

fn steps(finding: &Finding) -> String {
    match &finding.cycle {
        None => finding.path.len().to_string(),
        Some(cycle) if cycle.is_empty() => format!("{}, rests", finding.path.len()),
        Some(cycle) => format!("{} + {}", finding.path.len(), cycle.len()),
    }
}

fn steps_in_words(finding: &Finding) -> String {
    let stem = counted(finding.path.len(), "step", "steps");
    match &finding.cycle {
        None => stem,
        Some(cycle) if cycle.is_empty() => format!("{stem}, where everything rests"),
        Some(cycle) => format!("{stem} and then {} for ever", counted(cycle.len(), "step", "steps")),
    }
}

fn of_controls(controls: &[Control]) -> String {
    let mut table = table(&["without any bug", "verdict", "distinct", "seconds"], 2);
    for control in controls {
        table.add_row([
            format!("{}: {}", control.bounds.kind.name(), control.bounds),
            if control.is_clean() { "clean" } else { "NOT CLEAN" }.to_owned(),
            grouped(control.exhibit.distinct),
            format!("{:.1}", control.exhibit.seconds),
        ]);
    }
    if let Some(column) = table.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// The counterexample of what was to break; what else broke is only named. If it did not break, what did instead.
fn tell(shown: &Shown) {
    let Shown { bug, exhibit } = shown;
    let expected = bug.properties.join(" or ");
    match shown.caught() {
        Some(finding) => {
            tell_finding(bug, finding);
            let others = shown.others();
            let also =
                if others.is_empty() { String::new() } else { format!(" Broken as well: {}.", others.join(", ")) };
            say!("So {} is caught: {} breaks after {}.{also}\n", bug.id, finding.property, steps_in_words(finding));
        }
        None => {
            say!("{} should break {expected}, and does not. What is found instead: {}.\n", bug.id, shown.missed());
            exhibit.findings.iter().for_each(|finding| tell_finding(bug, finding));
            say!("So {} is NOT caught.\n", bug.id);
        }
    }
}

fn tell_finding(bug: &Bug, finding: &Finding) {
    say!("{}: {} does not hold ({})", bug.id, finding.property, bug.bounds);
    finding.note.iter().for_each(|note| say!("  {note}"));
    say!("{}", finding.story);
}

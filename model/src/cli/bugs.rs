//! `model bugs`: the planted bugs, each caught.

use super::output::say;
use super::table::{grouped, table};
use crate::bounds::Bounds;
use crate::bugs::exhibit::{Question, exhibit};
use crate::bugs::{Bug, BugError, Exhibit, Finding, Workshop, catalogue};
use comfy_table::CellAlignment;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The arguments of `model bugs`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Plant only these (see --list).
    ids: Vec<String>,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Only name the bugs, and what each is expected to break.
    #[arg(long)]
    list: bool,
    /// Print the counterexamples.
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
    let outcome = catalogue(root).and_then(|bugs| match choose(bugs, &arguments.ids) {
        Err(sentence) => {
            eprintln!("error: {sentence}");
            Ok(ExitCode::from(2))
        }
        Ok(bugs) if arguments.list => {
            say!("{}", listed(&bugs));
            Ok(ExitCode::SUCCESS)
        }
        Ok(bugs) => show_all(arguments, root, bugs),
    });
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(1)
    })
}

/// What a mutant does: explores, and prints one line.
fn answer(question: &str) -> ExitCode {
    let Ok(question) = serde_json::from_str::<Question>(question) else {
        eprintln!("error: --exhibit needs a question as JSON");
        return ExitCode::from(2);
    };
    match question.answer() {
        Ok(exhibit) => {
            say!("{}", serde_json::to_string(&exhibit).expect("plain data"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(1)
        }
    }
}

fn choose(bugs: Vec<Bug>, ids: &[String]) -> Result<Vec<Bug>, String> {
    if let Some(unknown) = ids.iter().find(|id| !bugs.iter().any(|bug| bug.id == **id)) {
        let known: Vec<&str> = bugs.iter().map(|bug| bug.id.as_str()).collect();
        return Err(format!("there is no bug `{unknown}`; known are {}", known.join(", ")));
    }
    Ok(bugs.into_iter().filter(|bug| ids.is_empty() || ids.contains(&bug.id)).collect())
}

fn listed(bugs: &[Bug]) -> String {
    let mut table = table(&["bug", "mutation", "breaks", "model check"], 4);
    for bug in bugs {
        table.add_row([&bug.id, &bug.title, &bug.properties.join(" or "), &bug.check]);
    }
    table.to_string()
}

fn show_all(arguments: &Arguments, root: &Path, bugs: Vec<Bug>) -> Result<ExitCode, BugError> {
    let workshop = Workshop::open(root)?;
    let (mut shown, mut controls) = (Vec::new(), Vec::new());
    let count = bugs.len();
    for (index, bug) in bugs.into_iter().enumerate() {
        eprintln!("[{}/{count}] {}: {}", index + 1, bug.id, bug.title);
        workshop.plant(&bug)?;
        if let Some(directory) = &arguments.keep {
            workshop.keep(&bug, directory)?;
        }
        workshop.build(&bug)?;
        let exhibit = workshop.run(&bug)?;
        if !arguments.only_mutants {
            control(bug.bounds, &mut controls)?;
        }
        let shown_now = Shown { bug, exhibit };
        eprintln!("        {}", shown_now.outcome());
        if arguments.steps && !arguments.json {
            tell(&shown_now);
        }
        shown.push(shown_now);
    }
    let well = shown.iter().all(|shown| shown.caught().is_some()) && controls.iter().all(Control::is_clean);
    if arguments.json {
        say!("{}", json!({ "bugs": shown.iter().map(Shown::json).collect::<Vec<_>>() }));
    } else {
        say!("{}\n\n{}\n", of_bugs(&shown), of_controls(&controls));
    }
    for control in controls.iter().filter(|control| !control.is_clean()) {
        let broken: Vec<&str> = control.exhibit.findings.iter().map(|finding| finding.property.as_str()).collect();
        eprintln!("error: the model without any bug is not clean within {}: {}", control.bounds, broken.join(", "));
    }
    let verdict = if well { "Every bug is caught, and without them nothing is." } else { "NOT every bug is caught." };
    eprintln!("{verdict}");
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::from(1) })
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
            Some(finding) => format!("{} breaks after {} steps; {states} states", finding.property, steps(finding)),
            None => format!("NOT CAUGHT ({}); {states} states", self.others()),
        }
    }

    /// What broke although it was not expected to.
    fn others(&self) -> String {
        let names: Vec<&str> = self.exhibit.findings.iter().map(|finding| finding.property.as_str()).collect();
        match names[..] {
            [] if self.exhibit.complete => "nothing broke".into(),
            [] => "too many states".into(),
            _ => names.join(", "),
        }
    }

    fn json(&self) -> Value {
        let found = self.caught();
        json!({
            "id": self.bug.id,
            "mutation": self.bug.title,
            "caught": found.is_some(),
            "property": found.map(|finding| &finding.property),
            "steps": found.map(Finding::steps),
            "cycle": found.and_then(|finding| finding.cycle.as_ref()).map(Vec::len),
            "distinct": self.exhibit.distinct,
            "seconds": self.exhibit.seconds,
            "published": self.bug.published,
        })
    }
}

fn of_bugs(shown: &[Shown]) -> String {
    let columns = ["bug", "mutation", "published", "property broken", "steps", "distinct", "seconds"];
    let mut table = table(&columns, 4);
    for Shown { bug, exhibit } in shown {
        let one = Shown { bug: bug.clone(), exhibit: exhibit.clone() };
        let found = one.caught();
        let others: Vec<&str> = exhibit.findings.iter().map(|finding| finding.property.as_str()).collect();
        let missed =
            || format!("NOT CAUGHT ({})", if others.is_empty() { "nothing".into() } else { others.join(", ") });
        table.add_row([
            bug.id.clone(),
            bug.title.clone(),
            bug.published.clone().unwrap_or_default(),
            found.map_or_else(missed, |finding| finding.property.clone()),
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

fn of_controls(controls: &[Control]) -> String {
    let mut table = table(&["without any bug", "verdict", "distinct", "seconds"], 2);
    for control in controls {
        table.add_row([
            format!("{} {}", kind(&control.bounds), control.bounds),
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

fn kind(bounds: &Bounds) -> &'static str {
    match bounds.kind {
        crate::bounds::Kind::Election => "election:",
        crate::bounds::Kind::Zab => "zab:",
        crate::bounds::Kind::Ensemble => "ensemble:",
    }
}

fn tell(shown: &Shown) {
    for finding in &shown.exhibit.findings {
        say!("{}: {} does not hold ({})", shown.bug.id, finding.property, shown.bug.bounds);
        finding.note.iter().for_each(|note| say!("  {note}"));
        for (number, action) in finding.path.iter().enumerate() {
            say!("{:4}  {action}", number + 1);
        }
        if let Some(cycle) = &finding.cycle {
            say!("      {}", if cycle.is_empty() { "and there it rests" } else { "and then for ever" });
            cycle.iter().for_each(|action| say!("      {action}"));
        }
    }
}

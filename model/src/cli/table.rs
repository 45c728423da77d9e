//! The table of runs, and the same for machines.

use super::verdict::Word;
use crate::engine::{Completion, Kind, Verdict};
use crate::runner::{Finding, Outcome};
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

/// A table with these columns; those after the first `left` hold numbers.
#[must_use]
pub fn table(columns: &[&str], left: usize) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(columns);
    for column in table.column_iter_mut().skip(left) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// The runs as a table, with each property's verdict in the last column.
#[must_use]
pub fn of_outcomes(outcomes: &[Outcome]) -> String {
    let columns =
        ["run", "bounds", "engine", "properties", "distinct", "generated", "depth", "seconds", "states/s", "MiB"];
    let mut table = table(&columns, 4);
    for outcome in outcomes {
        let report = &outcome.report;
        table.add_row([
            outcome.name.clone(),
            outcome.bounds.clone(),
            outcome.engine.name().to_owned(),
            verdicts(outcome),
            grouped(report.distinct),
            grouped(report.generated),
            report.depth.to_string(),
            format!("{:.1}", report.elapsed.as_secs_f64()),
            grouped(outcome.rate() as u64),
            outcome.peak_bytes.map_or("?".into(), |bytes| (bytes >> 20).to_string()),
        ]);
    }
    table.to_string()
}

fn verdicts(outcome: &Outcome) -> String {
    let verdicts: Vec<(&Verdict<()>, Word)> = words(outcome).collect();
    let count = |kind| verdicts.iter().filter(|(verdict, word)| verdict.kind == kind && *word == Word::Holds).count();
    let mut words: Vec<String> = [Kind::Always, Kind::Sometimes, Kind::Live]
        .into_iter()
        .filter(|kind| count(*kind) > 0)
        .map(|kind| format!("{} {}", count(kind), name(kind)))
        .collect();
    let failing = verdicts.iter().filter(|(_, word)| !matches!(word, Word::Holds | Word::Undecided));
    words.extend(failing.map(|(verdict, word)| format!("{} {}", verdict.name, word.name().to_uppercase())));
    let undecided = verdicts.iter().filter(|(_, word)| *word == Word::Undecided).count();
    if undecided > 0 {
        words.push(format!("{undecided} undecided"));
    }
    match reason(outcome.report.completion) {
        None => {}
        Some(reason) if outcome.report.completion == Completion::Violated => words.push(reason.into()),
        Some(reason) => words.push(format!("NOT COMPLETE: {reason}")),
    }
    words.join(", ")
}

/// Why not every state was explored; `None` if every one was.
#[must_use]
pub fn reason(completion: Completion) -> Option<&'static str> {
    match completion {
        Completion::Exhausted => None,
        Completion::Violated => Some("stopped at the violation"),
        Completion::Capped => Some("state limit"),
        Completion::Interrupted => Some("interrupted"),
    }
}

/// Every verdict of a run, with what is to be said of it.
pub fn words(outcome: &Outcome) -> impl Iterator<Item = (&Verdict<()>, Word)> {
    outcome.verdicts().map(|(verdict, finding)| (verdict, finding.word))
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Always => "always",
        Kind::Sometimes => "sometimes",
        Kind::Live => "live",
    }
}

/// Every property by name, with the number of runs that say of it the same.
#[must_use]
pub fn of_properties(outcomes: &[Outcome]) -> String {
    let mut rows: Vec<(&str, Kind, [usize; 5])> = Vec::new();
    for (verdict, word) in outcomes.iter().flat_map(words) {
        let at = rows.iter().position(|row| row.0 == verdict.name && row.1 == verdict.kind).unwrap_or_else(|| {
            rows.push((&verdict.name, verdict.kind, [0; 5]));
            rows.len() - 1
        });
        rows[at].2[column(word)] += 1;
    }
    let mut table = table(&["property", "kind", "holds in runs", "fails in", "not reached in", "undecided in"], 2);
    for (property, kind, counts) in rows {
        let [holding, mut failing, unreached, undecided, expected] = counts.map(|count| count.to_string());
        match (counts[1], counts[4]) {
            (_, 0) => {}
            (0, _) => failing = format!("{expected} as expected"),
            (_, _) => failing = format!("{failing}, and {expected} as expected"),
        }
        table.add_row([property.to_owned(), name(kind).to_owned(), holding, failing, unreached, undecided]);
    }
    table.to_string()
}

fn column(word: Word) -> usize {
    match word {
        Word::Holds => 0,
        Word::Violated | Word::NotLive | Word::NotAsExpected => 1,
        Word::NotReached | Word::NoElectionLeft => 2,
        Word::Undecided => 3,
        Word::Expected(_) => 4,
    }
}

/// A number with its thousands apart.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A number with the word for what is counted: `1 step`, `2 steps`.
#[must_use]
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count as u64), if count == 1 { one } else { many })
}

/// The runs for machines, and the names of those that were not begun.
#[must_use]
pub fn json_of_outcomes(outcomes: &[Outcome], not_run: &[&str]) -> Value {
    json!({ "runs": outcomes.iter().map(json_of_outcome).collect::<Vec<_>>(), "not_run": not_run })
}

fn json_of_outcome(outcome: &Outcome) -> Value {
    let report = &outcome.report;
    json!({
        "run": outcome.name,
        "model": outcome.model,
        "bounds": outcome.bounds_for_machines,
        "engine": outcome.engine.name(),
        "distinct": report.distinct,
        "generated": report.generated,
        "depth": report.depth,
        "seconds": report.elapsed.as_secs_f64(),
        "peak_bytes": outcome.peak_bytes,
        "complete": report.completion == Completion::Exhausted,
        "reason": reason(report.completion),
        "properties": outcome.verdicts().map(json_of_verdict).collect::<Vec<_>>(),
    })
}

/// A verdict; where something is violated, with the steps that lead there, and with those that repeat for ever.
fn json_of_verdict((verdict, finding): (&Verdict<()>, &Finding)) -> Value {
    let (holds, word) = (verdict.decided.then_some(verdict.holds), finding.word.name());
    let mut value = json!({ "name": verdict.name, "kind": name(verdict.kind), "holds": holds, "verdict": word });
    if let Some(story) = &finding.story {
        let (steps, cycle) = story.labels();
        value["initial"] = json!(verdict.initial);
        value["steps"] = json!(steps);
        value["cycle"] = json!(verdict.cycle.as_ref().map(|_| cycle));
        value["note"] = json!(verdict.note);
    }
    value
}

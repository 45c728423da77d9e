//! The table of runs, and the same for machines.

use crate::engine::{Completion, Kind, Verdict};
use crate::runner::Outcome;
use crate::world::Action;
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
            outcome.bounds.to_string(),
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
    let verdicts = &outcome.report.verdicts;
    let count = |kind| verdicts.iter().filter(|verdict| verdict.kind == kind && holds(verdict) == Some(true)).count();
    let mut words: Vec<String> = [Kind::Always, Kind::Sometimes, Kind::Live]
        .into_iter()
        .filter(|kind| count(*kind) > 0)
        .map(|kind| format!("{} {}", count(kind), name(kind)))
        .collect();
    words.extend(verdicts.iter().filter(|verdict| holds(verdict) == Some(false)).map(failure));
    let undecided = verdicts.iter().filter(|verdict| !verdict.decided).count();
    if undecided > 0 {
        words.push(format!("{undecided} undecided"));
    }
    match outcome.report.completion {
        Completion::Exhausted => {}
        Completion::Violated => words.push("stopped at the violation".into()),
        Completion::Capped => words.push("NOT COMPLETE: state limit".into()),
        Completion::Interrupted => words.push("NOT COMPLETE: interrupted".into()),
    }
    words.join(", ")
}

/// Whether a claim holds; `None` where too little was explored to say.
fn holds(verdict: &Verdict<Action>) -> Option<bool> {
    verdict.decided.then_some(verdict.holds)
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Always => "always",
        Kind::Sometimes => "sometimes",
        Kind::Live => "live",
    }
}

fn failure(verdict: &Verdict<Action>) -> String {
    let how = match verdict.kind {
        Kind::Always => "VIOLATED",
        Kind::Sometimes => "NOT REACHED",
        Kind::Live => "NOT LIVE",
    };
    format!("{} {how}", verdict.name)
}

/// Every property by name, with the number of runs that say of it the same.
#[must_use]
pub fn of_properties(outcomes: &[Outcome]) -> String {
    let mut rows: Vec<(&str, Kind, [usize; 3])> = Vec::new();
    for verdict in outcomes.iter().flat_map(|outcome| &outcome.report.verdicts) {
        let at = rows.iter().position(|row| row.0 == verdict.name && row.1 == verdict.kind).unwrap_or_else(|| {
            rows.push((&verdict.name, verdict.kind, [0; 3]));
            rows.len() - 1
        });
        rows[at].2[holds(verdict).map_or(2, |holds| usize::from(!holds))] += 1;
    }
    let mut table = table(&["property", "kind", "holds in runs", "fails in", "undecided in"], 2);
    for (property, kind, counts) in rows {
        let [holding, failing, undecided] = counts.map(|count| count.to_string());
        table.add_row([property.to_owned(), name(kind).to_owned(), holding, failing, undecided]);
    }
    table.to_string()
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

/// The runs for machines.
#[must_use]
pub fn json_of_outcomes(outcomes: &[Outcome]) -> Value {
    json!({ "runs": outcomes.iter().map(json_of_outcome).collect::<Vec<_>>() })
}

fn json_of_outcome(outcome: &Outcome) -> Value {
    let report = &outcome.report;
    let property = |verdict: &Verdict<Action>| {
        let (name, kind) = (&verdict.name, name(verdict.kind));
        json!({ "name": name, "kind": kind, "holds": holds(verdict) })
    };
    json!({
        "run": outcome.name,
        "model": outcome.bounds.kind,
        "bounds": outcome.bounds,
        "engine": outcome.engine.name(),
        "distinct": report.distinct,
        "generated": report.generated,
        "depth": report.depth,
        "seconds": report.elapsed.as_secs_f64(),
        "peak_bytes": outcome.peak_bytes,
        "complete": report.completion == Completion::Exhausted,
        "properties": report.verdicts.iter().map(property).collect::<Vec<_>>(),
    })
}

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
    let count = |kind| verdicts.iter().filter(|verdict| verdict.kind == kind && verdict.holds).count();
    let mut lines: Vec<String> = [(Kind::Always, "always"), (Kind::Sometimes, "sometimes"), (Kind::Live, "live")]
        .into_iter()
        .filter(|(kind, _)| count(*kind) > 0)
        .map(|(kind, name)| format!("{} {name}", count(kind)))
        .collect();
    lines.extend(verdicts.iter().filter(|verdict| !verdict.holds).map(failure));
    match outcome.report.completion {
        Completion::Exhausted => {}
        Completion::Violated => lines.push("stopped at the violation".into()),
        Completion::Capped => lines.push("NOT COMPLETE: state limit".into()),
        Completion::Interrupted => lines.push("NOT COMPLETE: interrupted".into()),
    }
    lines.join(", ")
}

fn failure(verdict: &Verdict<Action>) -> String {
    match (verdict.kind, verdict.decided) {
        (_, false) => format!("{} undecided", verdict.name),
        (Kind::Always, _) => format!("{} VIOLATED", verdict.name),
        (Kind::Sometimes, _) => format!("{} NOT REACHED", verdict.name),
        (Kind::Live, _) => format!("{} NOT LIVE", verdict.name),
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

/// The runs for machines.
#[must_use]
pub fn json_of_outcomes(outcomes: &[Outcome]) -> Value {
    json!({ "runs": outcomes.iter().map(json_of_outcome).collect::<Vec<_>>() })
}

fn json_of_outcome(outcome: &Outcome) -> Value {
    let report = &outcome.report;
    let property = |verdict: &Verdict<Action>| {
        let kind = match verdict.kind {
            Kind::Always => "always",
            Kind::Sometimes => "sometimes",
            Kind::Live => "live",
        };
        json!({ "name": verdict.name, "kind": kind, "holds": verdict.holds })
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

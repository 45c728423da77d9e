//! The fault table: every fault, how often it came, and what it has cost.

use crate::faults::Fault;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

#[derive(Default)]
struct Row {
    times: usize,
    outages: Vec<Duration>,
    back: Vec<Duration>,
}

/// What was measured of each fault.
#[derive(Default)]
pub struct Table(BTreeMap<Fault, Row>);

impl Table {
    /// `outage`: the longest time without an acknowledged write. `back`: each server's, until it was in step again.
    pub fn add(&mut self, fault: Fault, outage: Duration, back: &[Duration]) {
        let row = self.0.entry(fault).or_default();
        row.times += 1;
        row.outages.push(outage);
        row.back.extend(back);
    }

    /// For people; times in milliseconds.
    pub fn show(&self) -> String {
        let mut text = format!(
            "{:<30} {:>6} {:>14} {:>10} {:>18} {:>10}\n",
            "fault", "times", "outage p50/ms", "max/ms", "back in step p50/ms", "max/ms"
        );
        for (fault, row) in &self.0 {
            let (outage, back) = (spread(&row.outages), spread(&row.back));
            let (name, times) = (fault.name(), row.times);
            let _ =
                writeln!(text, "{name:<30} {times:>6} {:>14} {:>10} {:>19} {:>10}", outage.0, outage.1, back.0, back.1);
        }
        text
    }
}

/// The median and the greatest, in milliseconds.
fn spread(times: &[Duration]) -> (u128, u128) {
    let mut times: Vec<u128> = times.iter().map(Duration::as_millis).collect();
    times.sort_unstable();
    (times.get(times.len().saturating_sub(1) / 2).copied().unwrap_or(0), times.last().copied().unwrap_or(0))
}

//! Numbers kept of many: smallest, largest, average.

use super::histogram::Histogram;
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// The smallest, the largest, the number and the sum of what was measured (`AvgMinMaxCounter`).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// The smallest; `None` before the first.
    min: Option<i64>,
    max: Option<i64>,
    count: u64,
    sum: i64,
    /// For what Java keeps histograms of (`AvgMinMaxPercentileCounter`).
    pub percentiles: Option<Percentiles>,
}

/// Bounds below which a share of the measurements lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// 50 %.
    pub p50: i64,
    /// 90 %.
    pub p90: i64,
    /// 95 %.
    pub p95: i64,
    /// 99 %.
    pub p99: i64,
    /// 99.9 %.
    pub p999: i64,
}

impl Summary {
    /// A summary of these measurements.
    pub fn of(values: impl IntoIterator<Item = i64>) -> Summary {
        let mut summary = Summary::default();
        values.into_iter().for_each(|value| summary.add(value));
        summary
    }

    /// What was summed up elsewhere, of at least one measurement.
    pub fn from_parts(min: i64, max: i64, count: u64, sum: i64) -> Summary {
        Summary { min: Some(min), max: Some(max), count, sum, percentiles: None }
    }

    /// Counts one more.
    pub fn add(&mut self, value: i64) {
        self.min = Some(self.min.map_or(value, |min| min.min(value)));
        self.max = Some(self.max.map_or(value, |max| max.max(value)));
        self.count += 1;
        self.sum = self.sum.saturating_add(value);
    }

    /// The smallest, 0 before the first.
    pub fn min(&self) -> i64 {
        self.min.unwrap_or(0)
    }

    /// The largest, 0 before the first.
    pub fn max(&self) -> i64 {
        self.max.unwrap_or(0)
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum.
    pub fn sum(&self) -> i64 {
        self.sum
    }

    /// Their average to four decimals, half away from zero as Java rounds; 0 before the first.
    pub fn average(&self) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        (self.sum as f64 / self.count as f64 * 10_000.0).round() / 10_000.0
    }
}

/// What any thread may measure, by Java's names (`ServerMetrics`): milliseconds, unless the name says what else.
#[derive(Debug)]
pub struct Measures(Mutex<BTreeMap<&'static str, Measure>>);

#[derive(Debug, Default)]
struct Measure {
    summary: Summary,
    /// For what Java's level of detail is `ADVANCED`.
    histogram: Option<Histogram>,
}

impl Measure {
    fn add(&mut self, value: i64) {
        self.summary.add(value);
        self.histogram.iter_mut().for_each(|histogram| histogram.add(value));
    }
}

impl Measures {
    /// Those that are shown before anything was measured.
    const ALWAYS: [&'static str; 12] = [
        "fsynctime",
        "snapshottime",
        "dbinittime",
        "startup_snap_load_time",
        "startup_txns_load_time",
        "startup_txns_loaded",
        "sync_processor_batch_size",
        "election_time",
        "follower_sync_time",
        "observer_sync_time",
        "unavailable_time",
        "leader_unavailable_time",
    ];
    /// Those with percentiles.
    const ADVANCED: [&'static str; 4] =
        ["propagation_latency", "proposal_latency", "quorum_ack_latency", "commit_propagation_latency"];

    /// Counts one more.
    pub fn add(&self, name: &'static str, value: i64) {
        self.add_all(name, [value]);
    }

    /// Counts many at once.
    pub fn add_all(&self, name: &'static str, values: impl IntoIterator<Item = i64>) {
        let mut all = self.0.lock();
        let measure = all.entry(name).or_default();
        values.into_iter().for_each(|value| measure.add(value));
    }

    /// Counts a time in whole milliseconds.
    pub fn add_time(&self, name: &'static str, time: std::time::Duration) {
        self.add(name, i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
    }

    /// All of them, as they are now.
    pub fn all(&self) -> BTreeMap<&'static str, Summary> {
        let all = self.0.lock();
        let percentiles = |measure: &Measure| measure.histogram.as_ref().map(Histogram::percentiles);
        all.iter()
            .map(|(name, measure)| (*name, Summary { percentiles: percentiles(measure), ..measure.summary }))
            .collect()
    }

    /// Forgets what was measured.
    pub fn reset(&self) {
        for measure in self.0.lock().values_mut() {
            let histogram = measure.histogram.as_ref().map(|_| Histogram::default());
            *measure = Measure { summary: Summary::default(), histogram };
        }
    }
}

impl Default for Measures {
    fn default() -> Measures {
        let plain = Measures::ALWAYS.map(|name| (name, Measure::default()));
        let advanced = || Measure { histogram: Some(Histogram::default()), ..Measure::default() };
        let advanced = Measures::ADVANCED.map(|name| (name, advanced()));
        Measures(Mutex::new(plain.into_iter().chain(advanced).collect()))
    }
}

/// The last, the smallest and the largest of sizes in bytes, −1 before the first (`BufferStats`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// The last.
    pub last: i32,
    /// The smallest.
    pub min: i32,
    /// The largest.
    pub max: i32,
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes { last: -1, min: -1, max: -1 }
    }
}

impl Sizes {
    /// Notes one more.
    pub fn add(&mut self, size: i32) {
        self.last = size;
        self.min = if self.min < 0 { size } else { self.min.min(size) };
        self.max = self.max.max(size);
    }
}

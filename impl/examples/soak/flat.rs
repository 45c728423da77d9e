//! Memory and descriptors: samples of every server, and whether they stay as they were.

use crate::harness::cluster::Cluster;
use std::fmt::Write;
use std::time::Duration;

/// How much more a server may have in the last quarter than in the second: of memory, the quarter of it and 8 MiB.
const MEMORY: (u64, u64) = (4, 8 << 10);
/// Likewise, descriptors.
const DESCRIPTORS: u64 = 12;
/// So many samples make a median.
const ENOUGH: usize = 5;

struct Sample {
    at: Duration,
    id: u8,
    /// Resident, in KiB.
    memory: u64,
    /// Beside those of clients' connections.
    descriptors: u64,
}

/// What was measured while nothing happened.
#[derive(Default)]
pub struct Samples(Vec<Sample>);

impl Samples {
    /// Looks at every server. `at`: since the beginning.
    pub fn take(&mut self, cluster: &Cluster, at: Duration) {
        for id in cluster.ids() {
            let Some(process) = cluster.process(id) else { continue };
            let clients = cluster.monitor(id).get("num_alive_connections").and_then(|count| count.parse::<u64>().ok());
            let (Some(memory), Some(open), Some(clients)) = (memory(process), descriptors(process), clients) else {
                continue;
            };
            self.0.push(Sample { at, id, memory, descriptors: open.saturating_sub(clients) });
        }
    }

    /// A table of every server's medians in the second and in the last quarter of such a time, and what has grown.
    pub fn judge(&self, time: Duration, ids: &[u8]) -> (String, Vec<String>) {
        let mut table = format!(
            "{:<10} {:>16} {:>16} {:>20} {:>18}\n",
            "server", "memory, quarter 2", "quarter 4, KiB", "descriptors, quarter 2", "quarter 4"
        );
        let mut grown = Vec::new();
        for id in ids {
            let of = |quarter: u32, what: fn(&Sample) -> u64| {
                let (from, to) = (time * (quarter - 1) / 4, time * quarter / 4);
                let own = self.0.iter().filter(|sample| sample.id == *id && (from..to).contains(&sample.at));
                median(own.map(what).collect())
            };
            let memory = (of(2, |sample| sample.memory), of(4, |sample| sample.memory));
            let open = (of(2, |sample| sample.descriptors), of(4, |sample| sample.descriptors));
            let (Some(before), Some(after), Some(few), Some(many)) = (memory.0, memory.1, open.0, open.1) else {
                let _ = writeln!(table, "{id:<10} too few samples");
                continue;
            };
            let _ = writeln!(table, "{id:<10} {before:>17} {after:>16} {few:>22} {many:>18}");
            if after > before + before / MEMORY.0 + MEMORY.1 {
                grown.push(format!("the memory of server {id} has grown from {before} to {after} KiB"));
            }
            if many > few + DESCRIPTORS {
                grown.push(format!("the descriptors of server {id} have grown from {few} to {many}"));
            }
        }
        (table, grown)
    }
}

fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    (values.len() >= ENOUGH).then(|| values[values.len() / 2])
}

fn memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

fn descriptors(process: u32) -> Option<u64> {
    Some(std::fs::read_dir(format!("/proc/{process}/fd")).ok()?.count() as u64)
}

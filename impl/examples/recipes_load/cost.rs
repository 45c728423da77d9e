//! What a measurement took: time, and CPU of both processes.

use hdrhistogram::Histogram;
use std::time::{Duration, Instant};
use std::{fs, io, process};

/// In these Linux tells CPU time, whatever the kernel itself counts in (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// A measurement that has begun.
pub struct Meter {
    server: Option<u32>,
    start: Instant,
    client_cpu: f64,
    server_cpu: f64,
}

/// What was measured: time that passed, and CPU seconds of both processes.
pub struct Cost {
    pub elapsed: Duration,
    client_cpu: f64,
    server_cpu: f64,
}

impl Meter {
    pub fn start(server: Option<u32>) -> io::Result<Meter> {
        let (client_cpu, server_cpu) = (cpu(Some(process::id()))?, cpu(server)?);
        Ok(Meter { server, start: Instant::now(), client_cpu, server_cpu })
    }

    pub fn stop(self) -> io::Result<Cost> {
        let elapsed = self.start.elapsed();
        let client_cpu = cpu(Some(process::id()))? - self.client_cpu;
        Ok(Cost { elapsed, client_cpu, server_cpu: cpu(self.server)? - self.server_cpu })
    }
}

impl Cost {
    /// One line: what a script reads, field by field. CPU in seconds per 100,000 operations.
    pub fn told(&self, operations: u64, times: &Histogram<u64>) -> String {
        let (seconds, at) = (self.elapsed.as_secs_f64(), |quantile| times.value_at_quantile(quantile));
        let per_operations = 100_000.0 / operations as f64;
        format!(
            "operations {operations} seconds {seconds:.3} per_second {:.0} p50_us {} p99_us {} max_us {} \
             server_cpu {:.3} client_cpu {:.3}",
            operations as f64 / seconds,
            at(0.5),
            at(0.99),
            times.max(),
            self.server_cpu * per_operations,
            self.client_cpu * per_operations,
        )
    }
}

/// CPU seconds that a process has used; 0 of none.
fn cpu(process: Option<u32>) -> io::Result<f64> {
    let Some(process) = process else { return Ok(0.0) };
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The process's name stands in brackets, and may hold anything; user and system time are the 12th and 13th behind.
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>();
    ticks.map(|ticks| ticks / TICKS_PER_SECOND).map_err(io::Error::other)
}

pub fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

pub fn histogram() -> Result<Histogram<u64>, hdrhistogram::CreationError> {
    Histogram::new(3)
}

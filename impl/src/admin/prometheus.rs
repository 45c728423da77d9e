//! Prometheus' text format, with the names of `PrometheusMetricsProvider`: those of `mntr` without `zk_`, and summaries
//! as summaries.

use crate::java_text::double;
use crate::monitor::{self, Reading};
use crate::status::{ServerStatus, Summary};
use std::fmt::Write;

/// The page. Gauges exist only while the server serves, as in Java.
pub(super) fn page(status: &ServerStatus) -> String {
    let mut text = String::new();
    for (name, reading) in monitor::gauges(status).into_iter().filter(|_| status.serving) {
        let value = match reading {
            Reading::Integer(number) => number as f64,
            Reading::Double(number) => number,
            Reading::Text(_) => continue,
        };
        head(&mut text, name, "gauge");
        let _ = writeln!(text, "{name} {}", double(value));
    }
    for (name, count) in &status.counters {
        head(&mut text, name, "counter");
        let _ = writeln!(text, "{name} {}", double(*count as f64));
    }
    for (name, values) in &status.summaries {
        summary(&mut text, name, values);
    }
    text
}

fn head(text: &mut String, name: &str, kind: &str) {
    let _ = write!(text, "# HELP {name} {name}\n# TYPE {name} {kind}\n");
}

fn summary(text: &mut String, name: &str, summary: &Summary) {
    head(text, name, "summary");
    if let Some(percentiles) = summary.percentiles {
        for (quantile, value) in [("0.5", percentiles.p50), ("0.9", percentiles.p90), ("0.99", percentiles.p99)] {
            let _ = writeln!(text, "{name}{{quantile=\"{quantile}\"}} {}", double(value as f64));
        }
    }
    let _ = writeln!(text, "{name}_count {}", double(summary.count() as f64));
    let _ = writeln!(text, "{name}_sum {}", double(summary.sum() as f64));
}

//! Which share of many numbers lies below which bound.

use super::Percentiles;

/// Numbers, counted in buckets that are exact up to 31 and then no wider than a sixteenth of the number. (Java keeps a
/// random sample of 4096 numbers instead, `AvgMinMaxPercentileCounter`.)
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

/// Buckets between two powers of two.
const FINE: u64 = 16;
/// The bits of a number that stand for a bucket within its power of two.
const FINE_BITS: u32 = FINE.ilog2();

impl Histogram {
    /// Counts one more; a negative one as 0.
    pub fn add(&mut self, value: i64) {
        let bucket = bucket(u64::try_from(value).unwrap_or(0));
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.total += 1;
    }

    /// The usual shares; 0 before the first number.
    pub fn percentiles(&self) -> Percentiles {
        let at = |share: f64| {
            let wanted = (self.total as f64 * share).ceil() as u64;
            let mut below = 0;
            let found = self.counts.iter().position(|count| {
                below += count;
                below >= wanted.max(1)
            });
            found.map_or(0, |bucket| i64::try_from(least(bucket as u64)).unwrap_or(i64::MAX))
        };
        Percentiles { p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99), p999: at(0.999) }
    }
}

/// Below `FINE` a bucket for each number; above, the power of two and the bits behind the first.
fn bucket(value: u64) -> usize {
    if value < FINE {
        return value as usize;
    }
    let shift = value.ilog2() - FINE_BITS;
    (u64::from(shift) * FINE + (value >> shift)) as usize
}

/// The least number of a bucket.
fn least(bucket: u64) -> u64 {
    if bucket < 2 * FINE {
        return bucket;
    }
    let shift = bucket / FINE - 1;
    (bucket - shift * FINE) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_the_numbers_from_its_least_on() {
        for value in (0..100_000).chain([1 << 40, i64::MAX as u64]) {
            let own = bucket(value);
            assert!(least(own as u64) <= value && value < least(own as u64 + 1), "{value}");
            assert!(value - least(own as u64) <= value / FINE, "{value}");
        }
    }

    #[test]
    fn percentiles_are_those_of_the_numbers() {
        assert_eq!(Histogram::default().percentiles(), Percentiles::default());
        let mut histogram = Histogram::default();
        (1..=1000).for_each(|value| histogram.add(value));
        let Percentiles { p50, p90, p95, p99, p999 } = histogram.percentiles();
        for (found, exact) in [(p50, 500), (p90, 900), (p95, 950), (p99, 990), (p999, 999)] {
            assert!(found <= exact && found > exact - exact / 15, "{found} for {exact}");
        }
    }
}

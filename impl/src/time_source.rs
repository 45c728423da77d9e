//! Where a server takes the time from.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The two clocks of a server: one that never goes back, for waits and sessions, and the calendar's.
#[derive(Clone, Debug, Default)]
pub enum TimeSource {
    /// The system's.
    #[default]
    System,
    /// What somebody says who plays the time, in a simulation.
    Set(Arc<SetTime>),
}

/// A time that stands still until it is set.
#[derive(Debug)]
pub struct SetTime {
    start: Instant,
    /// Microseconds since `start`.
    passed: AtomicU64,
    /// Milliseconds since 1970.
    calendar: AtomicI64,
}

impl SetTime {
    /// With so many milliseconds since 1970.
    #[must_use]
    pub fn new(calendar: i64) -> SetTime {
        SetTime { start: Instant::now(), passed: AtomicU64::new(0), calendar: AtomicI64::new(calendar) }
    }

    /// So many microseconds have passed since the beginning, and so many milliseconds since 1970. The first never goes
    /// back.
    pub fn set(&self, passed: u64, calendar: i64) {
        self.passed.fetch_max(passed, Ordering::Relaxed);
        self.calendar.store(calendar, Ordering::Relaxed);
    }

    /// How long after the beginning a moment is, in microseconds.
    #[must_use]
    pub fn until(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.start).as_micros()).unwrap_or(u64::MAX)
    }
}

impl TimeSource {
    /// The moment, by the clock that never goes back.
    #[must_use]
    pub fn now(&self) -> Instant {
        match self {
            TimeSource::System => Instant::now(),
            TimeSource::Set(time) => time.start + Duration::from_micros(time.passed.load(Ordering::Relaxed)),
        }
    }

    /// Milliseconds since 1970: the time that transactions carry.
    #[must_use]
    pub fn wall_clock(&self) -> i64 {
        match self {
            TimeSource::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            }
            TimeSource::Set(time) => time.calendar.load(Ordering::Relaxed),
        }
    }
}

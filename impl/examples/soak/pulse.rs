//! Whether writes are accepted: the longest time without one that was acknowledged.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Told of every acknowledged write of every session.
pub struct Pulse(Mutex<Beats>);

#[derive(Clone, Copy)]
struct Beats {
    last: Instant,
    longest: Duration,
    count: u64,
}

impl Pulse {
    pub fn new() -> Pulse {
        Pulse(Mutex::new(Beats { last: Instant::now(), longest: Duration::ZERO, count: 0 }))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Beats) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A write is acknowledged.
    pub fn beat(&self) {
        self.with(|beats| {
            let now = Instant::now();
            beats.longest = beats.longest.max(now - beats.last);
            (beats.last, beats.count) = (now, beats.count + 1);
        });
    }

    /// From here on.
    pub fn begin(&self) {
        self.with(|beats| (beats.last, beats.longest) = (Instant::now(), Duration::ZERO));
    }

    /// The longest time without a write since [`Pulse::begin`], up to the last write.
    pub fn longest(&self) -> Duration {
        self.with(|beats| beats.longest)
    }

    /// Acknowledged writes in all.
    pub fn count(&self) -> u64 {
        self.with(|beats| beats.count)
    }
}

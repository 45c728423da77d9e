//! The window into a running exploration, and the way to end it early.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Live counters of one run, to be watched from another thread. Make a new one for each run.
#[derive(Debug, Default)]
pub struct Progress {
    pub(super) distinct: AtomicU64,
    pub(super) generated: AtomicU64,
    pub(super) depth: AtomicU64,
    pub(super) queue: AtomicU64,
    stop: AtomicBool,
}

impl Progress {
    /// Counters at zero.
    pub fn new() -> Self {
        Progress::default()
    }

    /// Distinct states found so far.
    pub fn distinct(&self) -> u64 {
        self.distinct.load(Relaxed)
    }

    /// Effective actions taken so far: the edges of the graph.
    pub fn generated(&self) -> u64 {
        self.generated.load(Relaxed)
    }

    /// Steps from the initial states to the deepest state found so far.
    pub fn depth(&self) -> u64 {
        self.depth.load(Relaxed)
    }

    /// States found but not yet expanded (always 0 for an engine that does not tell).
    pub fn queue(&self) -> u64 {
        self.queue.load(Relaxed)
    }

    /// Asks the run to end; it comes back soon, as [`Interrupted`](super::Completion::Interrupted).
    pub fn request_stop(&self) {
        self.stop.store(true, Relaxed);
    }

    /// Whether somebody asked the run to end.
    pub fn stop_requested(&self) -> bool {
        self.stop.load(Relaxed)
    }
}

//! What a caller asks of a run.

/// How to explore. [`Settings::default`] hunts for bugs: two threads, stop at the first violation, safety only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Workers; with one the run is deterministic in every detail, with more in its counts and verdicts.
    pub threads: usize,
    /// Stop at the first violation of an `always` (or panic), or explore on to count every state.
    pub stop_at_first: bool,
    /// Stop soon after this many distinct states; such a run is [`Capped`](super::Completion::Capped), not success.
    pub max_states: Option<u64>,
    /// Also record the graph, and check every goal under weak fairness once the states are exhausted.
    pub liveness: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { threads: 2, stop_at_first: true, max_states: None, liveness: false }
    }
}

//! How a run ended and what it decided.

use std::time::Duration;

/// The verdict under which a panic inside the model is reported.
pub const NO_PANIC: &str = "NoPanic";

/// How the exploration ended. Anything but [`Exhausted`](Completion::Exhausted) leaves states unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// Every reachable state was visited and every effective action taken.
    Exhausted,
    /// Stopped at the first violation, as asked.
    Violated,
    /// Stopped at the limit of distinct states.
    Capped,
    /// Stopped because [`request_stop`](super::Progress::request_stop) was called.
    Interrupted,
}

/// What kind of claim a verdict is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// True in every reachable state.
    Always,
    /// True in at least one reachable state.
    Sometimes,
    /// Reached again and again by every weakly fair behaviour.
    Live,
}

/// What a run found out about one property or goal.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict<A> {
    /// The name of the property or goal, or [`NO_PANIC`].
    pub name: String,
    /// What kind of claim it is.
    pub kind: Kind,
    /// Whether the claim holds in what was explored; an undecided `Sometimes` or `Live` does not.
    pub holds: bool,
    /// Whether more exploration could not change `holds`.
    pub decided: bool,
    /// Which initial state (by its place in `init_states`) the path starts from.
    pub initial: usize,
    /// The counterexample of a violated claim, or the witness of a `Sometimes`; for `Live` the stem before the cycle.
    /// For [`NO_PANIC`] the last action is the one that panics, or that leads to the state in which a property does.
    pub path: Option<Vec<A>>,
    /// For a violated `Live`: the fair cycle that avoids the goal. Empty means that nothing needs to happen any more.
    pub cycle: Option<Vec<A>>,
    /// For a violated [`NO_PANIC`]: the message and the place of the panic.
    pub note: Option<String>,
}

impl<A> Verdict<A> {
    /// A verdict without evidence.
    pub(super) fn new(name: &str, kind: Kind, holds: bool, decided: bool) -> Self {
        Verdict { name: name.to_owned(), kind, holds, decided, initial: 0, path: None, cycle: None, note: None }
    }
}

/// The outcome of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Report<A> {
    /// Distinct states found.
    pub distinct: u64,
    /// Effective actions taken: the edges of the graph.
    pub generated: u64,
    /// Steps from the initial states to the deepest state (breadth-first: the largest shortest distance).
    pub depth: u64,
    /// Wall time of the whole run.
    pub elapsed: Duration,
    /// How the exploration ended.
    pub completion: Completion,
    /// One verdict for each property, then [`NO_PANIC`], then one for each goal if liveness was asked for.
    pub verdicts: Vec<Verdict<A>>,
}

impl<A> Report<A> {
    /// The only success there is: everything was explored and every claim holds.
    pub fn success(&self) -> bool {
        self.completion == Completion::Exhausted && self.verdicts.iter().all(|verdict| verdict.holds)
    }

    /// The verdict of this name.
    pub fn verdict(&self, name: &str) -> Option<&Verdict<A>> {
        self.verdicts.iter().find(|verdict| verdict.name == name)
    }
}

//! The engines: ways of exploring one and the same [`stateright::Model`].
//!
//! | engine | finds | keeps |
//! |---|---|---|
//! | [`explore`] | shortest counterexamples, fair cycles | some 33 bytes a state; for liveness 55, and 5 an edge |
//! | [`explore_depth_first`] | the same verdicts by other people's code | some 20 bytes a state |
//! | [`walk()`] | deep bugs of models too large to exhaust | one state |
//!
//! The first two must count the same distinct states; that they do is a test of both.
//!
//! A run says how it ended ([`Completion`]) and what it decided ([`Verdict`]); only [`Report::success`] is success. A
//! panic inside the model is a violated verdict named [`NO_PANIC`], a cap or an interruption is never success, and what
//! an engine cannot do soundly it refuses ([`EngineError`]): `eventually` properties (state a [`Goal`] instead) and
//! `within_boundary` (keep budgets in the state instead).
//!
//! The rooms, from the door inwards:
//!
//! - [`fair`] what a model adds for liveness; [`settings`], [`progress`], [`report`], [`error`] what callers see;
//! - [`graph`] the breadth-first engine: `expand` (the worker), `frontier`, `table`, `segments`, `fingerprint`,
//!   `findings`, `quiet` (caught panics), `retrace` (counterexamples from parents);
//! - `liveness` on the recorded graph: `edges`, `components`, `lasso`;
//! - [`depth_first`] stateright's DFS behind guard rails;
//! - [`mod@walk`] random walks and [`mod@shrink`], which makes their findings short; [`memory`] what a run cost.
//!
//! Deliberately absent: symmetry and partial-order reduction (unsound with the above), depth bounds, time limits.

pub mod depth_first;
pub mod error;
pub mod fair;
pub mod graph;
pub mod memory;
pub mod progress;
pub mod report;
pub mod settings;
pub mod shrink;
pub mod walk;

mod components;
mod edges;
mod expand;
mod findings;
mod fingerprint;
mod frontier;
mod lasso;
mod liveness;
mod premises;
pub(crate) mod quiet;
mod retrace;
mod segments;
mod table;

pub use depth_first::explore_depth_first;
pub use error::EngineError;
pub use fair::{Fair, Goal};
pub use graph::explore;
pub use memory::{peak_resident_bytes, reset_peak};
pub use progress::Progress;
pub use report::{Completion, Kind, NO_PANIC, Report, Verdict};
pub use settings::Settings;
pub use shrink::{Replayed, replay, shrink};
pub use walk::{WalkEnd, WalkOutcome, walk};

//! The wire formats: round trips, bytes that Java wrote, bytes that nobody would write, frames.

mod frames;
mod golden;
mod golden_quorum;
mod golden_txn;
mod hostile;
mod quorum_round_trip;
mod round_trip;
mod strategies;

//! Ensembles of processes on one machine.

#[path = "../harness/mod.rs"]
mod harness;

mod election;

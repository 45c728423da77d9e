//! Ensembles of processes on one machine, with faults: `ZABKEEPER_FAULTS` says how many of them the long stories have,
//! `ZABKEEPER_SEED` repeats their order.

#[path = "../harness/mod.rs"]
mod harness;

mod compare;
mod disks;
mod election;
mod faults;
mod hangs;
mod hostile;
mod partitions;
mod read_only;
mod times;
mod wires;
mod writers;

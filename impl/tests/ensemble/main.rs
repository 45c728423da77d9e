<<<<<<< HEAD
//! Ensembles of processes on one machine, with faults: `ZABKEEPER_FAULTS` says how many of them the long stories have,
//! `ZABKEEPER_SEED` repeats their order.
=======
//! Ensembles of processes on one machine.
>>>>>>> main

#[path = "../harness/mod.rs"]
mod harness;

<<<<<<< HEAD
mod compare;
mod disks;
mod election;
mod faults;
mod hangs;
mod hostile;
mod partitions;
mod times;
mod wires;
mod writers;
=======
mod election;
>>>>>>> main

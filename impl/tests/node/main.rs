//! One whole server, real but for its network: the test is every other server of the ensemble, and looks at what this
//! one says, to whom, on which connection, and when.

#[path = "../harness/mod.rs"]
#[allow(dead_code)]
mod harness;

mod disk;
mod follower;
mod gate;
mod lab;
mod leader;

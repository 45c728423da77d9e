//! Checks every behaviour of the specification `zab` within stated bounds, for safety and for liveness.
//!
//! | module | holds |
//! |---|---|
//! | [`checkable`], [`subject`] | what the command needs of a model, and which models there are |
//! | [`zookeeper`] | the model: stateright's `Model` over [`world`] |
//! | [`world`] | disks, links and faults around `zab::Peer` |
//! | [`bounds`] | how far a model goes, and why |
//! | [`properties`], [`goals`] | what must hold, and what must come about |
//! | [`engine`] | two engines on one `Model`: ours, breadth first, and stateright's, depth first |
//! | [`recipes`] | what people do with a ZooKeeper, modelled |
//! | [`mutation`] | planted changes of the order of outputs |
//! | [`story`] | paths told: in words, as a scenario, a trace, a diagram |
//! | [`invocation`] | the command line of bounds |
//! | [`explorer`] | paths walked in the browser |
//! | [`cli`] | the command |

pub mod bounds;
pub mod bugs;
pub mod checkable;
pub mod cli;
pub mod engine;
pub mod explorer;
pub mod goals;
pub mod invocation;
pub mod mutation;
pub mod necessity;
pub mod properties;
pub mod recipes;
pub mod runner;
pub mod scenario;
pub mod story;
pub mod subject;
pub mod suite;
pub mod world;
pub mod zookeeper;

//! The model.
pub mod bounds;
pub mod engine;
pub mod mutation;
pub mod world;
pub mod zookeeper;

//! A coordination server that ZooKeeper's clients cannot tell from ZooKeeper, built on the checked core `zab`.

pub mod client;
pub mod disk;
pub mod node;
pub mod server;
pub mod shared;
pub mod wire;
pub mod words;

pub use server::{Server, ServerError, ServerOptions};

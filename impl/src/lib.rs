//! A coordination server that ZooKeeper's clients cannot tell from ZooKeeper, built on the checked core `zab`.

pub mod admin;
pub mod cli;
pub mod client_port;
pub mod config;
pub mod disk;
pub mod foreground;
pub mod four_letter;
pub mod inspect;
mod java_text;
pub mod monitor;
pub mod node;
pub mod server;
pub mod shared;
pub mod source;
pub mod status;
pub mod version;
pub mod wire;

pub use server::{Server, ServerError, ServerOptions};

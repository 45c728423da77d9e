//! A coordination server that ZooKeeper's clients cannot tell from ZooKeeper, built on the checked core `zab`.

#[cfg(feature = "server")]
pub mod admin;
#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "server")]
pub mod client_port;
#[cfg(feature = "server")]
mod cluster;
#[cfg(feature = "server")]
pub mod config;
#[cfg(feature = "server")]
pub mod disk;
#[cfg(feature = "server")]
pub mod ensemble;
#[cfg(feature = "server")]
pub mod foreground;
#[cfg(feature = "server")]
pub mod four_letter;
#[cfg(feature = "server")]
pub mod inspect;
#[cfg(feature = "server")]
mod java_text;
#[cfg(feature = "server")]
pub mod link;
#[cfg(feature = "server")]
pub mod monitor;
#[cfg(feature = "server")]
pub mod node;
#[cfg(feature = "client")]
pub mod recipes;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod shared;
#[cfg(feature = "server")]
pub mod shell;
#[cfg(feature = "server")]
pub mod source;
#[cfg(feature = "server")]
pub mod status;
#[cfg(feature = "server")]
pub mod time_source;
#[cfg(feature = "server")]
pub mod version;
pub mod wire;

#[cfg(feature = "server")]
pub use server::{Server, ServerError, ServerOptions};

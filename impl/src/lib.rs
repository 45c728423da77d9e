//! A coordination server that ZooKeeper's clients cannot tell from ZooKeeper, built on the checked core `zab`.

pub mod admin;
pub mod cli;
pub mod config;
pub mod four_letter;
mod java_text;
pub mod monitor;
pub mod status;
pub mod version;

//! Clients' connections: a task each, which answers reads from the published tree and hands the node everything that
//! must be ordered with others.

pub mod authentication;
mod batch;
pub mod connection;
pub mod outbox;
pub mod port;
pub mod reads;
mod serve;

pub use connection::Connection;

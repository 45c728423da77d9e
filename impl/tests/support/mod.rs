//! What tests against a running server need: a client that shows every packet, and Apache ZooKeeper beside ours.

pub mod apache;
pub mod client;

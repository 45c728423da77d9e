//! A coordination server that ZooKeeper's clients cannot tell from ZooKeeper, built on the checked core `zab`.

pub mod disk;
pub mod wire;

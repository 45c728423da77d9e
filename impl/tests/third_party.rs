//! A client that nobody here wrote: the crate `zookeeper-client`.

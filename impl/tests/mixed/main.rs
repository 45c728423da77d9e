//! One ensemble of Java's servers and ours. Whoever leads, follows or observes, clients cannot tell the servers apart,
//! and a cluster moves from one program to the other and back while it works.
//!
//! Java's are Debian's 3.8.0, or what `ZABKEEPER_APACHE_CLASSPATH` names. Without them the tests say what they have
//! skipped. They run one after another: Java's servers want memory.

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "only the place of Java's classes is asked for")]
mod support;

mod ensemble;
mod migration;
mod operations;
mod rare;
mod read_only;
mod sessions;
mod synchronization;

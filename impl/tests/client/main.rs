//! The client library against our own server, against servers that misbehave, and against Apache's.

#[path = "../support/apache.rs"]
#[allow(dead_code)]
mod apache_server;

mod apache;
mod cancellation;
mod gate;
mod hostile;
mod operations;
#[path = "../support/place.rs"]
#[allow(dead_code)]
mod place;
mod read_only;
mod scripted;
mod sessions;
mod spans;
mod watches;

use place::{Place, blocking, close_by_another, persist, soon, until};

//! Holds the model, the server and the world against each other (`README` of the repository: *conformance*).
//!
//! Of the engines there is one so far: [`validate`](judge::validate) takes what the servers of a real ensemble recorded
//! (`zabkeeper --trace DIR`) and judges it by the specification.
//!
//! | module | says |
//! |---|---|
//! | [`recording`] | which files belong together: one a run, several runs a server |
//! | [`links`] | which sending each receipt comes from: FIFO within a connection, never by clocks |
//! | [`judge`] | the merged run, line by line: equal outputs, and every property |

pub mod judge;
pub mod links;
pub mod recording;

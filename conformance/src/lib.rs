//! Holds the model, the server and the world against each other (`README` of the repository: *conformance*).
//!
//! Of the engines there is one so far: [`validate`](judge::validate) takes what the servers of a real ensemble recorded
//! (`zabkeeper --trace DIR`) and judges it by the specification.
//!
//! | module | says |
//! |---|---|
//! | [`recording`] | which files belong together: one a run, several runs a server |
//! | [`links`] | which sending each receipt comes from: FIFO within a connection, never by clocks |
//! | [`merge`] | one order of all lines: each receipt after its sending |
//! | [`enabled`] | whether what happened to a server could happen then |
//! | [`judge`] | the merged run, line by line: equal outputs, and every property |
//! | [`diagram`] | a violation as a sequence diagram |

pub mod diagram;
pub mod enabled;
pub mod judge;
pub mod links;
pub mod merge;
pub mod recording;

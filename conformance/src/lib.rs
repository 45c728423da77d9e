//! Holds the model, the server and the world against each other (`README` of the repository: *conformance*).
//!
//! - What the real cluster did, the model allows: [`validate`](judge::validate) takes what the servers of an ensemble
//!   recorded (`zabkeeper --trace DIR`) and judges it by the specification.
//! - What the model explores, the server does: [`scenario`] plays stories, and [`replay`] paths of the model, on the
//!   server's own code, step by step.
//! - What clients are promised, they get, whatever fails: [`simulation`] and [`histories`].
//!
//! | module | says |
//! |---|---|
//! | [`recording`] | which files belong together: one a run, several runs a server |
//! | [`links`] | which sending each receipt comes from: FIFO within a connection, never by clocks |
//! | [`merge`] | one order of all lines: each receipt after its sending |
//! | [`enabled`] | whether what happened to a server could happen then |
//! | [`judge`] | the merged run, line by line: equal outputs, and every property |
//! | [`diagram`] | a violation as a sequence diagram |
//! | [`server`] | the server's code as an engine: its node, journal, files and packets, driven step by step |
//! | [`scenario`] | stories in plain text, on the specification or on the server |
//! | [`apache`] | stories with one server of Apache's in them, which must say what the specification says |
//! | [`replay`] | traces and paths of the model, on the server |
//! | [`simulation`] | the server under faults that a seed chooses, in a time of its own |
//! | [`histories`] | what clients saw while servers failed, and whether they were promised it |
//! | [`capture`] | what servers of Java's say to each other, explained by the specification |
//! | [`cover`] | paths that take every edge of a graph |
//! | [`mutants`] | changes of the specification, and who tells them from it |
//! | [`coverage`] | which lines of the specification are executed, and by whom |
//! | [`report`] | one page of all that |
//! | [`results`] | what the commands leave for the report |

pub mod apache;
pub mod capture;
pub mod cover;
pub mod coverage;
pub mod diagram;
pub mod dice;
pub mod enabled;
pub mod found;
pub mod histories;
pub mod judge;
pub mod links;
pub mod merge;
pub mod mutants;
pub mod recording;
pub mod replay;
pub mod report;
pub mod results;
pub mod scenario;
pub mod server;
pub mod simulation;

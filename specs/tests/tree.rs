//! The tree of znodes: each operation by itself, then against a naive tree, replayed, and cloned.

#[path = "tree/agreement.rs"]
mod agreement;
#[path = "tree/history.rs"]
mod history;
#[path = "tree/leader.rs"]
mod leader;
#[path = "tree/naive.rs"]
mod naive;
#[path = "tree/operations.rs"]
mod operations;
#[path = "tree/reads.rs"]
mod reads;

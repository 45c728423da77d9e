//! What becomes of requests: each check and its place in the order, and that transactions do not depend on how far the
//! commits lag behind.

#[path = "prepare/checks.rs"]
mod checks;
#[path = "prepare/lag.rs"]
mod lag;
#[path = "prepare/leader.rs"]
mod leader;
#[path = "prepare/results.rs"]
mod results;

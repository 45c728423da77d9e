//! What people do with a ZooKeeper: the algorithms of its users, as pure functions like all else here.
//!
//! | module | answers |
//! |---|---|
//! | [`lock`] | who may, when many want and one may? |
//! | [`registry`] | who is there? |
//! | [`two_phase_commit`] | what did Zab leave out of the classic commit, and what did that gain? |

pub mod lock;
pub mod registry;
pub mod two_phase_commit;

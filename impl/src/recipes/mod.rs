//! What people build on a coordination service, built once: names and semantics are Curator's where it has them.
//!
//! ```no_run
//! use zabkeeper::client::Client;
//! use zabkeeper::recipes::Mutex;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect("h1:2181,h2:2181").await?;
//! let guard = Mutex::new(&client, "/locks/printer").lock().await?;
//! println!("mine, and my token is {:?}", guard.fencing_token());
//! guard.release().await?;
//! # Ok(())
//! # }
//! ```
//!
//! | recipe | holds on to |
//! |---|---|
//! | [`Mutex`], [`ReadWriteLock`], [`Semaphore`] | one session: with it the lock is lost, and its holder is told |
//! | [`Barrier`], [`DoubleBarrier`], [`SharedCount`], [`Queue`] | one session |
//! | [`Provider`], [`Consumer`], [`GroupMember`], [`PersistentNode`] | [`Sessions`]: comes back with every new one |
//! | [`LeaderLatch`], [`LeaderSelector`], [`NodeCache`], [`TreeCache`] | [`Sessions`] |
//!
//! All go on through lost connections, unless a method says otherwise. Every future may be dropped at any time: what it
//! had begun is undone in the background, unless its method says otherwise.
//!
//! *Java:* Apache Curator's `curator-recipes` and `curator-x-discovery`. The names of locks are Curator's
//! (`_c_<uuid>-lock-N`, `_c_<uuid>-__READ__N`); what registry, count and queue store is not.

mod barrier;
mod cache;
mod cache_state;
mod group_member;
mod leader_latch;
mod leader_selector;
mod line;
mod mutex;
mod persistent_node;
mod protection;
mod queue;
mod read_write_lock;
mod registry;
mod retry;
mod semaphore;
mod sessions;
mod shared_count;
mod strategy;

pub use barrier::{Barrier, DoubleBarrier};
pub use cache::{ChildData, NodeCache, TreeCache};
pub use cache_state::{Change, Changes};
pub use group_member::GroupMember;
pub use leader_latch::LeaderLatch;
pub use leader_selector::{LeaderSelector, Leadership, Requeue};
pub use mutex::{Mutex, MutexGuard, Standing};
pub use persistent_node::PersistentNode;
pub use queue::Queue;
pub use read_write_lock::ReadWriteLock;
pub use registry::{Call, Consumer, Instance, Provider, Registration, ServiceChange, ServiceChanges};
pub use semaphore::{Semaphore, SemaphorePermit};
pub use sessions::Sessions;
pub use shared_count::{SharedCount, SharedCountValues, VersionedValue};
pub use strategy::{
    ConsistentHashStrategy, LeastActiveStrategy, ProviderStrategy, RandomStrategy, RoundRobinStrategy, WeightedStrategy,
};

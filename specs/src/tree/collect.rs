//! Znodes whose time is over: empty containers, and znodes that outlived their time to live.

use super::node::Node;
use super::stat::Owner;
use super::state::Tree;

impl Tree {
    /// The znodes that the leader may delete by itself (`ContainerManager.getCandidates`), each by a transaction of its
    /// own that asks again: a container that had children and has none, or that never had any and was left alone for
    /// longer than `max_never_used` milliseconds (`None`: it waits for ever); and a znode without children whose data
    /// were not set for longer than its time to live. `now` is in milliseconds since 1970.
    pub fn collectable(&self, now: i64, max_never_used: Option<i64>) -> impl Iterator<Item = &str> {
        let containers = self.containers().filter(move |path| {
            self.childless(path).is_some_and(|node| {
                let unused = max_never_used.is_some_and(|most| now.saturating_sub(node.stat.mtime) > most);
                node.stat.cversion > 0 || unused
            })
        });
        let expired = self.ttls().filter(move |path| {
            self.childless(path).is_some_and(|node| match node.owner(self.options().extended_types) {
                Owner::Ttl(time_to_live) => now.saturating_sub(node.stat.mtime) > time_to_live,
                _ => false,
            })
        });
        containers.chain(expired)
    }

    fn childless(&self, path: &str) -> Option<&Node> {
        self.node(path).filter(|node| node.children == 0)
    }
}

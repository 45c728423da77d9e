//! What is used of quotas, counted by every server for itself (`DataTree.updateQuotaStat`, `updateQuotaForPath`). It
//! stands in znodes below `/zookeeper/quota`, whose Stat does not show these changes, and which the digest passes over.

use super::node::Node;
use super::path;
use super::quota::{self, StatsTrack};
use super::state::Tree;

impl Tree {
    /// So many more znodes and bytes of data at this path. Rule NearestQuotaCounts.
    pub(super) fn count_usage(&mut self, path: &str, count: i64, bytes: i64) {
        // Nearly every tree has no quota at all.
        let limited = if self.has_quotas() { quota::limited(self, path) } else { None };
        let Some(stats) = limited.and_then(|limited| self.node(&quota::stats_path(limited))) else {
            return;
        };
        // Java would stop at a text that is none: it can only be there because a client wrote it.
        if let Ok(mut track) = StatsTrack::parse(stats.data()) {
            track.add(count, bytes);
            self.write_usage(&stats.clone(), &track);
        }
    }

    /// Counts anew where a count has just been created: this is its path.
    pub(super) fn begin_usage(&mut self, path: &str) {
        if path::name(path) == quota::STATS
            && let Some(limited) = path::parent(path).strip_prefix(quota::ROOT)
        {
            self.recount_usage(limited);
        }
    }

    /// Counts all quotas anew, for a snapshot may have been taken between a change and its count
    /// (`DataTree.setupQuota`).
    pub(super) fn recount_all_usage(&mut self) {
        let limits = |node: &Node| {
            let limited = node.path().strip_prefix(quota::ROOT)?.strip_suffix(quota::LIMITS)?.strip_suffix('/')?;
            Some(limited.to_owned())
        };
        let below = self.nodes.below_children("/zookeeper/quota/");
        let all: Vec<String> = below.filter_map(limits).collect();
        all.iter().for_each(|limited| self.recount_usage(limited));
    }

    /// The znode with the quota counts, with everything below it, whatever quotas stand there.
    fn recount_usage(&mut self, limited: &str) {
        let (prefix, mut count, mut bytes) = (format!("{limited}/"), 0, 0);
        let all = self.node(limited).into_iter().chain(self.nodes.children(limited));
        for node in all.chain(self.nodes.below_children(&prefix)) {
            count += 1;
            bytes += node.data_length() as i64;
        }
        if let Some(stats) = self.node(&quota::stats_path(limited)).cloned() {
            // A track starts from −1.
            let mut track = StatsTrack::default();
            track.add(count + 1, bytes + 1);
            self.write_usage(&stats, &track);
        }
    }

    fn write_usage(&mut self, stats: &Node, track: &StatsTrack) {
        let text = track.to_string();
        self.replace(Node::new(stats.path(), Some(text.as_bytes()), stats.acl, stats.stat, stats.children));
    }
}

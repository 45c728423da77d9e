//! What a running server tells about itself.

use crate::client_port::connection::{Connection, Latency};
use crate::client_port::port::Words;
use crate::disk::{DataDirectory, snapshot_zxid};
use crate::four_letter::{self, Whitelist};
use crate::node::{Handle, Incoming};
use crate::shared::{Shared, wall_clock};
use crate::status::{
    Configuration, ConnectionSession, ConnectionStatus, DigestEntry, DirectorySizes, LastSnapshot, LeadingStatus, Mode,
    Phase, QuorumStatus, ServerStatus, SessionStatus, StatusSource, Summary, TakenSnapshot, UNKNOWN_OPERATION,
    last_operation,
};
use crate::version;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::UNIX_EPOCH;
use zab::tree::{Id, OpCode, Perms, SessionId, allows};
use zab::{ServerId, Zxid};

/// The status of a server that runs in this process.
pub struct Source {
    shared: Arc<Shared>,
    configuration: Configuration,
    directory: DataDirectory,
    whitelist: Whitelist,
    trace_mask: AtomicI64,
    node: Handle,
}

impl Source {
    /// Of the server with this state and this node.
    #[must_use]
    pub fn new(shared: Arc<Shared>, configuration: Configuration, directory: DataDirectory, node: Handle) -> Source {
        let config = &configuration.config;
        let whitelist = Whitelist::new(&config.four_letter_whitelist, config.read_only_mode);
        Source { shared, configuration, directory, whitelist, trace_mask: AtomicI64::new(0), node }
    }
}

impl Words for Source {
    fn argument(&self, word: [u8; 4]) -> usize {
        let command = four_letter::Command::from_bytes(word).filter(|command| self.whitelist.allows(*command));
        command.map_or(0, four_letter::Command::argument)
    }

    fn answer(&self, word: [u8; 4], argument: &[u8]) -> String {
        let command = four_letter::Command::from_bytes(word);
        command.map(|command| four_letter::answer(command, argument, &self.whitelist, self)).unwrap_or_default()
    }
}

impl StatusSource for Source {
    fn status(&self) -> ServerStatus {
        let tree = self.shared.tree.read().clone();
        let counters = &self.shared.counters;
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let ephemerals = tree.ephemeral_owners().map(|owner| tree.ephemerals(owner).count()).sum::<usize>();
        ServerStatus {
            version: version::full(),
            serving: self.shared.is_serving(),
            mode: self.mode(),
            quorum: self.quorum(),
            zxid: self.zxid(tree.last_zxid()),
            latency: in_milliseconds(&counters.latency),
            received: load(&counters.received),
            sent: load(&counters.sent),
            connections: self.shared.connections.lock().len() as u64,
            outstanding: counters.outstanding.load(Ordering::Relaxed) as u64,
            uptime: self.shared.uptime(),
            node_count: tree.node_count() as u64,
            watch_count: self.shared.watches.lock().count() as u64,
            ephemerals_count: ephemerals as u64,
            approximate_data_size: tree.data_size(),
            sessions: tree.sessions().len() as u64,
            open_file_descriptors: std::fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as u64),
            max_file_descriptors: rustix::process::getrlimit(rustix::process::Resource::Nofile).current,
            auth_failed: load(&counters.authentication_failed),
            fsync_threshold_exceeded: load(&counters.slow_syncs),
            client_responses: Default::default(),
            counters: BTreeMap::from([
                ("looking_count", load(&counters.looking)),
                ("leading_count", load(&counters.leading)),
                ("following_count", load(&counters.following)),
                ("proposal_count", load(&counters.proposals)),
                ("commit_count", load(&counters.commits)),
                ("learner_proposal_received_count", load(&counters.learner_proposals)),
                ("learner_commit_received_count", load(&counters.learner_commits)),
                ("snap_count", load(&counters.snaps)),
                ("diff_count", load(&counters.diffs)),
                ("stale_sessions_expired", load(&counters.expired)),
                ("digest_mismatches_count", load(&counters.digest_mismatches)),
                ("connection_rejected", load(&counters.rejected)),
                ("sessionless_connections_expired", load(&counters.sessionless)),
            ]),
            summaries: counters.measures.all(),
        }
    }

    fn configuration(&self) -> Configuration {
        self.configuration.clone()
    }

    fn directory_sizes(&self) -> DirectorySizes {
        let (log, data) = self.directory.sizes().unwrap_or_default();
        DirectorySizes { log, data }
    }

    fn connections(&self) -> Vec<ConnectionStatus> {
        let connections = self.shared.connections.lock();
        let mut all: Vec<_> = connections.values().cloned().collect();
        drop(connections);
        all.sort_by_key(|connection| connection.number);
        all.iter().map(|connection| self.status_of(connection)).collect()
    }

    fn sessions(&self) -> SessionStatus {
        let tick = i64::try_from(self.configuration.config.tick_time.as_millis()).unwrap_or(i64::MAX).max(1);
        if self.quorum().is_some_and(|quorum| quorum.leading.is_none()) {
            return SessionStatus::Known(self.shared.tree.read().sessions().collect());
        }
        let mut expiring: BTreeMap<i64, BTreeSet<SessionId>> = BTreeMap::new();
        let heard: BTreeMap<SessionId, u64> = {
            let connections = self.shared.connections.lock();
            connections.values().filter_map(|c| Some((c.session()?, c.heard()))).collect()
        };
        let offset = wall_clock() - i64::try_from(self.shared.uptime()).unwrap_or(i64::MAX);
        for (session, timeout) in self.shared.tree.read().sessions() {
            let heard = heard.get(&session).copied().unwrap_or_default();
            let end = offset + i64::try_from(heard).unwrap_or(i64::MAX) + i64::from(timeout);
            expiring.entry((end / tick + 1) * tick).or_default().insert(session);
        }
        SessionStatus::Expiring(expiring)
    }

    fn ephemerals(&self) -> BTreeMap<SessionId, BTreeSet<String>> {
        let tree = self.shared.tree.read().clone();
        let paths = |owner| tree.ephemerals(owner).map(str::to_owned).collect();
        tree.ephemeral_owners().map(|owner| (owner, paths(owner))).collect()
    }

    fn watches(&self) -> BTreeMap<SessionId, BTreeSet<String>> {
        let connections = self.shared.connections.lock().clone();
        let watches = self.shared.watches.lock();
        let of = |number: u64| connections.get(&number).and_then(|connection| connection.session());
        let named = watches.by_watcher().filter_map(|(watcher, paths)| Some((of(watcher.0)?, paths)));
        named.map(|(session, paths)| (session, paths.into_iter().map(str::to_owned).collect())).collect()
    }

    fn digest_log(&self) -> Vec<DigestEntry> {
        let tree = self.shared.tree.read();
        vec![DigestEntry { zxid: tree.last_zxid(), version: 2, digest: tree.digest() }]
    }

    fn last_snapshot(&self) -> Option<LastSnapshot> {
        let newest = self.directory.snapshots().ok()?.into_iter().next()?;
        let modified = std::fs::metadata(&newest.1).ok()?.modified().ok()?;
        let timestamp = modified.duration_since(UNIX_EPOCH).ok()?.as_secs();
        let name = newest.1.file_name()?.to_str()?;
        let zxid = snapshot_zxid(name).map_or(newest.0, |(zxid, _)| zxid);
        Some(LastSnapshot { zxid, timestamp: i64::try_from(timestamp).ok()? })
    }

    fn take_snapshot(&self) -> Result<TakenSnapshot, String> {
        let (asker, answer) = std::sync::mpsc::channel();
        self.node.send(Incoming::Snapshot(asker));
        let (zxid, path) = answer.recv().map_err(|_| "the server is leaving".to_owned())??;
        let size = std::fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?.len();
        Ok(TakenSnapshot { zxid, size, path })
    }

    fn permits_all(&self, identities: &[Id]) -> bool {
        let tree = self.shared.tree.read();
        let Some(root) = tree.node("/") else { return false };
        let each = [Perms::READ, Perms::WRITE, Perms::CREATE, Perms::DELETE, Perms::ADMIN];
        self.shared.skip_acl || each.into_iter().all(|permission| allows(tree.acl(root.acl), permission, identities))
    }

    fn reset_statistics(&self) {
        let counters = &self.shared.counters;
        counters.latency.reset();
        counters.measures.reset();
        for counter in [&counters.received, &counters.sent, &counters.slow_syncs] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    fn reset_connection_statistics(&self) {
        for connection in self.shared.connections.lock().values() {
            connection.statistics.reset();
        }
    }

    fn trace_mask(&self) -> i64 {
        self.trace_mask.load(Ordering::Relaxed)
    }

    fn set_trace_mask(&self, mask: i64) {
        self.trace_mask.store(mask, Ordering::Relaxed);
    }
}

impl Source {
    fn mode(&self) -> Mode {
        let distributed = self.configuration.config.quorum.is_distributed();
        if distributed { self.shared.role.lock().mode } else { Mode::Standalone }
    }

    /// The last transaction; none of a new epoch is there yet, its beginning (`Leader.startZkServer`). Java's followers
    /// show it when a snapshot has brought them there, ours always.
    fn zxid(&self, last: Zxid) -> Zxid {
        let distributed = self.configuration.config.quorum.is_distributed();
        let report = self.shared.role.lock();
        if distributed && report.phase == Phase::Broadcast { last.max(Zxid::new(report.epoch, 0)) } else { last }
    }

    /// This server's part in an ensemble of several.
    fn quorum(&self) -> Option<QuorumStatus> {
        let quorum = &self.configuration.config.quorum;
        let my_id = quorum.my_id.filter(|_| quorum.is_distributed())?;
        let report = self.shared.role.lock().clone();
        let host = |id: ServerId| {
            let host = quorum.servers.get(&id)?.quorum.first()?.host.clone();
            Some((id, host.unwrap_or_default()))
        };
        let reign = report.reign.filter(|_| report.mode == Mode::Leader);
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Some(QuorumStatus {
            my_id,
            phase: report.phase,
            quorum_size: count(quorum.voters().count()),
            leader: report.leader.and_then(host),
            leading: reign.map(|reign| LeadingStatus {
                learners: count(reign.learners),
                synced_followers: count(reign.synced_followers),
                synced_non_voting_followers: 0,
                pending_syncs: count(reign.pending_syncs),
                uptime: match report.phase {
                    Phase::Broadcast => u64::try_from(report.since.elapsed().as_millis()).unwrap_or(u64::MAX),
                    _ => 0,
                },
                proposals: *self.shared.counters.proposal_sizes.lock(),
            }),
            synced_observers: reign.map_or(0, |reign| count(reign.synced_observers)),
        })
    }

    fn status_of(&self, connection: &Connection) -> ConnectionStatus {
        let statistics = &connection.statistics;
        let offset = wall_clock() - i64::try_from(self.shared.uptime()).unwrap_or(i64::MAX);
        let heard = offset + i64::try_from(connection.heard()).unwrap_or(i64::MAX);
        let latency = &statistics.latency;
        let session = connection.session().map(|id| {
            let zxid = u64::try_from(statistics.last_zxid.load(Ordering::Relaxed)).ok();
            ConnectionSession {
                id,
                last_operation: OpCode::from_number(statistics.last_operation.load(Ordering::Relaxed))
                    .map_or(UNKNOWN_OPERATION, last_operation),
                established: connection.established,
                timeout: connection.timeout(),
                last_cxid: statistics.last_cxid.load(Ordering::Relaxed),
                last_zxid: zxid.map(Zxid),
                last_response_time: i64::try_from(statistics.last_response.load(Ordering::Relaxed)).unwrap_or(i64::MAX),
                last_latency: milliseconds(latency.last.load(Ordering::Relaxed)),
                min_latency: milliseconds(least(latency)),
                avg_latency: milliseconds(average(latency)),
                max_latency: milliseconds(latency.most.load(Ordering::Relaxed)),
            }
        });
        ConnectionStatus {
            address: connection.address,
            interest: 1,
            outstanding: connection.forwarded.load(Ordering::Relaxed) as u64,
            received: statistics.received.load(Ordering::Relaxed),
            sent: statistics.sent.load(Ordering::Relaxed),
            expires: heard + i64::from(connection.timeout()),
            session,
        }
    }
}

fn milliseconds(micros: u64) -> i64 {
    i64::try_from(micros / 1000).unwrap_or(i64::MAX)
}

fn least(latency: &Latency) -> u64 {
    match latency.least.load(Ordering::Relaxed) {
        u64::MAX => 0,
        least => least,
    }
}

fn average(latency: &Latency) -> u64 {
    let total = latency.total.load(Ordering::Relaxed);
    total.checked_div(latency.count.load(Ordering::Relaxed)).unwrap_or_default()
}

fn in_milliseconds(latency: &Latency) -> Summary {
    let count = latency.count.load(Ordering::Relaxed);
    if count == 0 {
        return Summary::default();
    }
    let total = milliseconds(latency.total.load(Ordering::Relaxed));
    Summary::from_parts(milliseconds(least(latency)), milliseconds(latency.most.load(Ordering::Relaxed)), count, total)
}

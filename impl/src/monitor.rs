//! The values that `mntr`, the admin command `monitor` and Prometheus show, under Java's names.

use crate::status::{Mode, QuorumStatus, ServerStatus, Summary};

/// A value to monitor.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// A word.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Any number.
    Double(f64),
}

/// What no metric is: version and states (`ZooKeeperServer.dumpMonitorValues`).
pub fn states(status: &ServerStatus) -> Vec<(&'static str, Reading)> {
    let mut readings = vec![
        ("version", Reading::Text(status.version.clone())),
        ("server_state", Reading::Text(status.mode.name().to_owned())),
    ];
    if let Some(quorum) = &status.quorum {
        readings.push(("peer_state", Reading::Text(peer_state(status.mode, quorum))));
    }
    readings
}

/// As `QuorumPeer.getDetailedPeerState`: `leading - broadcast`.
fn peer_state(mode: Mode, quorum: &QuorumStatus) -> String {
    let state = match mode {
        Mode::Leader => "leading",
        Mode::Follower => "following",
        Mode::Observer => "observing",
        Mode::Standalone | Mode::ReadOnly => "looking",
    };
    format!("{state} - {}", quorum.phase.name())
}

/// What goes up and down (`registerMetrics` of `ZooKeeperServer` and its subclasses), in the order of their source.
/// What Java measures of things that do not exist here (TLS, local sessions, throttling by chance) is 0.
pub fn gauges(status: &ServerStatus) -> Vec<(&'static str, Reading)> {
    let latency = &status.latency;
    let mut readings = vec![
        ("avg_latency", Reading::Double(latency.average())),
        ("max_latency", Reading::Integer(latency.max())),
        ("min_latency", Reading::Integer(latency.min())),
        ("packets_received", integer(status.received)),
        ("packets_sent", integer(status.sent)),
        ("num_alive_connections", integer(status.connections)),
        ("outstanding_requests", integer(status.outstanding)),
        ("uptime", integer(status.uptime)),
        ("znode_count", integer(status.node_count)),
        ("watch_count", integer(status.watch_count)),
        ("ephemerals_count", integer(status.ephemerals_count)),
        ("approximate_data_size", integer(status.approximate_data_size)),
        ("global_sessions", integer(status.sessions)),
        ("local_sessions", Reading::Integer(0)),
    ];
    readings.extend(status.open_file_descriptors.map(|count| ("open_file_descriptor_count", integer(count))));
    readings.extend(status.max_file_descriptors.map(|count| ("max_file_descriptor_count", integer(count))));
    readings.extend([
        ("connection_drop_probability", Reading::Double(0.0)),
        ("last_client_response_size", Reading::Integer(status.client_responses.last.into())),
        ("max_client_response_size", Reading::Integer(status.client_responses.max.into())),
        ("min_client_response_size", Reading::Integer(status.client_responses.min.into())),
        ("outstanding_tls_handshake", Reading::Integer(0)),
        ("auth_failed_count", integer(status.auth_failed)),
        ("non_mtls_remote_conn_count", Reading::Integer(0)),
        ("non_mtls_local_conn_count", Reading::Integer(0)),
    ]);
    readings.extend(status.quorum.iter().flat_map(|quorum| quorum_gauges(status.mode, quorum)));
    readings
}

fn quorum_gauges(mode: Mode, quorum: &QuorumStatus) -> Vec<(&'static str, Reading)> {
    let mut readings = vec![("quorum_size", integer(quorum.quorum_size))];
    if matches!(mode, Mode::Leader | Mode::Follower) {
        readings.push(("synced_observers", integer(quorum.synced_observers)));
    }
    if let Some(leading) = &quorum.leading {
        readings.extend([
            ("learners", integer(leading.learners)),
            ("synced_followers", integer(leading.synced_followers)),
            ("synced_non_voting_followers", integer(leading.synced_non_voting_followers)),
            ("pending_syncs", integer(leading.pending_syncs)),
            ("leader_uptime", integer(leading.uptime)),
            ("last_proposal_size", Reading::Integer(leading.proposals.last.into())),
            ("max_proposal_size", Reading::Integer(leading.proposals.max.into())),
            ("min_proposal_size", Reading::Integer(leading.proposals.min.into())),
        ]);
    }
    readings
}

/// Everything, in the form of Java's default provider of metrics: `avg_fsynctime`, `min_…`, `max_…`, `cnt_…`, `sum_…`.
pub fn readings(status: &ServerStatus) -> Vec<(String, Reading)> {
    let states = states(status).into_iter().chain(gauges(status));
    let mut readings: Vec<(String, Reading)> = states.map(|(name, reading)| (name.to_owned(), reading)).collect();
    readings.extend(status.counters.iter().map(|(name, count)| ((*name).to_owned(), integer(*count))));
    for (name, summary) in &status.summaries {
        readings.extend(summary_readings(name, summary));
    }
    readings
}

fn summary_readings(name: &str, summary: &Summary) -> Vec<(String, Reading)> {
    let mut readings = vec![
        (format!("avg_{name}"), Reading::Double(summary.average())),
        (format!("min_{name}"), Reading::Integer(summary.min())),
        (format!("max_{name}"), Reading::Integer(summary.max())),
        (format!("cnt_{name}"), integer(summary.count())),
        (format!("sum_{name}"), Reading::Integer(summary.sum())),
    ];
    if let Some(percentiles) = summary.percentiles {
        readings.extend([
            (format!("p50_{name}"), Reading::Integer(percentiles.p50)),
            (format!("p95_{name}"), Reading::Integer(percentiles.p95)),
            (format!("p99_{name}"), Reading::Integer(percentiles.p99)),
            (format!("p999_{name}"), Reading::Integer(percentiles.p999)),
        ]);
    }
    readings
}

fn integer(number: u64) -> Reading {
    Reading::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

//! The texts. Each ends as Java's does: most with a line break, some with an empty line more.

use crate::java_text::{date, double, socket_address};
use crate::monitor::{self, Reading};
use crate::status::{
    Configuration, ConnectionStatus, DigestEntry, DirectorySizes, ServerStatus, SessionStatus, Sizes,
    environment as entries_of,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use zab::tree::SessionId;

/// A line to a text. Writing to a `String` cannot fail.
macro_rules! line {
    ($text:expr, $($argument:tt)*) => {{ let _ = writeln!($text, $($argument)*); }};
}

pub(super) fn environment(status: &ServerStatus) -> String {
    let mut text = "Environment:\n".to_owned();
    for (name, value) in entries_of(&status.version) {
        line!(text, "{name}={value}");
    }
    text
}

pub(super) fn configuration(configuration: &Configuration, sizes: DirectorySizes) -> String {
    let config = &configuration.config;
    let mut text = String::new();
    line!(text, "clientPort={}", configuration.client_port);
    line!(text, "secureClientPort=-1");
    line!(text, "dataDir={}", configuration.snapshot_dir.display());
    line!(text, "dataDirSize={}", sizes.data);
    line!(text, "dataLogDir={}", configuration.log_dir.display());
    line!(text, "dataLogSize={}", sizes.log);
    line!(text, "tickTime={}", config.tick_time.as_millis());
    line!(text, "maxClientCnxns={}", config.limits.max_client_cnxns);
    line!(text, "minSessionTimeout={}", config.min_session_timeout.as_millis());
    line!(text, "maxSessionTimeout={}", config.max_session_timeout.as_millis());
    line!(text, "clientPortListenBacklog={}", config.limits.client_port_listen_backlog.map_or(-1, i64::from));
    line!(text, "serverId={}", configuration.server_id);
    if config.quorum.is_distributed() {
        let own = config.quorum.my_id.and_then(|id| config.quorum.servers.get(&id));
        let ports = |addresses: Option<&Vec<crate::config::HostPort>>| {
            let ports: Vec<String> = addresses.into_iter().flatten().map(|address| address.port.to_string()).collect();
            ports.join("|")
        };
        line!(text, "initLimit={}", config.quorum.init_limit);
        line!(text, "syncLimit={}", config.quorum.sync_limit);
        line!(text, "electionAlg=3");
        line!(text, "electionPort={}", ports(own.map(|line| &line.election)));
        line!(text, "quorumPort={}", ports(own.map(|line| &line.quorum)));
        line!(text, "peerType={}", configuration.peer_type_number());
        line!(text, "membership: ");
        text += &configuration.membership();
    }
    text
}

pub(super) fn directories(sizes: DirectorySizes) -> String {
    format!("datadir_size: {}\nlogdir_size: {}\n", sizes.data, sizes.log)
}

/// One line each; brief as in `stat`, or in full as in `cons`.
pub(super) fn connections(connections: &[ConnectionStatus], brief: bool) -> String {
    let mut text = String::new();
    for connection in connections {
        let ConnectionStatus { interest, outstanding, received, sent, .. } = connection;
        let address = socket_address(connection.address);
        let _ = write!(text, " {address}[{interest:x}](queued={outstanding},recved={received},sent={sent}");
        if let Some(session) = connection.session.as_ref().filter(|_| !brief) {
            let _ = write!(text, ",sid=0x{:x},lop={}", session.id.0, session.last_operation);
            let _ = write!(text, ",est={},to={}", session.established, session.timeout);
            if session.last_cxid >= 0 {
                let _ = write!(text, ",lcxid=0x{:x}", session.last_cxid);
            }
            let _ = write!(text, ",lzxid=0x{:x}", session.last_zxid_number());
            let _ = write!(text, ",lresp={},llat={}", session.last_response_time, session.last_latency);
            let (min, average, max) = (session.min_latency, session.avg_latency, session.max_latency);
            let _ = write!(text, ",minlat={min},avglat={average},maxlat={max}");
        }
        line!(text, ")");
    }
    text
}

/// `srvr`; with connections `stat`.
pub(super) fn server(status: &ServerStatus, with_connections: Option<&[ConnectionStatus]>) -> String {
    let mut text = format!("Zookeeper version: {}\n", status.version);
    if status.is_read_only() {
        line!(text, "READ-ONLY mode; serving only read-only clients");
    }
    if let Some(all) = with_connections {
        line!(text, "Clients:");
        text += &connections(all, true);
        line!(text, "");
    }
    let latency = &status.latency;
    line!(text, "Latency min/avg/max: {}/{}/{}", latency.min(), double(latency.average()), latency.max());
    line!(text, "Received: {}", status.received);
    line!(text, "Sent: {}", status.sent);
    line!(text, "Connections: {}", status.connections);
    line!(text, "Outstanding: {}", status.outstanding);
    line!(text, "Zxid: 0x{:x}", status.zxid.0);
    line!(text, "Mode: {}", status.mode.name());
    line!(text, "Node count: {}", status.node_count);
    if let Some(leading) = status.quorum.as_ref().and_then(|quorum| quorum.leading.as_ref()) {
        let Sizes { last, min, max } = leading.proposals;
        line!(text, "Proposal sizes last/min/max: {last}/{min}/{max}");
    }
    text
}

pub(super) fn monitor(status: &ServerStatus) -> String {
    let mut text = String::new();
    for (name, reading) in monitor::readings(status) {
        match reading {
            Reading::Text(word) => line!(text, "zk_{name}\t{word}"),
            Reading::Integer(number) => line!(text, "zk_{name}\t{number}"),
            Reading::Double(number) => line!(text, "zk_{name}\t{}", double(number)),
        }
    }
    text
}

pub(super) fn dump(
    sessions: &SessionStatus,
    ephemerals: &BTreeMap<SessionId, BTreeSet<String>>,
    connections: &[ConnectionStatus],
) -> String {
    let mut text = "SessionTracker dump:\n".to_owned();
    match sessions {
        SessionStatus::Expiring(buckets) => {
            let buckets = buckets.iter().map(|(time, ids)| (*time, ids.iter().map(hexadecimal).collect()));
            text += &expiry("Session", &buckets.collect());
        }
        SessionStatus::Known(timeouts) => {
            line!(text, "Global Sessions({}):", timeouts.len());
            for (id, timeout) in timeouts {
                line!(text, "{}\t{timeout}ms", hexadecimal(id));
            }
        }
    }
    line!(text, "ephemeral nodes dump:");
    line!(text, "Sessions with Ephemerals ({}):", ephemerals.len());
    for (id, paths) in ephemerals {
        line!(text, "{}:", hexadecimal(id));
        for path in paths {
            line!(text, "\t{path}");
        }
    }
    line!(text, "Connections dump:");
    let mut buckets: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for connection in connections {
        let session = connection.session.as_ref().map_or(SessionId(0), |session| session.id);
        let name = format!("ip: {} sessionId: {}", socket_address(connection.address), hexadecimal(&session));
        buckets.entry(connection.expires).or_default().push(name);
    }
    text + &expiry("Connections", &buckets)
}

/// As `ExpiryQueue.dump`.
fn expiry(what: &str, buckets: &BTreeMap<i64, Vec<String>>) -> String {
    let elements: usize = buckets.values().map(Vec::len).sum();
    let mut text = format!("{what} Sets ({})/({elements}):\n", buckets.len());
    for (time, names) in buckets {
        line!(text, "{} expire at {}:", names.len(), date(*time));
        for name in names {
            line!(text, "\t{name}");
        }
    }
    text
}

pub(super) fn digests(log: &[DigestEntry]) -> String {
    let mut text = String::new();
    for entry in log {
        // Java prints the digest as the signed number that it keeps.
        line!(text, "{:x}: {}", entry.zxid.0, entry.digest as i64);
    }
    text
}

pub(super) fn watch_summary(watches: &BTreeMap<SessionId, BTreeSet<String>>) -> String {
    let paths: BTreeSet<&String> = watches.values().flatten().collect();
    let total: usize = watches.values().map(BTreeSet::len).sum();
    format!("{} connections watching {} paths\nTotal watches:{total}\n", watches.len(), paths.len())
}

pub(super) fn watches_by_session(watches: &BTreeMap<SessionId, BTreeSet<String>>) -> String {
    let mut text = String::new();
    for (id, paths) in watches {
        line!(text, "{}", hexadecimal(id));
        for path in paths {
            line!(text, "\t{path}");
        }
    }
    text + "\n"
}

pub(super) fn watches_by_path(watches: &BTreeMap<SessionId, BTreeSet<String>>) -> String {
    let mut by_path: BTreeMap<&String, Vec<&SessionId>> = BTreeMap::new();
    for (id, paths) in watches {
        for path in paths {
            by_path.entry(path).or_default().push(id);
        }
    }
    let mut text = String::new();
    for (path, ids) in by_path {
        line!(text, "{path}");
        for id in ids {
            line!(text, "\t{}", hexadecimal(id));
        }
    }
    text + "\n"
}

fn hexadecimal(id: &SessionId) -> String {
    format!("0x{:x}", id.0)
}

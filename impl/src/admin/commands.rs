//! What each admin command answers.

use super::json::Json;
use super::restricted::Restricted;
use crate::config::{HostPort, PeerType, ServerLine};
use crate::four_letter::NOT_SERVING;
use crate::java_text::host_and_port;
use crate::monitor::{self, Reading};
use crate::status::{
    Configuration, ConnectionStatus, QuorumStatus, ServerStatus, SessionStatus, Sizes, StatusSource, environment,
};
use std::collections::{BTreeMap, BTreeSet};

type Fields = Vec<(String, Json)>;
pub(super) type Arguments = BTreeMap<String, String>;

/// A command: its names, the first of which it calls itself, and whether it needs a server that serves.
struct Command {
    names: &'static [&'static str],
    needs_serving: bool,
    run: fn(&dyn StatusSource, &Arguments) -> Fields,
}

const fn command(names: &'static [&'static str], run: fn(&dyn StatusSource, &Arguments) -> Fields) -> Command {
    Command { names, needs_serving: true, run }
}

const fn always(names: &'static [&'static str], run: fn(&dyn StatusSource, &Arguments) -> Fields) -> Command {
    Command { names, needs_serving: false, run }
}

/// By their first names.
const COMMANDS: &[Command] = &[
    command(&["configuration", "conf", "config"], |source, _| configuration(&source.configuration())),
    command(&["connection_stat_reset", "crst"], |source, _| {
        source.reset_connection_statistics();
        Fields::new()
    }),
    command(&["connections", "cons"], |source, _| connections(&source.connections(), false)),
    command(&["dirs"], |source, _| {
        let sizes = source.directory_sizes();
        fields([("datadir_size", sizes.data.into()), ("logdir_size", sizes.log.into())])
    }),
    command(&["dump"], |source, _| dump(source)),
    always(&["environment", "env", "envi"], |source, _| {
        let entries = environment(&source.status().version).into_iter();
        entries.map(|(name, value)| (name.to_owned(), value.into())).collect()
    }),
    always(&["get_trace_mask", "gtmk"], |source, _| fields([("tracemask", source.trace_mask().into())])),
    command(&["hash"], |source, _| digests(source)),
    command(&["initial_configuration", "icfg"], |source, _| {
        fields([("initial_configuration", source.configuration().config.initial.into())])
    }),
    command(&["is_read_only", "isro"], |source, _| fields([("read_only", source.status().is_read_only().into())])),
    command(&["last_snapshot", "lsnp"], |source, _| {
        let snapshot = source.last_snapshot();
        let (zxid, time) = snapshot.map_or((u64::MAX, -1), |snapshot| (snapshot.zxid.0, snapshot.timestamp));
        fields([("zxid", format!("{zxid:x}").into()), ("timestamp", time.into())])
    }),
    command(&["leader", "lead"], |source, _| leader(&source.status())),
    command(&["monitor", "mntr"], |source, _| monitor(&source.status())),
    command(&["observer_connection_stat_reset", "orst"], |_, _| Fields::new()),
    command(&["observers", "obsr"], |source, _| {
        let synced = source.status().quorum.map_or(0, |quorum| quorum.synced_observers);
        fields([("synced_observers", synced.into()), ("observers", Json::List(vec![]))])
    }),
    command(&["ruok"], |_, _| Fields::new()),
    command(&["server_stats", "srvr"], |source, _| server(source)),
    always(&["set_trace_mask", "stmk"], set_trace_mask),
    command(&["stat_reset", "srst"], |source, _| {
        source.reset_statistics();
        Fields::new()
    }),
    command(&["stats", "stat"], |source, _| {
        let mut fields = server(source);
        fields.extend(connections(&source.connections(), true));
        fields
    }),
    always(&["system_properties", "sysp"], |source, _| {
        let properties = source.configuration().config.system_properties;
        properties.into_iter().map(|(name, value)| (name, value.into())).collect()
    }),
    command(&["voting_view"], |source, _| voting_view(&source.configuration())),
    command(&["watch_summary", "wchs"], |source, _| watch_summary(&source.watches())),
    command(&["watches", "wchc"], |source, _| {
        let watches = source.watches();
        let by_session = watches.into_iter().map(|(id, paths)| (id.0.to_string(), Json::list(paths)));
        fields([("session_id_to_watched_paths", Json::object(by_session))])
    }),
    command(&["watches_by_path", "wchp"], |source, _| watches_by_path(source)),
    always(&["zabstate"], |source, _| zab_state(&source.status(), &source.configuration())),
];

/// One line for each command, as Java lists them.
pub(super) fn links(command_url: &str) -> String {
    let link = |name: &str| format!("<a href=\"{command_url}/{name}\">{name}</a>\n<br/>\n");
    let names = COMMANDS.iter().map(|command| command.names[0]);
    let names: BTreeSet<&str> = names.chain(Restricted::ALL.map(Restricted::name)).collect();
    names.into_iter().map(link).collect()
}

/// Runs the command with this name. Its own name and an error, `null` mostly, come last.
pub(super) fn run(name: &str, arguments: &Arguments, source: &dyn StatusSource) -> Json {
    let Some(command) = COMMANDS.iter().find(|command| command.names.contains(&name)) else {
        return failed(name, &format!("Unknown command: {name}"));
    };
    if command.needs_serving && !source.status().serving {
        return failed(name, NOT_SERVING);
    }
    let mut fields = (command.run)(source, arguments);
    fields.push(("command".to_owned(), command.names[0].into()));
    if !fields.iter().any(|(key, _)| key == "error") {
        fields.push(("error".to_owned(), Json::Null));
    }
    Json::Object(fields)
}

/// Whether there is such a command.
pub(super) fn is_known(name: &str) -> bool {
    COMMANDS.iter().any(|command| command.names.contains(&name))
}

/// What a command says that does not run.
pub(super) fn failed(name: &str, error: &str) -> Json {
    Json::Object(fields([("command", name.into()), ("error", error.into())]))
}

fn fields<const N: usize>(fields: [(&str, Json); N]) -> Fields {
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn configuration(configuration: &Configuration) -> Fields {
    let config = &configuration.config;
    let milliseconds = |time: std::time::Duration| Json::from(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    fields([
        ("client_port", u64::from(configuration.client_port).into()),
        ("data_dir", configuration.snapshot_dir.display().to_string().into()),
        ("data_log_dir", configuration.log_dir.display().to_string().into()),
        ("tick_time", milliseconds(config.tick_time)),
        ("max_client_cnxns", u64::from(config.limits.max_client_cnxns).into()),
        ("min_session_timeout", milliseconds(config.min_session_timeout)),
        ("max_session_timeout", milliseconds(config.max_session_timeout)),
        ("server_id", u64::from(configuration.server_id).into()),
        ("client_port_listen_backlog", config.limits.client_port_listen_backlog.map_or(-1, i64::from).into()),
    ])
}

fn connections(connections: &[ConnectionStatus], brief: bool) -> Fields {
    let list = connections.iter().map(|connection| self::connection(connection, brief)).collect();
    fields([("connections", Json::List(list)), ("secure_connections", Json::List(vec![]))])
}

/// Without a session, Java shows a session 0 to which nothing has happened.
fn connection(connection: &ConnectionStatus, brief: bool) -> Json {
    let mut all = fields([
        ("remote_socket_address", host_and_port(connection.address).into()),
        ("interest_ops", u64::from(connection.interest).into()),
        ("outstanding_requests", connection.outstanding.into()),
        ("packets_received", connection.received.into()),
        ("packets_sent", connection.sent.into()),
    ]);
    if !brief {
        let session = connection.session.as_ref();
        let of = |number: fn(&crate::status::ConnectionSession) -> i64, none| session.map_or(none, number).into();
        all.extend(fields([
            ("session_id", of(|session| session.id.0, 0)),
            ("last_operation", session.map_or("NA", |session| session.last_operation).into()),
            ("established", of(|session| session.established, 0)),
            ("session_timeout", of(|session| session.timeout.into(), 0)),
            ("last_cxid", of(|session| session.last_cxid, -1)),
            ("last_zxid", of(|session| session.last_zxid_number(), -1)),
            ("last_response_time", of(|session| session.last_response_time, 0)),
            ("last_latency", of(|session| session.last_latency, 0)),
            ("min_latency", of(|session| session.min_latency, 0)),
            ("avg_latency", of(|session| session.avg_latency, 0)),
            ("max_latency", of(|session| session.max_latency, 0)),
        ]));
    }
    Json::Object(all)
}

fn dump(source: &dyn StatusSource) -> Fields {
    let expiring = match source.sessions() {
        SessionStatus::Expiring(buckets) => buckets,
        SessionStatus::Known(_) => BTreeMap::new(),
    };
    let ids = |ids: BTreeSet<zab::tree::SessionId>| Json::list(ids.into_iter().map(|id| id.0));
    let expiring = expiring.into_iter().map(|(time, sessions)| (time.to_string(), ids(sessions)));
    let ephemerals = source.ephemerals().into_iter().map(|(id, paths)| (id.0.to_string(), Json::list(paths)));
    fields([
        ("expiry_time_to_session_ids", Json::object(expiring)),
        ("session_id_to_ephemeral_paths", Json::object(ephemerals)),
    ])
}

fn digests(source: &dyn StatusSource) -> Fields {
    let entries = source.digest_log().into_iter().map(|entry| {
        Json::Object(fields([
            ("zxid", entry.zxid.0.into()),
            ("digest_version", i64::from(entry.version).into()),
            ("digest", (entry.digest as i64).into()),
        ]))
    });
    fields([("digests", Json::List(entries.collect()))])
}

fn leader(status: &ServerStatus) -> Fields {
    let Some(quorum) = &status.quorum else { return fields([("error", "server is not initialized".into())]) };
    let (id, host) = quorum.leader.as_ref().map_or((-1, ""), |(id, host)| (i64::from(id.0), host));
    fields([("is_leader", quorum.leading.is_some().into()), ("leader_id", id.into()), ("leader_ip", host.into())])
}

fn monitor(status: &ServerStatus) -> Fields {
    let value = |reading| match reading {
        Reading::Text(word) => Json::Text(word),
        Reading::Integer(number) => Json::Integer(number),
        Reading::Double(number) => Json::Double(number),
    };
    monitor::readings(status).into_iter().map(|(name, reading)| (name, value(reading))).collect()
}

fn server(source: &dyn StatusSource) -> Fields {
    let (status, directories) = (source.status(), source.directory_sizes());
    let statistics = fields([
        ("packets_sent", status.sent.into()),
        ("packets_received", status.received.into()),
        ("fsync_threshold_exceed_count", status.fsync_threshold_exceeded.into()),
        ("client_response_stats", sizes(status.client_responses)),
        ("provider_null", false.into()),
        ("server_state", status.mode.name().into()),
        ("outstanding_requests", status.outstanding.into()),
        ("min_latency", status.latency.min().into()),
        ("avg_latency", Json::Double(status.latency.average())),
        ("max_latency", status.latency.max().into()),
        ("data_dir_size", directories.data.into()),
        ("log_dir_size", directories.log.into()),
        ("last_processed_zxid", status.zxid.0.into()),
        ("num_alive_client_connections", status.connections.into()),
        ("auth_failed_count", status.auth_failed.into()),
        // Jackson's snake case of Java's getNonMTLSRemoteConnCount.
        ("non_mtlsremote_conn_count", Json::Integer(0)),
        ("non_mtlslocal_conn_count", Json::Integer(0)),
        ("uptime", status.uptime.into()),
    ]);
    let mut all = fields([
        ("version", status.version.as_str().into()),
        ("read_only", status.is_read_only().into()),
        ("server_stats", Json::Object(statistics)),
        ("client_response", sizes(status.client_responses)),
    ]);
    if let Some(leading) = status.quorum.as_ref().and_then(|quorum| quorum.leading.as_ref()) {
        all.push(("proposal_stats".to_owned(), sizes(leading.proposals)));
    }
    all.push(("node_count".to_owned(), status.node_count.into()));
    all
}

fn sizes(sizes: Sizes) -> Json {
    let numbers = [("last_buffer_size", sizes.last), ("min_buffer_size", sizes.min), ("max_buffer_size", sizes.max)];
    Json::object(numbers.map(|(name, size)| (name, i64::from(size).into())))
}

fn set_trace_mask(source: &dyn StatusSource, arguments: &Arguments) -> Fields {
    const NEEDS: &str = "setTraceMask requires long traceMask argument";
    let Some(text) = arguments.get("traceMask") else { return fields([("error", NEEDS.into())]) };
    let Ok(mask) = text.parse::<i64>() else { return fields([("error", format!("{NEEDS}, got {text}").into())]) };
    source.set_trace_mask(mask);
    fields([("tracemask", mask.into())])
}

fn voting_view(configuration: &Configuration) -> Fields {
    let quorum = &configuration.config.quorum;
    let voters = quorum.servers.iter().filter(|(_, line)| line.peer_type == PeerType::Participant);
    let own = quorum.my_id;
    let views = voters.map(|(id, line)| {
        let listens = configuration.config.client.as_ref().filter(|_| own == Some(*id));
        (id.0.to_string(), view(line, listens))
    });
    let views = if quorum.is_distributed() { Json::object(views) } else { Json::Object(vec![]) };
    fields([("current_config", views)])
}

fn view(line: &ServerLine, own_client: Option<&HostPort>) -> Json {
    let client = line.client.as_ref().or(own_client).map(HostPort::to_string).unwrap_or_default();
    Json::Object(fields([
        ("server_addresses", Json::list(line.quorum.iter().map(HostPort::to_string))),
        ("election_addresses", Json::list(line.election.iter().map(HostPort::to_string))),
        ("client_address", client.into()),
        ("learner_type", "participant".into()),
    ]))
}

fn watch_summary(watches: &BTreeMap<zab::tree::SessionId, BTreeSet<String>>) -> Fields {
    let paths: BTreeSet<&String> = watches.values().flatten().collect();
    let total: usize = watches.values().map(BTreeSet::len).sum();
    fields([
        ("num_connections", (watches.len() as u64).into()),
        ("num_paths", (paths.len() as u64).into()),
        ("num_total_watches", (total as u64).into()),
    ])
}

fn watches_by_path(source: &dyn StatusSource) -> Fields {
    let mut by_path: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (id, paths) in source.watches() {
        for path in paths {
            by_path.entry(path).or_default().push(id.0);
        }
    }
    let by_path = by_path.into_iter().map(|(path, ids)| (path, Json::list(ids)));
    fields([("path_to_session_ids", Json::object(by_path))])
}

fn zab_state(status: &ServerStatus, configuration: &Configuration) -> Fields {
    let Some(quorum) = &status.quorum else {
        return fields([("voting", false.into()), ("zabstate", "".into())]);
    };
    let QuorumStatus { my_id, phase, leading, .. } = quorum;
    let line = configuration.config.quorum.servers.get(my_id);
    let client = configuration.config.client.as_ref().map(HostPort::to_string).unwrap_or_default();
    fields([
        ("myid", u64::from(my_id.0).into()),
        ("is_leader", leading.is_some().into()),
        ("quorum_address", addresses(line.map_or(&[], |line| &line.quorum))),
        ("election_address", addresses(line.map_or(&[], |line| &line.election))),
        ("client_address", client.into()),
        ("voting", line.is_some_and(|line| line.peer_type == PeerType::Participant).into()),
        ("last_zxid", format!("0x{:x}", status.zxid.0).into()),
        ("zab_epoch", u64::from(status.zxid.epoch().0).into()),
        ("zab_counter", u64::from(status.zxid.counter()).into()),
        ("zabstate", phase.name().into()),
    ])
}

/// What Jackson makes of `MultipleAddresses`: every getter. Here all addresses count as reachable, since nothing is
/// dialled for an answer.
fn addresses(addresses: &[HostPort]) -> Json {
    let all = || Json::list(addresses.iter().map(HostPort::to_string));
    let one = || addresses.first().map_or(Json::Null, |address| address.to_string().into());
    let wildcards = addresses.iter().map(|address| format!("0.0.0.0:{}", address.port));
    let hosts = addresses.iter().map(|address| address.host.clone().unwrap_or_default());
    Json::Object(fields([
        ("empty", addresses.is_empty().into()),
        ("all_addresses", all()),
        ("all_reachable_addresses", all()),
        ("one", one()),
        ("reachable_address", one()),
        ("wildcard_addresses", Json::list(wildcards)),
        ("all_ports", Json::list(addresses.iter().map(|address| u64::from(address.port)))),
        ("all_host_strings", Json::list(hosts)),
        ("all_reachable_addresses_or_all", all()),
        ("reachable_or_one", one()),
    ]))
}

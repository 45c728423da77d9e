//! The keys that become fields.

use super::super::error::Wrong;
use super::super::servers::{HostPort, peer_type};
use super::super::settings::{Admin, Compression, Config, Metrics};
use super::super::value::Value;
use super::{Honoured, Source};
use std::path::PathBuf;
use std::time::Duration;

type Set = fn(&mut Config, Value<'_>) -> Result<(), Wrong>;

const fn file(name: &'static str, default: &'static str, set: Set) -> Honoured {
    Honoured { name, property: None, source: Source::File, default, set }
}

const fn property(name: &'static str, default: &'static str, set: Set) -> Honoured {
    Honoured { name, property: None, source: Source::Property, default, set }
}

const fn bare(name: &'static str, default: &'static str, set: Set) -> Honoured {
    Honoured { name, property: None, source: Source::Bare, default, set }
}

const fn named(name: &'static str, property: &'static str, default: &'static str, set: Set) -> Honoured {
    Honoured { name, property: Some(property), source: Source::Property, default, set }
}

const ANY: std::ops::RangeInclusive<u32> = 0..=i32::MAX as u32;
const SOME: std::ops::RangeInclusive<u32> = 1..=i32::MAX as u32;

/// In the order of the administrator's guide. Those that others build upon are set first.
pub const HONOURED: &[Honoured] = &[
    // Minimum configuration.
    file("clientPort", "", |c, v| {
        let host = c.client.take().and_then(|client| client.host);
        c.client = Some(HostPort { host, port: v.port()? });
        Ok(())
    }),
    file("dataDir", "", |c, v| put(&mut c.data_dir, directory(v))),
    file("tickTime", "3000 ms", |c, v| {
        c.tick_time = v.milliseconds(SOME)?;
        (c.min_session_timeout, c.max_session_timeout) = (2 * c.tick_time, 20 * c.tick_time);
        Ok(())
    }),
    // Advanced configuration.
    file("dataLogDir", "`dataDir`", |c, v| put(&mut c.data_log_dir, directory(v))),
    property("globalOutstandingLimit", "1000", |c, v| put(&mut c.limits.global_outstanding_limit, v.decoded(SOME))),
    property("preAllocSize", "65536 KiB", |c, v| put(&mut c.storage.pre_alloc_size, kibibytes(v))),
    property("snapCount", "100000", |c, v| put(&mut c.storage.snap_count, v.decoded(ANY))),
    property("commitLogCount", "500", |c, v| put(&mut c.storage.commit_log_count, v.decoded(ANY))),
    property("snapshotSizeFactor", "0.33", |c, v| put(&mut c.storage.snapshot_size_factor, factor(v))),
    property("snapSizeLimitInKb", "4194304 KiB", |c, v| put(&mut c.storage.snap_size_limit, limit(v))),
    property("txnLogSizeLimitInKb", "-1: none", |c, v| {
        put(&mut c.storage.txn_log_size_limit, limit(v).map(|limit| (limit > 0).then_some(limit)))
    }),
    property("maxCnxns", "0: no limit", |c, v| put(&mut c.limits.max_cnxns, v.decoded(ANY))),
    file("maxClientCnxns", "60", |c, v| put(&mut c.limits.max_client_cnxns, v.number(ANY))),
    property("nio.sessionlessCnxnTimeout", "10000 ms", |c, v| {
        put(&mut c.limits.sessionless_timeout, decoded_milliseconds(v, SOME))
    }),
    file("clientPortAddress", "every address", |c, v| {
        let port = c.client.take().map_or(0, |client| client.port);
        c.client = Some(HostPort::new(word(v)?, port));
        Ok(())
    }),
    file("minSessionTimeout", "2 ticks", |c, v| session_timeout(&mut c.min_session_timeout, v)),
    file("maxSessionTimeout", "20 ticks", |c, v| session_timeout(&mut c.max_session_timeout, v)),
    property("fsync.warningthresholdms", "1000 ms", |c, v| {
        put(&mut c.storage.fsync_warning_threshold, decoded_milliseconds(v, ANY))
    }),
    file("autopurge.snapRetainCount", "3", |c, v| {
        put(&mut c.storage.snap_retain_count, v.number(i32::MIN..=i32::MAX).map(|count| count.max(0) as u32))
    }),
    file("autopurge.purgeInterval", "0 h: off", |c, v| {
        let hours = v.number(i32::MIN..=i32::MAX)?.max(0) as u64;
        c.storage.purge_interval = (hours > 0).then(|| Duration::from_secs(3600 * hours));
        Ok(())
    }),
    Honoured {
        name: "syncEnabled",
        property: Some("observer.syncEnabled"),
        source: Source::File,
        default: "true",
        set: |c, v| put(&mut c.quorum.observer_sync_enabled, v.boolean()),
    },
    property("extendedTypesEnabled", "false", |c, v| put(&mut c.tree.extended_types_enabled, v.boolean())),
    property("fastleader.minNotificationInterval", "200 ms", |c, v| {
        put(&mut c.quorum.min_notification_interval, decoded_milliseconds(v, SOME))
    }),
    property("fastleader.maxNotificationInterval", "60000 ms", |c, v| {
        put(&mut c.quorum.max_notification_interval, decoded_milliseconds(v, SOME))
    }),
    file("clientPortListenBacklog", "the system's", |c, v| {
        put(&mut c.limits.client_port_listen_backlog, v.number(-1..=i32::MAX).map(|number| u32::try_from(number).ok()))
    }),
    property("flushDelay", "0 ms", |c, v| put(&mut c.storage.flush_delay, decoded_milliseconds(v, ANY))),
    property("maxBatchSize", "1000", |c, v| put(&mut c.storage.max_batch_size, v.decoded(SOME))),
    property("enforceQuota", "false", |c, v| put(&mut c.tree.enforce_quota, v.boolean())),
    named("maxConcurrentSnapSyncs", "leader.maxConcurrentSnapSyncs", "10", |c, v| {
        put(&mut c.quorum.max_concurrent_snap_syncs, v.decoded(SOME))
    }),
    property("digest.enabled", "true", |c, v| put(&mut c.tree.digest_enabled, v.boolean())),
    property("closeSessionTxn.enabled", "true", |c, v| put(&mut c.tree.close_session_txn_enabled, v.boolean())),
    property("snapshot.compression.method", "none", |c, v| {
        let kind = match v.0 {
            "" => Compression::None,
            "gz" => Compression::Gzip,
            "snappy" => Compression::Snappy,
            _ => return Err(Wrong::new("it takes gz, snappy or nothing")),
        };
        put(&mut c.storage.snapshot_compression, Ok(kind))
    }),
    property("snapshot.trust.empty", "false", |c, v| put(&mut c.storage.trust_empty_snapshot, v.boolean())),
    property("datadir.autocreate", "true", |c, v| put(&mut c.storage.create_directories, v.boolean())),
    property("db.autocreate", "true", |c, v| put(&mut c.storage.create_database, v.boolean())),
    // Of this server only.
    file("traceDir", "nothing is recorded", |c, v| put(&mut c.storage.trace_directory, directory(v).map(Some))),
    // Cluster options.
    file("electionAlg", "3", |_, v| match v.0.parse() {
        Ok(3) => Ok(()),
        _ => Err(Wrong::new("only 3, fast leader election, exists")),
    }),
    file("initLimit", "", |c, v| put(&mut c.quorum.init_limit, v.number(ANY))),
    file("connectToLearnerMasterLimit", "`initLimit`", |c, v| {
        let ticks = v.number(ANY)?;
        put(&mut c.quorum.connect_to_learner_master_limit, Ok((ticks > 0).then_some(ticks)))
    }),
    property("leaderServes", "yes", |c, v| put(&mut c.quorum.leader_serves, v.yes_or_no())),
    file("syncLimit", "", |c, v| put(&mut c.quorum.sync_limit, v.number(ANY))),
    file("peerType", "participant", |c, v| put(&mut c.quorum.peer_type, peer_type(v.0))),
    property("cnxTimeout", "5 s", |c, v| put(&mut c.quorum.connection_timeout, decoded_milliseconds(v, SOME))),
    file("standaloneEnabled", "true", |c, v| put(&mut c.quorum.standalone_enabled, v.boolean())),
    file("quorumListenOnAllIPs", "false", |c, v| put(&mut c.quorum.listen_on_all_ips, v.boolean())),
    property("electionPortBindRetry", "3", |c, v| put(&mut c.quorum.election_port_bind_retry, v.decoded(ANY))),
    file("multiAddress.enabled", "false", |c, v| put(&mut c.quorum.multi_address_enabled, v.boolean())),
    property("4lw.commands.whitelist", "srvr", |c, v| put(&mut c.four_letter_whitelist, Ok(v.0.to_owned()))),
    // Authentication and authorization.
    property("DigestAuthenticationProvider.enabled", "true", |c, v| put(&mut c.access.digest_enabled, v.boolean())),
    property("DigestAuthenticationProvider.superDigest", "no super user", |c, v| {
        put(&mut c.access.super_digest, Ok(Some(v.0.to_owned())))
    }),
    // Experimental and unsafe options.
    bare("readonlymode.enabled", "false", |c, v| put(&mut c.read_only_mode, v.boolean())),
    property("forceSync", "yes", |c, v| put(&mut c.storage.force_sync, v.yes_or_no())),
    bare("jute.maxbuffer", "1048575 bytes", |c, v| put(&mut c.limits.jute_max_buffer, v.decoded(SOME))),
    property("skipACL", "no", |c, v| put(&mut c.access.skip_acl, v.yes_or_no())),
    bare("znode.container.checkIntervalMs", "60000 ms", |c, v| {
        put(&mut c.tree.container_check_interval, decoded_milliseconds(v, SOME))
    }),
    bare("znode.container.maxPerMinute", "10000", |c, v| put(&mut c.tree.container_max_per_minute, v.decoded(SOME))),
    bare("znode.container.maxNeverUsedIntervalMs", "0: never", |c, v| {
        let time = decoded_milliseconds(v, ANY)?;
        put(&mut c.tree.container_max_never_used, Ok((!time.is_zero()).then_some(time)))
    }),
    // Admin server and metrics.
    property("admin.enableServer", "true", |c, v| {
        put(&mut c.admin, v.boolean().map(|enabled| enabled.then(Admin::default)))
    }),
    property("admin.serverAddress", "0.0.0.0", |c, v| {
        let host = word(v)?.to_owned();
        admin(c, |admin| admin.listen.host = Some(host))
    }),
    property("admin.serverPort", "8080", |c, v| {
        let port = v.decoded(0..=u16::MAX)?;
        admin(c, |admin| admin.listen.port = port)
    }),
    property("admin.commandURL", "/commands", |c, v| {
        let url = v.0.trim_end_matches('/').to_owned();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
        if !v.0.starts_with('/') || url.contains("//") || !url.bytes().all(plain) {
            return Err(Wrong::new("it takes a path: / and letters, digits, -, _, ., ~"));
        }
        admin(c, |admin| admin.command_url = url)
    }),
    property("admin.snapshot.enabled", "true", |c, v| {
        let enabled = v.boolean()?;
        admin(c, |admin| admin.snapshot_enabled = enabled)
    }),
    property("admin.restore.enabled", "true", |c, v| {
        let enabled = v.boolean()?;
        admin(c, |admin| admin.restore_enabled = enabled)
    }),
    property("admin.rateLimiterIntervalInMS", "300000 ms", |c, v| {
        let interval = decoded_milliseconds(v, ANY)?;
        admin(c, |admin| admin.rate_limiter_interval = interval)
    }),
    file("metricsProvider.className", "none", |c, v| {
        const OF_APACHE: &str = "org.apache.zookeeper.metrics.";
        c.metrics = match v.0.strip_prefix(OF_APACHE) {
            Some("prometheus.PrometheusMetricsProvider") => Some(Metrics::default()),
            Some("impl.DefaultMetricsProvider" | "impl.NullMetricsProvider") => None,
            _ => return Err(Wrong::new("it takes org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider")),
        };
        Ok(())
    }),
    file("metricsProvider.httpHost", "0.0.0.0", |c, v| {
        let host = word(v)?.to_owned();
        metrics(c, |metrics| metrics.listen.host = Some(host))
    }),
    file("metricsProvider.httpPort", "7000", |c, v| {
        let port = v.port()?;
        metrics(c, |metrics| metrics.listen.port = port)
    }),
];

fn put<T>(field: &mut T, value: Result<T, Wrong>) -> Result<(), Wrong> {
    *field = value?;
    Ok(())
}

/// Sets something of the admin server, if there is one.
fn admin(config: &mut Config, set: impl FnOnce(&mut Admin)) -> Result<(), Wrong> {
    config.admin.as_mut().map(set);
    Ok(())
}

fn metrics(config: &mut Config, set: impl FnOnce(&mut Metrics)) -> Result<(), Wrong> {
    config.metrics.as_mut().map(set);
    Ok(())
}

fn word(value: Value<'_>) -> Result<&str, Wrong> {
    if value.0.is_empty() { Err(Wrong::new("it takes a name or an address")) } else { Ok(value.0) }
}

fn directory(value: Value<'_>) -> Result<PathBuf, Wrong> {
    if value.0.is_empty() || value.0.contains('\0') {
        return Err(Wrong::new("it takes the path of a directory"));
    }
    Ok(PathBuf::from(value.0))
}

fn decoded_milliseconds(value: Value<'_>, range: std::ops::RangeInclusive<u32>) -> Result<Duration, Wrong> {
    Ok(Duration::from_millis(value.decoded(range)?.into()))
}

/// A size that must be there.
fn kibibytes(value: Value<'_>) -> Result<u64, Wrong> {
    Ok(1024 * u64::from(value.decoded(SOME)?))
}

/// A size that is no limit when it is 0 or less.
fn limit(value: Value<'_>) -> Result<u64, Wrong> {
    let kibibytes = value.decoded(i64::from(i32::MIN)..=i64::from(u32::MAX))?;
    Ok(1024 * u64::try_from(kibibytes).unwrap_or(0))
}

/// −1 keeps the multiple of the tick.
fn session_timeout(field: &mut Duration, value: Value<'_>) -> Result<(), Wrong> {
    if value.number(-1..=i32::MAX)? >= 0 {
        *field = value.milliseconds(ANY)?;
    }
    Ok(())
}

/// A part of something, in millionths; `None` when it is less than nothing (`ZKDatabase.snapshotSizeFactor`).
fn factor(value: Value<'_>) -> Result<Option<u32>, Wrong> {
    let part = value.0.parse::<f64>().ok().filter(|part| *part <= 1.0);
    let part = part.ok_or_else(|| Wrong::new("it takes a number up to 1; a negative one switches it off"))?;
    Ok((part >= 0.0).then_some((part * 1e6) as u32))
}

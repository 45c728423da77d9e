//! What stands in `zoo.cfg` and on the command line, and what becomes of it.

#[path = "config/documented.rs"]
mod documented;
#[path = "config/syntax.rs"]
mod syntax;
#[path = "config/wholes.rs"]
mod wholes;

use proptest::prelude::*;
use std::path::PathBuf;
use tempfile::TempDir;
use zabkeeper::config::keys::{self, Treatment};
use zabkeeper::config::{Config, ConfigError, Overrides};

/// A directory with a `zoo.cfg`, in which `@` stands for the directory.
fn written(text: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("zoo.cfg");
    std::fs::write(&file, text.replace('@', &dir.path().display().to_string())).expect("written");
    (dir, file)
}

fn overrides(flags: &str) -> Overrides {
    let mut overrides = Overrides::default();
    overrides.take_flags(flags);
    overrides
}

/// A standalone server with these lines more.
fn read(lines: &str, flags: &str) -> Result<Config, ConfigError> {
    let (_dir, file) = written(&format!("dataDir=@/data\nclientPort=2181\n{lines}"));
    Config::from_file(file, &overrides(flags))
}

/// The same with lines that must be right.
fn good(lines: &str) -> Config {
    read(lines, "").unwrap_or_else(|error| panic!("{lines}: {error}"))
}

/// The sentence, with the directory as `@`.
fn sentence(result: Result<Config, ConfigError>) -> String {
    let error = result.expect_err("wrong").to_string();
    error.split(std::path::MAIN_SEPARATOR).map(|part| if part.starts_with(".tmp") { "@" } else { part }).fold(
        String::new(),
        |text, part| match part {
            "@" => "@".to_owned(),
            part if text.is_empty() => part.to_owned(),
            part => text + "/" + part,
        },
    )
}

#[test]
fn honoured_keys_set_their_fields() {
    use std::time::Duration;
    // A line, and how the field prints then.
    let milliseconds = Duration::from_millis;
    let set = |line: &str, field: fn(&Config) -> String, expected: &str| {
        assert_ne!(field(&good("")), expected, "{line} changes nothing");
        assert_eq!(field(&good(line)), expected, "{line}");
    };
    assert_eq!(good("tickTime=500").tick_time, milliseconds(500));
    set("tickTime=500", |c| format!("{:?}", c.min_session_timeout), "1s");
    set("tickTime=500", |c| format!("{:?}", c.max_session_timeout), "10s");
    set("minSessionTimeout=1", |c| format!("{:?}", c.min_session_timeout), "1ms");
    set("maxSessionTimeout=90000", |c| format!("{:?}", c.max_session_timeout), "90s");
    set("dataLogDir=/log", |c| c.log_dir().display().to_string(), "/log/version-2");
    set("clientPort=1", |c| c.client.as_ref().map_or(0, |client| client.port).to_string(), "1");
    set("clientPortAddress=::1", |c| c.client.as_ref().map_or(String::new(), ToString::to_string), "[::1]:2181");
    set("globalOutstandingLimit=7", |c| c.limits.global_outstanding_limit.to_string(), "7");
    set("maxClientCnxns=0", |c| c.limits.max_client_cnxns.to_string(), "0");
    set("maxCnxns=9", |c| c.limits.max_cnxns.to_string(), "9");
    set("clientPortListenBacklog=5", |c| format!("{:?}", c.limits.client_port_listen_backlog), "Some(5)");
    set("jute.maxbuffer=0x200000", |c| c.limits.jute_max_buffer.to_string(), "2097152");
    set("nio.sessionlessCnxnTimeout=11", |c| format!("{:?}", c.limits.sessionless_timeout), "11ms");
    set("snapCount=020", |c| c.storage.snap_count.to_string(), "16");
    set("snapSizeLimitInKb=-1", |c| c.storage.snap_size_limit.to_string(), "0");
    set("txnLogSizeLimitInKb=2", |c| format!("{:?}", c.storage.txn_log_size_limit), "Some(2048)");
    set("preAllocSize=64", |c| c.storage.pre_alloc_size.to_string(), "65536");
    set("forceSync=no", |c| c.storage.force_sync.to_string(), "false");
    set("fsync.warningthresholdms=5", |c| format!("{:?}", c.storage.fsync_warning_threshold), "5ms");
    set("flushDelay=3", |c| format!("{:?}", c.storage.flush_delay), "3ms");
    set("maxBatchSize=1", |c| c.storage.max_batch_size.to_string(), "1");
    set("snapshot.compression.method=gz", |c| format!("{:?}", c.storage.snapshot_compression), "Gzip");
    set("snapshot.trust.empty=TRUE", |c| c.storage.trust_empty_snapshot.to_string(), "true");
    set("commitLogCount=501", |c| c.storage.commit_log_count.to_string(), "501");
    set("snapshotSizeFactor=0.5", |c| format!("{:?}", c.storage.snapshot_size_factor), "Some(500000)");
    set("snapshotSizeFactor=-1", |c| format!("{:?}", c.storage.snapshot_size_factor), "None");
    set("datadir.autocreate=false", |c| c.storage.create_directories.to_string(), "false");
    set("db.autocreate=false", |c| c.storage.create_database.to_string(), "false");
    set("autopurge.snapRetainCount=4", |c| c.storage.snap_retain_count.to_string(), "4");
    set("autopurge.purgeInterval=2", |c| format!("{:?}", c.storage.purge_interval), "Some(7200s)");
    set("extendedTypesEnabled=true", |c| c.tree.extended_types_enabled.to_string(), "true");
    set("digest.enabled=false", |c| c.tree.digest_enabled.to_string(), "false");
    set("enforceQuota=true", |c| c.tree.enforce_quota.to_string(), "true");
    set("znode.container.checkIntervalMs=1", |c| format!("{:?}", c.tree.container_check_interval), "1ms");
    set("znode.container.maxPerMinute=1", |c| c.tree.container_max_per_minute.to_string(), "1");
    set("znode.container.maxNeverUsedIntervalMs=1", |c| format!("{:?}", c.tree.container_max_never_used), "Some(1ms)");
    set("skipACL=yes", |c| c.access.skip_acl.to_string(), "true");
    set(
        "DigestAuthenticationProvider.superDigest=super:x",
        |c| format!("{:?}", c.access.super_digest),
        "Some(\"super:x\")",
    );
    set("DigestAuthenticationProvider.enabled=false", |c| c.access.digest_enabled.to_string(), "false");
    set("4lw.commands.whitelist=stat, ruok", |c| c.four_letter_whitelist.clone(), "stat, ruok");
    set("readonlymode.enabled=true", |c| c.read_only_mode.to_string(), "true");
    set("admin.enableServer=false", |c| format!("{:?}", c.admin), "None");
    set("admin.serverPort=1", |c| format!("{}", c.admin.as_ref().map_or(0, |admin| admin.listen.port)), "1");
    set("admin.commandURL=/x/", |c| c.admin.as_ref().map_or(String::new(), |admin| admin.command_url.clone()), "/x");
    let provider = "metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider";
    let metrics: fn(&Config) -> String = |c| c.metrics.as_ref().map_or(String::new(), |m| m.listen.to_string());
    set(provider, metrics, "0.0.0.0:7000");
    // Its settings may stand before it.
    set(&format!("metricsProvider.httpPort=1\nmetricsProvider.httpHost=h\n{provider}"), metrics, "h:1");
    set("peerType=OBSERVER", |c| format!("{:?}", c.quorum.peer_type), "Observer");
    set("leaderServes=no", |c| c.quorum.leader_serves.to_string(), "false");
}

/// A table can name a key and set nothing, or the wrong thing for every value.
#[test]
fn every_honoured_key_changes_something() {
    const PROVIDER: &str = "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider";
    // What says where a setting came from is no change.
    let settings = |lines: &str| {
        let mut config = read(lines, "").ok()?;
        (config.data_dir, config.data_log_dir) = match config.data_log_dir == config.data_dir {
            true if config.data_dir.ends_with("data") => Default::default(),
            _ => (config.data_dir, config.data_log_dir),
        };
        config.initial.clear();
        config.system_properties.clear();
        config.warnings.clear();
        (config.file, config.place) = (None, zabkeeper::config::Place::Defaults);
        Some(config)
    };
    let base = format!("metricsProvider.className={PROVIDER}\nserver.1=a:1:2\n");
    let before = settings(&base).expect("right");
    // One has a single value, the other makes an ensemble, which needs more than a line (see `wholes`).
    let elsewhere = ["electionAlg", "standaloneEnabled"];
    for key in keys::HONOURED.iter().map(|key| key.name).filter(|name| !elsewhere.contains(name)) {
        let values = ["7", "700", "70000", "0.5", "true", "false", "yes", "no", "h", "/x", "gz", "observer"];
        let none = "org.apache.zookeeper.metrics.impl.NullMetricsProvider";
        let changes = |value: &&str| settings(&format!("{base}{key}={value}\n")).is_some_and(|after| after != before);
        assert!(values.iter().chain([&none]).any(changes), "{key} changes nothing");
    }
}

#[test]
fn a_wrong_value_is_one_sentence_with_file_line_and_key() {
    let number = |from: &str, to: &str| format!("it takes a number from {from} to {to}");
    let integers = number("0", "2147483647");
    for (line, wrong) in [
        ("tickTime=0", number("1", "2147483647")),
        ("tickTime=-5", number("1", "2147483647")),
        ("tickTime=two", number("1", "2147483647")),
        ("clientPort=65536", number("0", "65535")),
        ("clientPort=", number("0", "65535")),
        ("maxClientCnxns=0x10", integers.clone()),
        ("maxCnxns=2147483648", integers.clone()),
        ("maxCnxns=--1", integers.clone()),
        ("maxCnxns=0x-1", integers.clone()),
        ("maxCnxns=9", "".to_owned()),
        ("snapCount=09", integers.clone()),
        ("digest.enabled=yes", "it takes true or false".to_owned()),
        ("forceSync=false", "it takes yes or no".to_owned()),
        ("electionAlg=1", "only 3, fast leader election, exists".to_owned()),
        ("peerType=leader", "leader is no role: it is participant or observer".to_owned()),
        ("snapshot.compression.method=zip", "it takes gz, snappy or nothing".to_owned()),
        ("admin.commandURL=commands", "it takes a path: / and letters, digits, -, _, ., ~".to_owned()),
        ("admin.commandURL=/{x}", "it takes a path: / and letters, digits, -, _, ., ~".to_owned()),
        ("dataLogDir=", "it takes the path of a directory".to_owned()),
    ] {
        let result = read(line, "");
        if wrong.is_empty() {
            result.unwrap_or_else(|error| panic!("{line}: {error}"));
            continue;
        }
        // `clientPort` is there twice: the later line counts.
        assert_eq!(sentence(result), format!("@/zoo.cfg, line 3: {line}: {wrong}"));
    }
}

#[test]
fn what_protects_is_refused_rather_than_ignored() {
    for line in [
        "secureClientPort=2281",
        "sslQuorum=true",
        "client.portUnification=True",
        "admin.forceHttps=true",
        "sessionRequireClientSASLAuth=true",
        "enforce.auth.enabled=true",
        "quorum.auth.enableSasl=true",
        "DigestAuthenticationProvider.digestAlg=SHA3-256",
    ] {
        let sentence = sentence(read(line, ""));
        assert!(sentence.starts_with(&format!("@/zoo.cfg, line 3: {line} is refused: ")), "{sentence}");
    }
    for line in ["sslQuorum=false", "DigestAuthenticationProvider.digestAlg=sha1", "observerMasterPort=0"] {
        assert_eq!(good(line).warnings, [], "{line}");
    }
}

#[test]
fn what_has_no_effect_is_named_in_a_warning() {
    let warnings = |lines: &str, flags: &str| {
        let config = read(lines, flags).unwrap_or_else(|error| panic!("{lines} {flags}: {error}"));
        let sentence = |warning: &zabkeeper::config::Warning| warning.sentence.clone();
        config.warnings.iter().map(sentence).collect::<Vec<_>>()
    };
    for (lines, flags, expected) in [
        (
            "nio.numWorkerThreads=4",
            "",
            "nio.numWorkerThreads has no effect: it tunes Java's threads, buffers or virtual machine",
        ),
        (
            "authProvider.1=x.Y",
            "",
            "authProvider.1 has no effect: the schemes are world, auth, digest and ip; others cannot be added",
        ),
        ("tikcTime=5", "", "neither ZooKeeper nor this server knows a setting tikcTime: it has no effect"),
        ("no=no", "", "neither ZooKeeper nor this server knows a setting no: it has no effect"),
        ("group.1=1:2", "", "group.N and weight.N have no effect: a standalone server is its own quorum"),
        ("jute.maxbuffer=5", "", "jute.maxbuffer counts here, but Java reads it from -Djute.maxbuffer only"),
        ("autopurge.snapRetainCount=1", "", "autopurge.snapRetainCount must be at least 3; 3 it is"),
        ("snapCount=1", "", "snapCount must be at least 2; 2 it is"),
        (
            "",
            "-Dzookeeper.tikcTime=5",
            "neither ZooKeeper nor this server knows a setting zookeeper.tikcTime: it has no effect",
        ),
        ("server.1=a:1:2", "", "there is one server.N only: it runs standalone"),
    ] {
        assert_eq!(warnings(lines, flags), [expected]);
    }
    assert_eq!(warnings("", "-Djava.net.preferIPv4Stack=true -Dlog4j.x=y -Xmx1g -Dzookeeper.log.dir=/x"), [""; 0]);
    let twice = warnings("maxCnxns=5\nmaxCnxns=6", "");
    assert!(twice[0].starts_with("maxCnxns is given twice; this line counts, not that of "), "{twice:?}");
}

#[test]
fn the_command_line_wins() {
    let config = read("snapCount=5000\n", "-Dzookeeper.snapCount=1000 -DtickTime=500 -Dtickets").expect("right");
    assert_eq!(config.storage.snap_count, 1000);
    assert_eq!(config.tick_time.as_millis(), 500);
    assert_eq!(config.max_session_timeout.as_secs(), 10);
    let warning = config.warnings[0].to_string();
    assert!(warning.starts_with("command line: zookeeper.snapCount=1000 replaces snapCount=5000 of "), "{warning}");
    assert_eq!(config.system_properties.get("zookeeper.snapCount").map(String::as_str), Some("1000"));
    // By either name of a key that has two.
    let config = read("maxConcurrentSnapSyncs=3", "-Dzookeeper.leader.maxConcurrentSnapSyncs=4").expect("right");
    assert_eq!(config.quorum.max_concurrent_snap_syncs, 4);
    let error = sentence(read("", "-Dzookeeper.tickTime=x"));
    assert_eq!(error, "command line: zookeeper.tickTime=x: it takes a number from 1 to 2147483647");
}

#[test]
fn keys_that_java_makes_system_properties_are_kept_as_such() {
    let properties = good("snapCount=5\nunheard=of\nnio.x=1\ninitLimit=2").system_properties;
    let expected = [("zookeeper.nio.x", "1"), ("zookeeper.snapCount", "5"), ("zookeeper.unheard", "of")];
    assert_eq!(properties.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect::<Vec<_>>(), expected);
}

#[test]
fn without_a_file_there_is_a_server() {
    let config = Config::embedded_default(&Overrides::default()).expect("right");
    assert_eq!(config.client.as_ref().map(ToString::to_string).as_deref(), Some("0.0.0.0:2181"));
    assert_eq!(config.log_dir(), PathBuf::from("zabkeeper-data/version-2"));
    let config = Config::embedded_default(&overrides("-DdataDir=/d -DclientPort=0")).expect("right");
    assert_eq!((config.data_dir, config.client.map(|client| client.port)), (PathBuf::from("/d"), Some(0)));
}

fn any_key() -> impl Strategy<Value = String> {
    let known: Vec<String> = documented::KEYS.split_whitespace().map(str::to_owned).collect();
    prop_oneof![4 => proptest::sample::select(known), 1 => "[a-zA-Z.=: \\\\#0-9]{0,12}"]
}

fn any_value() -> impl Strategy<Value = String> {
    let words = ["true", "false", "yes", "-1", "0", "2181", "0x10", "a:1:2", "1:2:3", "a:1:2:observer;5", "/tmp/x"];
    prop_oneof![
        proptest::sample::select(words.map(str::to_owned).to_vec()),
        "[ -~]{0,12}",
        any::<i64>().prop_map(|n| n.to_string())
    ]
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let (_dir, file) = written("");
        std::fs::write(&file, &bytes).expect("written");
        if let Err(error) = Config::from_file(&file, &Overrides::default()) {
            prop_assert!(error.to_string().lines().count() >= 1);
        }
    }

    #[test]
    fn arbitrary_settings_are_never_a_panic(
        settings in proptest::collection::vec((any_key(), any_value()), 0..8),
        flags in proptest::collection::vec((any_key(), any_value()), 0..3),
    ) {
        let lines: String = settings.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
        let (_dir, file) = written(&format!("dataDir=@/data\nclientPort=2181\n{lines}"));
        let mut overrides = Overrides::default();
        flags.iter().for_each(|(key, value)| overrides.set(key, value));
        if let Ok(config) = Config::from_file(&file, &overrides) {
            prop_assert!(config.min_session_timeout <= config.max_session_timeout);
            prop_assert!(config.storage.snap_retain_count >= 3);
            prop_assert!(config.client.is_some() && !config.data_dir.as_os_str().is_empty());
            if config.quorum.is_distributed() {
                prop_assert!(config.quorum.my_id.is_some());
            }
        }
    }
}

#[test]
fn every_documented_key_is_known() {
    let unknown = documented::KEYS.split_whitespace().filter(|key| {
        let short = key.strip_prefix("zookeeper.").unwrap_or(key);
        let member = ["server.", "group.", "weight."].iter().any(|start| short.starts_with(start));
        !member && short != "dynamicConfigFile" && matches!(keys::treatment(short), Treatment::Unknown)
    });
    assert_eq!(unknown.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn the_chapter_lists_every_key() {
    let chapter = include_str!("../src/config/config.md");
    let table = &chapter[chapter.find("| key |").expect("a table")..];
    assert_eq!(table, keys::markdown_table(), "the table of config.md must be:\n\n{}", keys::markdown_table());
}

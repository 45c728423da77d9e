//! A server that is only data, for the tests of what is rendered from it.

// Each test uses its part.
#![allow(dead_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use zab::tree::{Id, OpCode, SessionId};
use zab::{ServerId, Zxid};
use zabkeeper::config::{Config, Overrides};
use zabkeeper::status::{
    Configuration, ConnectionSession, ConnectionStatus, DigestEntry, DirectorySizes, LastSnapshot, LeadingStatus, Mode,
    Percentiles, Phase, QuorumStatus, ServerStatus, SessionStatus, Sizes, StatusSource, Summary, TakenSnapshot,
    last_operation,
};

/// The session that most things belong to.
pub const SESSION: SessionId = SessionId(0x0100_00e6_5491_0000);

/// Fixed data, and counts of what was asked to be reset.
pub struct Fixed {
    pub status: ServerStatus,
    pub configuration: Configuration,
    pub sessions: SessionStatus,
    pub digests: Vec<DigestEntry>,
    pub mask: AtomicI64,
    pub resets: AtomicU32,
    pub connection_resets: AtomicU32,
}

impl Fixed {
    /// A standalone server, with numbers that Apache ZooKeeper 3.8.0 once gave.
    pub fn standalone() -> Fixed {
        let config = Config::embedded_default(&overrides("-DdataDir=/data -DmaxClientCnxns=61")).expect("right");
        let mut configuration = Configuration::new(config, 23181);
        configuration.config.initial = "tickTime=500\n".to_owned();
        let buckets = BTreeMap::from([
            (1_795_375_011_000, BTreeSet::new()),
            (1_795_375_014_000, BTreeSet::from([SESSION, SessionId(-2)])),
        ]);
        let mut read_latency = Summary::of([0, 3, 4]);
        read_latency.percentiles = Some(Percentiles { p50: 3, p90: 4, p95: 4, p99: 4, p999: 4 });
        let status = ServerStatus {
            version: "3.9.5-zabkeeper-0.1.0, built on a day".to_owned(),
            serving: true,
            mode: Mode::Standalone,
            quorum: None,
            zxid: Zxid(0x1_0000_0003),
            latency: Summary::of([0, 0, 1, 0, 2, 3, 3, 10]),
            received: 20,
            sent: 19,
            connections: 2,
            outstanding: 1,
            uptime: 12_345_678,
            node_count: 7,
            watch_count: 3,
            ephemerals_count: 1,
            approximate_data_size: 56,
            sessions: 1,
            open_file_descriptors: Some(50),
            max_file_descriptors: Some(20_000),
            auth_failed: 0,
            fsync_threshold_exceeded: 0,
            client_responses: Sizes { last: 16, min: 16, max: 113 },
            counters: BTreeMap::from([("commit_count", 3), ("looking_count", 1)]),
            summaries: BTreeMap::from([("fsynctime", Summary::of([1, 2, 4])), ("readlatency", read_latency)]),
        };
        Fixed {
            status,
            configuration,
            sessions: SessionStatus::Expiring(buckets),
            digests: vec![DigestEntry { zxid: Zxid(0x80), version: 2, digest: u64::MAX - 41 }],
            mask: AtomicI64::new(306),
            resets: AtomicU32::new(0),
            connection_resets: AtomicU32::new(0),
        }
    }

    /// A member of an ensemble of three, as leader or follower.
    pub fn member(mode: Mode) -> Fixed {
        let mut fixed = Fixed::standalone();
        let lines = "dataDir=@/data\nclientPort=2181\ninitLimit=20\nsyncLimit=10\nserver.1=a:2888:3888\n\
                     server.2=b:2888:3888:participant;[::1]:2182\nserver.3=c:2888:3888:observer\n";
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("data")).expect("made");
        std::fs::write(dir.path().join("data/myid"), "1").expect("written");
        let file = dir.path().join("zoo.cfg");
        std::fs::write(&file, lines.replace('@', &dir.path().display().to_string())).expect("written");
        let mut config = Config::from_file(&file, &Overrides::default()).expect("right");
        (config.data_dir, config.data_log_dir) = (PathBuf::from("/data"), PathBuf::from("/log"));
        fixed.configuration = Configuration::new(config, 2181);
        let leading = LeadingStatus {
            learners: 2,
            synced_followers: 1,
            uptime: 5,
            proposals: Sizes { last: 89, min: 48, max: 91 },
            ..LeadingStatus::default()
        };
        fixed.status.mode = mode;
        fixed.status.quorum = Some(QuorumStatus {
            my_id: ServerId(1),
            phase: Phase::Broadcast,
            quorum_size: 2,
            leader: Some((ServerId(1), "a".to_owned())),
            leading: (mode == Mode::Leader).then_some(leading),
            synced_observers: 1,
        });
        if mode == Mode::Follower {
            fixed.sessions = SessionStatus::Known(BTreeMap::from([(SESSION, 10_000)]));
        }
        fixed
    }

    /// One that does not serve yet.
    pub fn silent() -> Fixed {
        let mut fixed = Fixed::standalone();
        fixed.status.serving = false;
        fixed
    }
}

pub fn overrides(flags: &str) -> Overrides {
    let mut overrides = Overrides::default();
    overrides.take_flags(flags);
    overrides
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

impl StatusSource for Fixed {
    fn status(&self) -> ServerStatus {
        self.status.clone()
    }

    fn configuration(&self) -> Configuration {
        self.configuration.clone()
    }

    fn directory_sizes(&self) -> DirectorySizes {
        DirectorySizes { log: 67_109_337, data: 457 }
    }

    fn connections(&self) -> Vec<ConnectionStatus> {
        let session = ConnectionSession {
            id: SESSION,
            last_operation: last_operation(OpCode::Ping),
            established: 1_795_375_001_030,
            timeout: 10_000,
            last_cxid: 6,
            last_zxid: Some(Zxid(3)),
            last_response_time: 15_101_777,
            last_latency: 1,
            min_latency: 0,
            avg_latency: 2,
            max_latency: 10,
        };
        let fresh = ConnectionSession {
            id: SessionId(-2),
            last_operation: "NA",
            last_cxid: -1,
            last_zxid: None,
            ..session.clone()
        };
        let connection = |address_text: &str, interest, session: Option<ConnectionSession>| ConnectionStatus {
            address: address(address_text),
            interest,
            outstanding: 0,
            received: 8,
            sent: 7,
            expires: if session.is_some() { 1_795_375_022_000 } else { 1_795_375_012_000 },
            session,
        };
        vec![
            connection("127.0.0.1:33088", 0, None),
            connection("[::1]:39432", 1, Some(session)),
            connection("[::ffff:10.0.0.1]:39433", 5, Some(fresh)),
        ]
    }

    fn sessions(&self) -> SessionStatus {
        self.sessions.clone()
    }

    fn ephemerals(&self) -> BTreeMap<SessionId, BTreeSet<String>> {
        BTreeMap::from([(SESSION, BTreeSet::from(["/eph".to_owned(), "/\"q\"".to_owned()]))])
    }

    fn watches(&self) -> BTreeMap<SessionId, BTreeSet<String>> {
        let (a, eph) = ("/a".to_owned(), "/eph".to_owned());
        BTreeMap::from([(SESSION, BTreeSet::from([a, eph.clone()])), (SessionId(-2), BTreeSet::from([eph]))])
    }

    fn digest_log(&self) -> Vec<DigestEntry> {
        self.digests.clone()
    }

    fn last_snapshot(&self) -> Option<LastSnapshot> {
        self.status.quorum.as_ref().map(|_| LastSnapshot { zxid: Zxid(0x1f), timestamp: 1_795_374_997 })
    }

    fn take_snapshot(&self) -> Result<TakenSnapshot, String> {
        Err("there is no disk".to_owned())
    }

    fn permits_all(&self, identities: &[Id]) -> bool {
        identities.iter().any(|id| id.scheme == "super" || id.id.starts_with("admin:") || id.id == "127.0.0.1")
    }

    fn reset_statistics(&self) {
        self.resets.fetch_add(1, Ordering::Relaxed);
    }

    fn reset_connection_statistics(&self) {
        self.connection_resets.fetch_add(1, Ordering::Relaxed);
    }

    fn trace_mask(&self) -> i64 {
        self.mask.load(Ordering::Relaxed)
    }

    fn set_trace_mask(&self, mask: i64) {
        self.mask.store(mask, Ordering::Relaxed);
    }
}

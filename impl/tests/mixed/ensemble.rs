//! Servers of both programs, and what must be equal on all of them.

use crate::harness::cluster::{Cluster, Program};
use crate::harness::{Client, auth, children, get};
use crate::support::apache::class_path;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};
use zab::tree::auth::digest;
use zab::tree::{Acl, Stat};
use zabkeeper::wire::{ClientRequest, Reply};

/// Who may read everything.
pub const SUPER: &str = "super:super";

/// One test at a time.
static TURN: Mutex<()> = Mutex::new(());

/// An ensemble whose servers may be of either program.
pub struct Mixed {
    cluster: Cluster,
    java: Program,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for Mixed {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl DerefMut for Mixed {
    fn deref_mut(&mut self) -> &mut Cluster {
        &mut self.cluster
    }
}

impl Mixed {
    /// As [`Cluster::new`]; `None`, and a sentence for whoever runs the tests, where there is no Java.
    pub fn new(voters: u8, observers: u8, keys: &[&str]) -> Option<Mixed> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let class_path = match class_path() {
            Ok(class_path) => class_path,
            Err(why) => {
                let _ = writeln!(std::io::stderr(), "mixed: skipped, there is no Apache ZooKeeper: {why}");
                return None;
            }
        };
        let superuser = format!("DigestAuthenticationProvider.superDigest={}", digest(SUPER));
        let own = ["extendedTypesEnabled=true", "znode.container.checkIntervalMs=300", "preAllocSize=1024", &superuser];
        let cluster = Cluster::new(voters, observers, &[&own, keys].concat());
        let logging = cluster.directory().join("logging");
        std::fs::create_dir(&logging).expect("a folder");
        std::fs::write(logging.join("log4j.properties"), LOG4J).expect("written");
        std::fs::write(logging.join("log4j2.properties"), LOG4J2).expect("written");
        let java = Program::Apache(format!("{}:{class_path}", logging.display()));
        Some(Mixed { cluster, java, _turn: turn })
    }

    /// Whether this server of Java's is of 3.9 or later.
    pub fn is_since_39(&self, id: u8) -> bool {
        let word = self.word(id, "srvr").expect("an answer");
        let version = word.strip_prefix("Zookeeper version: ").expect("its version");
        !["3.6.", "3.7.", "3.8."].iter().any(|older| version.starts_with(older))
    }

    /// Which bug of Java's has shown itself: ZOOKEEPER-4394 (a COMMIT behind NEWLEADER for a PROPOSAL before it, which
    /// a learner of 3.8.0 does not survive; it then logs transactions twice; our leaders send no such COMMIT), or that
    /// clients of 3.8.0's servers among themselves wait for ever, which has been seen as well.
    pub fn bug_of_javas(&self) -> Option<String> {
        let ids = self.ids();
        let older = |id: &u8| self.is_started(*id) && self.word(*id, "srvr").is_some() && !self.is_since_39(*id);
        let threw = |id: &u8| {
            let log = self.log(*id);
            log.contains("NullPointerException") && log.contains("Learner.syncWithLeader")
        };
        match ids.iter().find(|id| threw(id)) {
            Some(id) => Some(format!("ZOOKEEPER-4394 on server {id}, when {:?} leads", self.leader())),
            None => ids.iter().all(older).then(|| "3.8.0's servers among themselves".to_owned()),
        }
    }

    /// Starts a server of Java's.
    pub fn start_java(&mut self, id: u8) {
        let java = self.java.clone();
        self.cluster.start_as(id, &java);
    }

    /// All servers that run.
    fn running(&self) -> Vec<u8> {
        self.ids().into_iter().filter(|id| self.is_started(*id)).collect()
    }

    /// All clients' transactions are everywhere, each left the same tree as with the leader, and there are as many
    /// ephemerals.
    pub fn settle(&self) {
        let ids = self.running();
        let zxid = |id: &u8| {
            let word = self.word(*id, "srvr")?;
            word.lines().find_map(|line| line.strip_prefix("Zxid: ")).map(str::to_owned)
        };
        // Where nobody has asked anything since the epoch began, Java's servers say different things.
        self.client(ids[0]).close();
        self.until("come to the same transaction", || {
            let zxids: Vec<String> = ids.iter().map(zxid).collect::<Option<_>>()?;
            zxids.iter().all(|zxid| *zxid == zxids[0]).then_some(())
        });
        for id in &ids {
            self.assert_digests(*id);
        }
        let count = |id: &u8| {
            let numbers = self.monitor(*id);
            let of = |name: &str| numbers.get(name).cloned().unwrap_or_else(|| panic!("no {name} of {id}"));
            of("ephemerals_count")
        };
        let counts: Vec<_> = ids.iter().map(count).collect();
        assert!(counts.iter().all(|count| *count == counts[0]), "{ids:?}: {counts:?}");
    }

    /// As [`Mixed::settle`], and every znode is the same to clients.
    pub fn agree(&self) -> BTreeMap<String, Znode> {
        self.settle();
        let ids = self.running();
        let trees: Vec<_> = ids.iter().map(|id| everything(self.address(*id))).collect();
        for (id, tree) in ids.iter().zip(&trees) {
            same(&trees[0], tree, &format!("server {} and server {id}", ids[0]));
        }
        trees.into_iter().next().expect("a server")
    }

    /// The client's session at this server, as soon as that has seen what the client has.
    pub fn again(&self, client: &Client, id: u8) -> Client {
        self.until("take the session up", || client.again(self.address(id)))
    }

    /// No transaction ever left another tree here than with the leader.
    pub fn assert_digests(&self, id: u8) {
        let mismatches = self.monitor(id).remove("digest_mismatches_count");
        assert_eq!(mismatches.as_deref(), Some("0"), "server {id} says\n{}", self.log(id));
    }
}

impl Drop for Mixed {
    /// Whoever looks for the cause of a failure wants to know what the servers said.
    fn drop(&mut self) {
        if std::thread::panicking() {
            for id in self.ids() {
                let _ = writeln!(std::io::stderr(), "--- server {id}\n{}", self.log(id));
            }
        }
    }
}

/// What Java's servers say goes to their standard output: before 3.9, and since.
const LOG4J: &str = "log4j.rootLogger=INFO, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n\
                     log4j.appender.out.layout=org.apache.log4j.PatternLayout\n\
                     log4j.appender.out.layout.ConversionPattern=%d{HH:mm:ss,SSS} %p [%t:%C{1}@%L] - %m%n\n";
const LOG4J2: &str = "rootLogger.level=info\nrootLogger.appenderRef.out.ref=out\nappender.out.type=Console\n\
                      appender.out.name=out\nappender.out.layout.type=PatternLayout\n\
                      appender.out.layout.pattern=%d{HH:mm:ss,SSS} %p [%t:%C{1}@%L] - %m%n\n";

/// A znode as a client sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Znode {
    pub data: Option<Vec<u8>>,
    pub stat: Stat,
    pub acl: Vec<Acl>,
}

/// All znodes, as a client of this server sees them: asked many at once.
pub fn everything(address: SocketAddr) -> BTreeMap<String, Znode> {
    let mut client = Client::open(address);
    client.call(auth("digest", SUPER)).expect("the super user");
    let (mut znodes, mut open) = (BTreeMap::new(), vec!["/".to_owned()]);
    while !open.is_empty() {
        let (mut below, mut parents) = (Vec::new(), Vec::new());
        for paths in open.chunks(200) {
            let of = |path: &String| [get(path, false), ClientRequest::GetAcl { path: path.clone() }];
            client.send(&paths.iter().flat_map(of).collect::<Vec<_>>());
            for path in paths {
                let mut reply = || client.reply().expect("a reply").unwrap_or_else(|code| panic!("{code} at {path}"));
                let Reply::Data { data, stat } = reply() else { panic!("{path}") };
                let Reply::Acl { acl, .. } = reply() else { panic!("the ACL of {path}") };
                if stat.num_children > 0 {
                    parents.push(path.clone());
                }
                znodes.insert(path.clone(), Znode { data: data.map(|data| data.to_vec()), stat, acl });
            }
        }
        for path in parents {
            let Ok(Reply::Names(names)) = client.call(children(&path, false)) else { panic!("below {path}") };
            below.extend(names.iter().map(|name| format!("{}/{name}", path.trim_end_matches('/'))));
        }
        open = below;
    }
    client.close();
    if let Some(config) = znodes.get_mut("/zookeeper/config") {
        // Every server writes it by itself when it starts.
        config.stat.persisted.mtime = 0;
    }
    znodes
}

/// The same znodes, down to the last number of every Stat.
pub fn same(one: &BTreeMap<String, Znode>, other: &BTreeMap<String, Znode>, what: &str) {
    let missing: Vec<_> = one.keys().filter(|path| !other.contains_key(*path)).take(9).collect();
    let more: Vec<_> = other.keys().filter(|path| !one.contains_key(*path)).take(9).collect();
    assert!(missing.is_empty() && more.is_empty(), "{what}: missing {missing:?}, too many {more:?}");
    for (path, znode) in one {
        assert_eq!(Some(znode), other.get(path), "{what}: {path}");
    }
}

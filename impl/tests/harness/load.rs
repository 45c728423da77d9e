//! Load that proves what a server keeps: sessions that write side by side until the server is gone, and a comparison
//! of what is there afterwards with what they asked for and what was acknowledged.

use super::{Client, children, create, get, set};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};
use zab::tree::{Change, CreateMode};
use zabkeeper::disk::{DataDirectory, FileSystem, RestoreOptions, Restored, restore};
use zabkeeper::wire::{ClientRequest, Reply};

/// Sessions that write side by side.
const WRITERS: usize = 4;

/// Steps on their way at once, of each writer.
const WINDOW: i32 = 16;

/// The writers, from crash to crash.
pub struct Load {
    /// The last step of each.
    pub done: [i32; WRITERS],
}

/// Writers at work.
pub struct Working(Vec<JoinHandle<Writer>>);

impl Load {
    /// Makes the znodes that the writers work on.
    pub fn prepare(address: SocketAddr) -> Load {
        (0..WRITERS).for_each(|number| Writer::prepare(address, number));
        Load { done: [0; WRITERS] }
    }

    /// Every writer opens a session and begins.
    pub fn begin(&self, address: SocketAddr) -> Working {
        let begin = |number| Writer::begin(address, number, self.done[number]);
        let writers: Vec<Writer> = (0..WRITERS).map(begin).collect();
        Working(writers.into_iter().map(|writer| std::thread::spawn(move || writer.work())).collect())
    }

    /// Every acknowledged write is there, in the order of its session, and nothing that nobody asked for.
    pub fn check(&mut self, address: SocketAddr, stopped: Vec<Writer>) {
        for (number, writer) in stopped.into_iter().enumerate() {
            self.done[number] = writer.check(address);
        }
        check_root(address);
    }
}

impl Working {
    /// Waits until the server is gone.
    pub fn stopped(self) -> Vec<Writer> {
        self.0.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    }
}

/// What one session does, again and again, each step in four requests sent together: it sets `/set` to the step's
/// number, creates the sequential `/queue/n-`, sets `/a` and `/b` in a multi, and reads `/set`.
pub struct Writer {
    own: String,
    client: Client,
    /// The last step of which the reply to the read has come, so all four are acknowledged.
    acknowledged: i32,
    /// The last step that was sent.
    asked: i32,
    /// Whether the creation of `/ephemeral` is acknowledged.
    ephemeral: bool,
}

impl Writer {
    /// The znodes that it works on.
    fn prepare(address: SocketAddr, number: usize) {
        let mut client = Client::open(address);
        let own = format!("/{number}");
        for name in ["", "/set", "/queue", "/a", "/b"] {
            client.create(&format!("{own}{name}"), b"0", CreateMode::Persistent).expect("created");
        }
        client.close();
    }

    fn begin(address: SocketAddr, number: usize, done: i32) -> Writer {
        let client = Client::open(address);
        Writer { own: format!("/{number}"), client, acknowledged: done, asked: done, ephemeral: false }
    }

    fn step(&mut self) {
        self.asked += 1;
        let (own, data) = (&self.own, self.asked.to_string());
        let both = ["/a", "/b"].map(|name| match set(&format!("{own}{name}"), data.as_bytes()) {
            ClientRequest::Write(change) => change,
            other => panic!("{other:?} is no change"),
        });
        let requests = [
            set(&format!("{own}/set"), data.as_bytes()),
            create(&format!("{own}/queue/n-"), data.as_bytes(), CreateMode::PersistentSequential),
            ClientRequest::Write(Change::Multi(both.to_vec())),
            get(&format!("{own}/set"), false),
        ];
        self.client.send(&requests);
    }

    /// Works until the server is gone.
    fn work(mut self) -> Writer {
        let ephemeral = create(&format!("{}/ephemeral", self.own), b"", CreateMode::Ephemeral);
        self.client.send(&[ephemeral]);
        (0..WINDOW).for_each(|_| self.step());
        let Some(reply) = self.client.reply() else { return self };
        reply.expect("created");
        self.ephemeral = true;
        loop {
            for _ in 0..3 {
                let Some(reply) = self.client.reply() else { return self };
                reply.expect("done");
            }
            let Some(reply) = self.client.reply() else { return self };
            let Ok(Reply::Data { data, stat }) = reply else { panic!("{reply:?} to a getData") };
            self.acknowledged += 1;
            assert_eq!(data.as_deref(), Some(self.acknowledged.to_string().as_bytes()), "of {}", self.own);
            assert_eq!(stat.persisted.version, self.acknowledged);
            self.step();
        }
    }

    /// Compares what is there with what was asked and acknowledged; the last step that was begun. What the crash
    /// interrupted between two of its requests is finished.
    fn check(self, address: SocketAddr) -> i32 {
        let own = &self.own;
        // Were this server behind what the client has seen, it would not take the session up.
        let mut client = self.client.again(address).expect("an open session outlives the crash");
        let number = |client: &mut Client, name: &str| -> i32 {
            let (data, stat) = client.get(&format!("{own}{name}")).expect("there");
            let number = String::from_utf8(data).expect("text").parse().expect("a number");
            assert_eq!(stat.persisted.version, number, "{own}{name} was set once a step");
            number
        };
        let done = number(&mut client, "/set");
        let (asked, acknowledged) = (self.asked, self.acknowledged);
        assert!(
            (acknowledged..=asked).contains(&done),
            "{own}: {acknowledged} acknowledged, {done} done, {asked} asked"
        );
        let queued = queue(&mut client, own);
        let both = (number(&mut client, "/a"), number(&mut client, "/b"));
        assert_eq!(both.0, both.1, "{own}: all of a multi or nothing");
        // The last step may have been cut short, but never in another order than it was asked in.
        assert!(acknowledged <= both.0 && both.0 <= queued && queued <= done, "{own}: {done}, {queued}, {both:?}");
        assert!(done - both.0 <= 1, "{own}: {done}, {both:?}");
        let ephemeral = format!("{own}/ephemeral");
        match client.get(&ephemeral) {
            Ok((_, stat)) => assert_eq!(stat.persisted.ephemeral_owner, client.session.0),
            Err(code) => assert!(!self.ephemeral && done == acknowledged, "{own} has lost its ephemeral: {code:?}"),
        }
        let data = done.to_string();
        if queued < done {
            let path = format!("{own}/queue/n-");
            client.create(&path, data.as_bytes(), CreateMode::PersistentSequential).expect("created");
        }
        if both.0 < done {
            for name in ["/a", "/b"] {
                client.set(&format!("{own}{name}"), data.as_bytes()).expect("set");
            }
        }
        client.close();
        done
    }
}

/// How many are in the queue: every number once, without a gap, the last with its step's data.
fn queue(client: &mut Client, own: &str) -> i32 {
    let names = match client.call(children(&format!("{own}/queue"), false)) {
        Ok(Reply::Names(names)) => names.into_iter().collect::<BTreeSet<_>>(),
        other => panic!("{other:?} to a getChildren"),
    };
    let length = i32::try_from(names.len()).expect("few");
    let expected: BTreeSet<String> = (0..length).map(|number| format!("n-{number:010}")).collect();
    assert_eq!(names, expected, "{own}/queue");
    if let Some(last) = names.last() {
        let (data, _) = client.get(&format!("{own}/queue/{last}")).expect("there");
        assert_eq!(data, length.to_string().as_bytes(), "{own}/queue/{last}");
    }
    length
}

/// The znodes at the root, beside ZooKeeper's own: nobody asked for others.
fn check_root(address: SocketAddr) {
    let mut client = Client::open(address);
    let Ok(Reply::Names(names)) = client.call(children("/", false)) else { panic!("names") };
    let expected = (0..WRITERS).map(|number| number.to_string()).chain(["zookeeper".to_owned()]);
    assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), expected.collect());
    client.close();
}

/// Reads the files as a starting server does, but in this process, and compares each transaction's digest.
pub fn check_files(files: Arc<dyn FileSystem>, data: &Path) -> Restored {
    let directory = DataDirectory::new(files, data, data);
    let restored = restore(&directory, &RestoreOptions::default()).expect("a directory that is whole");
    assert_eq!(restored.report.digest_mismatches, []);
    assert_eq!(restored.report.passed_over, Vec::<String>::new(), "no snapshot is damaged");
    let (all, whole) = (directory.snapshots().expect("a list"), directory.valid_snapshots(usize::MAX).expect("a list"));
    assert_eq!(all, whole, "a snapshot has its name only when all of it is there");
    restored
}

/// What an environment variable says, if it is there.
pub fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{variable}={value}: a number")))
}

/// Numbers that `ZABKEEPER_SEED` repeats.
pub struct Random(u64);

impl Random {
    pub fn new() -> Random {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        Random(number_from("ZABKEEPER_SEED").unwrap_or_else(|| u64::try_from(now).expect("a number")))
    }

    /// The numbers of this seed.
    pub fn from(seed: u64) -> Random {
        Random(seed)
    }

    pub fn seed(&self) -> u64 {
        self.0
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

//! Clients that write while servers come and go, and know afterwards what must be there.
//!
//! Each writer has one session, which it takes from server to server, and a part of the tree of its own. Every write
//! carries a number that no other has, so a lost write and one that was done twice show.

use crate::harness::cluster::Cluster;
use crate::harness::{Client, Joined, PATIENCE, Wire, create, get, set};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use zab::tree::CreateMode;
use zabkeeper::wire::{ClientRequest, Reply};

/// Writes on their way at once, of each writer.
const BURST: u32 = 6;
/// A server that says nothing for so long is left.
const SILENCE: Duration = Duration::from_millis(1500);
/// The writers' session timeout in milliseconds: nobody is away from all servers for so long.
const SESSION: i32 = 30_000;

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Created, at this path.
    Created(String),
    /// Set; the version after it.
    Set(i32),
    /// The connection ended before an answer came.
    Unknown,
}

/// A write.
#[derive(Clone, Debug)]
pub struct Asked {
    pub number: u32,
    /// Whether it creates, rather than sets.
    pub creates: bool,
    /// Over which of the writer's connections.
    pub connection: u32,
    pub outcome: Outcome,
}

/// What one writer did.
pub struct Record {
    pub own: String,
    pub session: i64,
    pub asked: Vec<Asked>,
}

/// Writers at work.
pub struct Writers {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Record>>,
}

impl Writers {
    /// One writer beginning at each server, which must serve.
    pub fn begin(cluster: &Cluster) -> Writers {
        Writers::begin_at(cluster, &cluster.ids())
    }

    /// One writer beginning at each of these.
    pub fn begin_at(cluster: &Cluster, ids: &[u8]) -> Writers {
        let addresses: Vec<SocketAddr> = ids.iter().map(|id| cluster.address(*id)).collect();
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let begin = |number: usize| {
            let mut addresses = addresses.clone();
            addresses.rotate_left(number);
            Writer::begin(number, addresses)
        };
        let writers: Vec<Writer> = (0..addresses.len()).map(begin).collect();
        let work = |writer: Writer| {
            let (stop, done) = (stop.clone(), done.clone());
            std::thread::spawn(move || writer.work(&stop, &done))
        };
        let threads = writers.into_iter().map(work).collect();
        let writers = Writers { stop, done, threads };
        writers.go_on();
        writers
    }

    /// Writes acknowledged so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Waits until more is acknowledged: the ensemble serves.
    pub fn go_on(&self) {
        let (before, start) = (self.done(), Instant::now());
        while self.done() < before + 20 {
            assert!(start.elapsed() < 2 * PATIENCE, "nothing is written any more");
            assert!(self.threads.iter().all(|thread| !thread.is_finished()), "a writer has failed");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Lets them finish what they have begun.
    pub fn finish(self) -> Vec<Record> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().expect("no writer has failed")).collect()
    }
}

struct Writer {
    addresses: Vec<SocketAddr>,
    at: usize,
    client: Client,
    connection: u32,
    record: Record,
    /// The number of the last set that is acknowledged.
    last_set: u32,
}

impl Writer {
    fn begin(number: usize, addresses: Vec<SocketAddr>) -> Writer {
        let mut client = Client::open_for(addresses[0], SESSION);
        let own = format!("/writer-{number}");
        for (name, mode) in [("", CreateMode::Persistent), ("/queue", CreateMode::Persistent)] {
            client.create(&format!("{own}{name}"), b"", mode).expect("created");
        }
        client.create(&format!("{own}/set"), b"0", CreateMode::Persistent).expect("created");
        client.create(&format!("{own}/alive"), b"", CreateMode::Ephemeral).expect("created");
        let record = Record { own, session: client.session.0, asked: Vec::new() };
        Writer { addresses, at: 0, client, connection: 0, record, last_set: 0 }
    }

    fn work(mut self, stop: &AtomicBool, done: &AtomicU64) -> Record {
        while !stop.load(Ordering::Relaxed) {
            let first = self.record.asked.len();
            if self.burst().is_none() {
                self.reconnect();
            }
            let known = |asked: &&Asked| asked.outcome != Outcome::Unknown;
            let acknowledged = self.record.asked[first..].iter().filter(known).count();
            done.fetch_add(acknowledged as u64, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(1));
        }
        self.record
    }

    /// Reads, writes several times, and reads again, all on their way at once; `None` when the connection ends.
    fn burst(&mut self) -> Option<()> {
        let first = self.record.asked.len();
        let own = self.record.own.clone();
        let mut requests = vec![get(&format!("{own}/set"), false)];
        for _ in 0..BURST {
            let number = u32::try_from(self.record.asked.len()).expect("few") + 1;
            let (asked, request) = write(&own, number, self.connection);
            self.record.asked.push(asked);
            requests.push(request);
        }
        requests.push(get(&format!("{own}/set"), false));
        self.client.send(&requests);
        let seen = self.read()?;
        assert!(seen >= self.last_set, "{own}: a session that has set {} reads {seen}", self.last_set);
        for place in first..self.record.asked.len() {
            let reply = self.client.reply()?;
            let asked = &mut self.record.asked[place];
            asked.outcome = match reply {
                Ok(Reply::Create { path }) if asked.creates => Outcome::Created(path),
                Ok(Reply::Stat(stat)) if !asked.creates => {
                    self.last_set = asked.number;
                    Outcome::Set(stat.persisted.version)
                }
                other => panic!("{own}: {other:?} to {asked:?}"),
            };
        }
        assert_eq!(self.read()?, self.last_set, "{own}: a session sees its own writes");
        Some(())
    }

    fn read(&mut self) -> Option<u32> {
        match self.client.reply()? {
            Ok(Reply::Data { data, .. }) => Some(number_in(&data.unwrap_or_default())),
            other => panic!("{}: {other:?} to a getData", self.record.own),
        }
    }

    /// Goes on with the session at another server, which must know it.
    fn reconnect(&mut self) {
        let (start, own) = (Instant::now(), &self.record.own);
        self.connection += 1;
        loop {
            self.at = (self.at + 1) % self.addresses.len();
            let joined = Wire::reach(self.addresses[self.at], SILENCE).map(|wire| self.client.again_on(wire));
            match joined {
                Ok(Joined::Session(client)) => return self.client = *client,
                Ok(Joined::Over) => panic!("{own}: its session was lost {:?} after its connection", start.elapsed()),
                Ok(Joined::Closed) | Err(_) => {}
            }
            assert!(start.elapsed() < 3 * PATIENCE, "{own}: no server takes it");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn write(own: &str, number: u32, connection: u32) -> (Asked, ClientRequest) {
    let data = number.to_string();
    let creates = !number.is_multiple_of(3);
    let request = if creates {
        create(&format!("{own}/queue/n-"), data.as_bytes(), CreateMode::PersistentSequential)
    } else {
        set(&format!("{own}/set"), data.as_bytes())
    };
    (Asked { number, creates, connection, outcome: Outcome::Unknown }, request)
}

/// The number that a znode's data are.
pub fn number_in(data: &[u8]) -> u32 {
    std::str::from_utf8(data).ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{data:?}: a number"))
}

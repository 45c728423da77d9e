//! The load: sessions that read, write and watch, each from server to server as these come and go.

use crate::harness::cluster::Cluster;
use crate::harness::load::Random;
use crate::harness::trees::{Znodes, read_from};
use crate::harness::{Client, Joined, PATIENCE, Wire, get, set_watches};
use crate::ledger::{Ledger, number_in};
use crate::pulse::Pulse;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use zab::tree::CreateMode;
use zabkeeper::wire::{ClientRequest, EventType, Reply};

/// A server that says nothing for so long is left.
const SILENCE: Duration = Duration::from_millis(1500);
/// Likewise where a session is about to go on. It is short: time at a server that hangs would count as outage.
const WELCOME: Duration = Duration::from_millis(250);
/// The sessions' timeout in milliseconds.
pub const SESSION: i32 = 20_000;
/// Writes of one burst, beside its reads.
const WRITES: usize = 6;
/// Requests of one burst: the writes, a sync and three reads.
const BURST: u64 = 10;

/// What all sessions share.
pub struct Shared {
    stopping: AtomicBool,
    /// The last number of each session's `/set` that is acknowledged.
    promised: Vec<AtomicU64>,
    pub pulse: Pulse,
    /// Requests that were answered.
    pub answered: AtomicU64,
    /// Writes of which it became known by looking that they were not done.
    pub omitted: AtomicU64,
    /// Connections after each session's first.
    pub reconnected: AtomicU64,
    /// Events of watches.
    pub events: AtomicU64,
}

/// Sessions at work.
pub struct Sessions {
    pub shared: Arc<Shared>,
    sessions: Vec<Arc<Mutex<Session>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Sessions {
    /// So many sessions, spread over all servers, with so many requests a second in all.
    pub fn begin(cluster: &Cluster, count: usize, rate: u64, seed: u64) -> Sessions {
        let addresses: Vec<SocketAddr> = cluster.ids().into_iter().map(|id| cluster.address(id)).collect();
        let shared = Arc::new(Shared {
            stopping: AtomicBool::new(false),
            promised: (0..count).map(|_| AtomicU64::new(0)).collect(),
            pulse: Pulse::new(),
            answered: AtomicU64::new(0),
            omitted: AtomicU64::new(0),
            reconnected: AtomicU64::new(0),
            events: AtomicU64::new(0),
        });
        let session = |number| Arc::new(Mutex::new(Session::begin(number, count, &addresses, seed)));
        let sessions: Vec<_> = (0..count).map(session).collect();
        let pause = Duration::from_micros(1_000_000 * BURST * count as u64 / rate.max(1));
        let start = Instant::now();
        let work = |(number, session): (u32, &Arc<Mutex<Session>>)| {
            // One after the other, so that there is a write at any time.
            let begin = start + pause * number / u32::try_from(count).expect("few");
            let (session, shared) = (session.clone(), shared.clone());
            std::thread::spawn(move || work(&session, &shared, begin, pause))
        };
        let threads = (0..).zip(&sessions).map(work).collect();
        let sessions = Sessions { shared, sessions, threads };
        sessions.go_on();
        sessions
    }

    /// Panics when a session has: it has said why.
    pub fn assert_alive(&self) {
        assert!(!self.threads.iter().any(JoinHandle::is_finished), "a promise to a session is broken");
    }

    /// Waits until more is acknowledged: the ensemble serves.
    pub fn go_on(&self) {
        let (before, start) = (self.shared.pulse.count(), Instant::now());
        while self.shared.pulse.count() < before + 20 {
            self.assert_alive();
            assert!(start.elapsed() < 2 * PATIENCE, "nothing is written any more");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Lets all of them wait, with nothing unanswered, as long as what this returns is there.
    pub fn pause(&self) -> Vec<MutexGuard<'_, Session>> {
        let lock = |session| Mutex::lock(session).expect("a promise to a session is broken");
        self.sessions.iter().map(|session| lock(session)).collect()
    }

    pub fn end(self) -> Arc<Shared> {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().expect("a promise to a session is broken"));
        self.shared
    }
}

fn work(session: &Mutex<Session>, shared: &Shared, begin: Instant, pause: Duration) {
    let mut next = begin;
    while !shared.stopping.load(Ordering::Relaxed) {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        // The soak has failed while this one waited.
        let Ok(mut session) = session.lock() else { return };
        if session.burst(shared).is_none() {
            session.reconnect(shared);
        }
        drop(session);
        // What a fault has delayed is not made up for.
        while next < Instant::now() {
            next += pause;
        }
    }
}

/// One session.
pub struct Session {
    number: usize,
    own: String,
    client: Client,
    addresses: Vec<SocketAddr>,
    at: usize,
    random: Random,
    pub ledger: Ledger,
    /// The session whose `/set` this one watches, and what it has read there last.
    neighbour: usize,
    seen: Option<u64>,
    /// Whether the server has a watch on the own `/set`.
    watches: bool,
}

impl Session {
    fn begin(number: usize, count: usize, addresses: &[SocketAddr], seed: u64) -> Session {
        let mut addresses = addresses.to_vec();
        let servers = addresses.len();
        addresses.rotate_left(number % servers);
        let (mut client, own) = (Client::open_for(addresses[0], SESSION), path(number));
        assert_eq!(client.timeout, SESSION, "the timeout that was asked for");
        // The neighbours' znodes must be there before they are.
        if number == 0 {
            for path in (0..count).flat_map(|number| Ledger::znodes(&path(number))) {
                client.create(&path, b"0", CreateMode::Persistent).expect("created");
            }
        }
        client.call(ClientRequest::Sync { path: Some("/".to_owned()) }).expect("synced");
        let ledger = Ledger::new(&own, client.session.0);
        let random = Random::from(seed.wrapping_add(number as u64 + 1));
        let (neighbour, seen, watches) = ((number + 1) % count, None, false);
        Session { number, own, client, addresses, at: 0, random, ledger, neighbour, seen, watches }
    }

    /// Reads after a sync, reads what it has written, writes, and reads again, all on its way at once; `None` when the
    /// connection ends.
    fn burst(&mut self, shared: &Shared) -> Option<()> {
        let (set, theirs) = (format!("{}/set", self.own), format!("{}/set", path(self.neighbour)));
        let promised = shared.promised[self.neighbour].load(Ordering::Acquire);
        let mut requests =
            vec![ClientRequest::Sync { path: Some(theirs.clone()) }, get(&theirs, true), get(&set, true)];
        requests.extend((0..WRITES).map(|_| self.ledger.next(&mut self.random)));
        requests.push(get(&set, false));
        self.client.send(&requests);
        self.client.reply()?.expect("synced");
        let number = self.read()?;
        assert!(number >= promised, "{theirs}: {number} after a sync, and {promised} was acknowledged before");
        self.watched(&theirs, number, shared);
        let number = self.read()?;
        assert_eq!(number, self.ledger.last_set(), "{set}: a session sees its own writes");
        self.watches = true;
        for _ in 0..WRITES {
            let reply = self.client.reply()?;
            if self.ledger.answered(&reply) {
                shared.promised[self.number].store(self.ledger.last_set(), Ordering::Release);
                let told = self.take_event(&set, shared);
                assert_eq!(told, std::mem::take(&mut self.watches), "{set}: an event before the answer");
            }
            shared.pulse.beat();
        }
        let number = self.read()?;
        assert_eq!(number, self.ledger.last_set(), "{set}: a session sees its own writes");
        shared.answered.fetch_add(BURST, Ordering::Relaxed);
        Some(())
    }

    fn read(&mut self) -> Option<u64> {
        match self.client.reply()? {
            Ok(Reply::Data { data, .. }) => Some(number_in(&data.unwrap_or_default())),
            other => panic!("{}: {other:?} to a getData", self.own),
        }
    }

    /// A watched znode has changed if, and only if, an event has come before the answer that shows it.
    fn watched(&mut self, theirs: &str, number: u64, shared: &Shared) {
        let told = self.take_event(theirs, shared);
        if let Some(seen) = self.seen.replace(number) {
            assert!(number >= seen, "{}: {theirs} goes back from {seen} to {number}", self.own);
            assert_eq!(told, number > seen, "{}: the watch on {theirs}, {seen} and then {number}", self.own);
        }
    }

    fn take_event(&mut self, path: &str, shared: &Shared) -> bool {
        let place = self.client.events.iter().position(|(kind, of)| *kind == EventType::NodeDataChanged && of == path);
        let taken = place.map(|place| self.client.events.remove(place));
        shared.events.fetch_add(u64::from(taken.is_some()), Ordering::Relaxed);
        taken.is_some()
    }

    /// Goes on with the session at another server, which must know it, and sees what has become of the last writes.
    fn reconnect(&mut self, shared: &Shared) {
        let (start, own) = (Instant::now(), self.own.clone());
        loop {
            self.at = (self.at + 1) % self.addresses.len();
            let joined = Wire::reach(self.addresses[self.at], WELCOME).map(|wire| self.client.again_on(wire));
            match joined {
                Ok(Joined::Session(client)) => {
                    let events = std::mem::replace(&mut self.client, *client).events;
                    self.client.events = events;
                    self.client.wire.stream().set_read_timeout(Some(SILENCE)).expect("a timeout");
                    shared.reconnected.fetch_add(1, Ordering::Relaxed);
                    if self.settle(shared).is_some() {
                        return;
                    }
                }
                Ok(Joined::Over) => panic!("{own}: the session is lost {:?} after its connection", start.elapsed()),
                Ok(Joined::Closed) | Err(_) => {}
            }
            assert!(start.elapsed() < 3 * PATIENCE, "{own}: no server takes the session");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sets its watch again, and compares its part of the tree with what it knows; `None` when the connection ends.
    fn settle(&mut self, shared: &Shared) -> Option<()> {
        let (set, theirs) = (format!("{}/set", self.own), format!("{}/set", path(self.neighbour)));
        self.client.events.retain(|(_, of)| *of == theirs);
        self.watches = false;
        if self.client.events.is_empty() && self.seen.is_some() {
            self.client.send(&[set_watches(self.client.seen, &[&theirs], &[], &[])]);
            self.client.reply()?.expect("a watch");
        }
        self.client.send(&[ClientRequest::Sync { path: Some(set) }]);
        self.client.reply()?.expect("synced");
        let tree: Znodes = read_from(&mut self.client, &self.own)?;
        let omitted = self.ledger.settle(&tree);
        shared.omitted.fetch_add(omitted as u64, Ordering::Relaxed);
        shared.promised[self.number].store(self.ledger.last_set(), Ordering::Release);
        Some(())
    }
}

fn path(number: usize) -> String {
    format!("/session-{number}")
}

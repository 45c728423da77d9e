//! The soak from its beginning to its end.

use crate::Options;
use crate::faults::{Cost, ELDER, Fault, Victims, create_ballast, zxid};
use crate::flat::Samples;
use crate::harness::cluster::{Cluster, Host};
use crate::harness::load::Random;
use crate::harness::process::server_program;
use crate::harness::trees::same_tree;
use crate::sessions::Sessions;
use crate::table::Table;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// What every `zoo.cfg` has beside the harness's lines: small logs, and a snapshot now and then.
const KEYS: [&str; 3] = ["preAllocSize=4096", "snapCount=20000", "maxSessionTimeout=60000"];

/// Between the end of one fault and the next there is at least so much time.
const CALM: Duration = Duration::from_secs(3);

/// What comes of it, as far as it came.
#[derive(Default)]
pub struct Report {
    pub table: Table,
    pub text: String,
}

struct Story {
    cluster: Cluster,
    sessions: Sessions,
    random: Random,
    begun: Instant,
    samples: Samples,
    /// How much of each server's log has been looked at.
    looked: BTreeMap<u8, usize>,
    ballast: u64,
}

/// Runs it.
///
/// # Panics
/// When a promise is broken.
pub fn run(options: &Options, seed: u64, report: &mut Report) {
    // An address of its own: whoever else looks for free ports does not take those of a server that is down.
    let [.., high, low] = std::process::id().to_be_bytes();
    let host = Host { address: IpAddr::from([127, 128 | high, low, 1]), namespace: None };
    let mut cluster = Cluster::on(vec![host; 4], 1, &KEYS);
    println!("servers in {}", cluster.directory().display());
    cluster.start_all();
    let leader = cluster.wait_until_serving();
    create_ballast(&mut cluster.client(leader), options.znodes);
    let sessions = Sessions::begin(&cluster, options.sessions, options.rate, seed);
    let (random, samples, looked) = (Random::from(seed), Samples::default(), BTreeMap::new());
    let begun = Instant::now();
    let mut story = Story { cluster, sessions, random, begun, samples, looked, ballast: options.znodes };
    story.faults(options, &mut report.table);
    let (table, grown) = story.samples.judge(options.time(), &story.cluster.ids());
    report.text = table;
    assert!(grown.is_empty(), "{grown:#?}");
    story.end(&mut report.text);
}

impl Story {
    fn faults(&mut self, options: &Options, table: &mut Table) {
        let (time, every) = (options.time(), Duration::from_secs(options.every));
        let mut round: Vec<Fault> = Vec::new();
        let mut next = self.begun + every;
        let mut count = 0;
        while next < self.begun + time {
            self.rest(next);
            if round.is_empty() {
                round = Fault::ROUND.to_vec();
            }
            let at = usize::try_from(self.random.below(round.len() as u64)).expect("few");
            let fault = round.swap_remove(at);
            count += 1;
            self.fault(fault, count, time, table);
            let after = Instant::now() + CALM;
            while next < after {
                next += every;
            }
        }
        self.rest(self.begun + time);
    }

    /// One fault, from the moment it strikes until everything is as it should be.
    fn fault(&mut self, fault: Fault, count: u64, time: Duration, table: &mut Table) {
        let spares = self.begun.elapsed() > time / 4;
        let (cluster, random, ballast) = (&mut self.cluster, &mut self.random, self.ballast);
        self.sessions.shared.pulse.begin();
        let (fault, Cost { hit, back }) = Victims { cluster, random, spares, ballast }.strike(fault);
        self.sessions.go_on();
        let outage = self.sessions.shared.pulse.longest();
        table.add(fault, outage, &back);
        let times: Vec<u128> = back.iter().map(Duration::as_millis).collect();
        let seconds = self.begun.elapsed().as_secs();
        println!(
            "{:>2}:{:02} {count:>4} {:<28} {hit:?}: no write for {} ms, back in step after {times:?} ms",
            seconds / 60,
            seconds % 60,
            fault.name(),
            outage.as_millis()
        );
        self.look();
        self.compare();
    }

    /// Waits, and looks once a second.
    fn rest(&mut self, until: Instant) {
        while Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            std::thread::sleep(left.min(Duration::from_secs(1)));
            self.look();
            self.samples.take(&self.cluster, self.begun.elapsed());
        }
    }

    /// No promise broken, no server ended, no error logged.
    fn look(&mut self) {
        self.sessions.assert_alive();
        if let Some((id, status)) = self.cluster.ended() {
            panic!("server {id} has ended by itself ({status}), and said:\n{}", self.cluster.log(id));
        }
        for id in self.cluster.ids() {
            let log = self.cluster.log(id);
            let from = self.looked.insert(id, log.len()).unwrap_or(0);
            let bad = |line: &&str| line.contains("ERROR") || line.contains("panicked");
            let found: Vec<&str> = log.get(from..).unwrap_or(&log).lines().filter(bad).collect();
            assert!(found.is_empty(), "server {id} has logged {found:#?}");
        }
    }

    /// While the sessions wait: all servers have the same tree, and in it is what the sessions were promised.
    fn compare(&mut self) {
        let mut paused = self.sessions.pause();
        let ids = self.cluster.ids();
        self.cluster.until("come to the same transaction", || {
            let zxids: Option<Vec<u64>> = ids.iter().map(|id| zxid(&self.cluster, *id)).collect();
            zxids.is_some_and(|zxids| zxids.iter().all(|zxid| *zxid == zxids[0])).then_some(())
        });
        self.same_digests();
        let tree = same_tree(&self.cluster);
        for session in &mut paused {
            assert_eq!(session.ledger.unanswered(), 0, "a session waits with everything answered");
            session.ledger.settle(&tree);
        }
    }

    /// The digests that servers have noted at the same transactions are the same.
    fn same_digests(&self) {
        let mut noted: BTreeMap<String, (u8, String)> = BTreeMap::new();
        for id in self.cluster.ids() {
            let text = self.cluster.word(id, "hash").unwrap_or_default();
            for (zxid, digest) in text.lines().filter_map(|line| line.split_once(':')) {
                let (first, known) = noted.entry(zxid.to_owned()).or_insert_with(|| (id, digest.to_owned()));
                assert_eq!(known, digest, "the digests of servers {first} and {id} at {zxid}");
            }
        }
    }

    /// The end of the load, a clean stop, and a look at what is on the disks.
    fn end(mut self, text: &mut String) {
        self.look();
        self.compare();
        let shared = self.sessions.end();
        for id in self.cluster.ids() {
            self.cluster.stop(id);
            let data = self.cluster.directory().join(format!("{id}/data"));
            let check = Command::new(server_program()).arg("check-data").arg(&data).output().expect("it can be run");
            let said = String::from_utf8_lossy(&check.stdout);
            assert!(check.status.success(), "what server {id} leaves on its disk: {said}");
        }
        let of = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        let _ = writeln!(
            text,
            "(memory resident; descriptors without clients' connections; server {ELDER} spared from quarter 2 on)\n\n\
             {} requests answered, {} writes acknowledged, {} not done when a connection ended; {} reconnections, \
             {} events of watches",
            of(&shared.answered),
            shared.pulse.count(),
            of(&shared.omitted),
            of(&shared.reconnected),
            of(&shared.events)
        );
    }
}

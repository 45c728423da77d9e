//! Apache ZooKeeper and our server do the same: arbitrary sequences of requests by several clients, each run through
//! both, and every reply, event, Stat and zxid compared.
//!
//! ```text
//!  strategies ──Sequence──▶ versions ──▶ Side (Apache) ──lines──▶ equal?
//!                               └──────▶ Side (ours)  ──lines──────┘
//! ```
//!
//! `ZABKEEPER_SEQUENCES` says how many, `ZABKEEPER_APACHE_CLASSPATH` where another Apache is than Debian's. What stays
//! different stands in `specs/exceptions.md`.

mod known;
mod normal;
mod side;
mod step;
mod strategies;
#[path = "../support/mod.rs"]
mod support;
mod versions;

use normal::Answers;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use side::Side;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;
use step::Sequence;
use support::apache::Apache;
use tempfile::TempDir;
use versions::Version;
use zab::tree::Code;
use zab::tree::auth::digest;
use zabkeeper::{Server, ServerOptions};

/// In the ordinary test command.
const SEQUENCES: u32 = 64;

/// Containers and znodes with a time to live stay while a sequence runs.
const CONTAINER_CHECK: Duration = Duration::from_secs(100_000);

/// Who is the super user.
const SUPER: &str = "super:super";

#[test]
fn apache_and_ours_do_the_same() {
    let apache = match start_apache() {
        Ok(apache) => apache,
        Err(why) => return say(&format!("skipped, there is no Apache ZooKeeper to compare with: {why}")),
    };
    let directory = TempDir::new().expect("a temporary directory");
    let ours = start_ours(&directory);
    let pair = Pair {
        apache: apache.address,
        ours: ours.address(),
        version: Version::of(&apache.version),
        sequences: Cell::new(0),
        answers: RefCell::default(),
    };
    for sequence in known::sequences() {
        pair.compare(&sequence).unwrap_or_else(|why| panic!("{why}\nof the sequence{sequence:?}"));
    }
    let cases = std::env::var("ZABKEEPER_SEQUENCES").ok().and_then(|number| number.parse().ok()).unwrap_or(SEQUENCES);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2000, ..Config::default() };
    let result = TestRunner::new(config).run(&strategies::sequence(), |sequence| pair.compare(&sequence));
    match result {
        Ok(()) => pair.report(&format!("{cases} sequences, no difference to Apache ZooKeeper {}", apache.version)),
        Err(TestError::Fail(why, sequence)) => panic!("{why}\nof the sequence{sequence:?}"),
        Err(error) => panic!("{error}"),
    }
    ours.stop().expect("a server that stops");
}

/// The two servers.
struct Pair {
    apache: SocketAddr,
    ours: SocketAddr,
    version: Version,
    /// How many were begun: each has its own znode.
    sequences: Cell<u32>,
    /// What both answered.
    answers: RefCell<Answers>,
}

impl Pair {
    fn compare(&self, sequence: &Sequence) -> Result<(), TestCaseError> {
        let number = self.sequences.get();
        self.sequences.set(number + 1);
        let prefix = format!("/s{number}");
        let side =
            |address| Side::new(address, &prefix, self.version).map_err(|error| TestCaseError::fail(error.to_string()));
        let (mut apache, mut ours) = (side(self.apache)?, side(self.ours)?);
        for step in &self.version.tame(sequence).0 {
            let (theirs, own) = both(|| apache.step(step), || ours.step(step));
            if theirs != own {
                let show = |lines: &[String]| lines.iter().map(|line| format!("\n    {line}")).collect::<String>();
                let (theirs, own) = (show(&theirs), show(&own));
                return Err(TestCaseError::fail(format!("in {step:?}\n  Apache:{theirs}\n  ours:{own}")));
            }
        }
        for (answer, times) in ours.answers() {
            *self.answers.borrow_mut().entry(*answer).or_default() += times;
        }
        Ok(())
    }

    /// How much was compared: operations, and for each how often it was answered with which error.
    fn report(&self, text: &str) {
        let answers = self.answers.borrow();
        let total: u64 = answers.values().sum();
        say(&format!("{text}: {total} replies and events, {} kinds of them", answers.len()));
        let mut table: BTreeMap<String, String> = BTreeMap::new();
        for ((kind, err), times) in &*answers {
            let kind = kind.map_or("unknown".to_owned(), |kind| format!("{kind:?}"));
            let name = Code::from_number(*err).map_or("ok".to_owned(), |code| format!("{code:?}"));
            table.entry(kind).or_default().push_str(&format!(" {name} {times}"));
        }
        for (kind, answers) in table {
            say(&format!("{kind:>22}:{answers}"));
        }
    }
}

/// The two at the same time: some steps wait.
fn both<T: Send>(one: impl FnOnce() -> T + Send, other: impl FnOnce() -> T) -> (T, T) {
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        (one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), other)
    })
}

fn start_apache() -> Result<Apache, String> {
    let super_digest = format!("zookeeper.DigestAuthenticationProvider.superDigest={}", digest(SUPER));
    Apache::start(&[
        "zookeeper.extendedTypesEnabled=true",
        "zookeeper.forceSync=no",
        "zookeeper.enforceQuota=true",
        &format!("znode.container.checkIntervalMs={}", CONTAINER_CHECK.as_millis()),
        &super_digest,
    ])
}

fn start_ours(directory: &TempDir) -> Server {
    let mut options = ServerOptions::new(directory.path());
    (options.tick, options.min_session_timeout, options.max_session_timeout) = (2000, 4000, 40_000);
    options.log.sync = false;
    options.config.tree.container_check_interval = CONTAINER_CHECK;
    options.prepare.enforce_quota = true;
    options.tree.extended_types = true;
    options.clients.max_per_address = 0;
    options.clients.super_digest = Some(digest(SUPER));
    Server::start(options).expect("our server")
}

/// Says something to whoever runs the tests, though they pass.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "differential: {text}");
}

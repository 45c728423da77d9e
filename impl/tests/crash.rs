//! A server killed at random points under load, again and again. After each restart every acknowledged write is there,
//! in the order in which its session asked for it, and nothing that nobody asked for.
//!
//! `ZABKEEPER_CRASHES` says how often (20 times otherwise); `ZABKEEPER_SEED` repeats the points in time, as far as a
//! machine does anything twice in the same time.

mod harness;

use harness::load::{Load, Random, check_files, number_from};
use harness::process::{Process, free_port};
use std::sync::Arc;
use std::time::Duration;
use zabkeeper::disk::OperatingSystem;

/// Snapshots fall due all the time, so that many a crash meets one.
const KEYS: &[&str] = &["snapCount=300", "preAllocSize=256", "maxClientCnxns=0"];

#[test]
fn a_killed_server_has_everything_it_acknowledged() {
    let crashes = number_from("ZABKEEPER_CRASHES").unwrap_or(20);
    let mut random = Random::new();
    println!("ZABKEEPER_CRASHES={crashes} ZABKEEPER_SEED={}", random.seed());

    let (directory, port) = (tempfile::tempdir().expect("a directory"), free_port());
    let mut server = Process::start(directory.path(), port, KEYS);
    let address = server.address;
    let mut load = Load::prepare(address);
    for crash in 0..crashes {
        let working = load.begin(address);
        std::thread::sleep(Duration::from_micros(random.below(120_000)));
        server.kill();
        let stopped = working.stopped();
        check_files(Arc::new(OperatingSystem), &directory.path().join("data"));
        // Now and then it is killed while it starts.
        if random.below(4) == 0 {
            let starting = Process::spawn(directory.path(), port, KEYS);
            std::thread::sleep(Duration::from_micros(random.below(20_000)));
            starting.kill();
        }
        server = Process::start(directory.path(), port, KEYS);
        load.check(address, stopped);
        println!("crash {crash}: {:?} steps", load.done);
    }
    assert!(load.done.iter().all(|steps| *steps > 0), "{:?}: there was no load", load.done);
}

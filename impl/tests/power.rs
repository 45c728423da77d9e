//! Power cuts: a whole server on a disk in memory that forgets what was not synced. Power is lost with any operation of
//! the disk, under load; on what is left the next server starts. Every acknowledged write is there, in the order in
//! which its session asked for it, nothing that nobody asked for, and every digest is right.
//!
//! `ZABKEEPER_POWER_CUTS` says how often (300 times otherwise); `ZABKEEPER_SEED` repeats the operations, as far as
//! threads do anything twice in the same order.

mod harness;

use harness::eventually;
use harness::load::{Load, Random, check_files, number_from};
use std::path::Path;
use std::sync::Arc;
use zabkeeper::disk::{DataDirectory, SimulatedDisk};
use zabkeeper::{Server, ServerError, ServerOptions};

/// After so many cuts everything begins anew, on an empty disk.
const LIFE: u64 = 30;

/// How many operations of the disk come before the cut, at most: beyond those of a snapshot and a new log.
const LONGEST: u64 = 60;

/// Creating, writing, syncing and renaming of the first files and of the next epoch's.
const STARTING: u64 = 24;

const DATA: &str = "/data";

fn start(disk: &SimulatedDisk) -> Result<Server, ServerError> {
    let mut options = ServerOptions::new(DATA);
    options.files = Arc::new(disk.mounted());
    // Snapshots fall due all the time, and the log grows often.
    (options.snap_count, options.log.preallocation) = (200, 16 << 10);
    options.clients.max_per_address = 0;
    Server::start(options)
}

/// What is left is chosen at random, but nothing and everything often: those are the corners.
fn lose_power(disk: &SimulatedDisk, random: &mut Random) {
    let kind = random.below(3);
    disk.crash(&mut |most| match kind {
        0 => 0,
        1 => most,
        _ => usize::try_from(random.below(most as u64 + 1)).expect("as small as before"),
    });
}

/// Servers that lose power while they start: the first one on this disk among them.
fn cut_while_starting(disk: &SimulatedDisk, random: &mut Random) {
    disk.cut_power_at(disk.operations() + random.below(STARTING));
    if let Ok(server) = start(disk) {
        // It came to serve first, and fails later or not at all.
        let _ = server.stop();
    }
    lose_power(disk, random);
}

/// One disk, and many servers on it.
fn live(random: &mut Random, cuts: u64) -> u64 {
    let disk = SimulatedDisk::new();
    while random.below(3) > 0 {
        cut_while_starting(&disk, random);
    }
    let mut server = start(&disk).expect("it starts");
    let mut load = Load::prepare(server.address());
    for cut in 0..cuts {
        let working = load.begin(server.address());
        disk.cut_power_at(disk.operations() + random.below(LONGEST));
        eventually("the server notices that its disk is gone", || !server.is_running());
        let why = server.stop().expect_err("it has failed").to_string();
        assert!(why.contains(DATA), "{why}: of which file?");
        let stopped = working.stopped();
        lose_power(&disk, random);
        if random.below(4) == 0 {
            cut_while_starting(&disk, random);
        }
        let directory = DataDirectory::new(Arc::new(disk.mounted()), Path::new(DATA), Path::new(DATA));
        let found = check_files(directory.files().clone(), Path::new(DATA));
        server = start(&disk).unwrap_or_else(|error| panic!("cut {cut}: {error}"));
        let served = (server.shared().tree.read().last_zxid(), server.shared().tree.read().digest());
        assert_eq!(served, (found.tree.last_zxid(), found.tree.digest()), "cut {cut}: what is served is what is there");
        load.check(server.address(), stopped);
        directory.purge(3).expect("old files go");
    }
    server.stop().expect("it stops in good order");
    check_files(Arc::new(disk), Path::new(DATA));
    load.done.iter().map(|steps| u64::try_from(*steps).expect("a count")).sum()
}

#[test]
fn a_server_that_loses_power_has_everything_it_acknowledged() {
    let cuts = number_from("ZABKEEPER_POWER_CUTS").unwrap_or(300);
    let mut random = Random::new();
    println!("ZABKEEPER_POWER_CUTS={cuts} ZABKEEPER_SEED={}", random.seed());
    let mut steps = 0;
    for first in (0..cuts).step_by(usize::try_from(LIFE).expect("few")) {
        steps += live(&mut random, LIFE.min(cuts - first));
        println!("{} cuts, {steps} steps", first + LIFE.min(cuts - first));
    }
    assert!(steps > cuts, "there was no load");
}

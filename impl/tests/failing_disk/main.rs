//! A whole server on a disk in memory that forgets what was not synced, and fails: power cuts, errors, no space, short
//! writes. Whatever happens, every acknowledged write is there for the next server, in the order in which its session
//! asked for it, nothing that nobody asked for, and every digest is right.
//!
//! `ZABKEEPER_POWER_CUTS` and `ZABKEEPER_FAULTS` say how often; `ZABKEEPER_SEED` repeats the operations that fail, as
//! far as threads do anything twice in the same order.

mod defects;
mod faults;
#[path = "../harness/mod.rs"]
mod harness;
mod power;

use harness::load::{Load, Random, check_files};
use std::path::Path;
use std::sync::Arc;
use zabkeeper::disk::{DataDirectory, FileSystem, SimulatedDisk};
use zabkeeper::{Server, ServerError, ServerOptions};

const DATA: &str = "/data";

/// After so many failures everything begins anew, on an empty disk.
const LIFE: u64 = 30;

/// How many operations of the disk come before the one that fails, at most: beyond those of a snapshot and a new log.
const LONGEST: u64 = 60;

/// Creating, writing, syncing and renaming of the first files and of the next epoch's.
const STARTING: u64 = 24;

fn start(disk: &SimulatedDisk) -> Result<Server, ServerError> {
    start_on(Arc::new(disk.mounted()))
}

fn start_on(files: Arc<dyn FileSystem>) -> Result<Server, ServerError> {
    let mut options = ServerOptions::new(DATA);
    options.files = files;
    // Snapshots fall due all the time, and the log grows often.
    (options.snap_count, options.log.preallocation) = (200, 16 << 10);
    options.clients.max_per_address = 0;
    Server::start(options)
}

/// As the machine has it now.
fn directory(disk: &SimulatedDisk) -> DataDirectory {
    DataDirectory::new(Arc::new(disk.mounted()), Path::new(DATA), Path::new(DATA))
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

/// Now and then every write is a short one.
fn shorten_writes(disk: &SimulatedDisk, random: &mut Random) {
    let short = usize::try_from(10 + random.below(400)).expect("small");
    disk.set_longest_write(Some(short).filter(|_| random.below(3) == 0));
}

/// What stands between the server and its disk.
type Wrap = dyn Fn(Arc<dyn FileSystem>) -> Arc<dyn FileSystem>;

/// Starts a server on what is left: it serves what the files say.
fn start_again(disk: &SimulatedDisk, wrap: &Wrap) -> Server {
    let found = check_files(directory(disk).files().clone(), Path::new(DATA)).tree;
    let server =
        start_on(wrap(Arc::new(disk.mounted()))).unwrap_or_else(|error| panic!("it does not start again: {error}"));
    let served = (server.shared().tree.read().last_zxid(), server.shared().tree.read().digest());
    assert_eq!(served, (found.last_zxid(), found.digest()), "what is served is what is there");
    server
}

/// The last server leaves. Returns how much the writers did.
fn finish(disk: &SimulatedDisk, server: Server, load: &Load) -> u64 {
    server.stop().expect("it stops in good order");
    check_files(directory(disk).files().clone(), Path::new(DATA));
    load.done.iter().map(|steps| u64::try_from(*steps).expect("a count")).sum()
}

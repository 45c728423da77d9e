//! Power is lost with any operation of the disk, while the server starts or under load.

use crate::harness::eventually;
use crate::harness::load::{Load, Random, number_from};
use crate::{
    DATA, LIFE, LONGEST, STARTING, Wrap, directory, finish, lose_power, shorten_writes, start_again, start_on,
};
use std::sync::Arc;
use zabkeeper::disk::SimulatedDisk;

/// Servers that lose power while they start: the first one on this disk among them.
fn cut_while_starting(disk: &SimulatedDisk, random: &mut Random, wrap: &Wrap) {
    disk.cut_power_at(disk.operations() + random.below(STARTING));
    if let Ok(server) = start_on(wrap(Arc::new(disk.mounted()))) {
        // It came to serve first, and fails later or not at all.
        let _ = server.stop();
    }
    lose_power(disk, random);
}

/// One disk, and many servers on it. Returns how much was done.
pub fn live(random: &mut Random, cuts: u64, wrap: &Wrap) -> u64 {
    let disk = SimulatedDisk::new();
    shorten_writes(&disk, random);
    while random.below(3) > 0 {
        cut_while_starting(&disk, random, wrap);
    }
    let mut server = start_on(wrap(Arc::new(disk.mounted()))).expect("it starts");
    let mut load = Load::prepare(server.address());
    for _ in 0..cuts {
        let working = load.begin(server.address());
        disk.cut_power_at(disk.operations() + random.below(LONGEST));
        eventually("the server notices that its disk is gone", || !server.is_running());
        let why = server.stop().expect_err("it has failed").to_string();
        assert!(why.contains(DATA), "{why}: of which file?");
        let stopped = working.stopped();
        lose_power(&disk, random);
        if random.below(4) == 0 {
            cut_while_starting(&disk, random, wrap);
        }
        server = start_again(&disk, wrap);
        load.check(server.address(), stopped);
        directory(&disk).purge(3).expect("old files go");
    }
    finish(&disk, server, &load)
}

#[test]
fn a_server_that_loses_power_has_everything_it_acknowledged() {
    let cuts = number_from("ZABKEEPER_POWER_CUTS").unwrap_or(300);
    let mut random = Random::new();
    println!("ZABKEEPER_POWER_CUTS={cuts} ZABKEEPER_SEED={}", random.seed());
    let mut steps = 0;
    for first in (0..cuts).step_by(usize::try_from(LIFE).expect("few")) {
        steps += live(&mut random, LIFE.min(cuts - first), &|files| files);
        println!("{} cuts, {steps} steps", first + LIFE.min(cuts - first));
    }
    assert!(steps > cuts, "there was no load");
}

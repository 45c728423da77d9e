//! The disk refuses an operation or is full: the server stops, says which file, and has lost nothing for the next one,
//! whether the machine lives on or loses power as well.

use crate::harness::eventually;
use crate::harness::load::{Load, Random, number_from};
use crate::{DATA, LIFE, LONGEST, STARTING, directory, finish, lose_power, shorten_writes, start, start_again};
use zabkeeper::disk::SimulatedDisk;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// What ails a disk.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// One operation fails so: a write, a sync, a growth, a new file, a new name.
    Error(i32),
    /// Few bytes are free.
    Full,
}

impl Fault {
    fn any(random: &mut Random) -> Fault {
        [Fault::Error(EIO), Fault::Error(ENOSPC), Fault::Full][usize::try_from(random.below(3)).expect("small")]
    }

    /// Before so many operations, or the bytes that they write.
    fn plant(self, disk: &SimulatedDisk, within: u64, random: &mut Random) {
        match self {
            Fault::Error(number) => disk.fail_at(disk.operations() + random.below(within), number),
            Fault::Full => disk.set_capacity(Some(disk.used() + random.below(within * 1000))),
        }
    }

    /// The sentence of a server that met it names the file, and says what it met.
    fn check(self, sentence: &str) {
        let met = if matches!(self, Fault::Error(EIO)) { "Input/output error" } else { "No space left on device" };
        let clear = sentence.starts_with("cannot ") && sentence.contains(DATA) && sentence.contains(met);
        assert!(clear, "{self:?} becomes {sentence:?}");
    }
}

/// A server that meets a fault while it starts says so, or comes to serve before it meets it.
fn fail_while_starting(disk: &SimulatedDisk, random: &mut Random) {
    let fault = Fault::any(random);
    fault.plant(disk, STARTING, random);
    match start(disk) {
        Ok(server) => drop(server.stop()),
        Err(error) => fault.check(&error.to_string()),
    }
    mend(disk, random);
}

/// The disk works again, and the machine was started anew, or only the server will be.
fn mend(disk: &SimulatedDisk, random: &mut Random) {
    disk.set_capacity(None);
    // One that was not met yet is no more.
    disk.fail_at(u64::MAX - 1, EIO);
    if random.below(2) == 0 {
        lose_power(disk, random);
    }
}

/// One disk, and many servers on it. Returns how much was done.
fn live(random: &mut Random, faults: u64) -> u64 {
    let disk = SimulatedDisk::new();
    shorten_writes(&disk, random);
    while random.below(3) > 0 {
        fail_while_starting(&disk, random);
    }
    let mut server = start(&disk).expect("it starts");
    let mut load = Load::prepare(server.address());
    for _ in 0..faults {
        let working = load.begin(server.address());
        let fault = Fault::any(random);
        fault.plant(&disk, LONGEST, random);
        eventually("the server notices that its disk fails", || !server.is_running());
        fault.check(&server.stop().expect_err("it has failed").to_string());
        let stopped = working.stopped();
        mend(&disk, random);
        if random.below(4) == 0 {
            fail_while_starting(&disk, random);
        }
        server = start_again(&disk, &|files| files);
        load.check(server.address(), stopped);
        directory(&disk).purge(3).expect("old files go");
    }
    finish(&disk, server, &load)
}

#[test]
fn whichever_operation_of_the_first_start_fails_the_sentence_names_the_data_directory() {
    let refused = (0..STARTING).filter(|operation| {
        let disk = SimulatedDisk::new();
        let fault = Fault::Error(ENOSPC);
        disk.fail_at(disk.operations() + operation, ENOSPC);
        start(&disk).map(|server| drop(server.stop())).inspect_err(|error| fault.check(&error.to_string())).is_err()
    });
    assert!(refused.count() > 3, "a first start has more operations than that");
}

#[test]
fn a_server_whose_disk_fails_stops_and_has_everything_it_acknowledged() {
    let faults = number_from("ZABKEEPER_FAULTS").unwrap_or(300);
    let mut random = Random::new();
    println!("ZABKEEPER_FAULTS={faults} ZABKEEPER_SEED={}", random.seed());
    let mut steps = 0;
    for first in (0..faults).step_by(usize::try_from(LIFE).expect("few")) {
        steps += live(&mut random, LIFE.min(faults - first));
        println!("{} faults, {steps} steps", first + LIFE.min(faults - first));
    }
    assert!(steps > faults, "there was no load");
}

//! Servers that are killed, hang, and come again, one after the other and at random moments, while clients write.

use crate::compare::check;
use crate::harness::cluster::Cluster;
use crate::harness::load::{Random, number_from};
use crate::writers::Writers;
use std::time::Duration;

/// Hastier than the harness's: a server that hangs is left after one second.
pub const HASTY: [&str; 4] = ["tickTime=200", "syncLimit=5", "initLimit=50", "maxSessionTimeout=60000"];

/// So many faults has a long story, unless somebody asks for more.
fn faults(usual: u64) -> u64 {
    number_from("ZABKEEPER_FAULTS").unwrap_or(usual)
}

pub fn sleep(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

pub fn ensemble(voters: u8, observers: u8) -> Cluster {
    let mut cluster = Cluster::new(voters, observers, &HASTY);
    cluster.start_all();
    cluster.wait_until_serving();
    cluster
}

/// The leader, or another server while there is none.
fn victim(cluster: &Cluster, random: &mut Random, leads: bool) -> u8 {
    let ids = cluster.ids();
    match cluster.leader() {
        Some(leader) if leads => leader,
        _ => ids[usize::try_from(random.below(ids.len() as u64)).expect("few")],
    }
}

#[test]
fn whoever_is_killed_at_whatever_moment() {
    let mut random = Random::new();
    println!("ZABKEEPER_SEED={}", random.seed());
    let mut cluster = ensemble(3, 1);
    let writers = Writers::begin(&cluster);
    for round in 0..faults(12) {
        let leads = round % 2 == 0;
        let first = victim(&cluster, &mut random, leads);
        cluster.kill(first);
        // During the election, the synchronisation, or right after.
        sleep(random.below(400));
        cluster.start(first);
        if round % 3 == 2 {
            sleep(random.below(300));
            let second = victim(&cluster, &mut random, true);
            cluster.kill(second);
            sleep(random.below(200));
            cluster.start(second);
        }
        if random.below(3) > 0 {
            writers.go_on();
        }
    }
    writers.go_on();
    let records = writers.finish();
    check(&cluster, &records);
}

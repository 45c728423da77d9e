//! How long it takes until an ensemble serves again, at default settings: printed, and bounded only loosely, as other
//! work on the machine counts in.

use crate::harness::cluster::Cluster;
use crate::harness::load::number_from;
use crate::harness::{Client, Joined, Wire, opening, set};
use std::time::{Duration, Instant};

const USUAL: [&str; 3] = ["tickTime=2000", "initLimit=10", "syncLimit=5"];

/// Whether a server takes a write now.
fn writes(cluster: &Cluster, id: u8) -> bool {
    let Ok(wire) = Wire::reach(cluster.address(id), Duration::from_secs(1)) else { return false };
    let Joined::Session(mut client) = Client::join(wire, &opening(10_000)) else { return false };
    client.send(&[set("/zookeeper/config", b"")]);
    client.reply().is_some()
}

fn wait(holds: impl Fn() -> bool) -> Duration {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(30), "it does not come back");
        std::thread::sleep(Duration::from_millis(1));
    }
    start.elapsed()
}

#[test]
fn after_a_kill() {
    let mut cluster = Cluster::new(3, 0, &USUAL);
    cluster.start_all();
    cluster.wait_until_serving();
    let (mut elected, mut joined) = (Vec::new(), Vec::new());
    for _ in 0..number_from("ZABKEEPER_FAULTS").unwrap_or(4).min(50) {
        let leader = cluster.wait_until_serving();
        let others: Vec<u8> = cluster.ids().into_iter().filter(|id| *id != leader).collect();
        cluster.kill(leader);
        elected.push(wait(|| others.iter().any(|id| writes(&cluster, *id))));
        cluster.start(leader);
        joined.push(wait(|| cluster.mode(leader).is_some()));
    }
    println!("leader killed, a write accepted after {elected:?}");
    println!("killed server started, in step after {joined:?}");
}

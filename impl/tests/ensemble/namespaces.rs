//! Partitions as a kernel makes them, where the test may make network namespaces: packets are lost both ways or one
//! way, a way is refused, a cable is pulled out. TCP is in it: what was sent comes later, or connections end.

use crate::compare::check;
use crate::faults::HASTY;
use crate::harness::cluster::Cluster;
use crate::harness::{Client, Joined, PATIENCE, Wire, opening, set};
use crate::network::Network;
use crate::writers::Writers;
use std::io::Write;
use std::time::Duration;

/// What is cut, between the leader and the others.
type Cut = fn(&Network, u8, [u8; 2]);

/// The ways to leave the leader alone.
const LEADER_ALONE: [(&str, Cut); 5] = [
    ("both ways", |network, leader, others| others.into_iter().for_each(|id| part(network, leader, id))),
    ("nobody hears the leader", |network, leader, others| others.into_iter().for_each(|id| network.lose(leader, id))),
    ("the leader hears nobody", |network, leader, others| others.into_iter().for_each(|id| network.lose(id, leader))),
    ("refused", |network, leader, others| others.into_iter().for_each(|id| network.refuse(leader, id))),
    ("the cable", |network, leader, _| network.unplug(leader)),
];

/// The ways to leave one follower alone.
const FOLLOWER_ALONE: [(&str, Cut); 3] = [
    ("both ways", |network, leader, [one, other]| [leader, other].into_iter().for_each(|id| part(network, one, id))),
    ("nobody hears it", |network, leader, [one, other]| {
        [leader, other].into_iter().for_each(|id| network.lose(one, id));
    }),
    ("it hears nobody", |network, leader, [one, other]| {
        [leader, other].into_iter().for_each(|id| network.lose(id, one))
    }),
];

fn part(network: &Network, one: u8, other: u8) {
    network.lose(one, other);
    network.lose(other, one);
}

/// Three servers in namespaces; `None`, and a sentence for whoever runs the tests, where that cannot be.
fn ensemble() -> Option<(Network, Cluster)> {
    let network = match Network::new(3) {
        Ok(network) => network,
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "namespaces: skipped, there are none here: {why}");
            return None;
        }
    };
    let mut cluster = Cluster::on(network.hosts(), 0, &HASTY);
    cluster.start_all();
    cluster.wait_until_serving();
    Some((network, cluster))
}

/// A client that bears a server's silence.
fn client(cluster: &Cluster, id: u8) -> Client {
    let wire = Wire::reach(cluster.address(id), PATIENCE).expect("it listens");
    match Client::join(wire, &opening(10_000)) {
        Joined::Session(client) => *client,
        Joined::Over | Joined::Closed => panic!("server {id} serves nobody"),
    }
}

/// Whether a server opens a session now, which is a write.
fn opens_a_session(cluster: &Cluster, id: u8) -> bool {
    let wire = Wire::reach(cluster.address(id), Duration::from_millis(500));
    wire.is_ok_and(|wire| matches!(Client::join(wire, &opening(10_000)), Joined::Session(_)))
}

/// Cuts one server off, sees the others go on and the one accept nothing, and lets them come together.
fn cut_off(network: &Network, cluster: &Cluster, writers: &Writers, alone: u8, cut: impl Fn(&Network)) {
    let others: Vec<u8> = cluster.ids().into_iter().filter(|id| *id != alone).collect();
    let mut left = client(cluster, alone);
    cut(network);
    left.send(&[set("/writer-0", b"from the minority")]);
    cluster.wait_for(&others);
    writers.go_on();
    assert!(left.reply().is_none(), "server {alone} has no say");
    assert!(!opens_a_session(cluster, alone), "server {alone} has no say");
    writers.go_on();
    network.heal();
    cluster.wait_until_serving();
    writers.go_on();
}

#[test]
fn whoever_is_alone_accepts_nothing_and_comes_back() {
    let Some((network, cluster)) = ensemble() else { return };
    let writers = Writers::begin(&cluster);
    for (how, cut) in LEADER_ALONE {
        println!("the leader alone: {how}");
        let leader = cluster.wait_until_serving();
        let others: Vec<u8> = cluster.ids().into_iter().filter(|id| *id != leader).collect();
        cut_off(&network, &cluster, &writers, leader, |network| cut(network, leader, [others[0], others[1]]));
    }
    for (how, cut) in FOLLOWER_ALONE {
        println!("a follower alone: {how}");
        let leader = cluster.wait_until_serving();
        let others: Vec<u8> = cluster.ids().into_iter().filter(|id| *id != leader).collect();
        cut_off(&network, &cluster, &writers, others[0], |network| cut(network, leader, [others[0], others[1]]));
    }
    check(&cluster, &writers.finish());
}

#[test]
fn without_a_majority_nothing_is_accepted() {
    let Some((network, cluster)) = ensemble() else { return };
    let writers = Writers::begin(&cluster);
    for (one, other) in [(1, 2), (1, 3), (2, 3)] {
        part(&network, one, other);
    }
    cluster.until("stop serving", || cluster.ids().iter().all(|id| cluster.mode(*id).is_none()).then_some(()));
    let before = writers.done();
    assert!(!cluster.ids().into_iter().any(|id| opens_a_session(&cluster, id)), "nobody is served");
    assert_eq!(writers.done(), before, "nothing is accepted without a majority");
    network.heal();
    cluster.wait_until_serving();
    writers.go_on();
    check(&cluster, &writers.finish());
}

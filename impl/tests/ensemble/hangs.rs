//! Servers that hang, all killed at once, restarted one after the other, too few of them.

use crate::compare::{check, same_tree};
use crate::faults::{HASTY, ensemble, sleep};
use crate::harness::cluster::Cluster;
use crate::harness::{Client, Joined, Wire, opening};
use crate::writers::Writers;
use std::time::Duration;
use zab::tree::CreateMode;

fn follower(cluster: &Cluster, leader: u8) -> u8 {
    let mut others = cluster.ids().into_iter().filter(|id| *id != leader);
    others.find(|id| cluster.mode(*id).as_deref() == Some("follower")).expect("a follower")
}

#[test]
fn a_leader_that_hangs_is_replaced_and_follows_when_it_wakes() {
    let cluster = ensemble(3, 0);
    let writers = Writers::begin(&cluster);
    for _ in 0..2 {
        let leader = cluster.wait_until_serving();
        cluster.pause(leader);
        let others: Vec<u8> = cluster.ids().into_iter().filter(|id| *id != leader).collect();
        let next = cluster.wait_for(&others);
        writers.go_on();
        cluster.resume(leader);
        assert_eq!(cluster.wait_until_serving(), next, "the one that slept does not lead");
    }
    writers.go_on();
    check(&cluster, &writers.finish());
}

#[test]
fn a_follower_that_hangs_hinders_nobody_and_catches_up() {
    let cluster = ensemble(3, 1);
    let writers = Writers::begin(&cluster);
    for sleeps in [300, 1500] {
        let leader = cluster.wait_until_serving();
        let sleeper = follower(&cluster, leader);
        cluster.pause(sleeper);
        writers.go_on();
        sleep(sleeps);
        writers.go_on();
        cluster.resume(sleeper);
        assert_eq!(cluster.wait_until_serving(), leader);
    }
    check(&cluster, &writers.finish());
}

#[test]
fn all_killed_at_once_come_back() {
    let mut cluster = ensemble(3, 1);
    let writers = Writers::begin(&cluster);
    for _ in 0..2 {
        cluster.ids().into_iter().for_each(|id| cluster.kill(id));
        cluster.start_all();
        writers.go_on();
    }
    check(&cluster, &writers.finish());
}

#[test]
fn each_is_restarted_while_clients_write() {
    let mut cluster = ensemble(3, 1);
    let writers = Writers::begin(&cluster);
    for id in cluster.ids() {
        cluster.stop(id);
        writers.go_on();
        cluster.start(id);
        cluster.wait_until_serving();
    }
    check(&cluster, &writers.finish());
}

#[test]
fn five_go_on_without_two_and_stop_without_three() {
    let mut cluster = ensemble(5, 0);
    let writers = Writers::begin(&cluster);
    let leader = cluster.wait_until_serving();
    let other = follower(&cluster, leader);
    cluster.kill(leader);
    cluster.kill(other);
    writers.go_on();
    let next = cluster.wait_until_serving();
    let mut client = cluster.client(next);
    let third = follower(&cluster, next);
    cluster.kill(third);
    let left: Vec<u8> = cluster.ids().into_iter().filter(|id| cluster.is_started(*id)).collect();
    cluster.until("stop serving", || left.iter().all(|id| cluster.mode(*id).is_none()).then_some(()));
    assert!(client.is_closed(), "clients are sent away");
    let before = writers.done();
    for id in &left {
        let wire = Wire::reach(cluster.address(*id), Duration::from_secs(1)).expect("it listens");
        assert!(matches!(Client::join(wire, &opening(10_000)), Joined::Closed), "nobody is served");
    }
    sleep(300);
    assert_eq!(writers.done(), before, "nothing is accepted without a majority");
    for id in [leader, other, third] {
        cluster.start(id);
    }
    writers.go_on();
    check(&cluster, &writers.finish());
}

#[test]
fn seven_elect_one() {
    let cluster = ensemble(7, 0);
    let modes: Vec<_> = cluster.ids().into_iter().filter_map(|id| cluster.mode(id)).collect();
    assert_eq!(modes.iter().filter(|mode| *mode == "leader").count(), 1, "{modes:?}");
    assert_eq!(modes.iter().filter(|mode| *mode == "follower").count(), 6, "{modes:?}");
}

#[test]
fn a_session_that_nobody_uses_expires_everywhere_and_one_that_pings_does_not() {
    let cluster = ensemble(3, 1);
    let mut gone = Vec::new();
    let mut quiet = Vec::new();
    for id in cluster.ids() {
        for (list, name) in [(&mut gone, "gone"), (&mut quiet, "quiet")] {
            let mut client = Client::open_for(cluster.address(id), 1000);
            client.create(&format!("/{name}-{id}"), b"", CreateMode::Ephemeral).expect("created");
            list.push(client);
        }
    }
    drop(gone);
    let left = |cluster: &Cluster| same_tree(cluster).into_keys().filter(|path| path.starts_with("/gone")).count();
    cluster.until("expire", || {
        for client in &mut quiet {
            client.call(zabkeeper::wire::ClientRequest::Ping).expect("a server that answers");
        }
        (left(&cluster) == 0).then_some(())
    });
    // Longer than their timeout in all, without anything but pings.
    for _ in 0..8 {
        sleep(200);
        for client in &mut quiet {
            client.call(zabkeeper::wire::ClientRequest::Ping).expect("a server that answers");
        }
    }
    let tree = same_tree(&cluster);
    for (client, id) in quiet.iter().zip(cluster.ids()) {
        let owner = tree.get(&format!("/quiet-{id}")).map(|(_, stat)| stat.persisted.ephemeral_owner);
        assert_eq!(owner, Some(client.session.0), "pings through server {id} keep a session");
    }
    assert!(HASTY.contains(&"tickTime=200"), "a session may be as short as two ticks");
}

//! The seed's elections and recoveries, on processes.

use crate::harness::cluster::Cluster;
use zab::tree::CreateMode;

/// Waits until a server shows this data.
fn see(cluster: &Cluster, id: u8, path: &str, data: &[u8]) {
    let mut client = cluster.client(id);
    cluster.until("show it", || (client.get(path).is_ok_and(|(found, _)| found == data)).then_some(()));
    client.close();
}

/// Waits until all these servers have the same tree after the same transaction.
fn agree(cluster: &Cluster, ids: &[u8]) {
    cluster.until("agree", || {
        let of = |id: &u8| {
            let word = cluster.word(*id, "srvr")?;
            word.lines().find(|line| line.starts_with("Zxid")).map(str::to_owned)
        };
        let zxids: Option<Vec<String>> = ids.iter().map(of).collect();
        let zxids = zxids?;
        zxids.iter().all(|zxid| *zxid == zxids[0]).then_some(())
    });
    for id in ids {
        let mismatches = cluster.monitor(*id).remove("digest_mismatches_count");
        assert_eq!(mismatches.as_deref(), Some("0"), "server {id}");
    }
}

#[test]
fn with_two_of_three_the_larger_leads_and_the_third_joins() {
    let mut cluster = Cluster::new(3, 0, &[]);
    cluster.start(1);
    cluster.start(2);
    assert_eq!(cluster.wait_for(&[1, 2]), 2);
    cluster.start(3);
    assert_eq!(cluster.wait_until_serving(), 2);
    assert_eq!(cluster.mode(3).as_deref(), Some("follower"));
}

#[test]
fn what_one_writes_all_read() {
    let mut cluster = Cluster::new(3, 1, &[]);
    cluster.start_all();
    cluster.wait_until_serving();
    assert_eq!(cluster.mode(4).as_deref(), Some("observer"));
    for id in cluster.ids() {
        let path = format!("/by-{id}");
        let mut client = cluster.client(id);
        client.create(&path, b"data", CreateMode::Persistent).expect("created");
        assert!(client.exists(&path), "a session sees its own writes");
        client.close();
        for other in cluster.ids() {
            see(&cluster, other, &path, b"data");
        }
    }
    agree(&cluster, &cluster.ids());
}

#[test]
fn a_killed_leader_is_replaced_and_comes_back_as_a_follower() {
    let mut cluster = Cluster::new(3, 0, &[]);
    cluster.start_all();
    let leader = cluster.wait_until_serving();
    let mut client = cluster.client(leader);
    client.create("/before", b"1", CreateMode::Persistent).expect("created");
    drop(client);
    cluster.kill(leader);
    let others: Vec<u8> = cluster.ids().into_iter().filter(|id| *id != leader).collect();
    let next = cluster.wait_for(&others);
    assert_ne!(next, leader);
    let mut client = cluster.client(others[0]);
    client.create("/after", b"2", CreateMode::Persistent).expect("created");
    client.close();
    cluster.start(leader);
    assert_eq!(cluster.wait_until_serving(), next);
    see(&cluster, leader, "/before", b"1");
    see(&cluster, leader, "/after", b"2");
    agree(&cluster, &cluster.ids());
}

#[test]
fn a_session_moves_to_another_server() {
    let mut cluster = Cluster::new(3, 0, &[]);
    cluster.start_all();
    let leader = cluster.wait_until_serving();
    let mut client = cluster.client(leader);
    client.create("/mine", b"", CreateMode::Ephemeral).expect("created");
    cluster.kill(leader);
    let others: Vec<u8> = cluster.ids().into_iter().filter(|id| *id != leader).collect();
    cluster.wait_for(&others);
    let mut moved = client.again(cluster.address(others[0])).expect("the session goes on");
    assert!(moved.exists("/mine"), "an ephemeral lives as long as its session");
    moved.close();
    let mut other = cluster.client(others[1]);
    cluster.until("delete it", || (!other.exists("/mine")).then_some(()));
}

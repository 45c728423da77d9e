//! Networks that part the servers, both ways and one way, and what a leader had alone when it was lost.

use crate::compare::{check, read_tree, same_tree};
use crate::faults::{HASTY, sleep};
use crate::harness::cluster::Cluster;
use crate::harness::{Joined, Wire, create, eventually, get, set};
use crate::wires::Wires;
use crate::writers::Writers;
use std::path::Path;
use std::time::Duration;
use zab::tree::CreateMode;
use zabkeeper::wire::{ClientRequest, Reply};

fn ensemble(keys: &[&str]) -> (Cluster, Wires, u8, [u8; 2]) {
    let mut cluster = Cluster::new(3, 0, keys);
    let wires = Wires::between(&cluster);
    cluster.start_all();
    let leader = cluster.wait_until_serving();
    let followers: Vec<u8> = cluster.ids().into_iter().filter(|id| *id != leader).collect();
    (cluster, wires, leader, [followers[0], followers[1]])
}

#[test]
fn whatever_is_parted_comes_together() {
    let (cluster, wires, ..) = ensemble(&HASTY);
    let writers = Writers::begin(&cluster);
    let parts: [fn(&Wires, u8, [u8; 2]); 5] = [
        |wires, leader, followers| followers.into_iter().for_each(|id| wires.part(leader, id)),
        |wires, leader, followers| followers.into_iter().for_each(|id| wires.hold(leader, id)),
        |wires, leader, followers| followers.into_iter().for_each(|id| wires.hold(id, leader)),
        |wires, leader, [one, other]| [leader, other].into_iter().for_each(|id| wires.part(id, one)),
        |wires, leader, [one, _]| wires.part(leader, one),
    ];
    for part in parts {
        let leader = cluster.wait_until_serving();
        let others: Vec<u8> = cluster.ids().into_iter().filter(|id| *id != leader).collect();
        part(&wires, leader, [others[0], others[1]]);
        sleep(1500);
        writers.go_on();
        wires.heal();
        writers.go_on();
    }
    check(&cluster, &writers.finish());
}

/// Whether a file below this directory has these bytes.
fn is_logged(directory: &Path, bytes: &[u8]) -> bool {
    let files = std::fs::read_dir(directory.join("data/version-2")).expect("a directory");
    let mut logs = files.flatten().filter(|file| file.file_name().to_string_lossy().starts_with("log."));
    logs.any(|file| {
        let text = std::fs::read(file.path()).unwrap_or_default();
        text.windows(bytes.len()).any(|window| window == bytes)
    })
}

/// Slow to notice that another server is silent, so that there is time for what must happen before.
const PATIENT: [&str; 3] = ["tickTime=200", "syncLimit=50", "initLimit=50"];

#[test]
fn a_proposal_that_only_the_dead_leader_had_is_gone() {
    let (mut cluster, wires, leader, followers) = ensemble(&PATIENT);
    let mut client = cluster.client(leader);
    client.create("/before", b"", CreateMode::Persistent).expect("created");
    followers.iter().for_each(|id| wires.hold(leader, *id));
    client.send(&[create("/never", b"", CreateMode::Persistent), create("/nor-this", b"", CreateMode::Persistent)]);
    let disk = cluster.directory().join(leader.to_string());
    cluster.until("log it", || is_logged(&disk, b"/nor-this").then_some(()));
    cluster.kill(leader);
    assert!(client.is_closed(), "without an answer");
    followers.iter().for_each(|id| wires.cut(leader, *id));
    wires.heal();
    cluster.wait_for(&followers);
    let mut other = cluster.client(followers[0]);
    other.create("/after", b"", CreateMode::Persistent).expect("created");
    cluster.start(leader);
    cluster.wait_until_serving();
    let tree = same_tree(&cluster);
    let paths: Vec<&String> = tree.keys().filter(|path| !path.starts_with("/zookeeper") && *path != "/").collect();
    assert_eq!(paths, ["/after", "/before"]);
    assert!(!is_logged(&disk, b"/nor-this"), "it is cut out of the log");
    // And not after a restart of them all.
    cluster.kill_all();
    cluster.start_all();
    cluster.wait_until_serving();
    assert_eq!(same_tree(&cluster).keys().collect::<Vec<_>>(), tree.keys().collect::<Vec<_>>());
}

#[test]
fn a_write_that_was_acknowledged_survives_the_leader_that_only_one_other_heard() {
    let (mut cluster, wires, leader, [deaf, other]) = ensemble(&PATIENT);
    let mut client = cluster.client(leader);
    wires.hold(leader, deaf);
    client.create("/promised", b"", CreateMode::Persistent).expect("created");
    cluster.kill(leader);
    wires.cut(leader, deaf);
    wires.heal();
    assert_eq!(cluster.wait_for(&[deaf, other]), other, "who has the promised write leads");
    assert!(read_tree(&cluster, deaf).contains_key("/promised"));
    cluster.start(leader);
    cluster.wait_until_serving();
    assert!(same_tree(&cluster).contains_key("/promised"));
}

#[test]
fn a_sync_waits_until_the_server_has_what_others_were_promised() {
    let (cluster, wires, leader, [deaf, _]) = ensemble(&PATIENT);
    let (mut writer, mut reader) = (cluster.client(leader), cluster.client(deaf));
    writer.create("/counter", b"0", CreateMode::Persistent).expect("created");
    let sync = || ClientRequest::Sync { path: Some("/counter".to_owned()) };
    for number in 1..=20_u32 {
        if number % 2 == 0 {
            wires.hold(leader, deaf);
        }
        writer.set("/counter", number.to_string().as_bytes()).expect("set");
        reader.send(&[sync(), get("/counter", false)]);
        if number % 2 == 0 {
            assert!(reader.wire.is_silent(Duration::from_millis(20)), "the write has not come there");
            wires.heal();
        }
        reader.reply().expect("a reply").expect("synced");
        let Ok(Reply::Data { data, .. }) = reader.reply().expect("a reply") else { panic!("data") };
        assert_eq!(data.as_deref(), Some(number.to_string().as_bytes()));
    }
}

#[test]
fn a_client_whose_session_is_taken_up_elsewhere_belatedly_is_sent_away_and_comes_again() {
    let (cluster, wires, _, [slow, other]) = ensemble(&PATIENT);
    let leader = cluster.wait_until_serving();
    let mut client = cluster.client(other);
    client.create("/counter", b"0", CreateMode::Persistent).expect("created");
    // A server that has seen less than the client would not even ask the leader.
    let mut reader = cluster.client(slow);
    eventually("the slow server has it", || reader.exists("/counter"));
    wires.hold(slow, leader);
    let impatient = Wire::reach(cluster.address(slow), Duration::from_millis(300)).expect("it listens");
    assert!(matches!(client.again_on(impatient), Joined::Closed), "the leader does not hear of it yet");
    let mut client = client.again(cluster.address(other)).expect("the session");
    client.set("/counter", b"1").expect("set");
    wires.heal();
    // ZOOKEEPER-710: whoever is refused as having moved would never know why.
    let sent_away = || {
        client.send(&[set("/counter", b"2")]);
        match client.reply() {
            Some(reply) => reply.map(|_| None).expect("set, or no answer"),
            None => Some(()),
        }
    };
    cluster.until("send it away", sent_away);
    let mut client = client.again(cluster.address(other)).expect("the session");
    client.set("/counter", b"3").expect("set");
}

#[test]
fn a_leader_that_was_left_answers_no_sync() {
    let (cluster, wires, leader, followers) = ensemble(&HASTY);
    let mut client = cluster.client(leader);
    client.create("/counter", b"0", CreateMode::Persistent).expect("created");
    followers.iter().for_each(|id| wires.part(leader, *id));
    client.send(&[ClientRequest::Sync { path: Some("/counter".to_owned()) }, get("/counter", false)]);
    cluster.wait_for(&followers);
    let mut other = cluster.client(followers[0]);
    other.set("/counter", b"1").expect("set");
    assert!(client.is_closed(), "it has no say any more");
    wires.heal();
    cluster.wait_until_serving();
    assert_eq!(read_tree(&cluster, leader)["/counter"].0, b"1");
}

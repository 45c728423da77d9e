//! Servers that come with an empty disk, or one that lags far; epochs that end because their counter does.

use crate::compare::{check, same_tree};
use crate::faults::{HASTY, ensemble, sleep};
use crate::harness::cluster::Cluster;
use crate::harness::create;
use crate::harness::load::number_from;
use crate::writers::Writers;
use zab::tree::CreateMode;

/// Leaves a server nothing but its `myid`.
fn empty(cluster: &Cluster, id: u8) {
    std::fs::remove_dir_all(cluster.directory().join(format!("{id}/data/version-2"))).expect("removed");
}

/// Creates so many znodes in `folder`, which is new: `0` and so on.
fn fill(cluster: &Cluster, id: u8, folder: &str, count: u64) {
    let mut client = cluster.client(id);
    client.create(folder, b"", CreateMode::Persistent).expect("created");
    let numbers: Vec<u64> = (0..count).collect();
    for part in numbers.chunks(1000) {
        let requests: Vec<_> = part
            .iter()
            .map(|number| create(&format!("{folder}/{number}"), &[7; 100], CreateMode::Persistent))
            .collect();
        client.send(&requests);
        part.iter().for_each(|_| drop(client.reply().expect("a reply").expect("created")));
    }
    client.close();
}

#[test]
fn a_server_with_an_empty_disk_gets_everything() {
    let mut cluster = ensemble(3, 1);
    let writers = Writers::begin(&cluster);
    for id in cluster.ids() {
        cluster.wait_until_serving();
        cluster.kill(id);
        empty(&cluster, id);
        writers.go_on();
        cluster.start(id);
        cluster.wait_until_serving();
        writers.go_on();
    }
    check(&cluster, &writers.finish());
}

#[test]
fn a_server_that_lags_far_gets_a_snapshot_while_others_write() {
    let keys = [&HASTY[..], &["snapCount=5000", "preAllocSize=4096"]].concat();
    let mut cluster = Cluster::new(3, 1, &keys);
    cluster.start_all();
    let leader = cluster.wait_until_serving();
    let lagging: Vec<u8> = cluster.ids().into_iter().filter(|id| *id != leader).take(1).chain([4]).collect();
    lagging.iter().for_each(|id| cluster.kill(*id));
    fill(&cluster, leader, "/many", number_from("ZABKEEPER_ZNODES").unwrap_or(50_000));
    let writers = Writers::begin_at(&cluster, &[leader]);
    for id in &lagging {
        // Killed while it takes the snapshot in, or writes it, and then left in peace.
        for after in [10, 30, 90] {
            cluster.start(*id);
            sleep(after);
            cluster.kill(*id);
        }
        cluster.start(*id);
        cluster.wait_until_serving();
        writers.go_on();
        assert!(cluster.log(*id).contains("snapshot is installed"), "server {id} was sent a snapshot");
    }
    check(&cluster, &writers.finish());
    // What they were sent is on their disks.
    cluster.kill_all();
    cluster.start_all();
    cluster.wait_until_serving();
    same_tree(&cluster);
}

#[test]
fn a_server_that_lags_further_than_memory_goes_back_is_sent_the_log() {
    let keys = [&HASTY[..], &["snapCount=1000", "preAllocSize=4096"]].concat();
    let mut cluster = Cluster::new(3, 1, &keys);
    cluster.start_all();
    let leader = cluster.wait_until_serving();
    // A tree that costs more to send than what is missing.
    fill(&cluster, leader, "/many", 20_000);
    let lagging: Vec<u8> = cluster.ids().into_iter().filter(|id| *id != leader).take(1).chain([4]).collect();
    same_tree(&cluster);
    lagging.iter().for_each(|id| cluster.kill(*id));
    fill(&cluster, leader, "/more", 3_000);
    let writers = Writers::begin_at(&cluster, &[leader]);
    for id in &lagging {
        cluster.start(*id);
        cluster.wait_until_serving();
        writers.go_on();
        assert!(!cluster.log(*id).contains("snapshot is installed"), "server {id} was sent a snapshot");
    }
    assert!(cluster.log(leader).contains("the log was read back"), "the leader had enough in memory");
    check(&cluster, &writers.finish());
}

#[test]
fn an_epoch_whose_counter_ends_is_followed_by_the_next() {
    let keys = [&HASTY[..], &["testingonly.lastCounter=300"]].concat();
    let mut cluster = Cluster::new(3, 1, &keys);
    cluster.start_all();
    cluster.wait_until_serving();
    let writers = Writers::begin(&cluster);
    let epochs = |cluster: &Cluster| {
        let word = cluster.leader().and_then(|leader| cluster.word(leader, "srvr")).unwrap_or_default();
        let zxid = word.lines().find_map(|line| line.strip_prefix("Zxid: 0x"));
        zxid.map_or(0, |zxid| u64::from_str_radix(zxid, 16).expect("a number") >> 32)
    };
    cluster.until("come to the sixth epoch", || (epochs(&cluster) >= 6).then_some(()));
    writers.go_on();
    check(&cluster, &writers.finish());
}

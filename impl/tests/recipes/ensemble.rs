//! The recipes on three servers, whose leader is killed again and again, and on Apache's server.

use crate::apache_server::Apache;
use crate::harness::cluster::Cluster;
use crate::place::blocking;
use crate::trials;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn recipes_keep_their_promises_while_leaders_are_killed() {
    let keys = ["tickTime=200", "syncLimit=10", "initLimit=50", "maxSessionTimeout=60000"];
    let mut cluster = Cluster::new(3, 0, &keys);
    cluster.start_all();
    cluster.wait_until_serving();
    let connect = cluster.ids().iter().map(|id| cluster.address(*id).to_string()).collect::<Vec<_>>().join(",");
    let killing = tokio::task::spawn_blocking(move || {
        for _ in 0..4 {
            std::thread::sleep(Duration::from_millis(500));
            let leader = cluster.wait_until_serving();
            cluster.kill(leader);
            std::thread::sleep(Duration::from_millis(300));
            cluster.start(leader);
        }
        cluster.wait_until_serving();
        cluster
    });
    let cluster = trials::all(&connect, async { killing.await.expect("no panic") }).await;
    drop(cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn recipes_keep_their_promises_on_apaches_server() {
    let apache = match blocking(|| Apache::start(&["zookeeper.extendedTypesEnabled=true"])) {
        Ok(apache) => apache,
        Err(why) => return eprintln!("not tried on Apache ZooKeeper: {why}"),
    };
    eprintln!("on Apache ZooKeeper {}", apache.version);
    trials::all(&apache.address.to_string(), tokio::time::sleep(Duration::from_secs(2))).await;
    drop(apache);
}

//! The same client against Apache ZooKeeper, where it is installed.

use crate::apache_server::Apache;
use crate::gate::Gate;
use crate::{persist, soon, until};
use std::time::Duration;
use zabkeeper::client::{
    Acl, AddWatchMode, Client, ClientOptions, Code, CreateMode, Error, EventType, KeeperState, MultiResult, ReadResult,
    SessionState, WatcherType,
};

const MODE: CreateMode = CreateMode::Persistent;

#[tokio::test(flavor = "multi_thread")]
async fn apaches_server_is_served_alike() {
    let started = crate::blocking(|| Apache::start(&["zookeeper.extendedTypesEnabled=true"]));
    let apache = match started {
        Ok(apache) => apache,
        Err(why) => return eprintln!("not compared with Apache ZooKeeper: {why}"),
    };
    eprintln!("against Apache ZooKeeper {}", apache.version);
    let gate = Gate::new(apache.address).await;
    let client = ClientOptions::new(format!("{}/app", gate.address)).auth("digest", b"u:p").connect().await;
    let client = client.expect("a session");
    client.create("/", b"", MODE, &Acl::open()).await.expect("created");
    let other = ClientOptions::new(format!("{}/app", apache.address)).connect().await.expect("a session");
    operations(&client).await;
    watches(&client, &other).await;
    partition(&client, &other, &gate).await;
    crate::close_by_another(&ClientOptions::new(apache.address.to_string()), &client).await;
    drop(apache);
}

async fn operations(client: &Client) {
    let open = Acl::open();
    let hour = Duration::from_secs(3600);
    for mode in [CreateMode::Container, CreateMode::PersistentWithTtl(hour), CreateMode::EphemeralSequential] {
        client.create("/mode-", b"", mode, &open).await.expect("created");
        let _ = client.delete("/mode-", None).await;
    }
    let (path, stat) = client.create("/a", b"1", MODE, &open).await.expect("created");
    assert_eq!((path.as_str(), client.exists("/a").await), ("/a", Ok(Some(stat))));
    assert_eq!(client.set_data("/a", b"2", Some(5)).await, Err(Error::Server(Code::BadVersion)));
    assert_eq!(client.set_data("/a", b"2", Some(0)).await.expect("set").persisted.version, 1);
    assert_eq!(&client.get_data("/a").await.expect("read").0[..], b"2");
    assert_eq!(client.get_ephemerals("/").await.expect("listed").len(), 1);
    assert_eq!(client.get_all_children_number("/").await, Ok(2));
    assert_eq!(client.get_acl("/a").await.expect("read").0, open);
    assert!(client.who_am_i().await.expect("known").iter().any(|known| known.scheme == "digest"));
    assert_eq!(client.sync("/").await, Ok(()));
    let multi = client.multi().create("/m", b"", MODE, &open).check("/m", Some(0)).delete("/m", None).commit().await;
    assert_eq!(multi.expect("done")[0], MultiResult::Create { path: "/m".into(), stat: None });
    let failed = client.multi().create("/m", b"", MODE, &open).delete("/no", None).delete("/a", None).commit().await;
    assert_eq!(failed, Err(Error::Multi { index: 1, code: Code::NoNode }));
    let read = client.multi_read().get_data("/a").get_children("/no").commit().await.expect("read");
    assert!(matches!(&read[0], Ok(ReadResult::Data(..))) && read[1] == Err(Error::Server(Code::NoNode)));
    let sets: Vec<_> = (1..2_000).map(|version| client.set_data("/a", b"x", Some(version))).collect();
    for set in sets {
        soon("a reply", set).await.expect("set in order");
    }
}

async fn watches(client: &Client, other: &Client) {
    let (_, created) = client.exists_and_watch("/w").await.expect("watched");
    let mut all = client.watch("/w", AddWatchMode::PersistentRecursive).await.expect("watched");
    other.create("/w", b"", MODE, &Acl::open()).await.expect("created");
    let event = soon("an event", created).await;
    assert_eq!((event.kind, event.path.as_str()), (EventType::NodeCreated, "/w"));
    assert_eq!(soon("an event", all.next()).await.expect("one").path, "/w");
    // Gone on the server as well, though it knows no types of persistent watches before 3.9.
    drop(all);
    let left = client.remove_watches("/w", WatcherType::Any).await;
    assert_eq!(left, Err(Error::Server(Code::NoWatcher)));
    let (_, data) = client.get_data_and_watch("/w").await.expect("watched");
    client.remove_watches("/w", WatcherType::Data).await.expect("removed");
    assert_eq!(soon("an event", data).await.kind, EventType::DataWatchRemoved);
}

async fn partition(client: &Client, other: &Client, gate: &Gate) {
    let session = client.session_id();
    let (_, data) = client.get_data_and_watch("/w").await.expect("watched");
    let mut all = client.watch("/", AddWatchMode::PersistentRecursive).await.expect("watched");
    gate.close();
    until(client, SessionState::Connecting).await;
    other.set_data("/w", b"meanwhile", None).await.expect("set");
    gate.open();
    assert_eq!(soon("an event", data).await.kind, EventType::NodeDataChanged);
    for state in [KeeperState::Disconnected, KeeperState::SyncConnected] {
        assert_eq!(soon("a state", all.next()).await.expect("one").state, state);
    }
    assert_eq!(persist!(client.get_data("/w")).expect("read").0, "meanwhile");
    // What the one-shot watch made the server tell is heard by both, as in Java: the wire does not say for whom it is.
    assert_eq!(soon("an event", all.next()).await.expect("one").path, "/w");
    other.create("/w/x", b"", MODE, &Acl::open()).await.expect("created");
    assert_eq!(soon("an event", all.next()).await.expect("one").path, "/w/x");
    assert_eq!(client.session_id(), session);
}

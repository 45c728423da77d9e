//! Watches of every kind, also over restarts of the server.

use crate::scripted::Scripted;
use crate::{Place, persist, soon, until};
use std::collections::BTreeSet;
use zabkeeper::client::{
    Acl, AddWatchMode, Client, Code, CreateMode, Error, EventType, KeeperState, SessionState, Watch, WatchedEvent,
    WatcherType,
};
use zabkeeper::wire::{ClientRequest, Reply};

const MODE: CreateMode = CreateMode::Persistent;

async fn create(client: &Client, path: &str) {
    persist!(client.create(path, b"", MODE, &Acl::open())).expect("created");
}

async fn next(watch: &mut Watch) -> (EventType, String) {
    let event = soon("an event", watch.next()).await.expect("not the end");
    (event.kind, event.path)
}

fn event(kind: EventType, path: &str) -> (EventType, String) {
    (kind, path.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_shot_watches_fire_once() {
    let place = Place::new();
    let (client, other) = (place.client().await, place.client().await);
    let (stat, created) = client.exists_and_watch("/a").await.expect("watched");
    assert_eq!(stat, None);
    let (_, children) = client.get_children_and_watch("/").await.expect("watched");
    create(&other, "/a").await;
    let told = soon("an event", created).await;
    assert_eq!((told.kind, told.state), (EventType::NodeCreated, KeeperState::SyncConnected));
    assert!(told.zxid.is_some(), "ours says by which transaction");
    assert_eq!(soon("an event", children).await.kind, EventType::NodeChildrenChanged);

    let (_, data) = client.get_data_and_watch("/a").await.expect("watched");
    let (_, twice) = client.get_data_and_watch("/a").await.expect("watched");
    other.set_data("/a", b"1", None).await.expect("set");
    other.set_data("/a", b"2", None).await.expect("set");
    assert_eq!(soon("an event", data).await.kind, EventType::NodeDataChanged);
    assert_eq!(soon("an event", twice).await.kind, EventType::NodeDataChanged);
    let (_, gone) = client.exists_and_watch("/a").await.expect("watched");
    let ((names, _), childless) = client.get_children_with_stat_and_watch("/a").await.expect("watched");
    assert!(names.is_empty());
    other.delete("/a", None).await.expect("deleted");
    assert_eq!(soon("an event", gone).await.kind, EventType::NodeDeleted);
    assert_eq!(soon("an event", childless).await.kind, EventType::NodeDeleted);
    let nothing = client.get_data_and_watch("/a").await;
    assert!(matches!(nothing, Err(Error::Server(Code::NoNode))), "no watch where there is nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn persistent_watches_stay_until_they_are_dropped() {
    let place = Place::new();
    let (client, other) = (place.client().await, place.client().await);
    let mut one = client.watch("/p", AddWatchMode::Persistent).await.expect("watched");
    let mut same = client.watch("/p", AddWatchMode::Persistent).await.expect("watched");
    let mut all = client.watch("/p", AddWatchMode::PersistentRecursive).await.expect("watched");
    create(&other, "/p").await;
    create(&other, "/p/q").await;
    other.set_data("/p/q", b"1", None).await.expect("set");
    other.set_data("/p", b"1", None).await.expect("set");
    use EventType::{NodeChildrenChanged, NodeCreated, NodeDataChanged, NodeDeleted};
    let expected = [event(NodeCreated, "/p"), event(NodeChildrenChanged, "/p"), event(NodeDataChanged, "/p")];
    for expected in &expected {
        assert_eq!((&next(&mut one).await, &next(&mut same).await), (expected, expected));
    }
    let deep = [(NodeCreated, "/p"), (NodeCreated, "/p/q"), (NodeDataChanged, "/p/q"), (NodeDataChanged, "/p")];
    for (kind, path) in deep {
        assert_eq!(next(&mut all).await, event(kind, path));
    }
    // One goes, the others stay.
    drop(one);
    other.delete("/p/q", None).await.expect("deleted");
    assert_eq!(next(&mut same).await, event(NodeChildrenChanged, "/p"));
    assert_eq!(next(&mut all).await, event(NodeDeleted, "/p/q"));
    drop(same);
    other.delete("/p", None).await.expect("deleted");
    assert_eq!(next(&mut all).await, event(NodeDeleted, "/p"));
    assert_eq!(client.remove_watches("/p", WatcherType::Persistent).await, Err(Error::Server(Code::NoWatcher)));
    drop(all);
    let mut again = client.watch("/p", AddWatchMode::PersistentRecursive).await.expect("watched");
    create(&other, "/p").await;
    assert_eq!(next(&mut again).await, event(NodeCreated, "/p"));
    drop(again);
    assert_eq!(client.remove_watches("/p", WatcherType::Any).await, Err(Error::Server(Code::NoWatcher)));
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_that_are_removed_are_told() {
    let place = Place::new();
    let client = place.client().await;
    let (_, data) = client.get_data_and_watch("/").await.expect("watched");
    let (_, children) = client.get_children_and_watch("/").await.expect("watched");
    let mut all = client.watch("/", AddWatchMode::PersistentRecursive).await.expect("watched");
    client.remove_watches("/", WatcherType::Data).await.expect("removed");
    assert_eq!(soon("an event", data).await.kind, EventType::DataWatchRemoved);
    client.remove_watches("/", WatcherType::Any).await.expect("removed");
    assert_eq!(soon("an event", children).await.kind, EventType::ChildWatchRemoved);
    assert_eq!(next(&mut all).await, event(EventType::PersistentWatchRemoved, "/"));
    assert_eq!(soon("the end", all.next()).await, None);
    assert_eq!(client.remove_watches("/", WatcherType::Any).await, Err(Error::Server(Code::NoWatcher)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_there_before_the_reply_that_shows_it() {
    let place = Place::new();
    let client = place.client().await;
    for _ in 0..200 {
        let (_, mut watch) = client.exists_and_watch("/x").await.expect("watched");
        let created = client.create("/x", b"", MODE, &Acl::open());
        assert!(client.exists("/x").await.expect("asked").is_some());
        let fired = std::future::poll_fn(|context| {
            std::task::Poll::Ready(std::pin::Pin::new(&mut watch).poll(context).is_ready())
        });
        assert!(fired.await, "not yet, though the reply is there");
        created.await.expect("created");
        client.delete("/x", None).await.expect("deleted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_are_set_again_after_a_restart() {
    let mut place = Place::new();
    let client = place.options().auth("digest", b"u:p").connect().await.expect("a session");
    create(&client, "/there").await;
    let (_, data) = client.get_data_and_watch("/there").await.expect("watched");
    let (_, exist) = client.exists_and_watch("/later").await.expect("watched");
    let (_, child) = client.get_children_and_watch("/there").await.expect("watched");
    let mut persistent = client.watch("/there", AddWatchMode::Persistent).await.expect("watched");
    let mut recursive = client.watch("/", AddWatchMode::PersistentRecursive).await.expect("watched");
    place.stop();
    until(&client, SessionState::Connecting).await;
    place.start();
    for watch in [&mut persistent, &mut recursive] {
        for state in [KeeperState::Disconnected, KeeperState::SyncConnected] {
            let event: WatchedEvent = soon("a state", watch.next()).await.expect("not the end");
            assert_eq!((event.kind, event.state), (EventType::None, state));
        }
    }
    let other = place.client().await;
    create(&other, "/there/child").await;
    other.set_data("/there", b"1", None).await.expect("set");
    create(&other, "/later").await;
    assert_eq!(soon("an event", child).await.kind, EventType::NodeChildrenChanged);
    assert_eq!(soon("an event", data).await.kind, EventType::NodeDataChanged);
    assert_eq!(soon("an event", exist).await.kind, EventType::NodeCreated);
    assert_eq!(next(&mut persistent).await, event(EventType::NodeChildrenChanged, "/there"));
    assert_eq!(next(&mut recursive).await, event(EventType::NodeCreated, "/there/child"));
}

/// While one client is away, another changes what it watches: it hears of it when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn what_happened_meanwhile_fires_one_shot_watches() {
    let place = Place::new();
    let gate = crate::gate::Gate::new(place.address).await;
    let client = zabkeeper::client::ClientOptions::new(gate.address.to_string()).connect().await.expect("a session");
    let other = place.client().await;
    create(&client, "/there").await;
    let (_, data) = client.get_data_and_watch("/there").await.expect("watched");
    let (_, exist) = client.exists_and_watch("/later").await.expect("watched");
    let (_, quiet) = client.get_children_and_watch("/there").await.expect("watched");
    gate.close();
    until(&client, SessionState::Connecting).await;
    other.set_data("/there", b"1", None).await.expect("set");
    create(&other, "/later").await;
    gate.open();
    assert_eq!(soon("an event", data).await.kind, EventType::NodeDataChanged);
    assert_eq!(soon("an event", exist).await.kind, EventType::NodeCreated);
    create(&other, "/there/child").await;
    assert_eq!(soon("an event", quiet).await.kind, EventType::NodeChildrenChanged);
}

#[tokio::test]
async fn many_watches_are_set_again_in_pieces() {
    let server = Scripted::new().await;
    let connecting = tokio::spawn(server.options().connect());
    let (mut peer, _) = server.welcome().await;
    let client = soon("a session", connecting).await.expect("no panic").expect("a session");
    let paths: Vec<String> = (0..300).map(|n| format!("/{n:0>1000}")).collect();
    let mut held = Vec::new();
    for (n, path) in paths.iter().enumerate() {
        if n % 2 == 0 {
            let asked = client.exists_and_watch(path);
            let (xid, _) = peer.request().await.expect("a request");
            peer.answer(xid, 9, Code::NoNode.number(), &Reply::Nothing).await;
            held.push((Some(asked.await.expect("watched")), None));
        } else {
            let asked = client.watch(path, AddWatchMode::Persistent);
            let (xid, _) = peer.request().await.expect("a request");
            peer.answer(xid, 9, 0, &Reply::Error(0)).await;
            held.push((None, Some(asked.await.expect("watched"))));
        }
    }
    drop(peer);
    let (mut peer, _) = server.welcome().await;
    let (mut seen, mut pieces) = (BTreeSet::new(), 0);
    while seen.len() < paths.len() {
        let packet = peer.packet().await.expect("a packet");
        assert!(packet.len() < (128 << 10) + 64, "{} bytes", packet.len());
        let (header, body) = zabkeeper::wire::RequestHeader::split(packet).expect("a header");
        let watches = match ClientRequest::decode(header.kind, &body).expect("a request") {
            ClientRequest::SetWatches(watches) | ClientRequest::SetWatches2(watches) => watches,
            other => panic!("{other:?}"),
        };
        assert_eq!((header.xid, watches.relative_zxid.0), (-8, 9));
        assert!(watches.exist.iter().all(|path| !seen.contains(path)), "twice");
        seen.extend(watches.exist.into_iter().chain(watches.persistent));
        pieces += 1;
        peer.answer(-8, 9, 0, &Reply::Nothing).await;
    }
    assert_eq!((seen.into_iter().collect::<Vec<_>>(), pieces), (paths, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_is_a_stream() {
    let place = Place::new();
    let client = place.client().await;
    let mut watch = client.watch("/", AddWatchMode::PersistentRecursive).await.expect("watched");
    client.create("/a", b"", CreateMode::Persistent, &Acl::open()).await.expect("created");
    let next = std::future::poll_fn(|context| futures_core::Stream::poll_next(std::pin::Pin::new(&mut watch), context));
    assert_eq!(soon("an event", next).await.map(|event| event.path), Some("/a".to_owned()));
}

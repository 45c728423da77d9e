//! Watches, over one connection and over several.

use crate::Place;
use crate::harness::{Packet, children, exists, get, set_watches};
use std::time::Duration;
use zab::Zxid;
use zab::tree::CreateMode;
use zabkeeper::wire::{ClientRequest, EventType, Reply};

#[test]
fn a_client_that_comes_back_is_told_what_it_missed() {
    let place = Place::new();
    let (mut client, mut writer) = (place.client(), place.client());
    for path in ["/set", "/gone", "/same", "/parent"] {
        writer.create(path, b"", CreateMode::Persistent).expect("created");
    }
    client.get("/set").expect("there");
    let since = client.seen;
    let resuming = client.resuming();
    drop(client);
    writer.set("/set", b"1").expect("set");
    writer.call(crate::harness::delete("/gone")).expect("deleted");
    writer.create("/parent/child", b"", CreateMode::Persistent).expect("created");
    writer.create("/new", b"", CreateMode::Persistent).expect("created");

    let mut client = crate::harness::Client::try_connect(place.address(), &resuming).expect("it comes back");
    let data = ["/set", "/gone", "/same"];
    let asked = set_watches(since, &data, &["/new", "/never"], &["/parent"]);
    assert_eq!(client.call(asked), Ok(Reply::Nothing));
    let mut events = client.events.split_off(0);
    events.sort_by(|a, b| a.1.cmp(&b.1));
    let expected = [
        (EventType::NodeDeleted, "/gone"),
        (EventType::NodeCreated, "/new"),
        (EventType::NodeChildrenChanged, "/parent"),
        (EventType::NodeDataChanged, "/set"),
    ];
    assert_eq!(events, expected.map(|(kind, path)| (kind, path.to_owned())), "before the reply");
    // What has not changed is watched again, and what was told is not.
    writer.set("/same", b"1").expect("set");
    writer.create("/never", b"", CreateMode::Persistent).expect("created");
    writer.set("/set", b"2").expect("set");
    assert_eq!(client.event(), (EventType::NodeDataChanged, "/same".into()));
    assert_eq!(client.event(), (EventType::NodeCreated, "/never".into()));
    assert!(client.wire.is_silent(Duration::from_millis(100)));
}

#[test]
fn watches_are_the_connections_and_go_with_it() {
    let place = Place::new();
    let (mut client, mut writer) = (place.client(), place.client());
    writer.create("/w", b"", CreateMode::Persistent).expect("created");
    client.call(get("/w", true)).expect("watched");
    let mut again = client.again(place.address()).expect("taken up");
    assert!(client.is_closed());
    writer.set("/w", b"1").expect("set");
    assert!(again.wire.is_silent(Duration::from_millis(100)), "it has not set its watches again");
}

#[test]
fn a_one_shot_watch_tells_once_and_with_the_transaction() {
    let place = Place::new();
    let (mut client, mut writer) = (place.client(), place.client());
    assert!(client.call(exists("/w", true)).is_err());
    assert_eq!(client.call(children("/", true)).map(|_| ()), Ok(()));
    writer.create("/w", b"", CreateMode::Persistent).expect("created");
    let created = writer.seen;
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let Some(Packet::Event { zxid, kind, path }) = client.receive() else { panic!("an event") };
        assert_eq!(zxid, created);
        kinds.push((kind, path));
    }
    kinds.sort();
    assert_eq!(kinds, [(EventType::NodeCreated, "/w".to_owned()), (EventType::NodeChildrenChanged, "/".to_owned())]);
    writer.set("/w", b"1").expect("set");
    writer.create("/x", b"", CreateMode::Persistent).expect("created");
    assert!(client.wire.is_silent(Duration::from_millis(100)));
}

#[test]
fn a_recursive_watch_tells_of_everything_below_until_it_is_removed() {
    let place = Place::new();
    let (mut client, mut writer) = (place.client(), place.client());
    writer.create("/r", b"", CreateMode::Persistent).expect("created");
    assert_eq!(client.call(ClientRequest::AddWatch { path: "/r".into(), mode: 1 }), Ok(Reply::Error(0)));
    for round in 0..3 {
        let path = format!("/r/{round}");
        writer.create(&path, b"", CreateMode::Persistent).expect("created");
        writer.set(&path, b"1").expect("set");
        assert_eq!(client.event(), (EventType::NodeCreated, path.clone()));
        assert_eq!(client.event(), (EventType::NodeDataChanged, path));
    }
    let selection = zabkeeper::wire::request::WatchSelection { path: "/r".into(), kind: 3 };
    client.call(ClientRequest::RemoveWatches(selection)).expect("removed");
    client.events.clear();
    writer.set("/r/0", b"2").expect("set");
    assert!(client.wire.is_silent(Duration::from_millis(100)));
}

#[test]
fn missed_changes_are_counted_from_what_the_client_has_seen() {
    let place = Place::new();
    let mut client = place.client();
    client.create("/a", b"", CreateMode::Persistent).expect("created");
    let before = Zxid(client.seen.0 - 1);
    client.call(set_watches(before, &["/a"], &[], &[])).expect("set");
    assert_eq!(client.events, [(EventType::NodeDataChanged, "/a".to_owned())], "/a is younger than that");
    client.events.clear();
    let now = client.seen;
    client.call(set_watches(now, &["/a"], &[], &[])).expect("set");
    assert_eq!(client.events, [], "nothing was missed");
}

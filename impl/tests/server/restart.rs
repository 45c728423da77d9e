//! What the disk keeps.

use crate::harness::{Client, create, delete, set};
use crate::{Place, hasten};
use std::collections::BTreeMap;
use zab::tree::{CreateMode, SessionId, Stat, Tree};
use zabkeeper::wire::Reply;
use zabkeeper::{Server, ServerError, ServerOptions};

/// Everything that clients can see, and the digest of it.
type Everything = (BTreeMap<String, (Vec<u8>, Stat)>, BTreeMap<SessionId, i32>, zab::Zxid, u64);

fn everything(place: &Place) -> Everything {
    let tree = place.server().shared().tree.read();
    let mut znodes = BTreeMap::new();
    let mut open = vec!["/".to_owned()];
    while let Some(path) = open.pop() {
        let (names, _) = tree.get_children(&path, &[]).expect("there");
        open.extend(names.into_iter().map(|name| format!("{}/{name}", path.trim_end_matches('/'))));
        let (data, stat) = tree.get_data(&path, &[]).expect("there");
        znodes.insert(path, (data.unwrap_or_default().to_vec(), stat));
    }
    (znodes, tree.sessions().collect(), tree.last_zxid(), digest(&tree))
}

fn digest(tree: &Tree) -> u64 {
    tree.digest()
}

/// A bit of everything.
fn populate(client: &mut Client, rounds: i32) {
    let _ = client.create("/p", b"", CreateMode::Persistent);
    for round in 0..rounds {
        let path = client.create("/p/s-", b"1", CreateMode::PersistentSequential).expect("created");
        client.set(&path, &round.to_be_bytes()).expect("set");
        client.create(&format!("{path}/child"), b"", CreateMode::Persistent).expect("created");
        if round % 3 == 0 {
            client.call(delete(&format!("{path}/child"))).expect("deleted");
        }
        client.create("/p/e-", b"", CreateMode::EphemeralSequential).expect("created");
        assert!(client.call(delete("/nothing")).is_err(), "an error is a transaction as well");
    }
}

#[test]
fn a_restart_keeps_everything() {
    let mut place = Place::new();
    let mut client = place.client();
    populate(&mut client, 20);
    place.client().close();
    let before = everything(&place);
    place.restart(|_| {});
    assert_eq!(everything(&place), before);
    // A session that was open still is, with its ephemerals and its password.
    let mut client = client.again(place.address()).expect("the session goes on");
    let before = everything(&place);
    place.restart(|_| {});
    assert_eq!(everything(&place), before, "taking a session up is no transaction");
    client = client.again(place.address()).expect("and on");
    assert!(before.0.values().any(|(_, stat)| stat.persisted.ephemeral_owner == client.session.0));
    client.close();
    let (znodes, ..) = everything(&place);
    assert!(znodes.values().all(|(_, stat)| stat.persisted.ephemeral_owner == 0));
}

#[test]
fn sessions_have_their_whole_time_after_a_restart_and_expire_then() {
    let mut place = Place::hasty();
    let mut client = Client::open_for(place.address(), 400);
    client.create("/e", b"", CreateMode::Ephemeral).expect("created");
    place.restart(hasten);
    let mut other = place.client();
    assert!(other.exists("/e"), "not over yet");
    crate::harness::eventually("it expires", || !other.exists("/e"));
    assert!(client.again(place.address()).is_none());
}

#[test]
fn sequences_and_zxids_go_on_after_a_restart() {
    let mut place = Place::new();
    let mut client = place.client();
    let first = client.create("/s-", b"", CreateMode::PersistentSequential).expect("created");
    let seen = client.seen;
    place.restart(|_| {});
    let mut client = client.again(place.address()).expect("the session goes on");
    let second = client.create("/s-", b"", CreateMode::PersistentSequential).expect("created");
    assert!((first.as_str(), seen) < (second.as_str(), client.seen), "{first} {seen}, {second} {}", client.seen);
}

#[test]
fn snapshots_are_taken_while_writes_go_on_and_a_restart_needs_them() {
    let small = |options: &mut ServerOptions| options.snap_count = 100;
    let mut place = Place::with(small);
    let mut client = place.client();
    client.create("/n", b"", CreateMode::Persistent).expect("created");
    let files = place.directory.path().join("version-2");
    let snapshots =
        || std::fs::read_dir(&files).expect("files").filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    // A slow machine takes one while others take three.
    crate::harness::eventually("there are some snapshots", || {
        client.send(&vec![set("/n", b"x"); 50]);
        (0..50).for_each(|_| assert!(client.reply().expect("a reply").is_ok()));
        snapshots().filter(|name| name.starts_with("snapshot.")).count() > 6
    });
    populate(&mut client, 30);
    let before = everything(&place);
    place.stop();
    let named = |beginning: &str| -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(&files).expect("files").map(|entry| entry.expect("an entry").path());
        let name = |path: &std::path::Path| path.file_name().expect("a name").to_string_lossy().into_owned();
        let mut found: Vec<_> = entries.filter(|path| name(path).starts_with(beginning)).collect();
        found.sort_by_key(|path| {
            let name = name(path);
            u64::from_str_radix(name.rsplit('.').next().expect("a zxid"), 16).expect("a zxid")
        });
        found
    };
    let (snapshots, logs) = (named("snapshot."), named("log."));
    assert!(snapshots.len() > 5 && logs.len() > 5, "{snapshots:?} {logs:?}");
    // Every log before the last snapshot's may go: what they hold is in the snapshot.
    for old in &logs[..logs.len() - 2] {
        std::fs::remove_file(old).expect("removed");
    }
    for old in &snapshots[..snapshots.len() - 1] {
        std::fs::remove_file(old).expect("removed");
    }
    place.start(small).expect("it starts");
    assert_eq!(everything(&place), before);
}

#[test]
fn what_was_answered_is_on_the_disk_of_a_server_that_was_never_stopped() {
    let place = Place::new();
    let mut client = place.client();
    client.send(&vec![create("/s-", b"x", CreateMode::PersistentSequential); 200]);
    for number in 0..200 {
        assert!(matches!(client.reply(), Some(Ok(Reply::Create { .. }))), "{number}");
        if number % 67 != 0 {
            continue;
        }
        // A copy of the directory at this moment is what a crash would leave.
        let copy = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(copy.path().join("version-2")).expect("a directory");
        for entry in std::fs::read_dir(place.directory.path().join("version-2")).expect("files") {
            let path = entry.expect("an entry").path();
            std::fs::copy(&path, copy.path().join("version-2").join(path.file_name().expect("a name")))
                .expect("copied");
        }
        let server = Server::start(ServerOptions::new(copy.path())).expect("it starts");
        let names = Client::open(server.address()).call(crate::harness::children("/", false));
        let Ok(Reply::Names(names)) = names else { panic!("{names:?}") };
        let there = names.iter().filter(|name| name.starts_with("s-")).count();
        assert!((number + 1..=200).contains(&there), "{there} there, {number} and one acknowledged");
        server.stop().expect("it stops");
    }
}

#[test]
fn two_servers_do_not_share_a_directory() {
    let mut place = Place::new();
    let second = Server::start(ServerOptions::new(place.directory.path()));
    let error = second.err().expect("refused");
    assert!(matches!(error, ServerError::InUse(_)), "{error}");
    assert!(error.to_string().contains("another server"), "{error}");
    place.client().create("/n", b"", CreateMode::Persistent).expect("the first one is unharmed");
    place.restart(|_| {});
    assert!(place.client().exists("/n"), "and may come again");
}

#[test]
fn a_port_in_use_is_an_error_and_touches_nothing() {
    let place = Place::new();
    let directory = tempfile::tempdir().expect("a directory");
    let mut options = ServerOptions::new(directory.path());
    options.address = place.address();
    let error = Server::start(options).err().expect("refused");
    assert!(error.to_string().contains(&place.address().to_string()), "{error}");
    assert_eq!(std::fs::read_dir(directory.path()).expect("readable").count(), 0);
}

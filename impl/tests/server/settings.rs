//! What the configuration says is done.

use crate::Place;
use crate::harness::{Client, PATIENCE, Wire, code, create, eventually, get, set};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use zab::Zxid;
use zab::tree::{Acl, Change, Code, CreateMode, Id, OpCode, Perms, Record};
use zabkeeper::disk::{LogReader, OperatingSystem};
use zabkeeper::wire::{ClientRequest, Reply, decode_transaction};
use zabkeeper::{Server, ServerError, ServerOptions, config};

/// The files of a data directory whose names begin so.
fn files(directory: &Path, beginning: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory.join("version-2")).expect("files");
    let named = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(beginning));
    entries.map(|entry| entry.expect("an entry").path()).filter(named).collect()
}

/// The last snapshots that a server took are of this kind, and it starts from one.
fn takes_snapshots(change: impl Fn(&mut ServerOptions), suffix: &str) {
    let mut place = Place::with(&change);
    let mut client = place.client();
    client.create("/n", b"", CreateMode::Persistent).expect("created");
    let directory = place.directory.path().to_owned();
    let later = || files(&directory, "snapshot.").into_iter().filter(|path| !path.ends_with("snapshot.0"));
    eventually("a snapshot", || {
        client.set("/n", &[1; 200]).expect("set");
        later().next().is_some()
    });
    let told = place.server().source().last_snapshot().expect("there is one");
    assert!(told.zxid > Zxid::ZERO, "the newest, not {told:?}");
    place.stop();
    assert!(later().all(|path| path.to_string_lossy().ends_with(suffix)), "{:?}", later().collect::<Vec<_>>());
    std::fs::remove_file(directory.join("version-2/snapshot.0")).expect("removed");
    place.start(&change).expect("it starts");
    assert_eq!(place.client().get("/n").expect("there").0, [1; 200]);
}

#[test]
fn snapshots_are_compressed() {
    for (kind, suffix) in [(config::Compression::Gzip, ".gz"), (config::Compression::Snappy, ".snappy")] {
        let change = |options: &mut ServerOptions| {
            options.snap_count = 10;
            options.config.storage.snapshot_compression = kind;
        };
        takes_snapshots(change, suffix);
    }
}

#[test]
fn snapshots_are_taken_after_so_many_bytes() {
    takes_snapshots(|options| options.config.storage.snap_size_limit = 2000, "");
}

#[test]
fn snapshots_are_taken_at_random_as_javas() {
    takes_snapshots(|options| (options.snap_count, options.snap_spread) = (10, true), "");
}

#[test]
fn syncs_are_measured_and_slow_ones_counted() {
    let place = Place::with(|options| {
        options.config.storage.fsync_warning_threshold = Duration::ZERO;
        options.config.storage.flush_delay = Duration::from_millis(5);
        options.config.storage.max_batch_size = 7;
    });
    let mut client = place.client();
    client.create("/n", b"", CreateMode::Persistent).expect("created");
    client.send(&vec![set("/n", b"x"); 20]);
    (0..20).for_each(|_| assert!(client.reply().expect("a reply").is_ok()));
    let status = place.server().source().status();
    let (syncs, batches) = (status.summaries["fsynctime"], status.summaries["sync_processor_batch_size"]);
    // The session, its znode, and what was set.
    assert_eq!(batches.sum(), 22);
    assert_eq!((syncs.count(), status.fsync_threshold_exceeded), (batches.count(), syncs.count()));
    assert_eq!((status.summaries["startup_txns_loaded"].count(), status.summaries["snapshottime"].count()), (1, 0));
    place.server().source().reset_statistics();
    let status = place.server().source().status();
    assert_eq!((status.summaries["fsynctime"].count(), status.fsync_threshold_exceeded), (0, 0));
}

#[test]
fn without_access_control_everybody_may_read() {
    let nobodys = Acl { perms: Perms::ALL, id: Id::new("digest", "nobody:x") };
    let locked = ClientRequest::Write(Change::Create {
        kind: OpCode::Create,
        path: "/locked".into(),
        data: None,
        acl: vec![nobodys],
        flags: CreateMode::Persistent.number(),
        ttl: -1,
    });
    let mut place = Place::new();
    let mut client = place.client();
    client.call(locked).expect("created");
    assert_eq!(client.get("/locked").err(), Some(Code::NoAuth));
    place.restart(|options| {
        options.config.access.skip_acl = true;
        options.prepare.skip_acl = true;
    });
    let mut client = place.client();
    assert!(matches!(client.call(get("/locked", true)), Ok(Reply::Data { data: None, .. })));
    assert!(matches!(client.call(ClientRequest::GetAcl { path: "/locked".into() }), Ok(Reply::Acl { .. })));
    assert!(client.exists("/locked"));
    client.set("/locked", b"x").expect("set");
    assert_eq!(client.events.len(), 1, "its watch is told");
    let Ok(Reply::WhoAmI(who)) = client.call(ClientRequest::WhoAmI) else { panic!("nobody") };
    assert_eq!(who.len(), 1, "nobody becomes more than an address: {who:?}");
}

#[test]
fn closing_a_session_need_not_list_what_goes() {
    for (lists, expected) in [(true, Some(vec!["/e".to_owned()])), (false, None)] {
        let mut place = Place::with(|options| options.config.tree.close_session_txn_enabled = lists);
        let mut client = place.client();
        client.create("/e", b"", CreateMode::Ephemeral).expect("created");
        client.close();
        assert!(!place.client().exists("/e"));
        place.stop();
        let directory = place.directory.path().join("version-2");
        let log = LogReader::new(Arc::new(OperatingSystem), &directory, Zxid::ZERO).expect("a log");
        let mut records = log.map(|entry| decode_transaction(&entry.expect("whole").bytes).expect("known").record);
        let closed = records.find(|record| matches!(record, Record::CloseSession { .. }));
        assert_eq!(closed, Some(Record::CloseSession { paths: expected }));
        place.start(|_| {}).expect("it starts");
        assert!(!place.client().exists("/e"));
    }
}

#[test]
fn directories_and_databases_are_made_where_that_is_allowed() {
    let directory = tempfile::tempdir().expect("a directory");
    let start = |change: &dyn Fn(&mut ServerOptions)| {
        let mut options = ServerOptions::new(directory.path());
        options.log.preallocation = 1 << 20;
        change(&mut options);
        Server::start(options)
    };
    let refused = start(&|options| options.config.storage.create_directories = false).err().expect("refused");
    assert!(refused.to_string().contains("zookeeper.datadir.autocreate"), "{refused}");
    let refused = start(&|options| options.config.storage.create_database = false).err();
    assert!(matches!(refused, Some(ServerError::Empty(_))), "{refused:?}");
    let server = start(&|_| {}).expect("it starts");
    Client::open(server.address()).create("/n", b"", CreateMode::Persistent).expect("created");
    server.stop().expect("stopped");
    files(directory.path(), "snapshot.").iter().for_each(|path| std::fs::remove_file(path).expect("removed"));
    assert!(matches!(start(&|_| {}).err(), Some(ServerError::Disk(_))));
    let server = start(&|options| options.config.storage.trust_empty_snapshot = true).expect("it starts");
    assert!(Client::open(server.address()).exists("/n"));
    server.stop().expect("stopped");
}

#[test]
fn who_begins_no_session_is_left() {
    let place = Place::with(|options| options.clients.sessionless_timeout = Duration::from_millis(200));
    let mut client = place.client();
    for beginning in [&b""[..], &[0, 0, 0, 44, 0, 0], b"stm"] {
        let mut wire = Wire::connect(place.address());
        wire.send(beginning).expect("sent");
        let start = std::time::Instant::now();
        assert_eq!(wire.rest(), b"", "{beginning:?}");
        assert!(start.elapsed() < PATIENCE, "{beginning:?}: it was not the server who closed");
    }
    let counters = &place.server().shared().counters;
    assert_eq!(counters.sessionless.load(Ordering::Relaxed), 3);
    // Much later than the time that others had.
    assert!(!client.exists("/none"));
}

#[test]
fn the_trace_mask_is_set_by_the_bytes_behind_the_word() {
    let place = Place::with(|options| options.config.four_letter_whitelist = "stmk,gtmk".to_owned());
    let ask = |parts: &[&[u8]]| {
        let mut wire = Wire::connect(place.address());
        for part in parts {
            wire.send(part).expect("sent");
            std::thread::sleep(Duration::from_millis(20));
        }
        wire.rest()
    };
    assert_eq!(ask(&[b"gtmk"]), b"0");
    assert_eq!(ask(&[b"st", b"mk\0\0\0\0", &[0, 0, 2], &[1]]), b"513");
    assert_eq!(ask(&[b"gtmk"]), b"513");
    assert_eq!(ask(&[b"stmk\xff\xff\xff\xff\xff\xff\xff\xfe and more"]), b"-2");
    let without = Place::new();
    let mut wire = Wire::connect(without.address());
    wire.send(b"stmk").expect("sent");
    assert_eq!(wire.rest(), b"stmk is not executed because it is not in the whitelist.\n", "without waiting for more");
}

#[test]
fn connections_tell_their_last_operation_and_the_server_its_size() {
    let place = Place::new();
    let mut client = place.client();
    let last = || place.server().source().connections()[0].session.as_ref().expect("a session").last_operation;
    assert_eq!(last(), "SESS");
    client.call(create("/n", b"12345", CreateMode::Persistent)).expect("created");
    assert_eq!(last(), "CREA");
    client.get("/n").expect("there");
    assert_eq!(last(), "GETD");
    client.call(ClientRequest::Ping).expect("answered");
    assert_eq!(last(), "PING");
    let size = || place.server().source().status().approximate_data_size;
    let before = size();
    client.set("/n", b"1").expect("set");
    assert_eq!(size() + 4, before);
    client.send(&[create("/none/n", b"", CreateMode::Persistent)]);
    assert_eq!(client.reply().expect("a reply").map_err(code), Err(Code::NoNode));
    assert_eq!(size() + 4, before);
}

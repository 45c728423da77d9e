//! A learner of either program comes to its leader's history: by SNAP, by DIFF, by TRUNC.

use crate::ensemble::{Mixed, Znode};
use crate::harness::{Client, create};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use zab::tree::{Acl, Change, CreateMode, CreateTxn, Id, OpCode, Perms, Record, SessionId, Transaction, TxnHeader};
use zab::{Epoch, Zxid};
use zabkeeper::disk::{DataDirectory, FileLog, LogOptions, OperatingSystem};
use zabkeeper::wire::{ClientRequest, encode_transaction};

/// Znodes in the tree that a snapshot brings.
const MANY: usize = 20_000;

#[test]
fn ours_learns_from_java() {
    let Some(mixed) = Mixed::new(3, 0, &["maxSessionTimeout=60000", "snapCount=5000"]) else { return };
    learns(mixed, false);
}

#[test]
fn java_learns_from_ours() {
    let Some(mixed) = Mixed::new(3, 0, &["maxSessionTimeout=60000", "snapCount=5000"]) else { return };
    learns(mixed, true);
}

/// Server 1 of one program learns from 2 and 3 of the other.
fn learns(mut mixed: Mixed, java: bool) {
    let start = |mixed: &mut Mixed, id: u8| if java == (id == 1) { mixed.start_java(id) } else { mixed.start(id) };
    start(&mut mixed, 2);
    start(&mut mixed, 3);
    let leader = mixed.wait_until_serving();
    let mut session = fill(&mixed, leader);

    // On an empty disk.
    let mut said = Said::default();
    start(&mut mixed, 1);
    mixed.wait_until_serving();
    said.next(&mixed, Way::Snapshot);
    let whole = mixed.agree();
    assert!(whole.len() > MANY, "{} znodes", whole.len());

    // On its own, a little behind.
    mixed.stop(1);
    add(&mixed, leader, "/later", 100);
    start(&mut mixed, 1);
    mixed.wait_until_serving();
    said.next(&mixed, Way::Difference);
    mixed.settle();

    // Ahead, with a transaction that nobody else has, of an epoch that is over.
    mixed.stop(1);
    let ahead = last_zxid(&mixed, leader);
    log_one_more(&mixed.directory().join("1/data"), ahead);
    mixed.stop(leader);
    start(&mut mixed, leader);
    let leader = mixed.wait_until_serving();
    if java {
        // Java's leader sends SNAP to one that is ahead in an epoch before its last transaction's.
        add(&mixed, leader, "/of-the-next-epoch", 10);
    }
    start(&mut mixed, 1);
    mixed.wait_until_serving();
    said.next(&mixed, Way::Truncation);
    mixed.settle();

    session = mixed.again(&session, 1);
    assert!(session.exists("/many/ephemeral-7"));
    // And from its own log once more, behind what was cut.
    mixed.stop(1);
    start(&mut mixed, 1);
    mixed.wait_until_serving();
    said.next(&mixed, Way::Difference);
    let tree: BTreeMap<String, Znode> = mixed.agree();
    assert!(!tree.contains_key("/ahead"), "it was never committed");
}

/// Many znodes, with ACLs, by a session that stays.
fn fill(mixed: &Mixed, id: u8) -> Client {
    let mut client = mixed.client(id);
    client.create("/many", b"", CreateMode::Persistent).expect("created");
    let requests: Vec<ClientRequest> = (0..MANY).map(znode).collect();
    for part in requests.chunks(500) {
        client.send(part);
        part.iter().for_each(|_| assert!(matches!(client.reply(), Some(Ok(_)))));
    }
    client
}

fn znode(number: usize) -> ClientRequest {
    let of = |user: usize| Acl { perms: Perms::ALL, id: Id::new("digest", &format!("user-{user}:x")) };
    let everybody = Acl { perms: Perms::READ, id: Id::new("world", "anyone") };
    let (name, mode) = match number % 1000 {
        7 => (format!("/many/ephemeral-{number}"), CreateMode::Ephemeral),
        _ => (format!("/many/{number}"), CreateMode::Persistent),
    };
    let acl = if number.is_multiple_of(3) { vec![of(number % 50), everybody] } else { Acl::open() };
    let data = Some(number.to_string().into_bytes().into());
    ClientRequest::Write(Change::Create { kind: OpCode::Create, path: name, data, acl, flags: mode.number(), ttl: -1 })
}

fn add(mixed: &Mixed, id: u8, path: &str, count: usize) {
    let mut client = mixed.client(id);
    client.create(path, b"", CreateMode::Persistent).expect("created");
    for _ in 0..count {
        client.call(create(&format!("{path}/n-"), b"data", CreateMode::PersistentSequential)).expect("created");
    }
    client.close();
}

fn last_zxid(mixed: &Mixed, id: u8) -> Zxid {
    let word = mixed.word(id, "srvr").expect("an answer");
    let text = word.lines().find_map(|line| line.strip_prefix("Zxid: 0x")).expect("a zxid");
    Zxid(u64::from_str_radix(text, 16).expect("a number"))
}

/// Writes a transaction into a stopped server's log, as one who was alone with it would have.
fn log_one_more(data: &Path, last: Zxid) {
    let zxid = Zxid(last.0 + 1);
    let header = TxnHeader { session: SessionId(0x1234), cxid: 1, zxid, time: 1, kind: OpCode::Create };
    let (path, acl) = ("/ahead".to_owned(), Acl::open());
    let record = Record::Create(CreateTxn { path, data: None, acl, ephemeral: false, parent_cversion: 99 });
    let mut bytes = Vec::new();
    encode_transaction(&Transaction { header, record, digest: None }, &mut bytes);
    let directory = DataDirectory::new(Arc::new(OperatingSystem), data, data);
    let options = LogOptions { preallocation: 1 << 20, ..LogOptions::default() };
    let files = directory.files().clone();
    let mut log = FileLog::open(files, directory.log_directory(), options).expect("a log");
    assert!(log.last_zxid().is_some_and(|logged| logged <= last && logged.epoch() > Epoch(0)));
    log.append(&bytes).expect("appended");
    log.commit().expect("durable");
}

/// How a learner is brought to its leader's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Snapshot,
    Difference,
    Truncation,
}

/// What server 1 has said of it so far.
#[derive(Default)]
struct Said(usize);

impl Said {
    /// What both programs log of each.
    const WORDS: [(&str, Way); 6] = [
        ("Getting a snapshot from leader", Way::Snapshot),
        ("Getting a diff from the leader", Way::Difference),
        ("Truncating log to get in sync with the leader", Way::Truncation),
        ("the leader sends SNAP", Way::Snapshot),
        ("the leader sends DIFF", Way::Difference),
        ("the leader sends TRUNC", Way::Truncation),
    ];

    /// It was brought up to date once more, and this way.
    fn next(&mut self, mixed: &Mixed, expected: Way) {
        let log = mixed.log(1);
        let way = |line: &str| Self::WORDS.iter().find(|(words, _)| line.contains(words)).map(|(_, way)| *way);
        let ways: Vec<Way> = log.lines().filter_map(way).collect();
        assert_eq!(ways.get(self.0..), Some(&[expected][..]), "after {} others:\n{log}", self.0);
        self.0 += 1;
    }
}

//! Requests, replies and events against the bytes of Java's own classes: both ways.

use bytes::Bytes;
use zab::Zxid;
use zab::tree::{Acl, Change, Id, OpCode, Perms, SessionId, Stat, StatPersisted};
use zabkeeper::wire::event::{EventType, KeeperState, encode_event};
use zabkeeper::wire::request::{AuthPacket, ReconfigRequest, SetWatches, WatchSelection, WatchingRead};
use zabkeeper::wire::{
    ClientInfo, ClientRequest, ConnectRequest, ConnectResponse, OperationResult, ReadOperation, Reply, ReplyHeader,
    WatcherEvent, encode_reply,
};

/// The bytes with this name in `golden.txt`.
pub fn golden(name: &str) -> Bytes {
    let mut lines = include_str!("golden.txt").lines().filter_map(|line| line.split_once(' '));
    let (_, hex) = lines.find(|(found, _)| *found == name).unwrap_or_else(|| panic!("no {name}"));
    let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("digits"));
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect()
}

pub fn two_entries() -> Vec<Acl> {
    [Acl::open(), vec![Acl { perms: Perms(5), id: Id::new("digest", "bob:x") }]].concat()
}

pub fn data() -> Option<Bytes> {
    Some(Bytes::from_static(b"data"))
}

fn stat() -> Stat {
    let persisted = StatPersisted {
        czxid: Zxid(1),
        mzxid: Zxid(2),
        ctime: 3,
        mtime: 4,
        version: 5,
        cversion: 6,
        aversion: 7,
        ephemeral_owner: 8,
        pzxid: Zxid(11),
    };
    Stat { persisted, data_length: 9, num_children: 10 }
}

fn create(kind: OpCode, path: &str, data: Option<Bytes>, acl: Vec<Acl>, flags: i32, ttl: i64) -> Change {
    Change::Create { kind, path: path.to_owned(), data, acl, flags, ttl }
}

fn a() -> String {
    "/a".to_owned()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn check_request(name: &str, request: &ClientRequest) {
    let expected = golden(name);
    assert_eq!(ClientRequest::decode(request.kind(), &expected).as_ref(), Ok(request), "{name}");
    let mut written = Vec::new();
    request.encode(&mut written);
    assert_eq!(written, expected, "{name}");
}

fn check_reply(name: &str, kind: OpCode, reply: &Reply) {
    let expected = golden(name);
    assert_eq!(Reply::decode(kind, &expected).as_ref(), Ok(reply), "{name}");
    let mut written = Vec::new();
    reply.encode(&mut written);
    assert_eq!(written, expected, "{name}");
}

#[test]
fn changes() {
    let (open, empty) = (Acl::open(), Some(Bytes::new()));
    let changes = [
        ("create", create(OpCode::Create, "/a", data(), two_entries(), 3, -1)),
        ("create_null", create(OpCode::Create2, "/a", None, open.clone(), 0, -1)),
        ("create_ttl", create(OpCode::CreateTtl, "/a", empty, open.clone(), 5, 60000)),
        ("delete", Change::Delete { path: a(), version: -1 }),
        ("set_data", Change::SetData { path: a(), data: data(), version: 4 }),
        ("set_acl", Change::SetAcl { path: a(), acl: open.clone(), version: 2 }),
        (
            "multi",
            Change::Multi(vec![
                create(OpCode::Create, "/a", data(), open.clone(), 0, -1),
                create(OpCode::CreateTtl, "/t", None, open.clone(), 5, 5),
                create(OpCode::CreateContainer, "/c", None, open, 4, -1),
                Change::Delete { path: "/b".to_owned(), version: 3 },
                Change::SetData { path: a(), data: None, version: 1 },
                Change::Check { path: a(), version: 2 },
            ]),
        ),
    ];
    for (name, change) in changes {
        check_request(name, &ClientRequest::Write(change));
    }
}

#[test]
fn other_requests() {
    let (read, selection) = (WatchingRead { path: a(), watch: true }, WatchSelection { path: a(), kind: 3 });
    let one = |path| names(&[path]);
    let watches = SetWatches { relative_zxid: Zxid(9), data: one("/d"), exist: one("/e"), ..SetWatches::default() };
    let first = SetWatches { exist: names(&["/e", "/f"]), ..watches.clone() };
    let second = SetWatches { child: one("/c"), persistent: one("/p"), persistent_recursive: one("/r"), ..watches };
    let joining = Some("server.1=h:1:2".to_owned());
    let auth = Some(Bytes::from_static(b"bob:secret"));
    let requests = [
        ("get_data", ClientRequest::GetData(read.clone())),
        ("get_data", ClientRequest::Exists(read.clone())),
        ("get_data", ClientRequest::GetChildren(read.clone())),
        ("get_data", ClientRequest::GetChildren2(read)),
        ("get_acl", ClientRequest::GetAcl { path: a() }),
        ("get_acl", ClientRequest::GetAllChildrenNumber { path: a() }),
        ("set_watches", ClientRequest::SetWatches(first)),
        ("set_watches2", ClientRequest::SetWatches2(second)),
        ("add_watch", ClientRequest::AddWatch { path: a(), mode: 1 }),
        ("remove_watches", ClientRequest::RemoveWatches(selection.clone())),
        ("remove_watches", ClientRequest::CheckWatches(selection)),
        ("auth", ClientRequest::Auth(AuthPacket { kind: 0, scheme: "digest".to_owned(), auth })),
        ("sync_null", ClientRequest::Sync { path: None }),
        ("ephemerals", ClientRequest::GetEphemerals { prefix: Some("/p".to_owned()) }),
        ("reconfig", ClientRequest::Reconfig(ReconfigRequest { joining, leaving: None, members: None, current: -1 })),
        ("sasl", ClientRequest::Sasl { token: Some(Bytes::new()) }),
        (
            "multi_read",
            ClientRequest::MultiRead(vec![
                ReadOperation::GetChildren { path: a() },
                ReadOperation::GetData { path: "/b".to_owned() },
            ]),
        ),
    ];
    for (name, request) in requests {
        check_request(name, &request);
    }
}

#[test]
fn replies() {
    let stat = stat();
    let clients = vec![ClientInfo { scheme: "ip".to_owned(), user: "10.0.0.1".to_owned() }];
    let results = vec![
        OperationResult::Create { path: a() },
        OperationResult::Create2 { path: "/t".to_owned(), stat },
        OperationResult::Delete,
        OperationResult::SetData(stat),
        OperationResult::Check,
        OperationResult::GetChildren(names(&["x"])),
        OperationResult::GetData { data: data(), stat },
        OperationResult::Error(-2),
    ];
    let replies = [
        ("create_response", OpCode::Create, Reply::Create { path: "/a0000000001".to_owned() }),
        ("create2_response", OpCode::Create2, Reply::Create2 { path: a(), stat }),
        ("stat", OpCode::SetData, Reply::Stat(stat)),
        ("stat", OpCode::Exists, Reply::Stat(stat)),
        ("get_data_response", OpCode::GetData, Reply::Data { data: data(), stat }),
        ("get_data_null", OpCode::GetData, Reply::Data { data: None, stat }),
        ("get_acl_response", OpCode::GetAcl, Reply::Acl { acl: two_entries(), stat }),
        ("children", OpCode::GetChildren, Reply::Names(names(&["x", "yy"]))),
        ("children", OpCode::GetEphemerals, Reply::Names(names(&["x", "yy"]))),
        ("children2", OpCode::GetChildren2, Reply::NamesAndStat { names: names(&["x"]), stat }),
        ("number", OpCode::GetAllChildrenNumber, Reply::Number(12)),
        ("sasl_response", OpCode::Sasl, Reply::Sasl { token: Some(Bytes::from_static(&[1])) }),
        ("who", OpCode::WhoAmI, Reply::WhoAmI(clients)),
        ("multi_response", OpCode::Multi, Reply::Multi(results)),
    ];
    for (name, kind, reply) in replies {
        check_reply(name, kind, &reply);
    }
}

/// A frame around these bytes.
fn framed(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).expect("short").to_be_bytes(), bytes].concat()
}

#[test]
fn headers_and_events() {
    let (mut written, zxid) = (Vec::new(), Zxid(0x5_0000_0003));
    encode_reply(&mut written, &ReplyHeader { xid: 5, zxid, err: -101 }, &Reply::Nothing);
    assert_eq!(written, framed(&golden("reply_header")));

    let mut written = Vec::new();
    encode_event(&mut written, zxid, EventType::NodeDataChanged, KeeperState::SyncConnected, "/a");
    assert_eq!(written, framed(&golden("event")));
    let (header, body) = ReplyHeader::split(golden("event")).expect("a header");
    assert_eq!(header, ReplyHeader { xid: -1, zxid, err: 0 });
    let event = WatcherEvent { kind: EventType::NodeDataChanged, state: KeeperState::SyncConnected, path: a() };
    assert_eq!(WatcherEvent::decode(&body), Ok(event));
}

/// With and without the last byte.
#[test]
fn connecting() {
    let password: Bytes = (1..=16).collect();
    for read_only in [None, Some(false), Some(true)] {
        let byte: Vec<u8> = read_only.map(u8::from).into_iter().collect();
        let request = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: Zxid(0x5_0000_0003),
            timeout: 30000,
            session: SessionId(0x1000_00ab_cdef_0001),
            password: Some(password.clone()),
            read_only,
        };
        let (mut written, expected) = (Vec::new(), [&golden("connect_request")[..], &byte].concat());
        request.encode(&mut written);
        assert_eq!(written, framed(&expected));
        assert_eq!(ConnectRequest::decode(&expected.into()), Ok(request.clone()));

        let (session, password) = (request.session, request.password);
        let response = ConnectResponse { protocol_version: 0, timeout: 30000, session, password, read_only };
        let (mut written, expected) = (Vec::new(), [&golden("connect_response")[..], &byte].concat());
        response.encode(&mut written);
        assert_eq!(written, framed(&expected));
        assert_eq!(ConnectResponse::decode(&expected.into()), Ok(response));
    }
}

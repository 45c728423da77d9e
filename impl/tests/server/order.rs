//! The order of replies, and what reads see.

use crate::Place;
use crate::harness::{Client, Packet, auth, children, code, create, delete, exists, get, set};
use zab::tree::{Acl, Change, Code, CreateMode, OpCode, Perms};
use zabkeeper::wire::{ClientRequest, EventType, OperationResult, Reply, ReplyHeader, encode_request};

/// A request that no client of ZooKeeper has.
fn unknown() -> ClientRequest {
    ClientRequest::Unknown { kind: 4711 }
}

#[test]
fn a_read_behind_a_write_sees_it_and_no_later_one() {
    let place = Place::new();
    let mut client = place.client();
    client.create("/n", b"-", CreateMode::Persistent).expect("created");
    for round in 0..20 {
        let writes = (0..50).map(|number| format!("{round}.{number}")).collect::<Vec<_>>();
        let requests: Vec<ClientRequest> =
            writes.iter().flat_map(|data| [set("/n", data.as_bytes()), get("/n", false)]).collect();
        client.send(&requests);
        for expected in &writes {
            let Some(Ok(Reply::Stat(written))) = client.reply() else { panic!("a Stat") };
            let Some(Ok(Reply::Data { data, stat })) = client.reply() else { panic!("data") };
            assert_eq!((data.as_deref(), stat), (Some(expected.as_bytes()), written));
        }
    }
}

#[test]
fn every_kind_of_request_keeps_its_place() {
    let place = Place::new();
    let mut client = place.client();
    client.create("/p", b"", CreateMode::Persistent).expect("created");
    let requests = [
        get("/p", false),
        set("/p", b"1"),
        ClientRequest::Ping,
        get("/nothing", false),
        ClientRequest::Sync { path: Some("/p".into()) },
        delete("/nothing"),
        exists("/p", false),
        create("/p/c", b"", CreateMode::PersistentSequential),
        children("/p", false),
        ClientRequest::WhoAmI,
    ];
    for _ in 0..20 {
        // `receive` compares every xid with the oldest that is not answered.
        client.send(&requests);
        let replies: Vec<_> = requests.iter().map(|_| client.reply().expect("a reply")).collect();
        assert!(matches!(replies[4], Ok(Reply::Sync { .. })), "{:?}", replies[4]);
        assert_eq!((&replies[3], &replies[5]), (&Err(Code::NoNode.number()), &Err(Code::NoNode.number())));
        let (Ok(Reply::Create { path }), Ok(Reply::Names(names))) = (&replies[7], &replies[8]) else {
            panic!("{replies:?}")
        };
        assert!(names.iter().any(|name| path.ends_with(name.as_str())), "{path} in {names:?}");
    }
}

#[test]
fn the_zxids_of_replies_never_go_back() {
    let place = Place::new();
    let (mut client, mut other) = (place.client(), place.client());
    client.create("/n", b"", CreateMode::Persistent).expect("created");
    let mut last = zab::Zxid(0);
    for _ in 0..20 {
        other.send(&vec![set("/n", b"o"); 20]);
        client.send(&[set("/n", b"c"), get("/n", false), delete("/missing"), ClientRequest::Ping, get("/n", false)]);
        for _ in 0..5 {
            let Some(Packet::Reply { zxid, .. }) = client.receive() else { panic!("a reply") };
            assert!(zxid >= last, "{zxid} behind {last}");
            last = zxid;
        }
        (0..20).for_each(|_| assert!(other.reply().expect("a reply").is_ok()));
    }
}

#[test]
fn sessions_write_side_by_side_without_losing_anything() {
    const SESSIONS: usize = 8;
    const WRITES: usize = 300;
    let place = Place::new();
    place.client().create("/n", b"", CreateMode::Persistent).expect("created");
    let address = place.address();
    let threads: Vec<_> = (0..SESSIONS)
        .map(|_| {
            std::thread::spawn(move || {
                let mut client = Client::open(address);
                let mut versions = Vec::new();
                for _ in 0..WRITES / 30 {
                    client.send(&vec![set("/n", b"x"); 30]);
                    for _ in 0..30 {
                        let Some(Ok(Reply::Stat(stat))) = client.reply() else { panic!("a Stat") };
                        versions.push(stat.persisted.version);
                    }
                }
                assert!(versions.is_sorted_by(|a, b| a < b), "each later than the one before");
                versions
            })
        })
        .collect();
    let mut all: Vec<i32> = threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect();
    all.sort_unstable();
    let every: Vec<i32> = (1..).take(SESSIONS * WRITES).collect();
    assert_eq!(all, every, "every version was given to one write");
}

#[test]
fn a_failed_multi_changes_nothing_and_says_where_it_failed() {
    let place = Place::new();
    let mut client = place.client();
    let ClientRequest::Write(make) = create("/m", b"", CreateMode::Persistent) else { unreachable!() };
    let missing = Change::Check { path: "/nothing".into(), version: 0 };
    let multi = ClientRequest::Write(Change::Multi(vec![make.clone(), missing, make]));
    let Ok(Reply::Multi(results)) = client.call(multi) else { panic!("results") };
    let failed: Vec<i32> = results
        .iter()
        .map(|result| if let OperationResult::Error(err) = result { *err } else { panic!("{result:?}") })
        .collect();
    assert_eq!(failed, [0, Code::NoNode.number(), Code::RuntimeInconsistency.number()]);
    assert!(!client.exists("/m"));
}

#[test]
fn events_come_before_the_replies_that_show_them() {
    let place = Place::new();
    let (mut watcher, mut writer) = (place.client(), place.client());
    writer.create("/w", b"0", CreateMode::Persistent).expect("created");
    let mut last = b"0".to_vec();
    let mut fired = 0;
    for round in 1..=300 {
        let Ok(Reply::Data { data, .. }) = watcher.call(get("/w", true)) else { panic!("data") };
        let data = data.unwrap_or_default().to_vec();
        let told = !watcher.events.is_empty();
        watcher.events.clear();
        assert_eq!(told, data != last && round > 1, "round {round}: told of a change if there is one");
        fired += usize::from(told);
        last = data;
        writer.send(&[set("/w", round.to_string().as_bytes())]);
        if round % 3 != 0 {
            // Sometimes the read comes while the write is on its way.
            writer.reply().expect("a reply").expect("set");
        } else {
            let Ok(Reply::Data { data, .. }) = watcher.call(get("/w", false)) else { panic!("data") };
            let data = data.unwrap_or_default().to_vec();
            assert_eq!(!watcher.events.is_empty(), data != last, "round {round}");
            writer.reply().expect("a reply").expect("set");
        }
    }
    assert!(fired > 200, "the watch has fired {fired} times");
}

#[test]
fn ones_own_change_is_told_before_its_reply() {
    let place = Place::new();
    let mut client = place.client();
    client.create("/own", b"", CreateMode::Persistent).expect("created");
    client.call(get("/own", true)).expect("watched");
    client.send(&[set("/own", b"1")]);
    assert_eq!(client.event(), (EventType::NodeDataChanged, "/own".into()));
    assert!(matches!(client.receive(), Some(Packet::Reply { result: Ok(Reply::Stat(_)), .. })));
}

#[test]
fn an_unknown_request_is_answered_and_is_the_last() {
    let place = Place::new();
    let mut client = place.client();
    // One alone, and one behind a write that is not answered yet.
    assert_eq!(client.call(unknown()), Err(Code::Unimplemented));
    assert!(client.is_closed());
    let mut client = client.again(place.address()).expect("the session itself goes on");
    client.send(&[
        create("/before", b"", CreateMode::Persistent),
        unknown(),
        create("/behind", b"", CreateMode::Persistent),
    ]);
    assert!(matches!(client.reply(), Some(Ok(Reply::Create { .. }))));
    assert_eq!(client.reply().map(|reply| reply.map_err(code)), Some(Err(Code::Unimplemented)));
    assert!(client.is_closed());
    let mut other = place.client();
    assert_eq!((other.exists("/before"), other.exists("/behind")), (true, false));
}

#[test]
fn a_request_that_cannot_be_read_gets_an_error_and_the_connection_goes_on() {
    let place = Place::new();
    let mut client = place.client();
    client.create("/n", b"", CreateMode::Persistent).expect("created");
    // A getData without its last byte.
    let mut bytes = Vec::new();
    client.encode(&get("/n", false), &mut bytes);
    let length = u32::try_from(bytes.len() - 5).expect("short");
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    bytes.pop();
    client.wire.send(&bytes).expect("sent");
    assert_eq!(client.reply().map(|reply| reply.map_err(code)), Some(Err(Code::MarshallingError)));
    client.get("/n").expect("it goes on");
}

#[test]
fn proofs_open_what_was_closed_and_a_failed_one_ends_the_connection() {
    let place = Place::new();
    let mut owner = place.client();
    assert_eq!(owner.call(auth("digest", "ann:secret")), Ok(Reply::Nothing));
    let creator = Acl { perms: Perms::ALL, id: zab::tree::Id::new("auth", "") };
    let closed = ClientRequest::Write(Change::Create {
        kind: OpCode::Create,
        path: "/closed".into(),
        data: None,
        acl: vec![creator],
        flags: 0,
        ttl: -1,
    });
    owner.call(closed).expect("created");
    let mut other = place.client();
    assert_eq!(other.get("/closed").map(|_| ()), Err(Code::NoAuth));
    assert_eq!(other.call(auth("digest", "ann:secret")), Ok(Reply::Nothing));
    other.get("/closed").expect("it is ann");

    other.send(&[auth("kerberos", "x"), create("/behind", b"", CreateMode::Persistent)]);
    assert_eq!(other.reply().map(|reply| reply.map_err(code)), Some(Err(Code::AuthFailed)));
    assert!(other.is_closed());
    assert!(!owner.exists("/behind"), "what stands behind a failed proof is not done");
}

#[test]
fn a_proof_is_answered_by_its_own_number_and_one_that_cannot_be_read_is_the_last() {
    let place = Place::new();
    let mut client = place.client();
    for xid in [-4, 77] {
        let mut bytes = Vec::new();
        encode_request(&mut bytes, xid, &auth("digest", "ann:secret"));
        client.wire.send(&bytes).expect("sent");
        let (header, _) = ReplyHeader::split(client.wire.packet().expect("a reply")).expect("a header");
        assert_eq!((header.xid, header.zxid, header.err), (xid, zab::Zxid(0), 0));
    }
    let last_zxid = || place.server().shared().tree.read().last_zxid();
    let last = last_zxid();
    // Behind xid and type there is nothing.
    client.wire.send(&[0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0, 100]).expect("sent");
    assert!(client.is_closed());
    place.client().close();
    assert_eq!(last_zxid().0, last.0 + 2, "a session was opened and closed, nothing else");
}

//! Sessions: opened, taken up again, kept, expired, closed.

use crate::harness::{Client, Packet, Wire, code, create, eventually, exists, get, opening};
use crate::{Place, hasten};
use bytes::{BufMut, Bytes};
use std::time::{Duration, Instant};
use zab::Zxid;
use zab::tree::{Code, CreateMode, SessionId};
use zabkeeper::wire::{ClientRequest, ConnectRequest, EventType, Reply, Writer};

#[test]
fn a_session_opens_and_closes() {
    let place = Place::new();
    let mut client = place.client();
    assert_ne!(client.session, SessionId(0));
    assert_eq!(client.password.len(), 16);
    let path = client.create("/a", b"", CreateMode::Ephemeral).expect("created");
    let mut other = place.client();
    assert_ne!(other.session, client.session);
    assert!(other.exists(&path));
    client.close();
    assert!(!other.exists(&path), "its ephemeral goes with the session, before the close is answered");
}

#[test]
fn timeouts_are_negotiated() {
    let place = Place::new();
    for (asked, granted) in [(1, 6000), (10_000, 10_000), (1_000_000, 60_000), (-5, 6000)] {
        assert_eq!(Client::open_for(place.address(), asked).timeout, granted, "of {asked}");
    }
}

#[test]
fn clients_of_old_get_no_read_only_byte() {
    let place = Place::new();
    // `try_connect` compares the presence of the byte.
    let old = ConnectRequest { read_only: None, ..opening(10_000) };
    let mut client = Client::try_connect(place.address(), &old).expect("a session");
    client.create("/old", b"", CreateMode::Persistent).expect("served like any other");
    let again = ConnectRequest { read_only: None, ..client.resuming() };
    assert!(Client::try_connect(place.address(), &again).is_some(), "taking it up is no different");
    let over = ConnectRequest { session: SessionId(77), ..again };
    assert!(Client::try_connect(place.address(), &over).is_none(), "nor is being refused");
}

#[test]
fn a_wrong_password_gets_no_session() {
    let place = Place::new();
    let owner = place.client();
    for password in [Some(Bytes::from_static(&[7; 16])), Some(Bytes::new()), None] {
        let wrong = ConnectRequest { password, ..owner.resuming() };
        assert!(Client::try_connect(place.address(), &wrong).is_none());
    }
    assert!(owner.again(place.address()).is_some(), "the session itself has not suffered");
}

#[test]
fn nothing_is_done_for_who_gets_no_session() {
    let place = Place::new();
    let mut client = place.client();
    let mut bytes = Vec::new();
    ConnectRequest { password: None, ..client.resuming() }.encode(&mut bytes);
    place.client().encode(&create("/smuggled", b"", CreateMode::Persistent), &mut bytes);
    let mut wire = Wire::connect(place.address());
    wire.send(&bytes).expect("sent");
    wire.rest();
    assert!(!client.exists("/smuggled"));
}

#[test]
fn a_session_goes_on_over_a_new_connection_and_the_old_one_ends() {
    let place = Place::new();
    let mut old = place.client();
    old.create("/mine", b"1", CreateMode::Ephemeral).expect("created");
    let mut new = old.again(place.address()).expect("the session goes on");
    assert_eq!((new.session, &new.password), (old.session, &old.password));
    assert!(old.is_closed());
    let (_, stat) = new.get("/mine").expect("the ephemeral is there");
    assert_eq!(stat.persisted.ephemeral_owner, new.session.0);
    new.create("/mine2", b"", CreateMode::Ephemeral).expect("it is the same session");
    new.close();
}

#[test]
fn an_unknown_session_is_over() {
    let place = Place::new();
    let password = zab::tree::session::password(SessionId(12345));
    let request = ConnectRequest {
        session: SessionId(12345),
        password: Some(Bytes::copy_from_slice(&password)),
        ..opening(10_000)
    };
    assert!(Client::try_connect(place.address(), &request).is_none());
}

#[test]
fn a_client_that_has_seen_more_is_refused_without_an_answer() {
    let place = Place::new();
    let mut wire = Wire::connect(place.address());
    let mut bytes = Vec::new();
    ConnectRequest { last_zxid_seen: Zxid(1 << 40), ..opening(10_000) }.encode(&mut bytes);
    wire.send(&bytes).expect("sent");
    assert_eq!(wire.packet(), None, "no answer: it shall try another server");
}

#[test]
fn an_expired_session_loses_its_ephemerals_in_one_transaction() {
    let place = Place::hasty();
    let mut watcher = place.client();
    let mut dying = Client::open_for(place.address(), 200);
    for path in ["/e1", "/e2", "/e3"] {
        dying.create(path, b"", CreateMode::Ephemeral).expect("created");
        watcher.call(exists(path, true)).expect("there");
    }
    let mut zxids = Vec::new();
    for _ in 0..3 {
        match watcher.receive() {
            Some(Packet::Event { zxid, kind: EventType::NodeDeleted, .. }) => zxids.push(zxid),
            other => panic!("{other:?} where a znode was to be deleted"),
        }
    }
    assert!(zxids.iter().all(|zxid| *zxid == zxids[0]), "{zxids:?}");
    assert!(dying.is_closed(), "its connection ends with it");
    assert!(dying.again(place.address()).is_none(), "it cannot be taken up any more");
    let tree = place.server().shared().tree.read();
    assert_eq!(tree.last_zxid(), zxids[0], "nothing came behind it");
    assert_eq!(tree.sessions().count(), 1);
}

#[test]
fn pings_keep_a_session_and_silence_ends_it() {
    let place = Place::hasty();
    let mut client = Client::open_for(place.address(), 300);
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(1200) {
        assert_eq!(client.call(ClientRequest::Ping), Ok(Reply::Nothing));
        std::thread::sleep(Duration::from_millis(60));
    }
    client.create("/alive", b"", CreateMode::Ephemeral).expect("the session lives");
    let silent = Instant::now();
    assert!(client.is_closed());
    assert!(silent.elapsed() >= Duration::from_millis(240), "it had its time: {:?}", silent.elapsed());
    assert!(!place.client().exists("/alive"));
}

#[test]
fn a_session_outlives_its_connection_until_its_time_is_over() {
    let place = Place::hasty();
    let mut client = Client::open_for(place.address(), 600);
    client.create("/kept", b"", CreateMode::Ephemeral).expect("created");
    let resuming = client.resuming();
    drop(client);
    std::thread::sleep(Duration::from_millis(250));
    let mut other = place.client();
    assert!(other.exists("/kept"));
    let again = Client::try_connect(place.address(), &resuming).expect("in time");
    drop(again);
    eventually("the ephemeral goes", || !other.exists("/kept"));
}

#[test]
fn requests_behind_the_closing_of_a_session_are_not_done() {
    let place = Place::new();
    let mut client = place.client();
    let closing = ClientRequest::Write(zab::tree::Change::CloseSession);
    client.send(&[closing, create("/late", b"", CreateMode::Persistent), get("/late", false)]);
    assert_eq!(client.reply(), Some(Ok(Reply::Nothing)));
    while let Some(reply) = client.reply() {
        assert_eq!(reply.map_err(code), Err(Code::SessionExpired));
    }
    assert!(!place.client().exists("/late"));
}

#[test]
fn a_session_taken_up_with_another_timeout_has_that_one() {
    let mut place = Place::hasty();
    let client = Client::open_for(place.address(), 60_000);
    let hasty = ConnectRequest { timeout: 200, ..client.resuming() };
    let mut hasty = Client::try_connect(place.address(), &hasty).expect("taken up");
    assert_eq!(hasty.timeout, 200);
    let start = Instant::now();
    assert!(hasty.is_closed());
    assert!(start.elapsed() < Duration::from_secs(10), "expired by its new timeout");
    place.restart(hasten);
    assert!(client.again(place.address()).is_none(), "expired for good");
}

#[test]
fn a_first_packet_that_is_none_ends_the_connection() {
    let place = Place::new();
    let mut wire = Wire::connect(place.address());
    let mut bytes = Vec::new();
    bytes.put_measured(|out| out.put_i32(0));
    wire.send(&bytes).expect("sent");
    assert_eq!(wire.packet(), None);
    place.client().close();
}

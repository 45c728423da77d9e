//! What servers say to each other, against the bytes of Java's own classes: both ways.

use super::golden::golden;
use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use zab::tree::{Id, OpCode, SessionId};
use zab::{AckEpoch, Epoch, Message, Notification, Payload, Request, Round, ServerId, ServerState, Txn, Vote, Zxid};
use zabkeeper::disk::CheckedReader;
use zabkeeper::wire::WireError;
use zabkeeper::wire::election::{Hello, decode_notification, encode_notification};
use zabkeeper::wire::quorum::{Attachment, ForwardedRequest, Packet, RawPacket, SessionCheck, encode_packet};

const EPOCH: Epoch = Epoch(5);
const ZXID: Zxid = Zxid(0x5_0000_0003);
const SESSION: SessionId = SessionId(0x1000_00ab_cdef_0001);
const CONFIG: &str = "server.1=a:2:3:participant\nversion=0";

fn read(bytes: &[u8]) -> RawPacket {
    RawPacket::read(&mut CheckedReader::new(bytes)).expect("a packet")
}

/// Both ways: the message, and the sessions that come with it.
fn check_with(name: &str, message: &Message, touched: Option<&[(SessionId, i32)]>) {
    let expected = golden(&format!("quorum_{name}"));
    let packet = read(&expected).decode().expect("a packet that makes sense");
    assert_eq!(&packet.message, message, "{name}");
    let found = match &packet.attachment {
        Attachment::Touched(sessions) => Some(&sessions[..]),
        Attachment::None => None,
        Attachment::Snapshot(_) => panic!("{name} brings no snapshot"),
    };
    assert_eq!(found, touched, "{name}");
    let mut written = Vec::new();
    encode_packet(&mut written, ServerId(2), &packet);
    assert_eq!(written, expected, "{name}");
}

fn check(name: &str, message: &Message) {
    check_with(name, message, None);
}

#[test]
fn discovery_and_synchronisation() {
    check("followerinfo", &Message::FollowerInfo(Epoch(4)));
    check("observerinfo", &Message::ObserverInfo(Epoch(4)));
    check("leaderinfo", &Message::LeaderInfo(EPOCH));
    check("ackepoch", &Message::AckEpoch(AckEpoch { current_epoch: Some(Epoch(4)), last_zxid: ZXID }));
    check("ackepoch_again", &Message::AckEpoch(AckEpoch { current_epoch: None, last_zxid: ZXID }));
    check("diff", &Message::Diff(ZXID));
    check("trunc", &Message::Trunc(ZXID));
    check("snap", &Message::Snap(ZXID));
    check("newleader", &Message::NewLeader(EPOCH));
    check("uptodate", &Message::UpToDate);
    let with_config = read(&golden("quorum_newleader_config")).decode().expect("a packet");
    assert_eq!(with_config.message, Message::NewLeader(EPOCH));
}

#[test]
fn broadcast() {
    let txn = Txn { zxid: ZXID, payload: Payload(golden("txn_delete")) };
    check("proposal", &Message::Proposal(txn.clone()));
    check("inform", &Message::Inform(txn));
    check("ack", &Message::Ack(ZXID));
    check("commit", &Message::Commit(ZXID));
    check("sync", &Message::Sync);
    check("ping", &Message::Ping(ZXID.0));
    check_with("ping_untouched", &Message::Ping(ZXID.0), Some(&[]));
    let touched = [(SESSION, 30_000), (SessionId(SESSION.0 + 1), 4_000)];
    check_with("ping_touched", &Message::Ping(ZXID.0), Some(&touched));
}

#[test]
fn what_the_protocol_carries_unread() {
    let question = SessionCheck::Question { session: SESSION, timeout: 30_000 };
    check("revalidate", &Message::Revalidate(question.to_payload()));
    assert_eq!(SessionCheck::question(&question.to_payload()), Ok(question));
    let answer = SessionCheck::Answer { session: SESSION, valid: true };
    check("revalidated", &Message::Revalidate(answer.to_payload()));
    assert_eq!(SessionCheck::answer(&answer.to_payload()), Ok(answer));

    let identities = vec![Id::new("ip", "10.0.0.1"), Id::new("digest", "bob:x")];
    let (kind, body) = (OpCode::Delete.number(), golden("delete"));
    let delete = ForwardedRequest { session: SESSION, cxid: 7, kind, body, identities };
    check("request", &Message::Request(Request::Write(delete.to_payload())));
    assert_eq!(ForwardedRequest::from_payload(&delete.to_payload()).as_ref(), Ok(&delete));
    let (kind, body) = (OpCode::Sync.number(), Bytes::from_static(b"\0\0\0\x02/a"));
    let sync = ForwardedRequest { cxid: 8, kind, body, ..delete };
    check("request_sync", &Message::Request(Request::Sync(sync.to_payload())));
}

#[test]
fn reconfigurations_are_refused_with_a_sentence() {
    for name in ["quorum_commitandactivate", "quorum_informandactivate"] {
        let refused = read(&golden(name)).decode().map(|packet| packet.message);
        assert_eq!(refused, Err(WireError::Reconfiguration), "{name}");
    }
}

fn notification(state: ServerState, vote: Option<Vote>) -> Notification {
    Notification { state, round: Round(6), vote }
}

#[test]
fn notifications() {
    let vote = Some(Vote { leader: ServerId(3), zxid: ZXID, peer_epoch: EPOCH });
    let looking = notification(ServerState::Looking, vote);
    for (name, expected) in
        [("notification", looking), ("notification_none", notification(ServerState::Observing, None))]
    {
        let bytes = golden(name);
        assert_eq!(decode_notification(&bytes), Ok(expected), "{name}");
        let mut written = Vec::new();
        encode_notification(&mut written, &expected, CONFIG);
        let length = u32::try_from(bytes.len()).expect("short").to_be_bytes();
        assert_eq!(written, [&length[..], &bytes].concat(), "{name}");
    }
    // Of 3.4: with the epoch but no list of servers, and without the epoch.
    let leading = notification(ServerState::Leading, vote);
    let old = golden("notification_old");
    assert_eq!(decode_notification(&old), Ok(leading));
    assert_eq!(decode_notification(&old[..36]), Ok(leading));
    assert_eq!(decode_notification(&old[..28]), Ok(leading));
    assert_eq!(decode_notification(&old[..27]), Err(WireError::End("electionEpoch")));
    // The zxid −1 of a server that does not trust its own data: no vote.
    let untrusted = [&old[..12], &[0xff; 8], &old[20..]].concat();
    assert_eq!(decode_notification(&untrusted), Ok(notification(ServerState::Leading, None)));
    let of_nobody = [&old[..4], &300_i64.to_be_bytes(), &old[12..]].concat();
    assert_eq!(decode_notification(&of_nobody), Err(WireError::Vote("leader")));
}

#[test]
fn hellos() {
    for (name, addresses) in [("hello", "127.0.0.1:3888"), ("hello_several", "127.0.0.1:3888|[::1]:3889")] {
        let expected = Hello { id: ServerId(2), addresses: addresses.to_owned() };
        let bytes = golden(name);
        let mut written = Vec::new();
        expected.encode(&mut written);
        assert_eq!(written, bytes, "{name}");
        for length in 0..bytes.len() {
            let mut input = BytesMut::from(&bytes[..length]);
            assert_eq!(Hello::decode(&mut input), Ok(None), "{name} cut at {length}");
            assert_eq!(input.len(), length, "nothing is taken");
        }
        let mut input = BytesMut::from(&[&bytes[..], b"more"].concat()[..]);
        assert_eq!(Hello::decode(&mut input), Ok(Some(expected)), "{name}");
        assert_eq!(&input[..], b"more");
    }
    let of_old = Hello { id: ServerId(7), addresses: String::new() };
    assert_eq!(Hello::decode(&mut BytesMut::from(&7_i64.to_be_bytes()[..])), Ok(Some(of_old)));
    for version in [-1_i64, 256, -65537, i64::MIN] {
        assert_eq!(Hello::decode(&mut BytesMut::from(&version.to_be_bytes()[..])), Err(WireError::Hello), "{version}");
    }
    for length in [0, -1, 2049, i32::MAX] {
        let start = [&golden("hello")[..16], &i32::to_be_bytes(length)].concat();
        assert_eq!(Hello::decode(&mut BytesMut::from(&start[..])), Err(WireError::Hello), "{length} bytes");
    }
}

/// Gives bytes to every decoder of the two ports.
fn feed(bytes: &[u8]) {
    let _ = Hello::decode(&mut BytesMut::from(bytes));
    let _ = decode_notification(bytes);
    let payload = Payload(Bytes::copy_from_slice(bytes));
    let _ = ForwardedRequest::from_payload(&payload);
    let _ = (SessionCheck::question(&payload), SessionCheck::answer(&payload));
    let whole = RawPacket::read(&mut CheckedReader::new(bytes)).ok().into_iter();
    let as_data = (0..=20).map(|kind| RawPacket { kind, zxid: ZXID, data: Some(payload.0.clone()), identities: None });
    for packet in whole.chain(as_data) {
        let _ = packet.introduction();
        if let Ok(packet) = packet.decode() {
            assert_written_the_same(&packet);
        }
    }
}

/// What was understood can be said, and is understood again.
fn assert_written_the_same(packet: &Packet) {
    let mut written = Vec::new();
    encode_packet(&mut written, ServerId(2), packet);
    let again = read(&written).decode().expect("what this server writes, it reads");
    assert_eq!(again.message, packet.message);
}

proptest! {
    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        feed(&bytes);
    }

    #[test]
    fn arbitrary_ints(ints in prop::collection::vec(prop_oneof![-3..25_i32, any::<i32>()], 0..40)) {
        feed(&ints.iter().flat_map(|int| int.to_be_bytes()).collect::<Vec<u8>>());
    }
}

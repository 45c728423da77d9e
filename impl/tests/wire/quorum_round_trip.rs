//! What servers say to each other survives the wire, and no part of it is taken for the whole.

use bytes::Bytes;
use proptest::prelude::*;
use zab::tree::{Id, OpCode, SessionId};
use zab::{AckEpoch, Epoch, Message, Notification, Payload, Request, Round, ServerId, ServerState, Txn, Vote, Zxid};
use zabkeeper::disk::CheckedReader;
use zabkeeper::wire::election::{decode_notification, encode_notification};
use zabkeeper::wire::quorum::{Attachment, ForwardedRequest, Packet, RawPacket, encode_packet};

fn epoch() -> impl Strategy<Value = Epoch> {
    any::<u32>().prop_map(Epoch)
}

fn zxid() -> impl Strategy<Value = Zxid> {
    any::<u64>().prop_map(Zxid)
}

fn payload() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..300).prop_map(Bytes::from)
}

fn txn() -> impl Strategy<Value = Txn> {
    (zxid(), payload()).prop_map(|(zxid, bytes)| Txn { zxid, payload: Payload(bytes) })
}

fn request() -> impl Strategy<Value = Request> {
    let identity = (".{0,9}", ".{0,9}").prop_map(|(scheme, id)| Id { scheme, id });
    let kind = prop_oneof![Just(OpCode::Sync.number()), any::<i32>()];
    let all = (any::<i64>(), any::<i32>(), kind, payload(), prop::collection::vec(identity, 0..4));
    all.prop_map(|(session, cxid, kind, body, identities)| {
        let forwarded = ForwardedRequest { session: SessionId(session), cxid, kind, body, identities };
        let payload = forwarded.to_payload();
        if kind == OpCode::Sync.number() { Request::Sync(payload) } else { Request::Write(payload) }
    })
}

fn message() -> impl Strategy<Value = Message> {
    let current = prop::option::of((0..=i32::MAX.unsigned_abs()).prop_map(Epoch));
    let ack = (current, zxid()).prop_map(|(current_epoch, last_zxid)| AckEpoch { current_epoch, last_zxid });
    prop_oneof![
        epoch().prop_map(Message::FollowerInfo),
        epoch().prop_map(Message::ObserverInfo),
        epoch().prop_map(Message::LeaderInfo),
        ack.prop_map(Message::AckEpoch),
        zxid().prop_map(Message::Diff),
        zxid().prop_map(Message::Trunc),
        epoch().prop_map(Message::NewLeader),
        Just(Message::UpToDate),
        txn().prop_map(Message::Proposal),
        txn().prop_map(Message::Inform),
        zxid().prop_map(Message::Ack),
        zxid().prop_map(Message::Commit),
        Just(Message::Sync),
        payload().prop_map(|bytes| Message::Revalidate(Payload(bytes))),
        request().prop_map(Message::Request),
        any::<u64>().prop_map(Message::Ping),
    ]
}

fn notification() -> impl Strategy<Value = Notification> {
    let vote = (1..=255_u8, zxid(), 0..=u32::MAX).prop_map(|(leader, zxid, epoch)| Vote {
        leader: ServerId(leader),
        zxid,
        peer_epoch: Epoch(epoch),
    });
    let states = [ServerState::Looking, ServerState::Following, ServerState::Leading, ServerState::Observing];
    let round = (0..=i64::MAX.unsigned_abs()).prop_map(Round);
    (prop::sample::select(states.to_vec()), round, prop::option::of(vote))
        .prop_map(|(state, round, vote)| Notification { state, round, vote })
}

proptest! {
    #[test]
    fn packets(message in message(), own in 1..=255_u8) {
        let (mut written, attachment) = (Vec::new(), Attachment::None);
        encode_packet(&mut written, ServerId(own), &Packet { message: message.clone(), attachment });
        let mut input = CheckedReader::new(&written[..]);
        let raw = RawPacket::read(&mut input).expect("a packet");
        if matches!(message, Message::FollowerInfo(_) | Message::ObserverInfo(_)) {
            prop_assert_eq!(raw.introduction().expect("an introduction").id, ServerId(own));
        }
        prop_assert_eq!(&raw.decode().expect("it makes sense").message, &message);
        prop_assert!(input.int().is_err(), "nothing is left over");
        for length in 0..written.len() {
            prop_assert!(RawPacket::read(&mut CheckedReader::new(&written[..length])).is_err(), "{} bytes", length);
        }
    }

    #[test]
    fn touched_sessions(
        sessions in prop::collection::vec((any::<i64>(), any::<i32>()), 0..50),
        number in any::<u64>(),
    ) {
        let sessions: Vec<_> = sessions.into_iter().map(|(session, timeout)| (SessionId(session), timeout)).collect();
        let packet = Packet { message: Message::Ping(number), attachment: Attachment::Touched(sessions.clone()) };
        let mut written = Vec::new();
        encode_packet(&mut written, ServerId(1), &packet);
        let read = RawPacket::read(&mut CheckedReader::new(&written[..])).expect("a packet").decode().expect("a PING");
        let Attachment::Touched(found) = read.attachment else { panic!("{read:?}") };
        prop_assert_eq!(found, sessions);
    }

    #[test]
    fn notifications(notification in notification(), config in "[ -~\n]{0,200}") {
        let mut written = Vec::new();
        encode_notification(&mut written, &notification, &config);
        let length = u32::from_be_bytes(written[..4].try_into().expect("four bytes"));
        prop_assert_eq!(length as usize, written.len() - 4);
        let read = decode_notification(&written[4..]);
        prop_assert_eq!(read, Ok(notification));
    }
}

//! What is written is read again, the same; and a frame holds it.

use super::strategies;
use bytes::{Buf, Bytes, BytesMut};
use proptest::option::of;
use proptest::prelude::*;
use zab::Zxid;
use zab::tree::{Change, OpCode, SessionId};
use zabkeeper::wire::event::{EventType, KeeperState, encode_event};
use zabkeeper::wire::header::NOTIFICATION_XID;
use zabkeeper::wire::{
    ClientRequest, ConnectRequest, ConnectResponse, Frame, FrameDecoder, Reply, ReplyHeader, RequestHeader,
    WatcherEvent, WireError, Writer, decode_transaction, encode_reply, encode_request, encode_transaction,
};

/// The one packet in `frame`.
fn packet(mut frame: BytesMut) -> Bytes {
    let decoded = FrameDecoder::client(usize::MAX).decode(&mut frame).expect("a length");
    assert!(frame.is_empty(), "bytes behind the frame");
    match decoded {
        Some(Frame::Packet(packet)) => packet,
        other => panic!("{other:?} is no packet"),
    }
}

proptest! {
    #[test]
    fn requests(xid: i32, request in strategies::request()) {
        let mut frame = BytesMut::new();
        encode_request(&mut frame, xid, &request);
        let (header, body) = RequestHeader::split(packet(frame)).expect("a header");
        prop_assert_eq!(header, RequestHeader { xid, kind: request.kind() });
        prop_assert_eq!(ClientRequest::decode(header.kind, &body), Ok(request.clone()));
        // Java does not look behind the body.
        let trailing = Bytes::from([&body[..], b"more"].concat());
        prop_assert_eq!(ClientRequest::decode(header.kind, &trailing), Ok(request));
    }

    /// No request can be read from a part of its bytes.
    #[test]
    fn requests_cut_short(request in strategies::request(), cut: prop::sample::Index) {
        let mut body = Vec::new();
        request.encode(&mut body);
        prop_assume!(!body.is_empty());
        let part = Bytes::copy_from_slice(&body[..cut.index(body.len())]);
        let answer = ClientRequest::decode(request.kind(), &part);
        prop_assert!(matches!(answer, Err(WireError::End(_))), "{:?}", answer);
    }

    #[test]
    fn replies(xid: i32, zxid: u64, (kind, reply) in strategies::reply()) {
        let (mut frame, header) = (BytesMut::new(), ReplyHeader { xid, zxid: Zxid(zxid), err: 0 });
        encode_reply(&mut frame, &header, &reply);
        let (read, body) = ReplyHeader::split(packet(frame)).expect("a header");
        prop_assert_eq!(read, header);
        prop_assert_eq!(Reply::decode(kind, &body), Ok(reply));
    }

    #[test]
    fn transactions(transaction in strategies::transaction()) {
        let mut bytes = Vec::new();
        encode_transaction(&transaction, &mut bytes);
        prop_assert_eq!(decode_transaction(&bytes), Ok(transaction));
    }

    #[test]
    fn events(
        zxid: u64,
        kind in prop::sample::select(EventType::ALL),
        state in prop::sample::select(KeeperState::ALL),
        path in strategies::text(),
    ) {
        let mut frame = BytesMut::new();
        encode_event(&mut frame, Zxid(zxid), kind, state, &path);
        let (header, body) = ReplyHeader::split(packet(frame)).expect("a header");
        prop_assert_eq!(header, ReplyHeader { xid: NOTIFICATION_XID, zxid: Zxid(zxid), err: 0 });
        prop_assert_eq!(WatcherEvent::decode(&body), Ok(WatcherEvent { kind, state, path }));
    }

    #[test]
    fn connecting(
        (protocol_version, zxid, timeout, session) in any::<(i32, u64, i32, i64)>(),
        password in strategies::data(),
        read_only in of(any::<bool>()),
    ) {
        let (last_zxid_seen, session) = (Zxid(zxid), SessionId(session));
        let request =
            ConnectRequest { protocol_version, last_zxid_seen, timeout, session, password, read_only };
        let mut frame = BytesMut::new();
        request.encode(&mut frame);
        prop_assert_eq!(ConnectRequest::decode(&packet(frame)), Ok(request.clone()));

        let password = request.password;
        let response = ConnectResponse { protocol_version, timeout, session, password, read_only };
        let mut frame = BytesMut::new();
        response.encode(&mut frame);
        prop_assert_eq!(ConnectResponse::decode(&packet(frame)), Ok(response));
    }
}

/// Data of a request are a slice of its frame, data of a transaction a copy.
#[test]
fn buffers_are_shared() {
    let change = Change::SetData { path: "/a".to_owned(), data: Some(Bytes::from_static(b"data")), version: 0 };
    let mut body = Vec::new();
    ClientRequest::Write(change).encode(&mut body);
    let body = Bytes::from(body);
    let decoded = ClientRequest::decode(OpCode::SetData.number(), &body).expect("setData");
    let ClientRequest::Write(Change::SetData { data: Some(data), .. }) = decoded else { panic!("{decoded:?}") };
    assert!(body.as_ptr_range().contains(&data.chunk().as_ptr()));
}

/// What may be null on the wire, and what that is to us.
#[test]
fn nulls() {
    let mut null = Vec::new();
    null.put_null();
    let path_and_version = Bytes::from([&null[..], &7_i32.to_be_bytes()].concat());
    let decode = |kind: OpCode| ClientRequest::decode(kind.number(), &path_and_version);
    assert_eq!(decode(OpCode::Delete), Err(WireError::Null("path")));
    assert_eq!(decode(OpCode::GetAcl), Err(WireError::Null("path")));
    assert_eq!(decode(OpCode::Sync), Ok(ClientRequest::Sync { path: None }));
    assert_eq!(decode(OpCode::GetEphemerals), Ok(ClientRequest::GetEphemerals { prefix: None }));
    let check = Change::Check { path: String::new(), version: 7 };
    assert_eq!(decode(OpCode::Check), Ok(ClientRequest::Write(check)));
    let watches = [&[0; 8][..], &null, &null, &null].concat();
    let answer = ClientRequest::decode(OpCode::SetWatches.number(), &Bytes::from(watches));
    assert_eq!(answer, Err(WireError::Null("dataWatches")));
}

/// The flags decide what a create within a multi is.
#[test]
fn creates_in_a_multi() {
    use OpCode::{Create, Create2, CreateContainer, CreateTtl};
    let effective = |kind: OpCode, flags: i32| {
        let create = Change::Create { kind, path: "/a".to_owned(), data: None, acl: Vec::new(), flags, ttl: 9 };
        let mut body = Vec::new();
        ClientRequest::Write(Change::Multi(vec![create])).encode(&mut body);
        match ClientRequest::decode(OpCode::Multi.number(), &Bytes::from(body))? {
            ClientRequest::Write(Change::Multi(parts)) => match &parts[..] {
                [Change::Create { kind, ttl, .. }] => Ok((*kind, *ttl)),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(effective(Create, 0), Ok((Create, -1)));
    assert_eq!(effective(Create2, 3), Ok((Create2, -1)));
    assert_eq!(effective(Create, 4), Ok((CreateContainer, -1)));
    assert_eq!(effective(CreateContainer, 0), Ok((CreateContainer, -1)));
    assert_eq!(effective(CreateTtl, 6), Ok((CreateTtl, 9)));
    assert_eq!(effective(CreateTtl, 4), Ok((CreateContainer, -1)));
    assert_eq!(effective(CreateTtl, 0), Ok((Create, -1)));
    assert_eq!(effective(CreateTtl, 7), Ok((Create, -1)));
    for flags in [5, 6, 7, -1] {
        assert_eq!(effective(Create, flags), Err(WireError::CreateMode(flags)));
    }
}

/// Reads are no part of a multi, writes no part of a multiRead.
#[test]
fn multis_do_not_mix() {
    let part = |kind: OpCode| [&kind.number().to_be_bytes()[..], &[0; 64]].concat();
    for (multi, kind) in [
        (OpCode::Multi, OpCode::GetData),
        (OpCode::Multi, OpCode::Multi),
        (OpCode::Multi, OpCode::SetAcl),
        (OpCode::MultiRead, OpCode::Delete),
        (OpCode::MultiRead, OpCode::Exists),
    ] {
        let answer = ClientRequest::decode(multi.number(), &Bytes::from(part(kind)));
        assert_eq!(answer, Err(WireError::InMulti(kind.number())));
    }
}

#[test]
fn what_is_served() {
    let served = |kind: OpCode| RequestHeader { xid: 1, kind: kind.number() }.is_served();
    let refused: Vec<OpCode> = OpCode::ALL.iter().copied().filter(|kind| !served(*kind)).collect();
    assert_eq!(refused, [OpCode::Notification, OpCode::Check, OpCode::Error]);
    assert!(!RequestHeader { xid: 1, kind: 108 }.is_served());
}

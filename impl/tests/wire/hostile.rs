//! Bytes that nobody would send: every decoder answers an error or a value, and never panics. What it allocates is
//! measured in `wire_memory.rs`.

use super::strategies;
use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use zab::tree::OpCode;
use zabkeeper::wire::{
    ClientRequest, ConnectRequest, ConnectResponse, FrameDecoder, Reply, ReplyHeader, RequestHeader, WatcherEvent,
    decode_transaction, encode_transaction,
};

/// Gives `bytes` to every decoder.
fn feed(bytes: &[u8]) {
    let shared = Bytes::copy_from_slice(bytes);
    for kind in OpCode::ALL {
        let _ = ClientRequest::decode(kind.number(), &shared);
        let _ = Reply::decode(*kind, &shared);
    }
    let _ = ConnectRequest::decode(&shared);
    let _ = ConnectResponse::decode(&shared);
    let _ = RequestHeader::split(shared.clone());
    let _ = ReplyHeader::split(shared);
    let _ = WatcherEvent::decode(bytes);
    feed_transaction(bytes);
    for mut decoder in [FrameDecoder::server(50), FrameDecoder::client(50)] {
        let mut input = BytesMut::from(bytes);
        while let Ok(Some(_)) = decoder.decode(&mut input) {}
    }
}

/// As a whole, and behind a header of every type.
fn feed_transaction(bytes: &[u8]) {
    let _ = decode_transaction(bytes);
    for kind in OpCode::ALL {
        let _ = decode_transaction(&[&[0; 28][..], &kind.number().to_be_bytes(), bytes].concat());
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        feed(&bytes);
    }

    /// Small numbers are lengths and types that make sense: these go deeper.
    #[test]
    fn arbitrary_ints(ints in prop::collection::vec(prop_oneof![-3..25_i32, any::<i32>()], 0..40)) {
        feed(&ints.iter().flat_map(|int| int.to_be_bytes()).collect::<Vec<u8>>());
    }

    /// Records with one byte changed, and with one length that lies.
    #[test]
    fn spoilt_records(
        request in strategies::request(),
        transaction in strategies::transaction(),
        at: prop::sample::Index,
        byte: u8,
        lie in prop::sample::select(vec![i32::MAX, i32::MIN, -1, -2, 0, 0xf_ffff, 1 << 30]),
    ) {
        let (mut body, mut record) = (Vec::new(), Vec::new());
        request.encode(&mut body);
        encode_transaction(&transaction, &mut record);
        for bytes in [body, record] {
            if bytes.len() < 4 {
                continue;
            }
            let mut changed = bytes.clone();
            changed[at.index(bytes.len())] = byte;
            feed(&changed);
            let start = at.index(bytes.len() - 3);
            let mut lying = bytes;
            lying[start..start + 4].copy_from_slice(&lie.to_be_bytes());
            feed(&lying);
        }
    }
}

#[test]
fn errors_are_sentences() {
    let text = |bytes: &[u8], kind: OpCode| {
        let answer = ClientRequest::decode(kind.number(), &Bytes::copy_from_slice(bytes));
        answer.expect_err("nothing to read").to_string()
    };
    assert_eq!(text(b"\x7f\xff\xff\xff/a", OpCode::Delete), "the bytes end inside of `path`");
    assert_eq!(text(b"\xff\xff\xff\xfe/a", OpCode::Delete), "`path` has the length -2");
    assert_eq!(text(b"\xff\xff\xff\xff/a", OpCode::Delete), "`path` is null");
}

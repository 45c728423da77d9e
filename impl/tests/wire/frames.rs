//! Frames: cut anywhere, joined, words, limits.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use zabkeeper::wire::frame::{DEFAULT_LIMIT, FOUR_LETTER_WORDS};
use zabkeeper::wire::{Frame, FrameDecoder, FrameError};

fn framed(packet: &[u8]) -> Vec<u8> {
    [&u32::try_from(packet.len()).expect("short").to_be_bytes(), packet].concat()
}

proptest! {
    /// However the bytes arrive, the packets are the same.
    #[test]
    fn packets_survive_every_cut(
        packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
        piece in 1_usize..50,
    ) {
        let stream: Vec<u8> = packets.iter().flat_map(|packet| framed(packet)).collect();
        let (mut decoder, mut input, mut read) = (FrameDecoder::server(40), BytesMut::new(), Vec::new());
        for bytes in stream.chunks(piece) {
            input.extend_from_slice(bytes);
            while let Some(frame) = decoder.decode(&mut input).expect("packets within the limit") {
                read.push(frame);
            }
        }
        let expected: Vec<Frame> = packets.into_iter().map(|packet| Frame::Packet(packet.into())).collect();
        prop_assert_eq!(read, expected);
        prop_assert!(input.is_empty());
    }
}

#[test]
fn words_come_first() {
    for word in FOUR_LETTER_WORDS {
        let mut decoder = FrameDecoder::server(DEFAULT_LIMIT);
        let mut input = BytesMut::from(&word[..3]);
        assert_eq!(decoder.decode(&mut input), Ok(None));
        input.extend_from_slice(&[word[3], 7]);
        assert_eq!(decoder.decode(&mut input), Ok(Some(Frame::Word(*word))));
        assert_eq!(&input[..], [7]);
    }
}

/// Behind a packet a word is a length, as it always is for a client.
#[test]
fn words_come_only_first() {
    let mut decoder = FrameDecoder::server(DEFAULT_LIMIT);
    let mut input = BytesMut::from(&b"\0\0\0\x01xruok"[..]);
    assert_eq!(decoder.decode(&mut input), Ok(Some(Frame::Packet(Bytes::from_static(b"x")))));
    let too_long = Err(FrameError::Length { length: i32::from_be_bytes(*b"ruok"), limit: DEFAULT_LIMIT });
    assert_eq!(decoder.decode(&mut input), too_long);
    let mut client = FrameDecoder::client(DEFAULT_LIMIT);
    assert_eq!(client.decode(&mut BytesMut::from(&b"ruok"[..])), too_long);
}

#[test]
fn lengths_are_limited() {
    for (length, allowed) in [(0, true), (1, true), (10, true), (11, false), (i32::MAX, false), (-1, false)] {
        let mut input = BytesMut::from(&length.to_be_bytes()[..]);
        let answer = FrameDecoder::server(10).decode(&mut input);
        match (allowed, length) {
            (true, 0) => assert_eq!(answer, Ok(Some(Frame::Packet(Bytes::new())))),
            (true, _) => assert_eq!(answer, Ok(None)),
            (false, _) => assert_eq!(answer, Err(FrameError::Length { length, limit: 10 })),
        }
    }
    let mut whole = BytesMut::from(&framed(&vec![1; DEFAULT_LIMIT])[..]);
    assert!(matches!(FrameDecoder::server(DEFAULT_LIMIT).decode(&mut whole), Ok(Some(Frame::Packet(_)))));
}

/// An announced length reserves nothing.
#[test]
fn promises_cost_nothing() {
    let mut input = BytesMut::from(&0xf_ffff_i32.to_be_bytes()[..]);
    assert_eq!(FrameDecoder::server(DEFAULT_LIMIT).decode(&mut input), Ok(None));
    assert!(input.capacity() < 100, "{}", input.capacity());
}

//! A connection's bytes, arriving in pieces: the same frames, and the same error, as when they arrive at once.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use zabkeeper::wire::{Frame, FrameDecoder, FrameError};

fn frames(bytes: &[u8], piece: usize) -> (Vec<Frame>, Option<FrameError>) {
    let (mut decoder, mut input, mut frames) = (FrameDecoder::server(1000), BytesMut::new(), Vec::new());
    for bytes in bytes.chunks(piece) {
        input.extend_from_slice(bytes);
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

fuzz_target!(|bytes: &[u8]| {
    let whole = frames(bytes, bytes.len().max(1));
    for piece in 1..8 {
        assert_eq!(frames(bytes, piece), whole);
    }
});

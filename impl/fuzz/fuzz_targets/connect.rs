//! The first packet of a client and of a server: what can be read is written and read again, the same.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use zabkeeper::wire::{ConnectRequest, ConnectResponse};

/// Behind the length.
fn body(packet: Vec<u8>) -> Bytes {
    Bytes::from(packet).slice(4..)
}

fuzz_target!(|packet: &[u8]| {
    let packet = Bytes::copy_from_slice(packet);
    if let Ok(request) = ConnectRequest::decode(&packet) {
        let mut written = Vec::new();
        request.encode(&mut written);
        assert_eq!(ConnectRequest::decode(&body(written)), Ok(request));
    }
    if let Ok(response) = ConnectResponse::decode(&packet) {
        let mut written = Vec::new();
        response.encode(&mut written);
        assert_eq!(ConnectResponse::decode(&body(written)), Ok(response));
    }
});

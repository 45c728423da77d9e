//! A packet, header and body: what can be read is written and read again, the same.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use zabkeeper::wire::{ClientRequest, RequestHeader};

fuzz_target!(|packet: &[u8]| {
    let Ok((header, body)) = RequestHeader::split(Bytes::copy_from_slice(packet)) else { return };
    let Ok(request) = ClientRequest::decode(header.kind, &body) else { return };
    let mut written = Vec::new();
    request.encode(&mut written);
    assert_eq!(ClientRequest::decode(request.kind(), &Bytes::from(written)), Ok(request));
});

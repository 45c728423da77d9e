//! A packet, header and body: what can be read is written and read again, the same.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use zab::tree::{Change, CreateMode};
use zabkeeper::wire::{ClientRequest, RequestHeader};

/// Whether this is a create with flags that no mode has. Within a multi it can only come from a createTTL, which such
/// flags turn into a create; written as a create it could not be read.
fn is_modeless(change: &Change) -> bool {
    matches!(change, Change::Create { flags, .. } if CreateMode::from_number(*flags).is_none())
}

fuzz_target!(|packet: &[u8]| {
    let Ok((header, body)) = RequestHeader::split(Bytes::copy_from_slice(packet)) else { return };
    let Ok(request) = ClientRequest::decode(header.kind, &body) else { return };
    let mut written = Vec::new();
    request.encode(&mut written);
    let again = ClientRequest::decode(request.kind(), &Bytes::from(written));
    match &request {
        ClientRequest::Write(Change::Multi(parts)) if parts.iter().any(is_modeless) => assert!(again.is_err()),
        _ => assert_eq!(again, Ok(request)),
    }
});

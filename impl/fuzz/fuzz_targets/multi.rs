//! The body of a multi, of a multiRead and of what answers them: what can be read is written and read again, the same.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use zab::tree::{Change, CreateMode, OpCode};
use zabkeeper::wire::{ClientRequest, Reply};

/// See `client_request.rs`.
fn is_modeless(change: &Change) -> bool {
    matches!(change, Change::Create { flags, .. } if CreateMode::from_number(*flags).is_none())
}

fuzz_target!(|body: &[u8]| {
    let body = Bytes::copy_from_slice(body);
    for kind in [OpCode::Multi, OpCode::MultiRead] {
        if let Ok(request) = ClientRequest::decode(kind.number(), &body) {
            let mut written = Vec::new();
            request.encode(&mut written);
            let again = ClientRequest::decode(kind.number(), &Bytes::from(written));
            match &request {
                ClientRequest::Write(Change::Multi(parts)) if parts.iter().any(is_modeless) => assert!(again.is_err()),
                _ => assert_eq!(again, Ok(request)),
            }
        }
        if let Ok(reply) = Reply::decode(kind, &body) {
            let mut written = Vec::new();
            reply.encode(&mut written);
            assert_eq!(Reply::decode(kind, &Bytes::from(written)), Ok(reply));
        }
    }
});

//! What decoders allocate for bytes that nobody would send. Alone in its program: the allocator counts for all threads.

use bytes::Bytes;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::hint::black_box;
use zab::tree::OpCode;
use zabkeeper::wire::{ClientRequest, ConnectRequest, Reply, WatcherEvent, decode_transaction};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How many times its own bytes a decoder may allocate in all, growing included; what is live at once is about half.
const FACTOR: usize = 32;

/// Measures `decode`, which is given `bytes`.
fn check<T>(what: &str, bytes: &[u8], decode: impl FnOnce() -> T) {
    let region = Region::new(ALLOCATOR);
    black_box(decode());
    let change = region.change();
    // A vector's first growth is for four elements, however few bytes there are.
    let (allocated, allowed) = (change.bytes_allocated, FACTOR * bytes.len() + 1024);
    assert!(allocated <= allowed, "{what}: {allocated} bytes for {} bytes: {bytes:x?}", bytes.len());
}

fn check_all(bytes: &[u8]) {
    let shared = Bytes::copy_from_slice(bytes);
    for kind in OpCode::ALL {
        check("request", bytes, || ClientRequest::decode(kind.number(), &shared));
        check("reply", bytes, || Reply::decode(*kind, &shared));
        let transaction = [&[0; 28][..], &kind.number().to_be_bytes(), bytes].concat();
        check("transaction", &transaction, || decode_transaction(&transaction));
    }
    check("connect", bytes, || ConnectRequest::decode(&shared));
    check("event", bytes, || WatcherEvent::decode(bytes));
}

/// `prefix`, then `int` again and again: a length or count of each field in turn.
fn repeated(prefix: &[u8], int: i32, times: usize) -> Vec<u8> {
    [prefix, &int.to_be_bytes().repeat(times)].concat()
}

/// One test, lest two threads count for each other.
#[test]
fn decoders_allocate_in_proportion() {
    lying_lengths();
    small_elements();
}

fn lying_lengths() {
    let prefixes: [&[u8]; 5] = [b"", b"\0\0\0\x02/a", b"\0\0\0\x02/a\0\0\0\0", &[0; 8], b"\0\0\0\x0e\0\0\0\0\0"];
    for prefix in prefixes {
        for int in [i32::MAX, i32::MAX - 1, 1 << 30, 0xf_ffff, 100_000, 250, 3, 0, -1, -2, i32::MIN] {
            for times in [0, 1, 2, 3, 10, 1000] {
                check_all(&repeated(prefix, int, times));
            }
        }
    }
}

/// The smallest elements, as many as there is room for: the worst that is allowed.
fn small_elements() {
    let delete = [&2_i32.to_be_bytes()[..], &[0], &[0; 4], &[0; 4], &[0; 4]].concat();
    check_all(&delete.repeat(10_000));
    let part = [&2_i32.to_be_bytes()[..], &4_i32.to_be_bytes(), &[0; 4]].concat();
    check_all(&[&10_000_i32.to_be_bytes()[..], &part.repeat(10_000)].concat());
    // Empty strings.
    check_all(&repeated(&10_000_i32.to_be_bytes(), 0, 10_000));
    // Bytes that are not UTF-8 become three each.
    check_all(&[&10_000_i32.to_be_bytes()[..], &[0xff; 10_000]].concat());
}

//! A transaction: what can be read is written and read again, the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zab::tree::Record;
use zabkeeper::wire::{decode_transaction, encode_transaction};

fuzz_target!(|bytes: &[u8]| {
    let Ok(transaction) = decode_transaction(bytes) else { return };
    let mut written = Vec::new();
    encode_transaction(&transaction, &mut written);
    let again = decode_transaction(&written).expect("our own bytes");
    // Two empty paths without a digest are the bytes of a digest: the one thing that is not written as it was read.
    let empty = |paths: &[String]| paths.iter().all(String::is_empty);
    if !matches!(&transaction.record, Record::CloseSession { paths: Some(paths) } if empty(paths)) {
        assert_eq!(again, transaction);
    }
});

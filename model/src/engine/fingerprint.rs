//! 128-bit fingerprints of states.
//!
//! At 10⁹ states two distinct ones share a fingerprint with probability 10⁻²¹: out of the question, where 64 bits
//! would give 3 %. Fingerprints live for one run and are never stored.

use std::hash::{Hash, Hasher};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// Gathers what a state's `Hash` writes into one buffer, which is then hashed at once: many small writes into a hash
/// function cost more than the rest of an exploration.
#[derive(Default)]
pub(super) struct Fingerprinter {
    bytes: Vec<u8>,
}

impl Fingerprinter {
    pub(super) fn of<T: Hash>(&mut self, value: &T) -> u128 {
        self.bytes.clear();
        value.hash(self);
        xxh3_128(&self.bytes)
    }
}

impl Hasher for Fingerprinter {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        xxh3_64(&self.bytes)
    }
}

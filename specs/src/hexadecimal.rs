//! Payloads as a text of hexadecimal digits, in traces: short, and quick to read. The protocol never looks into a
//! payload, so a trace may have something shorter in the place of a long one, as long as it is the same everywhere.
//! Formats that are not for people, such as the one in which the model keeps states, have bytes of their own.

use bytes::Bytes;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The two digits of each byte: recording a busy server writes millions a second.
const PAIRS: [[u8; 2]; 256] = pairs();

const fn pairs() -> [[u8; 2]; 256] {
    let (digits, mut pairs, mut byte) = (b"0123456789abcdef", [[0; 2]; 256], 0);
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
}

/// Bytes of the longest payload that is written whole. A longer one is written as its first [`KEPT`] bytes and the
/// CRC-32 of all of it.
const LONGEST: usize = 16;

/// How much stays of a payload that is too long: of a transaction of ZooKeeper, its session and its cxid.
const KEPT: usize = 12;

/// A payload as traces have it.
#[derive(Clone, Copy, Debug)]
pub struct Digits {
    text: [[u8; 2]; LONGEST],
    length: usize,
}

impl Digits {
    pub(crate) fn new(payload: &[u8]) -> Digits {
        let sum = crc32fast::hash(payload).to_be_bytes();
        let (kept, sum) = if payload.len() > LONGEST { (&payload[..KEPT], &sum[..]) } else { (payload, &[][..]) };
        let mut text = [[0; 2]; LONGEST];
        text.iter_mut().zip(kept.iter().chain(sum)).for_each(|(pair, byte)| *pair = PAIRS[usize::from(*byte)]);
        Digits { text, length: kept.len() + sum.len() }
    }

    /// Hexadecimal digits, two a byte: 32 at most.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.text[..self.length].as_flattened()
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("digits are text")
    }
}

pub(crate) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    if !serializer.is_human_readable() {
        return bytes.serialize(serializer);
    }
    serializer.serialize_str(Digits::new(bytes).as_str())
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    if !deserializer.is_human_readable() {
        return Bytes::deserialize(deserializer);
    }
    deserializer.deserialize_any(Hexadecimal)
}

struct Hexadecimal;

impl<'de> Visitor<'de> for Hexadecimal {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an even number of hexadecimal digits, or an array of bytes")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
        let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
        match bytes {
            Some(bytes) if rest.is_empty() => Ok(bytes.into()),
            _ => Err(E::custom("a payload is an even number of hexadecimal digits")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Bytes, A::Error> {
        let mut all = Vec::new();
        while let Some(byte) = bytes.next_element()? {
            all.push(byte);
        }
        Ok(all.into())
    }
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).and_then(|digit| digit.try_into().ok())
}

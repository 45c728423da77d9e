//! Frames: the length in four bytes, then so many bytes; and the four-letter words that stand in a length's place.
//!
//! *Java:* `NIOServerCnxn.readLength`, `checkFourLetterWord`, `FourLetterCommands`; `ClientCnxnSocket.readLength`.
//!
//! [`FrameDecoder`] does no I/O: a task reads into a [`BytesMut`] and takes frames out of it. It reserves nothing for
//! an announced length, so that a connection costs what it has sent, not what it has promised.

use bytes::{Buf, Bytes, BytesMut};

/// The longest packet of a client in bytes (`jute.maxbuffer`), unless the configuration has another.
pub const DEFAULT_LIMIT: usize = 0xf_ffff;

/// What telnet sends when it closes: Java takes it for a word, to keep its log clean.
pub const TELNET_CLOSE: [u8; 4] = [0xff, 0xf4, 0xff, 0xfd];

/// Every word that ZooKeeper knows on a client's port, served or not.
pub const FOUR_LETTER_WORDS: &[[u8; 4]] = &[
    *b"conf",
    *b"cons",
    *b"crst",
    *b"dirs",
    *b"dump",
    *b"envi",
    *b"gtmk",
    *b"hash",
    *b"isro",
    *b"mntr",
    *b"ruok",
    *b"srst",
    *b"srvr",
    *b"stat",
    *b"stmk",
    *b"wchc",
    *b"wchp",
    *b"wchs",
    TELNET_CLOSE,
];

/// What comes over a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A packet, without its length. It may be empty.
    Packet(Bytes),
    /// One of [`FOUR_LETTER_WORDS`], first on its connection. Only stmk has anything behind it: eight bytes, which stay
    /// in the buffer.
    Word([u8; 4]),
}

/// Why a connection must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A length below 0 or above the limit.
    #[error("a packet of {length} bytes is malformed, or longer than jute.maxbuffer allows ({limit})")]
    Length {
        /// What was announced.
        length: i32,
        /// What is allowed.
        limit: usize,
    },
}

/// Cuts one connection's bytes into frames.
#[derive(Clone, Copy, Debug)]
pub struct FrameDecoder {
    limit: usize,
    words: bool,
}

impl FrameDecoder {
    /// For a server's end: words are known until the first packet. `limit` is in bytes, without the length itself.
    #[must_use]
    pub fn server(limit: usize) -> FrameDecoder {
        FrameDecoder { limit, words: true }
    }

    /// For a client's end.
    #[must_use]
    pub fn client(limit: usize) -> FrameDecoder {
        FrameDecoder { limit, words: false }
    }

    /// Takes the next frame out of `input`; `None` if more must be read first. A packet shares the memory of `input`.
    ///
    /// # Errors
    /// [`FrameError`], as soon as the length is there. Nothing behind it can be understood.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        let Some(prefix) = input.first_chunk::<4>().copied() else { return Ok(None) };
        if self.words && FOUR_LETTER_WORDS.contains(&prefix) {
            input.advance(4);
            return Ok(Some(Frame::Word(prefix)));
        }
        let (length, limit) = (i32::from_be_bytes(prefix), self.limit);
        let bytes = usize::try_from(length).ok().filter(|bytes| *bytes <= limit);
        let bytes = bytes.ok_or(FrameError::Length { length, limit })?;
        if input.len() - 4 < bytes {
            return Ok(None);
        }
        input.advance(4);
        self.words = false;
        Ok(Some(Frame::Packet(input.split_to(bytes).freeze())))
    }
}

//! Snappy in the frames of the Java library snappy-java (`SnappyOutputStream`): a magic header, then blocks, each with
//! the length of its compressed bytes. It is not Snappy's own framing format.

use super::stream::invalid;
use snap::raw::{Decoder, Encoder, decompress_len};
use std::io::{self, Read, Write};

/// What such a stream begins with.
pub(crate) const MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
/// Behind the magic: version 1, readable since version 1.
const VERSIONS: [u8; 8] = *b"\0\0\0\x01\0\0\0\x01";
/// What a block holds, uncompressed, when it is written.
const BLOCK: usize = 32 << 10;
/// The largest block that is read. Java's default is 32 KiB.
const LARGEST_BLOCK: usize = 16 << 20;
/// No byte of a block stands for more bytes than this (three stand for 64), so a block cannot lie about its size.
const LARGEST_RATIO: usize = 22;

/// Reads such a stream.
#[derive(Debug)]
pub(crate) struct SnappyReader<R> {
    inner: R,
    compressed: Vec<u8>,
    block: Vec<u8>,
    position: usize,
}

impl<R: Read> SnappyReader<R> {
    /// Reads the header.
    pub(crate) fn new(mut inner: R) -> io::Result<SnappyReader<R>> {
        let mut header = [0; 16];
        inner.read_exact(&mut header)?;
        if header[..8] != MAGIC {
            return Err(invalid("it does not begin as a stream of snappy-java".to_owned()));
        }
        Ok(SnappyReader { inner, compressed: Vec::new(), block: Vec::new(), position: 0 })
    }

    /// The next block; `false` at the end.
    fn next_block(&mut self) -> io::Result<bool> {
        let mut length = [0; 4];
        if self.inner.read(&mut length[..1])? == 0 {
            return Ok(false);
        }
        self.inner.read_exact(&mut length[1..])?;
        let length = u32::from_be_bytes(length) as usize;
        if length > LARGEST_BLOCK {
            return Err(invalid(format!("a compressed block of {length} bytes")));
        }
        self.compressed.clear();
        let read = self.inner.by_ref().take(length as u64).read_to_end(&mut self.compressed)?;
        if read < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length = decompress_len(&self.compressed).map_err(|error| invalid(error.to_string()))?;
        if length > self.compressed.len().saturating_mul(LARGEST_RATIO) {
            return Err(invalid(format!("a block that claims {length} bytes")));
        }
        self.block.resize(length, 0);
        self.position = 0;
        let count = Decoder::new().decompress(&self.compressed, &mut self.block);
        self.block.truncate(count.map_err(|error| invalid(error.to_string()))?);
        Ok(true)
    }
}

impl<R: Read> Read for SnappyReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.position == self.block.len() {
            if !self.next_block()? {
                return Ok(0);
            }
        }
        let rest = &self.block[self.position..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.position += count;
        Ok(count)
    }
}

/// Writes such a stream.
#[derive(Debug)]
pub(crate) struct SnappyWriter<W> {
    inner: W,
    block: Vec<u8>,
}

impl<W: Write> SnappyWriter<W> {
    /// Writes the header.
    pub(crate) fn new(mut inner: W) -> io::Result<SnappyWriter<W>> {
        inner.write_all(&MAGIC)?;
        inner.write_all(&VERSIONS)?;
        Ok(SnappyWriter { inner, block: Vec::with_capacity(BLOCK) })
    }

    /// Writes the last block, and hands `inner` back.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.write_block()?;
        Ok(self.inner)
    }

    fn write_block(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let compressed = Encoder::new().compress_vec(&self.block).map_err(|error| invalid(error.to_string()))?;
        self.block.clear();
        self.inner.write_all(&(compressed.len() as u32).to_be_bytes())?;
        self.inner.write_all(&compressed)
    }
}

impl<W: Write> Write for SnappyWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..count]);
        if self.block.len() == BLOCK {
            self.write_block()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! Jute's fields in a stream that is summed up as it passes: what a snapshot is made of.
//!
//! Neither direction holds more of the stream than a buffer and the one field at hand. A length is believed only as
//! far as bytes come.

use crate::wire::jute;
use adler2::Adler32;
use std::io::{self, Read, Write};

const BUFFER: usize = 128 << 10;

/// The longest string or data in a snapshot that is believed, in bytes. Java's limit is `jute.maxbuffer` and as much
/// again, 2 MiB by default.
pub const LONGEST_FIELD: usize = 64 << 20;

/// Reads fields, and knows the Adler-32 of all bytes before.
///
/// Errors: [`io::ErrorKind::UnexpectedEof`] when the stream ends inside a field, [`io::ErrorKind::InvalidData`] when a
/// field cannot be, and whatever the stream itself says.
#[derive(Debug)]
pub struct CheckedReader<R> {
    inner: R,
    buffer: Vec<u8>,
    /// Read and not asked for: `start..end` of the buffer.
    start: usize,
    end: usize,
    /// Up to where the buffer is in the sum.
    summed: usize,
    sum: Adler32,
    /// How many bytes were before the buffer.
    before: u64,
}

impl<R: Read> CheckedReader<R> {
    /// From where `inner` is.
    #[must_use]
    pub fn new(inner: R) -> CheckedReader<R> {
        let (buffer, sum) = (vec![0; BUFFER], Adler32::new());
        CheckedReader { inner, buffer, start: 0, end: 0, summed: 0, sum, before: 0 }
    }

    /// How many bytes were asked for so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.before + self.start as u64
    }

    /// The Adler-32 of all bytes that were asked for so far.
    pub fn checksum(&mut self) -> u32 {
        self.sum.write_slice(&self.buffer[self.summed..self.start]);
        self.summed = self.start;
        self.sum.checksum()
    }

    /// Whether nothing follows.
    ///
    /// # Errors
    /// The stream's.
    pub fn is_at_end(&mut self) -> io::Result<bool> {
        Ok(self.available(1)? == 0)
    }

    /// How many bytes follow, counted up to `most`, which must be less than the buffer.
    ///
    /// # Errors
    /// The stream's.
    pub fn rest(&mut self, most: usize) -> io::Result<usize> {
        while self.end - self.start < most.min(BUFFER / 2) && self.fill()? > 0 {}
        Ok(most.min(self.end - self.start))
    }

    /// An int.
    ///
    /// # Errors
    /// The type's.
    pub fn int(&mut self) -> io::Result<i32> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// A long.
    ///
    /// # Errors
    /// The type's.
    pub fn long(&mut self) -> io::Result<i64> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// A buffer, in place of what was in `bytes`; `false` is null.
    ///
    /// # Errors
    /// The type's.
    pub fn buffer(&mut self, bytes: &mut Vec<u8>) -> io::Result<bool> {
        bytes.clear();
        let length = self.int()?;
        if length == -1 {
            return Ok(false);
        }
        let Some(mut missing) = usize::try_from(length).ok().filter(|length| *length <= LONGEST_FIELD) else {
            return Err(invalid(format!("a length of {length}")));
        };
        while missing > 0 {
            let count = self.available(missing.min(BUFFER))?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes.extend_from_slice(&self.buffer[self.start..self.start + count]);
            self.start += count;
            missing -= count;
        }
        Ok(true)
    }

    /// A string that is not null, in place of what was in `bytes`.
    ///
    /// # Errors
    /// The type's.
    pub fn string<'a>(&mut self, bytes: &'a mut Vec<u8>) -> io::Result<&'a str> {
        if !self.buffer(bytes)? {
            return Err(invalid("a string that is null".to_owned()));
        }
        std::str::from_utf8(bytes).map_err(|_| invalid("a string that is not UTF-8".to_owned()))
    }

    /// A string that is not null, read as Java reads it: what is not UTF-8 becomes U+FFFD. (Java writes characters
    /// beyond U+FFFF, as the name of someone in an ACL may have, in a way that it cannot read.)
    ///
    /// # Errors
    /// The type's.
    pub fn text(&mut self, bytes: &mut Vec<u8>) -> io::Result<String> {
        if !self.buffer(bytes)? {
            return Err(invalid("a string that is null".to_owned()));
        }
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Ok(text.to_owned());
        }
        let field = [&(bytes.len() as u32).to_be_bytes(), &bytes[..]].concat();
        jute::Reader::new(&field).string("text").map_err(|error| invalid(error.to_string()))
    }

    /// The next few bytes.
    ///
    /// # Errors
    /// The type's.
    pub fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        while self.end - self.start < N {
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let mut array = [0; N];
        array.copy_from_slice(&self.buffer[self.start..self.start + N]);
        self.start += N;
        Ok(array)
    }

    /// How many bytes are in the buffer, at most `wanted`; 0 at the end.
    fn available(&mut self, wanted: usize) -> io::Result<usize> {
        if self.start == self.end {
            self.fill()?;
        }
        Ok(wanted.min(self.end - self.start))
    }

    fn fill(&mut self) -> io::Result<usize> {
        self.checksum();
        self.buffer.copy_within(self.start..self.end, 0);
        self.before += self.start as u64;
        (self.start, self.end, self.summed) = (0, self.end - self.start, 0);
        loop {
            match self.inner.read(&mut self.buffer[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// The error of a field that cannot be.
pub(crate) fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Writes fields, and knows the Adler-32 of all bytes before. What it was given last may be in its buffer until
/// [`CheckedWriter::finish`].
#[derive(Debug)]
pub struct CheckedWriter<W> {
    inner: W,
    buffer: Vec<u8>,
    sum: Adler32,
    written: u64,
}

impl<W: Write> CheckedWriter<W> {
    /// To the end of `inner`.
    #[must_use]
    pub fn new(inner: W) -> CheckedWriter<W> {
        CheckedWriter { inner, buffer: Vec::with_capacity(BUFFER), sum: Adler32::new(), written: 0 }
    }

    /// The Adler-32 of all bytes so far.
    ///
    /// # Errors
    /// `inner`'s.
    pub fn checksum(&mut self) -> io::Result<u32> {
        self.flush()?;
        Ok(self.sum.checksum())
    }

    /// How many bytes were written so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// An int.
    ///
    /// # Errors
    /// `inner`'s.
    pub fn int(&mut self, number: i32) -> io::Result<()> {
        self.raw(&number.to_be_bytes())
    }

    /// A long.
    ///
    /// # Errors
    /// `inner`'s.
    pub fn long(&mut self, number: i64) -> io::Result<()> {
        self.raw(&number.to_be_bytes())
    }

    /// A buffer or, in its bytes, a string.
    ///
    /// # Errors
    /// `inner`'s; more bytes than an int counts.
    pub fn buffer(&mut self, bytes: Option<&[u8]>) -> io::Result<()> {
        let Some(bytes) = bytes else { return self.int(-1) };
        self.count(bytes.len())?;
        self.raw(bytes)
    }

    /// How many there are of something.
    ///
    /// # Errors
    /// `inner`'s; more than an int counts.
    pub fn count(&mut self, count: usize) -> io::Result<()> {
        self.int(i32::try_from(count).map_err(|_| invalid(format!("{count} do not fit an int")))?)
    }

    /// Bytes as they are.
    ///
    /// # Errors
    /// `inner`'s.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        if bytes.len() > BUFFER {
            return self.pass(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Hands over everything, and `inner` back.
    ///
    /// # Errors
    /// `inner`'s.
    pub fn finish(mut self) -> io::Result<W> {
        self.flush()?;
        Ok(self.inner)
    }

    fn flush(&mut self) -> io::Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        let passed = self.pass(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
        passed
    }

    fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.write_slice(bytes);
        self.written += bytes.len() as u64;
        self.inner.write_all(bytes)
    }
}

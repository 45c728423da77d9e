//! Jute, the encoding below all of ZooKeeper's bytes: integers big-endian, everything of variable length behind an
//! `int` that counts its bytes (of a buffer or string) or elements (of a vector), −1 for null.
//!
//! *Java:* `BinaryInputArchive`, `BinaryOutputArchive`. Records have neither names nor lengths of their own: a reader
//! must know what it reads, and bytes behind a record are not noticed.

use super::error::WireError;
use super::lossy;
use bytes::{BufMut, Bytes, BytesMut};
use zab::Zxid;

/// Reads fields one after another. Every method names the field it reads, for the error.
///
/// A hostile length is compared with what is left before anything is allocated: a reader never allocates more than a
/// small multiple of its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    whole: Option<&'a Bytes>,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`; buffers are copied out of them.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes, whole: None }
    }

    /// Reads `bytes`; buffers are slices of them, not copies. Whoever keeps such a slice for long keeps all of the
    /// memory that `bytes` is a part of, and does better to copy it.
    #[must_use]
    pub fn sharing(bytes: &'a Bytes) -> Reader<'a> {
        Reader { rest: bytes, whole: Some(bytes) }
    }

    /// What was not read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn take(&mut self, length: usize, field: &'static str) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(WireError::End(field))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], WireError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(WireError::End(field))?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A `boolean`: one byte, and every byte but 0 is true.
    ///
    /// # Errors
    /// [`WireError::End`]. (Likewise for the others, where they say no more.)
    pub fn boolean(&mut self, field: &'static str) -> Result<bool, WireError> {
        self.array::<1>(field).map(|[byte]| byte != 0)
    }

    /// An `int`.
    ///
    /// # Errors
    /// [`WireError::End`].
    pub fn int(&mut self, field: &'static str) -> Result<i32, WireError> {
        self.array(field).map(i32::from_be_bytes)
    }

    /// A `long`.
    ///
    /// # Errors
    /// [`WireError::End`].
    pub fn long(&mut self, field: &'static str) -> Result<i64, WireError> {
        self.array(field).map(i64::from_be_bytes)
    }

    /// A `long` that is a zxid; −1, for "none", is [`u64::MAX`].
    ///
    /// # Errors
    /// [`WireError::End`].
    pub fn zxid(&mut self, field: &'static str) -> Result<Zxid, WireError> {
        self.array(field).map(|bytes| Zxid(u64::from_be_bytes(bytes)))
    }

    /// The bytes of a `buffer` or `ustring`, where they lie; `None` is null.
    ///
    /// # Errors
    /// [`WireError::End`], [`WireError::Length`] for a length below −1.
    pub fn slice(&mut self, field: &'static str) -> Result<Option<&'a [u8]>, WireError> {
        match self.int(field)? {
            -1 => Ok(None),
            length => {
                let bytes = usize::try_from(length).map_err(|_| WireError::Length { field, length })?;
                self.take(bytes, field).map(Some)
            }
        }
    }

    /// A `buffer`; `None` is null.
    ///
    /// # Errors
    /// As [`Reader::slice`].
    pub fn buffer(&mut self, field: &'static str) -> Result<Option<Bytes>, WireError> {
        let slice = self.slice(field)?;
        Ok(slice.map(|slice| match self.whole {
            Some(whole) => whole.slice_ref(slice),
            None => Bytes::copy_from_slice(slice),
        }))
    }

    /// A `ustring`; `None` is null. What is not UTF-8 is replaced, as Java replaces it.
    ///
    /// # Errors
    /// As [`Reader::slice`].
    pub fn optional_string(&mut self, field: &'static str) -> Result<Option<String>, WireError> {
        self.slice(field).map(|slice| slice.map(lossy::text))
    }

    /// A `ustring` for which null means the same as the empty one.
    ///
    /// # Errors
    /// As [`Reader::slice`].
    pub fn string(&mut self, field: &'static str) -> Result<String, WireError> {
        self.optional_string(field).map(Option::unwrap_or_default)
    }

    /// A `ustring` without which ZooKeeper does nothing.
    ///
    /// # Errors
    /// As [`Reader::slice`], and [`WireError::Null`].
    pub fn required_string(&mut self, field: &'static str) -> Result<String, WireError> {
        self.optional_string(field)?.ok_or(WireError::Null(field))
    }

    /// A `vector`, each element read by `element`, which takes at least `smallest` bytes (1 or more); `None` is null.
    /// A count below −1 is an empty vector: so Java's loop has it.
    ///
    /// # Errors
    /// Those of `element`; [`WireError::End`] also when the count is more than can follow.
    pub fn vector<T>(
        &mut self,
        field: &'static str,
        smallest: usize,
        mut element: impl FnMut(&mut Reader<'a>) -> Result<T, WireError>,
    ) -> Result<Option<Vec<T>>, WireError> {
        let count = match self.int(field)? {
            -1 => return Ok(None),
            count => usize::try_from(count).unwrap_or(0),
        };
        if count > self.rest.len() / smallest {
            return Err(WireError::End(field));
        }
        let mut elements = Vec::with_capacity(count);
        for _ in 0..count {
            elements.push(element(self)?);
        }
        Ok(Some(elements))
    }

    /// A `vector<ustring>` for which null means the same as the empty one.
    ///
    /// # Errors
    /// As [`Reader::vector`].
    pub fn strings(&mut self, field: &'static str) -> Result<Vec<String>, WireError> {
        self.vector(field, 4, |reader| reader.string(field)).map(Option::unwrap_or_default)
    }
}

/// Writes fields at the end of a growing run of bytes: a [`Vec`] or a [`BytesMut`].
///
/// What is written comes from this server, so that no method fails. A length beyond `i32::MAX` is a defect and panics:
/// limits far below keep it away.
pub trait Writer: BufMut + AsMut<[u8]> + Sized {
    /// A `boolean`.
    fn put_boolean(&mut self, boolean: bool) {
        self.put_u8(u8::from(boolean));
    }

    /// A `long` that is a zxid.
    fn put_zxid(&mut self, zxid: Zxid) {
        self.put_u64(zxid.0);
    }

    /// The length of what follows: bytes, or elements of a vector.
    fn put_length(&mut self, length: usize) {
        self.put_i32(announced(length));
    }

    /// A null buffer, string or vector.
    fn put_null(&mut self) {
        self.put_i32(-1);
    }

    /// A `buffer`; `None` is null.
    fn put_buffer(&mut self, buffer: Option<&[u8]>) {
        match buffer {
            Some(bytes) => {
                self.put_length(bytes.len());
                self.put_slice(bytes);
            }
            None => self.put_null(),
        }
    }

    /// A `ustring`.
    fn put_string(&mut self, string: &str) {
        self.put_buffer(Some(string.as_bytes()));
    }

    /// A `ustring`; `None` is null.
    fn put_optional_string(&mut self, string: Option<&str>) {
        self.put_buffer(string.map(str::as_bytes));
    }

    /// A `vector<ustring>`, counted while it is written.
    fn put_strings<S: AsRef<str>>(&mut self, strings: impl IntoIterator<Item = S>) {
        let start = self.as_mut().len();
        self.put_i32(0);
        let mut count = 0;
        for string in strings {
            self.put_string(string.as_ref());
            count += 1;
        }
        self.as_mut()[start..start + 4].copy_from_slice(&announced(count).to_be_bytes());
    }

    /// What `write` writes, behind the number of its bytes: a frame, or a record inside of a buffer.
    fn put_measured(&mut self, write: impl FnOnce(&mut Self)) {
        let start = self.as_mut().len();
        self.put_i32(0);
        write(self);
        let bytes = self.as_mut();
        let length = announced(bytes.len() - start - 4);
        bytes[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }
}

impl Writer for Vec<u8> {}
impl Writer for BytesMut {}

fn announced(length: usize) -> i32 {
    i32::try_from(length).expect("limits keep every length below 2 GiB")
}

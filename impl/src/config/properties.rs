//! The syntax of `java.util.Properties`, which is the syntax of `zoo.cfg`.
//!
//! Bytes are Latin-1, as `Properties.load(InputStream)` reads them: a directory whose name holds UTF-8 becomes the same
//! mangled name as in Java, and therefore the same directory. Other characters are written as `\uXXXX`.

use thiserror::Error;

/// One `key = value` of a file, both without escapes and trimmed as `QuorumPeerConfig.parseProperties` trims them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// What stands before the first `=`, `:` or white space. May be empty.
    pub key: String,
    /// What stands after it. May be empty.
    pub value: String,
    /// The number of the line on which the key stands, from 1.
    pub line: usize,
}

/// Why a text is no properties file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SyntaxError {
    /// `\u` without four hexadecimal digits.
    #[error("line {line}: \\u must be followed by four hexadecimal digits")]
    Escape {
        /// The line of the key, from 1.
        line: usize,
    },
    /// `\ud800` to `\udfff` alone. Java keeps such halves of characters; no path or number can hold one.
    #[error("line {line}: \\ud800 to \\udfff must come in pairs, a high one before a low one")]
    Surrogate {
        /// The line of the key, from 1.
        line: usize,
    },
}

/// Every property in the order of the text. A key may occur several times: the last one counts.
///
/// # Errors
/// When an escape is malformed. Everything else is some property.
pub fn parse(text: &[u8]) -> Result<Vec<Property>, SyntaxError> {
    logical_lines(text).into_iter().map(|(line, text)| property(line, &text)).collect()
}

/// Lines joined over trailing backslashes, without comments, blank lines and leading white space; each with the number
/// of its first line. Follows `Properties.LineReader` in its oddities: a `#` opens a comment also after a continued
/// line that is empty so far, and a blank line ends a continued one.
fn logical_lines(text: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let (mut lines, mut joined, mut first): (_, Vec<u8>, _) = (Vec::new(), Vec::new(), 1);
    for (index, natural) in natural_lines(text).enumerate() {
        let content = &natural[natural.iter().take_while(|byte| is_space(**byte)).count()..];
        if joined.is_empty() {
            if content.is_empty() || matches!(content[0], b'#' | b'!') {
                continue;
            }
            first = index + 1;
        }
        joined.extend_from_slice(content);
        let backslashes = content.iter().rev().take_while(|byte| **byte == b'\\').count();
        if backslashes % 2 == 1 {
            joined.pop();
        } else {
            lines.push((first, std::mem::take(&mut joined)));
        }
    }
    if !joined.is_empty() {
        lines.push((first, joined));
    }
    lines
}

/// The text cut at `\n`, `\r` and `\r\n`.
fn natural_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            rest = None;
            return Some(text);
        };
        let ending = if text[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = Some(&text[end + ending..]);
        Some(&text[..end])
    })
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\x0c')
}

fn property(line: usize, text: &[u8]) -> Result<Property, SyntaxError> {
    let mut escaped = false;
    let end = text.iter().position(|byte| {
        let ends = !escaped && (matches!(byte, b'=' | b':') || is_space(*byte));
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    let (key, mut rest) = text.split_at(end.unwrap_or(text.len()));
    let mut separated = false;
    while let Some(byte) = rest.first() {
        match byte {
            b'=' | b':' if !separated => separated = true,
            byte if is_space(*byte) => {}
            _ => break,
        }
        rest = &rest[1..];
    }
    // Java's String.trim takes away everything up to the space.
    let trimmed = |text: String| text.trim_matches(|character| character <= ' ').to_owned();
    Ok(Property { key: trimmed(unescaped(line, key)?), value: trimmed(unescaped(line, rest)?), line })
}

/// Latin-1 bytes with `\t`, `\n`, `\r`, `\f` and `\uXXXX` replaced; any other escaped character stands for itself.
fn unescaped(line: usize, text: &[u8]) -> Result<String, SyntaxError> {
    let (mut units, mut bytes) = (Vec::with_capacity(text.len()), text.iter());
    while let Some(byte) = bytes.next() {
        let unit = if *byte == b'\\' {
            match bytes.next() {
                Some(b'u') => {
                    let digits = bytes.as_slice().get(..4).ok_or(SyntaxError::Escape { line })?;
                    bytes = bytes.as_slice()[4..].iter();
                    code_unit(digits).ok_or(SyntaxError::Escape { line })?
                }
                Some(b't') => u16::from(b'\t'),
                Some(b'n') => u16::from(b'\n'),
                Some(b'r') => u16::from(b'\r'),
                Some(b'f') => 0x0c,
                Some(other) => u16::from(*other),
                None => break,
            }
        } else {
            u16::from(*byte)
        };
        units.push(unit);
    }
    String::from_utf16(&units).map_err(|_| SyntaxError::Surrogate { line })
}

fn code_unit(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0, |unit: u16, digit| {
        let value = char::from(*digit).to_digit(16)?;
        Some((unit << 4) | u16::try_from(value).ok()?)
    })
}

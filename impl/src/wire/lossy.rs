//! Text as Java reads it.

/// The text in `bytes`. What is not UTF-8 becomes U+FFFD, as `new String(bytes, UTF_8)` does it. Rust's
/// `from_utf8_lossy` agrees but for surrogates, which Java's own `BinaryOutputArchive` writes as three bytes each (a
/// character beyond U+FFFF as six): three bytes of a surrogate are one U+FFFD to Java and three to Rust. The servers of
/// one ensemble must agree about a name.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => replaced(bytes),
    }
}

fn replaced(bytes: &[u8]) -> String {
    let (mut text, mut rest) = (String::with_capacity(bytes.len()), bytes);
    while let Some(chunk) = rest.utf8_chunks().next() {
        text.push_str(chunk.valid());
        let mut read = chunk.valid().len() + chunk.invalid().len();
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
            if chunk.invalid() == [0xed] {
                read += rest_of_surrogate(&rest[read..]);
            }
        }
        rest = &rest[read..];
    }
    text
}

/// How many bytes after 0xed belong to the same surrogate: two, or one if it is cut short, or none.
fn rest_of_surrogate(after: &[u8]) -> usize {
    match after {
        [0xa0..=0xbf, 0x80..=0xbf, ..] => 2,
        [0xa0..=0xbf, ..] => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    /// How many U+FFFD Java 17 makes of these bytes, and that the letter behind them stays.
    #[test]
    fn replaces_as_java_does() {
        let cases: [(&[u8], usize); 14] = [
            (b"", 0),
            (b"\xed\xa0\xbd\xed\xb8\x80", 2),
            (b"\xed\xa0", 1),
            (b"\xed", 1),
            (b"\xed\x41", 1),
            (b"\xc0\x80", 2),
            (b"\xe0\x80\x80", 3),
            (b"\xe1\x80", 1),
            (b"\xf0\x90\x80", 1),
            (b"\xf0\x80\x80\x80", 4),
            (b"\xf4\x90\x80\x80", 4),
            (b"\xf8\x88\x80\x80\x80", 5),
            (b"\xff\xfe", 2),
            (b"\x80", 1),
        ];
        for (bytes, replacements) in cases {
            let (alone, followed) = (text(bytes), text(&[bytes, b"x"].concat()));
            assert_eq!(alone.matches('\u{fffd}').count(), replacements, "{bytes:x?}");
            assert_eq!(followed, format!("{alone}x"), "{bytes:x?}");
        }
    }
}

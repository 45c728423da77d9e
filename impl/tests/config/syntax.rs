//! The syntax of properties. What each text means was read off `java.util.Properties`.

use proptest::prelude::*;
use zabkeeper::config::properties::{Property, SyntaxError, parse};

/// The keys and values, with the lines of the keys.
fn read(text: &str) -> Vec<(String, String, usize)> {
    let properties = parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    properties.into_iter().map(|Property { key, value, line }| (key, value, line)).collect()
}

#[test]
fn one_property() {
    for (text, key, value) in [
        ("a=b", "a", "b"),
        ("a = b", "a", "b"),
        ("  a\t:\x0c b", "a", "b"),
        ("a b", "a", "b"),
        ("a", "a", ""),
        ("a=", "a", ""),
        ("=b", "", "b"),
        ("a==b", "a", "=b"),
        ("a = = b", "a", "= b"),
        ("a : = b", "a", "= b"),
        ("a b=c", "a", "b=c"),
        ("a=b # no comment", "a", "b # no comment"),
        ("a=b  ", "a", "b"),
        ("a\\ b=c", "a b", "c"),
        ("a\\=b=c", "a=b", "c"),
        ("a\\:b:c", "a:b", "c"),
        ("a=\\ b", "a", "b"),
        ("a=x\\ty", "a", "x\ty"),
        ("a=x\\ny\\rz\\f.", "a", "x\ny\rz\x0c."),
        ("a=C:\\data", "a", "C:data"),
        ("a=C:\\\\data", "a", "C:\\data"),
        ("a=\\u00e9\\u20AC", "a", "é€"),
        ("a=\\ud83d\\ude00", "a", "😀"),
        ("\\u0061=b", "a", "b"),
        ("a=b\\", "a", "b"),
        ("a=b\\\\", "a", "b\\"),
        ("a=b\\\nc", "a", "bc"),
        ("a=b\\\r\n   c", "a", "bc"),
        ("a=b\\\\\\\n\tc", "a", "b\\c"),
        ("a\\\n=b", "a", "b"),
        ("a=b\\\n\nc", "a", "b"),
        ("a=b\\\n#c", "a", "b#c"),
        ("\\\n#c\na=b", "a", "b"),
        ("# c\\\na=b", "a", "b"),
        ("! c\r\r\n\x0c\n a=b", "a", "b"),
        ("a=\u{e9}", "a", "Ã©"),
    ] {
        let found = read(text);
        assert_eq!((found[0].0.as_str(), found[0].1.as_str()), (key, value), "{text:?}");
        assert!(found.len() == 1 || text == "a=b\\\n\nc", "{text:?}: {found:?}");
    }
}

#[test]
fn lines_are_counted() {
    let text = "# one\na=1\\\n  2\r\n\r\nb=3\rc=4";
    let expected = [("a", "12", 2), ("b", "3", 5), ("c", "4", 6)];
    assert_eq!(read(text), expected.map(|(key, value, line)| (key.to_owned(), value.to_owned(), line)));
}

#[test]
fn malformed_escapes_name_their_line() {
    for text in ["\na=\\u12", "\na=\\u12x4", "\na=\\u", "#\n\\uzzzz=1", "\na=\\u+123"] {
        assert_eq!(parse(text.as_bytes()), Err(SyntaxError::Escape { line: 2 }), "{text:?}");
    }
    assert_eq!(parse(b"a=1\nb=\\ud83d"), Err(SyntaxError::Surrogate { line: 2 }));
}

/// As `Properties.store` writes: every character that could mean something behind a backslash, others as `\u`.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii_alphanumeric() => escaped.push(byte.into()),
            Ok(byte) if byte.is_ascii_graphic() || byte == b' ' => escaped.extend(['\\', byte.into()]),
            _ => escaped += &format!("\\u{unit:04x}"),
        }
    }
    escaped
}

proptest! {
    #[test]
    fn what_is_escaped_is_read_back(pairs in proptest::collection::vec((any::<String>(), any::<String>()), 0..5)) {
        let trimmed = |text: &str| text.trim_matches(|character| character <= ' ').to_owned();
        let pairs: Vec<_> = pairs.iter().map(|(key, value)| (trimmed(key), trimmed(value))).collect();
        let text: String = pairs.iter().map(|(key, value)| format!("{}={}\n", escaped(key), escaped(value))).collect();
        let found = read(&text).into_iter().map(|(key, value, _)| (key, value)).collect::<Vec<_>>();
        prop_assert_eq!(found, pairs);
    }

    #[test]
    fn arbitrary_bytes_are_some_properties(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let lines = 1 + bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
        if let Ok(properties) = parse(&bytes) {
            prop_assert!(properties.is_sorted_by_key(|property| property.line));
            prop_assert!(properties.iter().all(|property| (1..=lines).contains(&property.line)));
        }
    }
}

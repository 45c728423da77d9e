//! A line becomes words, as in Java's shell.
//!
//! *Java:* `ZooKeeperMain.MyCommandOptions.parseCommand`, whose whole grammar is one regular expression. Its oddities
//! are kept, so that scripts mean the same: a quote counts only at the beginning of a word, nothing escapes, and a
//! quote that is never closed is dropped.

/// White space to Java's `\s`; a space of another alphabet is part of a word.
pub(super) fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r')
}

/// The words of a line, without their quotes. None for a line of spaces.
pub fn split(line: &str) -> Vec<String> {
    let (mut words, mut rest) = (Vec::new(), line.trim_start_matches(is_space));
    while let Some(first) = rest.chars().next() {
        if first == '"' || first == '\'' {
            rest = &rest[1..];
            if let Some(end) = rest.find(first) {
                words.push(rest[..end].to_owned());
                rest = &rest[end + 1..];
            }
        } else {
            let end = rest.find(is_space).unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
        rest = rest.trim_start_matches(is_space);
    }
    words
}

/// Where the last word of an unfinished line begins, its quote if it has one, and the word without it. Behind a space
/// an empty word begins.
pub fn last(line: &str) -> (usize, Option<char>, &str) {
    let mut at = 0;
    loop {
        at += line[at..].len() - line[at..].trim_start_matches(is_space).len();
        let rest = &line[at..];
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
        let end = match quote {
            Some(quote) => rest[1..].find(quote).map(|end| end + 2),
            None => rest.find(is_space),
        };
        match end {
            Some(end) => at += end,
            None => return (at, quote, &rest[usize::from(quote.is_some())..]),
        }
    }
}

/// A word as it must be typed to be one again. One with both kinds of quotes and spaces cannot be typed at all.
pub fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && !word.contains(is_space) && !word.starts_with(['"', '\'']);
    if plain {
        word.to_owned()
    } else if word.contains('"') {
        format!("'{word}'")
    } else {
        format!("\"{word}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_javas() {
        let cases: [(&str, &[&str]); 14] = [
            ("", &[]),
            (" \t ", &[]),
            ("ls /", &["ls", "/"]),
            ("  create   /a  b ", &["create", "/a", "b"]),
            ("set /a 'two words'", &["set", "/a", "two words"]),
            ("set /a \"two words\"", &["set", "/a", "two words"]),
            ("set /a \"it's\" 'a \"b\" c'", &["set", "/a", "it's", "a \"b\" c"]),
            ("set /a it's so", &["set", "/a", "it's", "so"]),
            ("set /a ''", &["set", "/a", ""]),
            ("set /a 'b'c d", &["set", "/a", "b", "c", "d"]),
            ("set /a a'b c'", &["set", "/a", "a'b", "c'"]),
            ("set /a \"open words", &["set", "/a", "open", "words"]),
            ("set /a back\\ slash", &["set", "/a", "back\\", "slash"]),
            ("set /a a\u{a0}b", &["set", "/a", "a\u{a0}b"]),
        ];
        for (line, words) in cases {
            assert_eq!(split(line), words, "{line:?}");
        }
    }

    #[test]
    fn the_last_word_is_found_while_it_is_typed() {
        let cases = [
            ("", (0, None, "")),
            ("cre", (0, None, "cre")),
            ("ls ", (3, None, "")),
            ("ls  /a", (4, None, "/a")),
            ("ls '/a b", (3, Some('\''), "/a b")),
            ("ls '/a b' \"/c d/", (10, Some('"'), "/c d/")),
            ("ls '/a' ", (8, None, "")),
        ];
        for (line, expected) in cases {
            assert_eq!(last(line), expected, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn quoted_words_come_back(words in prop::collection::vec("[a-z'/é ]{0,6}|[a-z\"/ ]{0,6}", 0..5)) {
            let line: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            prop_assert_eq!(split(&line.join(" ")), words);
        }

        #[test]
        fn any_line_has_a_last_word(line in "[a-z'\"/é\u{a0} ]{0,20}") {
            let (at, quote, word) = last(&line);
            prop_assert_eq!(&line[at + quote.map_or(0, char::len_utf8)..], word);
        }
    }
}

//! What may stand at the end of a line that is being typed: commands, their options, znodes.
//!
//! *Java:* `JLineZNodeCompleter`, which knows no options.

use super::commands::GRAMMARS;
use super::words::{last, quoted, split};
use zab::tree::path;

/// What is sought for the end of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sought {
    /// One of these words: commands, or options.
    Word(Vec<String>),
    /// A child of this znode.
    Child {
        /// The path of the znode.
        parent: String,
        /// How the child's name begins.
        prefix: String,
    },
}

/// Where in the line the last word begins, and what may stand in its place.
pub fn sought(line: &str) -> (usize, Sought) {
    let (at, quote, word) = last(line);
    if let Some(slash) = word.rfind('/').filter(|_| word.starts_with('/')) {
        let parent = if slash == 0 { path::ROOT } else { &word[..slash] };
        return (at, Sought::Child { parent: parent.to_owned(), prefix: word[slash + 1..].to_owned() });
    }
    let before = split(&line[..at]);
    let words: Vec<String> = match before.first() {
        None if quote.is_none() => GRAMMARS.iter().map(|grammar| grammar.name.to_owned()).collect(),
        Some(command) if word.starts_with('-') => options(command),
        _ => Vec::new(),
    };
    let mut words: Vec<String> = words.into_iter().filter(|candidate| candidate.starts_with(word)).collect();
    words.sort_unstable();
    (at, Sought::Word(words))
}

fn options(command: &str) -> Vec<String> {
    let grammar = GRAMMARS.iter().find(|grammar| grammar.name == command);
    grammar.map_or_else(Vec::new, |grammar| grammar.choices.iter().map(|choice| format!("-{}", choice.name)).collect())
}

/// The paths that begin so, as they are typed, of these children.
pub fn paths(parent: &str, prefix: &str, children: &[String]) -> Vec<String> {
    let fitting = children.iter().filter(|name| name.starts_with(prefix));
    let mut paths: Vec<String> = fitting.map(|name| quoted(&path::child(parent, name))).collect();
    paths.sort_unstable();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(line: &str) -> (usize, Vec<String>) {
        match sought(line) {
            (at, Sought::Word(words)) => (at, words),
            (_, child) => panic!("{child:?}"),
        }
    }

    fn child(line: &str) -> (usize, String, String) {
        match sought(line) {
            (at, Sought::Child { parent, prefix }) => (at, parent, prefix),
            (_, words) => panic!("{words:?}"),
        }
    }

    #[test]
    fn commands_and_options_are_completed() {
        assert_eq!(words("dele"), (0, vec!["delete".into(), "deleteall".into()]));
        assert_eq!(words(" ge").1, ["get", "getAcl", "getAllChildrenNumber", "getEphemerals"]);
        assert_eq!(words("").1.len(), GRAMMARS.len());
        assert_eq!(words("get -"), (4, ["-b", "-s", "-w", "-x"].map(String::from).to_vec()));
        assert_eq!(words("reconfig -m").1, ["-members"]);
        assert_eq!(words("dance -"), (6, vec![]));
        assert_eq!(words("get x"), (4, vec![]));
    }

    #[test]
    fn znodes_are_completed() {
        assert_eq!(child("ls /"), (3, "/".into(), "".into()));
        assert_eq!(child("ls -s /ap"), (6, "/".into(), "ap".into()));
        assert_eq!(child("get /app/"), (4, "/app".into(), "".into()));
        assert_eq!(child("get '/a b/c"), (4, "/a b".into(), "c".into()));
        let children = ["beta", "alpha", "all of it"].map(String::from);
        assert_eq!(paths("/", "a", &children), ["\"/all of it\"", "/alpha"]);
        assert_eq!(paths("/x", "", &children), ["\"/x/all of it\"", "/x/alpha", "/x/beta"]);
    }

    proptest! {
        #[test]
        fn any_line_can_be_completed(line in "[a-z'\"/é -]{0,20}") {
            let (at, _) = sought(&line);
            prop_assert!(line.is_char_boundary(at));
        }
    }
}

//! The machine minds the house: sizes, purity, and that rules and prose name each other. What it cannot see (whether a
//! comment says why) is for readers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const LONGEST_FILE: usize = 500;
const LONGEST_FUNCTION: usize = 70;
const LONGEST_LINE: usize = 120;

/// Files that may be longer, each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Functions that may be longer, as `file: function`, each with its reason.
const LONG_FUNCTIONS: &[(&str, &str)] = &[];

/// Words that have no place in the specification: whatever is not a pure function of its arguments.
const IMPURE: &str = "std::net std::fs std::io std::time std::thread std::env std::sync::atomic tokio rand \
    HashMap HashSet RandomState Instant SystemTime Mutex RwLock RefCell Cell unsafe async await println eprintln";

/// Words of unfinished work. (Each with a gap, so that this file does not name itself.)
const UNFINISHED: &[&str] = &["TO_DO", "FIX_ME", "X_XX", "to_do!(", "unimple_mented!(", "#[ig_nore]", "db_g!("];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is above").to_owned()
}

/// Every file below these folders of the workspace with this ending, with its path from there, and its text.
fn files(folders: &[&str], ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(path) = open.pop() {
        if path.is_dir() && !path.ends_with("target") {
            let entries = std::fs::read_dir(&path).expect("a folder that can be read");
            open.extend(entries.map(|entry| entry.expect("an entry that can be read").path()));
        } else if path.extension().is_some_and(|extension| extension == ending) {
            let name = path.strip_prefix(root()).expect("below the workspace").display().to_string();
            found.push((name, std::fs::read_to_string(&path).expect("text")));
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no .{ending} in {folders:?}");
    found
}

fn sources() -> Vec<(String, String)> {
    let members = ["specs", "model", "impl", "conformance"];
    let there: Vec<&str> = members.into_iter().filter(|member| root().join(member).is_dir()).collect();
    files(&there, "rs")
}

/// Fails with every complaint at once, one a line.
fn nothing_of(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n  {}\n", complaints.join("\n  "));
}

// ---- Sizes --------------------------------------------------------------------------------------------------------

#[test]
fn files_are_short() {
    let mut complaints = Vec::new();
    for (name, text) in sources() {
        let (lines, excused) = (text.lines().count(), LONG_FILES.iter().any(|(file, _)| *file == name));
        if lines > LONGEST_FILE && !excused {
            complaints.push(format!("{name} has {lines} lines"));
        } else if lines <= LONGEST_FILE && excused {
            complaints.push(format!("{name} needs no excuse any more"));
        }
    }
    nothing_of(complaints);
}

#[test]
fn lines_are_short() {
    let mut complaints = Vec::new();
    for (name, text) in sources() {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| line.chars().count() > LONGEST_LINE) {
            complaints.push(format!("{name}:{} has {} characters", number + 1, line.chars().count()));
        }
    }
    nothing_of(complaints);
}

#[test]
fn functions_fit_on_a_screen() {
    let mut complaints = Vec::new();
    for (name, text) in sources() {
        for function in functions(&text) {
            let excused = LONG_FUNCTIONS.iter().any(|(place, _)| *place == format!("{name}: {}", function.name));
            if function.lines > LONGEST_FUNCTION && !excused {
                let (first, lines) = (function.first, function.lines);
                complaints.push(format!("{name}:{first}: {} has {lines} lines", function.name));
            }
        }
    }
    nothing_of(complaints);
}

#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    first: usize,
    lines: usize,
}

/// Every function with a body, by counting braces.
fn functions(text: &str) -> Vec<Function> {
    let lines: Vec<String> = text.lines().map(code).collect();
    let starts = lines.iter().enumerate().filter_map(|(index, line)| Some((index, function_name(line)?)));
    let with_body = starts.filter_map(|(index, name)| {
        let (mut depth, mut opened) = (0_i32, false);
        for (offset, line) in lines[index..].iter().enumerate() {
            for character in line.chars() {
                match character {
                    '{' => (depth, opened) = (depth + 1, true),
                    '}' => depth -= 1,
                    ';' if !opened && line.trim_end().ends_with(';') => return None,
                    _ => {}
                }
            }
            if opened && depth <= 0 {
                return Some(Function { name, first: index + 1, lines: offset + 1 });
            }
        }
        None
    });
    with_body.collect()
}

/// A line without its comment, and without what stands in quotes.
fn code(line: &str) -> String {
    let (mut kept, mut characters) = (String::new(), line.chars().peekable());
    let mut quoted = false;
    while let Some(character) = characters.next() {
        match character {
            '\\' if quoted => {
                characters.next();
            }
            '"' => quoted = !quoted,
            _ if quoted => {}
            '/' if characters.peek() == Some(&'/') => break,
            // A brace in a character literal; lifetimes stay.
            '\'' if characters.peek().is_some_and(|next| "{}\"".contains(*next)) => {
                characters.next();
            }
            _ => kept.push(character),
        }
    }
    kept
}

fn function_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace().skip_while(|word| {
        let modifier = word.trim_end_matches(|c: char| !c.is_alphabetic());
        word.starts_with("pub") || ["const", "async", "extern"].contains(&modifier) || word.starts_with("super")
    });
    if words.next()? != "fn" {
        return None;
    }
    let name: String = words.next()?.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

#[test]
fn functions_are_found() {
    let one = "    pub(crate) fn one(&self) -> char {\n        let open = '{'; // {\n        \"{\"\n    }\n";
    let text = format!("impl A {{\n{one}\n    fn none(&self);\n}}\nfn two<T>() where T: Copy,\n{{ }}\n");
    let found = functions(&text).into_iter().map(|function| (function.name, function.first, function.lines));
    let expected = [("one".to_owned(), 2, 4), ("two".to_owned(), 9, 2)];
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

// ---- Words --------------------------------------------------------------------------------------------------------

#[test]
fn the_specification_is_pure() {
    let mut complaints = Vec::new();
    for (name, text) in files(&["specs/src"], "rs") {
        for (number, line) in text.lines().enumerate() {
            let code = code(line);
            let words = IMPURE.split_whitespace().filter(|word| contains_word(&code, word));
            complaints.extend(words.map(|word| format!("{name}:{}: {word}", number + 1)));
        }
    }
    nothing_of(complaints);
}

/// Whether `word` stands in `line`, not inside of a longer word.
fn contains_word(line: &str, word: &str) -> bool {
    let of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (line[..at].chars().next_back(), line[at + word.len()..].chars().next());
        let inside =
            |neighbour: Option<char>, own: Option<char>| neighbour.is_some_and(of_word) && own.is_some_and(of_word);
        !inside(before, word.chars().next()) && !inside(after, word.chars().next_back())
    })
}

#[test]
fn nothing_is_left_unfinished() {
    let mut complaints = Vec::new();
    let unfinished: Vec<String> = UNFINISHED.iter().map(|word| word.replace('_', "")).collect();
    for (name, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            let words = unfinished.iter().filter(|word| contains_word(line, word));
            complaints.extend(words.map(|word| format!("{name}:{}: {word}", number + 1)));
        }
    }
    nothing_of(complaints);
}

// ---- Rules --------------------------------------------------------------------------------------------------------

/// Every rule that a comment of the specification names is defined in a chapter, in bold, and the other way round.
#[test]
fn rules_and_prose_name_each_other() {
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    for (name, text) in files(&["specs/src"], "rs") {
        named.extend(rules_named(&text).into_iter().map(|rule| (rule, name.clone())));
    }
    let mut defined: BTreeMap<String, String> = BTreeMap::new();
    // The chapter of the properties says what each of them demands: they are no rules.
    for (name, text) in files(&["specs"], "md").into_iter().filter(|(name, _)| !name.ends_with("/properties.md")) {
        for rule in rules_defined(&text) {
            if let Some(other) = defined.insert(rule.clone(), name.clone()) {
                panic!("{rule} is defined in {other} and in {name}");
            }
        }
    }
    let missing = named.iter().filter(|(rule, _)| !defined.contains_key(*rule));
    let mut complaints: Vec<String> =
        missing.map(|(rule, file)| format!("{file} names rule {rule}, which no chapter defines in bold")).collect();
    let unused = defined.iter().filter(|(rule, _)| !named.contains_key(*rule));
    complaints.extend(unused.map(|(rule, file)| format!("{file} defines {rule}, which no comment names as a rule")));
    nothing_of(complaints);
}

/// Those in `rule Name`, `Rule Name:` and `rules Name, Other` of comments.
fn rules_named(text: &str) -> BTreeSet<String> {
    let comments = text.lines().filter_map(|line| line.split_once("//")).map(|(_, comment)| comment);
    let prose: Vec<&str> =
        comments.flat_map(|comment| comment.trim_start_matches(['/', '!']).split_whitespace()).collect();
    let mut rules = BTreeSet::new();
    for (index, word) in prose.iter().enumerate() {
        let word = word.trim_start_matches('(').to_lowercase();
        if word == "rule" {
            rules.extend(prose.get(index + 1).and_then(|next| rule_name(next)));
        } else if word == "rules" {
            let names = prose[index + 1..].iter().filter(|next| **next != "and");
            rules.extend(names.map_while(|next| rule_name(next)));
        }
    }
    rules
}

/// Those that open a paragraph as `**Name.**`.
fn rules_defined(text: &str) -> Vec<String> {
    let openings = text.lines().filter_map(|line| line.strip_prefix("**")?.split_once(".**"));
    openings.filter_map(|(name, _)| rule_name(name).filter(|rule| rule == name)).collect()
}

/// A name of several words written as one, at the beginning of `word`.
fn rule_name(word: &str) -> Option<String> {
    let name: String = word.chars().take_while(char::is_ascii_alphanumeric).collect();
    let capitals = name.chars().filter(char::is_ascii_uppercase).count();
    let lower = name.chars().any(|c| c.is_ascii_lowercase());
    (name.starts_with(|c: char| c.is_ascii_uppercase()) && capitals > 1 && lower).then_some(name)
}

#[test]
fn rules_are_found() {
    let text =
        "/// First (rule\n/// OneRule).\nlet a = 1; // Rule TwoRules: why\n// (rules AbcDef, GhiJkl)\n// rule of thumb";
    assert_eq!(rules_named(text).into_iter().collect::<Vec<_>>(), ["AbcDef", "GhiJkl", "OneRule", "TwoRules"]);
    assert_eq!(rules_defined("**OneRule.** Text.\n**Not this.**\n x **NorThis.**"), ["OneRule"]);
}

//! The mutants of the protocol's chapters, as `cargo mutants` proposes them.

use super::MutantsError;
use serde_json::Value;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::process::Command;

/// The chapters of the protocol.
pub const CHAPTERS: [&str; 10] = [
    "broadcast",
    "contract",
    "discovery",
    "disk",
    "election",
    "ensemble",
    "history",
    "number",
    "peer",
    "synchronization",
];

/// What else is judged if it is asked for. No model looks at the tree, only its own tests do, here, and Apache's server
/// elsewhere. What `properties` say is judged by planted bugs (`model bugs`): a weaker one lets nothing go wrong by
/// itself.
pub const OTHERS: [&str; 5] = ["hexadecimal", "message", "recipes", "trace", "tree"];

/// A change of one place of the specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// The file, relative to the workspace.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// What is changed, as `cargo mutants` says it, without the place: `replace < with <= in on_ack`.
    pub what: String,
    /// The line as it stands there.
    pub text: String,
    /// The change.
    pub diff: String,
    /// What kind of change.
    pub genre: Genre,
    /// What is replaced, in bytes from the file's start.
    pub span: Range<usize>,
    /// What stands there instead.
    pub replacement: String,
}

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Genre {
    /// An operator, of one or two operands.
    Operator,
    /// The body of a function, replaced by a value.
    Function,
    /// An arm of a match is taken away, in favour of `_`.
    Arm,
    /// The condition of an arm.
    Guard,
    /// What stands seldom enough.
    Other,
}

impl Mutant {
    /// What it is called in `specs/mutants.md`, wherever its line has moved to: `broadcast.rs: replace …`.
    #[must_use]
    pub fn name(&self) -> String {
        let file = Path::new(&self.file).file_name().unwrap_or_default().to_string_lossy();
        format!("{file}: {}", self.what)
    }

    /// The place and what is changed there.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}: {}", self.file, self.line, self.what)
    }
}

/// The mutants of these chapters, in the order of their places; but those of whole functions, whose loss is seldom
/// overlooked, come last.
///
/// # Errors
/// When `cargo mutants` is not there, or says what is no list.
pub fn list(root: &Path, chapters: &[String]) -> Result<Vec<Mutant>, MutantsError> {
    let program = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut command = Command::new(program);
    command.args(["mutants", "--list", "--json", "--diff", "--package", "zab", "--no-shuffle"]).current_dir(root);
    for chapter in chapters {
        let files = [format!("specs/src/{chapter}.rs"), format!("specs/src/{chapter}/**/*.rs")];
        for file in files {
            command.args(["--file", &file]);
        }
    }
    let output = command.output().map_err(|error| MutantsError::List(error.to_string()))?;
    if !output.status.success() {
        return Err(MutantsError::List(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let found: Value = serde_json::from_slice(&output.stdout).map_err(|error| MutantsError::List(error.to_string()))?;
    let mut texts = HashMap::new();
    let mut found: Vec<&Value> = found.as_array().into_iter().flatten().collect();
    found.sort_by_key(|value| value["genre"] == "FnValue");
    found.into_iter().map(|value| mutant(root, value, &mut texts)).collect()
}

fn mutant(root: &Path, value: &Value, texts: &mut HashMap<String, String>) -> Result<Mutant, MutantsError> {
    let missing = |what: &str| MutantsError::List(format!("a mutant has no `{what}`"));
    let string = |what: &str| value[what].as_str().map(str::to_owned).ok_or_else(|| missing(what));
    let (file, name, diff) = (string("file")?, string("name")?, string("diff")?);
    let line = value["span"]["start"]["line"].as_u64().ok_or_else(|| missing("span"))?;
    let what = name.splitn(4, ':').nth(3).ok_or_else(|| missing("place"))?.trim().to_owned();
    if !texts.contains_key(&file) {
        let text = std::fs::read_to_string(root.join(&file));
        texts.insert(file.clone(), text.map_err(|error| MutantsError::File(file.clone(), error))?);
    }
    let (whole, number) = (&texts[&file], |value: &Value| value.as_u64().and_then(|number| number.try_into().ok()));
    let before = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
    let text = whole.lines().nth(before).unwrap_or_default().trim().to_owned();
    let place = |end: &str| {
        let place = &value["span"][end];
        offset(whole, number(&place["line"])?, number(&place["column"])?)
    };
    let span = place("start").zip(place("end")).map(|(start, end)| start..end).ok_or_else(|| missing("span"))?;
    let genre = match string("genre")?.as_str() {
        "BinaryOperator" | "UnaryOperator" => Genre::Operator,
        "FnValue" => Genre::Function,
        "MatchArm" => Genre::Arm,
        "MatchArmGuard" => Genre::Guard,
        _ => Genre::Other,
    };
    Ok(Mutant { file, line, what, text, diff, genre, span, replacement: string("replacement")? })
}

/// Where this line and character, both from 1, are in the text, in bytes.
fn offset(text: &str, line: usize, column: usize) -> Option<usize> {
    let before: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let inner: usize = text[before..].chars().take(column.checked_sub(1)?).map(char::len_utf8).sum();
    Some(before + inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_of_lines_and_characters() {
        let text = "one\nzwölf < 2\n";
        let at = offset(text, 2, 7).expect("a place");
        assert_eq!(&text[at..=at], "<");
        assert_eq!(offset(text, 1, 1), Some(0));
        assert_eq!(offset(text, 0, 1), None);
    }
}

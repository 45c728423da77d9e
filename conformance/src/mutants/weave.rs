//! All mutants in one program: each as a branch that is taken when its number is told.
//!
//! A mutant for itself costs the compiler more than the judges. So the chapters are compiled once, with every change
//! beside the original: `a < b` becomes `(if mutant::is(7) { a <= b } else { a < b })`, and a judge is told the number
//! of the one to judge in the variable [`VARIABLE`]. What cannot stand so is left out, to be planted by itself: a
//! change in a constant, in a condition with `let`, or of another type.

use super::MutantsError;
use super::list::{Genre, Mutant};
use super::sites::Sites;
use crate::results::root;
use model::bugs::Workshop;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::ops::Range;

/// The variable of the environment that tells the number of the mutant to be. Without it, the program is the original.
pub const VARIABLE: &str = "ZAB_MUTANT";

/// The crate's root, where the switch stands.
const ROOT: &str = "specs/src/lib.rs";

/// What the woven chapters ask.
const SWITCH: &str = r#"
#[doc(hidden)]
pub mod mutant {
    static CHOSEN: std::sync::LazyLock<usize> =
        std::sync::LazyLock::new(|| std::env::var("ZAB_MUTANT").ok().and_then(|text| text.parse().ok()).unwrap_or(0));
    #[inline]
    pub fn is(number: usize) -> bool {
        *CHOSEN == number
    }
}
"#;

/// Text to be put around a part of a file.
struct Wrap {
    range: Range<usize>,
    before: String,
    after: &'static str,
}

/// Weaves these mutants, by their numbers (none is 0), into the specification that stands in the workshop. Returns
/// the numbers of those that compile so.
///
/// # Errors
/// When a file is not there, or does not compile for another reason than a mutant.
pub fn weave(workshop: &Workshop, mutants: &BTreeMap<usize, &Mutant>) -> Result<BTreeSet<usize>, MutantsError> {
    let mut woven = mutants.clone();
    loop {
        let texts = texts(&mut woven)?;
        workshop.replace(&texts)?;
        let refused = refused(workshop, &texts)?;
        if refused.is_empty() {
            return Ok(woven.into_keys().collect());
        }
        woven.retain(|number, _| !refused.contains(number));
    }
}

/// The files with their mutants; leaves out those for which there is no way.
fn texts(mutants: &mut BTreeMap<usize, &Mutant>) -> Result<BTreeMap<String, String>, MutantsError> {
    let read = |file: &str| {
        std::fs::read_to_string(root().join(file)).map_err(|error| MutantsError::File(file.to_owned(), error))
    };
    let files: BTreeSet<String> = mutants.values().map(|mutant| mutant.file.clone()).collect();
    let mut texts = BTreeMap::from([(ROOT.to_owned(), read(ROOT)? + SWITCH)]);
    for file in files {
        let text = read(&file)?;
        let sites = Sites::of(&file, &text)?;
        let here: Vec<(usize, &Mutant)> = mutants
            .iter()
            .filter(|(_, mutant)| mutant.file == file)
            .map(|(number, mutant)| (*number, *mutant))
            .collect();
        let (wraps, left) = wraps(&text, &sites, &here);
        mutants.retain(|number, _| !left.contains(number));
        texts.insert(file, wrapped(&text, wraps));
    }
    Ok(texts)
}

/// What is to be put around the parts of this text, and the numbers of those mutants for which there is no way.
fn wraps(text: &str, sites: &Sites, mutants: &[(usize, &Mutant)]) -> (Vec<Wrap>, BTreeSet<usize>) {
    let (mut wraps, mut left) = (Vec::new(), BTreeSet::new());
    let mut chains: BTreeMap<(usize, usize), String> = BTreeMap::new();
    for (number, mutant) in mutants {
        let span = mutant.span.clone();
        let with = &mutant.replacement;
        match mutant.genre {
            Genre::Operator => match sites.operators.get(&span.start) {
                Some(Some(chain)) => {
                    let other = [&text[chain.start..span.start], with, &text[span.end..chain.end]].concat();
                    let branches = chains.entry((chain.start, chain.end)).or_default();
                    write!(branches, "if crate::mutant::is({number}) {{ {other} }}\nelse ").expect("a string");
                }
                _ => drop(left.insert(*number)),
            },
            Genre::Guard => wraps.push(Wrap {
                range: span,
                before: format!("(if crate::mutant::is({number}) {{ {with} }}\nelse {{ "),
                after: " })",
            }),
            Genre::Function => wraps.push(Wrap {
                range: span,
                before: format!("if crate::mutant::is({number}) {{ return {with}; }}\n"),
                after: "",
            }),
            Genre::Arm => match sites.arms.get(&span.start) {
                Some(end) => wraps.push(Wrap {
                    range: *end..*end,
                    before: format!(" if !crate::mutant::is({number})"),
                    after: "",
                }),
                None => drop(left.insert(*number)),
            },
            Genre::Other => drop(left.insert(*number)),
        }
    }
    let chain = |((start, end), branches)| Wrap { range: start..end, before: format!("({branches}{{ "), after: " })" };
    wraps.extend(chains.into_iter().map(chain));
    (wraps, left)
}

/// The text with everything put around its parts: what is around more is further out.
fn wrapped(text: &str, mut wraps: Vec<Wrap>) -> String {
    wraps.sort_by_key(|wrap| (wrap.range.start, std::cmp::Reverse(wrap.range.end)));
    let (mut done, mut at, mut open) = (String::new(), 0, Vec::<Wrap>::new());
    let close = |done: &mut String, at: &mut usize, open: &mut Vec<Wrap>, until: usize| {
        while open.last().is_some_and(|wrap| wrap.range.end <= until) {
            let wrap = open.pop().expect("there is one");
            done.push_str(&text[*at..wrap.range.end]);
            done.push_str(wrap.after);
            *at = wrap.range.end;
        }
    };
    for wrap in wraps {
        close(&mut done, &mut at, &mut open, wrap.range.start);
        done.push_str(&text[at..wrap.range.start]);
        done.push_str(&wrap.before);
        at = wrap.range.start;
        open.push(wrap);
    }
    close(&mut done, &mut at, &mut open, text.len());
    done.push_str(&text[at..]);
    done
}

/// The numbers of mutants that the compiler does not like.
fn refused(workshop: &Workshop, texts: &BTreeMap<String, String>) -> Result<BTreeSet<usize>, MutantsError> {
    let words = ["check", "--offline", "--quiet", "--message-format=json", "--package", "zab", "--lib"];
    let output = workshop.cargo(&words).output().map_err(|error| MutantsError::File("cargo".into(), error))?;
    let (mut refused, mut errors) = (BTreeSet::new(), String::new());
    if output.status.success() {
        return Ok(refused);
    }
    let messages = output.stdout.split(|byte| *byte == b'\n');
    for message in messages.filter_map(|line| serde_json::from_slice::<Value>(line).ok()) {
        let message = &message["message"];
        if message["level"] != "error" {
            continue;
        }
        errors += message["rendered"].as_str().unwrap_or_default();
        let spans = message["spans"].as_array().into_iter().flatten();
        let near = |span: &Value| {
            let lines: Vec<&str> = texts.get(span["file_name"].as_str()?)?.lines().collect();
            number_at(&lines, usize::try_from(span["line_start"].as_u64()?).ok()?)
        };
        refused.extend(spans.filter(|span| span["is_primary"] == true).filter_map(near));
    }
    if refused.is_empty() {
        return Err(MutantsError::Tests(errors));
    }
    Ok(refused)
}

/// The number of the mutant in this line, from 1, or in the nearest one before it.
fn number_at(lines: &[&str], line: usize) -> Option<usize> {
    lines[..line.min(lines.len())].iter().rev().find_map(|line| {
        let (_, rest) = line.rsplit_once("mutant::is(")?;
        rest.split(')').next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(text: &str, part: &str, genre: Genre, with: &str) -> Mutant {
        let start = text.find(part).expect("it is there");
        let (span, replacement) = (start..start + part.len(), with.to_owned());
        let empty = String::new;
        Mutant { file: empty(), line: 1, what: empty(), text: empty(), diff: empty(), genre, span, replacement }
    }

    fn woven(text: &str, mutants: &[Mutant]) -> (String, BTreeSet<usize>) {
        let sites = Sites::of("", text).expect("Rust");
        let numbered: Vec<(usize, &Mutant)> = mutants.iter().enumerate().map(|(at, one)| (at + 1, one)).collect();
        let (wraps, left) = wraps(text, &sites, &numbered);
        let done = wrapped(text, wraps);
        syn::parse_file(&done).expect("still Rust");
        (done.replace("crate::mutant::", "").replace('\n', ""), left)
    }

    #[test]
    fn an_operator_is_changed_in_all_that_it_may_bind_otherwise() {
        let text = "fn f() -> bool { a || b && c(!d) }";
        let or = mutant(text, "||", Genre::Operator, "&&");
        let not = mutant(text, "!", Genre::Operator, "");
        let (done, left) = woven(text, &[or, not]);
        let inner = "c((if is(2) { d }else { !d }))";
        assert_eq!(done, format!("fn f() -> bool {{ (if is(1) {{ a && b && c(!d) }}else {{ a || b && {inner} }}) }}"));
        assert!(left.is_empty());
    }

    #[test]
    fn functions_guards_and_arms_take_their_branches() {
        let text = "fn f() -> u8 { match a { 1 if b => 2, 3 => 4, _ => 5 } }";
        let body = mutant(text, "match a { 1 if b => 2, 3 => 4, _ => 5 }", Genre::Function, "0");
        let guard = mutant(text, "b", Genre::Guard, "true");
        let arm = mutant(text, "3 => 4,", Genre::Arm, "");
        let (done, _) = woven(text, &[body, guard, arm]);
        let matched = "match a { 1 if (if is(2) { true }else { b }) => 2, 3 if !is(3) => 4, _ => 5 }";
        assert_eq!(done, format!("fn f() -> u8 {{ if is(1) {{ return 0; }}{matched} }}"));
    }

    #[test]
    fn a_condition_with_let_stays_but_its_parts_are_woven() {
        let text = "fn f() { if a == 1 && let Some(b) = c { d(); } }";
        let and = mutant(text, "&&", Genre::Operator, "||");
        let equal = mutant(text, "==", Genre::Operator, "!=");
        let (done, left) = woven(text, &[and, equal]);
        assert_eq!(done, "fn f() { if (if is(2) { a != 1 }else { a == 1 }) && let Some(b) = c { d(); } }");
        assert_eq!(left, BTreeSet::from([1]));
    }

    #[test]
    fn an_error_below_a_mutant_is_its() {
        let lines = ["a", "(if crate::mutant::is(4) { b", "c }", "else { d })"];
        assert_eq!(number_at(&lines, 3), Some(4));
        assert_eq!(number_at(&lines, 1), None);
    }
}

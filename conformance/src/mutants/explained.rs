//! `specs/mutants.md`: the mutants that nothing tells from the specification, each with the reason.
//!
//! They are rows of tables, `| name | the line | why |`, and are found by what they change in which line, not by the
//! line's number: so they stay true while the chapter around them changes, and are missed when their own line does.

use super::list::Mutant;
use crate::report::rows;

/// A mutant with the reason why it is as good as the specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// [`Mutant::name`].
    pub name: String,
    /// [`Mutant::text`].
    pub text: String,
    /// Why nothing differs.
    pub why: String,
}

impl Explained {
    /// Whether it explains this mutant.
    #[must_use]
    pub fn is(&self, mutant: &Mutant) -> bool {
        self.name == mutant.name() && self.text == mutant.text
    }
}

/// All that the page explains.
#[must_use]
pub fn read(page: &str) -> Vec<Explained> {
    let rows = rows::sections(page).into_iter().flat_map(|section| section.rows);
    rows.filter_map(|row| explained(&row)).collect()
}

fn explained(row: &[String]) -> Option<Explained> {
    let quoted = |cell: &str| Some(cell.strip_prefix('`')?.strip_suffix('`')?.to_owned());
    let [name, text, why] = row else { return None };
    (!why.is_empty()).then_some(Explained { name: quoted(name)?, text: quoted(text)?, why: why.clone() })
}

/// A row for a mutant that is still to be explained.
#[must_use]
pub fn to_explain(mutant: &Mutant) -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    format!("| `{}` | `{}` | |", cell(&mutant.name()), cell(&mutant.text))
}

#[cfg(test)]
mod tests {
    use super::super::list::Genre;
    use super::*;

    #[test]
    fn rows_explain_mutants_wherever_they_stand() {
        let mutant = |line, text: &str| {
            let (file, what) = ("specs/src/peer.rs".to_owned(), "replace || with && in is_known".to_owned());
            let (diff, replacement, genre) = (String::new(), "&&".to_owned(), Genre::Operator);
            Mutant { file, line, what, text: text.to_owned(), diff, genre, span: 0..2, replacement }
        };
        let row = to_explain(&mutant(7, "a || b")).replace("| |", "| as broad as long |");
        let page = format!("# Mutants\n\n| mutant | line | why |\n|---|---|---|\n{row}\n");
        let explained = read(&page);
        assert_eq!(explained.len(), 1, "{page}");
        assert!(explained[0].is(&mutant(9, "a || b")) && explained[0].why == "as broad as long");
        assert!(!explained[0].is(&mutant(7, "a || c")));
    }
}

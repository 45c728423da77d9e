//! The rows of the tables of a page in Markdown.

/// A heading and the rows of the tables below it, each row by its cells; heads and rulers are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// The heading, without its marks.
    pub heading: String,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

/// The sections of a page that have a table.
#[must_use]
pub fn sections(page: &str) -> Vec<Section> {
    let (mut sections, mut is_head) = (vec![Section::default()], true);
    for line in page.lines().map(str::trim) {
        if line.starts_with('#') {
            sections.push(Section { heading: line.trim_start_matches('#').trim().to_owned(), rows: Vec::new() });
        }
        let Some(row) = line.strip_prefix('|').and_then(|rest| rest.strip_suffix('|')) else {
            is_head = true;
            continue;
        };
        let is_ruler = row.chars().all(|character| "-:| ".contains(character));
        if !is_head && let Some(section) = sections.last_mut() {
            section.rows.push(cells(row));
        }
        is_head = is_head && !is_ruler;
    }
    sections.retain(|section| !section.rows.is_empty());
    sections
}

/// What stands between bars; a bar in a cell is written `\|`.
fn cells(row: &str) -> Vec<String> {
    let hidden = row.replace("\\|", "\u{0}");
    hidden.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_below_their_headings() {
        let page = "# One\n\n| what | why |\n|---|---|\n| a \\| b | c |\n| d | e |\n\n## Two\n\nProse.\n\n## Three\n\
                    | x |\n|:--|\n| y |\n";
        let found: Vec<_> = sections(page).into_iter().map(|section| (section.heading, section.rows)).collect();
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            found,
            [("One".to_owned(), vec![row(&["a | b", "c"]), row(&["d", "e"])]), ("Three".to_owned(), vec![row(&["y"])])]
        );
    }
}

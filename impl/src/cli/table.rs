//! Tables for people and for `awk`: columns padded with blanks, no lines around them.

/// Rows under their headings. A row may be shorter than the headings; a cell that says nothing is `-`.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut all = vec![headings.iter().map(|heading| (*heading).to_owned()).collect::<Vec<String>>()];
    all.extend(rows.iter().cloned());
    let width = |column: usize| {
        let cells = all.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let mut text = String::new();
    for row in &all {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}", width = *width));
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// A cell that may have nothing to say.
pub(crate) fn cell(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["1".to_owned(), cell(Some("läuft")), "x".to_owned()], vec!["22".to_owned(), cell(None::<u8>)]];
        assert_eq!(table(&["id", "role", "z"], &rows), "id  role   z\n1   läuft  x\n22  -\n");
    }
}

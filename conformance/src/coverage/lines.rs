//! Which lines were executed, as LLVM's `lcov` files tell it.

use std::collections::BTreeMap;
use std::path::Path;

/// How often each line that can be executed was, by files relative to the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// For each file, by their numbers.
    pub files: BTreeMap<String, BTreeMap<u32, u64>>,
}

/// Reads an `lcov` file.
#[must_use]
pub fn read(text: &str, root: &Path) -> Lines {
    let (mut lines, mut file) = (Lines::default(), String::new());
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            file = Path::new(path).strip_prefix(root).unwrap_or(Path::new(path)).display().to_string();
        } else if let Some((number, count)) = line.strip_prefix("DA:").and_then(|rest| rest.split_once(','))
            && let (Ok(number), Ok(count)) = (number.parse(), count.parse::<u64>())
        {
            let counted = lines.files.entry(file.clone()).or_default().entry(number).or_default();
            *counted = (*counted).max(count);
        }
    }
    lines
}

impl Lines {
    /// How many lines of a file can be executed, and how many were.
    #[must_use]
    pub fn of(&self, file: &str) -> (usize, usize) {
        let lines = self.files.get(file);
        let executed = lines.map_or(0, |lines| lines.values().filter(|count| **count > 0).count());
        (lines.map_or(0, BTreeMap::len), executed)
    }

    /// The lines of a file that nothing executed, those that follow each other together.
    #[must_use]
    pub fn missed(&self, file: &str) -> Vec<(u32, u32)> {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        let missed = self.files.get(file).into_iter().flatten().filter(|(_, count)| **count == 0);
        for (line, _) in missed {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == *line => *last = *line,
                _ => ranges.push((*line, *line)),
            }
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_missed_ones_put_together() {
        let text =
            "SF:/root/specs/src/peer.rs\nFN:1,a\nDA:1,4\nDA:2,0\nDA:3,0\nDA:5,0\nDA:5,2\nDA:6,0\nend_of_record\n";
        let lines = read(text, Path::new("/root"));
        assert_eq!(lines.of("specs/src/peer.rs"), (5, 2));
        assert_eq!(lines.missed("specs/src/peer.rs"), [(2, 3), (6, 6)]);
    }
}

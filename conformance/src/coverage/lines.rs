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

    /// The lines of a file that nothing executed.
    #[must_use]
    pub fn missed(&self, file: &str) -> Vec<u32> {
        let lines = self.files.get(file).into_iter().flatten();
        lines.filter(|(_, count)| **count == 0).map(|(line, _)| *line).collect()
    }

    /// What others executed was executed as well.
    pub fn add(&mut self, others: &Lines) {
        for (file, lines) in &others.files {
            let own = self.files.entry(file.clone()).or_default();
            lines.iter().for_each(|(line, count)| *own.entry(*line).or_default() += count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_missed_ones_told() {
        let text =
            "SF:/root/specs/src/peer.rs\nFN:1,a\nDA:1,4\nDA:2,0\nDA:3,0\nDA:5,0\nDA:5,2\nDA:6,0\nend_of_record\n";
        let mut lines = read(text, Path::new("/root"));
        assert_eq!(lines.of("specs/src/peer.rs"), (5, 2));
        assert_eq!(lines.missed("specs/src/peer.rs"), [2, 3, 6]);
        lines.add(&read("SF:/root/specs/src/peer.rs\nDA:3,1\nDA:6,0\n", Path::new("/root")));
        assert_eq!(lines.missed("specs/src/peer.rs"), [2, 6]);
    }
}

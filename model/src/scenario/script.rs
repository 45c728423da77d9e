//! The text of a story, cut into blocks.

use super::Failure;

/// What stands between the commands of a block and their answer.
const RULER: &str = "----";

/// A story.
#[derive(Clone, Debug)]
pub struct Script {
    /// Its blocks, in order.
    pub blocks: Vec<Block>,
}

/// Commands that are answered together.
#[derive(Clone, Debug)]
pub struct Block {
    /// The commands, each with the number of its line.
    pub commands: Vec<(usize, String)>,
    /// The number of the answer's first line.
    pub answer_line: usize,
    /// The answer that the story tells.
    pub expected: Vec<String>,
}

impl Script {
    /// Cuts a text into blocks.
    pub fn parse(text: &str) -> Result<Script, Failure> {
        let mut blocks = Vec::new();
        let mut commands = Vec::new();
        let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_end()));
        while let Some((number, line)) = lines.next() {
            if line == RULER {
                let answer = lines.by_ref().map(|(_, line)| line).take_while(|line| !line.is_empty());
                let expected = answer.map(String::from).collect();
                let commands = std::mem::take(&mut commands);
                blocks.push(Block { commands, answer_line: number + 1, expected });
            } else if !line.is_empty() && !line.starts_with('#') {
                commands.push((number, line.to_owned()));
            }
        }
        match commands.first() {
            Some((line, _)) => {
                Err(Failure { line: *line, what: format!("no `{RULER}` follows, so nothing is checked") })
            }
            None => Ok(Script { blocks }),
        }
    }

    /// Whether there is no command.
    pub fn is_empty(&self) -> bool {
        self.blocks.iter().all(|block| block.commands.is_empty())
    }

    /// The `text` that this story was cut from, with these answers.
    pub fn with_answers(&self, text: &str, answers: &[Vec<String>]) -> String {
        let (mut written, mut lines) = (String::new(), text.lines());
        let mut answers = answers.iter();
        let mut push = |line: &str| {
            written += line.trim_end();
            written.push('\n');
        };
        while let Some(line) = lines.next() {
            push(line);
            if line.trim_end() == RULER {
                answers.next().into_iter().flatten().for_each(|line| push(line));
                // The old answer goes, and the empty line that ended it, if one did.
                if lines.by_ref().any(|line| line.trim_end().is_empty()) {
                    push("");
                }
            }
        }
        written.truncate(written.trim_end().len());
        written.push('\n');
        written
    }
}

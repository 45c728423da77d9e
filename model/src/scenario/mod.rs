//! Stories in plain text: what happens to an ensemble, told line by line, with the answers printed below.
//!
//! ```text
//! # Two of three servers start.
//! servers 3
//! start s1 s2
//! settle
//! ----
//! s1 -> s2 NOTIFICATION LOOKING round 1 votes s1 e0 (0,0)
//! …
//! ```
//!
//! A story is made of blocks: prose (`# …`) and commands, a line `----`, and the answer up to an empty line. Every
//! command is played on [`World`](crate::world::World), the same world that the checker explores, and every safety
//! property is checked after every action: a story in which one is violated fails, whatever it expects. Another engine
//! may play beside the world ([`Double`]); then the answers are that engine's.
//!
//! | the beginning | |
//! |---|---|
//! | `model zab --crashes 2` | what `model check zab --crashes 2` explores; instead of all that follows but `start` |
//! | `initial 3` | which of that model's initial states, from 0 |
//! | `servers 3` | voters, numbered from 1 |
//! | `observers 1` | numbered after the voters |
//! | `group 2 s3 s4`, `weight s3 0` | quorums by groups and weights |
//! | `last-counter 2` | epochs of at most so many transactions |
//! | `server s1 accepted 2 epoch 1 snapshot (1,1)..(1,3) log (1,4)` | the disk that a server starts with |
//! | `start s1 s2` | these start, at one moment; without names, all that are down |
//!
//! | what happens | |
//! |---|---|
//! | `deliver s2 -> s1`, `crash s1`, … | an [`Action`](crate::world::Action), as it is printed |
//! | `cannot write s1` | this action is impossible now |
//! | `violates Agreement: deliver s2 -> s1` | any command, by which these properties are violated, and no others |
//! | `revalidate s1` | a session moved to this server |
//! | `settle` | whatever can be expected to happen by itself, until nothing is left; crashed servers stay down |
//! | `drain s1 -> s2` | all that is on its way from one to the other on their quorum connection |
//! | `deliver all`, `notify all`, `flush all` | everything of one kind, until nothing of it is left |
//! | `quietly settle` | any command, without its answer |
//!
//! | what is so | |
//! |---|---|
//! | `show`, `show s1 s2` | a line a server: what it is doing, its memory of its disk, what it delivered, its queue |
//! | `network` | what is on its way |
//! | `properties` | that all hold, and which premises of theirs are met just now |

mod command;
mod double;
mod narrator;
mod player;
mod script;
mod setup;
mod show;

pub use double::{Beside, Double};

use crate::mutation::Mutation;
use player::Player;
use script::Script;
use std::fmt;

/// What is said of a text without commands.
const EMPTY: &str = "there is no command in it, so nothing is told";

/// Why a story fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for Failure {}

/// Whether a text tells nothing: there is no command in it.
#[must_use]
pub fn is_empty(text: &str) -> bool {
    Script::parse(text).is_ok_and(|script| script.is_empty())
}

/// Plays a story and compares every answer.
///
/// # Errors
/// At the first answer that differs, the first command that cannot be obeyed, or the first property that is violated.
/// When there is nothing to play.
pub fn check(text: &str) -> Result<(), Failure> {
    check_on(text, &Mutation::None)
}

/// Plays a story on a specification with this planted in it, and compares every answer.
///
/// # Errors
/// As [`check`].
pub fn check_on(text: &str, mutation: &Mutation) -> Result<(), Failure> {
    compare(text, Player::of(mutation))
}

/// Plays a story on the specification and on another engine beside it, and compares every answer with the engine's.
///
/// # Errors
/// As [`check`]; and where the engine does something else than the specification.
pub fn check_beside(text: &str, double: Box<dyn Double>) -> Result<(), Failure> {
    compare(text, Player::beside(double))
}

fn compare(text: &str, mut player: Player) -> Result<(), Failure> {
    let script = Script::parse(text)?;
    if script.is_empty() {
        return Err(Failure { line: 1, what: EMPTY.to_owned() });
    }
    for block in &script.blocks {
        let answer = player.play(block)?;
        if answer != block.expected {
            return Err(Failure { line: block.answer_line, what: difference(&block.expected, &answer) });
        }
    }
    Ok(())
}

/// Plays a story and writes it anew with the answers that it got.
///
/// # Errors
/// At the first command that cannot be obeyed, or the first property that is violated.
pub fn update(text: &str) -> Result<String, Failure> {
    rewrite(text, Player::default())
}

/// As [`update`], with the answers of another engine.
///
/// # Errors
/// As [`update`]; and where the engine does something else than the specification.
pub fn update_beside(text: &str, double: Box<dyn Double>) -> Result<String, Failure> {
    rewrite(text, Player::beside(double))
}

fn rewrite(text: &str, mut player: Player) -> Result<String, Failure> {
    let script = Script::parse(text)?;
    let answers = script.blocks.iter().map(|block| player.play(block)).collect::<Result<Vec<_>, _>>()?;
    Ok(script.with_answers(text, &answers))
}

/// Writes a story: the prose and the beginning, then each of the commands with its answer, and with the properties that
/// it violates, if there are any. A command may have lines of prose before it.
///
/// # Errors
/// With a sentence, at the first command that cannot be obeyed.
pub fn write(beginning: &str, commands: &[String], mutation: &Mutation) -> Result<String, String> {
    let mut player = Player::of(mutation);
    for line in beginning.lines().filter(|line| !line.starts_with('#')) {
        player.observe(line)?;
    }
    let mut text = beginning.to_owned();
    for (place, command) in commands.iter().enumerate() {
        let (prose, line) = command.rsplit_once('\n').map_or(("", command.as_str()), |(prose, line)| (prose, line));
        let (violated, answer) = player.observe(line)?;
        let separator = if place == 0 { "" } else { "\n" };
        let prose = if prose.is_empty() { String::new() } else { format!("{prose}\n") };
        let violates = if violated.is_empty() { String::new() } else { format!("violates {}: ", violated.join(", ")) };
        text += &format!("{separator}{prose}{violates}{line}\n----\n");
        answer.iter().for_each(|line| text += &format!("{line}\n"));
    }
    Ok(text)
}

/// The answers side by side, from the first line that differs.
fn difference(expected: &[String], got: &[String]) -> String {
    let same = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
    let mut text = String::from("another answer");
    for (sign, lines) in [("expected", expected), ("     got", got)] {
        let rest = lines.get(same..).unwrap_or_default();
        if rest.is_empty() {
            text += &format!("\n  {sign}: nothing more");
        }
        for line in rest.iter().take(8) {
            text += &format!("\n  {sign}: {line}");
        }
    }
    text
}

//! The scenario language, read: the other direction of [`Action`]'s `Display`.
//!
//! Two actions may print the same line: `deliver s1 -> s2` is a message of a learner to its leader or of a leader to
//! its learner. In any one state at most one of the two is enabled, because a server does not follow and lead at once;
//! so a line is read in a state, by [`enabled_as`], and [`Action::from_str`](std::str::FromStr) alone takes `s1` for
//! the learner.

use super::{Action, End, World};
use crate::zookeeper::ZooKeeper;
use stateright::Model;
use std::str::FromStr;
use zab::{ServerId, Timer};

/// Why a line is no action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It begins with a word that names no action.
    #[error(
        "`{0}` is no action: actions are deliver, notify, flush, crash, restart, break, notice, connect, timeout, \
         write, sync, snapshot, recall and elect"
    )]
    UnknownAction(String),
    /// It goes on otherwise than such an action does.
    #[error("`{line}` does not say what it should: write `{form}`")]
    Form {
        /// The line.
        line: String,
        /// How it should be written.
        form: &'static str,
    },
    /// It is an action, which cannot happen in this state.
    #[error("`{line}` cannot happen here; what can: {enabled}")]
    NotEnabled {
        /// The line.
        line: String,
        /// What could.
        enabled: String,
    },
}

impl FromStr for Action {
    type Err = ParseError;

    /// Reads a line. What stands behind the colon of a `deliver`, `notify` or `flush` is left for people.
    fn from_str(line: &str) -> Result<Action, ParseError> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let first = words.first().copied().unwrap_or_default();
        let form = form_of(first).ok_or_else(|| ParseError::UnknownAction(first.to_owned()))?;
        read(first, &words[1..]).ok_or_else(|| ParseError::Form { line: line.trim().to_owned(), form })
    }
}

/// The enabled action that this line names.
///
/// # Errors
/// When it names none, or one that is not enabled.
pub fn enabled_as(model: &ZooKeeper, world: &World, line: &str) -> Result<Action, ParseError> {
    let printed = line.parse::<Action>()?.to_string();
    let mut actions = Vec::new();
    model.actions(world, &mut actions);
    actions.iter().find(|action| action.to_string() == printed).copied().ok_or_else(|| {
        let enabled: Vec<_> = actions.iter().map(Action::to_string).collect();
        ParseError::NotEnabled { line: printed, enabled: enabled.join(", ") }
    })
}

fn form_of(word: &str) -> Option<&'static str> {
    Some(match word {
        "deliver" => "deliver s1 -> s2",
        "notify" => "notify s1 -> s2",
        "flush" => "flush s1",
        "crash" => "crash s1",
        "restart" => "restart s1",
        "break" => "break s1 - s2",
        "notice" => "notice s1: its leader s2 is gone` or `notice s1: its learner s2 is gone",
        "connect" => "connect s1 -> s2",
        "timeout" => "timeout s1 Init` (or Settle, Notification, Ping) `",
        "write" => "write s1",
        "sync" => "sync s1",
        "snapshot" => "snapshot s1",
        "recall" => "recall s1 for s2` or `recall s1 for s2 in vain",
        "elect" => "elect s1` or `elect s1 at s2",
        _ => return None,
    })
}

fn read(first: &str, rest: &[&str]) -> Option<Action> {
    match (first, rest) {
        ("deliver", [learner, "->", leader, message @ ..]) => {
            let leader = remarked(leader, message)?;
            Some(Action::Deliver { learner: server(learner)?, leader, to: End::Leader })
        }
        ("notify", [from, "->", to, message @ ..]) => {
            Some(Action::Notify { from: server(from)?, to: remarked(to, message)? })
        }
        ("flush", [id, message @ ..]) => remarked(id, message).map(Action::Flush),
        ("crash", [id]) => server(id).map(Action::Crash),
        ("restart", [id]) => server(id).map(Action::Restart),
        ("break", [a, "-", b]) => Some(Action::Break(server(a)?, server(b)?)),
        ("notice", [learner, "its", "leader", leader, "is", "gone"]) => {
            let learner = server(learner.strip_suffix(':')?)?;
            Some(Action::Notice { learner, leader: server(leader)?, at: End::Learner })
        }
        ("notice", [leader, "its", "learner", learner, "is", "gone"]) => {
            let leader = server(leader.strip_suffix(':')?)?;
            Some(Action::Notice { learner: server(learner)?, leader, at: End::Leader })
        }
        ("connect", [learner, "->", leader]) => {
            Some(Action::Connect { learner: server(learner)?, leader: server(leader)? })
        }
        ("timeout", [id, name]) => Some(Action::Timeout(server(id)?, timer(name)?)),
        ("write", [id]) => server(id).map(Action::Write),
        ("sync", [id]) => server(id).map(Action::Sync),
        ("snapshot", [id]) => server(id).map(Action::Snapshot),
        ("recall", [leader, "for", learner, rest @ ..]) if matches!(rest, [] | ["in", "vain"]) => {
            Some(Action::Recall { leader: server(leader)?, learner: server(learner)?, found: rest.is_empty() })
        }
        ("elect", [leader]) => server(leader).map(|leader| Action::Elect { at: leader, leader }),
        ("elect", [leader, "at", at]) => Some(Action::Elect { at: server(at)?, leader: server(leader)? }),
        _ => None,
    }
}

/// The server, behind which a remark may stand after a colon.
fn remarked(word: &str, remark: &[&str]) -> Option<ServerId> {
    match word.strip_suffix(':') {
        Some(id) => server(id),
        None if remark.is_empty() => server(word),
        None => None,
    }
}

fn server(word: &str) -> Option<ServerId> {
    let number = word.strip_prefix('s')?.parse().ok()?;
    (number > 0).then_some(ServerId(number))
}

fn timer(word: &str) -> Option<Timer> {
    [Timer::Notification, Timer::Settle, Timer::Init, Timer::Ping]
        .into_iter()
        .find(|timer| format!("{timer:?}") == word)
}

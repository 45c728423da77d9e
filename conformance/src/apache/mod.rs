//! Apache ZooKeeper as an engine of stories: one server of an ensemble is Apache's, all others are played.
//!
//! ```text
//!   story ──▶ specification ──▶ what each server says
//!     │                              │ the same?
//!     └──▶ played servers ◀── TCP ──▶ Apache's server
//! ```
//!
//! What the played servers say arrives at Apache's server when the story lets it arrive. What Apache's server says must
//! be, message for message on every connection, what the specification says in its place; in the end its epoch files
//! and its log must hold what the specification's disk holds. When its own waits end and when its disk is done, is its
//! affair: a story that wants to decide that cannot be told with this server as Apache's, and says so.

mod actor;
mod client;
mod ending;
mod engine;
mod giving;
mod hearing;
mod java;
mod ledger;
mod tolerance;

pub use client::{Client, mode};
pub use java::{CLASS_PATH, class_path, free_port, write_logging};
pub use tolerance::Note;

use crate::results::Results;
use ending::{Shared, lock};
use engine::Apache;
use model::scenario;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use zab::ServerId;
use zab::trace::Event;

/// The arguments of `conformance apache`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The stories to play, as those in conformance/scenarios and in model/scenarios.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Which server of each story is Apache's; without it, each in turn.
    #[arg(long, value_name = "NUMBER")]
    java: Option<u8>,
    /// Show the end of Apache's log where something differs.
    #[arg(long)]
    log: bool,
    /// Leave the figures for the report in this directory.
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
}

impl Arguments {
    /// To play these, each server of each in turn.
    #[must_use]
    pub fn of(files: Vec<PathBuf>) -> Arguments {
        Arguments { files, java: None, log: false, results: None }
    }
}

/// How a story went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Apache's server said what is specified.
    Agrees {
        /// So many messages were compared.
        messages: usize,
        /// With these differences, which are known.
        notes: BTreeSet<Note>,
    },
    /// It said, or did, something else.
    Differs {
        /// What, and the end of its log.
        what: String,
        /// The end of its log.
        log: String,
    },
    /// It ended where Apache's server does otherwise for a reason that is known (`specs/exceptions.md`).
    Known(Note),
    /// The story cannot be told with this server as Apache's.
    Untold(String),
}

/// Plays stories; fails if Apache's server differs in one, and does so again when it is told once more: it has a clock
/// of its own, and a machine that may be busy.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let mut counts = [0; 4];
    for file in &arguments.files {
        for id in arguments.java.map_or(1..=4, |id| id..=id) {
            let mut played = play_file(file, ServerId(id));
            if let Ok(verdict @ Verdict::Differs { .. }) = &played {
                tell(file, id, verdict, arguments.log);
                println!("  once more:");
                played = play_file(file, ServerId(id));
            }
            match played {
                Ok(verdict) => {
                    let at = match &verdict {
                        Verdict::Agrees { .. } => 0,
                        Verdict::Differs { .. } => 1,
                        Verdict::Known(_) => 2,
                        Verdict::Untold(_) => 3,
                    };
                    counts[at] += 1;
                    tell(file, id, &verdict, arguments.log);
                }
                Err(error) => {
                    eprintln!("{error}");
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    let [agree, differ, known, untold] = counts;
    println!(
        "{agree} agree, {differ} differ, {known} as is known, {untold} cannot be told with this server as Apache's"
    );
    let mut results = Results::new("apache");
    results.well = differ == 0 && agree > 0;
    let results = results.figure("stories that agree", agree).figure("differ", differ);
    let results = results.figure("differ as is known", known).figure("cannot be told so", untold);
    results.leave(arguments.results.as_deref())
}

fn tell(file: &Path, id: u8, verdict: &Verdict, with_log: bool) {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    match verdict {
        Verdict::Agrees { messages, notes } => {
            let notes: Vec<&str> = notes.iter().map(|note| note.words()).collect();
            let notes = if notes.is_empty() { String::new() } else { format!("; {}", notes.join("; ")) };
            println!("{name}, s{id}: agrees, {messages} messages{notes}");
        }
        Verdict::Differs { what, log } => {
            println!("{name}, s{id}: DIFFERS {what}");
            if with_log {
                println!("{log}");
            }
        }
        Verdict::Known(note) => println!("{name}, s{id}: differs as is known: {}", note.words()),
        Verdict::Untold(why) => println!("{name}, s{id}: not told: {why}"),
    }
}

fn play_file(file: &Path, java: ServerId) -> Result<Verdict, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    play(&text, java)
}

/// Plays a story in which this server is Apache's.
///
/// # Errors
/// With a sentence, when there is no Apache ZooKeeper here.
pub fn play(text: &str, java: ServerId) -> Result<Verdict, String> {
    play_altered(text, java, |_, _| {})
}

/// It was quicker than the story. Whoever tells it again may be in time.
const DECIDED: &str = "it has decided before the story went on";

/// How often a story is told again for that reason.
const AGAIN: usize = 6;

/// Apache's server waits so long for an epoch to be established.
const INIT_PATIENCE: Duration = Duration::from_secs(30);

/// Where its patience ends in a story, it should not take that long.
const SHORT_INIT_PATIENCE: Duration = Duration::from_secs(10);

/// As [`play`], with a specification that is altered before it is compared: to see whether that is found out.
///
/// # Errors
/// As [`play`].
pub fn play_altered(text: &str, java: ServerId, alter: fn(ServerId, &mut Event)) -> Result<Verdict, String> {
    class_path()?;
    let mut verdict = play_once(text, java, alter)?;
    for _ in 0..AGAIN {
        if !is_to_be_told_again(&verdict) {
            break;
        }
        verdict = play_once(text, java, alter)?;
    }
    Ok(verdict)
}

/// Whether it was this machine that was too slow, or gave a port to somebody else.
fn is_to_be_told_again(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Untold(why) => why == DECIDED,
        Verdict::Differs { what, log } => {
            log.contains("java.net.BindException") || what.contains("Address already in use")
        }
        Verdict::Agrees { .. } | Verdict::Known(_) => false,
    }
}

fn play_once(text: &str, java: ServerId, alter: fn(ServerId, &mut Event)) -> Result<Verdict, String> {
    let loses_patience = text.contains(&format!("timeout {java} Init"));
    let patience = if loses_patience { SHORT_INIT_PATIENCE } else { INIT_PATIENCE };
    let engine = Apache::new(java, patience, alter).map_err(|error| error.to_string())?;
    let engine = Arc::new(Mutex::new(engine));
    let played = scenario::check_beside(text, Box::new(Shared(engine.clone())));
    let mut engine = lock(&engine);
    let ended = played.map_err(|failure| format!("line {}: {}", failure.line, failure.what));
    let ended = ended.and_then(|()| engine.finish().map_err(|what| format!("in the end: {what}")));
    if let Some(why) = engine.untold.take() {
        return Ok(Verdict::Untold(why));
    }
    if let Some(note) = engine.known {
        return Ok(Verdict::Known(note));
    }
    Ok(match ended {
        Ok(()) if !engine.started => Verdict::Untold("it is never started".to_owned()),
        Ok(()) if engine.compared == 0 => Verdict::Untold("nobody hears anything of it".to_owned()),
        Ok(()) => Verdict::Agrees { messages: engine.compared, notes: engine.notes.clone() },
        Err(what) => Verdict::Differs { what, log: engine.last_words() },
    })
}

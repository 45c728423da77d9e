//! Lines that a person types, with history and completion. The history is kept in memory only: lines hold secrets, such
//! as those of `addauth`.

use super::complete::{Sought, paths, sought};
use super::console::Console;
use crate::client::Client;
use parking_lot::Mutex;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// How long a person waits for the names of children.
const PATIENCE: Duration = Duration::from_secs(2);

/// Reads lines and does them until `quit` or the end of the input. The runtime must have threads of its own, so that
/// the session lives while a line is typed.
///
/// # Errors
/// The terminal cannot be used.
pub fn converse(runtime: &Runtime, console: &mut Console) -> rustyline::Result<()> {
    let config = Config::builder().completion_type(CompletionType::List).build();
    let history = MemHistory::with_config(&config);
    let mut editor: Editor<Help, MemHistory> = Editor::with_history(config, history)?;
    let client = Arc::new(Mutex::new(None));
    editor.set_helper(Some(Help { runtime: runtime.handle().clone(), client: client.clone() }));
    console.screen().print_beside(editor.create_external_printer()?);
    if let Err(refusal) = runtime.block_on(console.connect()) {
        console.screen().note(refusal);
    }
    while !console.has_quit() {
        *client.lock() = console.session().map(|session| session.client.clone());
        match editor.readline(&console.prompt()) {
            Ok(line) => {
                editor.add_history_entry(line.as_str())?;
                runtime.block_on(console.line(&line));
            }
            // Ctrl-C ends Java's shell too.
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Completes a line by asking the server for the names of children.
struct Help {
    runtime: tokio::runtime::Handle,
    client: Arc<Mutex<Option<Client>>>,
}

impl Helper for Help {}
impl Highlighter for Help {}
impl Validator for Help {}

impl Hinter for Help {
    type Hint = String;
}

impl Completer for Help {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(match sought(&line[..at]) {
            (start, Sought::Word(words)) => (start, words),
            (start, Sought::Child { parent, prefix }) => (start, paths(&parent, &prefix, &self.children(&parent))),
        })
    }
}

impl Help {
    /// Of no znode, and without answer, there are none.
    fn children(&self, parent: &str) -> Vec<String> {
        let Some(client) = self.client.lock().clone() else { return Vec::new() };
        let asked = async { tokio::time::timeout(PATIENCE, client.get_children(parent)).await };
        self.runtime.block_on(asked).ok().and_then(Result::ok).unwrap_or_default()
    }
}

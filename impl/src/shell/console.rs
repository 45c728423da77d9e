//! The shell's own state: its session, its history, its exit code; and how a line is done.
//!
//! *Java:* `ZooKeeperMain.executeLine`, `processZKCmd`.

use super::commands::{Asked, Command, Connect, Notes, PrintWatches, overview};
use super::events::{Listener, Telling};
use super::invocation::Invocation;
use super::refusal::Refusal;
use super::screen::Screen;
use super::session::Session;
use super::words;
use crate::client::{ClientOptions, SessionState};
use crate::version;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a server is sought, unless `-waitforconnection` says to wait longer. Without a server Java's shell begins,
/// and its first command fails.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many commands `history` shows beside itself.
const SHOWN: usize = 10;

/// A shell.
#[derive(Debug)]
pub struct Console {
    invocation: Invocation,
    telling: Telling,
    screen: Screen,
    prints_watches: Arc<AtomicBool>,
    session: Option<Session>,
    history: Vec<String>,
    exit: u8,
    has_quit: bool,
}

impl Console {
    /// A shell that is not connected yet.
    pub fn new(invocation: Invocation, telling: Telling) -> Console {
        Console {
            invocation,
            telling,
            screen: Screen::default(),
            prints_watches: Arc::new(AtomicBool::new(true)),
            session: None,
            history: Vec::new(),
            exit: 0,
            has_quit: false,
        }
    }

    /// Where it prints.
    pub fn screen(&self) -> &Screen {
        &self.screen
    }

    /// Its session, if there was ever one.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// The exit code of the last command.
    pub fn exit(&self) -> u8 {
        if self.exit == 0 && self.screen.has_failed() { 1 } else { self.exit }
    }

    /// Whether it was told to quit.
    pub fn has_quit(&self) -> bool {
        self.has_quit
    }

    /// What a person sees before the next line: `[zk: localhost:2181(CONNECTED) 0] `.
    pub fn prompt(&self) -> String {
        let state = match self.state() {
            None => "NOT_CONNECTED",
            Some(SessionState::Connecting) => "CONNECTING",
            Some(SessionState::Connected) => "CONNECTED",
            Some(SessionState::ConnectedReadOnly) => "CONNECTEDREADONLY",
            Some(SessionState::Expired | SessionState::Closed) => "CLOSED",
            Some(SessionState::AuthFailed) => "AUTH_FAILED",
        };
        format!("[zk: {}({state}) {}] ", self.invocation.server, self.history.len())
    }

    fn state(&self) -> Option<SessionState> {
        self.session.as_ref().map(|session| *session.client.state().borrow())
    }

    /// Opens a session, after closing the one before.
    ///
    /// # Errors
    /// No server opened one in time.
    pub async fn connect(&mut self) -> Result<(), Refusal> {
        self.close().await;
        let Invocation { server, timeout, read_only, waits_for_connection, .. } = &self.invocation;
        let patience = if *waits_for_connection { *timeout } else { PATIENCE.min(*timeout) };
        let options = ClientOptions::new(server).session_timeout(*timeout).connect_timeout(patience);
        let client = options.read_only(*read_only).connect().await;
        let client = client.map_err(|error| Refusal::new(format!("Cannot connect to {server}: {error}")))?;
        let listener = Listener::new(self.screen.clone(), self.telling, self.prints_watches.clone());
        listener.follow(&client);
        self.session = Some(Session { client, screen: self.screen.clone(), listener });
        Ok(())
    }

    /// Closes the session, if there is one.
    pub async fn close(&self) {
        if let Some(session) = &self.session {
            session.client.close().await;
        }
    }

    /// Does a line, and remembers it. One of spaces is nothing.
    pub async fn line(&mut self, line: &str) {
        let words = words::split(line);
        if !words.is_empty() {
            self.history.push(line.to_owned());
            self.command(&words).await;
        }
    }

    /// Does a command, and says why it could not be done.
    pub async fn command(&mut self, words: &[String]) {
        self.exit = match self.perform(words).await {
            Ok(()) => 0,
            Err(refusal) => {
                self.screen.note(&refusal);
                refusal.exit
            }
        };
    }

    async fn perform(&mut self, words: &[String]) -> Result<(), Refusal> {
        let again;
        let mut command = self.parse(words)?;
        if let Command::Redo(redo) = &command {
            again = self.line_to_redo(redo.number)?;
            command = self.parse(&words::split(&again))?;
            if matches!(command, Command::Redo(_)) {
                return Err(Refusal::new("No redoing redos"));
            }
            // What is done again stands in the history as if it had been typed.
            if let Some(last) = self.history.last_mut() {
                *last = again;
            }
        }
        match command {
            Command::Asked(asked) => self.ask(asked).await,
            Command::Close(_) => {
                self.close().await;
                Ok(())
            }
            Command::Connect(Connect { server }) => {
                if let Some(server) = server {
                    self.invocation.server = server;
                }
                self.connect().await
            }
            Command::History(_) => {
                self.show_history();
                Ok(())
            }
            Command::PrintWatches(PrintWatches { on }) => {
                self.print_watches(on);
                Ok(())
            }
            Command::Quit(_) => {
                self.has_quit = true;
                Ok(())
            }
            Command::Redo(_) => Err(Refusal::new("No redoing redos")),
            Command::Version(_) => {
                self.screen.line(format!("ZooKeeper CLI version: {}", version::full()));
                Ok(())
            }
        }
    }

    fn parse(&self, words: &[String]) -> Result<Command, Refusal> {
        let mut notes = Notes::new();
        let command = Command::parse(words, &mut notes);
        notes.iter().for_each(|note| self.screen.note(note));
        let is_unknown = matches!(&command, Err(refusal) if refusal.exit != 1);
        if is_unknown {
            self.screen.note(overview());
        }
        command
    }

    async fn ask(&mut self, asked: Asked) -> Result<(), Refusal> {
        match &self.session {
            Some(session) if !session.client.state().borrow().is_over() => asked.run(session).await,
            _ => {
                self.screen.line("Not connected");
                Ok(())
            }
        }
    }

    fn line_to_redo(&self, number: i32) -> Result<String, Refusal> {
        // The last line is the redo itself.
        let before = self.history.split_last().map_or(&[][..], |(_, before)| before);
        let line = usize::try_from(number).ok().and_then(|number| before.get(number));
        line.cloned().ok_or_else(|| Refusal::new("Command index out of range"))
    }

    fn show_history(&self) {
        let first = self.history.len().saturating_sub(SHOWN + 1);
        for (number, line) in self.history.iter().enumerate().skip(first) {
            self.screen.line(format!("{number} - {line}"));
        }
    }

    fn print_watches(&self, on: Option<bool>) {
        match on {
            Some(on) => self.prints_watches.store(on, Ordering::Relaxed),
            None => {
                let now = if self.prints_watches.load(Ordering::Relaxed) { "on" } else { "off" };
                self.screen.line(format!("printwatches is {now}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console() -> Console {
        let Ok(super::super::invocation::Asked::Run(invocation)) = super::super::invocation::parse(&[]) else {
            panic!("no arguments are well")
        };
        Console::new(invocation, Telling::Nothing)
    }

    #[tokio::test]
    async fn lines_are_numbered_and_done_again() {
        let mut console = console();
        assert_eq!(console.prompt(), "[zk: localhost:2181(NOT_CONNECTED) 0] ");
        console.line("  ").await;
        console.line("printwatches off").await;
        assert_eq!(console.prompt(), "[zk: localhost:2181(NOT_CONNECTED) 1] ");
        console.line("printwatches on").await;
        console.line("redo 0").await;
        assert!(!console.prints_watches.load(Ordering::Relaxed));
        assert_eq!(console.history, ["printwatches off", "printwatches on", "printwatches off"]);
        for wrong in ["redo 4", "redo 3", "redo -1", "redo x", "redo"] {
            console.exit = 0;
            console.line(wrong).await;
            assert_eq!(console.exit(), 1, "{wrong}");
        }
    }

    #[tokio::test]
    async fn the_exit_code_is_that_of_the_last_command() {
        let mut console = console();
        for (line, exit) in [("dance", 127), ("get", 1), ("version", 0), ("", 0), ("version x", 1), ("ls /", 0)] {
            console.line(line).await;
            assert_eq!(console.exit(), exit, "{line}");
        }
        console.line("dance").await;
        console.line("quit").await;
        assert!(console.has_quit());
    }
}

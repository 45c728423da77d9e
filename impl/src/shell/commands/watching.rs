//! `addWatch`, `removewatches`.

use super::Notes;
use crate::client::{AddWatchMode, Error};
use crate::shell::grammar::{Grammar, flag, valued};
use crate::shell::refusal::{Refusal, check_path};
use crate::shell::session::{About, Session};
use zab::tree::WatcherType;

/// `addWatch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddWatch {
    path: String,
    mode: AddWatchMode,
}

impl AddWatch {
    pub const GRAMMAR: Grammar = Grammar::new(
        "addWatch",
        "[-m mode] path # optional mode is one of [PERSISTENT, PERSISTENT_RECURSIVE] - default is \
         PERSISTENT_RECURSIVE",
        &[valued("m", "")],
        1,
    );

    pub fn parse(words: &[String], _: &mut Notes) -> Result<AddWatch, Refusal> {
        let parsed = AddWatch::GRAMMAR.parse(words)?;
        let usage = || Refusal::new(AddWatch::GRAMMAR.usage());
        if parsed.arguments.len() != 1 {
            return Err(usage());
        }
        let mode = match parsed.value("m").map(str::to_uppercase).as_deref() {
            None | Some("PERSISTENT_RECURSIVE") => AddWatchMode::PersistentRecursive,
            Some("PERSISTENT") => AddWatchMode::Persistent,
            Some(_) => return Err(usage()),
        };
        Ok(AddWatch { path: parsed.argument(0).to_owned(), mode })
    }

    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        check_path(&self.path)?;
        let watch = session.client.watch(&self.path, self.mode).await.about(&self.path)?;
        session.listener.always(&self.path, self.mode, watch);
        Ok(())
    }
}

/// `removewatches`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoveWatches {
    path: String,
    kind: WatcherType,
    /// Whether they are forgotten here when no server can be told.
    local: bool,
}

impl RemoveWatches {
    pub const GRAMMAR: Grammar = Grammar::new(
        "removewatches",
        "path [-c|-d|-p|-r|-a] [-l]",
        &[
            flag("c", "child watcher type"),
            flag("d", "data watcher type"),
            flag("p", "persistent watcher type"),
            flag("r", "persistent recursive watcher type"),
            flag("a", "any watcher type"),
            flag("l", "remove locally when there is no server connection"),
        ],
        1,
    );

    /// Of several types the first in this order counts, as in Java.
    pub fn parse(words: &[String], _: &mut Notes) -> Result<RemoveWatches, Refusal> {
        let parsed = RemoveWatches::GRAMMAR.parse(words)?;
        let kinds = [
            ("c", WatcherType::Children),
            ("d", WatcherType::Data),
            ("p", WatcherType::Persistent),
            ("r", WatcherType::PersistentRecursive),
        ];
        let kind = kinds.into_iter().find(|(name, _)| parsed.has(name)).map_or(WatcherType::Any, |(_, kind)| kind);
        Ok(RemoveWatches { path: parsed.argument(0).to_owned(), kind, local: parsed.has("l") })
    }

    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        check_path(&self.path)?;
        match session.client.remove_watches(&self.path, self.kind).await {
            Err(Error::ConnectionLoss) if self.local => {
                session.listener.forget(&self.path, self.kind);
                Ok(())
            }
            result => result.about(&self.path),
        }
    }
}

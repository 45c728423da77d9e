//! `get`, `ls`, `stat`, `getAllChildrenNumber`, `getEphemerals`.

use super::Notes;
use super::tree::depth_first;
use crate::shell::grammar::{Grammar, flag};
use crate::shell::print;
use crate::shell::refusal::{Refusal, check_path};
use crate::shell::session::{About, Session};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zab::tree::Code;

/// Whether there is a word behind the path, which of old meant to watch; says how it is written now.
fn watches_as_of_old(arguments: &[String], name: &str, options: &str, notes: &mut Notes) -> bool {
    if arguments.len() < 2 {
        return false;
    }
    notes.push(format!("'{name} path [watch]' has been deprecated. Please use '{name} {options} path' instead."));
    true
}

/// How `get` shows data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Base64,
    HexDump,
}

/// `get`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Get {
    path: String,
    shows_stat: bool,
    watches: bool,
    form: Form,
}

impl Get {
    pub const GRAMMAR: Grammar = Grammar {
        explained: true,
        ..Grammar::new(
            "get",
            "[-s] [-w] [-b] [-x] path",
            &[
                flag("s", "Print znode stats additionally"),
                flag("w", "Watch for changes on the znode"),
                flag("b", "Output data in base64 format"),
                flag("x", "Output data in hexdump format"),
            ],
            1,
        )
    };

    pub fn parse(words: &[String], notes: &mut Notes) -> Result<Get, Refusal> {
        let parsed = Get::GRAMMAR.parse(words)?;
        let form = match (parsed.has("x"), parsed.has("b")) {
            (true, _) => Form::HexDump,
            (false, true) => Form::Base64,
            (false, false) => Form::Text,
        };
        Ok(Get {
            path: parsed.argument(0).to_owned(),
            shows_stat: parsed.has("s"),
            watches: watches_as_of_old(&parsed.arguments, "get", "[-s] [-w]", notes) || parsed.has("w"),
            form,
        })
    }

    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        let (data, stat) = session.data(&self.path, self.watches).await?;
        // No data at all are shown as Java shows null.
        let data = data.as_deref().unwrap_or(b"null");
        session.screen.line(match self.form {
            Form::Text => String::from_utf8_lossy(data).into_owned(),
            Form::Base64 => STANDARD.encode(data),
            Form::HexDump => print::hex_dump(data),
        });
        if self.shows_stat {
            session.screen.line(print::stat(&stat));
        }
        Ok(())
    }
}

/// `ls`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ls {
    /// None where only help is wanted.
    path: Option<String>,
    shows_help: bool,
    shows_stat: bool,
    watches: bool,
    descends: bool,
}

impl Ls {
    pub const GRAMMAR: Grammar = Grammar::new(
        "ls",
        "[-s] [-w] [-R] path",
        &[flag("?", "help"), flag("s", "stat"), flag("w", "watch"), flag("R", "recurse")],
        1,
    );

    pub fn parse(words: &[String], notes: &mut Notes) -> Result<Ls, Refusal> {
        let parsed = Grammar { least: 0, ..Ls::GRAMMAR }.parse(words)?;
        let (path, shows_help) = (parsed.arguments.first().cloned(), parsed.has("?"));
        if path.is_none() && !shows_help {
            return Err(Refusal::new(Ls::GRAMMAR.usage()));
        }
        Ok(Ls {
            path,
            shows_help,
            shows_stat: parsed.has("s"),
            watches: watches_as_of_old(&parsed.arguments, "ls", "[-w]", notes) || parsed.has("w"),
            descends: parsed.has("R"),
        })
    }

    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        if self.shows_help {
            session.screen.line(format!("usage: ls [options] path{}", Ls::GRAMMAR.explanation()));
        }
        let Some(path) = self.path else { return Ok(()) };
        if self.descends {
            return depth_first(session, &path, self.watches, async |path| {
                session.screen.line(path);
                Ok(())
            })
            .await;
        }
        let (mut children, stat) = session.children(&path, self.watches).await?;
        children.sort_unstable();
        session.screen.line(print::list(&children));
        if self.shows_stat {
            session.screen.line(print::stat(&stat));
        }
        Ok(())
    }
}

/// `stat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatOf {
    path: String,
    watches: bool,
}

impl StatOf {
    pub const GRAMMAR: Grammar = Grammar::new("stat", "[-w] path", &[flag("w", "watch")], 1);

    pub fn parse(words: &[String], notes: &mut Notes) -> Result<StatOf, Refusal> {
        let parsed = StatOf::GRAMMAR.parse(words)?;
        let watches = watches_as_of_old(&parsed.arguments, "stat", "[-w]", notes) || parsed.has("w");
        Ok(StatOf { path: parsed.argument(0).to_owned(), watches })
    }

    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        let stat = session.exists(&self.path, self.watches).await?;
        let stat = stat.ok_or_else(|| Refusal::of_code(Code::NoNode, Some(&self.path)))?;
        session.screen.line(print::stat(&stat));
        Ok(())
    }
}

/// `getAllChildrenNumber`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetAllChildrenNumber {
    path: String,
}

impl GetAllChildrenNumber {
    pub const GRAMMAR: Grammar = Grammar::plain("getAllChildrenNumber", "path", 1);

    pub fn parse(words: &[String], _: &mut Notes) -> Result<GetAllChildrenNumber, Refusal> {
        let parsed = GetAllChildrenNumber::GRAMMAR.parse(words)?;
        Ok(GetAllChildrenNumber { path: parsed.argument(0).to_owned() })
    }

    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        check_path(&self.path)?;
        let number = session.client.get_all_children_number(&self.path).await.about(&self.path)?;
        session.screen.line(number.to_string());
        Ok(())
    }
}

/// `getEphemerals`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetEphemerals {
    prefix: Option<String>,
}

impl GetEphemerals {
    pub const GRAMMAR: Grammar = Grammar::plain("getEphemerals", "path", 0);

    pub fn parse(words: &[String], _: &mut Notes) -> Result<GetEphemerals, Refusal> {
        let parsed = GetEphemerals::GRAMMAR.parse(words)?;
        Ok(GetEphemerals { prefix: parsed.arguments.first().cloned() })
    }

    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        let prefix = self.prefix.as_deref().unwrap_or("/");
        check_path(prefix)?;
        let ephemerals = session.client.get_ephemerals(prefix).await.without_path()?;
        session.screen.line(print::list(&ephemerals));
        Ok(())
    }
}

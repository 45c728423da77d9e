//! `create`, `delete`, `deleteall`, `set`.

use super::Notes;
use super::access::acl_of;
use super::tree::{breadth_first, delete_in_batches};
use crate::client::CreateMode;
use crate::shell::grammar::{Grammar, Parsed, flag, valued};
use crate::shell::print;
use crate::shell::refusal::{Refusal, check_path, check_sequential_path, keeper_exception};
use crate::shell::session::{About, Session};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::time::Duration;
use zab::tree::{Acl, Code, Owner};

/// How many znodes `deleteall` deletes with one request, unless it is told.
const BATCH: i32 = 1000;

/// `create`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Create {
    path: String,
    data: Option<Bytes>,
    mode: CreateMode,
    is_sequential: bool,
    acl: Vec<Acl>,
}

impl Create {
    pub const GRAMMAR: Grammar = Grammar::new(
        "create",
        "[-s] [-e] [-c] [-t ttl] path [data] [acl]",
        &[flag("e", "ephemeral"), flag("s", "sequential"), flag("c", "container"), valued("t", "ttl")],
        1,
    );

    pub fn parse(words: &[String], notes: &mut Notes) -> Result<Create, Refusal> {
        let parsed = Create::GRAMMAR.parse(words)?;
        let mode = create_mode(&parsed)?;
        Ok(Create {
            path: parsed.argument(0).to_owned(),
            data: parsed.arguments.get(1).map(|data| Bytes::from(data.clone())),
            mode,
            is_sequential: parsed.has("s"),
            acl: parsed.arguments.get(2).map_or_else(Acl::open, |text| acl_of(text, notes)),
        })
    }

    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        if self.is_sequential {
            check_sequential_path(&self.path)?;
        } else {
            check_path(&self.path)?;
        }
        let created = session.create(&self.path, self.data, self.mode, &self.acl).await;
        match created {
            Ok(path) => session.screen.note(format!("Created {path}")),
            Err(error) => {
                if error.code() == Some(Code::EphemeralOnLocalSession) {
                    session.screen.note("Unable to create ephemeral node on a local session");
                } else if error.code() == Some(Code::InvalidAcl) {
                    session.screen.note(keeper_exception(Code::InvalidAcl, Some(&self.path)));
                }
                return Err(error).about(&self.path);
            }
        }
        Ok(())
    }
}

/// Which kind of znode the options mean.
fn create_mode(parsed: &Parsed) -> Result<CreateMode, Refusal> {
    let [ephemeral, sequential, container, timed] = ["e", "s", "c", "t"].map(|name| parsed.has(name));
    if container && (ephemeral || sequential) {
        let sentence = "-c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential.";
        return Err(Refusal::new(sentence));
    }
    let ttl = parsed.number::<i64>("t", "a long")?;
    if timed && ephemeral {
        return Err(Refusal::new("TTLs cannot be used with Ephemeral znodes"));
    }
    if timed && container {
        return Err(Refusal::new("TTLs cannot be used with Container znodes"));
    }
    let most = Owner::MAX_TTL;
    let ttl = match ttl {
        Some(ttl) if !(1..=most).contains(&ttl) => {
            return Err(Refusal::new(format!("ttl must be positive and cannot be larger than: {most}")));
        }
        ttl => ttl.map(|ttl| Duration::from_millis(ttl.unsigned_abs())),
    };
    Ok(match (ephemeral, sequential, ttl) {
        _ if container => CreateMode::Container,
        (true, true, _) => CreateMode::EphemeralSequential,
        (true, false, _) => CreateMode::Ephemeral,
        (_, true, Some(ttl)) => CreateMode::PersistentSequentialWithTtl(ttl),
        (_, true, None) => CreateMode::PersistentSequential,
        (_, false, Some(ttl)) => CreateMode::PersistentWithTtl(ttl),
        (_, false, None) => CreateMode::Persistent,
    })
}

/// `delete`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    path: String,
    version: Option<i32>,
}

impl Delete {
    pub const GRAMMAR: Grammar = Grammar::new("delete", "[-v version] path", &[valued("v", "version")], 1);

    /// The old `delete path version` is still understood. (Java's shell warns of it too, and then deletes any
    /// version.)
    pub fn parse(words: &[String], notes: &mut Notes) -> Result<Delete, Refusal> {
        let parsed = Delete::GRAMMAR.parse(words)?;
        let mut version = parsed.number("v", "an int")?;
        if let Some(old) = parsed.arguments.get(1) {
            let warning = "'delete path [version]' has been deprecated. Please use 'delete [-v version] path' instead.";
            notes.push(warning.to_owned());
            let no_number = |_| Refusal::new("the version must be an int value");
            version = version.map_or_else(|| old.parse().map(Some).map_err(no_number), |given| Ok(Some(given)))?;
        }
        Ok(Delete { path: parsed.argument(0).to_owned(), version })
    }

    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        check_path(&self.path)?;
        session.client.delete(&self.path, expected(self.version)).await.about(&self.path)
    }
}

/// The version to ask for; −1 is any.
pub(super) fn expected(version: Option<i32>) -> Option<i32> {
    version.filter(|version| *version != -1)
}

/// `deleteall`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteAll {
    path: String,
    batch: i32,
}

impl DeleteAll {
    pub const GRAMMAR: Grammar = Grammar::new("deleteall", "path [-b batch size]", &[valued("b", "batch size")], 1);

    pub fn parse(words: &[String], _: &mut Notes) -> Result<DeleteAll, Refusal> {
        let parsed = DeleteAll::GRAMMAR.parse(words)?;
        let batch = parsed.number("b", "an int")?.unwrap_or(BATCH);
        Ok(DeleteAll { path: parsed.argument(0).to_owned(), batch })
    }

    /// The deepest first. A batch of none or less deletes one by one, and then says which one could not be deleted.
    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        check_path(&self.path)?;
        let mut paths = breadth_first(session, &self.path).await?;
        paths.reverse();
        match usize::try_from(self.batch) {
            Ok(batch) if batch > 0 => {
                if !delete_in_batches(session, &paths, batch).await {
                    session.screen.note("Failed to delete some node(s) in the subtree!");
                }
            }
            _ => {
                for path in &paths {
                    session.client.delete(path, None).await.about(path)?;
                }
            }
        }
        Ok(())
    }
}

/// `set`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    path: String,
    data: Bytes,
    version: Option<i32>,
    shows_stat: bool,
}

impl Set {
    pub const GRAMMAR: Grammar = Grammar {
        explained: true,
        ..Grammar::new(
            "set",
            "path data [-s] [-v version] [-b]",
            &[
                flag("s", "Print znode stats additionally"),
                valued("v", "Set with an expected version"),
                flag("b", "Supply data in base64 format"),
            ],
            2,
        )
    };

    pub fn parse(words: &[String], _: &mut Notes) -> Result<Set, Refusal> {
        let parsed = Set::GRAMMAR.parse(words)?;
        let text = parsed.argument(1).to_owned();
        let data = if parsed.has("b") {
            STANDARD.decode(text).map_err(|_| Refusal::new("-b takes data in base64"))?
        } else {
            text.into_bytes()
        };
        Ok(Set {
            path: parsed.argument(0).to_owned(),
            data: data.into(),
            version: parsed.number("v", "an int")?,
            shows_stat: parsed.has("s"),
        })
    }

    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        check_path(&self.path)?;
        let stat = session.client.set_data(&self.path, self.data, expected(self.version)).await.about(&self.path)?;
        if self.shows_stat {
            session.screen.line(print::stat(&stat));
        }
        Ok(())
    }
}

//! `addauth`, `whoami`, `getAcl`, `setAcl`.

use super::Notes;
use super::nodes::expected;
use super::tree::depth_first;
use crate::shell::grammar::{Grammar, flag, valued};
use crate::shell::print;
use crate::shell::refusal::{Refusal, check_path, keeper_exception};
use crate::shell::session::{About, Session};
use bytes::Bytes;
use zab::tree::{Acl, Code, Id, Perms};

/// The access control list that a word means: `scheme:id:perms`, several of them with commas between
/// (`AclParser.parse`). The id may hold colons. What cannot be read is said and left out.
pub(super) fn acl_of(text: &str, notes: &mut Notes) -> Vec<Acl> {
    // Java's split drops what is empty at the end.
    let entries = text.trim_end_matches(',').split(',');
    entries.filter_map(|entry| entry_of(entry, notes)).collect()
}

fn entry_of(text: &str, notes: &mut Notes) -> Option<Acl> {
    let parts = text.split_once(':').and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once(':')?)));
    let Some((scheme, (id, letters))) = parts else {
        notes.push(format!("{text} does not have the form scheme:id:perm"));
        return None;
    };
    let mut perms = Perms::default();
    for letter in letters.chars() {
        match letter {
            'r' => perms.0 |= Perms::READ.0,
            'w' => perms.0 |= Perms::WRITE.0,
            'c' => perms.0 |= Perms::CREATE.0,
            'd' => perms.0 |= Perms::DELETE.0,
            'a' => perms.0 |= Perms::ADMIN.0,
            other => notes.push(format!("Unknown perm type: {other}")),
        }
    }
    Some(Acl { perms, id: Id::new(scheme, id) })
}

/// `addauth`.
#[derive(Clone, PartialEq, Eq)]
pub struct AddAuth {
    scheme: String,
    proof: Bytes,
}

/// The proof is a secret.
impl std::fmt::Debug for AddAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AddAuth({})", self.scheme)
    }
}

impl AddAuth {
    pub const GRAMMAR: Grammar = Grammar::plain("addauth", "scheme auth", 1);

    pub fn parse(words: &[String], _: &mut Notes) -> Result<AddAuth, Refusal> {
        let parsed = AddAuth::GRAMMAR.parse(words)?;
        let proof = Bytes::from(parsed.argument(1).to_owned());
        Ok(AddAuth { scheme: parsed.argument(0).to_owned(), proof })
    }

    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        session.client.add_auth(&self.scheme, self.proof).await.without_path()
    }
}

/// `whoami`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhoAmI;

impl WhoAmI {
    pub const GRAMMAR: Grammar = Grammar::plain("whoami", "", 0);

    pub fn parse(_: &[String], _: &mut Notes) -> Result<WhoAmI, Refusal> {
        Ok(WhoAmI)
    }

    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        let identities = session.client.who_am_i().await.without_path()?;
        session.screen.line("Auth scheme: User");
        for identity in identities {
            session.screen.line(format!("{}: {}", identity.scheme, identity.user));
        }
        Ok(())
    }
}

/// `getAcl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetAcl {
    path: String,
    shows_stat: bool,
}

impl GetAcl {
    pub const GRAMMAR: Grammar = Grammar::new("getAcl", "[-s] path", &[flag("s", "stats")], 1);

    pub fn parse(words: &[String], _: &mut Notes) -> Result<GetAcl, Refusal> {
        let parsed = GetAcl::GRAMMAR.parse(words)?;
        Ok(GetAcl { path: parsed.argument(0).to_owned(), shows_stat: parsed.has("s") })
    }

    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        check_path(&self.path)?;
        let (acl, stat) = session.client.get_acl(&self.path).await.about(&self.path)?;
        session.screen.line(print::acl(&acl));
        if self.shows_stat {
            session.screen.line(print::stat(&stat));
        }
        Ok(())
    }
}

/// `setAcl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAcl {
    path: String,
    acl: Vec<Acl>,
    version: Option<i32>,
    shows_stat: bool,
    descends: bool,
}

impl SetAcl {
    pub const GRAMMAR: Grammar = Grammar::new(
        "setAcl",
        "[-s] [-v version] [-R] path acl",
        &[flag("s", "stats"), valued("v", "version"), flag("R", "recursive")],
        2,
    );

    pub fn parse(words: &[String], notes: &mut Notes) -> Result<SetAcl, Refusal> {
        let parsed = SetAcl::GRAMMAR.parse(words)?;
        Ok(SetAcl {
            path: parsed.argument(0).to_owned(),
            acl: acl_of(parsed.argument(1), notes),
            version: parsed.number("v", "an int")?,
            shows_stat: parsed.has("s"),
            descends: parsed.has("R"),
        })
    }

    /// With `-R` what one znode refuses is said, and the others follow.
    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        check_path(&self.path)?;
        let version = expected(self.version);
        if self.descends {
            return depth_first(session, &self.path, false, async |path| {
                if let Err(error) = session.client.set_acl(path, &self.acl, version).await {
                    let code = error.code().unwrap_or(Code::SystemError);
                    session.screen.line(keeper_exception(code, Some(path)));
                }
                Ok(())
            })
            .await;
        }
        let stat = session.client.set_acl(&self.path, &self.acl, version).await.about(&self.path)?;
        if self.shows_stat {
            session.screen.line(print::stat(&stat));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, Notes) {
        let mut notes = Notes::new();
        let acl = acl_of(text, &mut notes);
        (print::acl(&acl).replace('\n', ""), notes)
    }

    #[test]
    fn access_control_lists_are_read_as_in_java() {
        assert_eq!(read("world:anyone:cdrwa"), ("'world,'anyone: cdrwa".into(), vec![]));
        let two = read("digest:ann:7RJf=:r,ip:10.0.0.0/8:wr,");
        assert_eq!(two, ("'digest,'ann:7RJf=: r'ip,'10.0.0.0/8: rw".into(), vec![]));
        assert_eq!(read("auth::rx"), ("'auth,': r".into(), vec!["Unknown perm type: x".into()]));
        let (acl, notes) = read("world:r,,a");
        assert_eq!(acl, "");
        assert_eq!(notes, ["world:r", "", "a"].map(|entry| format!("{entry} does not have the form scheme:id:perm")));
    }

    #[test]
    fn a_proof_is_not_shown() {
        let words = ["digest", "ann:secret"].map(String::from);
        let command = AddAuth::parse(&words, &mut Notes::new()).expect("understood");
        assert!(!format!("{command:?}").contains("secret"));
    }
}

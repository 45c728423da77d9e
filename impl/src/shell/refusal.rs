//! Why a command was not done: a sentence for a person, a number for a script.
//!
//! *Java:* `CliException` and those that extend it; `CliWrapperException` has the sentences for ZooKeeper's errors,
//! `KeeperException` the names of all others, `PathUtils.validatePath` those about paths.

use std::fmt;
use zab::tree::Code;
use zab::tree::path::{self, PathError};

/// The exit code of a command that is not known: the shell's own, as in Unix shells.
const UNKNOWN_COMMAND: u8 = 127;

/// Why a command was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// With which code a shell ends that does only this command.
    pub exit: u8,
    /// What is printed.
    pub sentence: String,
}

impl Refusal {
    /// The ordinary one, with exit code 1.
    pub fn new(sentence: impl Into<String>) -> Refusal {
        Refusal { exit: 1, sentence: sentence.into() }
    }

    /// There is no such command: 127.
    pub fn unknown_command(name: &str) -> Refusal {
        Refusal { exit: UNKNOWN_COMMAND, sentence: format!("Command not found: {name}") }
    }

    /// What the server said of a path; without one where an operation has none.
    pub fn of_code(code: Code, path: Option<&str>) -> Refusal {
        Refusal::new(sentence(code, path))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Refusal {}

/// Whether this may be the path of a znode; what a server is asked about is looked at here first, as Java's client
/// does.
///
/// # Errors
/// Java's sentence.
pub fn check_path(path: &str) -> Result<(), Refusal> {
    path::validate(path).map_err(|error| Refusal::new(path_sentence(path, error)))
}

/// The same of a sequential znode's path, to which a number will be appended.
///
/// # Errors
/// Java's sentence.
pub fn check_sequential_path(path: &str) -> Result<(), Refusal> {
    path::validate_sequential(path).map_err(|error| Refusal::new(path_sentence(&format!("{path}1"), error)))
}

fn path_sentence(path: &str, error: PathError) -> String {
    let reason = match error {
        PathError::Empty => return "Path length must be > 0".to_owned(),
        PathError::NoSlash => return "Path must start with / character".to_owned(),
        PathError::TrailingSlash => return "Path must not end with / character".to_owned(),
        PathError::EmptyName(at) => format!("empty node name specified @{at}"),
        PathError::RelativeName(at) => format!("relative paths not allowed @{at}"),
        PathError::Character(at) if path.encode_utf16().nth(at) == Some(0) => {
            format!("null character not allowed @{at}")
        }
        PathError::Character(at) => format!("invalid character @{at}"),
    };
    format!("Invalid path string \"{path}\" caused by {reason}")
}

fn sentence(code: Code, path: Option<&str>) -> String {
    // As Java prints null.
    let of = path.unwrap_or("null");
    match code {
        Code::NoNode => format!("Node does not exist: {of}"),
        Code::NoChildrenForEphemerals => format!("Ephemerals cannot have children: {of}"),
        Code::NodeExists => format!("Node already exists: {of}"),
        Code::NotEmpty => format!("Node not empty: {of}"),
        Code::NotReadOnly => format!("Not a read-only call: {of}"),
        Code::InvalidAcl => format!("Acl is not valid : {of}"),
        Code::NoAuth => format!("Insufficient permission : {of}"),
        Code::BadArguments => format!("Arguments are not valid : {of}"),
        Code::BadVersion => format!("version No is not valid : {of}"),
        Code::ReconfigInProgress => {
            "Another reconfiguration is in progress -- concurrent reconfigs not supported (yet)".to_owned()
        }
        Code::NewConfigNoQuorum => "No quorum of new config is connected and up-to-date with the leader of last \
             commmitted config - try invoking reconfiguration after new servers are connected and synced"
            .to_owned(),
        Code::QuotaExceeded => format!("Quota has exceeded : {of}"),
        _ => keeper_exception(code, path),
    }
}

/// As `KeeperException.getMessage`.
pub fn keeper_exception(code: Code, path: Option<&str>) -> String {
    let name = name(code);
    match path {
        Some(path) if !path.is_empty() => format!("KeeperErrorCode = {name} for {path}"),
        _ => format!("KeeperErrorCode = {name}"),
    }
}

/// As `KeeperException.getCodeMessage`.
fn name(code: Code) -> String {
    let name = match code {
        Code::NotEmpty => "Directory not empty",
        Code::SessionExpired => "Session expired",
        Code::InvalidCallback => "Invalid callback",
        Code::InvalidAcl => "InvalidACL",
        Code::SessionMoved => "Session moved",
        Code::NotReadOnly => "Not a read-only call",
        Code::EphemeralOnLocalSession => "Ephemeral node on local session",
        Code::NoWatcher => "No such watcher",
        Code::ReconfigDisabled => "Reconfig is disabled",
        Code::SessionClosedRequireSaslAuth => "Session closed because client failed to authenticate",
        Code::QuotaExceeded => "Quota has exceeded",
        Code::ThrottledOp => "Op throttled due to high load",
        // Java has no words for this one.
        Code::RequestTimeout => "Unknown error REQUESTTIMEOUT",
        // The others are called as here.
        code => return format!("{code:?}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: Code) -> String {
        Refusal::of_code(code, Some("/a")).sentence
    }

    #[test]
    fn errors_have_javas_sentences() {
        assert_eq!(of(Code::NoNode), "Node does not exist: /a");
        assert_eq!(of(Code::BadVersion), "version No is not valid : /a");
        assert_eq!(of(Code::Unimplemented), "KeeperErrorCode = Unimplemented for /a");
        assert_eq!(of(Code::ConnectionLoss), "KeeperErrorCode = ConnectionLoss for /a");
        assert_eq!(of(Code::NoWatcher), "KeeperErrorCode = No such watcher for /a");
        assert_eq!(Refusal::of_code(Code::ReconfigDisabled, None).sentence, "KeeperErrorCode = Reconfig is disabled");
        for code in Code::ALL {
            assert_eq!(Refusal::of_code(*code, Some("/a")).exit, 1);
        }
        assert_eq!(Refusal::unknown_command("dance").exit, 127);
    }

    /// What Java 17 printed of `PathUtils`.
    #[test]
    fn paths_have_javas_sentences() {
        let cases = [
            ("", "Path length must be > 0"),
            ("a", "Path must start with / character"),
            ("/a/", "Path must not end with / character"),
            ("/a//b", "Invalid path string \"/a//b\" caused by empty node name specified @3"),
            ("/a/../b", "Invalid path string \"/a/../b\" caused by relative paths not allowed @4"),
            ("/a/./b", "Invalid path string \"/a/./b\" caused by relative paths not allowed @3"),
            ("/a\u{1}", "Invalid path string \"/a\u{1}\" caused by invalid character @2"),
            ("/a\0", "Invalid path string \"/a\0\" caused by null character not allowed @2"),
        ];
        for (path, sentence) in cases {
            assert_eq!(check_path(path).map_err(|refusal| refusal.sentence), Err(sentence.to_owned()));
        }
        assert_eq!(check_path("/a"), Ok(()));
        assert_eq!(check_sequential_path("/a/"), Ok(()));
    }
}

//! The connect string, and the subtree that a client sees as the whole.
//!
//! *Java:* `ConnectStringParser`, `ZooKeeper.prependChroot`, `ClientCnxn.stripChroot`.

use std::fmt;
use zab::tree::PathError;
use zab::tree::path::{ROOT, validate};

/// Where clients connect, unless the connect string says otherwise.
pub const DEFAULT_PORT: u16 = 2181;

/// A server as the connect string names it. Names are looked up at each connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    /// A name or an IP address; of IPv6 without brackets.
    pub host: String,
    /// The port of clients.
    pub port: u16,
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Why a connect string cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectStringError {
    /// It names no server.
    #[error("the connect string {0:?} names no server")]
    NoServer(String),
    /// A server without name.
    #[error("{0:?} names no host")]
    NoHost(String),
    /// A port that is no number from 0 to 65535.
    #[error("{0:?} has no valid port")]
    Port(String),
    /// Several colons without brackets. Java takes the last for the one before the port.
    #[error("{0:?} has several colons: an IPv6 address stands in brackets, as in [::1]:2181")]
    Brackets(String),
    /// What stands behind the servers is no path.
    #[error("the chroot {0:?} is no path: {1}")]
    Chroot(String, PathError),
}

/// `host:port,host:port/chroot`, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectString {
    /// At least one.
    pub servers: Vec<ServerAddress>,
    /// Below which znode all paths are.
    pub chroot: Chroot,
}

impl ConnectString {
    /// Reads it. A missing port is [`DEFAULT_PORT`]; IPv6 addresses stand in brackets.
    ///
    /// # Errors
    /// [`ConnectStringError`].
    pub fn parse(text: &str) -> Result<ConnectString, ConnectStringError> {
        let (servers, chroot) = text.split_at(text.find('/').unwrap_or(text.len()));
        let chroot = match chroot {
            "" | ROOT => Chroot::default(),
            path => match validate(path) {
                Ok(()) => Chroot(path.to_owned()),
                Err(error) => return Err(ConnectStringError::Chroot(path.to_owned(), error)),
            },
        };
        let named = servers.split(',').map(str::trim).filter(|server| !server.is_empty());
        let servers = named.map(server_address).collect::<Result<Vec<_>, _>>()?;
        if servers.is_empty() {
            return Err(ConnectStringError::NoServer(text.to_owned()));
        }
        Ok(ConnectString { servers, chroot })
    }
}

fn server_address(text: &str) -> Result<ServerAddress, ConnectStringError> {
    let bad_port = || ConnectStringError::Port(text.to_owned());
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or_else(|| ConnectStringError::NoHost(text.to_owned()))?;
            (host, if rest.is_empty() { "" } else { rest.strip_prefix(':').ok_or_else(bad_port)? })
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    if port.contains(':') {
        return Err(ConnectStringError::Brackets(text.to_owned()));
    }
    if host.is_empty() {
        return Err(ConnectStringError::NoHost(text.to_owned()));
    }
    let port = if port.is_empty() { DEFAULT_PORT } else { port.parse().map_err(|_| bad_port())? };
    Ok(ServerAddress { host: host.to_owned(), port })
}

/// A prefix of all paths on the server's side, which the client does not see. Empty for none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chroot(String);

impl Chroot {
    /// The path as the server knows it.
    #[must_use]
    pub fn server_path(&self, path: &str) -> String {
        match (self.0.as_str(), path) {
            ("", path) => path.to_owned(),
            (chroot, ROOT) => chroot.to_owned(),
            (chroot, path) => format!("{chroot}{path}"),
        }
    }

    /// The beginning of a sequential znode's path: a slash at its end stays.
    #[must_use]
    pub fn server_prefix(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// The path as the client knows it. What does not lie below stays as it is, such as `/zookeeper/config`.
    #[must_use]
    pub fn client_path(&self, path: &str) -> String {
        match path.strip_prefix(self.0.as_str()) {
            Some("") => ROOT.to_owned(),
            // Not of a sibling whose name only begins alike, where Java cuts.
            Some(rest) if rest.starts_with('/') => rest.to_owned(),
            _ => path.to_owned(),
        }
    }

    /// Whether the path, as the server knows it, can be seen by the client.
    #[must_use]
    pub fn contains(&self, path: &str) -> bool {
        path.strip_prefix(self.0.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(text: &str) -> Vec<String> {
        ConnectString::parse(text).expect("valid").servers.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn connect_strings_are_read_as_in_java() {
        assert_eq!(servers("a"), ["a:2181"]);
        assert_eq!(servers(" a:1 , b: ,,[::1]:3,[::2]/x/y"), ["a:1", "b:2181", "[::1]:3", "[::2]:2181"]);
        for bad in ["", ",", "/x", "a:x", "a:70000", ":1", "[::1", "[]:1", "[::1]x", "::1", "a:1:2", "a/x/", "a//"] {
            assert!(ConnectString::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(ConnectString::parse("a/").expect("valid").chroot, Chroot::default());
    }

    #[test]
    fn the_chroot_is_put_before_and_taken_away() {
        let chroot = ConnectString::parse("a/app").expect("valid").chroot;
        for (client, server) in [("/", "/app"), ("/x/y", "/app/x/y")] {
            assert_eq!(chroot.server_path(client), server);
            assert_eq!(chroot.client_path(server), client);
        }
        assert_eq!(chroot.server_prefix("/"), "/app/");
        for outside in ["/application", "/zookeeper/config", "/"] {
            assert_eq!(chroot.client_path(outside), outside);
            assert!(!chroot.contains(outside));
        }
        let none = Chroot::default();
        assert_eq!((none.server_path("/"), none.client_path("/x")), ("/".to_owned(), "/x".to_owned()));
        assert_eq!(none.client_path("/"), "/");
    }
}

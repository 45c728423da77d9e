//! Where servers are: `host:port`, and the lines `server.N`, `group.N`, `weight.N`.

use super::error::Wrong;
use super::settings::{Config, PeerType};
use super::value::Value;
use std::fmt;
use std::net::SocketAddr;
use zab::ServerId;

/// A host, by name or number, and a port. Resolved when it is used, never while reading a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A name, or an address without brackets. `None`: every address of the machine.
    pub host: Option<String>,
    /// The port. To listen on 0 lets the system choose.
    pub port: u16,
}

impl HostPort {
    /// A host and a port.
    pub fn new(host: &str, port: u16) -> HostPort {
        HostPort { host: Some(host.to_owned()), port }
    }

    /// Addresses to connect to or to listen at, the wildcard address for no host.
    ///
    /// # Errors
    /// When the name is not known.
    pub fn resolve(&self) -> std::io::Result<Vec<SocketAddr>> {
        use std::net::ToSocketAddrs;
        let host = self.host.as_deref().unwrap_or("0.0.0.0");
        (host, self.port).to_socket_addrs().map(Iterator::collect)
    }
}

/// As in `server.N` lines: addresses of IPv6 stand in brackets.
impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.as_deref() {
            Some(host) if host.contains(':') => write!(f, "[{host}]:{}", self.port),
            host => write!(f, "{}:{}", host.unwrap_or("0.0.0.0"), self.port),
        }
    }
}

/// What `server.N=host:port:port[:role][|host:port:port[:role]…][;[host:]port]` says (`QuorumPeer.QuorumServer`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerLine {
    /// Where followers connect to a leader; several with `multiAddress.enabled`.
    pub quorum: Vec<HostPort>,
    /// Where elections are held; as many as in `quorum`.
    pub election: Vec<HostPort>,
    /// Whether it votes.
    pub peer_type: PeerType,
    /// Where clients connect, if the line says so.
    pub client: Option<HostPort>,
}

impl ServerLine {
    /// Reads the part after `server.N=`.
    ///
    /// # Errors
    /// When it has another form.
    pub fn parse(text: &str) -> Result<ServerLine, Wrong> {
        let form = || {
            Wrong::new(
                "a server is host:port:port or host:port:port:role, several of them with | between, and may end in \
                 ;port or ;host:port for clients; the role is participant or observer",
            )
        };
        let (servers, client) = match text.split_once(';') {
            Some((_, client)) if client.contains(';') => return Err(form()),
            Some((servers, client)) => (servers, Some(client)),
            None => (text, None),
        };
        let mut line = ServerLine { quorum: vec![], election: vec![], peer_type: PeerType::Participant, client: None };
        let mut role = None;
        for server in servers.split('|') {
            let (host, rest) = host_and_rest(server).ok_or_else(form)?;
            let mut parts = rest.split(':');
            let port = |part: Option<&str>| part.and_then(|port| port.trim().parse::<u16>().ok()).ok_or_else(form);
            let (quorum, election) = (port(parts.next())?, port(parts.next())?);
            if quorum == election {
                return Err(Wrong::new("the ports for followers and for election must differ"));
            }
            let own = parts.next().map(peer_type).transpose()?;
            if parts.next().is_some() {
                return Err(form());
            }
            if own.is_some() && role.is_some() && own != role {
                return Err(Wrong::new("all addresses of a server must have the same role"));
            }
            role = role.or(own);
            line.quorum.push(HostPort::new(host, quorum));
            line.election.push(HostPort::new(host, election));
        }
        line.peer_type = role.unwrap_or(PeerType::Participant);
        line.client = client.map(|client| client_address(client).ok_or_else(form)).transpose()?;
        Ok(line)
    }
}

/// The line as Java prints it in `conf` and `/zookeeper/config`: the role always, the client part when there is one.
impl fmt::Display for ServerLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut pairs: Vec<String> = self
            .quorum
            .iter()
            .zip(&self.election)
            .map(|(quorum, election)| format!("{quorum}:{}", election.port))
            .collect();
        pairs.sort();
        let role = match self.peer_type {
            PeerType::Participant => "participant",
            PeerType::Observer => "observer",
        };
        write!(f, "{}:{role}", pairs.join("|"))?;
        match &self.client {
            Some(client) => write!(f, ";{client}"),
            None => Ok(()),
        }
    }
}

/// `participant` or `observer`, in any case.
pub(super) fn peer_type(text: &str) -> Result<PeerType, Wrong> {
    match text.trim().to_lowercase().as_str() {
        "participant" => Ok(PeerType::Participant),
        "observer" => Ok(PeerType::Observer),
        _ => Err(Wrong::new(format!("{text} is no role: it is participant or observer"))),
    }
}

/// `host:rest` or `[v6]:rest`, the host not empty.
fn host_and_rest(text: &str) -> Option<(&str, &str)> {
    let (host, rest) = match text.trim().strip_prefix('[') {
        Some(bracketed) => bracketed.split_once("]:")?,
        None => text.trim().split_once(':')?,
    };
    let host = host.trim();
    (!host.is_empty()).then_some((host, rest))
}

/// `port` or `host:port`.
fn client_address(text: &str) -> Option<HostPort> {
    if let Ok(port) = text.trim().parse() {
        return Some(HostPort { host: None, port });
    }
    let (host, port) = host_and_rest(text)?;
    Some(HostPort::new(host, port.trim().parse().ok()?))
}

impl Config {
    /// Takes over `server.N`, `group.N`, `weight.N` or `version`; `None` when the key is none of them.
    pub(super) fn set_member(&mut self, key: &str, value: Value<'_>) -> Option<Result<(), Wrong>> {
        if let Some(id) = key.strip_prefix("server.") {
            return Some(self.set_server(id, value));
        }
        if key == "version" {
            return Some(self.set_version(value));
        }
        // As Java: whatever begins so is meant so.
        if key.starts_with("group") {
            return Some(self.set_group(key, value));
        }
        key.starts_with("weight").then(|| self.set_weight(key, value))
    }

    fn set_server(&mut self, id: &str, value: Value<'_>) -> Result<(), Wrong> {
        let id = server_id(id)?;
        let line = ServerLine::parse(value.0)?;
        match self.quorum.servers.insert(id, line) {
            None => Ok(()),
            Some(_) => Err(Wrong::new(format!("server {} is listed a second time", id.0))),
        }
    }

    fn set_group(&mut self, key: &str, value: Value<'_>) -> Result<(), Wrong> {
        let number = key.strip_prefix("group.").unwrap_or_default();
        let group = number.parse().map_err(|_| Wrong::new("a group is group.N, N from 0 to 255"))?;
        for id in value.0.split(':') {
            let id = server_id(id)?;
            if self.quorum.groups.insert(id, group).is_some() {
                return Err(Wrong::new(format!("server {} is in a group twice", id.0)));
            }
        }
        Ok(())
    }

    fn set_weight(&mut self, key: &str, value: Value<'_>) -> Result<(), Wrong> {
        let id = server_id(key.strip_prefix("weight.").unwrap_or_default())?;
        self.quorum.weights.insert(id, value.number(0..=u32::MAX)?);
        Ok(())
    }

    fn set_version(&mut self, value: Value<'_>) -> Result<(), Wrong> {
        let version = u64::from_str_radix(value.0, 16);
        self.quorum.version = version.map_err(|_| Wrong::new("it takes a hexadecimal number"))?;
        Ok(())
    }
}

/// The number of a server: Java takes any, but its sessions carry 8 bits of it.
pub(super) fn server_id(text: &str) -> Result<ServerId, Wrong> {
    text.trim().parse().map(ServerId).map_err(|_| Wrong::new(format!("{text} is no server: they are 0 to 255")))
}

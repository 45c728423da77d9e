//! Servers that are given by configurations of other people's.

use super::layout::{self, escaped};
use super::member::Member;
use crate::cli::{Exit, Failure};
use crate::config::{Config, ConfigError, HostPort, Overrides, ServerLine, properties};
use std::collections::BTreeMap;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use zab::ServerId;

/// Each file is the configuration of one server, which has its `dataDir` and `myid` already.
pub(super) fn as_they_are(files: &[PathBuf]) -> Result<Vec<Member>, Failure> {
    let mut members: BTreeMap<ServerId, Member> = BTreeMap::new();
    for file in files {
        let config = Config::from_file(file, &Overrides::default())?;
        let log = config.data_dir.join("zabkeeper.out");
        let member = Member::new(config, log)
            .ok_or_else(|| wrong(file, "is the configuration of a standalone server, not of one of an ensemble"))?;
        let id = member.id;
        if let Some(other) = members.insert(id, member) {
            let other = other.config.file.unwrap_or_default();
            return Err(wrong(
                file,
                &format!("is server {}, and so is {}: each needs a myid of its own", id.0, other.display()),
            ));
        }
    }
    Ok(members.into_values().collect())
}

/// One file that lists servers. Those on this machine get a folder in the directory each, with all the settings of the
/// file but those that must differ: `dataDir`, `myid`, and ports that all of them would want.
pub(super) fn prepare(directory: &Path, file: &Path) -> Result<(Vec<Member>, Option<File>), Failure> {
    let given = Given::read(file)?;
    let lock = layout::lock(directory)?;
    let lines = given.lines()?;
    if let Some(members) = layout::existing(directory)? {
        let same = members.iter().all(|member| member.config.quorum.servers == lines);
        if !same || members.len() != given.here.len() {
            let sentence = format!(
                "{}: holds a cluster with other servers; name another directory with --data",
                directory.display()
            );
            return Err(Failure { exit: Exit::InvalidInvocation, sentence });
        }
    }
    for (index, id) in given.here.iter().enumerate() {
        layout::write(directory, *id, &given.settings(index), &lines)?;
    }
    for (id, line) in lines.iter().filter(|(id, _)| !given.here.contains(id)) {
        let address = line.quorum.first().map(HostPort::to_string).unwrap_or_default();
        println!("Server {} ({address}) is not on this machine, and is not started.", id.0);
    }
    Ok((layout::existing(directory)?.unwrap_or_default(), lock))
}

/// What such a file says.
struct Given {
    file: PathBuf,
    servers: BTreeMap<ServerId, ServerLine>,
    /// Those of them that are on this machine.
    here: Vec<ServerId>,
    /// Everything else, in its order.
    settings: Vec<(String, String)>,
}

/// Settings that belong to one server and are made anew.
const OWN: [&str; 6] = ["dataDir", "dataLogDir", "clientPort", "clientPortAddress", "peerType", "standaloneEnabled"];
/// Ports: the second server on this machine gets the next, and so on.
const COUNTED: [&str; 2] = ["admin.serverPort", "metricsProvider.httpPort"];

impl Given {
    fn read(file: &Path) -> Result<Given, Failure> {
        let text = std::fs::read(file).map_err(|source| ConfigError::Unreadable { file: file.to_owned(), source })?;
        let parsed = properties::parse(&text);
        let parsed = parsed.map_err(|source| ConfigError::Syntax { file: file.to_owned(), source })?;
        let (mut servers, mut settings) = (BTreeMap::new(), Vec::new());
        for property in parsed {
            let Some(number) = property.key.strip_prefix("server.") else {
                settings.push((property.key, property.value));
                continue;
            };
            let at = |why: String| {
                wrong(file, &format!("line {}: {}={}: {why}", property.line, property.key, property.value))
            };
            let id = number.parse().map(ServerId).map_err(|_| at("servers are server.0 to server.255".to_owned()))?;
            let line = ServerLine::parse(&property.value).map_err(|error| at(error.to_string()))?;
            if servers.insert(id, line).is_some() {
                return Err(at(format!("server {} is listed twice", id.0)));
            }
        }
        if servers.is_empty() {
            return Err(wrong(file, "lists no servers (server.1=host:2888:3888, …)"));
        }
        let is_here = |line: &ServerLine| line.quorum.iter().any(on_this_machine);
        let here: Vec<ServerId> = servers.iter().filter(|(_, line)| is_here(line)).map(|(id, _)| *id).collect();
        if here.is_empty() {
            return Err(wrong(file, "lists no server that is on this machine"));
        }
        Ok(Given { file: file.to_owned(), servers, here, settings })
    }

    fn setting(&self, key: &str) -> Option<&str> {
        let same = |name: &str| name.strip_prefix("zookeeper.").unwrap_or(name) == key;
        self.settings.iter().rev().find(|(name, _)| same(name)).map(|(_, value)| value.as_str())
    }

    /// The list of servers, in which those on this machine say where their clients connect.
    fn lines(&self) -> Result<BTreeMap<ServerId, ServerLine>, Failure> {
        let first = match self.setting("clientPort") {
            Some(port) => {
                Some(port.parse::<u16>().map_err(|_| wrong(&self.file, &format!("clientPort={port} is no port")))?)
            }
            None => None,
        };
        let mut lines = self.servers.clone();
        for (index, id) in self.here.iter().enumerate() {
            let Some(line) = lines.get_mut(id).filter(|line| line.client.is_none()) else { continue };
            let port = first.and_then(|first| first.checked_add(u16::try_from(index).ok()?));
            let port =
                port.ok_or_else(|| wrong(&self.file, "clientPort is not set, or too large for several servers"))?;
            let host = self.setting("clientPortAddress").unwrap_or("0.0.0.0");
            line.client = Some(HostPort::new(host, port));
        }
        Ok(lines)
    }

    /// The settings of the `index`th server on this machine, as lines.
    fn settings(&self, index: usize) -> String {
        let mut text = String::new();
        for (key, value) in &self.settings {
            let short = key.strip_prefix("zookeeper.").unwrap_or(key);
            if OWN.contains(&short) {
                continue;
            }
            let port = value.parse::<usize>().ok().filter(|_| COUNTED.contains(&short));
            let value = port.map_or_else(|| value.clone(), |port| (port + index).to_string());
            text += &format!("{}={}\n", escaped(key), escaped(&value));
        }
        if self.setting("admin.serverPort").is_none() && self.setting("admin.enableServer").is_none() {
            // All of them would want port 8080.
            text += "admin.enableServer=false\n";
        }
        text
    }
}

/// Whether a server could listen at one of the addresses of this host.
fn on_this_machine(host: &HostPort) -> bool {
    let addresses = host.resolve().unwrap_or_default();
    addresses.iter().any(|address| TcpListener::bind(SocketAddr::new(address.ip(), 0)).is_ok())
}

fn wrong(file: &Path, what: &str) -> Failure {
    Failure { exit: Exit::InvalidInvocation, sentence: format!("{}: {what}", file.display()) }
}

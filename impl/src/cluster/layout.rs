//! The directory of a cluster: made, or found as it was left.

use super::member::Member;
use super::ports;
use crate::cli::{Exit, Failure};
use crate::config::{Config, HostPort, Overrides, PeerType, ServerLine};
use crate::disk::{FileSystem, OperatingSystem};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use zab::ServerId;

/// What the command line says about a cluster; what it does not say is as it was, or the default.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub servers: Option<u8>,
    pub observers: Option<u8>,
    pub client_port: Option<u16>,
    pub quorum_port: Option<u16>,
    pub election_port: Option<u16>,
}

/// What else a made configuration says: Apache's sample, and what `zabkeeper status` asks.
const SETTINGS: &str = "tickTime=2000\ninitLimit=10\nsyncLimit=5\nadmin.enableServer=false\n\
    4lw.commands.whitelist=srvr,stat,mntr,ruok,isro,conf,cons,dirs,wchs\n";

/// The cluster in this directory, made if there is none; and a lock that keeps others out while it is held.
pub(super) fn prepare(directory: &Path, wanted: &Wanted) -> Result<(Vec<Member>, Option<File>), Failure> {
    let lock = lock(directory)?;
    if let Some(members) = existing(directory)? {
        compare(directory, &members, wanted)?;
        return Ok((members, lock));
    }
    let lines = lines(wanted)?;
    for id in lines.keys() {
        write(directory, *id, SETTINGS, &lines)?;
    }
    let members = existing(directory)?.unwrap_or_default();
    Ok((members, lock))
}

/// The servers in this directory; `None` when it is empty or missing.
pub(super) fn existing(directory: &Path) -> Result<Option<Vec<Member>>, Failure> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries.collect::<Result<Vec<_>, _>>().map_err(|error| unusable(directory, &error))?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(directory, &error)),
    };
    let number = |name: &std::ffi::OsStr| name.to_str()?.parse::<u8>().ok();
    let mut ids: Vec<u8> = entries.iter().filter_map(|entry| number(&entry.file_name())).collect();
    ids.retain(|id| config_file(directory, ServerId(*id)).is_file());
    ids.sort_unstable();
    if ids.is_empty() {
        return if entries.is_empty() { Ok(None) } else { Err(foreign(directory)) };
    }
    let mut members = Vec::new();
    for id in ids.into_iter().map(ServerId) {
        let config = Config::from_file(config_file(directory, id), &Overrides::default())?;
        let member = Member::new(config, folder(directory, id).join("server.log"));
        members.push(member.filter(|member| member.id == id).ok_or_else(|| foreign(directory))?);
    }
    Ok(Some(members))
}

fn foreign(directory: &Path) -> Failure {
    let sentence = format!(
        "{}: is not empty and holds no cluster that zabkeeper has made; name another directory with --data",
        directory.display()
    );
    Failure { exit: Exit::DataDirectory, sentence }
}

/// An ensemble cannot grow or move: its servers would disagree on who takes part.
fn compare(directory: &Path, members: &[Member], wanted: &Wanted) -> Result<(), Failure> {
    let refused = |sentence: String| {
        let sentence = format!("{}: {sentence}; name another directory with --data", directory.display());
        Err(Failure { exit: Exit::InvalidInvocation, sentence })
    };
    let observers = members.iter().filter(|member| member.is_observer).count();
    let servers = members.len() - observers;
    let count = |wanted: Option<u8>, there| wanted.map_or(there, usize::from);
    let (more_servers, more_observers) = (count(wanted.servers, servers), count(wanted.observers, observers));
    if (more_servers, more_observers) != (servers, observers) {
        let (there, asked) = (ensemble(servers, observers), ensemble(more_servers, more_observers));
        return refused(format!("holds a cluster of {there}, which cannot become one of {asked}"));
    }
    let first = &members[0];
    let ports = [
        ("client", wanted.client_port, first.client.port),
        ("quorum", wanted.quorum_port, first.quorum.port),
        ("election", wanted.election_port, first.election.port),
    ];
    for (name, wanted, there) in ports {
        if let Some(port) = wanted.filter(|port| *port != 0 && *port != there) {
            return refused(format!("holds a cluster whose {name} ports begin at {there}, not at {port}"));
        }
    }
    Ok(())
}

/// `3 servers and 1 observer`.
pub(super) fn ensemble(servers: usize, observers: usize) -> String {
    let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    match observers {
        0 => counted(servers, "server"),
        _ => format!("{} and {}", counted(servers, "server"), counted(observers, "observer")),
    }
}

// ---- Making -------------------------------------------------------------------------------------------------------

/// The list of servers of a new cluster.
fn lines(wanted: &Wanted) -> Result<BTreeMap<ServerId, ServerLine>, Failure> {
    let (servers, observers) = (wanted.servers.unwrap_or(3), wanted.observers.unwrap_or(1));
    let count = usize::from(servers) + usize::from(observers);
    let ports = |wanted: Option<u16>, usual: u16| match wanted.unwrap_or(usual) {
        0 => ports::any(count).map_err(|error| Failure::unexpected(format!("no ports can be had: {error}"))),
        first => {
            let ports: Option<Vec<u16>> =
                (0..count).map(|index| first.checked_add(u16::try_from(index).ok()?)).collect();
            ports.ok_or_else(|| Failure {
                exit: Exit::InvalidInvocation,
                sentence: format!("{count} ports from {first} on are more than there are"),
            })
        }
    };
    let client = ports(wanted.client_port, 2181)?;
    let (quorum, election) = (ports(wanted.quorum_port, 2888)?, ports(wanted.election_port, 3888)?);
    let lines = (1..=servers + observers).zip(client).zip(quorum.into_iter().zip(election));
    let line = |((id, client), (quorum, election))| {
        let peer_type = if id > servers { PeerType::Observer } else { PeerType::Participant };
        let here = |port| HostPort::new("127.0.0.1", port);
        let (quorum, election) = (vec![here(quorum)], vec![here(election)]);
        (ServerId(id), ServerLine { quorum, election, peer_type, client: Some(here(client)) })
    };
    Ok(lines.map(line).collect())
}

/// Writes a server's zoo.cfg and, unless they are there, its data directory and `myid`.
pub(super) fn write(
    directory: &Path,
    id: ServerId,
    settings: &str,
    lines: &BTreeMap<ServerId, ServerLine>,
) -> Result<(), Failure> {
    let data = folder(directory, id).join("data");
    fs::create_dir_all(&data).map_err(|error| unusable(&data, &error))?;
    let mut text = format!("# Server {} of a cluster that zabkeeper has made.\n{settings}", id.0);
    text += &format!("dataDir={}\n", escaped(&data.display().to_string()));
    let voters = lines.values().filter(|line| line.peer_type == PeerType::Participant).count();
    if voters == 1 {
        text += "standaloneEnabled=false\n";
    }
    for (id, line) in lines {
        text += &format!("server.{}={line}\n", id.0);
    }
    let (my_id, config) = (data.join("myid"), config_file(directory, id));
    fs::write(&my_id, format!("{}\n", id.0)).map_err(|error| unusable(&my_id, &error))?;
    fs::write(&config, text).map_err(|error| unusable(&config, &error))
}

/// As the value of a property.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(b'\\') => escaped += "\\\\",
            Ok(byte) if byte.is_ascii() && !byte.is_ascii_control() => escaped.push(char::from(byte)),
            _ => escaped += &format!("\\u{unit:04x}"),
        }
    }
    escaped
}

fn folder(directory: &Path, id: ServerId) -> PathBuf {
    directory.join(id.0.to_string())
}

fn config_file(directory: &Path, id: ServerId) -> PathBuf {
    folder(directory, id).join("zoo.cfg")
}

/// Keeps a second command out of the directory, which is made if it is missing.
pub(super) fn lock(directory: &Path) -> Result<Option<File>, Failure> {
    fs::create_dir_all(directory).map_err(|error| unusable(directory, &error))?;
    OperatingSystem.lock_directory(directory).map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => Failure {
            exit: Exit::DataDirectory,
            sentence: format!("{}: another zabkeeper cluster runs here", directory.display()),
        },
        _ => unusable(directory, &error),
    })
}

pub(super) fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure { exit: Exit::DataDirectory, sentence: format!("{}: cannot be used: {error}", path.display()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::properties;

    #[test]
    fn an_escaped_value_is_read_as_it_was() {
        for text in ["/a b/c", "C:\\x\\u0041", "/tmp/ü/漢/🦀", " x"] {
            let file = format!("dataDir=/{}\n", escaped(text));
            assert_eq!(properties::parse(file.as_bytes()).expect("properties")[0].value, format!("/{text}"));
        }
    }
}

//! `config`, `reconfig`, `sync`.

use super::Notes;
use crate::config::{ServerLine, properties};
use crate::shell::grammar::{Grammar, flag, valued};
use crate::shell::print;
use crate::shell::refusal::{Refusal, check_path};
use crate::shell::session::{About, Session};
use std::collections::BTreeMap;
use std::time::Duration;
use zab::tree::path::CONFIG;

/// How long `sync` waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// `config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetConfig {
    shows_clients: bool,
    watches: bool,
    shows_stat: bool,
}

impl GetConfig {
    pub const GRAMMAR: Grammar = Grammar::new(
        "config",
        "[-c] [-w] [-s]",
        &[flag("s", "stats"), flag("w", "watch"), flag("c", "client connection string")],
        0,
    );

    pub fn parse(words: &[String], _: &mut Notes) -> Result<GetConfig, Refusal> {
        let parsed = GetConfig::GRAMMAR.parse(words)?;
        let [shows_clients, watches, shows_stat] = ["c", "w", "s"].map(|name| parsed.has(name));
        Ok(GetConfig { shows_clients, watches, shows_stat })
    }

    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        let (data, stat) = if self.watches {
            let (read, watch) = session.client.get_config_and_watch().await.about(CONFIG)?;
            session.listener.once(CONFIG, crate::client::WatcherType::Data, watch);
            read
        } else {
            session.client.get_config().await.about(CONFIG)?
        };
        let text = String::from_utf8_lossy(&data).into_owned();
        session.screen.line(if self.shows_clients { clients(&text) } else { text });
        if self.shows_stat {
            session.screen.line(print::stat(&stat));
        }
        Ok(())
    }
}

/// The version of a configuration and where its servers listen for clients (`ConfigUtils.getClientConfigStr`). What
/// is no server is left out.
fn clients(configuration: &str) -> String {
    let (mut version, mut addresses) = (String::new(), Vec::new());
    for property in properties::parse(configuration.as_bytes()).unwrap_or_default() {
        if property.key == "version" {
            version = property.value;
        } else if property.key.starts_with("server.") {
            let client = ServerLine::parse(&property.value).ok().and_then(|line| line.client);
            addresses.extend(client.map(|client| client.to_string()));
        }
    }
    format!("{version} {}", addresses.join(","))
}

/// `reconfig`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconfigure {
    joining: Option<String>,
    leaving: Option<String>,
    members: Option<String>,
    from: Option<i64>,
    shows_stat: bool,
}

impl Reconfigure {
    pub const GRAMMAR: Grammar = Grammar::new(
        "reconfig",
        "[-s] [-v version] [[-file path] | [-members serverID=host:port1:port2;port3[,...]*]] | \
         [-add serverId=host:port1:port2;port3[,...]]* [-remove serverId[,...]*]",
        &[
            flag("s", "stats"),
            valued("v", "required current config version"),
            valued("file", "path of config file to parse for membership"),
            valued("members", "comma-separated list of config strings for non-incremental reconfig"),
            valued("add", "comma-separated list of config strings for new servers"),
            valued("remove", "comma-separated list of server IDs to remove"),
        ],
        0,
    );

    pub fn parse(words: &[String], _: &mut Notes) -> Result<Reconfigure, Refusal> {
        let parsed = Reconfigure::GRAMMAR.parse(words)?;
        let (file, value) = (parsed.value("file"), |name| parsed.value(name).map(str::to_lowercase));
        let (joining, leaving, members) = (value("add"), value("remove"), value("members"));
        let (by_difference, as_a_whole) = (joining.is_some() || leaving.is_some(), file.is_some() || members.is_some());
        if !by_difference && !as_a_whole {
            return Err(Refusal::new(Reconfigure::GRAMMAR.usage()));
        }
        let no_version = |_| Refusal::new("-v must be followed by a long (configuration version)");
        let from = parsed.value("v").map(|text| i64::from_str_radix(text, 16).map_err(no_version)).transpose()?;
        if by_difference && as_a_whole {
            return Err(Refusal::new(
                "Can't use -file or -members together with -add or -remove (mixing incremental and non-incremental \
                 modes is not allowed)",
            ));
        }
        if file.is_some() && members.is_some() {
            let sentence = "Can't use -file and -members together (conflicting non-incremental modes)";
            return Err(Refusal::new(sentence));
        }
        let members = file.map(members_of).transpose()?.or(members);
        Ok(Reconfigure { joining, leaving, members, from, shows_stat: parsed.has("s") })
    }

    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        let Reconfigure { joining, leaving, members, from, shows_stat } = &self;
        let reconfigured = session.client.reconfig(joining.as_deref(), leaving.as_deref(), members.as_deref(), *from);
        let (configuration, stat) = reconfigured.await.without_path()?;
        session.screen.line(format!("Committed new configuration:\n{}", String::from_utf8_lossy(&configuration)));
        if *shows_stat {
            session.screen.line(print::stat(&stat));
        }
        Ok(())
    }
}

/// The ensemble that a file names, as `QuorumVerifier.toString` writes it. The servers check it again.
fn members_of(file: &str) -> Result<String, Refusal> {
    let processing = |why: String| Refusal::new(format!("Error processing {file}: {why}"));
    let text = std::fs::read(file).map_err(|error| processing(error.to_string()))?;
    members(&text).map_err(processing)
}

fn members(text: &[u8]) -> Result<String, String> {
    let (mut servers, mut others, mut version) = (BTreeMap::new(), BTreeMap::new(), "0".to_owned());
    for property in properties::parse(text).map_err(|error| error.to_string())? {
        if let Some(id) = property.key.strip_prefix("server.") {
            let id: i64 = id.parse().map_err(|_| format!("{} names no server", property.key))?;
            let line = ServerLine::parse(&property.value).map_err(|wrong| format!("server.{id}: {wrong}"))?;
            servers.insert(id, line.to_string());
        } else if property.key.starts_with("group") || property.key.starts_with("weight") {
            others.insert(property.key, property.value);
        } else if property.key == "version" {
            version = property.value;
        } else {
            return Err(format!("unrecognised parameter {}", property.key));
        }
    }
    if servers.is_empty() {
        return Err("it names no server".to_owned());
    }
    let servers = servers.into_iter().map(|(id, line)| format!("server.{id}={line}\n"));
    let others = others.into_iter().map(|(key, value)| format!("{key}={value}\n"));
    Ok(servers.chain(others).collect::<String>() + "version=" + &version)
}

/// `sync`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sync {
    path: String,
}

impl Sync {
    pub const GRAMMAR: Grammar = Grammar::plain("sync", "path", 1);

    pub fn parse(words: &[String], _: &mut Notes) -> Result<Sync, Refusal> {
        Ok(Sync { path: Sync::GRAMMAR.parse(words)?.argument(0).to_owned() })
    }

    /// That it failed is said, but, as in Java, no failure.
    pub async fn run(self, session: &Session) -> Result<(), Refusal> {
        check_path(&self.path)?;
        let synced = tokio::time::timeout(PATIENCE, session.client.sync(&self.path)).await;
        let synced = synced.map_err(|_| Refusal::new(format!("sync had no answer within {} s", PATIENCE.as_secs())))?;
        session.screen.line(match synced.as_ref().map_err(|error| error.code()) {
            Ok(()) => "Sync is OK".to_owned(),
            Err(Some(code)) => format!("Sync has failed. rc={}", code.number()),
            Err(None) => return synced.about(&self.path),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_clients_connect_is_read_from_a_configuration() {
        let text = "server.1=a:2888:3888:participant;0.0.0.0:2181\nserver.2=[::1]:1:2:observer;[::1]:3\nversion=1a";
        assert_eq!(clients(text), "1a 0.0.0.0:2181,[::1]:3");
        assert_eq!(clients("server.1=a:2888:3888\nx=y"), " ");
        assert_eq!(clients(""), " ");
    }

    #[test]
    fn an_ensemble_is_read_from_a_file() {
        let text = b"server.10=b:1:2;3\nserver.2=a:1:2:observer;h:3\ngroup.1=2:10\nweight.2=0\nversion=ff";
        let expected = "server.2=a:1:2:observer;h:3\nserver.10=b:1:2:participant;0.0.0.0:3\ngroup.1=2:10\nweight.2=0\n\
                        version=ff";
        assert_eq!(members(text).as_deref(), Ok(expected));
        for wrong in ["", "server.x=a:1:2", "server.1=a", "tickTime=3", "\\u12"] {
            assert!(members(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}

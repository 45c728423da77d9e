//! What must hold for a configuration as a whole (`QuorumPeerConfig.parseProperties` and what it calls).

use super::error::{ConfigError, Warning};
use super::my_id;
use super::read::Settings;
use super::servers::{HostPort, ServerLine};
use super::settings::{Config, PeerType};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Completes the configuration and refuses what does not fit together.
pub(super) fn check(config: &mut Config, settings: &Settings) -> Result<(), ConfigError> {
    directories(config)?;
    if settings.contains_key("clientPortAddress") && !settings.contains_key("clientPort") {
        return Err(whole(config, "clientPortAddress is set but clientPort is not"));
    }
    if config.min_session_timeout > config.max_session_timeout {
        return Err(whole(config, "minSessionTimeout must not be larger than maxSessionTimeout"));
    }
    at_least(config, settings, "autopurge.snapRetainCount", 3, |config| &mut config.storage.snap_retain_count);
    at_least(config, settings, "snapCount", 2, |config| &mut config.storage.snap_count);
    at_least(config, settings, "commitLogCount", 500, |config| &mut config.storage.commit_log_count);
    members(config)?;
    config.quorum.my_id = my_id::read(&config.data_dir)?;
    peer_type(config, settings);
    client(config)?;
    if config.quorum.is_distributed() {
        distributed(config, settings)?;
    } else if config.read_only_mode {
        warn(config, "readonlymode.enabled has no effect: a standalone server is never without its leader");
    }
    Ok(())
}

fn whole(config: &Config, sentence: impl Into<String>) -> ConfigError {
    ConfigError::Whole { place: config.place.clone(), sentence: sentence.into() }
}

fn warn(config: &mut Config, sentence: impl Into<String>) {
    let place = config.place.clone();
    config.warnings.push(Warning { place, sentence: sentence.into() });
}

fn directories(config: &mut Config) -> Result<(), ConfigError> {
    if config.data_dir.as_os_str().is_empty() {
        return Err(whole(config, "dataDir is not set"));
    }
    if config.data_log_dir.as_os_str().is_empty() {
        config.data_log_dir = config.data_dir.clone();
    }
    Ok(())
}

/// Raises a number that Java raises too, and says so.
fn at_least(config: &mut Config, settings: &Settings, key: &str, least: u32, field: fn(&mut Config) -> &mut u32) {
    let number = field(config);
    if *number < least {
        *number = least;
        let place = settings.get(key).map_or(config.place.clone(), |setting| setting.place.clone());
        config.warnings.push(Warning { place, sentence: format!("{key} must be at least {least}; {least} it is") });
    }
}

/// The list of servers as a whole (`QuorumPeerConfig.parseDynamicConfig`, `QuorumHierarchical.parse`).
fn members(config: &mut Config) -> Result<(), ConfigError> {
    let (voters, observers) = (config.quorum.voters().count(), config.quorum.observers().count());
    let several = |line: &ServerLine| line.quorum.len() > 1;
    let with_several = config.quorum.servers.iter().find(|(_, line)| several(line)).map(|(id, _)| id.0);
    if let Some(id) = with_several.filter(|_| !config.quorum.multi_address_enabled) {
        return Err(whole(config, format!("server.{id} lists several addresses; multiAddress.enabled=true allows it")));
    }
    addresses(config)?;
    let hierarchical = !config.quorum.groups.is_empty() || !config.quorum.weights.is_empty();
    let outside = config.quorum.voters().find(|id| !config.quorum.groups.contains_key(id));
    if let Some(id) = outside.filter(|_| hierarchical) {
        return Err(whole(config, format!("server.{} is in no group, while others are", id.0)));
    }
    if hierarchical && !config.quorum.is_distributed() {
        warn(config, "group.N and weight.N have no effect: a standalone server is its own quorum");
    }
    match voters {
        0 if observers > 0 => Err(whole(config, "observers without a server that votes make no ensemble")),
        0 if !config.quorum.standalone_enabled => {
            Err(whole(config, "standaloneEnabled=false needs at least one server.N"))
        }
        1 if config.quorum.standalone_enabled && observers > 0 => {
            Err(whole(config, "observers need more than one server that votes, or standaloneEnabled=false"))
        }
        0 => Ok(()),
        1 => {
            if config.quorum.standalone_enabled {
                warn(config, "there is one server.N only: it runs standalone");
            }
            Ok(())
        }
        2 => {
            warn(config, "two servers that vote tolerate no failure; at least three are needed");
            Ok(())
        }
        voters => {
            if voters % 2 == 0 {
                warn(config, "an even number of servers that vote tolerates no more failures than one less");
            }
            Ok(())
        }
    }
}

/// No two servers share a port of a host (`QuorumServer.checkAddressDuplicate`, which Java asks on reconfiguration).
fn addresses(config: &Config) -> Result<(), ConfigError> {
    let mut taken = BTreeMap::new();
    for (id, line) in &config.quorum.servers {
        for address in line.quorum.iter().chain(&line.election) {
            if let Some(other) = taken.insert(address.to_string(), id).filter(|other| *other != id) {
                return Err(whole(config, format!("server.{} and server.{} are both at {address}", other.0, id.0)));
            }
        }
    }
    Ok(())
}

/// The list of servers says who votes, whatever `peerType` says (`QuorumPeerConfig.setupPeerType`, which warns too).
fn peer_type(config: &mut Config, settings: &Settings) {
    let Some(line) = config.quorum.my_id.and_then(|id| config.quorum.servers.get(&id)) else { return };
    let listed = line.peer_type;
    if listed != config.quorum.peer_type {
        config.quorum.peer_type = listed;
        let role = if listed == PeerType::Observer { "an observer" } else { "a participant" };
        let what = match settings.contains_key("peerType") {
            true => "does not fit the list of servers",
            false => "is not set",
        };
        warn(config, format!("peerType {what}; this server is {role}, as listed"));
    }
}

/// Clients connect where `clientPort` or this server's line says; both may say it if they agree.
fn client(config: &mut Config) -> Result<(), ConfigError> {
    let own = config.quorum.my_id.and_then(|id| config.quorum.servers.get(&id));
    let listed = own.and_then(|line| line.client.clone());
    match (&config.client, listed) {
        (None, None) => Err(whole(config, "clientPort is not set")),
        (Some(_), None) => Ok(()),
        (Some(set), Some(listed)) if !agree(set, &listed) => {
            let sentence = format!("clients are to connect to {set}, but to {listed} by the list of servers");
            Err(whole(config, sentence))
        }
        (_, Some(listed)) => {
            config.client = Some(listed);
            Ok(())
        }
    }
}

/// A wildcard agrees with every address of the same port.
fn agree(set: &HostPort, listed: &HostPort) -> bool {
    let address = set.host.as_deref().and_then(|host| host.parse::<IpAddr>().ok());
    let any = set.host.is_none() || address.is_some_and(|address| address.is_unspecified());
    set.port == listed.port && (any || set.host == listed.host)
}

/// What only an ensemble needs.
fn distributed(config: &Config, settings: &Settings) -> Result<(), ConfigError> {
    if config.quorum.init_limit == 0 {
        return Err(whole(config, "initLimit is not set, and an ensemble needs it"));
    }
    if config.quorum.sync_limit == 0 {
        return Err(whole(config, "syncLimit is not set, and an ensemble needs it"));
    }
    if let Some(setting) = settings.get("reconfigEnabled").filter(|setting| setting.value.eq_ignore_ascii_case("true"))
    {
        return Err(ConfigError::Refused {
            place: setting.place.clone(),
            key: setting.key.clone(),
            value: setting.value.clone(),
            why: "the other servers would rewrite their lists of servers, and this one would not follow",
        });
    }
    my_id::belongs(config)
}

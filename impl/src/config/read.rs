//! From the text of a file and the command line to a [`Config`].

use super::checks::check;
use super::error::{ConfigError, Place, Warning, Wrong};
use super::keys::{FIRST, Source, Treatment, treatment};
use super::overrides::Overrides;
use super::properties::{self, Property};
use super::settings::Config;
use super::value::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One setting on its way in.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) place: Place,
    /// The key as written.
    pub(super) key: String,
    pub(super) value: String,
}

/// The settings that count, by what they set: the key's first name, without `zookeeper.`.
pub(super) type Settings = BTreeMap<String, Setting>;

/// Reads a file; see [`Config::from_file`].
pub(super) fn read(path: &Path, overrides: &Overrides) -> Result<Config, ConfigError> {
    let text = contents(path)?;
    let mut config = Config::unset(Place::File(path.to_owned()));
    config.file = Some(path.to_owned());
    config.initial = String::from_utf8_lossy(&text).into_owned();
    let mut settings = Settings::new();
    collect_file(&mut config, &mut settings, path, &text)?;
    if let Some(dynamic) = settings.remove("dynamicConfigFile") {
        include_dynamic(&mut config, &mut settings, &dynamic)?;
    }
    finish(config, settings, overrides)
}

/// Applies what the command line says, and everything collected.
pub(super) fn finish(mut config: Config, mut settings: Settings, overrides: &Overrides) -> Result<Config, ConfigError> {
    collect_overrides(&mut config, &mut settings, overrides);
    let (first, others): (Vec<_>, Vec<_>) = settings.iter().partition(|(name, _)| FIRST.contains(&name.as_str()));
    for (name, setting) in first.into_iter().chain(others) {
        apply(&mut config, name, setting)?;
    }
    check(&mut config, &settings)?;
    Ok(config)
}

fn contents(path: &Path) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(path).map_err(|source| ConfigError::Unreadable { file: path.to_owned(), source })
}

fn parsed(path: &Path, text: &[u8]) -> Result<Vec<Property>, ConfigError> {
    properties::parse(text).map_err(|source| ConfigError::Syntax { file: path.to_owned(), source })
}

fn collect_file(config: &mut Config, settings: &mut Settings, path: &Path, text: &[u8]) -> Result<(), ConfigError> {
    for property in parsed(path, text)? {
        let place = Place::Line(path.to_owned(), property.line);
        let setting = Setting { place: place.clone(), key: property.key.clone(), value: property.value };
        if let Some(other) = settings.insert(canonical(&property.key), setting) {
            if property.key.starts_with("server.") {
                let sentence = format!("{} is listed a second time, after {}", property.key, other.place);
                return Err(ConfigError::Whole { place, sentence });
            }
            let sentence = format!("{} is given twice; this line counts, not that of {}", property.key, other.place);
            config.warnings.push(Warning { place, sentence });
        }
    }
    Ok(())
}

/// The list of servers in a file of its own (`dynamicConfigFile`, since 3.5); its name may end in a version.
fn include_dynamic(config: &mut Config, settings: &mut Settings, dynamic: &Setting) -> Result<(), ConfigError> {
    let is_member = |key: &str| ["server.", "group", "weight"].iter().any(|start| key.starts_with(start));
    if let Some((key, setting)) = settings.iter().find(|(key, _)| is_member(key)) {
        let sentence = format!("{key} must stand in the file that dynamicConfigFile names, not here");
        return Err(ConfigError::Whole { place: setting.place.clone(), sentence });
    }
    let path = PathBuf::from(&dynamic.value);
    let text = contents(&path)?;
    for property in parsed(&path, &text)? {
        let place = Place::Line(path.clone(), property.line);
        if !is_member(&property.key) {
            let sentence = format!("{} has no place in a dynamic file: it lists servers only", property.key);
            return Err(ConfigError::Whole { place, sentence });
        }
        let setting = Setting { place: place.clone(), key: property.key.clone(), value: property.value };
        if let Some(other) = settings.insert(property.key.clone(), setting) {
            let sentence = format!("{} is listed a second time, after {}", property.key, other.place);
            return Err(ConfigError::Whole { place, sentence });
        }
    }
    let suffix = dynamic.value.rsplit('.').next().unwrap_or_default();
    config.quorum.version = u64::from_str_radix(suffix, 16).unwrap_or(0);
    Ok(())
}

fn collect_overrides(config: &mut Config, settings: &mut Settings, overrides: &Overrides) {
    for (key, value) in &overrides.properties {
        config.system_properties.insert(key.clone(), value.clone());
        if super::keys::is_of_java(key) {
            continue;
        }
        let setting = Setting { place: Place::CommandLine, key: key.clone(), value: value.clone() };
        match settings.insert(canonical(key), setting) {
            Some(other) if other.place != Place::CommandLine && other.value != *value => {
                let sentence = format!("{key}={value} replaces {}={} of {}", other.key, other.value, other.place);
                config.warnings.push(Warning { place: Place::CommandLine, sentence });
            }
            _ => {}
        }
    }
}

/// The name under which a setting is kept, whichever of its names was written.
fn canonical(key: &str) -> String {
    let short = key.strip_prefix("zookeeper.").unwrap_or(key);
    match treatment(short) {
        Treatment::Honoured(honoured) => honoured.name.to_owned(),
        _ => short.to_owned(),
    }
}

fn apply(config: &mut Config, name: &str, setting: &Setting) -> Result<(), ConfigError> {
    let Setting { place, key, value } = setting;
    let wrong =
        |wrong: Wrong| ConfigError::Value { place: place.clone(), key: key.clone(), value: value.clone(), wrong };
    if let Some(set) = config.set_member(name, Value(value)) {
        return set.map_err(wrong);
    }
    let in_file = *place != Place::CommandLine;
    let treatment = treatment(name);
    let of_peer_config = matches!(&treatment, Treatment::Honoured(key) if key.source == Source::File);
    if in_file && !of_peer_config {
        config.system_properties.insert(format!("zookeeper.{key}"), value.clone());
    }
    let sentence = match treatment {
        Treatment::Honoured(honoured) => {
            (honoured.set)(config, Value(value)).map_err(wrong)?;
            match honoured.source {
                Source::Bare if in_file => format!("{key} counts here, but Java reads it from -D{key} only"),
                _ => return Ok(()),
            }
        }
        Treatment::Refused(refused) if refused.when.holds(value) => {
            let (place, key, value) = (place.clone(), key.clone(), value.clone());
            return Err(ConfigError::Refused { place, key, value, why: refused.why });
        }
        Treatment::Refused(_) => return Ok(()),
        Treatment::Ignored(ignored) => format!("{key} has no effect: {}", ignored.why),
        Treatment::Unknown => format!("neither ZooKeeper nor this server knows a setting {key}: it has no effect"),
    };
    config.warnings.push(Warning { place: place.clone(), sentence });
    Ok(())
}

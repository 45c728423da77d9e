//! Every documented key, and what becomes of it: taken over, named in a warning, or refused.

mod honoured;
mod ignored;
mod refused;

use super::error::Wrong;
use super::settings::Config;
use super::value::Value;

pub use honoured::HONOURED;
pub use ignored::IGNORED;
pub use refused::REFUSED;

/// Keys that others build upon, and which are therefore set before them: session timeouts are multiples of ticks, the
/// tolerance of readers is that of packets, and what is not switched on has no address.
pub(super) const FIRST: &[&str] = &["tickTime", "jute.maxbuffer", "admin.enableServer", "metricsProvider.className"];

/// A key that becomes a field of [`Config`].
pub struct Honoured {
    /// The key in `zoo.cfg`.
    pub name: &'static str,
    /// The system property, without `zookeeper.`, where it has another name than the key.
    pub property: Option<&'static str>,
    /// Where Java reads it.
    pub source: Source,
    /// What holds when nothing is said, for the chapter.
    pub default: &'static str,
    pub(super) set: fn(&mut Config, Value<'_>) -> Result<(), Wrong>,
}

/// Where Java reads a key. Here every key is read from both places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `QuorumPeerConfig` takes it from the file.
    File,
    /// A system property `zookeeper.<name>`, which the file can set too.
    Property,
    /// A system property without `zookeeper.`, which Java's file cannot set.
    Bare,
}

/// A key that is known and has no effect here.
pub struct Ignored {
    /// The key; a final `*` stands for anything.
    pub name: &'static str,
    /// Why, as the end of a sentence.
    pub why: &'static str,
}

/// A key that is refused with some values, because to ignore it would be dangerous.
pub struct Refused {
    /// The key; a final `*` stands for anything.
    pub name: &'static str,
    /// With which values.
    pub when: When,
    /// Why, as the end of a sentence.
    pub why: &'static str,
}

/// Values that are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Any.
    Always,
    /// `true` in any case.
    True,
    /// Any but this.
    Not(&'static str),
}

impl When {
    /// Whether this value is refused.
    pub fn holds(self, value: &str) -> bool {
        match self {
            When::Always => true,
            When::True => value.eq_ignore_ascii_case("true"),
            When::Not(only) => !value.eq_ignore_ascii_case(only),
        }
    }
}

/// What becomes of a key.
pub enum Treatment {
    /// A field of [`Config`].
    Honoured(&'static Honoured),
    /// Refused with some values, without effect with the others.
    Refused(&'static Refused),
    /// Known, without effect.
    Ignored(&'static Ignored),
    /// In no documentation.
    Unknown,
}

/// What becomes of a key, given without `zookeeper.`.
pub fn treatment(name: &str) -> Treatment {
    let honoured = HONOURED.iter().find(|key| key.name == name || key.property == Some(name));
    if let Some(key) = honoured {
        return Treatment::Honoured(key);
    }
    if let Some(key) = REFUSED.iter().find(|key| matches(key.name, name)) {
        return Treatment::Refused(key);
    }
    match IGNORED.iter().find(|key| matches(key.name, name)) {
        Some(key) => Treatment::Ignored(key),
        None => Treatment::Unknown,
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => pattern == name,
    }
}

/// System properties of Java itself and of its loggers, which scripts pass and which mean nothing here.
pub fn is_of_java(property: &str) -> bool {
    let beginnings = ["java.", "javax.", "jdk.", "sun.", "com.sun.", "com.ibm.", "user.", "file.", "log4j", "logback"];
    let exact = ["zookeeper.log.dir", "zookeeper.log.file", "zookeeper.root.logger", "zookeeper.log.threshold"];
    beginnings.iter().any(|beginning| property.starts_with(beginning)) || exact.contains(&property)
}

/// The table of the chapter: one row for each key.
pub fn markdown_table() -> String {
    let mut rows = vec!["| key | default | here |".to_owned(), "|---|---|---|".to_owned()];
    for key in HONOURED {
        let also = key.property.map(|property| format!(" (`-Dzookeeper.{property}`)")).unwrap_or_default();
        rows.push(format!("| `{}`{also} | {} | honoured |", key.name, key.default));
    }
    rows.push("| `server.N`, `group.N`, `weight.N` | | honoured |".to_owned());
    for key in REFUSED {
        let when = match key.when {
            When::Always => "refused".to_owned(),
            When::True => "refused when `true`".to_owned(),
            When::Not(only) => format!("refused unless `{only}`"),
        };
        rows.push(format!("| `{}` | | {when}: {} |", key.name, key.why));
    }
    rows.extend(IGNORED.iter().map(|key| format!("| `{}` | | no effect: {} |", key.name, key.why)));
    rows.join("\n") + "\n"
}

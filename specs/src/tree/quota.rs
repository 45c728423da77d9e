//! Quotas: how much may stand below a path, and what is counted (Java's `StatsTrack`, `Quotas`, and
//! `ZooKeeperServer.checkQuota`).
//!
//! Below `/zookeeper/quota` stands, for each path with a quota, a znode with the limits and one with the count. Every
//! server keeps the count itself as it applies transactions; so only the leader's committed tree is asked here, and
//! what is outstanding is not counted: a burst may pass a hard limit, in Java as well.

use super::path;
use super::state::Tree;
use std::collections::BTreeMap;
use std::fmt;

/// Where quotas stand.
pub const ROOT: &str = path::QUOTA;
/// The name of the znode with the limits.
pub const LIMITS: &str = "zookeeper_limits";
/// The name of the znode with the count.
pub const STATS: &str = "zookeeper_stats";

/// Where the limits of this path stand.
#[must_use]
pub fn limits_path(path: &str) -> String {
    format!("{ROOT}{path}/{LIMITS}")
}

/// Where the count of this path stands.
#[must_use]
pub fn stats_path(path: &str) -> String {
    format!("{ROOT}{path}/{STATS}")
}

/// The longest of this path and those above it that has a quota (`DataTree.getMaxPrefixWithQuota`, `PathTrie`). The
/// root has none.
#[must_use]
pub fn limited<'a>(tree: &Tree, path: &'a str) -> Option<&'a str> {
    // Nearly every tree has no quota at all.
    tree.node(ROOT).filter(|quotas| quotas.children > 0)?;
    let mut above = path;
    while !above.is_empty() && above != path::ROOT {
        if tree.node(&limits_path(above)).is_some() {
            return Some(above);
        }
        above = path::parent(above);
    }
    None
}

/// A limit that would be passed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Exceeded {
    /// The path with the quota.
    pub path: String,
    /// Of what there would be too much.
    pub what: Measure,
    /// How much there would be.
    pub amount: i64,
    /// How much there may be.
    pub limit: i64,
    /// Whether that is refused.
    pub hard: bool,
}

/// What quotas limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Znodes, with the one that has the quota.
    Count,
    /// Bytes of their data.
    Bytes,
}

impl fmt::Display for Exceeded {
    /// As Java logs it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, limit) = match self.what {
            Measure::Count => ("count", "CountLimit"),
            Measure::Bytes => ("bytes", "ByteLimit"),
        };
        let hard = if self.hard { "hard" } else { "soft" };
        let Exceeded { path, amount, limit: most, .. } = self;
        write!(formatter, "Quota exceeded: {path} [current {what}={amount}, {hard}{limit}={most}]")
    }
}

/// What so many more znodes and bytes at this path would exceed (`ZooKeeperServer.checkQuota`). Behind a hard limit
/// Java looks no further, so that is the last. A measure that does not change is not looked at, and where there is a
/// hard limit the soft one is not.
///
/// # Errors
///
/// Where limits or counts cannot be read.
pub fn check(tree: &Tree, path: &str, count: i64, bytes: i64) -> Result<Vec<Exceeded>, Unreadable> {
    let Some(path) = limited(tree, path) else { return Ok(Vec::new()) };
    let Some(limits) = tree.node(&limits_path(path)) else { return Ok(Vec::new()) };
    let limits = StatsTrack::parse(limits.data())?;
    let measures = [
        (Measure::Count, count, limits.count(), limits.count_hard_limit()),
        (Measure::Bytes, bytes, limits.bytes(), limits.byte_hard_limit()),
    ];
    let limited = measures.into_iter().filter(|(_, more, soft, hard)| *more != 0 && (*soft > -1 || *hard > -1));
    let mut limited = limited.peekable();
    let Some(used) = limited.peek().and_then(|_| tree.node(&stats_path(path))) else { return Ok(Vec::new()) };
    let used = StatsTrack::parse(used.data())?;
    let mut exceeded = Vec::new();
    for (what, more, soft, hard) in limited {
        let used = if what == Measure::Count { used.count() } else { used.bytes() };
        let (limit, is_hard, amount) = (if hard > -1 { hard } else { soft }, hard > -1, used.wrapping_add(more));
        if amount > limit {
            exceeded.push(Exceeded { path: path.to_owned(), what, amount, limit, hard: is_hard });
            if is_hard {
                break;
            }
        }
    }
    Ok(exceeded)
}

/// The text of limits or of a count: `count=3,bytes=100`, and for the two hard limits
/// `count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=5`. −1 means that there is no limit. Keys that are not known
/// are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct StatsTrack(BTreeMap<String, i64>);

impl StatsTrack {
    /// What these data of a znode say. Empty data are a track without limits.
    ///
    /// # Errors
    ///
    /// Where Java throws: no data at all, a key without a value, a value that is no number of 64 bits.
    pub fn parse(data: Option<&[u8]>) -> Result<StatsTrack, Unreadable> {
        let text = String::from_utf8_lossy(data.ok_or(Unreadable)?);
        let mut values = BTreeMap::new();
        // Java's split: any run of separators is one, and what is empty at the end is dropped. At the start it is not.
        let inner = text.trim_end_matches([',', ';']);
        if inner.is_empty() {
            return Ok(StatsTrack(values));
        }
        let mut pairs = inner.split([',', ';']).enumerate().filter(|(at, pair)| *at == 0 || !pair.is_empty());
        pairs.try_for_each(|(_, pair)| {
            let mut words = pair.trim_end_matches('=').split('=');
            let (key, value) = (words.next().ok_or(Unreadable)?, words.next().ok_or(Unreadable)?);
            let value = if value.is_empty() { "-1" } else { value };
            values.insert(key.to_owned(), value.parse().map_err(|_| Unreadable)?);
            Ok(())
        })?;
        Ok(StatsTrack(values))
    }

    /// Znodes: a soft limit, or a count. −1 if there is none.
    #[must_use]
    pub fn count(&self) -> i64 {
        self.value("count")
    }

    /// Bytes of data: a soft limit, or a count. −1 if there is none.
    #[must_use]
    pub fn bytes(&self) -> i64 {
        self.value("bytes")
    }

    /// Znodes: a hard limit. −1 if there is none.
    #[must_use]
    pub fn count_hard_limit(&self) -> i64 {
        self.value("countHardLimit")
    }

    /// Bytes of data: a hard limit. −1 if there is none.
    #[must_use]
    pub fn byte_hard_limit(&self) -> i64 {
        self.value("byteHardLimit")
    }

    /// Counts so many more znodes and bytes of data (`DataTree.updateQuotaStat`), starting from −1 where nothing was
    /// counted, as Java does.
    pub fn add(&mut self, count: i64, bytes: i64) {
        self.0.insert("count".to_owned(), self.count().wrapping_add(count));
        self.0.insert("bytes".to_owned(), self.bytes().wrapping_add(bytes));
    }

    fn value(&self, key: &str) -> i64 {
        self.0.get(key).copied().unwrap_or(-1)
    }
}

impl fmt::Display for StatsTrack {
    /// Java's text, to the byte: it is data of a znode. The odd `=` after the bytes ends what readers before 3.7 see.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "count={},bytes={}", self.count(), self.bytes())?;
        let mut others = self.0.iter().filter(|(key, _)| !matches!(key.as_str(), "count" | "bytes")).peekable();
        if others.peek().is_some() {
            formatter.write_str("=")?;
        }
        others.try_for_each(|(key, value)| write!(formatter, ";{key}={value}"))
    }
}

/// The data of a znode below `/zookeeper/quota` do not have the form of limits or counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a quota that is not of the form count=…,bytes=…")
    }
}

impl std::error::Error for Unreadable {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<StatsTrack, Unreadable> {
        StatsTrack::parse(Some(text.as_bytes()))
    }

    /// What the text means, as Java prints it.
    fn printed(text: &str) -> String {
        parse(text).map_or_else(|error| error.to_string(), |track| track.to_string())
    }

    #[test]
    fn the_text_is_javas() {
        let unreadable = "a quota that is not of the form count=…,bytes=…";
        let cases = [
            ("", "count=-1,bytes=-1"),
            ("count=5", "count=5,bytes=-1"),
            ("count=5,bytes=7", "count=5,bytes=7"),
            (
                "count=5,bytes=7=;countHardLimit=10;byteHardLimit=20",
                "count=5,bytes=7=;byteHardLimit=20;countHardLimit=10",
            ),
            ("bytes==5,count=+3", "count=3,bytes=-1"),
            ("other=1;;,count=2,,;", "count=2,bytes=-1=;other=1"),
            ("count=1,count=2", "count=2,bytes=-1"),
            (";", "count=-1,bytes=-1"),
            ("=5", "count=-1,bytes=-1=;=5"),
            (",count=1", unreadable),
            ("count", unreadable),
            ("count=", unreadable),
            ("count==", unreadable),
            ("count=1,=", unreadable),
            ("count=one", unreadable),
            ("count= 1", unreadable),
            ("count=9223372036854775808", unreadable),
        ];
        for (text, expected) in cases {
            assert_eq!(printed(text), expected, "{text:?}");
        }
        assert_eq!(StatsTrack::parse(None), Err(Unreadable));
    }

    #[test]
    fn counting_starts_from_what_is_there() {
        let mut track = parse("count=5,bytes=7=;byteHardLimit=20").expect("a track");
        track.add(1, -3);
        assert_eq!(track.to_string(), "count=6,bytes=4=;byteHardLimit=20");
        let mut empty = StatsTrack::default();
        empty.add(1, 10);
        assert_eq!(empty.to_string(), "count=0,bytes=9", "Java counts from -1 where nothing was counted");
    }

    proptest::proptest! {
        #[test]
        fn any_data_are_read_or_refused(data: Vec<u8>, pairs in "([a-z]{0,5}=?-?[0-9]{0,3}[,;=]{0,2}){0,5}") {
            let _ = StatsTrack::parse(Some(&data));
            if let Ok(track) = parse(&pairs) {
                let again = parse(&track.to_string());
                proptest::prop_assert_eq!(again.map(|track| track.to_string()), Ok(track.to_string()));
            }
        }
    }
}

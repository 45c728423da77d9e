//! The names of the files, and the numbers in them (Java's `Util`).

use zab::Zxid;

/// How a snapshot is compressed: its name says so (`SnapStream.StreamMode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compression {
    /// Not at all.
    #[default]
    Plain,
    /// `.gz`.
    Gzip,
    /// `.snappy`, in the frames of the Java library snappy-java.
    Snappy,
}

impl Compression {
    /// What a snapshot's name ends with.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Compression::Plain => "",
            Compression::Gzip => ".gz",
            Compression::Snappy => ".snappy",
        }
    }
}

/// `log.<zxid in hexadecimal>`, by its first transaction.
#[must_use]
pub fn log_name(first: Zxid) -> String {
    format!("log.{:x}", first.0)
}

/// The first transaction of the log with this name; `None` for every other name.
#[must_use]
pub fn log_zxid(name: &str) -> Option<Zxid> {
    hexadecimal(name.strip_prefix("log.")?)
}

/// `snapshot.<zxid in hexadecimal>[.gz|.snappy]`, by the last transaction in it.
#[must_use]
pub fn snapshot_name(last: Zxid, compression: Compression) -> String {
    format!("snapshot.{:x}{}", last.0, compression.suffix())
}

/// The last transaction of the snapshot with this name, and how it is compressed; `None` for every other name.
///
/// Stricter than Java, which takes `snapshot.5.tmp` and `snapshot.5.old` for snapshots as well.
#[must_use]
pub fn snapshot_zxid(name: &str) -> Option<(Zxid, Compression)> {
    let rest = name.strip_prefix("snapshot.")?;
    let (number, compression) = match rest.split_once('.') {
        None => (rest, Compression::Plain),
        Some((number, "gz")) => (number, Compression::Gzip),
        Some((number, "snappy")) => (number, Compression::Snappy),
        Some(_) => return None,
    };
    Some((hexadecimal(number)?, compression))
}

/// The name under which a snapshot is written until it is whole. It begins otherwise than a snapshot's, so that a
/// Java server, which would accept `snapshot.5.tmp`, passes it over.
#[must_use]
pub fn unfinished_snapshot_name(last: Zxid) -> String {
    format!("{UNFINISHED}{:x}", last.0)
}

/// Whether this is the name of a snapshot that was never finished.
#[must_use]
pub fn is_unfinished_snapshot(name: &str) -> bool {
    name.starts_with(UNFINISHED)
}

const UNFINISHED: &str = "unfinished-snapshot.";

/// Java parses a signed number, so the highest bit is never set.
fn hexadecimal(digits: &str) -> Option<Zxid> {
    let all = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number = u64::from_str_radix(digits, 16).ok().filter(|_| all)?;
    (number <= i64::MAX as u64).then_some(Zxid(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        assert_eq!(log_name(Zxid(0x1_0000_00ab)), "log.1000000ab");
        assert_eq!(log_zxid("log.1000000ab"), Some(Zxid(0x1_0000_00ab)));
        assert_eq!(snapshot_name(Zxid(10), Compression::Gzip), "snapshot.a.gz");
        assert_eq!(snapshot_zxid("snapshot.a"), Some((Zxid(10), Compression::Plain)));
        assert_eq!(snapshot_zxid("snapshot.A.snappy"), Some((Zxid(10), Compression::Snappy)));
        assert!(is_unfinished_snapshot(&unfinished_snapshot_name(Zxid(10))));
    }

    #[test]
    fn other_names() {
        for name in ["log", "log.", "log.+5", "log.-1", "log.5.tmp", "log.ffffffffffffffff", "logs.5", "catalog.5"] {
            assert_eq!(log_zxid(name), None, "{name}");
        }
        for name in ["snapshot.5.tmp", "snapshot.5.gz.tmp", "snapshot.", "snapshot.x", "unfinished-snapshot.5"] {
            assert_eq!(snapshot_zxid(name), None, "{name}");
        }
    }
}

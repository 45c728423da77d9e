//! What the shell prints, in Java's formats.
//!
//! *Java:* `StatPrinter`, the commands themselves, `WatchedEvent.toString`, `ZKUtil.getPermString`, `ByteBufUtil` of
//! Netty for the dump of bytes, `Record.toString` for identities in ACLs.

use crate::java_text;
use crate::wire::{EventType, KeeperState};
use std::fmt::Write;
use zab::tree::{Acl, Perms, Stat};

/// The eleven lines about a znode, without an end of line behind the last. Times are in UTC (Java's are in its own
/// time zone).
pub fn stat(stat: &Stat) -> String {
    let kept = &stat.persisted;
    [
        format!("cZxid = 0x{:x}", kept.czxid.0),
        format!("ctime = {}", java_text::date(kept.ctime)),
        format!("mZxid = 0x{:x}", kept.mzxid.0),
        format!("mtime = {}", java_text::date(kept.mtime)),
        format!("pZxid = 0x{:x}", kept.pzxid.0),
        format!("cversion = {}", kept.cversion),
        format!("dataVersion = {}", kept.version),
        format!("aclVersion = {}", kept.aversion),
        format!("ephemeralOwner = 0x{:x}", kept.ephemeral_owner),
        format!("dataLength = {}", stat.data_length),
        format!("numChildren = {}", stat.num_children),
    ]
    .join("\n")
}

/// `[a, b]`.
pub fn list(items: &[String]) -> String {
    format!("[{}]", items.join(", "))
}

/// Who may do what, an entry on two lines: `'world,'anyone` and `: cdrwa`.
pub fn acl(acl: &[Acl]) -> String {
    let entry = |entry: &Acl| {
        format!("'{},'{}\n: {}", escaped(&entry.id.scheme), escaped(&entry.id.id), permissions(entry.perms))
    };
    acl.iter().map(entry).collect::<Vec<_>>().join("\n")
}

fn permissions(perms: Perms) -> String {
    let letters =
        [(Perms::CREATE, 'c'), (Perms::DELETE, 'd'), (Perms::READ, 'r'), (Perms::WRITE, 'w'), (Perms::ADMIN, 'a')];
    letters.into_iter().filter(|(perm, _)| perms.intersects(*perm)).map(|(_, letter)| letter).collect()
}

/// As jute's `toCSVString`.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\0' | '\n' | '\r' | '%' | ',' | '}' => {
                let _ = write!(escaped, "%{:02X}", u32::from(character));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// An event as Java's shell prints it, between empty lines. `path` is none where only the connection changed; `zxid`
/// is −1 where no transaction caused it, and from servers before 3.9.
pub fn event(kind: EventType, state: KeeperState, path: Option<&str>, zxid: i64) -> String {
    let path = path.unwrap_or("null");
    format!("\nWATCHER::\n\nWatchedEvent state:{state:?} type:{kind:?} path:{path} zxid: {zxid}")
}

/// Bytes in rows of 16, with what they are in ASCII. Empty for none.
pub fn hex_dump(data: &[u8]) -> String {
    const HEAD: &str = "         +-------------------------------------------------+
         |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |";
    const RULE: &str = "+--------+-------------------------------------------------+----------------+";
    if data.is_empty() {
        return String::new();
    }
    let mut dump = format!("{HEAD}\n{RULE}");
    for (row, bytes) in data.chunks(16).enumerate() {
        let hex: String = bytes.iter().map(|byte| format!(" {byte:02x}")).collect();
        let shown = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' };
        let ascii: String = bytes.iter().map(shown).collect();
        let _ = write!(dump, "\n|{:08x}|{hex:48} |{ascii:16}|", row * 16);
    }
    format!("{dump}\n{RULE}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use zab::Zxid;
    use zab::tree::{Id, StatPersisted};

    #[test]
    fn a_stat_is_eleven_lines() {
        let kept = StatPersisted {
            czxid: Zxid(0x1_0000_000a),
            mzxid: Zxid(0x1_0000_000b),
            pzxid: Zxid(0x1_0000_000c),
            ctime: 0,
            mtime: 1_795_375_001_030,
            version: 1,
            cversion: 2,
            aversion: 3,
            ephemeral_owner: i64::MIN,
        };
        let expected = "cZxid = 0x10000000a
ctime = Thu Jan 01 00:00:00 UTC 1970
mZxid = 0x10000000b
mtime = Sun Nov 22 19:16:41 UTC 2026
pZxid = 0x10000000c
cversion = 2
dataVersion = 1
aclVersion = 3
ephemeralOwner = 0x8000000000000000
dataLength = 4
numChildren = 5";
        assert_eq!(stat(&Stat { persisted: kept, data_length: 4, num_children: 5 }), expected);
    }

    #[test]
    fn an_acl_is_two_lines_an_entry() {
        let odd = Acl { perms: Perms(0b1_0001), id: Id::new("digest", "a,b%}\n") };
        let both = [Acl::open(), vec![odd]].concat();
        assert_eq!(acl(&both), "'world,'anyone\n: cdrwa\n'digest,'a%2Cb%25%7D%0A\n: ra");
    }

    #[test]
    fn an_event_is_javas() {
        let changed = event(EventType::NodeDataChanged, KeeperState::SyncConnected, Some("/a"), 4_294_967_317);
        let expected = "WatchedEvent state:SyncConnected type:NodeDataChanged path:/a zxid: 4294967317";
        assert_eq!(changed, format!("\nWATCHER::\n\n{expected}"));
        let lost = event(EventType::None, KeeperState::Disconnected, None, -1);
        assert!(lost.ends_with("WatchedEvent state:Disconnected type:None path:null zxid: -1"));
    }

    /// What Netty 4.1 printed.
    #[test]
    fn a_dump_is_nettys() {
        assert_eq!(hex_dump(b""), "");
        let expected = "         +-------------------------------------------------+
         |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |
+--------+-------------------------------------------------+----------------+
|00000000| 74 68 65 20 71 75 69 63 6b 20 62 72 6f 77 6e 20 |the quick brown |
|00000010| 66 6f 78 00 7f ff 0a                            |fox....         |
+--------+-------------------------------------------------+----------------+";
        assert_eq!(hex_dump(b"the quick brown fox\0\x7f\xff\n"), expected);
    }
}

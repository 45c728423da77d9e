//! The records inside of other records: Stat, ACL, and who a client is.
//!
//! *Java:* `zookeeper.jute`, module `org.apache.zookeeper.data`.

use super::error::WireError;
use super::jute::{Reader, Writer};
use zab::tree::{Acl, Id, Perms, Stat, StatPersisted};

/// One way in which a client is known (`ClientInfo`), as whoAmI tells it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientInfo {
    /// The scheme of authentication.
    pub scheme: String,
    /// The user's name in it; empty where the scheme has none to tell.
    pub user: String,
}

/// The bytes of a Stat.
pub const STAT_LENGTH: usize = 68;

/// The fewest bytes of an ACL's entry: permissions and two lengths.
const SMALLEST_ACL: usize = 12;

/// Writes a Stat, as one run of bytes.
pub fn put_stat(out: &mut impl Writer, stat: &Stat) {
    let (kept, mut bytes) = (&stat.persisted, [0; STAT_LENGTH]);
    bytes[0..8].copy_from_slice(&kept.czxid.0.to_be_bytes());
    bytes[8..16].copy_from_slice(&kept.mzxid.0.to_be_bytes());
    bytes[16..24].copy_from_slice(&kept.ctime.to_be_bytes());
    bytes[24..32].copy_from_slice(&kept.mtime.to_be_bytes());
    bytes[32..36].copy_from_slice(&kept.version.to_be_bytes());
    bytes[36..40].copy_from_slice(&kept.cversion.to_be_bytes());
    bytes[40..44].copy_from_slice(&kept.aversion.to_be_bytes());
    bytes[44..52].copy_from_slice(&kept.ephemeral_owner.to_be_bytes());
    bytes[52..56].copy_from_slice(&stat.data_length.to_be_bytes());
    bytes[56..60].copy_from_slice(&stat.num_children.to_be_bytes());
    bytes[60..68].copy_from_slice(&kept.pzxid.0.to_be_bytes());
    out.put_slice(&bytes);
}

/// Reads a Stat.
///
/// # Errors
/// [`WireError::End`].
pub fn stat(reader: &mut Reader<'_>) -> Result<Stat, WireError> {
    let mut kept = StatPersisted {
        czxid: reader.zxid("czxid")?,
        mzxid: reader.zxid("mzxid")?,
        ctime: reader.long("ctime")?,
        mtime: reader.long("mtime")?,
        version: reader.int("version")?,
        cversion: reader.int("cversion")?,
        aversion: reader.int("aversion")?,
        ephemeral_owner: reader.long("ephemeralOwner")?,
        ..StatPersisted::default()
    };
    let (data_length, num_children) = (reader.int("dataLength")?, reader.int("numChildren")?);
    kept.pzxid = reader.zxid("pzxid")?;
    Ok(Stat { persisted: kept, data_length, num_children })
}

/// Writes a `vector<ACL>`.
pub fn put_acl(out: &mut impl Writer, acl: &[Acl]) {
    out.put_length(acl.len());
    for entry in acl {
        out.put_i32(entry.perms.0);
        out.put_string(&entry.id.scheme);
        out.put_string(&entry.id.id);
    }
}

/// Reads a `vector<ACL>`; `None` is null. A null scheme or id is the empty one: nobody is known by it.
///
/// # Errors
/// As [`Reader::vector`] and [`Reader::string`].
pub fn acl(reader: &mut Reader<'_>) -> Result<Option<Vec<Acl>>, WireError> {
    reader.vector("acl", SMALLEST_ACL, |reader| {
        let perms = Perms(reader.int("perms")?);
        Ok(Acl { perms, id: Id { scheme: reader.string("scheme")?, id: reader.string("id")? } })
    })
}

/// Writes a `vector<ClientInfo>`.
pub fn put_client_infos(out: &mut impl Writer, clients: &[ClientInfo]) {
    out.put_length(clients.len());
    for client in clients {
        out.put_string(&client.scheme);
        out.put_string(&client.user);
    }
}

/// Reads a `vector<ClientInfo>`; null is empty.
///
/// # Errors
/// As [`Reader::vector`] and [`Reader::string`].
pub fn client_infos(reader: &mut Reader<'_>) -> Result<Vec<ClientInfo>, WireError> {
    let clients = reader.vector("clientInfo", 8, |reader| {
        Ok(ClientInfo { scheme: reader.string("authScheme")?, user: reader.string("user")? })
    });
    clients.map(Option::unwrap_or_default)
}

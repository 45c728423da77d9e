//! Who may do what with a znode.

use serde::{Deserialize, Serialize};

/// A set of permissions (`ZooDefs.Perms`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Perms(pub i32);

impl Perms {
    /// To read data and the list of children.
    pub const READ: Perms = Perms(1);
    /// To set data.
    pub const WRITE: Perms = Perms(2);
    /// To create children.
    pub const CREATE: Perms = Perms(4);
    /// To delete children.
    pub const DELETE: Perms = Perms(8);
    /// To set the ACL.
    pub const ADMIN: Perms = Perms(16);
    /// Everything.
    pub const ALL: Perms = Perms(31);

    /// Whether any of `others` is among these.
    #[must_use]
    pub fn intersects(self, others: Perms) -> bool {
        self.0 & others.0 != 0
    }
}

/// Someone, by a scheme of authentication: `world`/`anyone`, `digest`/`user:hash`, `ip`/`10.0.0.0/8`, `auth`/``, …
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Id {
    /// The scheme.
    pub scheme: String,
    /// Who, in the scheme's own words.
    pub id: String,
}

impl Id {
    /// The identity with this scheme and name.
    #[must_use]
    pub fn new(scheme: &str, id: &str) -> Id {
        Id { scheme: scheme.to_owned(), id: id.to_owned() }
    }
}

/// An entry of an access control list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Acl {
    /// What is allowed.
    pub perms: Perms,
    /// To whom.
    pub id: Id,
}

impl Acl {
    /// `world:anyone:cdrwa`: everything to everyone (`OPEN_ACL_UNSAFE`).
    #[must_use]
    pub fn open() -> Vec<Acl> {
        vec![Acl { perms: Perms::ALL, id: Id::new("world", "anyone") }]
    }

    /// `auth::cdrwa`: everything to whom the creator has proven to be, and to nobody else (`CREATOR_ALL_ACL`). A server
    /// refuses it to a client that has proven nothing.
    #[must_use]
    pub fn creator_all() -> Vec<Acl> {
        vec![Acl { perms: Perms::ALL, id: Id::new("auth", "") }]
    }

    /// `world:anyone:r`: everyone may read, and nobody change (`READ_ACL_UNSAFE`).
    #[must_use]
    pub fn read() -> Vec<Acl> {
        vec![Acl { perms: Perms::READ, id: Id::new("world", "anyone") }]
    }
}

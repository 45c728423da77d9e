//! From an ACL as it is asked to one that can be kept.

use crate::tree::acl::{Acl, Id};
use crate::tree::auth::Schemes;
use crate::tree::error::Code;
use std::collections::BTreeSet;

/// The ACL that a znode gets when this one is asked for (`PrepRequestProcessor.fixupACL`): doubles are dropped, every
/// identity must be possible, and `auth` becomes whoever the client has proved to be. That may make new doubles; Java
/// keeps them, and so do we, since the ACL is part of the transaction.
///
/// # Errors
///
/// InvalidAcl where nobody is named, or somebody whom the schemes do not allow, or `auth` by a client that has proved
/// nothing.
pub fn fixup(acls: &[Acl], identities: &[Id], schemes: Schemes) -> Result<Vec<Acl>, Code> {
    let (mut seen, mut fixed) = (BTreeSet::new(), Vec::new());
    for acl in acls.iter().filter(|acl| seen.insert(*acl)) {
        if acl.id.scheme == "auth" {
            let proved = identities.iter().filter(|id| schemes.authenticate(&id.scheme));
            let before = fixed.len();
            fixed.extend(proved.map(|id| Acl { perms: acl.perms, id: id.clone() }));
            if fixed.len() == before {
                return Err(Code::InvalidAcl);
            }
        } else if (acl.id.scheme == "world" && acl.id.id == "anyone") || schemes.may_name(&acl.id) {
            fixed.push(acl.clone());
        } else {
            return Err(Code::InvalidAcl);
        }
    }
    if fixed.is_empty() { Err(Code::InvalidAcl) } else { Ok(fixed) }
}

#![doc = include_str!("prepare.md")]

mod acls;
mod create;
mod multi;
mod session;
mod znode;

pub use acls::fixup;

use super::acl::{Acl, Id, Perms};
use super::auth::Schemes;
use super::error::Code;
use super::operation::{Change, OpCode};
use super::outlook::{Outlook, Prospect};
use super::stat::SessionId;
use super::state::Tree;
use super::txn::{Record, Transaction, TxnHeader};
use super::{digest, path, permission, quota};
use crate::Zxid;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A request that becomes a transaction, with what its checks need to know about who asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Asked {
    /// The session that asks; of createSession and closeSession the session that is meant.
    pub session: SessionId,
    /// Its number of the request.
    pub cxid: i32,
    /// What it asks.
    pub change: Change,
    /// Who its client has proved to be, as the server it is connected to says.
    pub identities: Arc<[Id]>,
    /// Where the session is.
    pub standing: Standing,
    /// How this ensemble is set up.
    pub options: PrepareOptions,
}

/// Where the session is that asks, as the leader's session tracker knows it. Whether it is open, the tree and the
/// outlook know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Standing {
    /// With the server that forwards the request.
    #[default]
    Here,
    /// With another server by now: SessionMoved.
    Moved,
    /// On one server only (`localSessionsEnabled`): no transaction opened it, and it has no ephemeral znodes.
    Local,
}

/// How this ensemble is set up, as far as it decides about requests and the tree does not know it. Equal on all
/// servers, or results change with the leader. The default is ZooKeeper's: nothing of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PrepareOptions {
    /// `zookeeper.skipACL`: everybody may do everything.
    pub skip_acl: bool,
    /// `zookeeper.enforceQuota`: hard limits refuse, soft ones are reported ([`Outlook::exceeded`]).
    pub enforce_quota: bool,
    /// `zookeeper.authProvider.*`: schemes of authentication.
    pub schemes: Schemes,
}

/// What this request makes of the tree after all that is outstanding (`PrepRequestProcessor.pRequest`).
///
/// `next` is the transaction's zxid, above every earlier one; `now_ms` the leader's clock in milliseconds since 1970.
/// Rule ErrorsTakeTheirPlace: a request that fails is a transaction of kind [`OpCode::Error`]; a multi that fails stays
/// one.
#[must_use]
pub fn prepare(tree: &Tree, outlook: &mut Outlook, request: &Asked, next: Zxid, now_ms: i64) -> Transaction {
    outlook.exceeded.clear();
    let mut preparation = Preparation { tree, outlook, request, zxid: next, time: now_ms };
    let result = match &request.change {
        Change::Refused { code, .. } => Ok((OpCode::Error, Record::Error { code: *code })),
        Change::Multi(changes) => preparation.multi(changes),
        change => preparation.change(change),
    };
    let (kind, record) = result.unwrap_or_else(|code| (OpCode::Error, Record::error(code)));
    let has_digest = tree.options().digest && kind != OpCode::Error;
    let digest = has_digest.then(|| preparation.outlook.digest(tree));
    let header = TxnHeader { session: request.session, cxid: request.cxid, zxid: next, time: now_ms, kind };
    Transaction { header, record, digest }
}

/// One request on its way to a transaction.
struct Preparation<'a> {
    tree: &'a Tree,
    outlook: &'a mut Outlook,
    request: &'a Asked,
    zxid: Zxid,
    time: i64,
}

/// What a change becomes.
type Prepared = Result<(OpCode, Record), Code>;

impl Preparation<'_> {
    /// A change that is not a multi (`pRequest2Txn`): rule ChecksBeforeChanges.
    fn change(&mut self, change: &Change) -> Prepared {
        match change {
            Change::Create { kind, path, data, acl, flags, ttl } => {
                let ttl = if *kind == OpCode::CreateTtl { *ttl } else { -1 };
                self.create(create::Wish { kind: *kind, path, data: data.as_ref(), acl, flags: *flags, ttl })
            }
            Change::Delete { path, version } => self.delete(path, *version),
            Change::DeleteContainer { path } => self.delete_container(path),
            Change::SetData { path, data, version } => self.set_data(path, data.as_ref(), *version),
            Change::SetAcl { path, acl, version } => self.set_acl(path, acl, *version),
            Change::Check { path, version } => self.check(path, *version),
            Change::CreateSession { timeout } => Ok(self.create_session(*timeout)),
            Change::CloseSession => Ok(self.close_session()),
            // Java reads no such operation out of a multi; outside of one, prepare has dealt with both.
            Change::Multi(_) | Change::Refused { .. } => Err(Code::MarshallingError),
        }
    }

    /// The znode at this path as it will be (`getRecordForPath`; rule OutstandingIsSeen).
    fn node(&self, path: &str) -> Result<Prospect, Code> {
        self.outlook.node(self.tree, path).ok_or(Code::NoNode)
    }

    /// Whether an ACL allows the request this (`checkACL`).
    fn permit(&self, acl: &[Acl], wanted: Perms) -> Result<(), Code> {
        let allowed = self.request.options.skip_acl || permission::allows(acl, wanted, &self.request.identities);
        if allowed { Ok(()) } else { Err(Code::NoAuth) }
    }

    /// Whether so many more znodes and bytes may stand at this path (`checkQuota`).
    fn check_quota(&mut self, path: &str, count: i64, bytes: i64) -> Result<(), Code> {
        if !self.request.options.enforce_quota {
            return Ok(());
        }
        // Java fails at what it cannot read, and answers so.
        let exceeded = quota::check(self.tree, path, count, bytes).map_err(|_| Code::MarshallingError)?;
        let refused = exceeded.iter().any(|exceeded| exceeded.hard);
        self.outlook.exceeded.extend(exceeded);
        if refused { Err(Code::QuotaExceeded) } else { Ok(()) }
    }

    /// Makes of a znode as it will be (`None`: there is none) what it will be then, and follows the digest.
    fn put(&mut self, path: &str, before: Option<&Prospect>, after: Option<Prospect>) {
        let mut digest = self.outlook.digest(self.tree);
        if self.tree.options().digest {
            let of = |prospect: &Prospect| digest::of_node(&prospect.node);
            digest = digest.wrapping_sub(before.map_or(0, of)).wrapping_add(after.as_ref().map_or(0, of));
        }
        self.outlook.change(self.zxid, path, after, digest);
    }
}

/// The parent of a path that a znode may be created at or deleted from. What else is wrong with the path comes out
/// later, where Java looks: `a/b` has the parent `a`, which there never is.
///
/// # Errors
///
/// BadArguments where there is no slash, or a NUL.
fn parent_of(path: &str) -> Result<&str, Code> {
    match path.rsplit_once('/') {
        Some((parent, _)) if !path.contains('\0') => Ok(if parent.is_empty() { path::ROOT } else { parent }),
        _ => Err(Code::BadArguments),
    }
}

/// The version after this one, if it is the one expected; −1 expects any (`checkAndIncVersion`). The one after 2³¹ − 1
/// is −2³¹, as in Java.
fn next_version(current: i32, expected: i32) -> Result<i32, Code> {
    if expected == -1 || expected == current { Ok(current.wrapping_add(1)) } else { Err(Code::BadVersion) }
}

/// Bytes, as quotas count them.
fn length(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

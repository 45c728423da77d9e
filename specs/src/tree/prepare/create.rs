//! create, create2, createContainer, createTTL (`PrepRequestProcessor.pRequest2TxnCreate`).

use super::{Preparation, Prepared, Standing, fixup, length, parent_of};
use crate::Zxid;
use crate::tree::acl::{Acl, Perms};
use crate::tree::error::Code;
use crate::tree::node::{AclId, Node};
use crate::tree::operation::{CreateMode, OpCode};
use crate::tree::outlook::Prospect;
use crate::tree::path;
use crate::tree::stat::{Owner, StatPersisted};
use crate::tree::txn::{CreateTxn, Record};
use bytes::Bytes;

/// What is asked of create.
pub(super) struct Wish<'a> {
    pub kind: OpCode,
    pub path: &'a str,
    pub data: Option<&'a Bytes>,
    pub acl: &'a [Acl],
    pub flags: i32,
    /// −1 for every kind but createTTL, whatever came with it.
    pub ttl: i64,
}

impl Preparation<'_> {
    pub(super) fn create(&mut self, wish: Wish<'_>) -> Prepared {
        let mode = CreateMode::from_number(wish.flags).ok_or(Code::BadArguments)?;
        self.check_mode(&wish, mode)?;
        let parent_path = parent_of(wish.path)?;
        let acl = fixup(wish.acl, &self.request.identities, self.request.options.schemes)?;
        let parent = self.node(parent_path)?;
        self.permit(&parent.acl, Perms::CREATE)?;
        let path = match mode.is_sequential() {
            true => format!("{}{:010}", wish.path, parent.stat.cversion),
            false => wish.path.to_owned(),
        };
        path::validate(&path).map_err(|_| Code::BadArguments)?;
        if self.node(&path).is_ok() {
            return Err(Code::NodeExists);
        }
        let extended = self.tree.options().extended_types;
        if matches!(Owner::of(parent.stat.ephemeral_owner, extended), Owner::Session(_)) {
            return Err(Code::NoChildrenForEphemerals);
        }
        self.check_quota(&path, 1, length(wish.data.map_or(0, Bytes::len)))?;

        let cversion = parent.stat.cversion.wrapping_add(1);
        self.put(parent_path, Some(&parent), Some(with_one_more_child(&parent, cversion, self.zxid)));
        let ephemeral = mode.is_ephemeral() && matches!(wish.kind, OpCode::Create | OpCode::Create2);
        let stat = self.new_stat(wish.kind, ephemeral, wish.ttl);
        let node = Node::new(&path, wish.data.map(Bytes::as_ref), AclId::OPEN, stat, 0);
        self.put(&path, None, Some(Prospect { node, acl: acl.as_slice().into() }));
        let txn = CreateTxn { path, data: wish.data.cloned(), acl, ephemeral, parent_cversion: cversion };
        let record = match wish.kind {
            OpCode::CreateContainer => Record::CreateContainer(txn),
            OpCode::CreateTtl => Record::CreateTtl(txn, wish.ttl),
            _ => Record::Create(txn),
        };
        Ok((wish.kind, record))
    }

    /// Whether znodes are made so (`validateCreateRequest`).
    fn check_mode(&self, wish: &Wish<'_>, mode: CreateMode) -> Result<(), Code> {
        if mode.is_ttl() && !self.tree.options().extended_types {
            return Err(Code::Unimplemented);
        }
        // createTTL of a znode without a time to live: Java's leader proposes it, with any negative time, and then no
        // server can apply it. The one place where we refuse what Java does not.
        let ttl_fits = match mode.is_ttl() {
            true => (1..=Owner::MAX_TTL).contains(&wish.ttl),
            false => wish.ttl < 0 && wish.kind != OpCode::CreateTtl,
        };
        if !ttl_fits {
            return Err(Code::BadArguments);
        }
        if mode.is_ephemeral() && self.request.standing == Standing::Local {
            return Err(Code::EphemeralOnLocalSession);
        }
        self.check_session()
    }

    /// The Stat of a new znode. Rule OwnerFollowsRecord: createContainer makes a container, whatever mode it names;
    /// create never does.
    fn new_stat(&self, kind: OpCode, ephemeral: bool, ttl: i64) -> StatPersisted {
        let owner = match kind {
            OpCode::CreateContainer => Owner::Container,
            OpCode::CreateTtl => Owner::Ttl(ttl),
            _ if ephemeral => Owner::Session(self.request.session),
            _ => Owner::Nobody,
        };
        let (zxid, time) = (self.zxid, self.time);
        StatPersisted {
            czxid: zxid,
            mzxid: zxid,
            pzxid: zxid,
            ctime: time,
            mtime: time,
            ephemeral_owner: owner.number(),
            ..StatPersisted::default()
        }
    }
}

/// The parent after a creation. Past 2³¹ − 1 the number of changes would go back; applying a transaction never lets it
/// (`DataTree.createNode`), so neither does this.
fn with_one_more_child(parent: &Prospect, cversion: i32, zxid: Zxid) -> Prospect {
    let node = parent.node.with(|fields| {
        if cversion > fields.stat.cversion {
            (fields.stat.cversion, fields.stat.pzxid) = (cversion, zxid);
        }
        fields.children += 1;
    });
    Prospect { node, acl: parent.acl.clone() }
}

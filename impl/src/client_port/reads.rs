//! Requests that change nothing: answered from the tree as it stands, wherever they are when their turn comes.

use super::connection::Connection;
use crate::node::Asking;
use crate::shared::Shared;
use crate::wire::event::{EventType, KeeperState, encode_event};
use crate::wire::header::PING_XID;
use crate::wire::multi::OperationResult;
use crate::wire::reply::{encode_reply_with, put_acl_and_stat, put_data_and_stat, put_names_and_stat};
use crate::wire::request::{SetWatches, WatchingRead};
use crate::wire::{ClientInfo, ClientRequest, ReadOperation, Reply, ReplyHeader, Writer};
use bytes::Bytes;
use std::sync::atomic::Ordering;
use std::time::Instant;
use zab::Zxid;
use zab::tree::{Code, EventKind, Id, Notification, Tree, WatchMode, WatcherId, WatcherType};

/// Answers a request that changes nothing, into its connection's outbox. Wakes nobody: the answer is whether the caller
/// must ([`Outbox::push_quietly`](super::outbox::Outbox::push_quietly)).
///
/// The caller holds the tree's lock: see [`Shared`].
#[must_use]
pub fn answer(shared: &Shared, tree: &Tree, asking: &Asking) -> bool {
    let was_empty = asking.connection.outbox.push_quietly(|out| write_reply(shared, tree, asking, out));
    if let ClientRequest::Unknown { .. } = asking.request {
        asking.connection.outbox.close();
    }
    count(shared, &asking.connection, asking.since, asking.xid, tree.last_zxid());
    was_empty
}

/// Writes the reply to a request that changes nothing, behind the events that belong before it.
///
/// The caller holds the tree's lock until the reply is in the connection's outbox: see [`Shared`].
pub fn write_reply(shared: &Shared, tree: &Tree, asking: &Asking, out: &mut Vec<u8>) {
    let (connection, zxid) = (&asking.connection, tree.last_zxid());
    let ids = connection.identities.read();
    let header = |err| match asking.request {
        // These two are told apart before anything looks at the request's place: a ping is answered as one whatever its
        // number, and what is no operation with the zxid of a request that has none (`UnimplementedRequestProcessor`).
        ClientRequest::Ping => ReplyHeader { xid: PING_XID, zxid, err },
        ClientRequest::Unknown { .. } => ReplyHeader { xid: asking.xid, zxid: Zxid(u64::MAX), err },
        _ => ReplyHeader { xid: asking.xid, zxid, err },
    };
    let reading = Reading { shared, tree, ids: &ids, all: shared.skip_acl.then(super_user), connection };
    if let ClientRequest::SetWatches(watches) | ClientRequest::SetWatches2(watches) = &asking.request {
        // What it has missed comes before the reply.
        reading.set_watches(watches, out);
    }
    let start = out.len();
    let mut result = Ok(());
    encode_reply_with(out, &header(0), |out| result = reading.body(&asking.request, out));
    if let Err(code) = result {
        out.truncate(start);
        encode_reply_with(out, &header(code.number()), |_| {});
    }
}

/// Writes an event as a frame.
pub fn encode_notification(notification: &Notification, out: &mut Vec<u8>) {
    let kind = match notification.kind {
        EventKind::Created => EventType::NodeCreated,
        EventKind::Deleted => EventType::NodeDeleted,
        EventKind::DataChanged => EventType::NodeDataChanged,
        EventKind::ChildrenChanged => EventType::NodeChildrenChanged,
    };
    // -1 where nobody knows by which transaction.
    let zxid = notification.zxid.unwrap_or(Zxid(u64::MAX));
    encode_event(out, zxid, kind, KeeperState::SyncConnected, &notification.path);
}

/// Counts a reply of the node's.
pub fn count(shared: &Shared, connection: &Connection, since: Instant, xid: i32, zxid: Zxid) {
    count_all(shared, connection, since, (1, xid, zxid));
    shared.counters.outstanding.fetch_sub(1, Ordering::Relaxed);
}

/// Counts so many replies to requests that came together: the last with this xid, all with this zxid.
pub fn count_all(shared: &Shared, connection: &Connection, since: Instant, (replies, xid, zxid): (u64, i32, Zxid)) {
    let statistics = &connection.statistics;
    let now = Instant::now();
    let micros = u64::try_from(now.saturating_duration_since(since).as_micros()).unwrap_or(u64::MAX);
    let uptime = u64::try_from(now.saturating_duration_since(shared.started).as_millis()).unwrap_or(u64::MAX);
    statistics.latency.record(micros, replies);
    statistics.sent.fetch_add(replies, Ordering::Relaxed);
    // The special ones, such as a ping's, are no request that a person looks for (`updateStatsForResponse`).
    if xid >= 0 {
        statistics.last_cxid.store(xid.into(), Ordering::Relaxed);
    }
    statistics.last_response.store(uptime, Ordering::Relaxed);
    statistics.last_zxid.store(zxid.0.cast_signed(), Ordering::Relaxed);
    shared.counters.latency.record(micros, replies);
    shared.counters.sent.fetch_add(replies, Ordering::Relaxed);
}

/// A reply in the making.
struct Reading<'a> {
    shared: &'a Shared,
    tree: &'a Tree,
    ids: &'a [Id],
    /// What opens every ACL, where access control is off.
    all: Option<[Id; 1]>,
    connection: &'a Connection,
}

impl Reading<'_> {
    /// Writes the body of the reply, or says why there is none.
    fn body(&self, request: &ClientRequest, out: &mut Vec<u8>) -> Result<(), Code> {
        let (tree, ids) = (self.tree, self.allowed());
        match request {
            ClientRequest::GetData(read) => {
                let (data, stat) = tree.get_data(&read.path, ids)?;
                self.watch(read, WatchMode::Data);
                put_data_and_stat(out, data, &stat);
            }
            ClientRequest::Exists(read) => {
                let stat = tree.exists(&read.path, ids);
                // Where there is none, its creation can be watched.
                if matches!(stat, Ok(_) | Err(Code::NoNode)) {
                    self.watch(read, WatchMode::Data);
                }
                Reply::Stat(stat?).encode(out);
            }
            ClientRequest::GetChildren(read) => {
                let (names, _) = tree.get_children(&read.path, ids)?;
                self.watch(read, WatchMode::Children);
                out.put_strings(names);
            }
            ClientRequest::GetChildren2(read) => {
                let (names, stat) = tree.get_children(&read.path, ids)?;
                self.watch(read, WatchMode::Children);
                put_names_and_stat(out, names, &stat);
            }
            ClientRequest::GetAcl { path } => {
                let (acl, stat) = tree.get_acl(path, ids)?;
                put_acl_and_stat(out, &acl, &stat);
            }
            ClientRequest::GetAllChildrenNumber { path } => {
                Reply::Number(tree.get_all_children_number(path, ids)?).encode(out);
            }
            ClientRequest::GetEphemerals { prefix } => self.ephemerals(prefix.as_deref(), out),
            ClientRequest::MultiRead(reads) => {
                Reply::Multi(reads.iter().map(|read| self.read_one(read)).collect()).encode(out);
            }
            ClientRequest::WhoAmI => {
                let client = |id: &Id| ClientInfo { scheme: id.scheme.clone(), user: user_of(id) };
                Reply::WhoAmI(self.ids.iter().map(client).collect()).encode(out);
            }
            _ => return self.watches(request, out),
        }
        Ok(())
    }

    /// The requests about watches alone.
    fn watches(&self, request: &ClientRequest, out: &mut Vec<u8>) -> Result<(), Code> {
        let watcher = self.watcher();
        match request {
            ClientRequest::SetWatches(_) | ClientRequest::SetWatches2(_) => {}
            ClientRequest::AddWatch { path, mode } => {
                let mode = WatchMode::from_add_watch(*mode).ok_or(Code::MarshallingError)?;
                self.shared.watches.lock().add(watcher, path, mode);
                Reply::Error(0).encode(out);
            }
            ClientRequest::CheckWatches(selection) => {
                let kind = WatcherType::from_number(selection.kind).ok_or(Code::MarshallingError)?;
                if !self.shared.watches.lock().contains(watcher, &selection.path, kind) {
                    return Err(Code::NoWatcher);
                }
            }
            ClientRequest::RemoveWatches(selection) => {
                let kind = WatcherType::from_number(selection.kind).ok_or(Code::MarshallingError)?;
                self.shared.watches.lock().remove(watcher, &selection.path, kind)?;
            }
            ClientRequest::Ping => {}
            ClientRequest::Unreadable { .. } => return Err(Code::MarshallingError),
            _ => return Err(Code::Unimplemented),
        }
        Ok(())
    }

    /// By what ACLs are checked.
    fn allowed(&self) -> &[Id] {
        self.all.as_ref().map_or(self.ids, |all| all)
    }

    fn watcher(&self) -> WatcherId {
        WatcherId(self.connection.number)
    }

    fn watch(&self, read: &WatchingRead, mode: WatchMode) {
        if read.watch {
            self.shared.watches.lock().add(self.watcher(), &read.path, mode);
        }
    }

    /// Sets the watches of a client that has connected again, and tells it what it has missed.
    fn set_watches(&self, watches: &SetWatches, out: &mut Vec<u8>) {
        let request = zab::tree::SetWatches {
            relative_zxid: Zxid(watches.relative_zxid.0.cast_signed().max(0).cast_unsigned()),
            data: watches.data.clone(),
            exist: watches.exist.clone(),
            children: watches.child.clone(),
            persistent: watches.persistent.clone(),
            persistent_recursive: watches.persistent_recursive.clone(),
        };
        let stat = |path: &str| self.tree.node(path).map(|node| node.stat);
        for missed in self.shared.watches.lock().set_watches(self.watcher(), &request, stat) {
            encode_notification(&missed, out);
        }
    }

    fn ephemerals(&self, prefix: Option<&str>, out: &mut Vec<u8>) {
        let prefix = prefix.filter(|prefix| !prefix.trim().is_empty()).unwrap_or("/");
        let session = self.connection.session().unwrap_or_default();
        let paths: Vec<&str> = self.tree.get_ephemerals(session, prefix).collect();
        out.put_strings(paths);
    }

    fn read_one(&self, read: &ReadOperation) -> OperationResult {
        match read {
            ReadOperation::GetData { path } => match self.tree.get_data(path, self.allowed()) {
                Ok((data, stat)) => OperationResult::GetData { data: data.map(Bytes::copy_from_slice), stat },
                Err(code) => OperationResult::Error(code.number()),
            },
            ReadOperation::GetChildren { path } => match self.tree.get_children(path, self.allowed()) {
                Ok((names, _)) => OperationResult::GetChildren(names.into_iter().map(str::to_owned).collect()),
                Err(code) => OperationResult::Error(code.number()),
            },
        }
    }
}

/// Who may do everything.
fn super_user() -> [Id; 1] {
    [Id::new("super", "")]
}

/// The name by which a client is known to itself: of a digest without the hash (`AuthUtil.getUser`).
fn user_of(id: &Id) -> String {
    match id.scheme.as_str() {
        "digest" => id.id.split(':').next().unwrap_or_default().to_owned(),
        _ => id.id.clone(),
    }
}

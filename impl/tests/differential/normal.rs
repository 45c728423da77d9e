//! What a server said, as lines of text that are equal where the servers are alike.
//!
//! Zxids are counted from the transaction that made the sequence's own znode (Apache's standalone server has no epoch),
//! sessions are called by the order in which they were opened, and what has no order is sorted. Times are replaced by
//! a check: a transaction has one time, on each server, whichever znode tells of it.

use super::versions::Version;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};
use zab::Zxid;
use zab::tree::session::password;
use zab::tree::{Acl, OpCode, SessionId, Stat};
use zabkeeper::wire::{ConnectResponse, OperationResult, Reply, ReplyHeader, WatcherEvent};

/// Milliseconds by which a time may be off.
const SLACK: i64 = 600_000;

/// What must be known about one server to compare it with another.
pub struct Normal {
    /// The sequence's first transaction.
    pub base: Zxid,
    /// Which differences between versions are to be ignored.
    pub version: Version,
    sessions: Vec<SessionId>,
    times: BTreeMap<Zxid, i64>,
    /// How often an operation was answered with an error, or with 0. Events are the operation `Notification`.
    pub answers: Answers,
}

/// By operation and error. `None` is no operation.
pub type Answers = BTreeMap<(Option<OpCode>, i32), u64>;

impl Normal {
    pub fn new(version: Version) -> Normal {
        Normal { base: Zxid(0), version, sessions: Vec::new(), times: BTreeMap::new(), answers: Answers::new() }
    }

    fn zxid(&self, zxid: Zxid) -> String {
        match zxid {
            Zxid(0) => "none".into(),
            Zxid(u64::MAX) => "-1".into(),
            Zxid(number) => format!("{:+}", number.wrapping_sub(self.base.0).cast_signed()),
        }
    }

    fn session(&mut self, id: SessionId) -> String {
        if id == SessionId(0) {
            return "nobody".into();
        }
        let known = self.sessions.iter().position(|session| *session == id);
        let number = known.unwrap_or_else(|| {
            self.sessions.push(id);
            self.sessions.len() - 1
        });
        format!("session {number}")
    }

    pub fn connected(&mut self, response: &ConnectResponse) -> String {
        let given: &[u8] = response.password.as_deref().unwrap_or_default();
        let password = match given {
            [0, ..] if given == [0; 16] => "zeros".into(),
            _ if given == password(response.session) => "its own".into(),
            _ => format!("{given:?}"),
        };
        let ConnectResponse { protocol_version, timeout, read_only, session, .. } = response;
        let session = self.session(*session);
        format!("connected: version {protocol_version} timeout {timeout} {session} password {password} {read_only:?}")
    }

    pub fn event(&mut self, header: ReplyHeader, body: &[u8]) -> String {
        *self.answers.entry((Some(OpCode::Notification), header.err)).or_default() += 1;
        let ReplyHeader { xid, zxid, err } = header;
        let zxid = if self.version.events_have_zxids() { self.zxid(zxid) } else { "?".into() };
        match WatcherEvent::decode(body) {
            Ok(WatcherEvent { kind, state, path }) => format!("event {zxid} {xid} {err}: {kind:?} {state:?} {path:?}"),
            Err(error) => format!("event {zxid} {xid} {err}: {error}"),
        }
    }

    /// `kind` is the operation that was asked; `None` if there is no such operation.
    pub fn reply(&mut self, header: ReplyHeader, body: &Bytes, kind: Option<OpCode>) -> String {
        *self.answers.entry((kind, header.err)).or_default() += 1;
        let start = format!("reply {} at {} error {}:", header.xid, self.zxid(header.zxid), header.err);
        let kind = kind.filter(|_| header.err == 0);
        let Some(kind) = kind else { return format!("{start} {body:?}") };
        let text = match Reply::decode(kind, body) {
            Ok(reply) => {
                let mut again = Vec::new();
                reply.encode(&mut again);
                let text = self.body(&reply);
                if again == **body { text } else { format!("{text}, written as {body:x}") }
            }
            Err(error) => format!("{error} in {body:x}"),
        };
        format!("{start} {text}")
    }

    fn body(&mut self, reply: &Reply) -> String {
        match reply {
            Reply::Create2 { path, stat } => format!("{path:?} {}", self.stat(stat)),
            Reply::Stat(stat) => self.stat(stat),
            Reply::Data { data, stat } => format!("{data:?} {}", self.stat(stat)),
            Reply::Acl { acl, stat } => format!("{:?} {}", ordered(acl), self.stat(stat)),
            Reply::Names(names) => format!("{:?}", sorted(names)),
            Reply::NamesAndStat { names, stat } => format!("{:?} {}", sorted(names), self.stat(stat)),
            Reply::Multi(results) => {
                let results: Vec<String> = results.iter().map(|result| self.result(result)).collect();
                results.join("; ")
            }
            // The identities are a set in Java.
            Reply::WhoAmI(clients) => format!("{:?}", sorted(clients.iter().map(|client| format!("{client:?}")))),
            Reply::Nothing | Reply::Create { .. } | Reply::Number(_) | Reply::Sync { .. } => format!("{reply:?}"),
            Reply::Error(_) | Reply::Sasl { .. } => format!("{reply:?}"),
        }
    }

    fn result(&mut self, result: &OperationResult) -> String {
        match result {
            OperationResult::Create2 { path, .. } if !self.version.creates_of_a_multi_have_stats() => {
                format!("Create {{ path: {path:?} }}")
            }
            OperationResult::Create2 { path, stat } => format!("Create2 {path:?} {}", self.stat(stat)),
            OperationResult::SetData(stat) => format!("SetData {}", self.stat(stat)),
            OperationResult::GetChildren(names) => format!("GetChildren {:?}", sorted(names)),
            OperationResult::GetData { data, stat } => format!("GetData {data:?} {}", self.stat(stat)),
            other => format!("{other:?}"),
        }
    }

    fn stat(&mut self, stat: &Stat) -> String {
        let kept = stat.persisted;
        let times = [(kept.czxid, kept.ctime), (kept.mzxid, kept.mtime)];
        let wrong: String = times.into_iter().filter_map(|(zxid, time)| self.wrong_time(zxid, time)).collect();
        let [czxid, mzxid, pzxid] = [kept.czxid, kept.mzxid, kept.pzxid].map(|zxid| self.zxid(zxid));
        let owner = self.session(SessionId(kept.ephemeral_owner));
        format!(
            "[c {czxid} m {mzxid} p {pzxid}, versions {} {} {}, owner {owner}, {} bytes, {} children{wrong}]",
            kept.version, kept.cversion, kept.aversion, stat.data_length, stat.num_children
        )
    }

    /// What is wrong about the time of a transaction.
    fn wrong_time(&mut self, zxid: Zxid, time: i64) -> Option<String> {
        let known = *self.times.entry(zxid).or_insert(time);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let plausible = match zxid {
            Zxid(0) => time == 0,
            _ => (now - time).abs() < SLACK,
        };
        (known != time || !plausible).then(|| format!(", time {time}, where it was {known}, now {now}"))
    }
}

fn sorted<T: ToString>(names: impl IntoIterator<Item = T>) -> Vec<String> {
    let mut names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    names.sort();
    names
}

/// `auth` in an ACL stands for all that the client has proved, which is a set in Java: neighbours of the scheme
/// `digest` with the same permissions may change places. The rest keeps its order.
fn ordered(acl: &[Acl]) -> Vec<Acl> {
    let mut acl = acl.to_vec();
    let exchangeable = |a: &Acl, b: &Acl| a.perms == b.perms && a.id.scheme == "digest" && b.id.scheme == "digest";
    acl.chunk_by_mut(exchangeable).for_each(<[Acl]>::sort);
    acl
}

//! What clients ask: every operation's body.
//!
//! *Java:* the classes `…Request` of `zookeeper.jute`, `ZooKeeperServer.processPacket`, `PrepRequestProcessor`,
//! `FinalRequestProcessor`. Bytes behind a body are ignored, as Java ignores them.

use super::change;
use super::error::WireError;
use super::header::RequestHeader;
use super::jute::{Reader, Writer};
use super::multi::{self, ReadOperation};
use bytes::Bytes;
use zab::Zxid;
use zab::tree::{Change, OpCode};

/// A request, by its operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ClientRequest {
    /// What becomes a transaction. A check outside of a multi is read too, though 3.9.5 does not serve it: see
    /// [`RequestHeader::is_served`].
    Write(Change),
    /// reconfig.
    Reconfig(ReconfigRequest),
    /// exists.
    Exists(WatchingRead),
    /// getData.
    GetData(WatchingRead),
    /// getACL.
    GetAcl {
        /// Which znode.
        path: String,
    },
    /// getChildren.
    GetChildren(WatchingRead),
    /// getChildren2.
    GetChildren2(WatchingRead),
    /// getAllChildrenNumber.
    GetAllChildrenNumber {
        /// Below which znode.
        path: String,
    },
    /// getEphemerals.
    GetEphemerals {
        /// The beginning that their paths must have; null, blank and `/` are all of the session.
        prefix: Option<String>,
    },
    /// multiRead.
    MultiRead(Vec<ReadOperation>),
    /// sync: the path is only echoed.
    Sync {
        /// Any text, or null.
        path: Option<String>,
    },
    /// ping.
    Ping,
    /// whoAmI.
    WhoAmI,
    /// auth.
    Auth(AuthPacket),
    /// A step of SASL.
    Sasl {
        /// The mechanism's bytes.
        token: Option<Bytes>,
    },
    /// setWatches: without the two last lists.
    SetWatches(SetWatches),
    /// setWatches2.
    SetWatches2(SetWatches),
    /// addWatch.
    AddWatch {
        /// Which znode.
        path: String,
        /// 0 persistent, 1 persistent and recursive; anything else is a bad request.
        mode: i32,
    },
    /// checkWatches.
    CheckWatches(WatchSelection),
    /// removeWatches.
    RemoveWatches(WatchSelection),
    /// No operation of ZooKeeper that a client asks; its body is not kept.
    Unknown {
        /// The operation's number.
        kind: i32,
    },
    /// An operation that changes nothing, with a body that cannot be read: whoever serves it keeps this in its place
    /// and answers `MarshallingError` in its turn. Never decoded.
    Unreadable {
        /// The operation's number.
        kind: i32,
    },
}

/// exists, getData, getChildren, getChildren2: all the same on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WatchingRead {
    /// Which znode.
    pub path: String,
    /// Whether a one-shot watch is left behind.
    pub watch: bool,
}

/// Changes the ensemble (`ReconfigRequest`): by difference (the first two), or as a whole (the third).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReconfigRequest {
    /// Servers that join, `server.N=…` separated by commas.
    pub joining: Option<String>,
    /// Identifiers of servers that leave, separated by commas.
    pub leaving: Option<String>,
    /// The new ensemble, as lines of a configuration.
    pub members: Option<String>,
    /// The version of the configuration that is to be changed; −1 for any.
    pub current: i64,
}

/// Proves who the client is (`AuthPacket`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AuthPacket {
    /// 0 from every client.
    pub kind: i32,
    /// The scheme, such as `digest`.
    pub scheme: String,
    /// The proof, such as `user:password`.
    pub auth: Option<Bytes>,
}

/// The watches of a client that has reconnected (`SetWatches`, `SetWatches2`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SetWatches {
    /// The last transaction that the client saw: what changed since then fires at once.
    pub relative_zxid: Zxid,
    /// Watches on the data of znodes that were there.
    pub data: Vec<String>,
    /// Watches on znodes that were not there.
    pub exist: Vec<String>,
    /// Watches on children.
    pub child: Vec<String>,
    /// Persistent watches; of setWatches2 only.
    pub persistent: Vec<String>,
    /// Persistent recursive watches; of setWatches2 only.
    pub persistent_recursive: Vec<String>,
}

/// checkWatches and removeWatches: some watches of this session on a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WatchSelection {
    /// Which znode.
    pub path: String,
    /// `WatcherType`: 1 children, 2 data, 3 any, 4 persistent, 5 persistent recursive; anything else is a bad request.
    pub kind: i32,
}

impl ClientRequest {
    /// Reads the body of the operation `kind`. Data and tokens share the body's memory.
    ///
    /// # Errors
    /// Any [`WireError`] but those of events and transactions. ZooKeeper answers `MarshallingError` and goes on; after
    /// an auth or sasl packet that cannot be read it closes the connection.
    pub fn decode(kind: i32, body: &Bytes) -> Result<ClientRequest, WireError> {
        let Some(operation) = OpCode::from_number(kind) else { return Ok(ClientRequest::Unknown { kind }) };
        let mut reader = Reader::sharing(body);
        if let Some(change) = change::decode(operation, &mut reader)? {
            return Ok(ClientRequest::Write(change));
        }
        decode_other(operation, &mut reader)
    }

    /// The operation's number.
    #[must_use]
    pub fn kind(&self) -> i32 {
        let operation = match self {
            ClientRequest::Write(change) => change::kind(change),
            ClientRequest::Reconfig(_) => OpCode::Reconfig,
            ClientRequest::Exists(_) => OpCode::Exists,
            ClientRequest::GetData(_) => OpCode::GetData,
            ClientRequest::GetAcl { .. } => OpCode::GetAcl,
            ClientRequest::GetChildren(_) => OpCode::GetChildren,
            ClientRequest::GetChildren2(_) => OpCode::GetChildren2,
            ClientRequest::GetAllChildrenNumber { .. } => OpCode::GetAllChildrenNumber,
            ClientRequest::GetEphemerals { .. } => OpCode::GetEphemerals,
            ClientRequest::MultiRead(_) => OpCode::MultiRead,
            ClientRequest::Sync { .. } => OpCode::Sync,
            ClientRequest::Ping => OpCode::Ping,
            ClientRequest::WhoAmI => OpCode::WhoAmI,
            ClientRequest::Auth(_) => OpCode::Auth,
            ClientRequest::Sasl { .. } => OpCode::Sasl,
            ClientRequest::SetWatches(_) => OpCode::SetWatches,
            ClientRequest::SetWatches2(_) => OpCode::SetWatches2,
            ClientRequest::AddWatch { .. } => OpCode::AddWatch,
            ClientRequest::CheckWatches(_) => OpCode::CheckWatches,
            ClientRequest::RemoveWatches(_) => OpCode::RemoveWatches,
            ClientRequest::Unknown { kind } | ClientRequest::Unreadable { kind } => return *kind,
        };
        operation.number()
    }

    /// Writes the body.
    pub fn encode(&self, out: &mut impl Writer) {
        match self {
            ClientRequest::Write(change) => change::encode(out, change),
            ClientRequest::Reconfig(request) => encode_reconfig(out, request),
            ClientRequest::Exists(read)
            | ClientRequest::GetData(read)
            | ClientRequest::GetChildren(read)
            | ClientRequest::GetChildren2(read) => {
                out.put_string(&read.path);
                out.put_boolean(read.watch);
            }
            ClientRequest::GetAcl { path } | ClientRequest::GetAllChildrenNumber { path } => out.put_string(path),
            ClientRequest::GetEphemerals { prefix } => out.put_optional_string(prefix.as_deref()),
            ClientRequest::MultiRead(reads) => multi::encode_reads(out, reads),
            ClientRequest::Sync { path } => out.put_optional_string(path.as_deref()),
            ClientRequest::Ping | ClientRequest::WhoAmI => {}
            ClientRequest::Unknown { .. } | ClientRequest::Unreadable { .. } => {}
            ClientRequest::Auth(packet) => {
                out.put_i32(packet.kind);
                out.put_string(&packet.scheme);
                out.put_buffer(packet.auth.as_deref());
            }
            ClientRequest::Sasl { token } => out.put_buffer(token.as_deref()),
            ClientRequest::SetWatches(watches) => encode_set_watches(out, watches, false),
            ClientRequest::SetWatches2(watches) => encode_set_watches(out, watches, true),
            ClientRequest::AddWatch { path, mode: number }
            | ClientRequest::CheckWatches(WatchSelection { path, kind: number })
            | ClientRequest::RemoveWatches(WatchSelection { path, kind: number }) => {
                out.put_string(path);
                out.put_i32(*number);
            }
        }
    }
}

/// Writes a request as a frame: its length, its header, its body.
pub fn encode_request(out: &mut impl Writer, xid: i32, request: &ClientRequest) {
    out.put_measured(|out| {
        RequestHeader { xid, kind: request.kind() }.encode(out);
        request.encode(out);
    });
}

/// Whatever [`change::decode`] leaves.
fn decode_other(operation: OpCode, reader: &mut Reader<'_>) -> Result<ClientRequest, WireError> {
    Ok(match operation {
        OpCode::Multi => ClientRequest::Write(Change::Multi(multi::decode_changes(reader)?)),
        OpCode::MultiRead => ClientRequest::MultiRead(multi::decode_reads(reader)?),
        OpCode::Exists => ClientRequest::Exists(watching_read(reader)?),
        OpCode::GetData => ClientRequest::GetData(watching_read(reader)?),
        OpCode::GetChildren => ClientRequest::GetChildren(watching_read(reader)?),
        OpCode::GetChildren2 => ClientRequest::GetChildren2(watching_read(reader)?),
        OpCode::GetAcl => ClientRequest::GetAcl { path: reader.required_string("path")? },
        OpCode::GetAllChildrenNumber => ClientRequest::GetAllChildrenNumber { path: reader.required_string("path")? },
        OpCode::GetEphemerals => ClientRequest::GetEphemerals { prefix: reader.optional_string("prefixPath")? },
        OpCode::Sync => ClientRequest::Sync { path: reader.optional_string("path")? },
        OpCode::Ping => ClientRequest::Ping,
        OpCode::WhoAmI => ClientRequest::WhoAmI,
        OpCode::Reconfig => ClientRequest::Reconfig(ReconfigRequest {
            joining: reader.optional_string("joiningServers")?,
            leaving: reader.optional_string("leavingServers")?,
            members: reader.optional_string("newMembers")?,
            current: reader.long("curConfigId")?,
        }),
        OpCode::Auth => ClientRequest::Auth(AuthPacket {
            kind: reader.int("type")?,
            scheme: reader.string("scheme")?,
            auth: reader.buffer("auth")?,
        }),
        OpCode::Sasl => ClientRequest::Sasl { token: reader.buffer("token")? },
        OpCode::SetWatches => ClientRequest::SetWatches(set_watches(reader, false)?),
        OpCode::SetWatches2 => ClientRequest::SetWatches2(set_watches(reader, true)?),
        OpCode::AddWatch => {
            ClientRequest::AddWatch { path: reader.required_string("path")?, mode: reader.int("mode")? }
        }
        OpCode::CheckWatches => ClientRequest::CheckWatches(watch_selection(reader)?),
        OpCode::RemoveWatches => ClientRequest::RemoveWatches(watch_selection(reader)?),
        _ => ClientRequest::Unknown { kind: operation.number() },
    })
}

fn watching_read(reader: &mut Reader<'_>) -> Result<WatchingRead, WireError> {
    Ok(WatchingRead { path: reader.required_string("path")?, watch: reader.boolean("watch")? })
}

fn watch_selection(reader: &mut Reader<'_>) -> Result<WatchSelection, WireError> {
    Ok(WatchSelection { path: reader.required_string("path")?, kind: reader.int("type")? })
}

fn set_watches(reader: &mut Reader<'_>, persistent: bool) -> Result<SetWatches, WireError> {
    let mut watches = SetWatches {
        relative_zxid: reader.zxid("relativeZxid")?,
        data: watched(reader, "dataWatches")?,
        exist: watched(reader, "existWatches")?,
        child: watched(reader, "childWatches")?,
        ..SetWatches::default()
    };
    if persistent {
        watches.persistent = watched(reader, "persistentWatches")?;
        watches.persistent_recursive = watched(reader, "persistentRecursiveWatches")?;
    }
    Ok(watches)
}

/// A list of paths. Java walks through it without asking whether it, or one of its paths, is null.
fn watched(reader: &mut Reader<'_>, field: &'static str) -> Result<Vec<String>, WireError> {
    reader.vector(field, 4, |reader| reader.required_string(field))?.ok_or(WireError::Null(field))
}

fn encode_set_watches(out: &mut impl Writer, watches: &SetWatches, persistent: bool) {
    out.put_zxid(watches.relative_zxid);
    out.put_strings(&watches.data);
    out.put_strings(&watches.exist);
    out.put_strings(&watches.child);
    if persistent {
        out.put_strings(&watches.persistent);
        out.put_strings(&watches.persistent_recursive);
    }
}

fn encode_reconfig(out: &mut impl Writer, request: &ReconfigRequest) {
    out.put_optional_string(request.joining.as_deref());
    out.put_optional_string(request.leaving.as_deref());
    out.put_optional_string(request.members.as_deref());
    out.put_i64(request.current);
}

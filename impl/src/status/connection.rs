//! What is known of a client's connection (`ServerCnxn`).

use std::net::SocketAddr;
use zab::Zxid;
use zab::tree::{OpCode, SessionId};

/// A connection of a client, or of somebody who asks for a four-letter word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionStatus {
    /// The client.
    pub address: SocketAddr,
    /// What is waited for, in Java's numbers: 1 to read, 4 to write, 5 both, 0 neither.
    pub interest: u8,
    /// Requests not answered yet.
    pub outstanding: u64,
    /// Packets from the client.
    pub received: u64,
    /// Packets to the client.
    pub sent: u64,
    /// When it is closed if nothing comes, in milliseconds since 1970.
    pub expires: i64,
    /// `None` before a session is established.
    pub session: Option<ConnectionSession>,
}

/// The part of a connection that begins with its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionSession {
    /// The session.
    pub id: SessionId,
    /// The name of the last operation answered; see [`last_operation`].
    pub last_operation: &'static str,
    /// When the connection was made, in milliseconds since 1970.
    pub established: i64,
    /// In milliseconds.
    pub timeout: i32,
    /// The xid of the last request that was not a special one; −1 before the first.
    pub last_cxid: i64,
    /// The zxid in the last reply; −1 before the first.
    pub last_zxid: Option<Zxid>,
    /// When the last reply was made, in milliseconds of a clock that only goes forward; 0 before the first.
    pub last_response_time: i64,
    /// How long the last request took, in milliseconds.
    pub last_latency: i64,
    /// The shortest.
    pub min_latency: i64,
    /// The average, rounded down.
    pub avg_latency: i64,
    /// The longest.
    pub max_latency: i64,
}

impl ConnectionSession {
    /// [`Self::last_zxid`] as Java's number: −1 before the first reply.
    pub fn last_zxid_number(&self) -> i64 {
        self.last_zxid.map_or(-1, |zxid| zxid.0 as i64)
    }
}

/// The name of an operation that has none (`ServerCnxn.resetStats`).
pub const UNKNOWN_OPERATION: &str = "NA";

/// The short name of an operation in `cons` (`FinalRequestProcessor`), `NA` for what is not answered there.
pub fn last_operation(code: OpCode) -> &'static str {
    match code {
        OpCode::Ping => "PING",
        OpCode::CreateSession => "SESS",
        OpCode::CloseSession => "CLOS",
        OpCode::Create | OpCode::Create2 | OpCode::CreateTtl | OpCode::CreateContainer => "CREA",
        OpCode::Delete | OpCode::DeleteContainer => "DELE",
        OpCode::SetData => "SETD",
        OpCode::Reconfig => "RECO",
        OpCode::SetAcl => "SETA",
        OpCode::Multi => "MULT",
        OpCode::MultiRead => "MLTR",
        OpCode::Sync => "SYNC",
        OpCode::Check => "CHEC",
        OpCode::Exists => "EXIS",
        OpCode::GetData => "GETD",
        OpCode::GetAcl => "GETA",
        OpCode::GetChildren | OpCode::GetChildren2 => "GETC",
        OpCode::GetAllChildrenNumber => "GETACN",
        OpCode::GetEphemerals => "GETE",
        OpCode::SetWatches => "SETW",
        OpCode::SetWatches2 => "STW2",
        OpCode::AddWatch => "ADDW",
        OpCode::CheckWatches => "CHKW",
        OpCode::RemoveWatches => "REMW",
        OpCode::WhoAmI => "HOMI",
        OpCode::Notification | OpCode::Auth | OpCode::Sasl | OpCode::Error => UNKNOWN_OPERATION,
    }
}

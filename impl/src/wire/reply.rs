//! What clients are answered: every operation's body.
//!
//! *Java:* the classes `…Response` of `zookeeper.jute`, `FinalRequestProcessor`.
//!
//! A server that has the answer in its own form writes it with the functions `put_…` and [`encode_reply_with`], without
//! making a [`Reply`] first.

use super::data::{ClientInfo, acl, client_infos, put_acl, put_client_infos, put_stat, stat};
use super::error::WireError;
use super::header::ReplyHeader;
use super::jute::{Reader, Writer};
use super::multi::{self, OperationResult};
use bytes::Bytes;
use zab::tree::{Acl, OpCode, Stat};

/// The body of a reply. A reply whose header tells an error has none: [`Reply::Nothing`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// Of delete, deleteContainer, setWatches, setWatches2, checkWatches, removeWatches, ping, auth, closeSession.
    Nothing,
    /// Of create: its path.
    Create {
        /// With the number of a sequential znode.
        path: String,
    },
    /// Of create2, createContainer, createTTL.
    Create2 {
        /// With the number of a sequential znode.
        path: String,
        /// The new znode's Stat.
        stat: Stat,
    },
    /// Of exists, setData, setACL.
    Stat(Stat),
    /// Of getData and reconfig.
    Data {
        /// The data; null and empty are two things.
        data: Option<Bytes>,
        /// The Stat.
        stat: Stat,
    },
    /// Of getACL.
    Acl {
        /// The ACL.
        acl: Vec<Acl>,
        /// The Stat.
        stat: Stat,
    },
    /// Of getChildren (names) and getEphemerals (paths), in no order.
    Names(Vec<String>),
    /// Of getChildren2.
    NamesAndStat {
        /// The names, in no order.
        names: Vec<String>,
        /// The Stat.
        stat: Stat,
    },
    /// Of getAllChildrenNumber: all descendants.
    Number(i32),
    /// Of multi and multiRead: one result an operation, in their order.
    Multi(Vec<OperationResult>),
    /// Of sync: its path.
    Sync {
        /// As it came.
        path: Option<String>,
    },
    /// Of addWatch: an `ErrorResponse`, always 0.
    Error(i32),
    /// Of sasl.
    Sasl {
        /// The mechanism's bytes.
        token: Option<Bytes>,
    },
    /// Of whoAmI.
    WhoAmI(Vec<ClientInfo>),
}

impl Reply {
    /// Reads the body of a reply without error to the operation `kind`. Data and tokens share the body's memory.
    ///
    /// # Errors
    /// Those of the reader; [`WireError::InMulti`].
    pub fn decode(kind: OpCode, body: &Bytes) -> Result<Reply, WireError> {
        let reader = &mut Reader::sharing(body);
        Ok(match kind {
            OpCode::Create => Reply::Create { path: reader.string("path")? },
            OpCode::Create2 | OpCode::CreateContainer | OpCode::CreateTtl => {
                Reply::Create2 { path: reader.string("path")?, stat: stat(reader)? }
            }
            OpCode::Exists | OpCode::SetData | OpCode::SetAcl => Reply::Stat(stat(reader)?),
            OpCode::GetData | OpCode::Reconfig => Reply::Data { data: reader.buffer("data")?, stat: stat(reader)? },
            OpCode::GetAcl => Reply::Acl { acl: acl(reader)?.unwrap_or_default(), stat: stat(reader)? },
            OpCode::GetChildren => Reply::Names(reader.strings("children")?),
            OpCode::GetEphemerals => Reply::Names(reader.strings("ephemerals")?),
            OpCode::GetChildren2 => Reply::NamesAndStat { names: reader.strings("children")?, stat: stat(reader)? },
            OpCode::GetAllChildrenNumber => Reply::Number(reader.int("totalNumber")?),
            OpCode::Multi | OpCode::MultiRead => Reply::Multi(multi::decode_results(reader)?),
            OpCode::Sync => Reply::Sync { path: reader.optional_string("path")? },
            OpCode::AddWatch => Reply::Error(reader.int("err")?),
            OpCode::Sasl => Reply::Sasl { token: reader.buffer("token")? },
            OpCode::WhoAmI => Reply::WhoAmI(client_infos(reader)?),
            _ => Reply::Nothing,
        })
    }

    /// Writes the body.
    pub fn encode(&self, out: &mut impl Writer) {
        match self {
            Reply::Nothing => {}
            Reply::Create { path } => out.put_string(path),
            Reply::Create2 { path, stat } => put_path_and_stat(out, path, stat),
            Reply::Stat(stat) => put_stat(out, stat),
            Reply::Data { data, stat } => put_data_and_stat(out, data.as_deref(), stat),
            Reply::Acl { acl, stat } => put_acl_and_stat(out, acl, stat),
            Reply::Names(names) => out.put_strings(names),
            Reply::NamesAndStat { names, stat } => put_names_and_stat(out, names, stat),
            Reply::Number(number) | Reply::Error(number) => out.put_i32(*number),
            Reply::Multi(results) => multi::encode_results(out, results),
            Reply::Sync { path } => out.put_optional_string(path.as_deref()),
            Reply::Sasl { token } => out.put_buffer(token.as_deref()),
            Reply::WhoAmI(clients) => put_client_infos(out, clients),
        }
    }
}

/// Writes a reply as a frame: its length, its header, its body.
pub fn encode_reply(out: &mut impl Writer, header: &ReplyHeader, reply: &Reply) {
    encode_reply_with(out, header, |out| reply.encode(out));
}

/// Writes a reply as a frame, its body by `body`.
pub fn encode_reply_with<W: Writer>(out: &mut W, header: &ReplyHeader, body: impl FnOnce(&mut W)) {
    out.put_measured(|out| {
        header.encode(out);
        body(out);
    });
}

/// The body of a reply to create2, createContainer, createTTL.
pub fn put_path_and_stat(out: &mut impl Writer, path: &str, stat: &Stat) {
    out.put_string(path);
    put_stat(out, stat);
}

/// The body of a reply to getData.
pub fn put_data_and_stat(out: &mut impl Writer, data: Option<&[u8]>, stat: &Stat) {
    out.put_buffer(data);
    put_stat(out, stat);
}

/// The body of a reply to getACL.
pub fn put_acl_and_stat(out: &mut impl Writer, acl: &[Acl], stat: &Stat) {
    put_acl(out, acl);
    put_stat(out, stat);
}

/// The body of a reply to getChildren2; that to getChildren and getEphemerals is [`Writer::put_strings`] alone.
pub fn put_names_and_stat<S: AsRef<str>>(out: &mut impl Writer, names: impl IntoIterator<Item = S>, stat: &Stat) {
    out.put_strings(names);
    put_stat(out, stat);
}

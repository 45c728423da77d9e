//! What servers say to each other on the quorum port: `QuorumPacket`, and the records inside of it.
//!
//! *Java:* `zookeeper.jute` (`QuorumPacket`, `LearnerInfo`), `Leader`'s constants, `Learner`, `LearnerHandler`.
//!
//! | packet | zxid | data |
//! |---|---|---|
//! | FOLLOWERINFO, OBSERVERINFO | accepted epoch, counter 0 | [`LearnerInfo`] |
//! | LEADERINFO | epoch, counter 0 | int protocol version |
//! | ACKEPOCH | last transaction | int current epoch, or −1 |
//! | DIFF, TRUNC, SNAP, ACK, COMMIT | it | none; behind SNAP, the tree |
//! | NEWLEADER | epoch, counter 0 | none (Java: its list of servers, of use to reconfiguration only) |
//! | PROPOSAL, INFORM | the transaction's | the transaction |
//! | REQUEST | −1 | long session, int cxid, int operation, the client's bytes; and who the client is |
//! | PING | a number, returned as it is | from a learner: long session, int timeout, of all that were heard; not null |
//! | SYNC | 0 | none |
//! | UPTODATE | −1 | none |
//! | REVALIDATE | −1 | long session, int timeout; answered with long session, boolean |

use super::error::WireError;
use super::jute::{Reader, Writer};
use crate::disk::{CheckedReader, Snapshot};
use bytes::{BufMut, Bytes};
use std::io::{self, Read};
use zab::tree::{Id, OpCode, SessionId};
use zab::{AckEpoch, Epoch, Message, Payload, Request, ServerId, Txn, Zxid};

/// The version of the protocol that servers have spoken since 3.4.
pub const PROTOCOL_VERSION: i32 = 0x1_0000;

const REQUEST: i32 = 1;
const PROPOSAL: i32 = 2;
const ACK: i32 = 3;
const COMMIT: i32 = 4;
const PING: i32 = 5;
const REVALIDATE: i32 = 6;
const SYNC: i32 = 7;
const INFORM: i32 = 8;
const COMMITANDACTIVATE: i32 = 9;
const NEWLEADER: i32 = 10;
const FOLLOWERINFO: i32 = 11;
const UPTODATE: i32 = 12;
const DIFF: i32 = 13;
const TRUNC: i32 = 14;
const SNAP: i32 = 15;
const OBSERVERINFO: i32 = 16;
const LEADERINFO: i32 = 17;
const ACKEPOCH: i32 = 18;
const INFORMANDACTIVATE: i32 = 19;

/// Where a packet has no zxid: −1.
const NO_ZXID: Zxid = Zxid(u64::MAX);

/// What stands behind the tree that SNAP brings (`Learner.syncWithLeader`).
pub const SNAP_END: &str = "BenWasHere";

/// A message, with what the protocol does not look into.
#[derive(Clone, Debug)]
pub struct Packet {
    /// What is said.
    pub message: Message,
    /// What comes with it.
    pub attachment: Attachment,
}

impl From<Message> for Packet {
    fn from(message: Message) -> Packet {
        Packet { message, attachment: Attachment::None }
    }
}

/// What comes with a message.
#[derive(Clone, Debug)]
pub enum Attachment {
    /// Nothing.
    None,
    /// With SNAP: the state machine.
    Snapshot(Box<Snapshot>),
    /// With a learner's PING, even when there are none (Java's leader does not survive null): the sessions that were
    /// heard, with their timeouts in milliseconds.
    Touched(Vec<(SessionId, i32)>),
}

/// How a learner introduces itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LearnerInfo {
    /// Who it is.
    pub id: ServerId,
    /// Which protocol it speaks.
    pub protocol_version: i32,
    /// The version of its list of servers.
    pub config_version: i64,
}

/// A `QuorumPacket` as it is on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawPacket {
    /// Which packet it is.
    pub kind: i32,
    /// Its zxid, or what stands in its place.
    pub zxid: Zxid,
    /// Its data.
    pub data: Option<Bytes>,
    /// Who the client is whose request it forwards.
    pub identities: Option<Vec<Id>>,
}

/// The most identities of a client that are believed.
const MOST_IDENTITIES: i32 = 4096;

impl RawPacket {
    /// Reads one from a stream.
    ///
    /// # Errors
    /// The stream's; [`io::ErrorKind::InvalidData`] for a field that cannot be.
    pub fn read<R: Read>(input: &mut CheckedReader<R>) -> io::Result<RawPacket> {
        let (kind, zxid, mut scratch) = (input.int()?, Zxid(input.long()? as u64), Vec::new());
        let data = input.buffer(&mut scratch)?.then(|| Bytes::copy_from_slice(&scratch));
        let count = input.int()?;
        if count > MOST_IDENTITIES {
            return Err(invalid(format!("a client with {count} identities")));
        }
        let identity = |_| Ok(Id { scheme: input.text(&mut scratch)?, id: input.text(&mut scratch)? });
        let identities = if count < 0 { None } else { Some((0..count).map(identity).collect::<io::Result<_>>()?) };
        Ok(RawPacket { kind, zxid, data, identities })
    }

    /// What it says. The snapshot behind a SNAP is not read here.
    ///
    /// # Errors
    /// Data that make no sense, packets of a reconfiguration, and packets that no server sends.
    pub fn decode(self) -> Result<Packet, WireError> {
        let RawPacket { kind, zxid, data, identities } = self;
        let bytes = data.clone().unwrap_or_default();
        let message = match kind {
            FOLLOWERINFO => Message::FollowerInfo(zxid.epoch()),
            OBSERVERINFO => Message::ObserverInfo(zxid.epoch()),
            LEADERINFO => Message::LeaderInfo(zxid.epoch()),
            ACKEPOCH => Message::AckEpoch(ack_epoch(zxid, &bytes)?),
            DIFF => Message::Diff(zxid),
            TRUNC => Message::Trunc(zxid),
            SNAP => Message::Snap(zxid),
            NEWLEADER => Message::NewLeader(zxid.epoch()),
            UPTODATE => Message::UpToDate,
            PROPOSAL => Message::Proposal(Txn { zxid, payload: Payload(bytes) }),
            INFORM => Message::Inform(Txn { zxid, payload: Payload(bytes) }),
            ACK => Message::Ack(zxid),
            COMMIT => Message::Commit(zxid),
            SYNC => Message::Sync,
            REVALIDATE => Message::Revalidate(Payload(bytes)),
            REQUEST => Message::Request(request(&bytes, identities)?),
            PING => {
                let attachment = match data {
                    None => Attachment::None,
                    Some(data) => Attachment::Touched(touched(&data)?),
                };
                return Ok(Packet { message: Message::Ping(zxid.0), attachment });
            }
            COMMITANDACTIVATE | INFORMANDACTIVATE => return Err(WireError::Reconfiguration),
            _ => return Err(WireError::QuorumPacket(kind)),
        };
        Ok(message.into())
    }

    /// The introduction in a FOLLOWERINFO or OBSERVERINFO.
    ///
    /// # Errors
    /// [`WireError::Introduction`] for any other packet, and for one of a server older than 3.4.6.
    pub fn introduction(&self) -> Result<LearnerInfo, WireError> {
        let introduces = matches!(self.kind, FOLLOWERINFO | OBSERVERINFO);
        let data = self.data.as_ref().filter(|data| introduces && data.len() >= 12).ok_or(WireError::Introduction)?;
        let mut reader = Reader::new(data);
        let (id, protocol_version) = (reader.long("serverid")?, reader.int("protocolVersion")?);
        let config_version = if data.len() >= 20 { reader.long("configVersion")? } else { 0 };
        let id = u8::try_from(id).map_err(|_| WireError::Introduction)?;
        Ok(LearnerInfo { id: ServerId(id), protocol_version, config_version })
    }
}

fn ack_epoch(last_zxid: Zxid, data: &Bytes) -> Result<AckEpoch, WireError> {
    let epoch = Reader::new(data).int("epoch")?;
    let current_epoch = (epoch != -1).then_some(Epoch(epoch.cast_unsigned()));
    Ok(AckEpoch { current_epoch, last_zxid })
}

fn touched(data: &Bytes) -> Result<Vec<(SessionId, i32)>, WireError> {
    let mut reader = Reader::new(data);
    let mut sessions = Vec::with_capacity(data.len() / 12);
    while !reader.rest().is_empty() {
        sessions.push((SessionId(reader.long("session")?), reader.int("timeout")?));
    }
    Ok(sessions)
}

fn request(data: &Bytes, identities: Option<Vec<Id>>) -> Result<Request, WireError> {
    let mut reader = Reader::sharing(data);
    let (session, cxid, kind) = (SessionId(reader.long("sessionId")?), reader.int("cxid")?, reader.int("type")?);
    let body = data.slice_ref(reader.rest());
    let identities = identities.unwrap_or_default();
    let payload = ForwardedRequest { session, cxid, kind, body, identities }.to_payload();
    Ok(if kind == OpCode::Sync.number() { Request::Sync(payload) } else { Request::Write(payload) })
}

/// Writes a packet; of a SNAP, the part before the tree. `own` is who says it.
pub fn encode_packet(out: &mut Vec<u8>, own: ServerId, packet: &Packet) {
    let message = &packet.message;
    let none: (Option<&[u8]>, _) = (None, None);
    let info = |epoch: &Epoch| {
        let mut info = Vec::with_capacity(20);
        info.put_i64(own.0.into());
        info.put_i32(PROTOCOL_VERSION);
        info.put_i64(0);
        (epoch.start(), info)
    };
    match message {
        Message::Notification(_) => {}
        Message::FollowerInfo(epoch) => put(out, FOLLOWERINFO, info(epoch).0, (Some(&info(epoch).1), None)),
        Message::ObserverInfo(epoch) => put(out, OBSERVERINFO, info(epoch).0, (Some(&info(epoch).1), None)),
        Message::LeaderInfo(epoch) => {
            put(out, LEADERINFO, epoch.start(), (Some(&PROTOCOL_VERSION.to_be_bytes()), None));
        }
        Message::AckEpoch(AckEpoch { current_epoch, last_zxid }) => {
            let epoch = current_epoch.map_or(-1, |epoch| epoch.0.cast_signed());
            put(out, ACKEPOCH, *last_zxid, (Some(&epoch.to_be_bytes()), None));
        }
        Message::Diff(zxid) => put(out, DIFF, *zxid, none),
        Message::Trunc(zxid) => put(out, TRUNC, *zxid, none),
        Message::Snap(zxid) => put(out, SNAP, *zxid, none),
        Message::NewLeader(epoch) => put(out, NEWLEADER, epoch.start(), none),
        Message::UpToDate => put(out, UPTODATE, NO_ZXID, none),
        Message::Proposal(txn) => put(out, PROPOSAL, txn.zxid, (Some(&txn.payload.0), None)),
        Message::Inform(txn) => put(out, INFORM, txn.zxid, (Some(&txn.payload.0), None)),
        Message::Ack(zxid) => put(out, ACK, *zxid, none),
        Message::Commit(zxid) => put(out, COMMIT, *zxid, none),
        Message::Sync => put(out, SYNC, Zxid::ZERO, none),
        Message::Revalidate(payload) => put(out, REVALIDATE, NO_ZXID, (Some(&payload.0), None)),
        Message::Ping(number) => {
            let Attachment::Touched(sessions) = &packet.attachment else {
                return put(out, PING, Zxid(*number), none);
            };
            let mut data = Vec::with_capacity(12 * sessions.len());
            for (session, timeout) in sessions {
                data.put_i64(session.0);
                data.put_i32(*timeout);
            }
            put(out, PING, Zxid(*number), (Some(&data), None));
        }
        Message::Request(Request::Write(payload) | Request::Sync(payload)) => {
            // A payload of this server's own making can be read.
            if let Ok(forwarded) = ForwardedRequest::from_payload(payload) {
                let mut data = Vec::with_capacity(16 + forwarded.body.len());
                data.put_i64(forwarded.session.0);
                data.put_i32(forwarded.cxid);
                data.put_i32(forwarded.kind);
                data.put_slice(&forwarded.body);
                put(out, REQUEST, NO_ZXID, (Some(&data), Some(&forwarded.identities)));
            }
        }
    }
}

fn put(out: &mut Vec<u8>, kind: i32, zxid: Zxid, (data, identities): (Option<&[u8]>, Option<&Vec<Id>>)) {
    out.put_i32(kind);
    out.put_zxid(zxid);
    out.put_buffer(data);
    match identities {
        None => out.put_null(),
        Some(identities) => put_identities(out, identities),
    }
}

fn put_identities(out: &mut Vec<u8>, identities: &[Id]) {
    out.put_length(identities.len());
    for identity in identities {
        out.put_string(&identity.scheme);
        out.put_string(&identity.id);
    }
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// A client's request on its way from a learner to the leader. The protocol carries it as a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardedRequest {
    /// Whose.
    pub session: SessionId,
    /// The client's number of it.
    pub cxid: i32,
    /// The operation's number.
    pub kind: i32,
    /// The operation's body as the client sent it.
    pub body: Bytes,
    /// Who the client has proved to be.
    pub identities: Vec<Id>,
}

impl ForwardedRequest {
    /// As the protocol carries it.
    #[must_use]
    pub fn to_payload(&self) -> Payload {
        let mut out = Vec::with_capacity(64 + self.body.len());
        out.put_i64(self.session.0);
        out.put_i32(self.cxid);
        out.put_i32(self.kind);
        out.put_buffer(Some(&self.body));
        put_identities(&mut out, &self.identities);
        Payload(out.into())
    }

    /// What the protocol carried.
    ///
    /// # Errors
    /// Bytes that [`ForwardedRequest::to_payload`] does not make.
    pub fn from_payload(payload: &Payload) -> Result<ForwardedRequest, WireError> {
        let mut reader = Reader::sharing(&payload.0);
        let (session, cxid, kind) = (SessionId(reader.long("sessionId")?), reader.int("cxid")?, reader.int("type")?);
        let body = reader.buffer("request")?.unwrap_or_default();
        let identity = |reader: &mut Reader<'_>| Ok(Id { scheme: reader.string("scheme")?, id: reader.string("id")? });
        let identities = reader.vector("authinfo", 8, identity)?.unwrap_or_default();
        Ok(ForwardedRequest { session, cxid, kind, body, identities })
    }
}

/// Whether a session that came to a learner is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionCheck {
    /// The learner asks.
    Question {
        /// Which session.
        session: SessionId,
        /// Its timeout in milliseconds.
        timeout: i32,
    },
    /// The leader answers.
    Answer {
        /// Which session.
        session: SessionId,
        /// Whether it is open.
        valid: bool,
    },
}

impl SessionCheck {
    /// As the protocol carries it, which is as it is on the wire.
    #[must_use]
    pub fn to_payload(&self) -> Payload {
        let mut out = Vec::with_capacity(12);
        match self {
            SessionCheck::Question { session, timeout } => {
                out.put_i64(session.0);
                out.put_i32(*timeout);
            }
            SessionCheck::Answer { session, valid } => {
                out.put_i64(session.0);
                out.put_boolean(*valid);
            }
        }
        Payload(out.into())
    }

    /// Reads a question.
    ///
    /// # Errors
    /// Too few bytes.
    pub fn question(payload: &Payload) -> Result<SessionCheck, WireError> {
        let mut reader = Reader::new(&payload.0);
        Ok(SessionCheck::Question { session: SessionId(reader.long("session")?), timeout: reader.int("timeout")? })
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// Too few bytes.
    pub fn answer(payload: &Payload) -> Result<SessionCheck, WireError> {
        let mut reader = Reader::new(&payload.0);
        Ok(SessionCheck::Answer { session: SessionId(reader.long("session")?), valid: reader.boolean("valid")? })
    }
}

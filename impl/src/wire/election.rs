//! What servers say to each other on the election port: a hello, then notifications in frames.
//!
//! *Java:* `QuorumCnxManager.InitialMessage`, `FastLeaderElection.buildMsg`, `WorkerReceiver`.

use super::error::WireError;
use super::jute::{Reader, Writer};
use bytes::{Buf, BufMut, BytesMut};
use zab::{Epoch, Notification, Round, ServerId, ServerState, Vote, Zxid};

/// The hello's version with one address (`PROTOCOL_VERSION_V1`).
const ONE_ADDRESS: i64 = -65536;
/// The hello's version with several addresses (`PROTOCOL_VERSION_V2`).
const SEVERAL_ADDRESSES: i64 = -65535;
/// The longest list of addresses in a hello, in bytes (`QuorumCnxManager.maxBuffer`).
const LONGEST_ADDRESSES: usize = 2048;
/// The longest notification that is believed, in bytes (`QuorumCnxManager.PACKETMAXSIZE`).
pub const LONGEST_NOTIFICATION: usize = 512 << 10;
/// The bytes of a hello before its addresses.
const HELLO_START: usize = 20;
/// A notification without a vote (`Long.MIN_VALUE`).
const NO_VOTE: i64 = i64::MIN;
/// The zxid of a server that has lost its data, or cannot tell: others do not take its vote.
const UNTRUSTED: i64 = -1;
/// The notification's version since 3.5, which has a list of servers behind it.
const VERSION: i32 = 2;

/// How the connecting side introduces itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Who it is.
    pub id: ServerId,
    /// Where its election port is, `host:port`, several with `|` between them. Empty from servers before 3.5.
    pub addresses: String,
}

impl Hello {
    /// Writes it. It must leave in one write: Java reads the addresses with a single read.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let several = self.addresses.contains('|');
        out.put_i64(if several { SEVERAL_ADDRESSES } else { ONE_ADDRESS });
        out.put_i64(self.id.0.into());
        out.put_length(self.addresses.len());
        out.put_slice(self.addresses.as_bytes());
    }

    /// Takes it off the start of `input`; `None` if more must be read first. Nothing is taken then.
    ///
    /// # Errors
    /// [`WireError::Hello`] for what no server says, and for the observers of 3.4, which have no number (−1).
    pub fn decode(input: &mut BytesMut) -> Result<Option<Hello>, WireError> {
        let Some(version) = input.first_chunk().copied().map(i64::from_be_bytes) else { return Ok(None) };
        if let Ok(id) = u8::try_from(version) {
            // Servers before 3.5 say only who they are.
            input.advance(8);
            return Ok(Some(Hello { id: ServerId(id), addresses: String::new() }));
        }
        if ![ONE_ADDRESS, SEVERAL_ADDRESSES].contains(&version) {
            return Err(WireError::Hello);
        }
        let Some(start) = input.first_chunk::<HELLO_START>() else { return Ok(None) };
        let mut reader = Reader::new(&start[8..]);
        let (id, length) = (reader.long("sid")?, reader.int("length")?);
        let id = u8::try_from(id).map_err(|_| WireError::Hello)?;
        let length = usize::try_from(length).ok().filter(|length| (1..=LONGEST_ADDRESSES).contains(length));
        let end = HELLO_START + length.ok_or(WireError::Hello)?;
        if input.len() < end {
            return Ok(None);
        }
        let addresses = String::from_utf8_lossy(&input.split_to(end)[HELLO_START..]).into_owned();
        Ok(Some(Hello { id: ServerId(id), addresses }))
    }
}

/// Writes a notification as a frame. `config` is the list of servers as Java prints it.
pub fn encode_notification(out: &mut Vec<u8>, notification: &Notification, config: &str) {
    let (leader, zxid, peer_epoch) = match notification.vote {
        Some(vote) => (i64::from(vote.leader.0), vote.zxid.0.cast_signed(), i64::from(vote.peer_epoch.0)),
        None => (NO_VOTE, NO_VOTE, NO_VOTE),
    };
    let state = match notification.state {
        ServerState::Looking => 0,
        ServerState::Following => 1,
        ServerState::Leading => 2,
        ServerState::Observing => 3,
    };
    out.put_measured(|out| {
        out.put_i32(state);
        out.put_i64(leader);
        out.put_i64(zxid);
        out.put_i64(notification.round.0.cast_signed());
        out.put_i64(peer_epoch);
        out.put_i32(VERSION);
        out.put_string(config);
    });
}

/// Reads a notification, without its frame's length. What follows the vote, the list of servers, is of use to
/// reconfiguration only.
///
/// # Errors
/// Fewer bytes than a notification of 3.4 has; a state that there is none; a leader, round or epoch that no server
/// has.
pub fn decode_notification(bytes: &[u8]) -> Result<Notification, WireError> {
    let mut reader = Reader::new(bytes);
    let state = match reader.int("state")? {
        0 => ServerState::Looking,
        1 => ServerState::Following,
        2 => ServerState::Leading,
        3 => ServerState::Observing,
        other => return Err(WireError::ServerState(other)),
    };
    let (leader, zxid, round) = (reader.long("leader")?, reader.long("zxid")?, reader.long("electionEpoch")?);
    // Votes of 3.4 before the epoch was part of them; the epoch of the zxid stands for it (`FastLeaderElection`).
    let peer_epoch = if reader.rest().is_empty() { zxid >> 32 } else { reader.long("peerEpoch")? };
    let round = Round(u64::try_from(round).map_err(|_| WireError::Vote("electionEpoch"))?);
    let vote = if leader == NO_VOTE || zxid == UNTRUSTED { None } else { Some(vote(leader, zxid, peer_epoch)?) };
    Ok(Notification { state, round, vote })
}

fn vote(leader: i64, zxid: i64, peer_epoch: i64) -> Result<Vote, WireError> {
    let leader = ServerId(u8::try_from(leader).map_err(|_| WireError::Vote("leader"))?);
    let peer_epoch = Epoch(u32::try_from(peer_epoch).map_err(|_| WireError::Vote("peerEpoch"))?);
    Ok(Vote { leader, zxid: Zxid(zxid.cast_unsigned()), peer_epoch })
}

//! What servers say to each other on the election port: a hello, then notifications in frames.
//!
//! *Java:* `QuorumCnxManager.InitialMessage`, `FastLeaderElection.buildMsg`, `WorkerReceiver`.

use super::error::WireError;
use super::jute::Reader;
use bytes::{BufMut, Bytes};
use zab::{Epoch, Notification, Round, ServerId, ServerState, Vote, Zxid};

/// The hello's version with one address (`PROTOCOL_VERSION_V1`).
const ONE_ADDRESS: i64 = -65536;
/// The hello's version with several addresses (`PROTOCOL_VERSION_V2`).
const SEVERAL_ADDRESSES: i64 = -65535;
/// The longest list of addresses in a hello, in bytes (`QuorumCnxManager.maxBuffer`).
const LONGEST_ADDRESSES: i32 = 2048;
/// The longest notification that is believed, in bytes (`QuorumCnxManager.PACKETMAXSIZE`).
pub const LONGEST_NOTIFICATION: usize = 512 << 10;
/// The bytes of a hello before its addresses.
pub const HELLO_START: usize = 20;
/// A notification without a vote (`Long.MIN_VALUE`).
const NO_VOTE: i64 = i64::MIN;
/// The notification's version since 3.5, which has a list of servers behind it.
const VERSION: i32 = 2;

/// Writes the hello of the connecting side. It must leave in one write: Java reads the addresses with a single read.
pub fn encode_hello(out: &mut Vec<u8>, own: ServerId, address: &str) {
    out.put_i64(ONE_ADDRESS);
    out.put_i64(own.0.into());
    out.put_i32(i32::try_from(address.len()).unwrap_or_default());
    out.put_slice(address.as_bytes());
}

/// Reads the start of a hello: who says it, and how many bytes of addresses follow.
///
/// # Errors
/// [`WireError::Hello`] for what no server since 3.5 says.
pub fn decode_hello(start: &[u8; HELLO_START]) -> Result<(ServerId, usize), WireError> {
    let mut reader = Reader::new(start);
    let (version, id, length) = (reader.long("version")?, reader.long("sid")?, reader.int("length")?);
    let id = u8::try_from(id).map_err(|_| WireError::Hello)?;
    if ![ONE_ADDRESS, SEVERAL_ADDRESSES].contains(&version) || !(0..=LONGEST_ADDRESSES).contains(&length) {
        return Err(WireError::Hello);
    }
    Ok((ServerId(id), usize::try_from(length).unwrap_or_default()))
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
    let length = |bytes: usize| i32::try_from(bytes).unwrap_or(i32::MAX);
    out.put_i32(length(44 + config.len()));
    out.put_i32(state);
    out.put_i64(leader);
    out.put_i64(zxid);
    out.put_i64(notification.round.0.cast_signed());
    out.put_i64(peer_epoch);
    out.put_i32(VERSION);
    out.put_i32(length(config.len()));
    out.put_slice(config.as_bytes());
}

/// Reads a notification, without its frame's length. What follows the vote, the list of servers, is of use to
/// reconfiguration only.
///
/// # Errors
/// Fewer bytes than a notification of 3.4 has; a state that there is none.
pub fn decode_notification(bytes: &Bytes) -> Result<Notification, WireError> {
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
    let vote = match (u8::try_from(leader), u32::try_from(peer_epoch)) {
        (Ok(leader), Ok(epoch)) => {
            Some(Vote { leader: ServerId(leader), zxid: Zxid(zxid.cast_unsigned()), peer_epoch: Epoch(epoch) })
        }
        _ => None,
    };
    let round = Round(u64::try_from(round).map_err(|_| WireError::Hello)?);
    Ok(Notification { state, round, vote })
}

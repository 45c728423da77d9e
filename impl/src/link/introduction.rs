//! The first packet on a connection that someone opened to this server's quorum port.

use crate::wire::quorum::{LearnerInfo, RawPacket};
use bytes::Bytes;
use std::io::{self, Read};
use zab::Zxid;

/// The longest data of an introduction that are believed, in bytes: LearnerInfo has 20.
const LONGEST_INFO: usize = 64;

/// Reads it, before more memory is spent on a stranger than these few bytes.
///
/// # Errors
/// The stream's; [`io::ErrorKind::InvalidData`] for what is no introduction of a learner.
pub(super) fn read(mut input: impl Read) -> io::Result<(RawPacket, LearnerInfo)> {
    let kind = i32::from_be_bytes(array(&mut input)?);
    let zxid = Zxid(u64::from_be_bytes(array(&mut input)?));
    let length = i32::from_be_bytes(array(&mut input)?);
    let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST_INFO);
    let mut data = vec![0; length.ok_or_else(|| invalid("the first packet is no introduction of a learner"))?];
    input.read_exact(&mut data)?;
    if i32::from_be_bytes(array(&mut input)?) > 0 {
        return Err(invalid("a learner introduces itself with the identities of a client"));
    }
    let packet = RawPacket { kind, zxid, data: Some(Bytes::from(data)), identities: None };
    let info = packet.introduction().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok((packet, info))
}

fn array<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

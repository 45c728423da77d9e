//! What a client proves about itself.

use super::Connection;
use super::port::Service;
use crate::wire::request::AuthPacket;
use crate::wire::{Reply, ReplyHeader, reply::encode_reply};
use zab::tree::Code;
use zab::tree::auth::digest_identities;

/// Takes a proof in, and answers it at once: packets of this kind stand outside of the order of requests. One that
/// proves nothing is the connection's last. Java's clients give all of them the xid −4; others number them like their
/// other requests, and know the reply by that.
///
/// *Java:* `ZooKeeperServer.processPacket` (`OpCode.auth`), `DigestAuthenticationProvider`, `IPAuthenticationProvider`.
pub(super) fn authenticate(service: &Service, connection: &Connection, xid: i32, packet: &AuthPacket) {
    let proof = packet.auth.as_deref().unwrap_or_default();
    let proved = match packet.scheme.as_str() {
        "digest" => {
            let identities = digest_identities(proof, service.options.super_digest.as_deref());
            let mut own = connection.identities.write();
            let new: Vec<_> = identities.into_iter().filter(|identity| !own.contains(identity)).collect();
            *own = own.iter().cloned().chain(new).collect();
            true
        }
        // The address is known anyhow.
        "ip" => true,
        _ => false,
    };
    let err = if proved { 0 } else { Code::AuthFailed.number() };
    let header = ReplyHeader { xid, zxid: zab::Zxid(0), err };
    connection.outbox.push(|out| encode_reply(out, &header, &Reply::Nothing));
    if !proved {
        service.shared.counters.authentication_failed.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        tracing::warn!(client = %connection.address, scheme = %packet.scheme, "authentication failed");
        connection.outbox.close();
    }
}

//! A world in a few hundred bytes, for the frontier of the search. Everything is in there but the ensemble, which all
//! peers of all worlds share.

use super::{Budget, Connection, ElectionLink, OpenSync, Queued, Server, World};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use zab::peer::Role;
use zab::properties::Past;
use zab::{Disk, Ensemble, Peer, Round, ServerId, Txn, Vote, Zxid};

#[derive(Serialize)]
struct PeerFields<'a> {
    id: ServerId,
    memory: &'a Disk,
    delivered: Zxid,
    round: Round,
    vote: Option<Vote>,
    role: &'a Role,
}

#[derive(Deserialize)]
struct PeerRead {
    id: ServerId,
    memory: Disk,
    delivered: Zxid,
    round: Round,
    vote: Option<Vote>,
    role: Role,
}

type ServerFields<'a> = (Option<PeerFields<'a>>, &'a Disk, &'a [Txn], &'a [Queued], &'a [Txn], &'a [OpenSync]);
type ServerRead = (Option<PeerRead>, Disk, Vec<Txn>, Vec<Queued>, Vec<Txn>, Vec<OpenSync>);
type WorldRead = (Vec<ServerRead>, Vec<Connection>, Vec<ElectionLink>, Vec<u8>, Budget, Past);

/// Appends the world to `bytes`.
pub fn pack(world: &World, bytes: &mut Vec<u8>) {
    let servers: Vec<ServerFields<'_>> = world.servers.iter().map(fields).collect();
    let all = (servers, &world.connections, &world.election, &world.due, world.budget, &world.past);
    let buffer = std::mem::take(bytes);
    *bytes = postcard::to_extend(&all, buffer).expect("a world has only plain data");
}

fn fields(server: &Server) -> ServerFields<'_> {
    let peer = server.peer.as_ref().map(|peer| PeerFields {
        id: peer.id,
        memory: &peer.memory,
        delivered: peer.delivered,
        round: peer.round,
        vote: peer.vote,
        role: &peer.role,
    });
    (peer, &server.disk, &server.snapshot, &server.queue, &server.delivered, &server.syncs)
}

/// The world that [`pack`] wrote.
///
/// # Panics
/// When `bytes` are not what `pack` wrote.
#[must_use]
pub fn unpack(ensemble: &Arc<Ensemble>, bytes: &[u8]) -> World {
    let read: WorldRead = postcard::from_bytes(bytes).expect("these bytes were packed");
    let (servers, connections, election, due, budget, past) = read;
    let servers = servers.into_iter().map(|server| build(ensemble, server)).collect();
    World { servers, connections, election, due, budget, past }
}

fn build(ensemble: &Arc<Ensemble>, (peer, disk, snapshot, queue, delivered, syncs): ServerRead) -> Server {
    let peer = peer.map(|peer| Peer {
        id: peer.id,
        ensemble: ensemble.clone(),
        memory: peer.memory,
        delivered: peer.delivered,
        round: peer.round,
        vote: peer.vote,
        role: peer.role,
    });
    Server { peer, disk, snapshot, queue, delivered, syncs }
}

//! How a world is printed: a line a server.

use crate::world::{End, Queued, Server, World};
use zab::peer::Role;
use zab::{History, Peer, ServerId, Zxid};

/// A server's line.
pub fn server(id: ServerId, server: &Server) -> String {
    let Some(peer) = &server.peer else {
        let disk = &server.disk;
        let (accepted, current) = (disk.accepted_epoch.0, disk.current_epoch.0);
        return format!("{id} down; accepted {accepted}, current {current}; {}", history(&disk.history));
    };
    let (accepted, current) = (peer.memory.accepted_epoch.0, peer.memory.current_epoch.0);
    let mut line = format!("{id} {}; accepted {accepted}, current {current}", role(peer));
    line += &format!("; {}", history(&peer.memory.history));
    if peer.delivered != Zxid::ZERO {
        line += &format!("; delivered {}", peer.delivered);
    }
    if !server.queue.is_empty() {
        let queue: Vec<String> = server.queue.iter().map(queued).collect();
        line += &format!("; queue: {}", queue.join(", "));
    }
    line
}

fn role(peer: &Peer) -> String {
    match &peer.role {
        Role::Looking(looking) => {
            let settling = if looking.settling { ", settling" } else { "" };
            let vote = peer
                .vote
                .map_or("no vote".to_owned(), |vote| format!("vote {} {} {}", vote.leader, vote.peer_epoch, vote.zxid));
            format!("LOOKING round {}, {vote}{settling}", peer.round.0)
        }
        Role::Following(following) => {
            let verb = if peer.ensemble.is_observer(peer.id) { "OBSERVING" } else { "FOLLOWING" };
            format!("{verb} {}, {:?}", following.leader, following.phase)
        }
        Role::Leading(leading) => {
            let others = leading.learners.iter().filter(|learner| learner.id != peer.id);
            let learners: Vec<String> = others.map(|learner| format!("{} {:?}", learner.id, learner.phase)).collect();
            let learners = if learners.is_empty() { "nobody".to_owned() } else { learners.join(", ") };
            format!("LEADING {learners}, {:?}", leading.phase)
        }
    }
}

fn history(history: &History) -> String {
    let mut parts = Vec::new();
    if history.snapshot() != Zxid::ZERO {
        parts.push(format!("snapshot {}", history.snapshot()));
    }
    if !history.log().is_empty() {
        let log: Vec<String> = history.log().iter().map(ToString::to_string).collect();
        parts.push(format!("log {}", log.join(" ")));
    }
    if parts.is_empty() { "no history".to_owned() } else { parts.join(" ") }
}

fn queued(queued: &Queued) -> String {
    match queued {
        Queued::Write(write) | Queued::Snapshot(write, _) => write.to_string(),
        Queued::Send(to, message) => format!("{message} to {to}"),
    }
}

/// What is on its way, a line a connection and direction.
pub fn network(world: &World) -> Vec<String> {
    let mut lines = Vec::new();
    for connection in &world.connections {
        for end in [End::Leader, End::Learner] {
            let (learner, leader) = (connection.learner, connection.leader);
            let (from, to) = if end == End::Leader { (learner, leader) } else { (leader, learner) };
            let messages: Vec<String> = connection.inbound(end).iter().map(ToString::to_string).collect();
            let gone = if connection.is_gone_for(end) { " (gone)" } else { "" };
            if connection.is_open(end) && !(messages.is_empty() && gone.is_empty()) {
                lines.push(format!("{from} -> {to}{gone} {}", messages.join(", ")).trim_end().to_owned());
            }
        }
    }
    for from in world.ids() {
        for to in world.ids() {
            let link = world.link(from, to);
            let messages = link.wire.iter().chain(&link.waiting);
            lines.extend(messages.map(|notification| format!("{from} -> {to} NOTIFICATION {notification}")));
        }
    }
    if lines.is_empty() {
        lines.push("nothing is on its way".to_owned());
    }
    lines
}

//! What an action changed, in few words: only the servers that changed, and of them only what is different.

use super::label::queued;
use crate::world::{Server, World};
use zab::peer::{HandlerPhase, LeaderPhase, Leading, LearnerPhase, Peer, Role};
use zab::{Disk, Ensemble, ServerId, Txn, Zxid};

/// What changed of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Whose.
    pub server: ServerId,
    /// What, in a fixed order.
    pub changes: Vec<Change>,
}

/// Something that was one thing and is another now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it is.
    pub field: Field,
    /// What it was.
    pub before: String,
    /// What it is now.
    pub after: String,
}

/// What of a server is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Role and phase.
    Role,
    /// While looking: its round and vote.
    Vote,
    /// The accepted epoch in its memory, or on its disk while it is down.
    Accepted,
    /// The current epoch, likewise.
    Current,
    /// The history, likewise.
    History,
    /// What the state machine was given.
    Delivered,
    /// While looking: what it has heard.
    Heard,
    /// While following: what its leader said to be committed.
    Committed,
    /// While leading: how far its learners have come.
    Learners,
    /// What waits for its disk.
    Queue,
    /// The syncs that are open.
    Syncs,
}

/// A server's field, in words; empty where there is nothing to say.
#[must_use]
pub fn field(server: &Server, field: Field) -> String {
    let peer = server.peer.as_ref();
    let disk: &Disk = peer.map_or(&server.disk, |peer| &peer.memory);
    match field {
        Field::Role => peer.map_or("down".to_owned(), role),
        Field::Vote => peer.map_or(String::new(), vote),
        Field::Accepted => disk.accepted_epoch.to_string(),
        Field::Current => disk.current_epoch.to_string(),
        Field::History => history(disk),
        Field::Delivered => zxids(server.delivered.iter()),
        Field::Heard => peer.map_or(String::new(), heard),
        Field::Committed => match peer.map(|peer| &peer.role) {
            Some(Role::Following(following)) => following.committed.to_string(),
            _ => String::new(),
        },
        Field::Learners => match peer.map(|peer| &peer.role) {
            Some(Role::Leading(leading)) => learners(leading),
            _ => String::new(),
        },
        Field::Queue => server.queue.iter().map(queued).collect::<Vec<_>>().join(", "),
        Field::Syncs => {
            if server.syncs.is_empty() {
                String::new()
            } else {
                format!("{} open", server.syncs.len())
            }
        }
    }
}

/// Every field, in the order of telling.
pub const FIELDS: [Field; 11] = [
    Field::Role,
    Field::Vote,
    Field::Accepted,
    Field::Current,
    Field::History,
    Field::Delivered,
    Field::Heard,
    Field::Committed,
    Field::Learners,
    Field::Queue,
    Field::Syncs,
];

/// What is different in `after`.
#[must_use]
pub fn effects(before: &World, after: &World) -> Vec<Effect> {
    let pairs = before.ids().zip(before.servers.iter().zip(&after.servers));
    let changed = pairs.filter(|(_, (old, new))| old != new);
    changed.map(|(server, (old, new))| Effect { server, changes: changes(old, new) }).collect()
}

fn changes(old: &Server, new: &Server) -> Vec<Change> {
    let change = |of| Change { field: of, before: field(old, of), after: field(new, of) };
    FIELDS.into_iter().map(change).filter(|change| change.before != change.after).collect()
}

impl Effect {
    /// In words, on one line.
    #[must_use]
    pub fn text(&self) -> String {
        if self.changes.is_empty() {
            return format!("{}: only what it remembers of others", self.server);
        }
        let changes: Vec<String> = self.changes.iter().map(Change::text).collect();
        format!("{}: {}", self.server, changes.join("; "))
    }
}

impl Change {
    /// In words.
    #[must_use]
    pub fn text(&self) -> String {
        let name = self.field.name();
        let (before, after) = (self.before.as_str(), self.after.as_str());
        // What joins a list or leaves it at its front says more than two long lists.
        if let Some(added) = after.strip_prefix(before).filter(|_| self.field == Field::Queue) {
            return format!("{name} +[{}]", added.trim_start_matches(", "));
        }
        if let Some(removed) = before.strip_suffix(after).filter(|_| self.field == Field::Queue) {
            return format!("{name} -[{}]", removed.trim_end_matches(", "));
        }
        match self.field {
            Field::Role => return roles(before, after),
            Field::Learners | Field::Heard if !before.is_empty() && !after.is_empty() => {
                return format!("{name} {}", list(before, after));
            }
            Field::Vote | Field::Committed | Field::Learners | Field::Heard if before.is_empty() => {
                return format!("{name} {after}");
            }
            Field::Vote | Field::Committed | Field::Learners | Field::Heard if after.is_empty() => {
                return format!("no {name}");
            }
            _ => {}
        }
        let or_nothing = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
        format!("{name} {} → {}", or_nothing(before), or_nothing(after))
    }

    /// What a diagram says of it beside the lifeline, if it is worth a place there.
    #[must_use]
    pub fn brief(&self) -> Option<String> {
        match self.field {
            Field::Role => Some(self.after.clone()),
            Field::Accepted | Field::Current | Field::History | Field::Delivered => {
                Some(format!("{} {}", self.field.name(), if self.after.is_empty() { "nothing" } else { &self.after }))
            }
            _ => None,
        }
    }
}

impl Field {
    /// Its name in a story.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Field::Role => "role",
            Field::Vote => "vote",
            Field::Accepted => "accepted",
            Field::Current => "current",
            Field::History => "history",
            Field::Delivered => "delivered",
            Field::Heard => "heard",
            Field::Committed => "committed",
            Field::Learners => "learners",
            Field::Queue => "queue",
            Field::Syncs => "syncs",
        }
    }
}

/// A change of phase names the role once.
fn roles(before: &str, after: &str) -> String {
    match (before.split_once(", "), after.split_once(", ")) {
        (Some((role, old)), Some((same, new))) if role == same => format!("{role}, {old} → {new}"),
        _ => format!("{before} → {after}"),
    }
}

/// Of two lists, each item beginning with a name of its own, only what is different.
fn list(before: &str, after: &str) -> String {
    fn name(item: &str) -> &str {
        item.split(' ').next().unwrap_or_default()
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (before.split(", ").collect(), after.split(", ").collect());
    let gone = old.iter().filter(|item| !new.iter().any(|other| name(other) == name(item)));
    let mut items: Vec<String> = gone.map(|item| format!("-{}", name(item))).collect();
    for item in new.iter().filter(|item| !old.contains(item)) {
        match old.iter().find(|other| name(other) == name(item)) {
            Some(other) => items.push(format!("{other} → {}", item[name(item).len()..].trim_start())),
            None => items.push(format!("+{item}")),
        }
    }
    if items.is_empty() { format!("{before} → {after}") } else { items.join(", ") }
}

// ---- Words --------------------------------------------------------------------------------------------------------

fn role(peer: &Peer) -> String {
    match &peer.role {
        Role::Looking(looking) if looking.settling => "LOOKING, settling".to_owned(),
        Role::Looking(_) => "LOOKING".to_owned(),
        Role::Following(following) => {
            let name = if peer.ensemble.is_observer(peer.id) { "OBSERVING" } else { "FOLLOWING" };
            format!("{name} {}, {}", following.leader, learner_phase(following.phase))
        }
        Role::Leading(leading) => format!("LEADING, {}", leader_phase(leading.phase)),
    }
}

fn learner_phase(phase: LearnerPhase) -> &'static str {
    match phase {
        LearnerPhase::Connecting => "connecting",
        LearnerPhase::Discovery => "discovery",
        LearnerPhase::EpochAccepted => "epoch accepted",
        LearnerPhase::Synchronization => "synchronization",
        LearnerPhase::NewLeaderAcknowledged => "NEWLEADER acknowledged",
        LearnerPhase::Broadcast => "serving",
    }
}

fn leader_phase(phase: LeaderPhase) -> &'static str {
    match phase {
        LeaderPhase::Discovery => "discovery",
        LeaderPhase::EpochProposed => "epoch proposed",
        LeaderPhase::Synchronization => "synchronization",
        LeaderPhase::Broadcast => "serving",
    }
}

fn handler_phase(phase: HandlerPhase) -> &'static str {
    match phase {
        HandlerPhase::Connected => "connected",
        HandlerPhase::EpochProposed => "epoch proposed",
        HandlerPhase::EpochKnown => "epoch known",
        HandlerPhase::EpochAcknowledged => "epoch acknowledged",
        HandlerPhase::Synchronizing => "synchronizing",
        HandlerPhase::NewLeaderAcknowledged => "NEWLEADER acknowledged",
        HandlerPhase::UpToDate => "up to date",
    }
}

fn vote(peer: &Peer) -> String {
    match (&peer.role, peer.vote) {
        (Role::Looking(_), Some(vote)) => {
            format!("{} {} {} in round {}", vote.leader, vote.peer_epoch, vote.zxid, peer.round.0)
        }
        _ => String::new(),
    }
}

fn heard(peer: &Peer) -> String {
    let Role::Looking(looking) = &peer.role else { return String::new() };
    let votes = looking.received.iter().map(|entry| format!("{} for {}", entry.from, entry.vote.leader));
    let standing = looking.standing.iter().map(|entry| {
        if entry.leads { format!("{} leads", entry.from) } else { format!("{} follows {}", entry.from, entry.leader) }
    });
    votes.chain(standing).collect::<Vec<_>>().join(", ")
}

fn learners(leading: &Leading) -> String {
    let learners = leading.learners.iter().map(|learner| {
        let zxid = if learner.zxid == Zxid::ZERO { String::new() } else { format!(" {}", learner.zxid) };
        format!("{} {}{zxid}", learner.id, handler_phase(learner.phase))
    });
    learners.collect::<Vec<_>>().join(", ")
}

fn history(disk: &Disk) -> String {
    let log = zxids(disk.history.log().iter());
    match (disk.history.snapshot(), log.is_empty()) {
        (Zxid::ZERO, _) => log,
        (snapshot, true) => format!("snapshot {snapshot}"),
        (snapshot, false) => format!("snapshot {snapshot} {log}"),
    }
}

fn zxids<'a>(transactions: impl Iterator<Item = &'a Txn>) -> String {
    transactions.map(|txn| txn.zxid.to_string()).collect::<Vec<_>>().join(" ")
}

/// What is on its way, one line a link; the messages of a line arrive from left to right.
#[must_use]
pub fn in_flight(world: &World) -> Vec<String> {
    let mut lines = Vec::new();
    for connection in &world.connections {
        let (learner, leader) = (connection.learner, connection.leader);
        let broken = if connection.broken { ", broken" } else { "" };
        let ways = [(learner, leader, &connection.to_leader), (leader, learner, &connection.to_learner)];
        for (from, to, messages) in ways.into_iter().filter(|(_, _, messages)| !messages.is_empty()) {
            let messages: Vec<String> = messages.iter().map(ToString::to_string).collect();
            lines.push(format!("{from} -> {to}{broken}: {}", messages.join(", ")));
        }
    }
    for (from, to) in world.ids().flat_map(|from| world.ids().map(move |to| (from, to))) {
        let link = world.link(from, to);
        let on_wire = link.wire.iter().map(ToString::to_string);
        let waiting = link.waiting.iter().map(|notification| format!("then {notification}"));
        let messages: Vec<String> = on_wire.chain(waiting).collect();
        if !messages.is_empty() {
            lines.push(format!("{from} -> {to}: {}", messages.join(", ")));
        }
    }
    lines
}

/// How far a server has come, as a colour shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Down.
    Down,
    /// Electing.
    Looking,
    /// A voter on its way to its leader, or serving.
    Following(bool),
    /// An observer on its way, or serving.
    Observing(bool),
    /// A leader on its way, or serving.
    Leading(bool),
}

impl Standing {
    /// Where this server stands.
    #[must_use]
    pub fn of(server: &Server, ensemble: &Ensemble) -> Standing {
        let Some(peer) = &server.peer else { return Standing::Down };
        let serves = peer.is_serving();
        match &peer.role {
            Role::Looking(_) => Standing::Looking,
            Role::Following(_) if ensemble.is_observer(peer.id) => Standing::Observing(serves),
            Role::Following(_) => Standing::Following(serves),
            Role::Leading(_) => Standing::Leading(serves),
        }
    }
}

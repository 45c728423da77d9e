//! An action's line with what it is about: the message that arrives, the writes that become durable.

use crate::bounds::Grain;
use crate::world::{Action, Queued, World};
use crate::zookeeper::ZooKeeper;
use zab::{Message, Notification, ServerState};

/// The action's line; behind a colon, what it is about.
#[must_use]
pub fn label(model: &ZooKeeper, world: &World, action: &Action) -> String {
    let about = match action {
        Action::Deliver { .. } | Action::Notify { .. } => message(world, action).map(|message| message.to_string()),
        Action::Flush(id) => {
            let writes = writes(&world.server(*id).queue);
            let count = if model.bounds.grain == Grain::Write { 1 } else { writes.len() };
            Some(writes[..count.min(writes.len())].join(", "))
        }
        _ => None,
    };
    about.map_or_else(|| action.to_string(), |about| format!("{action}: {about}"))
}

/// The message that the action brings to a server.
#[must_use]
pub fn message(world: &World, action: &Action) -> Option<Message> {
    match *action {
        Action::Deliver { learner, leader, to } => {
            let mut connections = world.connections.iter();
            let connection = connections.find(|c| (c.learner, c.leader) == (learner, leader))?;
            connection.inbound(to).first().cloned()
        }
        Action::Notify { from, to } => world.link(from, to).wire.map(Message::Notification),
        _ => None,
    }
}

/// A message in the few words that fit beside a lifeline.
#[must_use]
pub fn short(message: &Message) -> String {
    match message {
        Message::Notification(Notification { state, round, vote }) => {
            let state = match state {
                ServerState::Looking => "LOOKING",
                ServerState::Following => "FOLLOWING",
                ServerState::Leading => "LEADING",
                ServerState::Observing => "OBSERVING",
            };
            let vote = vote.map_or("no vote".to_owned(), |vote| {
                format!("votes {} {} {}", vote.leader, vote.peer_epoch, vote.zxid)
            });
            format!("{vote} ({state} round {})", round.0)
        }
        other => other.to_string(),
    }
}

/// The queued writes, oldest first, in words.
fn writes(queue: &[Queued]) -> Vec<String> {
    queue.iter().filter(|queued| !matches!(queued, Queued::Send(..))).map(queued).collect()
}

/// What waits for a disk, in words.
pub(super) fn queued(queued: &Queued) -> String {
    match queued {
        Queued::Write(write) | Queued::Snapshot(write, _) => write.to_string(),
        Queued::Send(to, message) => format!("{message} to {to}"),
    }
}

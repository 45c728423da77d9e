//! Which sending belongs to which receipt: followed through the FIFO links from state to state.

use crate::world::{Action, End, Queued, World};
use std::collections::BTreeMap;
use zab::trace::{Event, Line};
use zab::{Message, Output, ServerId};

/// A message that was sent in a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flight {
    /// Its sender.
    pub from: ServerId,
    /// Its receiver.
    pub to: ServerId,
    /// The message.
    pub message: Message,
    /// In which row it left; row 0 is the start, row 1 the first step.
    pub sent: usize,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is still on its way.
    InFlight,
    /// It arrived in this row.
    Received(usize),
    /// It was lost with its connection in this row; in the row of its sending, where nobody listened any more.
    Lost(usize),
    /// A newer notification took its place in this row, before it had left.
    Replaced(usize),
}

/// A link in one direction: whether it is an election link, who opened it, and whence and whither it leads.
type Channel = (bool, ServerId, ServerId, ServerId);

/// Follows messages.
#[derive(Clone, Debug, Default)]
pub struct Tracker {
    /// All that were sent, in the order of their sending.
    pub flights: Vec<Flight>,
    /// Which of them are on their way, oldest first.
    channels: BTreeMap<Channel, Vec<usize>>,
}

impl Tracker {
    /// Takes note of the world after the row's action.
    pub fn observe(&mut self, row: usize, action: Option<&Action>, world: &World) {
        if let Some(channel) = action.and_then(brings) {
            let arrived = self.channels.get_mut(&channel).filter(|way| !way.is_empty()).map(|way| way.remove(0));
            if let Some(index) = arrived {
                self.flights[index].fate = Fate::Received(row);
            }
        }
        let now = contents(world);
        let gone: Vec<Channel> = self.channels.keys().filter(|channel| !now.contains_key(*channel)).copied().collect();
        for channel in gone {
            self.update(row, channel, Vec::new());
        }
        for (channel, messages) in now {
            self.update(row, channel, messages);
        }
    }

    /// Adds what servers sent in this row into connections where nobody listens any more: it left, and is nowhere.
    /// To be called after [`Tracker::observe`]; notifications are left out, which servers send to all the world.
    pub fn observe_lost(&mut self, row: usize, before: &World, lines: &[Line], after: &World) {
        let arrived = |flight: &&Flight| flight.sent == row;
        let mut there: Vec<_> =
            self.flights.iter().filter(arrived).map(|f| (f.from, f.to, f.message.clone())).collect();
        for (from, to, message) in departed(before, lines, after) {
            match there.iter().position(|other| *other == (from, to, message.clone())) {
                Some(place) => drop(there.swap_remove(place)),
                None => self.flights.push(Flight { from, to, message, sent: row, fate: Fate::Lost(row) }),
            }
        }
    }

    fn update(&mut self, row: usize, channel: Channel, messages: Vec<Message>) {
        let (election, _, from, to) = channel;
        let mut before = self.channels.remove(&channel).unwrap_or_default();
        let pairs = before.iter().zip(&messages);
        let kept = pairs.take_while(|(index, message)| self.flights[**index].message == **message).count();
        for index in before.split_off(kept) {
            // On an election link a newer notification takes the place of one that has not left yet.
            let replaced = election && kept < messages.len();
            self.flights[index].fate = if replaced { Fate::Replaced(row) } else { Fate::Lost(row) };
        }
        for message in messages.into_iter().skip(kept) {
            before.push(self.flights.len());
            self.flights.push(Flight { from, to, message, sent: row, fate: Fate::InFlight });
        }
        if !before.is_empty() {
            self.channels.insert(channel, before);
        }
    }
}

/// What servers sent to others in one action: what they said, and what waited for their disks before and no more.
fn departed(before: &World, lines: &[Line], after: &World) -> Vec<(ServerId, ServerId, Message)> {
    let mut departed = Vec::new();
    for (from, server) in before.ids().zip(&before.servers) {
        let own = lines.iter().filter(|line| line.server == from).map(|line| &line.event);
        if own.clone().any(|event| *event == Event::Crashed) {
            continue;
        }
        let mut waited = waiting(&server.queue);
        for event in own {
            let (Event::Recovered { outputs, .. } | Event::Stepped { outputs, .. }) = event else { continue };
            if let Event::Stepped { input: zab::Input::Disconnected(gone), .. } = event {
                waited.retain(|(to, _)| to != gone);
            }
            for output in outputs {
                match output {
                    Output::Disconnect(gone) => waited.retain(|(to, _)| to != gone),
                    Output::SendWhenDurable(to, message) => waited.push((*to, message.clone())),
                    Output::Send(to, message) if !matches!(message, Message::Notification(_)) => {
                        departed.push((from, *to, message.clone()));
                    }
                    _ => {}
                }
            }
        }
        for still in waiting(&after.server(from).queue) {
            if let Some(place) = waited.iter().rposition(|waited| *waited == still) {
                waited.remove(place);
            }
        }
        departed.extend(waited.into_iter().filter(|(to, _)| *to != from).map(|(to, message)| (from, to, message)));
    }
    departed
}

fn waiting(queue: &[Queued]) -> Vec<(ServerId, Message)> {
    let sends = queue.iter().filter_map(|queued| match queued {
        Queued::Send(to, message) => Some((*to, message.clone())),
        _ => None,
    });
    sends.collect()
}

fn brings(action: &Action) -> Option<Channel> {
    match *action {
        Action::Deliver { learner, leader, to: End::Leader } => Some((false, learner, learner, leader)),
        Action::Deliver { learner, leader, to: End::Learner } => Some((false, learner, leader, learner)),
        Action::Notify { from, to } => Some((true, from, from, to)),
        _ => None,
    }
}

fn contents(world: &World) -> BTreeMap<Channel, Vec<Message>> {
    let mut contents = BTreeMap::new();
    for connection in &world.connections {
        let (learner, leader) = (connection.learner, connection.leader);
        contents.insert((false, learner, learner, leader), connection.to_leader.clone());
        contents.insert((false, learner, leader, learner), connection.to_learner.clone());
    }
    for (from, to) in world.ids().flat_map(|from| world.ids().map(move |to| (from, to))) {
        let link = world.link(from, to);
        let messages = link.wire.iter().chain(&link.waiting).copied().map(Message::Notification).collect();
        contents.insert((true, from, from, to), messages);
    }
    contents
}

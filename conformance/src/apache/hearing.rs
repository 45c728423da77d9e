//! What happens to the played servers: what they hear must be what Apache's server says.

use super::actor::Actor;
use super::engine::{Apache, Told};
use super::tolerance::{self, Note};
use crate::server::translation;
use std::collections::VecDeque;
use zab::trace::Event;
use zab::{Input, Message, Notification, Output, ServerId};

impl Apache {
    pub(super) fn at_actor(&mut self, id: ServerId, event: &Event) -> Told {
        match event {
            Event::Recovered { .. } => {
                self.actors.remove(&id);
                self.down.remove(&id);
                let places = ((id, self.ports[&id]), (self.id, self.ports[&self.id]));
                let actor = Actor::start(self.runtime.handle(), places.0, places.1)?;
                self.actors.insert(id, actor);
                Ok(())
            }
            // What it said last may still arrive.
            Event::Crashed => {
                self.down.insert(id);
                Ok(())
            }
            Event::Flushed { .. } => Ok(()),
            Event::Stepped { input, outputs } => {
                self.hears(id, input)?;
                self.comes(id, outputs)
            }
        }
    }

    fn hears(&mut self, id: ServerId, input: &Input) -> Told {
        match input {
            Input::Receive(from, message) if *from == self.id => self.expect(id, message),
            Input::Connected(leader) if *leader == self.id => {
                self.closed.remove(&id);
                self.actor(id)?.meet().map_err(|why| format!("{id} cannot come to Apache's server: {why}"))
            }
            Input::Disconnected(from) if *from == self.id => {
                let closed = self.closed.remove(&id);
                if closed && !self.actor(id)?.is_left() {
                    return Err(format!("Apache's server should leave {id}, and does not"));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What it leaves is closed when Apache's server is to notice.
    fn comes(&mut self, id: ServerId, outputs: &[Output]) -> Told {
        let java = self.id;
        if outputs.contains(&Output::Connect(java)) {
            self.actor(id)?.connect(java);
        }
        Ok(())
    }

    /// Apache's server must have said this, next on its connection.
    pub(super) fn expect(&mut self, at: ServerId, message: &Message) -> Told {
        if self.is_in_tree(at, message) {
            return Ok(());
        }
        let observes = self.observers.contains(&at);
        let said = self.said.get(&at).map_or(&[][..], Vec::as_slice);
        let (ledger, notes, history) = (&mut self.ledger, &mut self.notes, &mut self.history);
        let actor = self.actors.get_mut(&at).ok_or_else(|| format!("{at} is down"))?;
        self.compared += 1;
        match message {
            // It pings by its own clock, and on the election port says all again by its own.
            Message::Ping(_) => Ok(()),
            Message::Notification(expected) => {
                let found = actor.wait(|actor| {
                    let at = actor.notifications.iter().position(|own| tolerance::is_said(expected, own, observes))?;
                    actor.notifications.drain(..at).for_each(drop);
                    Some(())
                });
                // Of what was said to a server that could not be reached yet, the newest is kept; the story has both.
                let newer = |own: &Notification| said.iter().any(|other| tolerance::is_said(other, own, observes));
                let replaced = said.contains(expected) && actor.notifications.iter().any(newer);
                if found.is_some() || replaced {
                    return Ok(());
                }
                let own = tell(&actor.notifications);
                Err(format!("to {at}\n  specified: {message}\n   Apache's: {own}"))
            }
            expected => {
                let next = actor.wait(|actor| tolerance::next(actor.packets()?, expected, history, notes));
                let Some(packet) = next else {
                    return Err(format!("to {at}\n  specified: {expected}\n   Apache's: nothing"));
                };
                let own = translation::message(&packet.message);
                match (&packet.message, &own) {
                    (Message::Proposal(txn) | Message::Inform(txn), _) => ledger.learn(txn),
                    (Message::Request(request), Message::Request(named)) => ledger.asked(request, named),
                    _ => {}
                }
                if own == *expected || tolerance::is_same_tree(expected, &own, notes) {
                    return Ok(());
                }
                if let Message::Snap(tree) = &own
                    && self.is_known_tree(at, expected, &own)
                {
                    self.trees.insert(at, *tree);
                    self.notes.insert(Note::SendsTrees);
                    return Ok(());
                }
                Err(format!("to {at}\n  specified: {expected} {expected:?}\n   Apache's: {own} {own:?}"))
            }
        }
    }

    /// Whether this was to be sent to a learner that got a tree in its place.
    fn is_in_tree(&mut self, at: ServerId, message: &Message) -> bool {
        let Some(tree) = self.trees.get(&at).copied() else { return false };
        match message {
            Message::Proposal(txn) => txn.zxid <= tree,
            Message::Commit(zxid) => *zxid <= tree,
            _ => {
                self.trees.remove(&at);
                false
            }
        }
    }

    fn is_known_tree(&self, at: ServerId, expected: &Message, own: &Message) -> bool {
        let peer = self.world.as_ref().and_then(|world| world.server(self.id).peer.as_ref());
        let log = peer.map(|peer| peer.memory.history.log()).unwrap_or_default();
        let last = self.claims.get(&at).copied().unwrap_or_default();
        tolerance::is_tree_instead(expected, own, last, log)
    }
}

/// For people.
pub(super) fn tell(notifications: &VecDeque<Notification>) -> String {
    let words: Vec<String> = notifications.iter().map(ToString::to_string).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

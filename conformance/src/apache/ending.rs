//! The end of a story with one of Apache's servers in it.

use super::actor::PATIENCE;
use super::engine::{Apache, Told};
use super::tolerance::{self, Note};
use crate::server::files;
use model::scenario::Double;
use model::world::{Queued, Server, World};
use model::zookeeper::ZooKeeper;
use std::sync::Arc;
use std::time::{Duration, Instant};
use zab::peer::Role;
use zab::trace::Event;
use zab::{Disk, Message, Notification, ServerId};

impl Apache {
    /// The story is over: what Apache's server has said and nobody heard must be what the specification says as well,
    /// and its disk must hold what it should.
    ///
    /// # Errors
    /// With a sentence, when something differs.
    pub fn finish(&mut self) -> Told {
        let Some(world) = self.world.clone() else { return Ok(()) };
        let server = world.server(self.id);
        let waiting = |to: ServerId| {
            server.queue.iter().filter_map(move |queued| match queued {
                Queued::Send(other, message) if *other == to => Some(message.clone()),
                _ => None,
            })
        };
        let others: Vec<ServerId> = self.actors.keys().copied().collect();
        for id in others {
            let inbound = world.connections.iter().find_map(|connection| {
                let pair = (connection.learner, connection.leader);
                let to_leader = pair == (self.id, id) && connection.leader_open && !connection.broken;
                let to_learner = pair == (id, self.id) && connection.learner_open && !connection.broken;
                (to_leader.then_some(&connection.to_leader)).or(to_learner.then_some(&connection.to_learner)).cloned()
            });
            if let Some(inbound) = inbound {
                for message in inbound.into_iter().chain(waiting(id)) {
                    self.expect(id, &message)?;
                }
                self.nothing_more(id)?;
            }
            self.said_nothing_else(id)?;
        }
        self.says_to_latecomers()?;
        // Where it stands itself, everything that waits for its disk is on it.
        server.peer.as_ref().map_or(Ok(()), |peer| self.compare_disk(&peer.memory))
    }

    /// It says again and again that it looks for a leader: who was not up in the story hears it now.
    fn says_to_latecomers(&mut self) -> Told {
        if !matches!(self.role(), Some(Role::Looking(_))) {
            return Ok(());
        }
        let voters = self.ports.keys().filter(|id| **id != self.id && !self.observers.contains(id));
        let late: Vec<ServerId> = voters.copied().filter(|id| !self.actors.contains_key(id)).collect();
        for id in late {
            let Some(last) = self.said.get(&id).and_then(|said| said.last()).copied() else { continue };
            self.at_actor(id, &Event::Recovered { disk: None, outputs: Vec::new() })?;
            self.expect(id, &Message::Notification(last))?;
        }
        Ok(())
    }

    fn nothing_more(&mut self, id: ServerId) -> Told {
        let (notes, history) = (&mut self.notes, &mut self.history);
        let Some(actor) = self.actors.get_mut(&id) else { return Ok(()) };
        actor.hear();
        let Some(packets) = actor.packets() else { return Ok(()) };
        match tolerance::rest(packets, history, notes) {
            Some(packet) => Err(format!("to {id}\n  specified: nothing\n   Apache's: {}", packet.message)),
            None => Ok(()),
        }
    }

    fn said_nothing_else(&mut self, id: ServerId) -> Told {
        let said = self.said.get(&id).map_or(&[][..], Vec::as_slice);
        let Some(actor) = self.actors.get_mut(&id) else { return Ok(()) };
        actor.hear();
        let observes = self.observers.contains(&id);
        let is_said = |own: &Notification| said.iter().any(|specified| tolerance::is_said(specified, own, observes));
        match actor.notifications.iter().find(|own| !is_said(own)) {
            Some(other) => {
                Err(format!("to {id}, on the election port\n  specified: nothing like it\n   Apache's: {other}"))
            }
            None => Ok(()),
        }
    }

    pub(super) fn compare_disk(&mut self, disk: &Disk) -> Told {
        let Some(java) = &mut self.java else { return Ok(()) };
        if java.has_left() {
            return Err(format!("Apache's server has left: {}", java.last_words()));
        }
        let wanted = (disk.accepted_epoch, disk.current_epoch, disk.history.last());
        let mut found = None;
        let end = Instant::now() + PATIENCE;
        while found != Some(wanted) && Instant::now() < end {
            let disk = files::read(&java.data()).map_err(|error| error.to_string())?.disk;
            found = Some((disk.accepted_epoch, disk.current_epoch, disk.history.last()));
            std::thread::sleep(Duration::from_millis(20));
        }
        if found == Some(wanted) {
            return Ok(());
        }
        if found.is_some_and(|found| tolerance::is_same_disk(wanted, found)) {
            self.notes.insert(Note::NamesEpoch);
            return Ok(());
        }
        self.known = found.and_then(|found| self.synchronization.explains_disk(wanted, found));
        Err(format!(
            "its disk (accepted and current epoch, last transaction)\n  specified: {wanted:?}\n   Apache's: {found:?}"
        ))
    }
}

/// Shared with whoever asks it how the story ended.
pub struct Shared(pub Arc<std::sync::Mutex<Apache>>);

impl Double for Shared {
    fn begin(&mut self, model: &ZooKeeper, world: &World) -> Told {
        lock(&self.0).begin(model, world)
    }

    fn happens(&mut self, id: ServerId, event: Event) -> Told<Event> {
        lock(&self.0).happens(id, event)
    }

    fn compare(&mut self, world: &World) -> Told {
        lock(&self.0).compare(world)
    }

    fn server(&mut self, id: ServerId) -> Told<Server> {
        lock(&self.0).server(id)
    }
}

/// A panic elsewhere does not make it worse.
pub fn lock(engine: &std::sync::Mutex<Apache>) -> std::sync::MutexGuard<'_, Apache> {
    engine.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

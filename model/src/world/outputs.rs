//! What a server's outputs and its disk do to the world: writes wait for the disk, messages for the writes before them.

use super::step::{Stepper, Watch};
use super::{End, Queued};
use crate::bounds::Kind;
use zab::peer::Role;
use zab::{Input, Message, ServerId, Txn, Write, Zxid};

impl<W: Watch> Stepper<'_, W> {
    pub(super) fn queue_write(&mut self, id: ServerId, write: Write) {
        let server = self.world.server_mut(id);
        let stands_for = |zxid: Zxid| server.delivered.iter().take_while(|txn| txn.zxid <= zxid).cloned().collect();
        let queued = match write {
            Write::Snapshot(zxid) | Write::Replace(zxid) => {
                let transactions: Vec<Txn> = stands_for(zxid);
                Queued::Snapshot(write, transactions)
            }
            _ => Queued::Write(write),
        };
        server.queue.push(queued);
    }

    pub(super) fn send(&mut self, from: ServerId, to: ServerId, message: Message) {
        if let Message::Notification(notification) = message {
            if self.model.bounds.kind != Kind::Zab && self.world.server(to).peer.is_some() {
                self.world.election_link(from, to).send(notification);
            }
            return;
        }
        let follows = self.world.server(from).peer.as_ref().is_some_and(|p| matches!(p.role, Role::Following(_)));
        let (learner, leader, end) = if follows { (from, to, End::Leader) } else { (to, from, End::Learner) };
        let snapshot = match message {
            Message::Snap(_) => Some(self.world.server(from).delivered.clone()),
            _ => None,
        };
        let found = self.world.connections.iter_mut().find(|c| (c.learner, c.leader) == (learner, leader));
        if let Some(connection) = found {
            connection.send_to(end, message);
            if let Some(snapshot) = snapshot.filter(|_| connection.learner_open) {
                connection.snapshot = snapshot;
            }
        }
    }

    pub(super) fn send_when_durable(&mut self, id: ServerId, to: ServerId, message: Message) {
        let server = self.world.server_mut(id);
        if server.queue.is_empty() {
            self.release(id, to, message);
        } else {
            server.queue.push(Queued::Send(to, message));
        }
    }

    fn release(&mut self, id: ServerId, to: ServerId, message: Message) {
        if to == id {
            self.pending.push((id, Input::Receive(id, message)));
        } else {
            self.send(id, to, message);
        }
    }

    pub(super) fn disconnect(&mut self, id: ServerId, other: ServerId) {
        if other == id {
            self.close_port(id);
        } else {
            for connection in &mut self.world.connections {
                if (connection.learner, connection.leader) == (id, other) {
                    connection.close(End::Learner);
                } else if (connection.learner, connection.leader) == (other, id) {
                    connection.close(End::Leader);
                }
            }
        }
        self.forget_unsent(id, other);
    }

    /// A server that stops leading closes its port, and so every connection that was accepted there.
    fn close_port(&mut self, id: ServerId) {
        for connection in self.world.connections.iter_mut().filter(|connection| connection.leader == id) {
            connection.close(End::Leader);
        }
        self.pending.retain(|(to, input)| *to != id || !matches!(input, Input::Receive(..) | Input::Propose(_)));
    }

    pub(super) fn close_all(&mut self, id: ServerId) {
        for connection in &mut self.world.connections {
            for end in [End::Learner, End::Leader] {
                if connection.server_at(end) == id {
                    connection.close(end);
                }
            }
        }
    }

    pub(super) fn forget_unsent(&mut self, id: ServerId, other: ServerId) {
        let queue = &mut self.world.server_mut(id).queue;
        queue.retain(|queued| !matches!(queued, Queued::Send(to, _) if *to == other));
    }

    pub(super) fn flush_one(&mut self, id: ServerId) {
        match self.world.server_mut(id).queue.remove(0) {
            Queued::Write(write) => {
                self.watch.flushed(id, &write);
                self.world.server_mut(id).disk.apply(&write);
            }
            Queued::Snapshot(write, transactions) => {
                self.watch.flushed(id, &write);
                let server = self.world.server_mut(id);
                server.disk.apply(&write);
                server.snapshot = transactions;
            }
            Queued::Send(..) => unreachable!("what waits for nothing has left"),
        }
        while let Some(Queued::Send(..)) = self.world.server(id).queue.first() {
            if let Queued::Send(to, message) = self.world.server_mut(id).queue.remove(0) {
                self.release(id, to, message);
            }
        }
    }

    pub(super) fn flush_all(&mut self, id: ServerId) {
        while !self.world.server(id).queue.is_empty() {
            self.flush_one(id);
        }
    }
}

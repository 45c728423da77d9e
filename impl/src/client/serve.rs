//! The client's task while it has a connection: requests out, replies and events in.
//!
//! *Java:* `ClientCnxn.SendThread.run`, `readResponse`.

use super::command::{Call, Command};
use super::connection::{Asked, Connection, InFlight};
use super::driver::{Driver, End, Ending, Waiting};
use super::error::{Disconnect, Error};
use super::metrics::count;
use super::registry::Kind;
use super::search::find_read_write;
use super::session::SessionState;
use super::watch::WatchedEvent;
use crate::wire::header::{AUTH_XID, NOTIFICATION_XID, PING_XID};
use crate::wire::request::WatchSelection;
use crate::wire::{ClientRequest, KeeperState, Reply, ReplyHeader, WatcherEvent};
use bytes::Bytes;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep_until};
use zab::Zxid;
use zab::tree::{Change, Code, OpCode, WatcherType};

impl Driver {
    /// Serves until the connection or the session ends.
    pub(super) async fn serve(&mut self, connection: &mut Connection) -> Ending {
        let read_only = *self.shared.state.borrow() == SessionState::ConnectedReadOnly;
        self.greet(connection, read_only);
        let search = find_read_write(self.connector.clone(), self.servers.list().to_vec());
        let mut search = std::pin::pin!(search);
        let timeout = self.negotiated.unwrap_or(self.settings.session_timeout);
        let mut closing = false;
        loop {
            connection.make_room();
            let (ping, silence) = (connection.sent + timeout / 3, connection.heard + timeout * 2 / 3);
            let step = tokio::select! {
                read = connection.reader.read_buf(&mut connection.input) => {
                    connection.has_read(read).map_err(Ending::Lost).and_then(|()| self.packets(connection))
                }
                written = connection.writer.write_buf(&mut connection.output), if !connection.output.is_empty() => {
                    connection.has_written(written).map_err(Ending::Lost)
                }
                command = self.commands.recv(), if !closing && connection.has_room() => {
                    closing = self.commanded(connection, command);
                    Ok(())
                }
                () = sleep_until(ping.min(silence)) => tick(connection, timeout, ping, silence),
                server = &mut search, if read_only => {
                    self.servers.prefer(server);
                    Err(Ending::Lost(Disconnect::ReadWriteServerFound))
                }
            };
            if let Err(ending) = step {
                return ending;
            }
        }
    }

    /// What a server is told first: who the client is, what it watches, and what was asked while there was no
    /// connection.
    fn greet(&mut self, connection: &mut Connection, read_only: bool) {
        let (mut calls, mut proofs) = (Vec::new(), Vec::new());
        for waiting in self.waiting.drain(..) {
            match waiting {
                Waiting::Call(call) => calls.push(call),
                Waiting::Auth(packet, answer) => proofs.push((packet, answer)),
            }
        }
        for packet in &self.auths {
            if proofs.iter().all(|(waiting, _)| waiting != packet) {
                connection.send_auth(packet.clone(), None);
            }
        }
        for (packet, answer) in proofs {
            connection.send_auth(packet, Some(answer));
        }
        for batch in self.watches.batches(self.last_zxid) {
            connection.send_watches(batch);
        }
        let state = if read_only { KeeperState::ConnectedReadOnly } else { KeeperState::SyncConnected };
        self.watches.announce(&WatchedEvent::of_state(state));
        for call in calls {
            connection.send(call);
        }
    }

    /// Takes a command, and those which wait behind it. True if it was the last one.
    fn commanded(&mut self, connection: &mut Connection, command: Option<Command>) -> bool {
        let mut next = command;
        loop {
            match next {
                Some(Command::Request(call)) => connection.send(call),
                Some(Command::Auth { packet, answer }) => {
                    self.learn(packet.clone());
                    connection.send_auth(packet, Some(answer));
                }
                Some(Command::Unwatch { path, id }) => {
                    if let Some(kind) = self.watches.remove(&path, id) {
                        self.unwatch(connection, path, kind);
                    }
                }
                Some(Command::Close { done }) => {
                    self.closing.push(done);
                    close_session(connection);
                    return true;
                }
                None => {
                    close_session(connection);
                    return true;
                }
            }
            if !connection.has_room() {
                return false;
            }
            match self.commands.try_recv() {
                Ok(command) => next = Some(command),
                // Ended or empty: the next call tells which.
                Err(_) => return false,
            }
        }
    }

    /// Takes every packet that is there.
    fn packets(&mut self, connection: &mut Connection) -> Result<(), Ending> {
        while let Some(packet) = connection.packet()? {
            let (header, body) = ReplyHeader::split(packet).map_err(Disconnect::Packet)?;
            match header.xid {
                PING_XID => {}
                NOTIFICATION_XID => self.event(&header, &body)?,
                AUTH_XID => {
                    let answer = connection.take_auth()?;
                    let refused = header.err != 0;
                    if let Some(answer) = answer {
                        answer.give(if refused { Err(Error::AuthFailed) } else { Ok(Reply::Nothing) });
                    }
                    if refused {
                        return Err(Ending::Over(End::AuthFailed));
                    }
                }
                xid => {
                    let request = connection.take(xid)?;
                    self.reply(connection, request, &header, &body)?;
                }
            }
        }
        Ok(())
    }

    fn event(&mut self, header: &ReplyHeader, body: &Bytes) -> Result<(), Disconnect> {
        let event = WatcherEvent::decode(body)?;
        count(&self.shared.metrics.events, 1);
        tracing::trace!(kind = ?event.kind, path = event.path, "event");
        let watched = WatchedEvent {
            kind: event.kind,
            state: event.state,
            path: self.chroot.client_path(&event.path),
            zxid: is_transaction(header.zxid).then_some(header.zxid),
        };
        self.watches.fire(&event.path, &watched);
        Ok(())
    }

    fn reply(
        &mut self,
        connection: &mut Connection,
        request: InFlight,
        header: &ReplyHeader,
        body: &Bytes,
    ) -> Result<(), Ending> {
        if is_transaction(header.zxid) {
            self.last_zxid = self.last_zxid.max(header.zxid);
        }
        request.answer.iter().for_each(|answer| answer.seen(header.zxid));
        if header.err != 0 {
            self.settle(connection, request, Err(Error::from_number(header.err)));
            return Ok(());
        }
        let operation = request.asked.operation().unwrap_or(OpCode::Notification);
        match Reply::decode(operation, body) {
            Ok(reply) => self.settle(connection, request, Ok(reply)),
            Err(error) => {
                // The connection ends, which fails the others; this one is not among them any more.
                self.settle(connection, request, Err(Error::ConnectionLoss));
                return Err(Ending::Lost(Disconnect::Packet(error)));
            }
        }
        if operation == OpCode::CloseSession { Err(Ending::Over(End::Closed)) } else { Ok(()) }
    }

    /// Registers what the server watches now, and answers.
    fn settle(&mut self, connection: &mut Connection, request: InFlight, result: Result<Reply, Error>) {
        match request.asked {
            Asked::Watching { kind, operation, path } => {
                let found_nothing = result == Err(Error::Server(Code::NoNode)) && operation == OpCode::Exists;
                let kind = if found_nothing { Kind::Exist } else { kind };
                if let Some(watcher) = request.watch.filter(|_| result.is_ok() || found_nothing) {
                    if !watcher.is_gone() {
                        self.watches.add(kind, path, watcher);
                    } else if kind.is_persistent() {
                        self.unwatch(connection, path, kind);
                    }
                }
            }
            Asked::RemoveWatches { path, kind } if result.is_ok() && request.answer.is_some() => {
                let mut told = WatchedEvent::of_state(KeeperState::SyncConnected);
                told.path = self.chroot.client_path(&path);
                if let Some(which) = WatcherType::from_number(kind) {
                    self.watches.remove_all(&path, which, &told);
                }
            }
            Asked::RemoveWatches { .. } | Asked::Other(_) => {}
        }
        if let Some(answer) = request.answer {
            answer.give(result);
        }
    }

    /// Removes a persistent watch on the server, if nothing else of this client needs it there.
    fn unwatch(&mut self, connection: &mut Connection, path: String, kind: Kind) {
        if self.watches.has(kind, &path) || connection.awaits_watch(&path, Some(kind)) {
            return;
        }
        // Servers before 3.9 remove persistent watches only by `Any`.
        let alone = !self.watches.has_any(&path) && !connection.awaits_watch(&path, None);
        let which = if alone { WatcherType::Any } else { kind.watcher_type() };
        let request = ClientRequest::RemoveWatches(WatchSelection { path, kind: which.number() });
        connection.send(Call { request, answer: None, watch: None });
    }
}

fn close_session(connection: &mut Connection) {
    connection.send(Call { request: ClientRequest::Write(Change::CloseSession), answer: None, watch: None });
}

/// −1 and 0 are none (`ClientCnxn.readResponse`).
fn is_transaction(zxid: Zxid) -> bool {
    zxid.0.cast_signed() > 0
}

fn tick(connection: &mut Connection, timeout: Duration, ping: Instant, silence: Instant) -> Result<(), Ending> {
    let now = Instant::now();
    if now >= silence {
        return Err(Ending::Lost(Disconnect::Silence(timeout * 2 / 3)));
    }
    if now >= ping {
        connection.send_ping();
    }
    Ok(())
}

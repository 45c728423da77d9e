//! What happens to Apache's server in a story is made to happen to it, and what can be seen of its answer is awaited,
//! so that whatever comes next really comes later.

use super::actor::Actor;
use super::client::{Client, mode};
use super::engine::{Apache, Told};
use super::java::Java;
use super::tolerance::{self, Note};
use crate::server::{files, translation};
use bytes::Bytes;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use zab::peer::Role;
use zab::tree::SessionId;
use zab::{Input, Message, Notification, Output, Payload, Peer, Request, ServerId, Timer};
use zabkeeper::disk::Snapshot;
use zabkeeper::wire::ClientRequest;
use zabkeeper::wire::quorum::{Attachment, ForwardedRequest, Packet, SessionCheck};

/// Its wait for a better vote (`finalizeWait`, 200 ms) is nearly over.
const SETTLED: Duration = Duration::from_millis(150);

/// What is awaited comes so soon, as a rule; and so often it is asked for.
const SOON: Duration = Duration::from_millis(1500);
const ASKED: usize = 4;

/// The session that moves from server to server. Nobody else asks anything in it.
const MOVING: SessionId = SessionId(files::SESSIONS as i64);

impl Apache {
    pub(super) fn give(&mut self, input: &Input) -> Told {
        match input {
            Input::Receive(from, _) if *from == self.id => Ok(()),
            Input::Receive(..) if self.settling.is_some_and(|since| since.elapsed() > SETTLED) => {
                self.cannot_tell(super::DECIDED)
            }
            Input::Receive(from, Message::Notification(notification)) => {
                let java = self.id;
                let actor = self.actor(*from)?;
                let named = tolerance::as_named(notification, java, &actor.notifications);
                actor.notify(java, named.unwrap_or(*notification));
                self.notes.extend(named.map(|_| Note::NamesEpoch));
                Ok(())
            }
            Input::Receive(from, message) => {
                self.synchronization.hears(message);
                match message {
                    Message::Diff(_) | Message::Trunc(_) | Message::Snap(_) => self.history.clear(),
                    Message::Commit(zxid) if self.synchronization.learns() => drop(self.history.insert(*zxid)),
                    Message::AckEpoch(ack) => drop(self.claims.insert(*from, ack.last_zxid)),
                    _ => {}
                }
                let packet = self.packet(*from, message)?;
                self.actor(*from)?.send(packet)
            }
            Input::Connected(leader) => {
                self.closed.remove(leader);
                let met = self.actor(*leader)?.meet();
                met.map_err(|why| format!("Apache's server does not come to {leader}: {why}"))
            }
            Input::Disconnected(peer) => {
                self.synchronization.ends();
                if let Some(actor) = self.actors.get_mut(peer) {
                    actor.close();
                }
                Ok(())
            }
            // These ends of waits it comes to by itself; and a request that was to be prepared, it has prepared.
            Input::Timeout(Timer::Notification | Timer::Settle | Timer::Ping) | Input::Propose(_) => Ok(()),
            Input::Recalled(..) | Input::Revalidated(..) | Input::Snapshotted(_) => Ok(()),
            Input::Timeout(Timer::Init) => self.lose_patience(),
            Input::Request(request) => self.ask(request),
            Input::Revalidate(_) => self.move_session(),
            Input::Elected(_) => self.cannot_tell("its elections are held by an oracle"),
        }
    }

    /// Its patience ends. A learner's looks to it as if the connection were lost, which is not worth waiting for.
    fn lose_patience(&mut self) -> Told {
        match self.role() {
            Some(Role::Following(following)) => {
                let leader = following.leader;
                self.synchronization.ends();
                if let Some(actor) = self.actors.get_mut(&leader) {
                    actor.close();
                }
            }
            // A leader's is over when it is over.
            _ => std::thread::sleep(self.init_patience),
        }
        Ok(())
    }

    /// A message of a played server, as it is on the wire.
    fn packet(&mut self, from: ServerId, message: &Message) -> Told<Packet> {
        let mut attachment = Attachment::None;
        let message = match message {
            Message::Proposal(txn) => {
                let history = self.known_up_to(from, txn.zxid)?;
                Message::Proposal(self.ledger.real(txn, &history)?)
            }
            Message::Inform(txn) => {
                let history = self.known_up_to(from, txn.zxid)?;
                Message::Inform(self.ledger.real(txn, &history)?)
            }
            Message::Snap(zxid) => {
                let history = self.known_up_to(from, *zxid)?;
                let tree = self.ledger.tree(&history);
                attachment = Attachment::Snapshot(Box::new(Snapshot { tree, digest: None, size: 0 }));
                Message::Snap(*zxid)
            }
            Message::Request(Request::Write(payload)) => Message::Request(forwarded(payload)),
            Message::Request(Request::Sync(_)) => {
                let request = ClientRequest::Sync { path: Some("/".to_owned()) };
                Message::Request(Request::Sync(asked(SessionId(files::SESSIONS.into()), &request)))
            }
            Message::Revalidate(_) => {
                let leads = matches!(self.role(), Some(Role::Leading(_)));
                let question = SessionCheck::Question { session: MOVING, timeout: 40_000 };
                let answer = SessionCheck::Answer { session: MOVING, valid: true };
                Message::Revalidate(if leads { question.to_payload() } else { answer.to_payload() })
            }
            Message::Ping(number) => {
                attachment = Attachment::Touched(Vec::new());
                Message::Ping(*number)
            }
            other => other.clone(),
        };
        Ok(Packet { message, attachment })
    }

    // ---- Clients --------------------------------------------------------------------------------------------------

    /// A client of it asks. All that is asked in one reign is asked by one, and comes in this order.
    fn ask(&mut self, request: &Request) -> Told {
        let Some(server) = self.serving()? else { return Ok(()) };
        if self.client.is_none() {
            self.client = Some(Client::open_when_served(server)?);
        }
        let Some(client) = &mut self.client else { return Ok(()) };
        let lost = |error: std::io::Error| format!("a client of Apache's server loses its connection: {error}");
        match request {
            Request::Write(payload) => {
                let number = client.ask(&ClientRequest::Write(translation::change(payload))).map_err(lost)?;
                self.writes.push((number, payload.clone()));
            }
            Request::Sync(_) => {
                let number = client.ask(&ClientRequest::Sync { path: Some("/".to_owned()) }).map_err(lost)?;
                self.syncs.push(number);
            }
        }
        Ok(())
    }

    /// Where its clients are served; nowhere, while it should not serve, and does not.
    fn serving(&self) -> Told<Option<SocketAddr>> {
        let Some(server) = self.java.as_ref().map(Java::client) else { return Ok(None) };
        let peer = self.world.as_ref().and_then(|world| world.server(self.id).peer.as_ref());
        if peer.is_some_and(Peer::is_serving) {
            return Ok(Some(server));
        }
        mode(server).map_or(Ok(None), |mode| Err(format!("it should serve nobody, and is a {mode}")))
    }

    /// A client comes to it with a session that it had elsewhere.
    fn move_session(&mut self) -> Told {
        let Some(server) = self.serving()? else { return Ok(()) };
        drop(Client::open_when_served(server)?);
        let client = Client::present(server, MOVING).map_err(|error| error.to_string())?;
        self.moved.push(client);
        Ok(())
    }

    /// What clients have asked of a server that stands elsewhere now, they ask anew, or never.
    pub(super) fn forget_clients(&mut self) {
        self.client = None;
        self.moved.clear();
        self.writes.clear();
        self.syncs.clear();
    }

    /// The client hears what came of its write, if this is one of its.
    fn answer_write(&mut self, txn: &zab::Txn) -> Told {
        let Some(place) = self.writes.iter().position(|(_, payload)| *payload == txn.payload) else { return Ok(()) };
        let (number, _) = self.writes.remove(place);
        let Some(client) = &mut self.client else { return Ok(()) };
        let answer = client.answer(number, super::actor::PATIENCE);
        let answer = answer.map_err(|error| format!("the client that asked for {txn} is not answered: {error}"))?;
        self.compared += 1;
        if (answer.err, answer.zxid) == (0, txn.zxid) {
            return Ok(());
        }
        Err(format!("the client that asked for {txn} is answered with {} at {}", answer.err, answer.zxid))
    }

    fn answer_sync(&mut self) -> Told {
        if self.syncs.is_empty() {
            return Ok(());
        }
        let number = self.syncs.remove(0);
        let Some(client) = &mut self.client else { return Ok(()) };
        let answer = client.answer(number, super::actor::PATIENCE);
        let answer = answer.map_err(|error| format!("the client that asked for a sync is not answered: {error}"))?;
        self.compared += 1;
        if answer.err == 0 { Ok(()) } else { Err(format!("a sync is answered with {}", answer.err)) }
    }

    // ---- What can be seen -----------------------------------------------------------------------------------------

    /// Waits for what can be seen of these outputs at once, so that what is given next really comes later.
    pub(super) fn follows(&mut self, input: &Input, outputs: &[Output]) -> Told {
        let mut said = false;
        let follows = outputs.iter().any(|output| matches!(output, Output::Connect(_)));
        if matches!(input, Input::Receive(_, Message::UpToDate)) || is_establishing(input, outputs) {
            // Only then its vote names the new epoch (`QuorumPeer.updateElectionVote`).
            let _ = self.java.as_ref().is_some_and(Java::serves);
        }
        for output in outputs {
            match output {
                Output::Send(to, Message::Notification(notification)) => {
                    said |= self.is_told(input, *to, notification)?;
                }
                Output::Send(to, message @ (Message::Proposal(_) | Message::Request(_) | Message::Revalidate(_)))
                    if matches!(input, Input::Propose(_) | Input::Request(_) | Input::Revalidate(_)) =>
                {
                    self.is_sent(*to, message);
                }
                Output::Connect(leader) => {
                    self.settling = None;
                    if let Some(actor) = self.actors.get_mut(leader)
                        && !actor.is_called()
                    {
                        return Err(format!("after `{input}`, Apache's server should come to {leader}"));
                    }
                }
                Output::Halt(halt) => {
                    let left = self.java.as_mut().is_some_and(Java::leaves);
                    self.known = left.then_some(Note::Leaves);
                    return Err(format!("it should leave: {halt:?}"));
                }
                Output::Arm(Timer::Settle) => self.settling = Some(Instant::now()),
                Output::Arm(Timer::Init) if !follows => {
                    self.settling = None;
                    let java = self.java.as_ref().is_some_and(Java::leads);
                    java.then_some(()).ok_or_else(|| format!("after `{input}`, Apache's server should lead"))?;
                }
                Output::Arm(Timer::Notification) => self.forget_clients(),
                Output::Deliver(txn) => self.answer_write(txn)?,
                Output::Synced => self.answer_sync()?,
                _ => {}
            }
        }
        if matches!(input, Input::Receive(_, Message::Notification(_))) && !said {
            // Nothing tells that it was heard, and it comes on a connection of its own.
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Waits until it has told this server where it stands; whether that is up.
    fn is_told(&mut self, input: &Input, to: ServerId, notification: &Notification) -> Told<bool> {
        let (java, up) = (self.id, !self.down.contains(&to));
        let observes = self.observers.contains(&to);
        let is_said = |own: &Notification| tolerance::is_said(notification, own, observes);
        for _ in 0..ASKED {
            let Some(actor) = self.actors.get_mut(&to).filter(|_| up) else { return Ok(false) };
            let hears = |actor: &mut Actor| actor.notifications.iter().any(is_said).then_some(());
            if actor.wait_for(SOON, hears).is_some() {
                return Ok(true);
            }
            let waits = matches!(input, Input::Receive(_, Message::AckEpoch(_)));
            if waits && actor.wait_for(self.init_patience, hears).is_some() {
                self.notes.insert(Note::WaitsForOthers);
                return Ok(true);
            }
            // Two that connect with each other at one moment may lose a notification: it would be said again.
            if let Input::Receive(from, Message::Notification(asked)) = input
                && let Some(asking) = self.actors.get_mut(from)
            {
                asking.notify(java, *asked);
            }
        }
        let Some(actor) = self.actors.get_mut(&to) else { return Ok(false) };
        let own = super::hearing::tell(&actor.notifications);
        let last = actor.notifications.back();
        let later = last.is_some_and(|last| last.round < notification.round);
        let dropped = self.settling.filter(|_| later).map(|_| Note::DropsWhileSettling);
        let stays = matches!(input, Input::Receive(_, Message::FollowerInfo(_)));
        let stays = stays.then_some(Note::LeavesBehind);
        let less = self.synchronization.explains_vote(notification, last);
        self.known = stays.or(dropped).or(less);
        Err(format!("after `{input}`, to {to}\n  specified: {notification}\n   Apache's: {own}"))
    }

    /// Waits until a message has left; what it says is compared when the story lets it arrive.
    fn is_sent(&mut self, to: ServerId, message: &Message) {
        let up = !self.down.contains(&to);
        let Some(actor) = self.actors.get_mut(&to).filter(|_| up) else { return };
        actor.wait(|actor| {
            let packets = actor.packets()?;
            let is_there = packets.iter().any(|packet| translation::message(&packet.message) == *message);
            is_there.then_some(())
        });
    }
}

/// Whether an epoch begins with this.
fn is_establishing(input: &Input, outputs: &[Output]) -> bool {
    let acknowledged = matches!(input, Input::Receive(_, Message::Ack(zxid)) if zxid.counter() == 0);
    acknowledged && outputs.iter().any(|output| matches!(output, Output::Arm(Timer::Ping)))
}

fn forwarded(payload: &Payload) -> Request {
    let session = payload.0.first().map_or(0, |number| number % (files::SESSIONS - 1)) + 1;
    Request::Write(asked(SessionId(session.into()), &ClientRequest::Write(translation::change(payload))))
}

fn asked(session: SessionId, request: &ClientRequest) -> Payload {
    let mut body = Vec::new();
    request.encode(&mut body);
    let body = Bytes::from(body);
    ForwardedRequest { session, cxid: 1, kind: request.kind(), body, identities: Vec::new() }.to_payload()
}

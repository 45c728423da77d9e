//! The server under test, and the ways to be the others.

use crate::gate::{Gate, Gated};
use crate::harness::Client;
use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use zab::{AckEpoch, Epoch, Message, Notification, Round, ServerId, ServerState, Vote, Zxid};
use zabkeeper::config::{Config, Overrides};
use zabkeeper::link::{ConnectionId, LinkEvent};
use zabkeeper::node::{Handle, Incoming, Network};
use zabkeeper::server::OwnNetwork;
use zabkeeper::wire::quorum::Packet;
use zabkeeper::{Server, ServerOptions};

/// Longer than anything here takes.
pub const LONG: Duration = Duration::from_secs(30);

/// What the server asks of its network; notifications are left out.
#[derive(Clone, Debug)]
pub enum Asked {
    Connect(ServerId),
    Send(ConnectionId, Packet),
    Synchronised,
    Close(ConnectionId),
    Listen,
    StopListening,
}

struct Scripted(Sender<Asked>);

impl Scripted {
    fn ask(&self, asked: Asked) {
        let _ = self.0.send(asked);
    }
}

impl Network for Scripted {
    fn notify(&mut self, _: ServerId, _: Notification) {}
    fn connect(&mut self, leader: ServerId) {
        self.ask(Asked::Connect(leader));
    }
    fn give_up(&mut self, _: ServerId) {}
    fn send(&mut self, connection: ConnectionId, packet: Packet) {
        self.ask(Asked::Send(connection, packet));
    }
    fn synchronised(&mut self, _: ConnectionId) {
        self.ask(Asked::Synchronised);
    }
    fn close(&mut self, connection: ConnectionId) {
        self.ask(Asked::Close(connection));
    }
    fn listen(&mut self) {
        self.ask(Asked::Listen);
    }
    fn stop_listening(&mut self) {
        self.ask(Asked::StopListening);
    }
}

pub struct Lab {
    pub server: Option<Server>,
    pub address: SocketAddr,
    pub gate: Gate,
    handle: Handle,
    asked: Receiver<Asked>,
    _directory: tempfile::TempDir,
}

impl Lab {
    /// Server `id` of three. Its timers are slow enough to play no part.
    pub fn new(id: u8) -> Lab {
        let directory = tempfile::tempdir().expect("a directory");
        let data = directory.path().join("data");
        std::fs::create_dir_all(&data).expect("a directory");
        std::fs::write(data.join("myid"), id.to_string()).expect("written");
        let servers: String =
            (1..=3).map(|id| format!("server.{id}=127.0.0.1:{}:{}\n", 2880 + id, 3880 + id)).collect();
        let keys = "clientPort=2181\nclientPortAddress=127.0.0.1\ntickTime=20000\ninitLimit=10\nsyncLimit=5\n";
        let path = directory.path().join("zoo.cfg");
        std::fs::write(&path, format!("dataDir={}\n{keys}{servers}", data.display())).expect("written");
        let config = Config::from_file(&path, &Overrides::default()).expect("a configuration");

        let (sender, asked) = mpsc::channel();
        let handle: Arc<Mutex<Option<Handle>>> = Arc::default();
        let (made, gate) = (handle.clone(), Gate::default());
        let network = OwnNetwork(Arc::new(move |node: &Handle| {
            *made.lock().expect("no panic") = Some(node.clone());
            Box::new(Scripted(sender.clone())) as Box<dyn Network>
        }));
        let options = ServerOptions {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            network: Some(network),
            files: Arc::new(Gated(gate.clone())),
            ..ServerOptions::from_config(&config).expect("options")
        };
        let server = Server::start(options).expect("a server");
        let handle = handle.lock().expect("no panic").clone().expect("a way back");
        Lab { address: server.address(), server: Some(server), gate, handle, asked, _directory: directory }
    }

    pub fn is_serving(&self) -> bool {
        self.server.as_ref().is_some_and(Server::is_serving)
    }

    // ---- What happens to it ----------------------------------------------------------------------------------------

    pub fn event(&self, event: LinkEvent) {
        self.handle.send(Incoming::Link(event));
    }

    pub fn say(&self, connection: u64, peer: u8, packet: impl Into<Packet>) {
        let (connection, peer) = (ConnectionId(connection), ServerId(peer));
        self.event(LinkEvent::Packet { connection, peer, packet: packet.into() });
    }

    pub fn lose(&self, connection: u64, peer: u8) {
        self.event(LinkEvent::Closed { connection: ConnectionId(connection), peer: ServerId(peer) });
    }

    fn notify(&self, from: u8, state: ServerState, round: u64, peer_epoch: u32, zxid: Zxid) {
        let vote = Some(Vote { leader: ServerId(3), zxid, peer_epoch: Epoch(peer_epoch) });
        self.event(LinkEvent::Notification(ServerId(from), Notification { state, round: Round(round), vote }));
    }

    // ---- What it does ----------------------------------------------------------------------------------------------

    /// The first of what it asks, from now on, that is so; what comes before is forgotten.
    pub fn until<T>(&self, what: &str, mut look: impl FnMut(&Asked) -> Option<T>) -> T {
        loop {
            let asked = self.asked.recv_timeout(LONG);
            let asked = asked.unwrap_or_else(|_| panic!("it did not {what}"));
            if let Some(found) = look(&asked) {
                return found;
            }
        }
    }

    /// What it says next on this connection that is so.
    pub fn until_said<T>(&self, connection: u64, what: &str, mut look: impl FnMut(&Packet) -> Option<T>) -> T {
        self.until(what, |asked| match asked {
            Asked::Send(on, packet) if on.0 == connection => look(packet),
            _ => None,
        })
    }

    pub fn until_message(&self, connection: u64, message: &Message) {
        self.until_said(connection, &format!("say {message}"), |packet| (packet.message == *message).then_some(()));
    }

    /// Everything that it has asked and nobody has looked at.
    pub fn rest(&self) -> Vec<Asked> {
        self.asked.try_iter().collect()
    }

    // ---- The roles -------------------------------------------------------------------------------------------------

    /// Server 3 leads, and this server comes to it over `connection`; up to its FOLLOWERINFO.
    pub fn come(&self, connection: u64, peer_epoch: u32) {
        self.notify(3, ServerState::Leading, 1, peer_epoch, Zxid::ZERO);
        self.notify(2, ServerState::Following, 1, peer_epoch, Zxid::ZERO);
        self.until("connect to the leader", |asked| matches!(asked, Asked::Connect(ServerId(3))).then_some(()));
        self.event(LinkEvent::Opened { connection: ConnectionId(connection), peer: ServerId(3) });
        self.until_said(connection, "introduce itself", |packet| {
            matches!(packet.message, Message::FollowerInfo(_)).then_some(())
        });
    }

    /// The leader brings it up to date by DIFF.
    pub fn follow(&self, connection: u64, epoch: u32, last: Zxid) {
        self.agree(connection, epoch);
        self.say(connection, 3, Message::Diff(last));
        self.establish(connection, epoch);
    }

    pub fn agree(&self, connection: u64, epoch: u32) {
        self.say(connection, 3, Message::LeaderInfo(Epoch(epoch)));
        self.until_said(connection, "accept the epoch", |packet| {
            matches!(packet.message, Message::AckEpoch(_)).then_some(())
        });
    }

    pub fn establish(&self, connection: u64, epoch: u32) {
        self.say(connection, 3, Message::NewLeader(Epoch(epoch)));
        self.until_message(connection, &Message::Ack(Zxid::new(Epoch(epoch), 0)));
        self.say(connection, 3, Message::UpToDate);
        crate::harness::eventually("serve", || self.is_serving());
    }

    /// This server, 3, is elected in this round: the others vote for it, with its own history.
    pub fn is_elected(&self, round: u64, peer_epoch: u32, zxid: Zxid) {
        self.notify(1, ServerState::Looking, round, peer_epoch, zxid);
        self.notify(2, ServerState::Looking, round, peer_epoch, zxid);
        self.until("open its port", |asked| matches!(asked, Asked::Listen).then_some(()));
    }

    /// A follower with an empty history comes; up to NEWLEADER.
    pub fn learner_comes(&self, connection: u64, peer: u8, accepted: u32) {
        self.say(connection, peer, Message::FollowerInfo(Epoch(accepted)));
        self.until_said(connection, "propose an epoch", |packet| {
            matches!(packet.message, Message::LeaderInfo(_)).then_some(())
        });
    }

    /// That follower takes the epoch over; up to UPTODATE.
    pub fn learner_follows(&self, connection: u64, peer: u8, epoch: u32, last: Zxid) {
        let current_epoch = Some(Epoch(epoch - 1));
        self.say(connection, peer, Message::AckEpoch(AckEpoch { current_epoch, last_zxid: last }));
        self.until_message(connection, &Message::NewLeader(Epoch(epoch)));
        self.say(connection, peer, Message::Ack(Zxid::new(Epoch(epoch), 0)));
        self.until_message(connection, &Message::UpToDate);
    }

    /// A client that opens a session meanwhile.
    pub fn opening(&self) -> JoinHandle<Client> {
        let address = self.address;
        std::thread::spawn(move || Client::open(address))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.gate.open();
        // A server that waits for a quorum has nothing to lose.
        if let Some(server) = self.server.take() {
            let _ = server.stop();
        }
    }
}

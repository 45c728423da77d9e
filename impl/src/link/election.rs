//! The election port: one connection with each other server, on which the newest notification counts.
//!
//! *Java:* `QuorumCnxManager`. Of two servers the one with the larger number keeps the connections that it opened
//! itself; the smaller one only asks, with a hello, to be called back.

use super::stream::{connect, end, listen, stop_accepting};
use super::{Events, LinkEvent};
use crate::config::HostPort;
use crate::wire::election::{
    HELLO_START, LONGEST_NOTIFICATION, decode_hello, decode_notification, encode_hello, encode_notification,
};
use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use zab::{Notification, ServerId};

/// How the election port is set up.
#[derive(Clone, Debug)]
pub struct ElectionOptions {
    /// This server.
    pub id: ServerId,
    /// The election addresses of all servers, this one's among them.
    pub addresses: BTreeMap<ServerId, Vec<HostPort>>,
    /// The list of servers as Java prints it, which goes with every notification.
    pub config: String,
    /// How long opening a connection, and a hello, may take (`zookeeper.cnxTimeout`).
    pub patience: Duration,
    /// Whether to listen on all addresses of this machine (`quorumListenOnAllIPs`).
    pub everywhere: bool,
}

/// The waits between two attempts to reach a server that something is to be said to.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// This server's election port. Dropped, it closes.
pub struct ElectionPort {
    inner: Arc<Inner>,
}

struct Inner {
    options: ElectionOptions,
    peers: BTreeMap<ServerId, Peer>,
    listener: TcpListener,
    events: Events,
    closed: AtomicBool,
}

/// Another server.
#[derive(Default)]
struct Peer {
    slot: Mutex<Slot>,
    /// Something is to be sent, or the connection is another.
    changed: Condvar,
}

#[derive(Default)]
struct Slot {
    /// The newest notification, if it was not sent.
    unsent: Option<Bytes>,
    /// The last one that was sent: sent again on a new connection, because nobody knows whether it arrived.
    last: Option<Bytes>,
    /// The connection, and its number.
    current: Option<(u64, TcpStream)>,
    /// The last number given.
    numbers: u64,
    /// Whether a thread is opening a connection.
    dialling: bool,
}

impl ElectionPort {
    /// Opens the port.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn start(options: ElectionOptions, events: Events) -> io::Result<ElectionPort> {
        let own = options.addresses.get(&options.id).cloned().unwrap_or_default();
        let listener = listen(&own, options.everywhere)?;
        let others = options.addresses.keys().filter(|id| **id != options.id);
        let peers = others.map(|id| (*id, Peer::default())).collect();
        let inner = Arc::new(Inner { options, peers, listener, events, closed: AtomicBool::new(false) });
        let accepting = inner.clone();
        thread::Builder::new().name("election port".into()).spawn(move || accepting.accept())?;
        Ok(ElectionPort { inner })
    }

    /// Says something to a server: now, or as soon as there is a connection, unless there is something newer by then.
    pub fn send(&self, to: ServerId, notification: &Notification) {
        let Some(peer) = self.inner.peers.get(&to) else { return };
        let mut frame = Vec::with_capacity(256);
        encode_notification(&mut frame, notification, &self.inner.options.config);
        let mut slot = peer.slot.lock();
        slot.unsent = Some(frame.into());
        peer.changed.notify_all();
        if slot.current.is_none() && !slot.dialling {
            slot.dialling = true;
            drop(slot);
            Inner::dial_in_a_thread(&self.inner, to);
        }
    }
}

impl Drop for ElectionPort {
    fn drop(&mut self) {
        self.inner.closed.store(true, Ordering::Release);
        stop_accepting(&self.inner.listener);
        for peer in self.inner.peers.values() {
            let slot = peer.slot.lock();
            if let Some((_, stream)) = &slot.current {
                end(stream);
            }
            peer.changed.notify_all();
        }
    }
}

impl Inner {
    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    // ---- Connecting ----------------------------------------------------------------------------------------------

    fn dial_in_a_thread(self: &Arc<Inner>, to: ServerId) {
        let inner = self.clone();
        let spawned = thread::Builder::new().name(format!("dial {to}")).spawn(move || inner.dial(to));
        if spawned.is_err() {
            // The next notification tries again.
            self.peers[&to].slot.lock().dialling = false;
        }
    }

    /// Tries to reach a server as long as something is to be said to it.
    fn dial(self: &Arc<Inner>, to: ServerId) {
        let peer = &self.peers[&to];
        let mut wait = SHORTEST_WAIT;
        loop {
            if let Err(error) = self.dial_once(to) {
                tracing::debug!(%to, %error, "the election port of this server is not reached");
            }
            let mut slot = peer.slot.lock();
            let content = |slot: &Slot| slot.current.is_some() || slot.unsent.is_none();
            if !content(&slot) && !self.is_closed() {
                peer.changed.wait_for(&mut slot, wait);
            }
            if content(&slot) || self.is_closed() {
                slot.dialling = false;
                return;
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn dial_once(self: &Arc<Inner>, to: ServerId) -> io::Result<()> {
        let addresses = self.options.addresses.get(&to).map_or(&[][..], Vec::as_slice);
        let mut stream = connect(addresses, self.options.patience)?;
        let own = self.options.addresses.get(&self.options.id).and_then(|own| own.first());
        let mut hello = Vec::new();
        encode_hello(&mut hello, self.options.id, &own.map(ToString::to_string).unwrap_or_default());
        stream.set_write_timeout(Some(self.options.patience))?;
        stream.write_all(&hello)?;
        if self.options.id > to {
            return self.keep(to, stream);
        }
        // The other one calls back.
        Ok(())
    }

    // ---- Being connected to --------------------------------------------------------------------------------------

    fn accept(self: &Arc<Inner>) {
        while !self.is_closed() {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    let inner = self.clone();
                    let greet = move || {
                        if let Err(error) = inner.greet(stream) {
                            tracing::debug!(%error, "a connection to the election port is refused");
                        }
                    };
                    // Without threads there is no answer; the other side tries again.
                    let _ = thread::Builder::new().name("election hello".into()).spawn(greet);
                }
                // Too many open files, most likely.
                Err(_) if !self.is_closed() => thread::sleep(Duration::from_millis(100)),
                Err(_) => {}
            }
        }
    }

    fn greet(self: &Arc<Inner>, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.options.patience))?;
        stream.set_write_timeout(Some(self.options.patience))?;
        let mut start = [0; HELLO_START];
        stream.read_exact(&mut start)?;
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let (from, length) = decode_hello(&start).map_err(invalid)?;
        let mut addresses = vec![0; length];
        stream.read_exact(&mut addresses)?;
        let Some(peer) = self.peers.get(&from) else {
            return Err(io::Error::other(format!("server {from} is not one of the others of this ensemble")));
        };
        if from > self.options.id {
            return self.keep(from, stream);
        }
        // It asks to be called back. What connection there was, it has left.
        end(&stream);
        let mut slot = peer.slot.lock();
        if let Some((_, older)) = slot.current.take() {
            end(&older);
        }
        if slot.unsent.is_none() {
            slot.unsent = slot.last.clone();
        }
        if !slot.dialling {
            slot.dialling = true;
            drop(slot);
            let again = self.clone();
            thread::Builder::new().name(format!("dial {from}")).spawn(move || again.call_back(from))?;
        } else {
            peer.changed.notify_all();
        }
        Ok(())
    }

    /// Connects even if nothing is to be said: the other one has something to say.
    fn call_back(self: &Arc<Inner>, to: ServerId) {
        if let Err(error) = self.dial_once(to) {
            tracing::debug!(%to, %error, "it asked to be called back, and is not reached");
        }
        self.dial_rest(to);
    }

    fn dial_rest(self: &Arc<Inner>, to: ServerId) {
        let mut slot = self.peers[&to].slot.lock();
        if slot.current.is_some() || slot.unsent.is_none() || self.is_closed() {
            slot.dialling = false;
            return;
        }
        drop(slot);
        self.dial(to);
    }

    // ---- Connected -----------------------------------------------------------------------------------------------

    /// Lets this be the connection with a server.
    fn keep(self: &Arc<Inner>, with: ServerId, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(None)?;
        rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
        let (kept, reading) = (stream.try_clone()?, stream.try_clone()?);
        let number = {
            let mut slot = self.peers[&with].slot.lock();
            if self.is_closed() {
                return Ok(());
            }
            slot.numbers += 1;
            let number = slot.numbers;
            if let Some((_, older)) = slot.current.replace((number, kept)) {
                end(&older);
            }
            if slot.unsent.is_none() {
                slot.unsent = slot.last.clone();
            }
            self.peers[&with].changed.notify_all();
            number
        };
        let (writer, reader) = (self.clone(), self.clone());
        let write = move || writer.write(with, number, stream);
        thread::Builder::new().name(format!("to {with}")).spawn(write)?;
        thread::Builder::new().name(format!("from {with}")).spawn(move || reader.read(with, number, reading))?;
        Ok(())
    }

    fn write(&self, to: ServerId, number: u64, mut stream: TcpStream) {
        let peer = &self.peers[&to];
        loop {
            let frame = {
                let mut slot = peer.slot.lock();
                loop {
                    if slot.current.as_ref().is_none_or(|(current, _)| *current != number) || self.is_closed() {
                        return end(&stream);
                    }
                    match slot.unsent.take() {
                        Some(frame) => {
                            slot.last = Some(frame.clone());
                            break frame;
                        }
                        None => peer.changed.wait(&mut slot),
                    }
                }
            };
            if stream.write_all(&frame).is_err() {
                return self.lost(to, number);
            }
        }
    }

    fn read(self: &Arc<Inner>, from: ServerId, number: u64, mut stream: TcpStream) {
        loop {
            match read_notification(&mut stream) {
                Ok(notification) => (self.events)(LinkEvent::Notification(from, notification)),
                Err(error) => {
                    tracing::debug!(%from, %error, "the election connection has ended");
                    return self.lost(from, number);
                }
            }
        }
    }

    /// This connection has ended, if it was not replaced before. Java waits then until there is something to say.
    fn lost(&self, with: ServerId, number: u64) {
        let peer = &self.peers[&with];
        let mut slot = peer.slot.lock();
        if let Some((_, stream)) = slot.current.take_if(|(current, _)| *current == number) {
            end(&stream);
        }
        peer.changed.notify_all();
    }
}

fn read_notification(stream: &mut TcpStream) -> io::Result<Notification> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let length = usize::try_from(i32::from_be_bytes(length)).ok();
    let Some(length) = length.filter(|length| (1..=LONGEST_NOTIFICATION).contains(length)) else {
        return Err(invalid("a notification of an impossible length".to_owned()));
    };
    // Memory grows with what comes, whatever the length says.
    let mut bytes = Vec::new();
    stream.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    decode_notification(&bytes.into()).map_err(|error| invalid(error.to_string()))
}

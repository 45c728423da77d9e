//! One connection on the quorum port: a thread that reads, a thread that writes.
//!
//! *Java:* `LearnerHandler.run`, `LearnerHandler.sendPackets`, `Learner.readPacket`, `LearnerSender`.

use super::{ConnectionId, Events, LinkEvent, snapshot};
use crate::disk::CheckedReader;
use crate::wire::quorum::{Attachment, Packet, RawPacket, encode_packet};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;
use zab::tree::TreeOptions;
use zab::{Message, Request, ServerId};

/// So many bytes are enough for one system call.
const ENOUGH: usize = 64 << 10;
/// What a packet without data takes, in bytes, or nearly so.
const PACKET: usize = 32;

/// An open connection, as the port keeps it. Dropping it lets the writer end.
pub(super) struct Open {
    stream: Arc<TcpStream>,
    queue: Sender<Packet>,
    queued: Arc<AtomicUsize>,
}

impl Open {
    /// Begins to write what is queued.
    ///
    /// # Errors
    /// The system has no more threads.
    pub(super) fn new(stream: Arc<TcpStream>, own: ServerId, peer: ServerId) -> io::Result<Open> {
        let (queue, packets) = mpsc::channel();
        let queued = Arc::new(AtomicUsize::new(0));
        let (output, left) = (stream.clone(), queued.clone());
        std::thread::Builder::new().name(format!("to {peer}")).spawn(move || {
            if let Err(error) = write(&output, own, &packets, &left) {
                tracing::info!(%peer, %error, "a quorum connection cannot be written");
            }
            // The one who reads ends as well, and says so.
            let _ = output.shutdown(Shutdown::Both);
        })?;
        Ok(Open { stream, queue, queued })
    }

    /// Queues a packet. What cannot be sent any more is forgotten: the end of the connection is on its way.
    pub(super) fn send(&self, packet: Packet) {
        self.queued.fetch_add(weight(&packet), Ordering::Relaxed);
        let _ = self.queue.send(packet);
    }

    /// The bytes that are not written yet, or nearly so; a snapshot does not count.
    pub(super) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    pub(super) fn set_timeout(&self, timeout: Duration) {
        set_timeout(&self.stream, timeout);
    }

    /// At once: what is queued is forgotten.
    pub(super) fn close(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// What holds for every connection.
pub(super) fn prepare(stream: &TcpStream, timeout: Duration) {
    // Packets are written in whole groups; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    set_timeout(stream, timeout);
}

fn set_timeout(stream: &TcpStream, timeout: Duration) {
    // Zero would be for ever.
    let _ = stream.set_read_timeout(Some(timeout.max(Duration::from_millis(1))));
}

fn weight(packet: &Packet) -> usize {
    let attached = match &packet.attachment {
        Attachment::Touched(sessions) => 12 * sessions.len(),
        Attachment::None | Attachment::Snapshot(_) => 0,
    };
    let payload = match &packet.message {
        Message::Proposal(txn) | Message::Inform(txn) => txn.payload.0.len(),
        Message::Request(Request::Write(payload) | Request::Sync(payload)) => payload.0.len(),
        _ => 0,
    };
    PACKET + attached + payload
}

fn write(stream: &TcpStream, own: ServerId, packets: &Receiver<Packet>, queued: &AtomicUsize) -> io::Result<()> {
    let mut out = Vec::with_capacity(ENOUGH);
    while let Ok(first) = packets.recv() {
        let (mut next, mut written) = (Some(first), 0);
        while let Some(packet) = next.take() {
            written += weight(&packet);
            encode_packet(&mut out, own, &packet);
            if let Message::Snap(_) = packet.message {
                flush(stream, &mut out)?;
                let Attachment::Snapshot(snapshot) = packet.attachment else {
                    return Err(io::Error::other("a SNAP without a snapshot"));
                };
                snapshot::write(&snapshot.tree, stream)?;
            }
            if out.len() < ENOUGH {
                next = packets.try_recv().ok();
            }
        }
        flush(stream, &mut out)?;
        queued.fetch_sub(written, Ordering::Relaxed);
    }
    Ok(())
}

fn flush(mut stream: &TcpStream, out: &mut Vec<u8>) -> io::Result<()> {
    let written = stream.write_all(out);
    out.clear();
    // One large packet must not keep its memory for ever.
    out.shrink_to(16 * ENOUGH);
    written
}

/// Reads until the connection ends, in whatever way, and tells why.
pub(super) fn read(
    stream: &TcpStream,
    (connection, peer): (ConnectionId, ServerId),
    options: TreeOptions,
    events: &Events,
) -> io::Error {
    let mut input = CheckedReader::new(stream);
    loop {
        match read_packet(&mut input, options) {
            Ok(packet) => events(LinkEvent::Packet { connection, peer, packet }),
            Err(error) => return error,
        }
    }
}

/// Reads a packet, and the tree behind a SNAP.
///
/// # Errors
/// The stream's; [`io::ErrorKind::InvalidData`] for what no server says.
pub fn read_packet<R: Read>(input: &mut CheckedReader<R>, options: TreeOptions) -> io::Result<Packet> {
    let mut packet =
        RawPacket::read(input)?.decode().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    if let Message::Snap(zxid) = packet.message {
        packet.attachment = Attachment::Snapshot(Box::new(snapshot::read(input, options, zxid)?));
    }
    Ok(packet)
}

//! A connection's task: reads requests, answers what it can, sends what its outbox holds.

use super::authentication::authenticate;
use super::connection::Connection;
use super::outbox::Taken;
use super::port::Service;
use super::reads;
use crate::node::{Asking, Incoming};
use crate::wire::{ClientRequest, ConnectRequest, Frame, FrameDecoder, RequestHeader, WireError};
use bytes::{Bytes, BytesMut};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use zab::tree::{Change, Code, OpCode};

/// So much is read at once.
const READ: usize = 16 << 10;

/// After so long a connection that was not listened to looks again whether it may be.
const THROTTLED: Duration = Duration::from_millis(1);

/// Serves a connection until one of both sides closes it.
pub(super) async fn serve(service: &Service, stream: TcpStream, connection: &Arc<Connection>) {
    let decoder = FrameDecoder::server(service.options.max_packet);
    let conversation = Conversation { service, connection, decoder, input: BytesMut::new(), introduced: false };
    if let Err(error) = conversation.run(stream).await {
        tracing::debug!(client = %connection.address, %error, "connection ended");
    }
}

struct Conversation<'a> {
    service: &'a Service,
    connection: &'a Arc<Connection>,
    decoder: FrameDecoder,
    input: BytesMut,
    /// Whether the first packet has come.
    introduced: bool,
}

impl Conversation<'_> {
    async fn run(mut self, stream: TcpStream) -> io::Result<()> {
        let mut output = Output::default();
        loop {
            let last = output.refill(self.connection);
            let blocked = output.send(&stream)?;
            if !blocked && last == Taken::Last {
                return Ok(());
            }
            // A client that does not take its replies, or that has enough to wait for, is not listened to.
            let throttled = self.is_throttled();
            let listening = !blocked && !throttled;
            tokio::select! {
                () = self.connection.outbox.changed(), if !blocked => {}
                // The reply that wakes this task comes before the counts go down, and others' replies do not wake it.
                () = tokio::time::sleep(THROTTLED), if throttled && !blocked => {}
                ready = stream.writable(), if blocked => ready?,
                ready = stream.readable(), if listening => {
                    ready?;
                    if !self.read(&stream)? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Whether the node has too much to do, some of it for this client (`NIOServerCnxn`'s throttling).
    fn is_throttled(&self) -> bool {
        let limit = self.service.options.outstanding_limit;
        self.service.shared.counters.outstanding.load(Ordering::Relaxed) > limit
            && self.connection.forwarded.load(Ordering::Relaxed) > 0
    }

    /// Reads once and treats every whole packet; whether more can come.
    fn read(&mut self, stream: &TcpStream) -> io::Result<bool> {
        self.input.reserve(READ);
        match stream.try_read_buf(&mut self.input) {
            Ok(0) => return Ok(false),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        }
        let since = Instant::now();
        self.connection.hear(self.service.shared.uptime());
        loop {
            match self.decoder.decode(&mut self.input) {
                Ok(Some(Frame::Packet(packet))) => self.packet(packet, since)?,
                Ok(Some(Frame::Word(word))) => {
                    let answer = self.service.words.answer(word);
                    self.connection.outbox.push(|out| out.extend_from_slice(answer.as_bytes()));
                    self.connection.outbox.close();
                    return Ok(true);
                }
                Ok(None) => break,
                Err(error) => return Err(io::Error::new(ErrorKind::InvalidData, error)),
            }
        }
        if self.input.is_empty() {
            // An idle connection keeps no memory for what may come some day.
            self.input = BytesMut::new();
        }
        Ok(true)
    }

    fn packet(&mut self, packet: Bytes, since: Instant) -> io::Result<()> {
        let invalid = |error: WireError| io::Error::new(ErrorKind::InvalidData, error);
        let statistics = &self.connection.statistics;
        statistics.received.fetch_add(1, Ordering::Relaxed);
        self.service.shared.counters.received.fetch_add(1, Ordering::Relaxed);
        if !self.introduced {
            let request = ConnectRequest::decode(&packet).map_err(invalid)?;
            self.introduced = true;
            self.forward(Incoming::Connect(self.connection.clone(), request));
            return Ok(());
        }
        let (header, body) = RequestHeader::split(packet).map_err(invalid)?;
        let request = self.request(&header, &body);
        if let ClientRequest::Auth(packet) = &request {
            authenticate(self.service, self.connection, packet);
            return Ok(());
        }
        let asking = Asking { connection: self.connection.clone(), xid: header.xid, request, since };
        self.ask(asking);
        Ok(())
    }

    /// The request, or what stands for one that cannot be read.
    fn request(&self, header: &RequestHeader, body: &Bytes) -> ClientRequest {
        let kind = header.kind;
        if !header.is_served() {
            return ClientRequest::Unknown { kind };
        }
        ClientRequest::decode(kind, body).unwrap_or_else(|error| {
            tracing::debug!(client = %self.connection.address, kind, %error, "a request cannot be read");
            let kind = OpCode::from_number(kind).unwrap_or(OpCode::Error);
            ClientRequest::Write(Change::Refused { kind, code: Code::MarshallingError.number() })
        })
    }

    fn ask(&self, asking: Asking) {
        let ordered = match &asking.request {
            ClientRequest::Write(change) => {
                if matches!(change, Change::CloseSession) {
                    self.connection.finished.store(true, Ordering::Release);
                }
                true
            }
            ClientRequest::Reconfig(_) | ClientRequest::Sync { .. } => true,
            _ => false,
        };
        if ordered || self.connection.forwarded.load(Ordering::Acquire) > 0 {
            return self.forward(Incoming::Request(asking));
        }
        let shared = &self.service.shared;
        shared.counters.outstanding.fetch_add(1, Ordering::Relaxed);
        reads::answer(shared, &shared.tree.read(), &asking);
    }

    /// Hands something to the node that it will answer.
    fn forward(&self, incoming: Incoming) {
        self.connection.forwarded.fetch_add(1, Ordering::AcqRel);
        self.service.shared.counters.outstanding.fetch_add(1, Ordering::Relaxed);
        self.service.node.send(incoming);
    }
}

/// Bytes on their way into the socket.
#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    sent: usize,
}

impl Output {
    /// Takes what waits, when everything before has been sent.
    fn refill(&mut self, connection: &Connection) -> Taken {
        if self.sent < self.bytes.len() {
            return Taken::Open;
        }
        *self = Output::default();
        connection.outbox.take(&mut self.bytes)
    }

    /// Sends as much as the socket takes; whether something is left.
    fn send(&mut self, stream: &TcpStream) -> io::Result<bool> {
        while self.sent < self.bytes.len() {
            match stream.try_write(&self.bytes[self.sent..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

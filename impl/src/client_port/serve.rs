//! A connection's task: reads requests, answers what it can, sends what its outbox holds.

use super::authentication::authenticate;
use super::batch::{Batch, count_forwarded};
use super::connection::Connection;
use super::outbox::{Outbox, Taken};
use super::port::Service;
use crate::node::{Asking, Incoming};
use crate::wire::{ClientRequest, ConnectRequest, Frame, FrameDecoder, RequestHeader, WireError};
use bytes::{Bytes, BytesMut};
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use zab::tree::{Change, Code, OpCode};

/// So much is read at once.
const READ: usize = 16 << 10;

/// So many reads may wait behind a write: a short request may have a long reply, and they are all made at once.
const MOST_READS_BEHIND: usize = 16;

/// So long may a client that is to be closed take nothing of what is still to be sent.
const LINGER: Duration = Duration::from_secs(5);

/// Serves a connection until one of both sides closes it.
pub(super) async fn serve(service: &Service, stream: TcpStream, connection: &Arc<Connection>) {
    let decoder = FrameDecoder::server(service.options.max_packet);
    let input = BytesMut::new();
    let (word, introduced, finished, held, reads_behind) = (None, false, false, false, 0);
    let conversation =
        Conversation { service, connection, decoder, input, word, introduced, finished, held, reads_behind };
    if let Err(error) = conversation.run(stream).await {
        tracing::debug!(client = %connection.address, %error, "connection ended");
    }
}

struct Conversation<'a> {
    service: &'a Service,
    connection: &'a Arc<Connection>,
    decoder: FrameDecoder,
    input: BytesMut,
    /// A four-letter word, of which a part has not come.
    word: Option<[u8; 4]>,
    /// Whether the first packet has come.
    introduced: bool,
    /// Whether the last packet has come: what stands behind it is not done.
    finished: bool,
    /// Whether there may be whole packets in `input`, which wait until their client has taken some replies.
    held: bool,
    /// Reads that the node has got because they stand behind a write, since it last had none of this client.
    reads_behind: usize,
}

impl Conversation<'_> {
    async fn run(mut self, mut stream: TcpStream) -> io::Result<()> {
        let (mut reader, writer) = stream.split();
        let mut output = Output::default();
        let no_session = tokio::time::Instant::now() + self.service.options.sessionless_timeout;
        loop {
            let taken = output.refill(self.connection);
            let blocked = output.send(&writer)?;
            match taken {
                Taken::Last if !blocked => return Ok(()),
                Taken::Aborted => return Ok(()),
                Taken::Open | Taken::Last => {}
            }
            // A client that does not take its replies, or that has enough to wait for, is not listened to.
            let listening = !blocked && !self.is_throttled();
            if self.held && listening {
                self.treat()?;
                continue;
            }
            let closing = self.connection.outbox.is_closing();
            let sessionless = !closing && self.connection.session().is_none();
            tokio::select! {
                () = self.connection.outbox.changed() => {}
                ready = writer.writable(), if blocked => ready?,
                ready = reader.readable(), if listening && !self.finished => {
                    ready?;
                    if !self.read(&mut reader).await? {
                        return Ok(());
                    }
                }
                // It says nothing, or not enough (`NIOServerCnxnFactory`, `ConnectionExpirerThread`).
                () = async { tokio::time::sleep_until(no_session).await }, if sessionless => {
                    self.service.shared.counters.sessionless.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                // It does not take what would be the last.
                () = async { tokio::time::sleep(LINGER).await }, if closing => return Ok(()),
            }
        }
    }

    /// Whether the node has too much to do, some of it for this client (`NIOServerCnxn`'s throttling), or as many of
    /// its reads as it may.
    fn is_throttled(&self) -> bool {
        if self.reads_behind >= MOST_READS_BEHIND && self.connection.forwarded.load(Ordering::Relaxed) > 0 {
            return true;
        }
        let limit = self.service.options.outstanding_limit;
        self.service.shared.counters.outstanding.load(Ordering::Relaxed) > limit
            && self.connection.forwarded.load(Ordering::Relaxed) > 0
    }

    /// Reads once and treats every whole packet; whether more can come.
    async fn read(&mut self, reader: &mut ReadHalf<'_>) -> io::Result<bool> {
        self.input.reserve(READ);
        // Of a stream that is polled the runtime knows, when less came than there was room for, that nothing more is
        // there. So the system need not say so, and other connections have their turn.
        let mut reading = pin!(reader.read_buf(&mut self.input));
        match poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await {
            Poll::Ready(Ok(0)) => return Ok(false),
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Pending => return Ok(true),
        }
        self.connection.hear(self.service.shared.uptime());
        self.treat()?;
        Ok(true)
    }

    /// Treats the packets that have come, as long as their client has not enough to read.
    fn treat(&mut self) -> io::Result<()> {
        let mut batch = Batch::new(&self.service.shared, self.connection, &self.service.node);
        let treated = self.treat_into(&mut batch);
        batch.end();
        if self.input.is_empty() {
            // An idle connection keeps no memory for what may come some day.
            self.input = BytesMut::new();
        }
        treated
    }

    fn treat_into(&mut self, batch: &mut Batch<'_>) -> io::Result<()> {
        let outbox = &self.connection.outbox;
        self.held = false;
        while !self.finished {
            if batch.len() + outbox.len() >= Outbox::ENOUGH || self.is_throttled() {
                self.held = true;
                break;
            }
            if let Some(word) = self.word {
                if !self.answer_word(word) {
                    break;
                }
                continue;
            }
            match self.decoder.decode(&mut self.input) {
                Ok(Some(Frame::Packet(packet))) => self.packet(packet, batch)?,
                Ok(Some(Frame::Word(word))) => self.word = Some(word),
                Ok(None) => break,
                Err(error) => return Err(io::Error::new(ErrorKind::InvalidData, error)),
            }
        }
        Ok(())
    }

    /// Answers a word, if everything that belongs to it has come.
    fn answer_word(&mut self, word: [u8; 4]) -> bool {
        let words = &self.service.words;
        let Some(argument) = self.input.get(..words.argument(word)) else { return false };
        let answer = words.answer(word, argument);
        self.connection.outbox.push(|out| out.extend_from_slice(answer.as_bytes()));
        self.finish();
        true
    }

    /// Nothing is to come any more, and nothing is to be answered.
    fn finish(&mut self) {
        self.finished = true;
        self.connection.outbox.close();
    }

    fn packet(&mut self, packet: Bytes, batch: &mut Batch<'_>) -> io::Result<()> {
        let invalid = |error: WireError| io::Error::new(ErrorKind::InvalidData, error);
        let statistics = &self.connection.statistics;
        statistics.received.fetch_add(1, Ordering::Relaxed);
        self.service.shared.counters.received.fetch_add(1, Ordering::Relaxed);
        if !self.introduced {
            let request = ConnectRequest::decode(&packet).map_err(invalid)?;
            self.introduced = true;
            statistics.last_operation.store(OpCode::CreateSession.number(), Ordering::Relaxed);
            count_forwarded(&self.service.shared, self.connection);
            self.service.node.send(Incoming::Connect(self.connection.clone(), request));
            return Ok(());
        }
        let (header, body) = RequestHeader::split(packet).map_err(invalid)?;
        statistics.last_operation.store(header.kind, Ordering::Relaxed);
        let request = self.request(&header, &body).map_err(invalid)?;
        if let ClientRequest::Auth(packet) = &request {
            batch.end();
            authenticate(self.service, self.connection, header.xid, packet);
            self.finished = self.connection.outbox.is_closing();
            return Ok(());
        }
        self.finished = matches!(request, ClientRequest::Write(Change::CloseSession) | ClientRequest::Unknown { .. });
        let asking = Asking { connection: self.connection.clone(), xid: header.xid, request, since: batch.since };
        self.ask(asking, batch);
        Ok(())
    }

    /// The request, or what stands for one that cannot be read.
    ///
    /// # Errors
    /// A proof that cannot be read: the connection's end.
    fn request(&self, header: &RequestHeader, body: &Bytes) -> Result<ClientRequest, WireError> {
        use OpCode::{Create, Create2, CreateContainer, CreateTtl, Delete, DeleteContainer, Multi, SetAcl, SetData};
        let kind = header.kind;
        // Opening a session is the first packet's business.
        if !header.is_served() || kind == OpCode::CreateSession.number() {
            return Ok(ClientRequest::Unknown { kind });
        }
        let error = match ClientRequest::decode(kind, body) {
            Ok(request) => return Ok(request),
            Err(error) => error,
        };
        tracing::debug!(client = %self.connection.address, kind, %error, "a request cannot be read");
        match OpCode::from_number(kind) {
            Some(OpCode::Auth | OpCode::Sasl) => Err(error),
            Some(
                kind @ (Create
                | Create2
                | CreateContainer
                | CreateTtl
                | Delete
                | DeleteContainer
                | Multi
                | SetAcl
                | SetData
                | OpCode::Reconfig),
            ) => {
                let code = Code::MarshallingError.number();
                Ok(ClientRequest::Write(Change::Refused { kind, code }))
            }
            _ => Ok(ClientRequest::Unreadable { kind }),
        }
    }

    fn ask(&mut self, asking: Asking, batch: &mut Batch<'_>) {
        if let ClientRequest::Write(Change::CloseSession) = asking.request {
            self.connection.finished.store(true, Ordering::Release);
        }
        let ordered = asking.is_ordered();
        let behind = self.connection.forwarded.load(Ordering::Acquire) > 0;
        self.reads_behind = if behind { self.reads_behind + usize::from(!ordered) } else { 0 };
        if ordered || behind {
            return batch.forward(asking);
        }
        batch.answer(&asking);
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
            return if connection.outbox.is_aborted() { Taken::Aborted } else { Taken::Open };
        }
        *self = Output::default();
        connection.outbox.take(&mut self.bytes)
    }

    /// Sends as much as the socket takes; whether something is left.
    fn send(&mut self, stream: &WriteHalf<'_>) -> io::Result<bool> {
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

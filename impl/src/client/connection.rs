//! One connection with one server: bytes, packets, and which requests wait for their replies.

use super::address::ServerAddress;
use super::answer::Answer;
use super::command::{Call, Watcher};
use super::connector::{Connector, Transport};
use super::error::{Disconnect, Error};
use super::metrics::{Metrics, count};
use super::registry::Kind;
use crate::wire::header::{AUTH_XID, PING_XID, SET_WATCHES_XID};
use crate::wire::request::{AuthPacket, SetWatches};
use crate::wire::{ClientRequest, ConnectRequest, ConnectResponse, Frame, FrameDecoder, encode_request};
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::time::Instant;
use zab::tree::OpCode;

/// What is read at once.
const CHUNK: usize = 16 << 10;

/// Above so many unsent bytes, no request is taken from the queue.
const HIGH_WATER: usize = 1 << 20;

/// A request without reply.
#[derive(Debug)]
pub(super) struct InFlight {
    pub xid: i32,
    /// What was asked; replies do not say it. Only what is looked at when the reply comes.
    pub asked: Asked,
    pub answer: Option<Answer>,
    pub watch: Option<Watcher>,
}

/// What must be known of a request when its reply comes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A read which leaves a watch if it succeeds; of exists another one if it finds nothing.
    Watching {
        kind: Kind,
        operation: OpCode,
        path: String,
    },
    RemoveWatches {
        path: String,
        kind: i32,
    },
    Other(i32),
}

impl Asked {
    fn of(request: &ClientRequest, watches: bool) -> Asked {
        use ClientRequest::{AddWatch, Exists, GetChildren, GetChildren2, GetData, RemoveWatches};
        let (kind, path) = match request {
            RemoveWatches(selection) => {
                return Asked::RemoveWatches { path: selection.path.clone(), kind: selection.kind };
            }
            _ if !watches => return Asked::Other(request.kind()),
            Exists(read) | GetData(read) => (Kind::Data, &read.path),
            GetChildren(read) | GetChildren2(read) => (Kind::Child, &read.path),
            AddWatch { path, mode: 0 } => (Kind::Persistent, path),
            AddWatch { path, .. } => (Kind::PersistentRecursive, path),
            _ => return Asked::Other(request.kind()),
        };
        let operation = OpCode::from_number(request.kind()).unwrap_or(OpCode::Notification);
        Asked::Watching { kind, operation, path: path.clone() }
    }

    /// The operation, by which the reply is read.
    pub fn operation(&self) -> Option<OpCode> {
        match self {
            Asked::Watching { operation, .. } => Some(*operation),
            Asked::RemoveWatches { .. } => Some(OpCode::RemoveWatches),
            Asked::Other(number) => OpCode::from_number(*number),
        }
    }
}

pub(super) struct Connection {
    pub reader: ReadHalf<Box<dyn Transport>>,
    pub writer: WriteHalf<Box<dyn Transport>>,
    pub input: BytesMut,
    pub output: BytesMut,
    /// When something was last put into `output`.
    pub sent: Instant,
    /// When something was last read.
    pub heard: Instant,
    decoder: FrameDecoder,
    longest_request: usize,
    in_flight: VecDeque<InFlight>,
    /// Replies to proofs come out of the others' order.
    auths: VecDeque<Option<Answer>>,
    last_xid: i32,
    metrics: Arc<Metrics>,
}

impl Connection {
    /// Connects and asks for a session. Not bounded in time.
    pub async fn open(
        connector: Arc<dyn Connector>,
        server: ServerAddress,
        request: ConnectRequest,
        (longest_packet, longest_request): (usize, usize),
        metrics: Arc<Metrics>,
    ) -> Result<(Connection, ConnectResponse), Disconnect> {
        let (reader, writer) = split(connector.connect(&server).await?);
        let mut connection = Connection {
            reader,
            writer,
            input: BytesMut::new(),
            output: BytesMut::new(),
            sent: Instant::now(),
            heard: Instant::now(),
            decoder: FrameDecoder::client(longest_packet),
            longest_request,
            in_flight: VecDeque::new(),
            auths: VecDeque::new(),
            last_xid: 0,
            metrics,
        };
        let mut bytes = Vec::new();
        request.encode(&mut bytes);
        connection.writer.write_all(&bytes).await?;
        count(&connection.metrics.bytes_sent, bytes.len());
        loop {
            if let Some(packet) = connection.packet()? {
                let response = ConnectResponse::decode(&packet)?;
                return Ok((connection, response));
            }
            connection.make_room();
            let read = connection.reader.read_buf(&mut connection.input).await;
            connection.has_read(read)?;
        }
    }

    // ---- Bytes ----------------------------------------------------------------------------------------------------

    /// To be called before reading.
    pub fn make_room(&mut self) {
        self.input.reserve(CHUNK);
    }

    /// To be called after reading.
    pub fn has_read(&mut self, read: io::Result<usize>) -> Result<(), Disconnect> {
        match read? {
            0 => Err(Disconnect::ServerClosed),
            bytes => {
                count(&self.metrics.bytes_received, bytes);
                self.heard = Instant::now();
                Ok(())
            }
        }
    }

    /// To be called after writing.
    pub fn has_written(&self, written: io::Result<usize>) -> Result<(), Disconnect> {
        match written? {
            0 => Err(Disconnect::ServerClosed),
            bytes => {
                count(&self.metrics.bytes_sent, bytes);
                Ok(())
            }
        }
    }

    /// The next packet, if all of it is there.
    pub fn packet(&mut self) -> Result<Option<Bytes>, Disconnect> {
        match self.decoder.decode(&mut self.input)? {
            Some(Frame::Packet(packet)) => Ok(Some(packet)),
            // A client's decoder knows no words.
            Some(Frame::Word(_)) | None => Ok(None),
        }
    }

    pub fn has_room(&self) -> bool {
        self.output.len() < HIGH_WATER
    }

    // ---- Requests -------------------------------------------------------------------------------------------------

    fn put(&mut self, xid: i32, request: &ClientRequest) {
        encode_request(&mut self.output, xid, request);
        self.sent = Instant::now();
    }

    pub fn send(&mut self, call: Call) {
        // Below 0 are the packets with a meaning of their own (`ClientCnxn.getXid`).
        self.last_xid = self.last_xid.checked_add(1).unwrap_or(1);
        self.send_as(self.last_xid, call);
    }

    fn send_as(&mut self, xid: i32, call: Call) {
        let before = self.output.len();
        self.put(xid, &call.request);
        // The four bytes of a packet's length count for nothing.
        let (length, longest) = (self.output.len() - before - 4, self.longest_request);
        if length > longest
            && let Some(answer) = call.answer
        {
            self.output.truncate(before);
            return answer.give(Err(Error::TooLong { length, longest }));
        }
        count(&self.metrics.requests, 1);
        let asked = Asked::of(&call.request, call.watch.is_some());
        call.answer.iter().for_each(|answer| answer.sent(xid));
        self.in_flight.push_back(InFlight { xid, asked, answer: call.answer, watch: call.watch });
    }

    pub fn send_watches(&mut self, watches: SetWatches) {
        // Servers before 3.6 know only the old form, and it is enough for the old watches.
        let old = watches.persistent.is_empty() && watches.persistent_recursive.is_empty();
        let request = if old { ClientRequest::SetWatches(watches) } else { ClientRequest::SetWatches2(watches) };
        self.send_as(SET_WATCHES_XID, Call { request, answer: None, watch: None });
    }

    pub fn send_auth(&mut self, packet: AuthPacket, answer: Option<Answer>) {
        self.put(AUTH_XID, &ClientRequest::Auth(packet));
        count(&self.metrics.requests, 1);
        answer.iter().for_each(|answer| answer.sent(AUTH_XID));
        self.auths.push_back(answer);
    }

    pub fn send_ping(&mut self) {
        self.put(PING_XID, &ClientRequest::Ping);
        count(&self.metrics.pings, 1);
    }

    // ---- Replies --------------------------------------------------------------------------------------------------

    /// The request that this reply answers: it must be the oldest.
    pub fn take(&mut self, xid: i32) -> Result<InFlight, Disconnect> {
        let expected = self.in_flight.front().map(|request| request.xid);
        match self.in_flight.pop_front() {
            Some(request) if request.xid == xid => {
                count(&self.metrics.replies, 1);
                Ok(request)
            }
            other => {
                // It is failed with the others.
                self.in_flight.extend(other);
                Err(Disconnect::UnexpectedXid { got: xid, expected })
            }
        }
    }

    pub fn take_auth(&mut self) -> Result<Option<Answer>, Disconnect> {
        let expected = self.in_flight.front().map(|request| request.xid);
        let answer = self.auths.pop_front().ok_or(Disconnect::UnexpectedXid { got: AUTH_XID, expected })?;
        count(&self.metrics.replies, 1);
        Ok(answer)
    }

    /// Whether a request under way will leave a watch on this path; of one kind, or of any.
    pub fn awaits_watch(&self, path: &str, kind: Option<Kind>) -> bool {
        self.in_flight.iter().any(|request| match &request.asked {
            Asked::Watching { kind: its_kind, path: its_path, .. } => {
                its_path == path && kind.is_none_or(|kind| kind == *its_kind)
            }
            _ => false,
        })
    }

    /// Every request without reply gets this error.
    pub fn fail(self, error: &Error) {
        let answers = self.in_flight.into_iter().map(|request| request.answer).chain(self.auths);
        answers.flatten().for_each(|answer| answer.give(Err(error.clone())));
    }
}

//! A synchronous client over the project's own codec. It does nothing by itself: no ping, no reconnection.

use bytes::{Bytes, BytesMut};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use zab::Zxid;
use zab::tree::OpCode;
use zabkeeper::wire::header::{NOTIFICATION_XID, PING_XID};
use zabkeeper::wire::{
    ClientRequest, ConnectRequest, ConnectResponse, Frame, FrameDecoder, ReplyHeader, RequestHeader, Writer,
    encode_request,
};

/// A server that says nothing for so long has lost the request.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a server sends.
#[derive(Clone, Debug)]
pub enum Packet {
    /// A reply: its header, its body.
    Reply(ReplyHeader, Bytes),
    /// A notification: its header, its body.
    Event(ReplyHeader, Bytes),
    /// It closed the connection.
    End,
}

/// A connection with a server.
pub struct Client {
    stream: TcpStream,
    decoder: FrameDecoder,
    input: BytesMut,
    last_xid: i32,
    /// The highest zxid of any reply.
    pub last_zxid: Zxid,
}

impl Client {
    /// Connects and sends the first packet. Without an answer to it where the server closes instead.
    pub fn connect(address: SocketAddr, request: &ConnectRequest) -> io::Result<(Client, Option<ConnectResponse>)> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (decoder, input) = (FrameDecoder::client(1 << 24), BytesMut::new());
        let mut client = Client { stream, decoder, input, last_xid: 0, last_zxid: Zxid(0) };
        let mut bytes = Vec::new();
        request.encode(&mut bytes);
        client.stream.write_all(&bytes)?;
        let response = match client.frame()? {
            Some(frame) => Some(ConnectResponse::decode(&frame).map_err(invalid)?),
            None => None,
        };
        Ok((client, response))
    }

    /// Sends a request under the next xid, which it returns.
    pub fn send(&mut self, request: &ClientRequest) -> io::Result<i32> {
        self.last_xid += 1;
        self.send_as(self.last_xid, request)?;
        Ok(self.last_xid)
    }

    /// Sends a request under this xid.
    pub fn send_as(&mut self, xid: i32, request: &ClientRequest) -> io::Result<()> {
        let mut bytes = Vec::new();
        encode_request(&mut bytes, xid, request);
        self.stream.write_all(&bytes)
    }

    /// Sends any bytes as the body of any operation, under the next xid, which it returns.
    pub fn send_bytes(&mut self, kind: OpCode, body: &[u8]) -> io::Result<i32> {
        self.last_xid += 1;
        let header = RequestHeader { xid: self.last_xid, kind: kind.number() };
        let mut bytes = Vec::new();
        bytes.put_measured(|out| {
            header.encode(out);
            out.extend_from_slice(body);
        });
        self.stream.write_all(&bytes)?;
        Ok(self.last_xid)
    }

    /// The next packet.
    pub fn receive(&mut self) -> io::Result<Packet> {
        let Some(frame) = self.frame()? else { return Ok(Packet::End) };
        let (header, body) = ReplyHeader::split(frame).map_err(invalid)?;
        if header.xid == NOTIFICATION_XID {
            return Ok(Packet::Event(header, body));
        }
        if header.zxid != Zxid(u64::MAX) {
            self.last_zxid = self.last_zxid.max(header.zxid);
        }
        Ok(Packet::Reply(header, body))
    }

    /// Everything that came until now, by way of a ping: its reply is not among it.
    pub fn drain(&mut self) -> io::Result<Vec<Packet>> {
        let mut packets = Vec::new();
        if let Err(error) = self.send_as(PING_XID, &ClientRequest::Ping) {
            // What was sent before a connection was closed can still be read.
            if !is_closed(&error) {
                return Err(error);
            }
        }
        loop {
            match self.receive()? {
                Packet::Reply(ReplyHeader { xid: PING_XID, .. }, _) => return Ok(packets),
                Packet::End => {
                    packets.push(Packet::End);
                    return Ok(packets);
                }
                packet => packets.push(packet),
            }
        }
    }

    /// The next frame; `None` when the server closed the connection.
    fn frame(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            match self.decoder.decode(&mut self.input).map_err(invalid)? {
                Some(Frame::Packet(packet)) => return Ok(Some(packet)),
                Some(Frame::Word(_)) => unreachable!("a client knows no words"),
                None => {}
            }
            let mut bytes = [0; 16 << 10];
            match self.stream.read(&mut bytes) {
                Ok(0) => return Ok(None),
                Ok(read) => self.input.extend_from_slice(&bytes[..read]),
                Err(error) if is_closed(&error) => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted)
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

//! A listener that does what a test tells it, and speaks the protocol no better than it must.

use bytes::{Bytes, BytesMut};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use zab::Zxid;
use zab::tree::SessionId;
use zabkeeper::client::ClientOptions;
use zabkeeper::wire::{
    ClientRequest, ConnectRequest, ConnectResponse, Frame, FrameDecoder, Reply, ReplyHeader, RequestHeader, Writer,
    encode_reply,
};

pub const SESSION: SessionId = SessionId(0x77);

pub struct Scripted {
    listener: TcpListener,
    pub address: SocketAddr,
}

pub struct Peer {
    pub stream: TcpStream,
    input: BytesMut,
    decoder: FrameDecoder,
}

impl Scripted {
    pub async fn new() -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        Scripted { listener, address }
    }

    pub fn options(&self) -> ClientOptions {
        ClientOptions::new(self.address.to_string())
    }

    /// The next connection, before its first packet.
    pub async fn accept(&self) -> Peer {
        let (stream, _) = crate::soon("a connection", self.listener.accept()).await.expect("a connection");
        Peer { stream, input: BytesMut::new(), decoder: FrameDecoder::client(1 << 20) }
    }

    /// The next connection, with a session of ten seconds on it; and what was asked for.
    pub async fn welcome(&self) -> (Peer, ConnectRequest) {
        let mut peer = self.accept().await;
        let request = peer.opening().await;
        peer.open(10_000, false).await;
        (peer, request)
    }
}

impl Peer {
    /// The next packet; `None` at the end.
    pub async fn packet(&mut self) -> Option<Bytes> {
        loop {
            if let Some(Frame::Packet(packet)) = self.decoder.decode(&mut self.input).expect("a length") {
                return Some(packet);
            }
            match crate::soon("bytes", self.stream.read_buf(&mut self.input)).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    pub async fn opening(&mut self) -> ConnectRequest {
        ConnectRequest::decode(&self.packet().await.expect("a packet")).expect("a ConnectRequest")
    }

    pub async fn open(&mut self, timeout: i32, read_only: bool) {
        let session = if timeout > 0 { SESSION } else { SessionId(0) };
        let password = Some(Bytes::from_static(&[7; 16]));
        let response = ConnectResponse { protocol_version: 0, timeout, session, password, read_only: Some(read_only) };
        let mut bytes = Vec::new();
        response.encode(&mut bytes);
        self.send(&bytes).await;
    }

    /// The next request.
    pub async fn request(&mut self) -> Option<(i32, ClientRequest)> {
        let (header, body) = RequestHeader::split(self.packet().await?).expect("a header");
        Some((header.xid, ClientRequest::decode(header.kind, &body).expect("a request")))
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        // The client may be gone already.
        let _ = self.stream.write_all(bytes).await;
    }

    pub async fn answer(&mut self, xid: i32, zxid: u64, err: i32, reply: &Reply) {
        let mut bytes = Vec::new();
        encode_reply(&mut bytes, &ReplyHeader { xid, zxid: Zxid(zxid), err }, reply);
        self.send(&bytes).await;
    }
}

/// Bytes behind their length.
pub fn framed(content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.put_buffer(Some(content));
    bytes
}

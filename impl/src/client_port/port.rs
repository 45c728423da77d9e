//! The client port: accepts connections within their limits.

use super::connection::Connection;
use super::serve::serve;
use crate::node::{Handle, Incoming};
use crate::shared::{Shared, wall_clock};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// What holds for every connection of clients.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The longest packet in bytes (`jute.maxbuffer`).
    pub max_packet: usize,
    /// Connections from one address (`maxClientCnxns`); 0 for any number.
    pub max_per_address: usize,
    /// Connections in all (`maxCnxns`); 0 for any number.
    pub max_connections: usize,
    /// Requests that the node may have and not have answered before connections that wait for it are not read any more
    /// (`globalOutstandingLimit`).
    pub outstanding_limit: usize,
    /// A connection without a session is closed after this time (`zookeeper.nio.sessionlessCnxnTimeout`).
    pub sessionless_timeout: Duration,
    /// The super user's `user:hash` (`zookeeper.DigestAuthenticationProvider.superDigest`).
    pub super_digest: Option<String>,
}

/// Answers the four-letter words.
pub trait Words: Send + Sync {
    /// How many bytes behind the word belong to it.
    fn argument(&self, word: [u8; 4]) -> usize;
    /// The whole answer to a word with that many bytes behind it, with its end of line where it has one.
    fn answer(&self, word: [u8; 4], argument: &[u8]) -> String;
}

/// What all connections of clients share.
pub struct Service {
    /// The state to read from.
    pub shared: Arc<Shared>,
    /// The way to the node.
    pub node: Handle,
    /// The limits.
    pub options: ClientOptions,
    /// Who answers four-letter words.
    pub words: Arc<dyn Words>,
    next_number: AtomicU64,
}

impl Service {
    /// Without any connection yet.
    #[must_use]
    pub fn new(shared: Arc<Shared>, node: Handle, options: ClientOptions, words: Arc<dyn Words>) -> Service {
        Service { shared, node, options, words, next_number: AtomicU64::new(1) }
    }

    /// Accepts connections until the task is ended.
    pub async fn accept(self: Arc<Self>, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, address)) => self.clone().begin(stream, address),
                Err(error) => {
                    // Too many open files, most likely: they become fewer with time.
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn begin(self: Arc<Self>, stream: TcpStream, address: SocketAddr) {
        let Some(connection) = self.register(address) else {
            self.shared.counters.rejected.fetch_add(1, Ordering::Relaxed);
            return;
        };
        // Replies are written whole; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        tokio::spawn(async move {
            serve(&self, stream, &connection).await;
            self.shared.connections.lock().remove(&connection.number);
            self.node.send(Incoming::Gone(connection));
        });
    }

    /// A connection's number, unless there are too many.
    fn register(&self, address: SocketAddr) -> Option<Arc<Connection>> {
        let mut connections = self.shared.connections.lock();
        let ClientOptions { max_connections, max_per_address, .. } = self.options;
        let too_many = max_connections > 0 && connections.len() >= max_connections;
        if too_many || (max_per_address > 0 && count_of(&connections, address.ip()) >= max_per_address) {
            tracing::warn!(%address, "refused: too many connections");
            return None;
        }
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Connection::new(number, address, wall_clock()));
        connections.insert(number, connection.clone());
        Some(connection)
    }
}

fn count_of(connections: &HashMap<u64, Arc<Connection>>, address: IpAddr) -> usize {
    connections.values().filter(|connection| connection.address.ip() == address).count()
}

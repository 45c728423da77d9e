//! What the node and a connection's own task both know about it.

use super::outbox::Outbox;
use parking_lot::RwLock;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use zab::tree::{Id, SessionId};

/// A client's connection.
#[derive(Debug)]
pub struct Connection {
    /// Its number: never given twice while the server runs. Watches know it by that.
    pub number: u64,
    /// Where the client is.
    pub address: SocketAddr,
    /// What waits to be sent.
    pub outbox: Outbox,
    /// Who the client is: its address, and what it has proved since.
    pub identities: RwLock<Arc<[Id]>>,
    /// When it was accepted, in milliseconds since 1970.
    pub established: i64,
    /// Requests that the node has and has not answered. While there are any, every further request goes to the node as
    /// well: a session's replies keep the order of its requests.
    pub forwarded: AtomicUsize,
    /// Whether the client sent its last request, to close the session.
    pub finished: AtomicBool,
    /// Whether the client knows of read-only servers: only then it is told whether this is one.
    pub read_only: AtomicBool,
    /// What `cons` and `stat` say about it.
    pub statistics: Statistics,
    session: AtomicI64,
    timeout: AtomicI32,
    /// When the client was last heard, in milliseconds since the server started.
    heard: AtomicU64,
}

/// What is counted of a connection.
#[derive(Debug)]
pub struct Statistics {
    /// Requests received.
    pub received: AtomicU64,
    /// Replies and events sent.
    pub sent: AtomicU64,
    /// The number of the last operation that was asked.
    pub last_operation: AtomicI32,
    /// The xid of the last request that was not a special one; −1 before the first.
    pub last_cxid: AtomicI64,
    /// The last reply's zxid; −1 before the first.
    pub last_zxid: AtomicI64,
    /// When the last reply was made, in milliseconds since the server started; 0 before the first.
    pub last_response: AtomicU64,
    /// The time that the last, the quickest, the slowest and all requests took, in microseconds.
    pub latency: Latency,
}

impl Default for Statistics {
    /// Of a connection to which nothing has happened, or of which that is forgotten (`ServerCnxn.resetStats`).
    fn default() -> Statistics {
        Statistics {
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            last_operation: AtomicI32::new(0),
            last_cxid: AtomicI64::new(-1),
            last_zxid: AtomicI64::new(-1),
            last_response: AtomicU64::new(0),
            latency: Latency::default(),
        }
    }
}

impl Statistics {
    /// Forgets everything (`ServerCnxn.resetStats`).
    pub fn reset(&self) {
        self.latency.reset();
        for counter in [&self.received, &self.sent, &self.last_response] {
            counter.store(0, Ordering::Relaxed);
        }
        self.last_operation.store(0, Ordering::Relaxed);
        self.last_cxid.store(-1, Ordering::Relaxed);
        self.last_zxid.store(-1, Ordering::Relaxed);
    }
}

/// Times that requests took, in microseconds.
#[derive(Debug)]
pub struct Latency {
    /// How many were measured.
    pub count: AtomicU64,
    /// Their sum.
    pub total: AtomicU64,
    /// The quickest; `u64::MAX` before the first.
    pub least: AtomicU64,
    /// The slowest.
    pub most: AtomicU64,
    /// The last.
    pub last: AtomicU64,
}

impl Default for Latency {
    fn default() -> Latency {
        let zero = AtomicU64::default;
        Latency { count: zero(), total: zero(), least: AtomicU64::new(u64::MAX), most: zero(), last: zero() }
    }
}

impl Latency {
    /// So many requests took so many microseconds, each.
    pub fn record(&self, micros: u64, requests: u64) {
        self.count.fetch_add(requests, Ordering::Relaxed);
        self.total.fetch_add(micros * requests, Ordering::Relaxed);
        // Nearly every request is between both: looking costs less than an atomic change of what all threads share.
        if micros < self.least.load(Ordering::Relaxed) {
            self.least.fetch_min(micros, Ordering::Relaxed);
        }
        if micros > self.most.load(Ordering::Relaxed) {
            self.most.fetch_max(micros, Ordering::Relaxed);
        }
        self.last.store(micros, Ordering::Relaxed);
    }

    /// Forgets what was measured.
    pub fn reset(&self) {
        for counter in [&self.count, &self.total, &self.most, &self.last] {
            counter.store(0, Ordering::Relaxed);
        }
        self.least.store(u64::MAX, Ordering::Relaxed);
    }
}

impl Connection {
    /// A connection that was just accepted, of a client without a session.
    #[must_use]
    pub fn new(number: u64, address: SocketAddr, established: i64) -> Connection {
        let own = Id::new("ip", &address.ip().to_canonical().to_string());
        Connection {
            number,
            address,
            outbox: Outbox::default(),
            identities: RwLock::new(Arc::from([own])),
            established,
            forwarded: AtomicUsize::new(0),
            finished: AtomicBool::new(false),
            read_only: AtomicBool::new(false),
            statistics: Statistics::default(),
            session: AtomicI64::new(0),
            timeout: AtomicI32::new(0),
            heard: AtomicU64::new(0),
        }
    }

    /// Its session; `None` before one is open.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        match self.session.load(Ordering::Acquire) {
            0 => None,
            number => Some(SessionId(number)),
        }
    }

    /// The session's timeout in milliseconds; 0 before one is open.
    #[must_use]
    pub fn timeout(&self) -> i32 {
        self.timeout.load(Ordering::Acquire)
    }

    /// From now on it is this session's, with this timeout in milliseconds.
    pub fn begin_session(&self, session: SessionId, timeout: i32) {
        self.timeout.store(timeout, Ordering::Release);
        self.session.store(session.0, Ordering::Release);
    }

    /// The node has answered one of [`Connection::forwarded`]; whether that was the last. Then the caller must wake the
    /// task ([`Outbox::wake`]): it may have been told of the reply already, and have found that there was too much to
    /// wait for.
    #[must_use]
    pub fn answered(&self) -> bool {
        self.forwarded.fetch_sub(1, Ordering::Release) == 1
    }

    /// The client was heard, at so many milliseconds since the server started.
    pub fn hear(&self, now: u64) {
        self.heard.store(now, Ordering::Relaxed);
    }

    /// When the client was last heard, in milliseconds since the server started.
    #[must_use]
    pub fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }
}

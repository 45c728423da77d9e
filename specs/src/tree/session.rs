#![doc = include_str!("session.md")]

use super::error::Code;
use super::stat::SessionId;
use crate::ServerId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Through whom a session's requests reach the leader (the `owner` of `SessionTrackerImpl`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SessionOwner {
    /// A connection of a client to the leader itself, whichever (`ServerCnxn.me`).
    Here,
    /// A learner's connection to the leader (`LearnerHandler`). A learner that connects again is another owner, so a
    /// leader never uses a number twice.
    Learner(u64),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Session {
    /// When it expires: its bucket.
    expires: u64,
    closing: bool,
    owner: Option<SessionOwner>,
}

/// The sessions of the ensemble as the leader tracks them (`SessionTrackerImpl`, `ExpiryQueue`): when each expires,
/// whether it is closing, and who owns it.
///
/// All times are milliseconds of one clock that never goes back, `now`; the origin does not matter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sessions {
    tick: u64,
    sessions: BTreeMap<SessionId, Session>,
    /// Who expires when. No bucket is empty.
    buckets: BTreeMap<u64, BTreeSet<SessionId>>,
}

impl Sessions {
    /// No sessions. `tick` is the width of a bucket in milliseconds, ZooKeeper's `tickTime`.
    ///
    /// # Panics
    /// When `tick` is 0.
    #[must_use]
    pub fn new(tick: u64) -> Sessions {
        assert!(tick > 0, "a tick lasts a millisecond at least");
        Sessions { tick, sessions: BTreeMap::new(), buckets: BTreeMap::new() }
    }

    /// Tracks a session from `now` on: a new one, or, after an election, one of the tree. Whether it was not tracked
    /// before; one that was is only given time again, even while it is closing, and then expires once more.
    pub fn track(&mut self, id: SessionId, timeout: i32, now: u64) -> bool {
        let expires = self.bucket(timeout, now);
        let added = !self.sessions.contains_key(&id);
        if added {
            self.sessions.insert(id, Session { expires, closing: false, owner: None });
            self.buckets.entry(expires).or_default().insert(id);
        } else {
            self.move_to(id, expires);
        }
        added
    }

    /// The session's client was heard of: the session lasts another `timeout` milliseconds from `now`. `false` where
    /// there is no such session, or it is closing: the client's connection is to be closed.
    pub fn touch(&mut self, id: SessionId, timeout: i32, now: u64) -> bool {
        let expires = self.bucket(timeout, now);
        match self.sessions.get(&id) {
            None => false,
            Some(session) if session.closing => false,
            Some(session) => {
                // The usual case, many times in a tick.
                if session.expires != expires {
                    self.move_to(id, expires);
                }
                true
            }
        }
    }

    /// The sessions whose time is over, by time and then by number. They are closing from now on, and each is to be
    /// closed by a transaction; until that is delivered ([`Sessions::remove`]) they are tracked. No session is
    /// returned twice.
    pub fn expired(&mut self, now: u64) -> Vec<SessionId> {
        let mut over = Vec::new();
        while let Some(bucket) = self.buckets.first_entry().filter(|bucket| *bucket.key() <= now) {
            over.extend(bucket.remove());
        }
        for id in &over {
            self.close(*id);
        }
        over
    }

    /// When [`Sessions::expired`] will have something to say, unless sessions are touched before.
    #[must_use]
    pub fn next_expiry(&self) -> Option<u64> {
        self.buckets.first_key_value().map(|(time, _)| *time)
    }

    /// The session is about to be closed: a transaction for it is on its way. From now on its requests fail. It may
    /// still expire: closing twice does no harm.
    pub fn close(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.closing = true;
        }
    }

    /// The session was closed.
    pub fn remove(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.remove(&id) {
            self.leave(id, session.expires);
        }
    }

    /// Whether the session is tracked, closing or not.
    #[must_use]
    pub fn contains(&self, id: SessionId) -> bool {
        self.sessions.contains_key(&id)
    }

    /// How many sessions are tracked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// When whom expires, as `dump` shows it (`getSessionExpiryMap`).
    pub fn expiries(&self) -> impl Iterator<Item = (u64, impl Iterator<Item = SessionId>)> {
        self.buckets.iter().map(|(time, ids)| (*time, ids.iter().copied()))
    }

    /// Whether `owner` may ask something for this session. A session without an owner, as all are after an election,
    /// gets this one (rule OneOwner).
    ///
    /// # Errors
    /// [`Code::SessionExpired`] where there is no such session, or it is closing; [`Code::SessionMoved`] where it has
    /// another owner: the client has connected to another server since.
    pub fn check(&mut self, id: SessionId, owner: SessionOwner) -> Result<(), Code> {
        let session = self.open(id)?;
        if *session.owner.get_or_insert(owner) == owner { Ok(()) } else { Err(Code::SessionMoved) }
    }

    /// The client has connected through `owner`; any other is so from now on refused.
    ///
    /// # Errors
    /// [`Code::SessionExpired`] where there is no such session, or it is closing.
    pub fn set_owner(&mut self, id: SessionId, owner: SessionOwner) -> Result<(), Code> {
        self.open(id)?.owner = Some(owner);
        Ok(())
    }

    /// The session, for whatever its client asks (rule ClosingIsFinal).
    fn open(&mut self, id: SessionId) -> Result<&mut Session, Code> {
        self.sessions.get_mut(&id).filter(|session| !session.closing).ok_or(Code::SessionExpired)
    }

    /// The end of the tick in which the timeout ends: later than the timeout, by a tick at most (rule NeverEarly). A
    /// negative timeout, which nobody negotiates, ends in the past.
    fn bucket(&self, timeout: i32, now: u64) -> u64 {
        let end = now.saturating_add_signed(i64::from(timeout));
        (end / self.tick).saturating_add(1).saturating_mul(self.tick)
    }

    fn move_to(&mut self, id: SessionId, expires: u64) {
        if let Some(session) = self.sessions.get_mut(&id) {
            let before = std::mem::replace(&mut session.expires, expires);
            self.leave(id, before);
            self.buckets.entry(expires).or_default().insert(id);
        }
    }

    fn leave(&mut self, id: SessionId, expires: u64) {
        if let Some(bucket) = self.buckets.get_mut(&expires) {
            bucket.remove(&id);
            if bucket.is_empty() {
                self.buckets.remove(&expires);
            }
        }
    }
}

/// The timeout of a session, of what the client asks and the server allows, all in milliseconds. Where `max` is below
/// `min`, `max` it is. `ZooKeeperServer` takes 2 and 20 ticks unless `minSessionTimeout` and `maxSessionTimeout` say
/// otherwise.
#[must_use]
pub fn negotiate(requested: i32, min: i32, max: i32) -> i32 {
    requested.max(min).min(max)
}

/// The numbers of the sessions that a server opens (`SessionTrackerImpl.initializeNextSessionId`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionIds {
    next: i64,
}

impl SessionIds {
    /// The numbers of `server`, from `now` on: the server in the highest byte, then the low 40 bits of `now`, then a
    /// counter of 16 bits, which carries into the time.
    ///
    /// `now` is in milliseconds. Java takes a clock that starts with the machine; a server that takes milliseconds
    /// since 1970 does not give the same numbers again after the machine starts anew. A standalone server is server 1,
    /// as in Java.
    #[must_use]
    pub fn new(server: ServerId, now: u64) -> SessionIds {
        let next = u64::from(server.0) << 56 | (now << 24) >> 8;
        SessionIds { next: next as i64 }
    }

    /// The next number, never one that means something else: 0 is no session, −2⁶³ marks containers.
    pub fn next_id(&mut self) -> SessionId {
        if self.next == 0 || self.next == i64::MIN {
            self.next += 1;
        }
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        SessionId(id)
    }
}

/// The password of a session: the same on all servers, Java's too, so that a session can move between them
/// (`ZooKeeperServer.generatePasswd`: `new Random(id ^ 0xB3415C00L).nextBytes(new byte[16])`).
///
/// It proves nothing: who knows a session's number knows its password. The highest 16 bits of the number do not even
/// change it.
#[must_use]
pub fn password(id: SessionId) -> [u8; 16] {
    // java.util.Random: a linear congruential generator of 48 bits, of which each step gives the upper 32.
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const INCREMENT: u64 = 0xB;
    const MASK: u64 = (1 << 48) - 1;
    let mut state = (id.0 as u64 ^ 0xB341_5C00 ^ MULTIPLIER) & MASK;
    let mut bytes = [0; 16];
    for four in bytes.chunks_exact_mut(4) {
        state = state.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT) & MASK;
        four.copy_from_slice(&((state >> 16) as u32).to_le_bytes());
    }
    bytes
}

/// Whether a client that says so may have this session (`ZooKeeperServer.checkPasswd`). Nobody may have session 0.
#[must_use]
pub fn is_password(id: SessionId, password: &[u8]) -> bool {
    id != SessionId(0) && self::password(id) == password
}

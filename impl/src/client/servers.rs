//! Which server is tried next, and when.
//!
//! *Java:* `StaticHostProvider`, and the pause in `ClientCnxn.startConnect`.

use super::address::ServerAddress;
use std::time::Duration;

/// The servers of the connect string, in turn.
#[derive(Debug)]
pub(super) struct Servers {
    list: Vec<ServerAddress>,
    next: usize,
    preferred: Option<ServerAddress>,
    /// Since a connection was lost that had been there for some time.
    attempts: usize,
    shortest: Duration,
    longest: Duration,
}

impl Servers {
    /// Not of an empty list. Pauses grow from `shortest` to `longest`.
    pub fn new(mut list: Vec<ServerAddress>, shuffle: bool, shortest: Duration, longest: Duration) -> Servers {
        if shuffle {
            fastrand::shuffle(&mut list);
        }
        Servers { list, next: 0, preferred: None, attempts: 0, shortest, longest }
    }

    pub fn list(&self) -> &[ServerAddress] {
        &self.list
    }

    /// How long to wait before the next attempt: nothing at first, then at random up to a limit that doubles with every
    /// round through all servers, so that clients which lost a server together do not come back together.
    pub fn pause(&self) -> Duration {
        if self.attempts == 0 || self.preferred.is_some() {
            return Duration::ZERO;
        }
        let rounds = u32::try_from(self.attempts / self.list.len()).unwrap_or(u32::MAX).min(16);
        self.shortest.saturating_mul(1 << rounds).min(self.longest).mul_f64(fastrand::f64())
    }

    pub fn next(&mut self) -> ServerAddress {
        self.attempts += 1;
        if let Some(server) = self.preferred.take() {
            return server;
        }
        let server = self.list[self.next].clone();
        self.next = (self.next + 1) % self.list.len();
        server
    }

    /// The next attempt goes to this one, without pause.
    pub fn prefer(&mut self, server: ServerAddress) {
        self.preferred = Some(server);
    }

    /// A connection is lost that lasted so long. One that is lost again and again counts as an attempt: what ends it
    /// may be what the client asks.
    pub fn lost(&mut self, lasted: Duration) {
        if lasted >= self.longest {
            self.attempts = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(count: u16, shuffle: bool) -> Servers {
        let list = (0..count).map(|port| ServerAddress { host: "h".into(), port }).collect();
        Servers::new(list, shuffle, Duration::from_millis(10), Duration::from_millis(35))
    }

    #[test]
    fn servers_take_turns() {
        let mut three = servers(3, false);
        let ports: Vec<u16> = (0..4).map(|_| three.next().port).collect();
        assert_eq!(ports, [0, 1, 2, 0]);
        three.prefer(ServerAddress { host: "h".into(), port: 9 });
        assert_eq!(three.pause(), Duration::ZERO);
        assert_eq!((three.next().port, three.next().port), (9, 1));
        let mut shuffled: Vec<u16> = servers(50, true).list().iter().map(|server| server.port).collect();
        assert_ne!(shuffled, (0..50).collect::<Vec<_>>(), "it would be a wonder");
        shuffled.sort_unstable();
        assert_eq!(shuffled, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn pauses_grow_to_a_limit() {
        let mut two = servers(2, false);
        let longest = |two: &Servers| (0..500).map(|_| two.pause()).max().expect("some").as_millis();
        let mut limits = Vec::new();
        for _ in 0..100 {
            limits.push(longest(&two));
            two.next();
        }
        assert!(limits[0] == 0 && (1..10).contains(&limits[1]) && (10..20).contains(&limits[2]), "{limits:?}");
        assert!(limits[99] < 35 && limits[99] >= 20, "{limits:?}");
        two.lost(Duration::from_millis(34));
        assert!(longest(&two) >= 20, "it was there for too short a time");
        two.lost(Duration::from_millis(35));
        assert_eq!(two.pause(), Duration::ZERO);
    }
}

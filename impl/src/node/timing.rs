//! How long the core's waits last: the only place that knows.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use zab::Timer;

/// How long waits last (`tickTime`, `initLimit`, `syncLimit`, `zookeeper.fastleader.*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// `tickTime` in milliseconds.
    pub tick: u64,
    /// `initLimit` in ticks: for an epoch to be established.
    pub init_limit: u64,
    /// `syncLimit` in ticks: the silence after which the other end of a link counts as gone.
    pub sync_limit: u64,
    /// The wait for more notifications of an election, in milliseconds. Here it begins with an eighth of that; each
    /// further one is twice as long.
    pub min_notification_interval: u64,
    /// The longest such wait, in milliseconds.
    pub max_notification_interval: u64,
}

impl Default for Timing {
    fn default() -> Timing {
        let (min_notification_interval, max_notification_interval) = (200, 60_000);
        Timing { tick: 2000, init_limit: 10, sync_limit: 5, min_notification_interval, max_notification_interval }
    }
}

/// For a better vote, once a quorum agrees, in milliseconds (`FastLeaderElection.finalizeWait`).
const FINALIZE_WAIT: u64 = 200;

/// So much earlier than Java's is the first notification said again.
const EARLIER: u64 = 8;

/// The waits that are under way.
#[derive(Debug, Default)]
pub(super) struct Clock {
    timers: BTreeMap<Timer, Instant>,
    /// The wait for more notifications, in milliseconds; 0 before the first of an election.
    notification: u64,
}

impl Clock {
    /// Begins a wait now, anew if it has begun already.
    pub(super) fn arm(&mut self, timer: Timer, timing: &Timing, now: Instant) {
        let wait = match timer {
            // Two that lose their leader rarely learn it at once: the first one's vote comes while the other one still
            // follows, and counts when it is said again.
            Timer::Notification => self.notification.max(timing.min_notification_interval / EARLIER),
            Timer::Settle => FINALIZE_WAIT,
            Timer::Init => timing.init_limit * timing.tick,
            Timer::Ping => timing.tick / 2,
        };
        if timer == Timer::Notification {
            self.notification = wait.min(timing.max_notification_interval);
        }
        self.timers.insert(timer, now + Duration::from_millis(wait.max(1)));
    }

    /// When the first wait is over.
    pub(super) fn next(&self) -> Option<Instant> {
        self.timers.values().copied().min()
    }

    /// A wait that is over; it has ended then.
    pub(super) fn due(&mut self, now: Instant) -> Option<Timer> {
        let timer = *self.timers.iter().find(|(_, due)| **due <= now)?.0;
        self.timers.remove(&timer);
        if timer == Timer::Notification {
            self.notification *= 2;
        }
        Some(timer)
    }

    /// An election is over: the next one begins with short waits again.
    pub(super) fn election_is_over(&mut self) {
        self.notification = 0;
        self.timers.remove(&Timer::Notification);
        self.timers.remove(&Timer::Settle);
    }
}

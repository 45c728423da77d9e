//! Sessions: when they expire, who may use them, and that numbers and passwords are Java's.

use proptest::prelude::*;
use std::collections::BTreeMap;
use zab::ServerId;
use zab::tree::session::{is_password, negotiate, password};
use zab::tree::{Code, SessionId, SessionIds, SessionOwner, Sessions};

use SessionOwner::{Here, Learner};

const A: SessionId = SessionId(0x0100_0000_0000_0001);
const B: SessionId = SessionId(0x0100_0000_0000_0002);

// ---- Expiry -------------------------------------------------------------------------------------------------------

/// `ExpiryQueue.roundToNextInterval`: the next multiple of the tick, also where the end is one already.
#[test]
fn the_end_is_rounded_up_to_the_next_tick() {
    for (now, timeout, expires) in [(0, 0, 100), (0, 99, 100), (0, 100, 200), (1, 99, 200), (250, 4_000, 4_300)] {
        let mut sessions = Sessions::new(100);
        assert!(sessions.track(A, timeout, now));
        assert_eq!(sessions.next_expiry(), Some(expires), "{timeout} ms from {now}");
        assert_eq!(sessions.expired(expires - 1), []);
        assert_eq!(sessions.expired(expires), [A]);
        assert_eq!((sessions.expired(u64::MAX), sessions.next_expiry()), (vec![], None), "once");
    }
}

#[test]
fn a_touch_gives_time_and_may_take_it() {
    let mut sessions = Sessions::new(100);
    sessions.track(A, 1_000, 0);
    assert!(sessions.touch(A, 1_000, 500));
    assert_eq!(sessions.next_expiry(), Some(1_600));
    assert!(sessions.touch(A, 200, 510), "a session that was opened again with a shorter timeout");
    assert_eq!(sessions.next_expiry(), Some(800));
    assert_eq!(sessions.expired(799), []);
    assert_eq!(sessions.expired(800), [A]);
}

#[test]
fn those_who_expire_late_expire_in_order() {
    let mut sessions = Sessions::new(100);
    let (first, last) = (SessionId(i64::MIN + 1), SessionId(i64::MAX));
    for (id, timeout) in [(last, 100), (B, 500), (A, 500), (first, 900)] {
        sessions.track(id, timeout, 0);
    }
    let expiries: Vec<(u64, Vec<SessionId>)> = sessions.expiries().map(|(time, ids)| (time, ids.collect())).collect();
    assert_eq!(expiries, [(200, vec![last]), (600, vec![A, B]), (1_000, vec![first])]);
    assert_eq!(sessions.expired(999), [last, A, B]);
    assert_eq!(sessions.next_expiry(), Some(1_000));
}

#[test]
fn the_ends_of_the_numbers_do_no_harm() {
    let mut sessions = Sessions::new(1);
    sessions.track(A, i32::MAX, u64::MAX);
    assert_eq!(sessions.expired(u64::MAX - 1), []);
    assert_eq!(sessions.expired(u64::MAX), [A]);
    sessions.track(B, i32::MIN, 0);
    assert_eq!(sessions.expired(1), [B]);
}

#[test]
#[should_panic(expected = "a millisecond at least")]
fn there_are_no_ticks_of_nothing() {
    let _ = Sessions::new(0);
}

// ---- Closing ------------------------------------------------------------------------------------------------------

/// Rule ClosingIsFinal.
#[test]
fn a_closing_session_accepts_nothing_and_stays_until_it_is_removed() {
    let closings: [fn(&mut Sessions); 2] = [|sessions| sessions.close(A), |sessions| _ = sessions.expired(u64::MAX)];
    for close in closings {
        let mut sessions = Sessions::new(100);
        sessions.track(A, 1_000, 0);
        assert_eq!(sessions.check(A, Here), Ok(()));
        close(&mut sessions);
        assert!(!sessions.touch(A, 1_000, 0));
        assert_eq!(sessions.check(A, Here), Err(Code::SessionExpired));
        assert_eq!(sessions.check(A, Learner(1)), Err(Code::SessionExpired), "not SessionMoved");
        assert_eq!(sessions.set_owner(A, Here), Err(Code::SessionExpired));
        assert!(sessions.contains(A));
        assert!(!sessions.track(A, 1_000, 0), "tracked already, and closing still");
        assert_eq!(sessions.check(A, Here), Err(Code::SessionExpired));
        assert_eq!(sessions.expired(u64::MAX), [A], "and so it expires once more");
        sessions.remove(A);
        assert_eq!((sessions.contains(A), sessions.len(), sessions.is_empty()), (false, 0, true));
        assert!(sessions.track(A, 1_000, 0));
        assert_eq!((sessions.len(), sessions.is_empty()), (1, false));
        assert_eq!(sessions.check(A, Here), Ok(()));
    }
}

#[test]
fn a_session_that_is_closing_still_expires() {
    let mut sessions = Sessions::new(100);
    sessions.track(A, 1_000, 0);
    sessions.close(A);
    sessions.close(B);
    assert_eq!(sessions.expired(1_100), [A]);
}

#[test]
fn a_removed_session_does_not_expire() {
    let mut sessions = Sessions::new(100);
    sessions.track(A, 1_000, 0);
    sessions.track(B, 1_000, 0);
    sessions.remove(A);
    sessions.remove(A);
    assert_eq!(sessions.expired(u64::MAX), [B]);
    sessions.remove(B);
    assert_eq!(sessions, Sessions::new(100), "nothing is left behind");
}

// ---- Owners -------------------------------------------------------------------------------------------------------

/// Rule OneOwner.
#[test]
fn the_first_who_asks_owns_and_others_have_moved() {
    let mut sessions = Sessions::new(100);
    assert_eq!(sessions.check(A, Here), Err(Code::SessionExpired), "nobody knows it");
    assert_eq!(sessions.set_owner(A, Here), Err(Code::SessionExpired));
    assert!(!sessions.touch(A, 1_000, 0));
    sessions.track(A, 1_000, 0);
    assert_eq!(sessions.check(A, Learner(1)), Ok(()));
    assert_eq!(sessions.check(A, Here), Err(Code::SessionMoved));
    assert_eq!(sessions.check(A, Learner(2)), Err(Code::SessionMoved));
    assert_eq!(sessions.check(A, Learner(1)), Ok(()), "who asked in vain has not become the owner");
    assert_eq!(sessions.set_owner(A, Learner(2)), Ok(()));
    assert_eq!(sessions.check(A, Learner(1)), Err(Code::SessionMoved));
    assert_eq!(sessions.check(A, Learner(2)), Ok(()));
    assert!(!sessions.track(A, 1_000, 0));
    assert_eq!(sessions.check(A, Learner(2)), Ok(()), "to be tracked again takes nothing from the owner");
}

// ---- Against a list -----------------------------------------------------------------------------------------------

#[derive(Clone, Debug)]
enum Step {
    Track(SessionId, i32),
    Touch(SessionId, i32),
    Close(SessionId),
    Remove(SessionId),
    /// Milliseconds later.
    Expire(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let id = || (1_i64..5).prop_map(SessionId);
    let timeout = || 0_i32..40;
    let step = prop_oneof![
        3 => (id(), timeout()).prop_map(|(id, timeout)| Step::Track(id, timeout)),
        5 => (id(), timeout()).prop_map(|(id, timeout)| Step::Touch(id, timeout)),
        1 => id().prop_map(Step::Close),
        1 => id().prop_map(Step::Remove),
        5 => (0_u64..12).prop_map(Step::Expire),
    ];
    prop::collection::vec(step, 0..80)
}

/// A session of the list: the end of its timeout, whether it is closing, whether it has expired.
#[derive(Clone, Copy, Debug)]
struct Naive {
    end: u64,
    closing: bool,
    expired: bool,
}

proptest! {
    /// Rule NeverEarly.
    #[test]
    fn nobody_expires_early_and_nobody_later_than_a_tick(tick in 1_u64..10, steps in steps()) {
        let (mut sessions, mut list) = (Sessions::new(tick), BTreeMap::<SessionId, Naive>::new());
        let mut now = 0;
        for step in steps {
            match step {
                Step::Track(id, timeout) => {
                    prop_assert_eq!(sessions.track(id, timeout, now), !list.contains_key(&id));
                    let session = list.entry(id).or_insert(Naive { end: 0, closing: false, expired: false });
                    (session.end, session.expired) = (now + timeout as u64, false);
                }
                Step::Touch(id, timeout) => {
                    let open = list.get_mut(&id).filter(|session| !session.closing);
                    prop_assert_eq!(sessions.touch(id, timeout, now), open.is_some());
                    open.into_iter().for_each(|session| session.end = now + timeout as u64);
                }
                Step::Close(id) => {
                    sessions.close(id);
                    list.get_mut(&id).into_iter().for_each(|session| session.closing = true);
                }
                Step::Remove(id) => {
                    sessions.remove(id);
                    list.remove(&id);
                }
                Step::Expire(later) => {
                    now += later;
                    for id in sessions.expired(now) {
                        let session = list.get_mut(&id).expect("who expires is tracked");
                        prop_assert!(!session.expired, "{:?} expires twice", id);
                        prop_assert!(session.end < now, "{:?} expires early", id);
                        (session.closing, session.expired) = (true, true);
                    }
                    for (id, session) in list.iter().filter(|(_, session)| !session.expired) {
                        prop_assert!(now < session.end + tick, "{:?} should have expired", id);
                    }
                }
            }
            let next = list.values().filter(|session| !session.expired).map(|session| (session.end / tick + 1) * tick);
            prop_assert_eq!(sessions.next_expiry(), next.min());
            prop_assert_eq!(sessions.len(), list.len());
            for (id, session) in &list {
                let expected = if session.closing { Err(Code::SessionExpired) } else { Ok(()) };
                prop_assert_eq!(sessions.check(*id, Here), expected);
            }
        }
    }
}

// ---- Timeouts, numbers, passwords ---------------------------------------------------------------------------------

#[test]
fn a_timeout_is_brought_between_the_bounds() {
    let (min, max) = (4_000, 40_000);
    for (requested, granted) in [
        (i32::MIN, min),
        (-1, min),
        (0, min),
        (3_999, min),
        (4_000, 4_000),
        (30_000, 30_000),
        (40_001, max),
        (i32::MAX, max),
    ] {
        assert_eq!(negotiate(requested, min, max), granted, "{requested}");
    }
    assert_eq!(negotiate(5_000, 9_000, 8_000), 8_000, "the upper bound has the last word, as in Java");
}

/// Golden values: `(time << 24) >>> 8 | (server << 56)` of `SessionTrackerImpl.initializeNextSessionId`, computed by
/// OpenJDK 17.
#[test]
fn numbers_are_javas() {
    for (server, now, first) in [
        (1, 0, 0x0100_0000_0000_0000_u64),
        (1, 1, 0x0100_0000_0001_0000),
        (1, 1_753_000_000_123, 0x0198_26f1_3a7b_0000),
        (128, 0, 0x8000_0000_0000_0001),
        (255, 1_753_000_000_123, 0xff98_26f1_3a7b_0000),
        (200, 0xff_ffff_ffff, 0xc8ff_ffff_ffff_0000),
        (3, u64::MAX >> 1, 0x03ff_ffff_ffff_0000),
    ] {
        let mut ids = SessionIds::new(ServerId(server), now);
        assert_eq!(ids.next_id(), SessionId(first as i64), "server {server} at {now}");
        assert_eq!(ids.next_id(), SessionId(first as i64 + 1));
    }
    assert_eq!(SessionIds::new(ServerId(0), 0).next_id(), SessionId(1), "0 is no session");
}

/// Golden values: printed by a class of one method, run once with OpenJDK 17.0.15:
/// `byte[] p = new byte[16]; new java.util.Random(id ^ 0XB3415C00L).nextBytes(p);`
#[test]
fn passwords_are_javas() {
    for (id, expected) in [
        (1, 0x054c_c74a_3732_7db2_15e7_02e2_0c73_f005_u128),
        (0x0100_0000_0000_0000, 0xf22a_cd4a_97e6_9d6d_20a4_9bb6_38ea_db38),
        (0x0100_0184_b9cd_0000, 0x29b7_0d98_0204_c744_af4c_2f2c_1b29_ff57),
        (i64::MAX, 0x20f6_2cb5_648d_c2d7_7147_1c8a_2486_a9ee),
        (i64::MIN + 1, 0x054c_c74a_3732_7db2_15e7_02e2_0c73_f005),
        (-1, 0x20f6_2cb5_648d_c2d7_7147_1c8a_2486_a9ee),
        (0xb341_5c00, 0x60b4_20bb_3851_d9d4_7acb_933d_be70_399b),
    ] {
        let expected = expected.to_be_bytes();
        assert_eq!(password(SessionId(id)), expected, "{id:#x}");
        assert!(is_password(SessionId(id), &expected));
        for wrong in [&expected[..15], &[0; 16], &[], &[&expected[..], &[0]].concat()] {
            assert!(!is_password(SessionId(id), wrong), "{wrong:?}");
        }
    }
}

#[test]
fn nobody_may_have_session_0() {
    assert!(!is_password(SessionId(0), &password(SessionId(0))));
}

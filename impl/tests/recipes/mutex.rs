//! The lock: one holder, in order, no herd, whatever happens to sessions and connections.

use crate::valve::Valve;
use crate::{Place, children, close_by_another, eventually, soon};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use zabkeeper::client::{Client, ClientOptions, Error};
use zabkeeper::recipes::{Mutex, MutexGuard, Standing};

const LOCK: &str = "/locks/one";

/// What the lock protects: it sees whether two are inside, and whether tokens grow.
#[derive(Default)]
struct Resource {
    inside: AtomicUsize,
    token: AtomicI64,
    turns: AtomicUsize,
}

impl Resource {
    async fn visit(&self, guard: &MutexGuard) {
        assert_eq!(self.inside.fetch_add(1, SeqCst), 0, "somebody is inside already");
        let token = guard.fencing_token().0.cast_signed();
        assert!(self.token.swap(token, SeqCst) < token, "tokens grow");
        tokio::time::sleep(Duration::from_micros(fastrand::u64(..1_000))).await;
        assert_eq!(self.inside.fetch_sub(1, SeqCst), 1, "somebody came in");
        self.turns.fetch_add(1, SeqCst);
    }
}

/// A contender takes turns until there were enough of all. Some sessions end while they wait, some while they hold.
async fn contend(options: ClientOptions, resource: Arc<Resource>, enough: usize) {
    let mut client = options.clone().connect().await.expect("a session");
    while resource.turns.load(SeqCst) < enough {
        let mutex = Mutex::new(&client, LOCK);
        match fastrand::u32(..12) {
            // Killed while it waits, or just after.
            0 => {
                let waiting = tokio::spawn(async move { mutex.lock().await });
                tokio::time::sleep(Duration::from_millis(fastrand::u64(..30))).await;
                close_by_another(&options, &client).await;
                // Had it the lock, it has it no longer.
                drop(soon("an end", waiting).await.expect("no panic"));
                client = options.clone().connect().await.expect("a session");
            }
            // Killed while it holds.
            1 => {
                let guard = soon("the lock", mutex.lock()).await.expect("locked");
                resource.visit(&guard).await;
                // Not by its own close, which without connection leaves the session to its timeout.
                close_by_another(&options, &client).await;
                assert_eq!(guard.standing(), Standing::Lost);
                client = options.clone().connect().await.expect("a session");
            }
            // Gives up.
            2 => {
                let patience = Duration::from_millis(fastrand::u64(..30));
                if let Some(guard) = mutex.try_lock(patience).await.expect("no error") {
                    resource.visit(&guard).await;
                }
            }
            // Releases in the background.
            3 => resource.visit(&soon("the lock", mutex.lock()).await.expect("locked")).await,
            _ => {
                let guard = soon("the lock", mutex.lock()).await.expect("locked");
                resource.visit(&guard).await;
                guard.release().await.expect("released");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_contenders_exclude_each_other_under_killed_sessions_and_restarts() {
    let mut place = Place::new();
    let resource = Arc::new(Resource::default());
    // Long enough that a restart ends no session.
    let options = place.options().session_timeout(Duration::from_secs(40));
    let contenders: Vec<_> = (0..32).map(|_| tokio::spawn(contend(options.clone(), resource.clone(), 400))).collect();
    for turns in [100, 200, 300] {
        eventually("turns", || async { resource.turns.load(SeqCst) >= turns }).await;
        place.stop();
        place.start();
    }
    for contender in contenders {
        soon("the end", contender).await.expect("nobody saw another inside");
    }
    let client = place.client().await;
    children(&client, LOCK, 0).await;
}

/// So many wait, in this order; each tells when it has the lock, and gives it back at once.
async fn line_up(clients: &[Client], observer: &Client) -> Vec<tokio::task::JoinHandle<u64>> {
    let mut waiting = Vec::new();
    let served = Arc::new(AtomicU64::new(0));
    for (index, client) in clients.iter().enumerate() {
        let (mutex, served) = (Mutex::new(client, LOCK), served.clone());
        waiting.push(tokio::spawn(async move {
            let guard = mutex.lock().await.expect("locked");
            let turn = served.fetch_add(1, SeqCst);
            guard.release().await.expect("released");
            turn
        }));
        children(observer, LOCK, index + 2).await;
    }
    waiting
}

async fn clients(place: &Place, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(place.client().await);
    }
    clients
}

#[tokio::test(flavor = "multi_thread")]
async fn all_are_served_in_order_and_a_release_wakes_one() {
    let place = Place::new();
    let (holder, clients) = (place.client().await, clients(&place, 20).await);
    let guard = Mutex::new(&holder, LOCK).lock().await.expect("locked");
    let waiting = line_up(&clients, &holder).await;
    let participants = Mutex::new(&holder, LOCK).participants().await.expect("read");
    assert!(guard.path().ends_with(&participants[0]) && participants.len() == 21);
    let events = || clients.iter().map(|client| client.metrics().events.load(SeqCst)).sum::<u64>();
    assert_eq!(events(), 0, "nothing happened yet");
    guard.release().await.expect("released");
    for (index, turn) in (0..).zip(waiting) {
        assert_eq!(soon("a turn", turn).await.expect("no panic"), index);
    }
    assert_eq!(events(), 20, "one event for each turn");
}

/// Two who come and go as fast as they can: each is often let go while the other is between look and watch.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_between_look_and_watch_is_not_missed() {
    let place = Place::new();
    let resource = Arc::new(Resource::default());
    let mut tasks = Vec::new();
    for client in clients(&place, 2).await {
        let resource = resource.clone();
        tasks.push(tokio::spawn(async move {
            let mutex = Mutex::new(&client, LOCK);
            for _ in 0..500 {
                let guard = soon("the lock", mutex.lock()).await.expect("locked");
                assert_eq!(resource.inside.swap(1, SeqCst), 0, "somebody is inside already");
                resource.inside.store(0, SeqCst);
                guard.release().await.expect("released");
            }
        }));
    }
    for task in tasks {
        soon("the end", task).await.expect("no panic");
    }
}

/// The second in the line goes; the third must not think that its turn has come.
#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_the_line_lets_nobody_in() {
    let place = Place::new();
    let clients = clients(&place, 3).await;
    let guard = Mutex::new(&clients[0], LOCK).lock().await.expect("locked");
    let second = Mutex::new(&clients[1], LOCK);
    let second = tokio::spawn(async move { second.lock().await.map(drop) });
    children(&clients[0], LOCK, 2).await;
    let third = Mutex::new(&clients[2], LOCK);
    let mut third = tokio::spawn(async move { third.lock().await });
    children(&clients[0], LOCK, 3).await;
    eventually("a watch", || async { clients[2].metrics().replies.load(SeqCst) >= 3 }).await;
    second.abort();
    children(&clients[0], LOCK, 2).await;
    eventually("the event", || async { clients[2].metrics().events.load(SeqCst) == 1 }).await;
    let early = tokio::time::timeout(Duration::from_millis(200), &mut third).await;
    assert!(early.is_err(), "the first holds it still");
    guard.release().await.expect("released");
    assert!(soon("the lock", third).await.expect("no panic").is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lost_reply_of_create_leaves_one_znode() {
    let place = Place::new();
    let valve = Valve::new(place.address).await;
    let client = ClientOptions::new(valve.address.to_string()).connect().await.expect("a session");
    let observer = place.client().await;
    // The path is there from now on.
    let before = Mutex::new(&observer, LOCK).lock().await.expect("locked");
    let mutex = Mutex::new(&client, LOCK);
    valve.mute();
    let waiting = tokio::spawn(async move { mutex.lock().await });
    children(&observer, LOCK, 2).await;
    valve.reconnect();
    let token = before.fencing_token();
    before.release().await.expect("released");
    let guard = soon("the lock", waiting).await.expect("no panic").expect("locked");
    children(&observer, LOCK, 1).await;
    let stat = observer.exists(&guard.path()).await.expect("asked").expect("there");
    assert_eq!(stat.persisted.ephemeral_owner, client.session_id().0);
    assert_eq!(stat.persisted.czxid, guard.fencing_token());
    assert!(guard.fencing_token() > token);
    guard.release().await.expect("released");
    children(&observer, LOCK, 0).await;
}

/// Dropped when the znode is there but its name not known, and when not even the request is answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_future_leaves_the_line() {
    let place = Place::new();
    let valve = Valve::new(place.address).await;
    let client = ClientOptions::new(valve.address.to_string()).connect().await.expect("a session");
    let observer = place.client().await;
    let guard = Mutex::new(&observer, LOCK).lock().await.expect("locked");
    let mutex = Mutex::new(&client, LOCK);
    for microseconds in (0..2_000).step_by(100) {
        let none = mutex.try_lock(Duration::from_micros(microseconds)).await.expect("no error");
        assert!(none.is_none(), "another has it");
    }
    children(&observer, LOCK, 1).await;
    valve.mute();
    let patience = Duration::from_millis(1);
    assert!(mutex.try_lock(patience).await.expect("no error").is_none());
    children(&observer, LOCK, 2).await;
    valve.reconnect();
    children(&observer, LOCK, 1).await;
    guard.release().await.expect("released");
    assert!(soon("the lock", mutex.lock()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_is_told_and_its_successor_has_the_greater_token() {
    let place = Place::new();
    let (one, two) = (place.client().await, place.client().await);
    let guard = Mutex::new(&one, LOCK).lock().await.expect("locked");
    assert_eq!(guard.standing(), Standing::Held);
    let next = Mutex::new(&two, LOCK);
    let next = tokio::spawn(async move { next.lock().await });
    children(&two, LOCK, 2).await;
    close_by_another(&place.options(), &one).await;
    soon("the notice", guard.lost()).await;
    assert_eq!(guard.standing(), Standing::Lost);
    let next = soon("the lock", next).await.expect("no panic").expect("locked");
    assert!(next.fencing_token() > guard.fencing_token());
    assert_eq!(guard.release().await, Ok(()), "it is free, as far as this holder goes");
    assert!(matches!(Mutex::new(&one, LOCK).lock().await, Err(Error::SessionExpired)));
    // A znode that somebody deletes is a lock that is lost.
    let mut lost = Box::pin(next.lost());
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut lost).await.is_err());
    place.client().await.delete(&next.path(), None).await.expect("deleted");
    soon("the notice", lost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_connection_the_holder_is_in_doubt_and_waiting_goes_on() {
    let mut place = Place::new();
    let (one, two) = (place.client().await, place.client().await);
    let guard = Mutex::new(&one, LOCK).lock().await.expect("locked");
    let next = Mutex::new(&two, LOCK);
    let next = tokio::spawn(async move { next.lock().await });
    children(&one, LOCK, 2).await;
    place.stop();
    soon("doubt", guard.doubted()).await;
    assert_eq!(guard.standing(), Standing::InDoubt);
    place.start();
    eventually("certainty", || async { guard.standing() == Standing::Held }).await;
    soon("an answer", guard.release()).await.expect("released");
    assert!(soon("the lock", next).await.expect("no panic").is_ok());
}

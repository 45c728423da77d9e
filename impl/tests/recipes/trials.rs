//! All recipes at work at once, for as long as somebody wants to disturb them. Sessions live long enough to survive it.

use crate::soon;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex as Locked};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use zab::Zxid;
use zabkeeper::client::{Acl, Client, ClientOptions, Code, CreateMode, Error, Pending};
use zabkeeper::recipes::{
    Consumer, DoubleBarrier, LeaderLatch, LeaderSelector, Leadership, Mutex, Provider, Queue, ReadWriteLock,
    Registration, Requeue, Semaphore, Sessions, SharedCount, TreeCache,
};

/// Where it happens, and whether it is over.
#[derive(Clone)]
pub struct Ground {
    connect: String,
    over: watch::Receiver<bool>,
}

impl Ground {
    fn options(&self) -> ClientOptions {
        ClientOptions::new(self.connect.clone()).session_timeout(Duration::from_secs(30))
    }

    async fn client(&self) -> Client {
        self.options().connect().await.expect("a session")
    }

    async fn sessions(&self) -> Sessions {
        Sessions::connect(self.options()).await.expect("a session")
    }

    fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    async fn until_over(&mut self) {
        self.over.wait_for(|over| *over).await.map(drop).expect("the trial ends");
    }
}

/// Runs all trials on these servers while `disturb` does what it does, and gives back what it gives.
pub async fn all<T>(connect: &str, disturb: impl Future<Output = T>) -> T {
    let (end, over) = watch::channel(false);
    let ground = Ground { connect: connect.to_owned(), over };
    let mut trials = JoinSet::new();
    trials.spawn(mutex(ground.clone()));
    trials.spawn(read_write_lock(ground.clone()));
    trials.spawn(semaphore(ground.clone()));
    trials.spawn(queue(ground.clone()));
    trials.spawn(barrier(ground.clone()));
    trials.spawn(count(ground.clone()));
    trials.spawn(latch(ground.clone()));
    trials.spawn(selector(ground.clone()));
    trials.spawn(registry(ground.clone()));
    let left = disturb.await;
    end.send_replace(true);
    while let Some(ended) = soon("the end of all trials", trials.join_next()).await {
        ended.expect("no trial fails");
    }
    left
}

/// Asks until the connection lasts for an answer.
async fn again<T>(mut ask: impl FnMut() -> Pending<T>) -> Result<T, Error> {
    loop {
        match ask().await {
            Err(Error::ConnectionLoss) => tokio::time::sleep(Duration::from_millis(5)).await,
            result => return result,
        }
    }
}

// ---- Locks --------------------------------------------------------------------------------------------------------

/// Who has the lock counts in a znode, together with the lock's number. Nobody counts over another's number.
async fn mutex(ground: Ground) {
    let first = ground.client().await;
    let open = Acl::open();
    match again(|| first.create("/counted", b"0 0", CreateMode::Persistent, &open)).await {
        Ok(_) | Err(Error::Server(Code::NodeExists)) => {}
        Err(error) => panic!("{error}"),
    }
    let (inside, mut contenders) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    for _ in 0..4 {
        let (ground, inside) = (ground.clone(), inside.clone());
        contenders.spawn(async move {
            let (client, mut rounds) = (ground.client().await, 0);
            let mutex = Mutex::new(&client, "/mutex");
            while !ground.is_over() {
                let guard = soon("the lock", mutex.lock()).await.expect("locked");
                assert!(!inside.swap(true, SeqCst), "two have the lock");
                add_one(&client, guard.fencing_token()).await;
                assert!(inside.swap(false, SeqCst));
                guard.release().await.expect("released");
                rounds += 1;
            }
            rounds
        });
    }
    let rounds = contenders.join_all().await;
    assert!(rounds.iter().all(|rounds| *rounds > 0), "{rounds:?}");
    assert_eq!(counted(&first).await.0, rounds.iter().sum::<u64>());
}

/// Number, the lock's number, and version.
async fn counted(client: &Client) -> (u64, u64, i32) {
    let (data, stat) = again(|| client.get_data("/counted")).await.expect("it is there");
    let text = String::from_utf8(data.to_vec()).expect("text");
    let (number, token) = text.split_once(' ').expect("two numbers");
    (number.parse().expect("a number"), token.parse().expect("a number"), stat.persisted.version)
}

async fn add_one(client: &Client, token: Zxid) {
    let (number, last, version) = counted(client).await;
    assert!(last < token.0, "the lock's numbers grow: {last}, {}", token.0);
    let data = format!("{} {}", number + 1, token.0);
    match again(|| client.set_data("/counted", &data, Some(version))).await {
        Ok(_) => {}
        // An attempt whose reply was lost, and no other's.
        Err(Error::Server(Code::BadVersion)) => {
            assert_eq!(counted(client).await, (number + 1, token.0, version + 1));
        }
        Err(error) => panic!("{error}"),
    }
}

async fn read_write_lock(ground: Ground) {
    // Readers, and a thousand for a writer.
    let (inside, mut contenders) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
    for index in 0..4 {
        let (ground, inside) = (ground.clone(), inside.clone());
        contenders.spawn(async move {
            let client = ground.client().await;
            let (lock, writes) = (ReadWriteLock::new(&client, "/rw"), index == 0);
            let mut rounds = 0;
            while !ground.is_over() {
                let wanted = async { if writes { lock.write().await } else { lock.read().await } };
                let guard = soon("the lock", wanted).await.expect("locked");
                let weight = if writes { 1000 } else { 1 };
                let others = inside.fetch_add(weight, SeqCst);
                assert!(if writes { others == 0 } else { others < 1000 }, "{others} inside");
                tokio::time::sleep(Duration::from_millis(2)).await;
                inside.fetch_sub(weight, SeqCst);
                guard.release().await.expect("released");
                rounds += 1;
            }
            rounds
        });
    }
    let rounds = contenders.join_all().await;
    assert!(rounds.iter().all(|rounds| *rounds > 0), "{rounds:?}");
}

async fn semaphore(ground: Ground) {
    let (inside, mut contenders) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
    for _ in 0..4 {
        let (ground, inside) = (ground.clone(), inside.clone());
        contenders.spawn(async move {
            let client = ground.client().await;
            let semaphore = Semaphore::new(&client, "/semaphore", 2);
            while !ground.is_over() {
                let permit = soon("a permit", semaphore.acquire()).await.expect("acquired");
                assert!(inside.fetch_add(1, SeqCst) < 2, "more than there are");
                tokio::time::sleep(Duration::from_millis(2)).await;
                inside.fetch_sub(1, SeqCst);
                permit.release().await.expect("released");
            }
        });
    }
    contenders.join_all().await;
}

async fn latch(mut ground: Ground) {
    let mut latches = Vec::new();
    for index in 0..3 {
        latches.push(LeaderLatch::start(&ground.sessions().await, "/latch", &index.to_string()));
    }
    let leaders = || latches.iter().filter(|latch| latch.is_leader()).count();
    let look = async {
        loop {
            assert!(leaders() <= 1, "two lead");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        () = look => {}
        () = ground.until_over() => {}
    }
    crate::eventually("one leads", || async { leaders() == 1 }).await;
}

async fn selector(mut ground: Ground) {
    let (working, turns) = (Arc::new(AtomicUsize::new(0)), Arc::new(Locked::new(Vec::new())));
    let mut selectors = Vec::new();
    for index in 0..3 {
        let (working, turns) = (working.clone(), turns.clone());
        let work = move |leadership: Leadership| {
            let (working, turns) = (Working::begin(&working), turns.clone());
            async move {
                turns.lock().unwrap().push(leadership.number);
                tokio::time::sleep(Duration::from_millis(5)).await;
                drop(working);
            }
        };
        let sessions = ground.sessions().await;
        selectors.push(LeaderSelector::start(&sessions, "/selector", &index.to_string(), Requeue::Always, work));
    }
    ground.until_over().await;
    let turns = turns.lock().unwrap().clone();
    assert!(turns.len() > 3 && turns.windows(2).all(|pair| pair[0] < pair[1]), "{turns:?}");
}

/// Work that another's may not meet.
struct Working(Arc<AtomicUsize>);

impl Working {
    fn begin(working: &Arc<AtomicUsize>) -> Working {
        assert_eq!(working.fetch_add(1, SeqCst), 0, "two work");
        Working(working.clone())
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

// ---- What passes through ------------------------------------------------------------------------------------------

/// Everything that was put is taken, once; what one has put, in its order. A cache of it all shows what there is.
async fn queue(ground: Ground) {
    let cache = TreeCache::start(&ground.sessions().await, "/queue").await.expect("a cache");
    let (mut producers, mut consumers) = (JoinSet::new(), JoinSet::new());
    for producer in 0..2 {
        let ground = ground.clone();
        producers.spawn(async move {
            let queue = Queue::new(&ground.client().await, "/queue");
            let mut number = 0_u32;
            while !ground.is_over() {
                queue.put(format!("{producer} {number}").as_bytes()).await.expect("put");
                number += 1;
            }
            (producer, number)
        });
    }
    let (ended, all_put) = watch::channel(false);
    for _ in 0..2 {
        let (ground, all_put) = (ground.clone(), all_put.clone());
        consumers.spawn(async move {
            let (queue, mut taken) = (Queue::new(&ground.client().await, "/queue"), Vec::new());
            loop {
                let last = *all_put.borrow();
                match queue.poll().await.expect("asked") {
                    Some(item) => taken.push(String::from_utf8(item.to_vec()).expect("text")),
                    None if last => return taken,
                    None => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            }
        });
    }
    let put: BTreeMap<u32, u32> = producers.join_all().await.into_iter().collect();
    ended.send_replace(true);
    let mut all = BTreeSet::new();
    for taken in consumers.join_all().await {
        let mut last = BTreeMap::new();
        for item in taken {
            let (producer, number) = item.split_once(' ').expect("two numbers");
            let (producer, number): (u32, u32) = (producer.parse().expect("one"), number.parse().expect("one"));
            assert!(last.insert(producer, number).is_none_or(|last| last < number), "{item} comes late");
            assert!(all.insert((producer, number)), "{item} is taken twice");
        }
    }
    let expected = put.iter().flat_map(|(producer, count)| (0..*count).map(|number| (*producer, number))).collect();
    assert_eq!(all, expected);
    crate::eventually("the cache is empty too", || async { cache.children("/queue/items").is_empty() }).await;
}

/// Nobody passes before all are there.
async fn barrier(ground: Ground) {
    let (arrived, last) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let mut members = JoinSet::new();
    for index in 0..3 {
        let (ground, arrived, last) = (ground.clone(), arrived.clone(), last.clone());
        members.spawn(async move {
            let client = ground.client().await;
            for round in 1.. {
                // A barrier serves once.
                let barrier = DoubleBarrier::new(&client, &format!("/double/{round}"), 3);
                if index == 0 && ground.is_over() {
                    last.store(true, SeqCst);
                }
                arrived.fetch_add(1, SeqCst);
                soon("all enter", barrier.enter()).await.expect("entered");
                assert!(arrived.load(SeqCst) >= 3 * round, "it opens too early");
                let ends = last.load(SeqCst);
                soon("all leave", barrier.leave()).await.expect("left");
                if ends {
                    return round;
                }
            }
            unreachable!("rounds have no end")
        });
    }
    let rounds = members.join_all().await;
    assert!(rounds[0] > 1 && rounds.iter().all(|round| *round == rounds[0]), "{rounds:?}");
}

/// What was added is there; what is not known to be added may be.
async fn count(ground: Ground) {
    let mut adders = JoinSet::new();
    for _ in 0..2 {
        let ground = ground.clone();
        adders.spawn(async move {
            let count = SharedCount::new(&ground.client().await, "/count", 0);
            let (mut sure, mut unknown) = (0, 0);
            while !ground.is_over() {
                match count.add(1).await {
                    Ok(_) => sure += 1,
                    Err(Error::ConnectionLoss) => unknown += 1,
                    Err(error) => panic!("{error}"),
                }
            }
            (sure, unknown)
        });
    }
    let client = ground.client().await;
    let mut values = SharedCount::new(&client, "/count", 0).values();
    let (mut last, mut over) = (soon("the first", values.next()).await.expect("a number").value, ground.clone());
    loop {
        let next = tokio::select! {
            next = values.next() => next.expect("a number").value,
            () = over.until_over() => break,
        };
        assert!(next > last, "{next} after {last}");
        last = next;
    }
    let (sure, unknown): (Vec<i64>, Vec<i64>) = adders.join_all().await.into_iter().unzip();
    let value = SharedCount::new(&client, "/count", 0).get().await.expect("a number").value;
    let sure: i64 = sure.iter().sum();
    assert!((sure..=sure + unknown.iter().sum::<i64>()).contains(&value), "{value}: {sure} and {unknown:?}");
}

/// The consumer ends with what the providers have said last.
async fn registry(ground: Ground) {
    let consumer = Consumer::subscribe(&ground.sessions().await, "/services", "trial").await.expect("subscribed");
    let mut providers = JoinSet::new();
    for index in 0..3 {
        let ground = ground.clone();
        providers.spawn(async move {
            let sessions = ground.sessions().await;
            let address = format!("10.0.0.{index}:1");
            let said = |round: u32| Registration { weight: round, ..Registration::new(address.clone()) };
            let mut provider = Provider::register(&sessions, "/services", "trial", &said(0)).await.expect("registered");
            let mut round = 0;
            while !ground.is_over() {
                round += 1;
                if round % 3 == 0 {
                    provider.unregister().await.expect("gone");
                    provider =
                        Provider::register(&sessions, "/services", "trial", &said(round)).await.expect("registered");
                } else {
                    provider.update(&said(round));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            (provider, (address.clone(), round))
        });
    }
    let (providers, expected): (Vec<Provider>, BTreeSet<(String, u32)>) =
        providers.join_all().await.into_iter().unzip();
    let known = || -> BTreeSet<(String, u32)> {
        let instances = consumer.instances();
        instances.iter().map(|one| (one.registration.address.clone(), one.registration.weight)).collect()
    };
    crate::eventually("the consumer knows what is", || async { known() == expected }).await;
    drop(providers);
    crate::eventually("all have gone", || async { known().is_empty() }).await;
}

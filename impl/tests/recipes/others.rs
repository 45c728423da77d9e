//! Every other recipe.

use crate::{Place, children, close_by_another, eventually, sessions, soon};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use zab::Zxid;
use zabkeeper::client::{Acl, ClientOptions, CreateMode};
use zabkeeper::recipes::{
    Barrier, Change, DoubleBarrier, GroupMember, LeaderLatch, NodeCache, PersistentNode, Queue, ReadWriteLock,
    Semaphore, SharedCount, TreeCache,
};

#[tokio::test(flavor = "multi_thread")]
async fn readers_share_and_writers_do_not() {
    let place = Place::new();
    let clients = [place.client().await, place.client().await, place.client().await, place.client().await];
    let locks = clients.each_ref().map(|client| ReadWriteLock::new(client, "/rw"));
    let first = locks[0].read().await.expect("read");
    let second = soon("shared", locks[1].read()).await.expect("read");
    let [_, _, third, fourth] = locks;
    let writer = tokio::spawn(async move { third.write().await });
    children(&clients[0], "/rw", 3).await;
    let mut reader = tokio::spawn(async move { fourth.read().await });
    children(&clients[0], "/rw", 4).await;
    first.release().await.expect("released");
    assert!(!writer.is_finished(), "a reader is left");
    second.release().await.expect("released");
    let writer = soon("the lock", writer).await.expect("no panic").expect("written");
    let no_time = Duration::from_millis(100);
    assert!(tokio::time::timeout(no_time, &mut reader).await.is_err(), "readers wait for a writer before them");
    let late = ReadWriteLock::new(&clients[0], "/rw");
    assert!(late.try_read(no_time).await.expect("it waits").is_none());
    assert!(late.try_write(no_time).await.expect("it waits").is_none());
    let token = writer.fencing_token();
    drop(writer);
    let reader = soon("the lock", reader).await.expect("no panic").expect("read");
    assert!(reader.fencing_token() > token);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_semaphore_gives_out_as_many_as_it_has() {
    let place = Place::new();
    let client = place.client().await;
    let semaphore = Semaphore::new(&client, "/s", 3);
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(soon("a permit", semaphore.acquire()).await.expect("acquired"));
    }
    let no_time = Duration::from_millis(100);
    assert!(semaphore.try_acquire(no_time).await.expect("it waits").is_none(), "all are out");
    drop(held);
    assert!(semaphore.try_acquire(Duration::from_secs(60)).await.expect("acquired").is_some());
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let (client, inside, most) = (place.client().await, inside.clone(), most.clone());
        tasks.push(tokio::spawn(async move {
            let semaphore = Semaphore::new(&client, "/s", 3);
            for _ in 0..5 {
                let permit = soon("a permit", semaphore.acquire()).await.expect("acquired");
                most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
                tokio::time::sleep(Duration::from_millis(3)).await;
                inside.fetch_sub(1, SeqCst);
                permit.release().await.expect("released");
            }
        }));
    }
    for task in tasks {
        soon("the end", task).await.expect("no panic");
    }
    assert!((1..=3).contains(&most.load(SeqCst)), "{most:?}");
    assert_eq!(Semaphore::new(&place.client().await, "/s", 3).taken().await, Ok(0));
}

/// The numbers of those who lead now.
fn leading(latches: &[LeaderLatch]) -> Vec<(usize, Zxid)> {
    let numbers =
        latches.iter().enumerate().filter_map(|(index, latch)| Some((index, (*latch.leadership().borrow())?)));
    numbers.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leads_stands_down_when_its_znode_is_deleted() {
    let place = Place::new();
    let (one, client) = (sessions(&place).await, place.client().await);
    let latch = LeaderLatch::start(&one, "/leader", "one");
    let first = soon("leadership", latch.until_leader()).await.expect("it leads");
    let mut leadership = latch.leadership();
    for name in client.get_children("/leader").await.expect("its place") {
        client.delete(&format!("/leader/{name}"), None).await.expect("an operator may");
    }
    let again = soon("another", leadership.wait_for(|number| number.is_some_and(|number| number > first))).await;
    assert!(again.is_ok(), "it takes a new place, behind whoever has come meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_leads_and_another_after_its_death() {
    let mut place = Place::new();
    let (mut held, mut latches) = (Vec::new(), Vec::new());
    for index in 0..4 {
        let sessions = sessions(&place).await;
        latches.push(LeaderLatch::start(&sessions, "/leader", &index.to_string()));
        held.push(sessions);
    }
    let mut last = Zxid::ZERO;
    for round in 0..6 {
        eventually("a leader", || async { !leading(&latches).is_empty() }).await;
        let leaders = leading(&latches);
        let [(index, number)] = leaders[..] else { panic!("{leaders:?}") };
        assert!(number > last, "each leadership has a greater number");
        last = number;
        assert_eq!(soon("its name", latches[index].leader()).await, Ok(Some(index.to_string())));
        if round == 2 {
            // Without a server nobody leads; afterwards the same one does, with the same number.
            place.stop();
            eventually("doubt", || async { leading(&latches).is_empty() }).await;
            place.start();
            assert_eq!(soon("again", latches[index].until_leader()).await, Ok(number));
        }
        let client = held[index].client().await.expect("a client");
        close_by_another(&place.options(), &client).await;
        eventually("it steps back", || async { leading(&latches).iter().all(|one| *one != (index, number)) }).await;
    }
    while let Some(latch) = latches.pop() {
        drop(latch);
        if !latches.is_empty() {
            eventually("a leader", || async { leading(&latches).len() == 1 }).await;
        }
    }
    children(&place.client().await, "/leader", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn barriers_hold_until_they_are_taken_away() {
    let place = Place::new();
    let (one, two) = (place.client().await, place.client().await);
    let barrier = Barrier::new(&one, "/b/barrier");
    soon("no barrier", barrier.wait()).await.expect("passed");
    barrier.set().await.expect("set");
    let waiting = Barrier::new(&two, "/b/barrier");
    let mut waiting = tokio::spawn(async move { waiting.wait().await });
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut waiting).await.is_err());
    barrier.remove().await.expect("removed");
    assert_eq!(soon("the way is free", waiting).await.expect("no panic"), Ok(()));

    let (entered, mut tasks) = (Arc::new(AtomicUsize::new(0)), Vec::new());
    for _ in 0..5 {
        let (client, entered) = (place.client().await, entered.clone());
        tasks.push(tokio::spawn(async move {
            let barrier = DoubleBarrier::new(&client, "/b/double", 5);
            entered.fetch_add(1, SeqCst);
            soon("all", barrier.enter()).await.expect("entered");
            assert_eq!(entered.load(SeqCst) % 100, 5, "all were there");
            entered.fetch_add(100, SeqCst);
            soon("all", barrier.leave()).await.expect("left");
            assert_eq!(entered.load(SeqCst), 505, "all had done their work");
        }));
    }
    for task in tasks {
        soon("the end", task).await.expect("no panic");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_lose_nothing() {
    let place = Place::new();
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let client = place.client().await;
        tasks.push(tokio::spawn(async move {
            for _ in 0..25 {
                SharedCount::new(&client, "/c/count", 7).add(2).await.expect("added");
            }
        }));
    }
    for task in tasks {
        soon("the end", task).await.expect("no panic");
    }
    let client = place.client().await;
    let count = SharedCount::new(&client, "/c/count", 7);
    let now = count.get().await.expect("read");
    assert_eq!((now.value, now.version), (207, 100));
    assert_eq!(count.try_set(now, -1).await.expect("asked").map(|set| set.value), Some(-1));
    assert_eq!(count.try_set(now, 5).await, Ok(None), "somebody has set it");
}

/// Through a gate that closes now and then: replies are lost, items are not, nor doubled.
#[tokio::test(flavor = "multi_thread")]
async fn items_are_put_and_taken_once() {
    let place = Place::new();
    let gate = crate::gate::Gate::new(place.address).await;
    let mut tasks = Vec::new();
    for worker in 0..3_u8 {
        let client = ClientOptions::new(gate.address.to_string()).connect().await.expect("a session");
        tasks.push(tokio::spawn(async move {
            let queue = Queue::new(&client, "/q");
            for item in 0..40 {
                soon("a put", queue.put(&[worker, item])).await.expect("put");
            }
            let mut taken = Vec::new();
            for _ in 0..40 {
                taken.push(soon("an item", queue.take()).await.expect("taken"));
            }
            taken
        }));
    }
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(40)).await;
        gate.close();
        tokio::time::sleep(Duration::from_millis(5)).await;
        gate.open();
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(soon("the end", task).await.expect("no panic"));
    }
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (120, 120));
    let client = place.client().await;
    assert_eq!(Queue::new(&client, "/q").poll().await, Ok(None));
    children(&client, "/q/claims", 0).await;
    for item in [b"1", b"2", b"3"] {
        Queue::new(&client, "/q").put(item).await.expect("put");
    }
    for item in [b"1", b"2", b"3"] {
        assert_eq!(Queue::new(&client, "/q").take().await.expect("taken")[..], item[..]);
    }
}

/// The znode of a former session, which nobody has ended yet, would go with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_persistent_node_does_not_rely_on_another_session() {
    let place = Place::new();
    let (former, sessions) = (place.client().await, sessions(&place).await);
    former.create("/n", b"old", CreateMode::Ephemeral, &Acl::open()).await.expect("created");
    let node = PersistentNode::start(&sessions, "/n", b"new").await.expect("made");
    former.close().await;
    let client = sessions.client().await.expect("a client");
    let (data, stat) = client.get_data(node.path()).await.expect("still there");
    assert_eq!((&data[..], stat.persisted.ephemeral_owner), (&b"new"[..], client.session_id().0));
    node.close().await.expect("closed");
    assert_eq!(client.exists("/n").await, Ok(None));
}

#[tokio::test(flavor = "multi_thread")]
async fn members_know_each_other() {
    let place = Place::new();
    let (one, two) = (sessions(&place).await, sessions(&place).await);
    let first = GroupMember::join(&one, "/g", "1", b"a").await.expect("joined");
    let second = GroupMember::join(&two, "/g", "2", b"b").await.expect("joined");
    let known = |member: &GroupMember| member.members().into_iter().map(|(id, data)| (id, data.to_vec()));
    let both = || vec![("1".to_owned(), b"a".to_vec()), ("2".to_owned(), b"b".to_vec())];
    eventually("both", || async { known(&first).eq(both()) && known(&second).eq(both()) }).await;
    first.set_data(b"c");
    eventually("news", || async { second.members().get("1").is_some_and(|data| data[..] == b"c"[..]) }).await;
    first.leave().await.expect("left");
    eventually("one", || async { second.members().len() == 1 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caches_follow_their_znodes() {
    let mut place = Place::new();
    let sessions = sessions(&place).await;
    let tree = TreeCache::start(&sessions, "/t").await.expect("read");
    let node = NodeCache::start(&sessions, "/t/a").await.expect("read");
    let mut changes = tree.changes();
    assert!(tree.get("/t").is_none() && node.get().is_none());
    let client = place.client().await;
    for path in ["/t", "/t/a", "/t/a/b", "/t/c"] {
        client.create(path, b"0", CreateMode::Persistent, &Acl::open()).await.expect("created");
    }
    eventually("all", || async { tree.get("/t/c").is_some() && node.get().is_some() }).await;
    assert_eq!(tree.children("/t").into_keys().collect::<Vec<_>>(), ["a", "c"]);
    place.stop();
    eventually("the loss is known", || async { !tree.is_current() }).await;
    assert!(tree.get("/t/a/b").is_some(), "it answers without server");
    place.start();
    crate::place::persist!(client.set_data("/t/a", b"1", None)).expect("set");
    crate::place::persist!(client.delete("/t/a/b", None)).expect("deleted");
    let one = |data: &[u8]| data == b"1";
    eventually("news", || async {
        tree.get("/t/a/b").is_none()
            && tree.get("/t/a").is_some_and(|node| one(&node.data))
            && node.get().is_some_and(|node| one(&node.data))
    })
    .await;
    let mut told = Vec::new();
    while told.len() < 6 {
        told.push(match soon("a change", changes.next()).await.expect("not the end") {
            Change::Added(node) => format!("+{}", node.path),
            Change::Updated { now, .. } => format!("={}", now.path),
            Change::Removed(node) => format!("-{}", node.path),
        });
    }
    assert_eq!(told[..4], ["+/t", "+/t/a", "+/t/a/b", "+/t/c"]);
    assert_eq!(BTreeSet::from([&*told[4], &*told[5]]), BTreeSet::from(["-/t/a/b", "=/t/a"]));
}

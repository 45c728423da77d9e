//! Recipes in the hands of people: work that panics, names that are none, znodes that are not theirs.

use crate::{Place, eventually, sessions, soon};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use zabkeeper::client::{Acl, Code, CreateMode, Error, Id, Perms};
use zabkeeper::recipes::{
    Consumer, GroupMember, LeaderLatch, LeaderSelector, Mutex, Provider, Queue, Registration, Requeue, SharedCount,
    TreeCache,
};

#[tokio::test(flavor = "multi_thread")]
async fn work_that_panics_ends_the_leadership_and_nothing_else() {
    let place = Place::new();
    let times = Arc::new(AtomicUsize::new(0));
    let count = times.clone();
    let work = move |_| {
        let time = count.fetch_add(1, SeqCst);
        async move {
            assert_ne!(time, 0, "planted");
            std::future::pending::<()>().await;
        }
    };
    let selector = LeaderSelector::start(&sessions(&place).await, "/selector", "one", Requeue::Always, work);
    eventually("it leads again", || async { times.load(SeqCst) == 2 && selector.is_leader() }).await;
    let other = LeaderSelector::start(&sessions(&place).await, "/selector", "two", Requeue::Always, |_| async {});
    assert!(!other.is_leader(), "one at a time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_latch_says_why_it_cannot_lead() {
    let place = Place::new();
    let latch = LeaderLatch::start(&sessions(&place).await, "/bad/", "one");
    let refused = soon("an error", latch.until_leader()).await;
    assert!(matches!(refused, Err(Error::BadArguments { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_names() {
    let place = Place::new();
    let sessions = sessions(&place).await;
    for bad in ["", "x/y", "/"] {
        let joined = GroupMember::join(&sessions, "/group", bad, b"").await;
        assert!(matches!(joined, Err(Error::BadArguments { .. })), "{bad:?}: {joined:?}");
        let offered = Provider::register(&sessions, "/services", bad, &Registration::new("here")).await;
        assert!(matches!(offered, Err(Error::BadArguments { .. })), "{bad:?}: {offered:?}");
        let consumer = Consumer::subscribe(&sessions, "/services", bad).await;
        assert!(matches!(consumer, Err(Error::BadArguments { .. })), "{bad:?}: {consumer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_leaves_out_what_it_may_not_read() {
    let mut place = Place::new();
    let owner = place.options().auth("digest", "owner:secret").connect().await.expect("a session");
    let own = [Acl { perms: Perms::ALL, id: Id::new("auth", "") }];
    owner.create("/cached", b"", CreateMode::Persistent, &Acl::open()).await.expect("created");
    owner.create("/cached/secret", b"", CreateMode::Persistent, &own).await.expect("created");
    let cache = TreeCache::start(&sessions(&place).await, "/cached").await.expect("it begins all the same");
    assert!(cache.is_current() && cache.children("/cached").is_empty());
    place.stop();
    place.start();
    let create = || owner.create("/cached/open", b"", CreateMode::Persistent, &Acl::open());
    eventually("the server", || async { create().await != Err(Error::ConnectionLoss) }).await;
    eventually("the open one", || async { cache.is_current() && cache.children("/cached").len() == 1 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_is_refused_and_not_tried_for_ever() {
    let place = Place::new();
    let client = place.client().await;
    let refused = soon("an error", Queue::new(&client, "/queue").put(&vec![0; 2 << 20])).await;
    assert!(matches!(refused, Err(Error::TooLong { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn recipes_keep_out_whom_the_options_keep_out() {
    let place = Place::new();
    let ours = || place.options().auth("digest", "team:secret").acl(Acl::creator_all());
    let (one, two) = (ours().connect().await.expect("a session"), ours().connect().await.expect("a session"));
    let held = soon("the lock", Mutex::new(&one, "/team/lock").lock()).await.expect("locked");
    for path in ["/team", "/team/lock", &held.path()] {
        let (acl, _) = one.get_acl(path).await.expect("its list");
        assert!(acl.len() == 1 && acl[0].id.scheme == "digest" && acl[0].perms == Perms::ALL, "{path}: {acl:?}");
    }
    let no_time = Duration::from_millis(100);
    assert!(Mutex::new(&two, "/team/lock").try_lock(no_time).await.expect("it waits").is_none());
    drop(held);
    drop(soon("its turn", Mutex::new(&two, "/team/lock").lock()).await.expect("the same team"));
    let stranger = place.client().await;
    let refused = soon("an answer", Mutex::new(&stranger, "/team/lock").lock()).await.expect_err("kept out");
    assert_eq!(refused, Error::Server(Code::NoAuth));
    let count = SharedCount::new(&one, "/team/count", 7);
    assert_eq!(soon("the count", count.get()).await.map(|value| value.value), Ok(7));
    assert_eq!(stranger.get_data("/team/count").await.expect_err("kept out"), Error::Server(Code::NoAuth));

    // Who has proven nothing creates nothing for himself alone.
    let nobody = place.options().acl(Acl::creator_all()).connect().await.expect("a session");
    let refused = soon("an answer", Mutex::new(&nobody, "/nobody").lock()).await.expect_err("nobody's");
    assert_eq!(refused, Error::Server(Code::InvalidAcl));
}

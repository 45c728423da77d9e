//! Many requests under way, some of them given up.

use crate::{Place, soon};
use zab::tree::Stat;
use zabkeeper::client::{Acl, CreateMode, Error, EventType, Pending};

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_requests_are_answered_in_order() {
    let place = Place::new();
    let client = place.client().await;
    client.create("/n", b"", CreateMode::Persistent, &Acl::open()).await.expect("created");
    // Each expects the version that the one before it leaves.
    let sets: Vec<Pending<Stat>> = (0..10_000).map(|version| client.set_data("/n", b"x", Some(version))).collect();
    let read = client.get_data("/n");
    let sync = client.sync("/");
    for (number, set) in (1..).zip(sets) {
        assert_eq!(soon("a reply", set).await.map(|stat| stat.persisted.version), Ok(number));
    }
    assert_eq!(read.await.expect("read").1.persisted.version, 10_000);
    assert_eq!(sync.await, Ok(()));
    let metrics = client.metrics();
    let value = |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!((value(&metrics.requests), value(&metrics.replies)), (10_003, 10_003));
    assert!(value(&metrics.bytes_sent) > 10_000 * 20 && value(&metrics.bytes_received) > 10_000 * 84);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_future_that_is_dropped_disturbs_no_other() {
    let place = Place::new();
    let client = place.client().await;
    let create = |n: u32| client.create(&format!("/{n}"), b"", CreateMode::Persistent, &Acl::open());
    let mut kept = Vec::new();
    for n in 0..1_000 {
        let pending = create(n);
        match n % 3 {
            0 => kept.push((n, pending)),
            1 => drop(pending),
            // Begun, and then given up.
            _ => drop(tokio::time::timeout(std::time::Duration::ZERO, pending).await),
        }
    }
    for (n, pending) in kept {
        assert_eq!(soon("a reply", pending).await.expect("created").0, format!("/{n}"));
    }
    assert_eq!(client.get_all_children_number("/").await, Ok(1_000 + 3), "dropped is not taken back");
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_of_futures_that_were_dropped_do_not_keep_events_from_others() {
    let place = Place::new();
    let client = place.client().await;
    for _ in 0..100 {
        drop(client.exists_and_watch("/x"));
        drop(client.watch("/x", zabkeeper::client::AddWatchMode::Persistent));
    }
    let (_, watch) = client.exists_and_watch("/x").await.expect("watched");
    client.create("/x", b"", CreateMode::Persistent, &Acl::open()).await.expect("created");
    assert_eq!(soon("an event", watch).await.kind, EventType::NodeCreated);
    // Nothing is left of the persistent ones.
    let left = client.remove_watches("/x", zabkeeper::client::WatcherType::Any).await;
    assert_eq!(left, Err(Error::Server(zabkeeper::client::Code::NoWatcher)));
}

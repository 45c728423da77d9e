//! Providers and consumers, while sessions end and the server restarts.

use crate::{Place, close_by_another, eventually, sessions, soon};
use std::collections::BTreeSet;
use std::time::Duration;
use zabkeeper::client::{Client, ClientOptions};
use zabkeeper::recipes::{
    Consumer, LeastActiveStrategy, Provider, Registration, RoundRobinStrategy, ServiceChange, Sessions,
};

const BASE: &str = "/services";
const SERVICE: &str = "orders";

async fn provider(sessions: &Sessions, address: &str) -> Provider {
    Provider::register(sessions, BASE, SERVICE, &Registration::new(address)).await.expect("registered")
}

fn addresses(consumer: &Consumer) -> BTreeSet<String> {
    consumer.instances().iter().map(|one| one.registration.address.clone()).collect()
}

async fn converges(consumer: &Consumer, expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(|&address| address.to_owned()).collect();
    eventually(&format!("{expected:?}"), || async { addresses(consumer) == expected }).await;
}

/// What is told next, in words.
async fn told(changes: &mut zabkeeper::recipes::ServiceChanges) -> (&'static str, String) {
    match soon("a change", changes.next()).await.expect("not the end") {
        ServiceChange::Joined(one) => ("joined", one.registration.address),
        ServiceChange::Updated(one) => ("updated", one.registration.address),
        ServiceChange::Left(one) => ("left", one.registration.address),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_knows_who_comes_changes_and_goes() {
    let place = Place::new();
    let (provider_sessions, consumer_sessions) = (sessions(&place).await, sessions(&place).await);
    let consumer = Consumer::subscribe(&consumer_sessions, BASE, SERVICE).await.expect("read");
    assert!(consumer.instances().is_empty() && consumer.is_current());
    assert!(consumer.choose(&LeastActiveStrategy, b"").is_none());
    let mut changes = consumer.changes();
    let a = provider(&provider_sessions, "a:1").await;
    let b = provider(&provider_sessions, "b:1").await;
    assert_eq!(told(&mut changes).await, ("joined", "a:1".to_owned()));
    assert_eq!(told(&mut changes).await, ("joined", "b:1".to_owned()));
    converges(&consumer, &["a:1", "b:1"]).await;
    let registration = Registration { weight: 5, payload: b"x\ny".to_vec().into(), ..Registration::new("a:2") };
    a.update(&registration);
    assert_eq!(told(&mut changes).await, ("updated", "a:2".to_owned()));
    let seen = consumer.instances().iter().find(|one| one.id == a.id()).expect("known").clone();
    assert_eq!(seen.registration, registration);
    b.unregister().await.expect("unregistered");
    assert_eq!(told(&mut changes).await, ("left", "b:1".to_owned()));
    drop(a);
    assert_eq!(told(&mut changes).await, ("left", "a:2".to_owned()));
    converges(&consumer, &[]).await;
    drop(consumer);
    assert!(soon("the end", changes.next()).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_round_and_to_the_least_active() {
    let place = Place::new();
    let sessions = sessions(&place).await;
    let _providers = [provider(&sessions, "a").await, provider(&sessions, "b").await, provider(&sessions, "c").await];
    let consumer = Consumer::subscribe(&sessions, BASE, SERVICE).await.expect("read");
    let requests = client(&sessions).await.metrics().requests.load(std::sync::atomic::Ordering::Relaxed);
    let round = RoundRobinStrategy::default();
    let mut called = BTreeSet::new();
    for _ in 0..3 {
        called.insert(consumer.choose(&round, b"").expect("a provider").registration.address.clone());
    }
    assert_eq!(called.len(), 3);
    let first = consumer.choose(&LeastActiveStrategy, b"").expect("a provider");
    let second = consumer.choose(&LeastActiveStrategy, b"").expect("a provider");
    let third = consumer.choose(&LeastActiveStrategy, b"").expect("a provider");
    assert_eq!(BTreeSet::from([&first.id, &second.id, &third.id]).len(), 3);
    let free = second.id.clone();
    drop(second);
    assert_eq!(consumer.choose(&LeastActiveStrategy, b"").expect("a provider").id, free);
    let now = client(&sessions).await.metrics().requests.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(now, requests, "answers from memory only");
}

async fn client(sessions: &Sessions) -> Client {
    sessions.client().await.expect("a client")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_comes_back_with_a_new_session_and_a_consumer_goes_on() {
    let place = Place::new();
    let (provider_sessions, consumer_sessions) = (sessions(&place).await, sessions(&place).await);
    let provider = provider(&provider_sessions, "a:1").await;
    let consumer = Consumer::subscribe(&consumer_sessions, BASE, SERVICE).await.expect("read");
    let before = consumer.instances()[0].clone();
    let old = client(&provider_sessions).await;
    close_by_another(&place.options(), &old).await;
    soon("another", provider.registrations().wait_for(|times| *times > 1)).await.expect("not the end");
    eventually("the new one", || async {
        consumer.instances().first().is_some_and(|one| one.registered > before.registered && one.id == before.id)
    })
    .await;
    // The consumer's session ends too; what happens then is not missed.
    close_by_another(&place.options(), &client(&consumer_sessions).await).await;
    provider.update(&Registration::new("a:2"));
    converges(&consumer, &["a:2"]).await;
    // Somebody cleans up too much.
    let observer = place.client().await;
    let path = format!("{BASE}/{SERVICE}/{}", provider.id());
    let last = consumer.instances()[0].registered;
    observer.delete(&path, None).await.expect("deleted");
    eventually("it is back", || async { consumer.instances().first().is_some_and(|one| one.registered > last) }).await;
    provider.unregister().await.expect("unregistered");
    converges(&consumer, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cache_answers_while_the_server_is_away_and_comes_up_with_it() {
    let mut place = Place::new();
    let gate = crate::gate::Gate::new(place.address).await;
    let gated = Sessions::connect(ClientOptions::new(gate.address.to_string())).await.expect("a session");
    let provider_sessions = sessions(&place).await;
    let a = provider(&provider_sessions, "a").await;
    let _b = provider(&provider_sessions, "b").await;
    let consumer = Consumer::subscribe(&gated, BASE, SERVICE).await.expect("read");
    gate.close();
    eventually("the loss is known", || async { !consumer.is_current() }).await;
    // Meanwhile one goes, one comes.
    soon("an end", a.unregister()).await.expect("unregistered");
    let c = provider(&provider_sessions, "c").await;
    assert_eq!(addresses(&consumer), BTreeSet::from(["a".to_owned(), "b".to_owned()]), "as it was");
    place.stop();
    assert_eq!(addresses(&consumer).len(), 2);
    assert!(consumer.choose(&LeastActiveStrategy, b"").is_some());
    place.start();
    gate.open();
    converges(&consumer, &["b", "c"]).await;
    eventually("it is current", || async { consumer.is_current() }).await;
    drop(c);
    converges(&consumer, &["b"]).await;
}

/// A provider falls silent, as one that is dead; later it is heard again, too late for its session.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_silent_for_too_long_leaves_by_itself() {
    let place = Place::hasty();
    let gate = crate::gate::Gate::new(place.address).await;
    let options = ClientOptions::new(gate.address.to_string()).session_timeout(Duration::from_millis(400));
    let gated = Sessions::connect(options).await.expect("a session");
    let silent = provider(&gated, "silent").await;
    let plain = sessions(&place).await;
    let _other = provider(&plain, "other").await;
    let consumer = Consumer::subscribe(&plain, BASE, SERVICE).await.expect("read");
    converges(&consumer, &["other", "silent"]).await;
    gate.close();
    converges(&consumer, &["other"]).await;
    gate.open();
    converges(&consumer, &["other", "silent"]).await;
    assert!(consumer.instances().iter().any(|one| one.id == silent.id()), "the same one");
}

/// Providers die and come, the server restarts, and every consumer ends with the same and the right set.
#[tokio::test(flavor = "multi_thread")]
async fn caches_converge_under_deaths_and_restarts() {
    let mut place = Place::new();
    let consumer_sessions = [sessions(&place).await, sessions(&place).await];
    let mut consumers = Vec::new();
    for sessions in &consumer_sessions {
        consumers.push(Consumer::subscribe(sessions, BASE, SERVICE).await.expect("read"));
    }
    for round in 0..4 {
        let mut providers = Vec::new();
        for number in 0..6 {
            let sessions = sessions(&place).await;
            let one = soon("a provider", provider(&sessions, &format!("{round}:{number}"))).await;
            providers.push((one, sessions));
        }
        // Some are killed by losing their session, which brings them back; some go.
        for (_, sessions) in &providers[..2] {
            close_by_another(&place.options(), &client(sessions).await).await;
        }
        place.stop();
        drop(providers.drain(4..));
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..50))).await;
        place.start();
        let expected: Vec<String> = (0..4).map(|number| format!("{round}:{number}")).collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        for consumer in &consumers {
            converges(consumer, &expected).await;
        }
        for (provider, _sessions) in providers {
            soon("an end", provider.unregister()).await.expect("unregistered");
        }
        for consumer in &consumers {
            converges(consumer, &[]).await;
        }
    }
}

//! What becomes of a session when servers, connections and clients come and go.

use crate::scripted::{SESSION, Scripted};
use crate::{Place, persist, soon, until};
use std::time::Duration;
use zabkeeper::client::{Acl, ClientOptions, ConnectError, CreateMode, Error, EventType, KeeperState, SessionState};
use zabkeeper::wire::ClientRequest;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lives_over_a_restart_of_the_server() {
    let mut place = Place::new();
    let client = place.client().await;
    let session = client.session_id();
    client.create("/e", b"", CreateMode::Ephemeral, &Acl::open()).await.expect("created");
    place.stop();
    until(&client, SessionState::Connecting).await;
    assert_eq!(soon("an answer", client.exists("/e")).await, Err(Error::ConnectionLoss));
    place.start();
    let stat = persist!(client.exists("/e")).expect("asked").expect("still there");
    assert_eq!(stat.persisted.ephemeral_owner, session.0);
    assert_eq!(client.session_id(), session);
    assert_eq!(*client.state().borrow(), SessionState::Connected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_session_is_kept_by_pings() {
    let place = Place::hasty();
    let client = place.options().session_timeout(Duration::from_millis(200)).connect().await.expect("a session");
    assert_eq!(client.session_timeout(), Duration::from_millis(200));
    let pings = || client.metrics().pings.load(std::sync::atomic::Ordering::Relaxed);
    soon("pings", async {
        while pings() < 12 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert!(!client.state().borrow().is_over());
}

#[tokio::test(flavor = "multi_thread")]
async fn expiry_is_told_once_to_everybody() {
    let server = Scripted::new().await;
    let connecting = tokio::spawn(server.options().connect());
    let (mut peer, _) = server.welcome().await;
    let client = soon("a session", connecting).await.expect("no panic").expect("a session");
    let watching = tokio::spawn(client.watch("/p", zabkeeper::client::AddWatchMode::Persistent));
    let (xid, _) = peer.request().await.expect("a request");
    peer.answer(xid, 1, 0, &zabkeeper::wire::Reply::Error(0)).await;
    let mut watch = watching.await.expect("no panic").expect("watched");
    let under_way = client.exists("/");
    drop(peer);
    assert_eq!(soon("an answer", under_way).await, Err(Error::ConnectionLoss));
    let mut peer = server.accept().await;
    let request = peer.opening().await;
    assert_eq!(request.session, SESSION);
    let waiting = client.exists("/");
    peer.open(0, false).await;
    assert_eq!(soon("an answer", waiting).await, Err(Error::SessionExpired));
    until(&client, SessionState::Expired).await;
    assert_eq!(client.exists("/").await, Err(Error::SessionExpired));
    let mut told = Vec::new();
    while let Some(event) = soon("an event", watch.next()).await {
        told.push((event.kind, event.state));
    }
    let none = EventType::None;
    assert_eq!(told, [(none, KeeperState::Disconnected), (none, KeeperState::Expired)]);
    client.close().await;
    assert_eq!(*client.state().borrow(), SessionState::Expired, "it stays what it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_forgot_the_session_says_so() {
    let mut place = Place::hasty();
    let client = place.options().session_timeout(Duration::from_secs(20)).connect().await.expect("a session");
    let (_, watch) = client.exists_and_watch("/never").await.expect("watched");
    crate::close_by_another(&place.options(), &client).await;
    place.stop();
    place.start();
    until(&client, SessionState::Expired).await;
    assert_eq!(soon("the end", watch).await.state, KeeperState::Expired);
    let late = place.options().session(client.credentials()).connect().await;
    assert!(matches!(late, Err(ConnectError::SessionExpired)), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_server_the_session_is_over_some_time() {
    let mut place = Place::hasty();
    let client = place.options().session_timeout(Duration::from_millis(300)).connect().await.expect("a session");
    place.stop();
    until(&client, SessionState::Expired).await;
    assert_eq!(client.exists("/").await, Err(Error::SessionExpired));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_client_takes_a_session_over() {
    let place = Place::new();
    let first = place.client().await;
    first.create("/e", b"", CreateMode::Ephemeral, &Acl::open()).await.expect("created");
    let second = place.options().session(first.credentials()).connect().await.expect("taken over");
    assert_eq!(second.session_id(), first.session_id());
    // The first one comes back, and the server moves the session to and fro.
    assert_eq!(persist!(second.get_ephemerals("/")), Ok(vec!["/e".to_owned()]));
    let mut wrong = first.credentials();
    wrong.password = vec![1; 16].into();
    let refused = place.options().session(wrong).connect().await;
    assert!(matches!(refused, Err(ConnectError::SessionExpired)), "{refused:?}");
    assert!(!format!("{:?}", first.credentials()).contains("password"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_is_closed_with_its_last_clone() {
    let place = Place::new();
    let other = place.client().await;
    let client = place.client().await;
    client.create("/e", b"", CreateMode::Ephemeral, &Acl::open()).await.expect("created");
    let (_, gone) = other.exists_and_watch("/e").await.expect("watched");
    let clone = client.clone();
    let under_way = client.create("/last", b"", CreateMode::Persistent, &Acl::open());
    drop(client);
    assert!(clone.exists("/e").await.expect("asked").is_some(), "a clone keeps it");
    let watch = clone.watch("/w", zabkeeper::client::AddWatchMode::PersistentRecursive).await.expect("watched");
    drop(clone);
    assert!(under_way.await.is_ok());
    assert_eq!(soon("an event", gone).await.kind, EventType::NodeDeleted);
    drop(watch);
}

#[tokio::test(flavor = "multi_thread")]
async fn close_comes_behind_what_was_asked_and_ends_everything() {
    let place = Place::new();
    let client = place.client().await;
    let (_, watch) = client.get_data_and_watch("/").await.expect("watched");
    let created = client.create("/last", b"", CreateMode::Ephemeral, &Acl::open());
    let clone = client.clone();
    tokio::join!(client.close(), clone.close());
    assert!(created.await.is_ok());
    assert_eq!(watch.await.state, KeeperState::Closed);
    assert_eq!(*client.state().borrow(), SessionState::Closed);
    assert_eq!(client.add_auth("digest", b"a:b").await, Err(Error::Closed));
    assert_eq!(place.client().await.exists("/last").await, Ok(None));
}

#[tokio::test]
async fn the_next_server_is_tried_with_the_last_zxid_and_everything_else() {
    let (one, two) = (Scripted::new().await, Scripted::new().await);
    let options = ClientOptions::new(format!("{},{}", one.address, two.address)).shuffle(false);
    let connecting = tokio::spawn(options.auth("digest", b"u:p").connect());
    let (mut peer, request) = one.welcome().await;
    assert_eq!((request.last_zxid_seen.0, request.session.0, request.timeout), (0, 0, 30_000));
    assert!(matches!(peer.request().await, Some((-4, ClientRequest::Auth(_)))));
    assert!(!connecting.is_finished(), "the proof may be refused yet");
    peer.answer(-4, 0, 0, &zabkeeper::wire::Reply::Nothing).await;
    let client = soon("a session", connecting).await.expect("no panic").expect("a session");
    let watching = tokio::spawn(client.get_children_and_watch("/c"));
    let (xid, _) = peer.request().await.expect("a request");
    peer.answer(xid, 0x1_0000_0007, 0, &zabkeeper::wire::Reply::Names(vec![])).await;
    let (_, _watch) = watching.await.expect("no panic").expect("watched");
    drop(peer);
    until(&client, SessionState::Connecting).await;
    let (mut peer, request) = two.welcome().await;
    assert_eq!((request.last_zxid_seen.0, request.session), (0x1_0000_0007, SESSION));
    assert!(matches!(peer.request().await, Some((-4, ClientRequest::Auth(_)))), "the proof comes first");
    let Some((-8, ClientRequest::SetWatches(watches))) = peer.request().await else { panic!("no watches") };
    assert_eq!((watches.child, watches.relative_zxid.0), (vec!["/c".to_owned()], 0x1_0000_0007));
}

/// Whoever holds a client may outlive the runtime in which its task was.
#[test]
fn a_client_whose_runtime_is_gone_is_closed() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("one");
    let place = Place::new();
    let (first, second) = (runtime(), runtime());
    let client = first.block_on(place.client());
    first.shutdown_background();
    second.block_on(async {
        let mut state = client.state();
        let closed = soon("the end", state.wait_for(|state| *state == SessionState::Closed)).await;
        assert!(closed.is_ok(), "it is said, and not only left unsaid");
        assert_eq!(client.exists("/").await, Err(Error::Closed));
    });
}

/// What a server does not take would cost the connection, and the other requests on it.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_too_long_is_not_sent() {
    let place = Place::new();
    let client = place.client().await;
    let create = |data: Vec<u8>| client.create("/long", data, CreateMode::Persistent, &Acl::open());
    let refused = create(vec![0; 1 << 20]).await;
    assert!(matches!(refused, Err(Error::TooLong { longest: 1_048_575, .. })), "{refused:?}");
    assert!(create(vec![0; (1 << 20) - 200]).await.is_ok());
    assert_eq!(client.metrics().connections.load(std::sync::atomic::Ordering::Relaxed), 1);
}

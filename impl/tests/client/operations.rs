//! Every operation, its result, its errors.

use crate::{Place, persist, soon};
use std::time::Duration;
use zab::tree::PathError;
use zabkeeper::client::{
    Acl, Client, ClientInfo, ClientOptions, Code, ConnectError, CreateMode, Error, Id, MultiResult, Perms, ReadResult,
};

const MODE: CreateMode = CreateMode::Persistent;

fn server<T: std::fmt::Debug>(result: Result<T, Error>) -> Code {
    match result {
        Err(Error::Server(code)) => code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn znodes_come_change_and_go() {
    let place = Place::new();
    let client = place.client().await;
    let open = Acl::open();
    let (path, stat) = client.create("/a", b"1", MODE, &open).await.expect("created");
    assert_eq!((path.as_str(), stat.data_length, stat.persisted.version), ("/a", 1, 0));
    assert_eq!(server(client.create("/a", b"", MODE, &open).await), Code::NodeExists);
    assert_eq!(server(client.create("/b/c", b"", MODE, &open).await), Code::NoNode);
    let set = client.set_data("/a", "22", Some(0)).await.expect("set");
    assert_eq!((set.persisted.version, set.data_length), (1, 2));
    assert_eq!(server(client.set_data("/a", "x", Some(0)).await), Code::BadVersion);
    let (data, stat) = client.get_data("/a").await.expect("read");
    assert_eq!((&data[..], stat), (&b"22"[..], set));
    assert_eq!(client.get_data_or_null("/a").await.expect("read").0.as_deref(), Some(&b"22"[..]));
    assert_eq!(client.exists("/a").await, Ok(Some(set)));
    assert_eq!(client.exists("/b").await, Ok(None));
    client.create("/a/x", b"", MODE, &open).await.expect("created");
    client.create("/a/y", b"", MODE, &open).await.expect("created");
    let mut names = client.get_children("/a").await.expect("read");
    names.sort();
    assert_eq!(names, ["x", "y"]);
    let (names, stat) = client.get_children_with_stat("/a").await.expect("read");
    assert_eq!((names.len(), stat.num_children), (2, 2));
    assert_eq!(client.get_all_children_number("/a").await, Ok(2));
    assert_eq!(server(client.delete("/a", None).await), Code::NotEmpty);
    assert_eq!(server(client.delete("/a/x", Some(7)).await), Code::BadVersion);
    assert_eq!(client.delete("/a/x", Some(0)).await, Ok(()));
    assert_eq!(server(client.get_data("/a/x").await), Code::NoNode);
    assert_eq!(client.sync("/").await, Ok(()));
    client.close().await;
    assert_eq!(client.exists("/a").await, Err(Error::Closed));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mode_creates() {
    let place = Place::with(|options| options.tree.extended_types = true);
    let client = place.client().await;
    let hour = Duration::from_secs(3600);
    let modes = [
        (CreateMode::Ephemeral, false),
        (CreateMode::PersistentSequential, true),
        (CreateMode::EphemeralSequential, true),
        (CreateMode::Container, false),
        (CreateMode::PersistentWithTtl(hour), false),
        (CreateMode::PersistentSequentialWithTtl(hour), true),
    ];
    for (number, (mode, sequential)) in modes.into_iter().enumerate() {
        let asked = format!("/n{number}-");
        let (path, stat) = client.create(&asked, b"d", mode, &Acl::open()).await.expect("created");
        assert_eq!(path.len(), asked.len() + if sequential { 10 } else { 0 }, "{path}");
        let owner = if number % 2 == 0 && number < 3 { client.session_id().0 } else { 0 };
        assert_eq!(stat.persisted.ephemeral_owner, owner, "{mode:?}");
        assert_eq!(client.exists(&path).await, Ok(Some(stat)));
    }
    let mut mine = client.get_ephemerals("/").await.expect("listed");
    mine.sort();
    assert_eq!(mine, ["/n0-", "/n2-0000000002"]);
    assert_eq!(client.get_ephemerals("/n2").await.map(|paths| paths.len()), Ok(1));
    let child = client.create("/n0-/x", b"", MODE, &Acl::open()).await;
    assert_eq!(server(child), Code::NoChildrenForEphemerals);
    let too_long = CreateMode::PersistentWithTtl(Duration::MAX);
    assert_eq!(server(client.create("/t", b"", too_long, &Acl::open()).await), Code::BadArguments);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_path_is_not_sent() {
    let place = Place::new();
    let client = place.client().await;
    let before = client.metrics().requests.load(std::sync::atomic::Ordering::Relaxed);
    for (path, error) in [("", PathError::Empty), ("a", PathError::NoSlash), ("/a/", PathError::TrailingSlash)] {
        let expected = Error::BadArguments { path: path.to_owned(), error };
        assert_eq!(client.exists(path).await, Err(expected.clone()));
        assert_eq!(client.delete(path, None).await, Err(expected.clone()));
        assert_eq!(client.multi().check("/", None).delete(path, None).commit().await, Err(expected.clone()));
        assert_eq!(client.multi_read().get_data(path).commit().await, Err(expected.clone()));
        assert_eq!(client.get_data_and_watch(path).await.map(|_| ()), Err(expected));
    }
    assert_eq!(client.metrics().requests.load(std::sync::atomic::Ordering::Relaxed), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_operations_are_one() {
    let place = Place::new();
    let client = place.client().await;
    let open = Acl::open();
    let multi = client.multi().create("/m", b"1", MODE, &open).check("/m", Some(0)).set_data("/m", b"22", Some(0));
    let multi = multi.create("/m/s-", b"", CreateMode::EphemeralSequential, &open).delete("/m/s-0000000000", None);
    let results = multi.create("/m/c", b"", CreateMode::Container, &open).commit().await.expect("done");
    assert_eq!(results.len(), 6);
    assert_eq!(results[0], MultiResult::Create { path: "/m".into(), stat: None });
    assert_eq!(results[1], MultiResult::Check);
    assert!(matches!(&results[2], MultiResult::SetData(stat) if stat.persisted.version == 1));
    assert_eq!(results[3], MultiResult::Create { path: "/m/s-0000000000".into(), stat: None });
    assert_eq!(results[4], MultiResult::Delete);
    assert!(matches!(&results[5], MultiResult::Create { path, stat: Some(_) } if path == "/m/c"));
    assert_eq!(client.multi().commit().await, Ok(vec![]));

    let failing = client.multi().create("/z", b"", MODE, &open).check("/m", Some(9)).delete("/m", None);
    assert_eq!(failing.commit().await, Err(Error::Multi { index: 1, code: Code::BadVersion }));
    assert_eq!(client.exists("/z").await, Ok(None), "none was done");

    let read = client.multi_read().get_data("/m").get_children("/m").get_data("/no").commit().await.expect("read");
    assert!(matches!(&read[0], Ok(ReadResult::Data(data, _)) if &data[..] == b"22"));
    assert_eq!(read[1], Ok(ReadResult::Children(vec!["c".into()])));
    assert_eq!(read[2], Err(Error::Server(Code::NoNode)));
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_open_what_acls_close_also_after_a_restart() {
    let mut place = Place::new();
    let client = place.options().auth("digest", "early:1").connect().await.expect("a session");
    client.add_auth("digest", b"late:2").await.expect("accepted");
    let known = client.who_am_i().await.expect("known");
    let user = |name: &str| ClientInfo { scheme: "digest".into(), user: name.into() };
    assert!(known.contains(&user("early")) && known.contains(&user("late")), "{known:?}");
    let mine = [Acl { perms: Perms::ALL, id: Id::new("auth", "") }];
    client.create("/mine", b"secret", MODE, &mine).await.expect("created");
    let (acl, stat) = client.get_acl("/mine").await.expect("read");
    assert!(acl.len() == 2 && acl.iter().all(|entry| entry.id.scheme == "digest"), "{acl:?}");
    let stranger = place.client().await;
    assert_eq!(server(stranger.get_data("/mine").await), Code::NoAuth);
    let read = [Acl { perms: Perms::READ, id: Id::new("world", "anyone") }];
    assert_eq!(server(client.set_acl("/mine", &[], None).await), Code::InvalidAcl);
    place.stop();
    place.start();
    assert_eq!(persist!(client.get_data("/mine")).expect("read").0, "secret");
    let stat = persist!(client.set_acl("/mine", &read, Some(stat.persisted.aversion))).expect("set");
    assert_eq!(stat.persisted.aversion, 1);
    assert!(persist!(stranger.get_data("/mine")).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_is_refused_ends_the_client() {
    let place = Place::new();
    let client = place.client().await;
    let waiting = client.exists("/");
    let (_, watch) = client.exists_and_watch("/x").await.expect("watched");
    let refused = client.add_auth("nonsense", b"x");
    assert!(waiting.await.is_ok());
    assert_eq!(refused.await, Err(Error::AuthFailed));
    assert_eq!(client.exists("/").await, Err(Error::AuthFailed));
    let told = soon("the end", watch).await;
    assert_eq!(told.state, zabkeeper::client::KeeperState::AuthFailed);
    let again = place.options().auth("nonsense", b"").connect().await;
    assert!(again.is_err_and(|error| matches!(error, ConnectError::AuthFailed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chroot_is_the_whole_world() {
    let place = Place::new();
    let outside = place.client().await;
    outside.create("/application", b"", MODE, &Acl::open()).await.expect("created");
    let inside = ClientOptions::new(format!("{}/app", place.address)).connect().await.expect("a session");
    assert_eq!(inside.exists("/").await, Ok(None));
    let (_, created) = inside.exists_and_watch("/").await.expect("watched");
    assert_eq!(inside.create("/", b"", MODE, &Acl::open()).await.expect("created").0, "/");
    assert_eq!(soon("an event", created).await.path, "/");
    let (path, _) = inside.create("/s-", b"", CreateMode::EphemeralSequential, &Acl::open()).await.expect("created");
    assert_eq!(path, "/s-0000000000");
    assert_eq!(outside.get_children("/app").await, Ok(vec!["s-0000000000".to_owned()]));
    assert_eq!(
        inside.create("/", b"", CreateMode::PersistentSequential, &Acl::open()).await.expect("made").0.len(),
        11
    );
    assert_eq!(inside.get_ephemerals("/").await, Ok(vec![path.clone()]));
    let results =
        inside.multi().delete(&path, None).create("/m", b"", MODE, &Acl::open()).commit().await.expect("done");
    assert_eq!(results[1], MultiResult::Create { path: "/m".into(), stat: None });
    assert!(outside.exists("/app/m").await.expect("asked").is_some());
    // The configuration is not below, and still to be had.
    assert!(inside.get_config().await.is_ok() || server(inside.get_config().await) == Code::NoNode);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standalone_server_cannot_be_reconfigured() {
    let place = Place::new();
    let client: Client = place.client().await;
    let refused = client.reconfig(Some("server.2=h:1:2"), None, None, None).await;
    assert!(matches!(refused, Err(Error::Server(_))), "{refused:?}");
}

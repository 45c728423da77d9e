//! A client that nobody here wrote: the crate `zookeeper-client`.

use std::time::Duration;
use zabkeeper::{Server, ServerOptions};
use zookeeper_client as zk;

fn anyone(mode: zk::CreateMode) -> zk::CreateOptions<'static> {
    mode.with_acls(zk::Acls::anyone_all())
}

/// Runs a conversation with a server of its own.
fn with_server<F: Future<Output = Result<(), zk::Error>>>(conversation: impl FnOnce(String) -> F) {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start(ServerOptions::new(directory.path())).expect("it starts");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let address = server.address().to_string();
    let talked = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), conversation(address)).await });
    talked.expect("in time").expect("no error");
    drop(runtime);
    server.stop().expect("it stops in good order");
}

#[test]
fn znodes_are_created_read_watched_and_deleted() {
    with_server(async |address| {
        let client = zk::Client::connect(&address).await?;
        let (nothing, created) = client.check_and_watch_stat("/a").await?;
        assert_eq!(nothing, None);
        let (stat, _) = client.create("/a", b"1", &anyone(zk::CreateMode::Persistent)).await?;
        assert_eq!(created.changed().await.event_type, zk::EventType::NodeCreated);
        assert_eq!(client.get_data("/a").await?, (b"1".to_vec(), stat));

        let (_, _, children) = client.get_and_watch_children("/a").await?;
        let (_, sequence) = client.create("/a/s-", b"", &anyone(zk::CreateMode::EphemeralSequential)).await?;
        let event = children.changed().await;
        assert_eq!((event.event_type, event.path.as_str()), (zk::EventType::NodeChildrenChanged, "/a"));
        assert_eq!(sequence.into_i64(), 0);
        assert_eq!(client.list_children("/a").await?, ["s-0000000000"]);
        assert_eq!(client.list_ephemerals("/a").await?, ["/a/s-0000000000"]);

        let (_, _, data) = client.get_and_watch_data("/a").await?;
        let set = client.set_data("/a", b"2", Some(0)).await?;
        assert_eq!(data.changed().await.event_type, zk::EventType::NodeDataChanged);
        assert_eq!((set.version, client.set_data("/a", b"3", Some(0)).await), (1, Err(zk::Error::BadVersion)));
        assert_eq!(client.delete("/a", None).await, Err(zk::Error::NotEmpty));
        client.delete("/a/s-0000000000", None).await?;
        client.sync("/a").await?;
        client.delete("/a", Some(1)).await?;
        assert_eq!(client.get_data("/a").await, Err(zk::Error::NoNode));
        Ok(())
    });
}

#[test]
fn a_persistent_recursive_watch_tells_of_all() {
    with_server(async |address| {
        let client = zk::Client::connect(&address).await?;
        client.create("/w", b"", &anyone(zk::CreateMode::Persistent)).await?;
        let mut watcher = client.watch("/w", zk::AddWatchMode::PersistentRecursive).await?;
        client.create("/w/x", b"", &anyone(zk::CreateMode::Persistent)).await?;
        client.set_data("/w/x", b"1", None).await?;
        client.delete("/w/x", None).await?;
        for kind in [zk::EventType::NodeCreated, zk::EventType::NodeDataChanged, zk::EventType::NodeDeleted] {
            let event = watcher.changed().await;
            assert_eq!((event.event_type, event.path.as_str()), (kind, "/w/x"));
        }
        Ok(())
    });
}

#[test]
fn a_multi_is_done_whole_or_not_at_all() {
    with_server(async |address| {
        let client = zk::Client::connect(&address).await?;
        let mut writer = client.new_multi_writer();
        writer.add_create("/m", b"1", &anyone(zk::CreateMode::Persistent))?;
        writer.add_set_data("/m", b"2", Some(0))?;
        assert_eq!(writer.commit().await.expect("done").len(), 2);
        assert_eq!(client.get_data("/m").await?.0, b"2");

        let mut writer = client.new_multi_writer();
        writer.add_set_data("/m", b"3", None)?;
        writer.add_check_version("/m", 7)?;
        assert!(writer.commit().await.is_err());
        assert_eq!(client.get_data("/m").await?.0, b"2");
        Ok(())
    });
}

#[test]
fn a_lock_is_held_by_one_and_passes_on() {
    with_server(async |address| {
        let options = || {
            let options = zk::LockOptions::new(zk::Acls::anyone_all());
            options.with_ancestor_options(anyone(zk::CreateMode::Persistent)).expect("good options")
        };
        let prefix = || zk::LockPrefix::new_curator("/locks", "lock-").expect("a good prefix");
        let (first, second) = (zk::Client::connect(&address).await?, zk::Client::connect(&address).await?);
        let held = first.lock(prefix(), b"", options()).await?;
        held.create("/guarded", b"1", &anyone(zk::CreateMode::Persistent)).await?;
        let waiting = second.lock(prefix(), b"", options());
        tokio::pin!(waiting);
        let early = tokio::time::timeout(Duration::from_millis(200), &mut waiting).await;
        assert!(early.is_err(), "the lock is held");
        drop(held);
        let held = waiting.await?;
        held.set_data("/guarded", b"2", Some(0)).await?;
        assert_eq!(first.get_data("/guarded").await?.0, b"2");
        Ok(())
    });
}

#[test]
fn who_proves_who_they_are_sees_what_is_theirs() {
    with_server(async |address| {
        let client = zk::Client::connect(&address).await?;
        client.auth("digest".into(), b"ann:secret".to_vec()).await?;
        let own = zk::CreateMode::Persistent.with_acls(zk::Acls::creator_all());
        client.create("/own", b"1", &own).await?;
        assert_eq!(client.get_data("/own").await?.0, b"1");
        let users = client.list_auth_users().await?;
        assert!(users.iter().any(|user| user.scheme() == "digest" && user.user() == "ann"), "{users:?}");
        let other = zk::Client::connect(&address).await?;
        assert_eq!(other.get_data("/own").await, Err(zk::Error::NoAuth));
        Ok(())
    });
}

//! Asking again, where that is harmless.

use crate::client::{Client, Code, CreateMode, Error, Pending};
use bytes::Bytes;
use zab::tree::PathError;

/// Asks until there is an answer. Only for what may be done twice: reads, and changes whose repetition is recognised.
///
/// # Errors
/// Any but [`Error::ConnectionLoss`].
pub(super) async fn persist<T>(client: &Client, mut ask: impl FnMut() -> Pending<T>) -> Result<T, Error> {
    loop {
        match ask().await {
            Err(Error::ConnectionLoss) => settled(client).await,
            result => return result,
        }
    }
}

/// Waits for a connection, or for the end of the session.
pub(super) async fn settled(client: &Client) {
    // What failed may have failed before the state says so; then the next attempt fails too, and takes its time.
    tokio::task::yield_now().await;
    let mut state = client.state();
    // Without a sender only where the client's task was ended from outside, with its runtime.
    let _ = state.wait_for(|state| state.is_connected() || state.is_over()).await;
}

/// Creates a path, each znode that is not there as a container, which goes with its last child
/// (`EnsureContainers`).
///
/// # Errors
/// [`Code::NoNode`] if there is not even the root: it is a chroot, which its owner creates.
pub(super) async fn ensure_containers(client: &Client, path: &str) -> Result<(), Error> {
    if path.len() <= 1 {
        let root = persist(client, || client.exists("/")).await?;
        return root.map(drop).ok_or(Error::Server(Code::NoNode));
    }
    let ends: Vec<usize> = path.match_indices('/').map(|(index, _)| index).skip(1).chain([path.len()]).collect();
    let mut next = 0;
    while let Some(&end) = ends.get(next) {
        let part = &path[..end];
        match persist(client, || client.create(part, b"", CreateMode::Container, client.acl())).await {
            Ok(_) | Err(Error::Server(Code::NodeExists)) => next += 1,
            // One above was empty, and the server has taken it away meanwhile.
            Err(Error::Server(Code::NoNode)) if next > 0 => next = 0,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Deletes a znode, whether it is there or not.
pub(super) async fn remove(client: &Client, path: &str) -> Result<(), Error> {
    match persist(client, || client.delete(path, None)).await {
        Ok(()) | Err(Error::Server(Code::NoNode)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Sees that this is the name of one znode.
///
/// # Errors
/// [`Error::BadArguments`]: it is empty, or a path.
pub(super) fn name(name: &str) -> Result<&str, Error> {
    let error = match name.find('/') {
        _ if name.is_empty() => PathError::Empty,
        Some(at) => PathError::Character(at),
        None => return Ok(name),
    };
    Err(Error::BadArguments { path: name.to_owned(), error })
}

/// `parent/name`, also below the root.
pub(super) fn child(parent: &str, name: &str) -> String {
    format!("{}/{name}", parent.strip_suffix('/').unwrap_or(parent))
}

/// Waits until a znode is not there.
pub(super) async fn until_gone(client: &Client, path: &str) -> Result<(), Error> {
    loop {
        match client.get_data_and_watch(path).await {
            Ok((_, watch)) => drop(watch.await),
            Err(Error::Server(Code::NoNode)) => return Ok(()),
            Err(Error::ConnectionLoss) => settled(client).await,
            Err(error) => return Err(error),
        }
    }
}

/// Reads data, if they are there.
pub(super) async fn data_of(client: &Client, path: &str) -> Result<Option<Bytes>, Error> {
    match persist(client, || client.get_data(path)).await {
        Ok((data, _)) => Ok(Some(data)),
        Err(Error::Server(Code::NoNode)) => Ok(None),
        Err(error) => Err(error),
    }
}

//! Walks over a znode and all below it. They are no snapshot: the tree may change meanwhile.
//!
//! *Java:* `ZKUtil`.

use crate::shell::refusal::{Refusal, check_path};
use crate::shell::session::{About, Session};
use std::collections::VecDeque;
use zab::tree::Code;
use zab::tree::path;

/// Every path from this one down, those above before those below.
///
/// # Errors
/// What the server refuses.
pub(super) async fn breadth_first(session: &Session, root: &str) -> Result<Vec<String>, Refusal> {
    let (mut found, mut open) = (vec![root.to_owned()], VecDeque::from([root.to_owned()]));
    while let Some(parent) = open.pop_front() {
        for name in session.client.get_children(&parent).await.about(&parent)? {
            let child = path::child(&parent, &name);
            found.push(child.clone());
            open.push_back(child);
        }
    }
    Ok(found)
}

/// Visits the znode; then, below each one visited, all its children in their order, and then what is below each of
/// them. One that vanishes meanwhile has no children.
///
/// # Errors
/// What the server or the visitor refuses.
pub(super) async fn depth_first(
    session: &Session,
    root: &str,
    watches: bool,
    mut visit: impl AsyncFnMut(&str) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    check_path(root)?;
    session.data(root, watches).await?;
    visit(root).await?;
    let mut open = vec![root.to_owned()];
    while let Some(parent) = open.pop() {
        let children = match session.children_or_error(&parent, watches).await {
            Ok((children, _)) => children,
            Err(error) if error.code() == Some(Code::NoNode) => continue,
            Err(error) => return Err(error).about(&parent),
        };
        let mut paths: Vec<String> = children.iter().map(|name| path::child(&parent, name)).collect();
        paths.sort_unstable();
        for path in &paths {
            visit(path).await?;
        }
        open.extend(paths.into_iter().rev());
    }
    Ok(())
}

/// Deletes these paths in this order, so many with one request, and stops behind the first request that fails. Whether
/// none did.
pub(super) async fn delete_in_batches(session: &Session, paths: &[String], batch: usize) -> bool {
    for paths in paths.chunks(batch) {
        if session.delete_together(paths).await.is_err() {
            return false;
        }
    }
    true
}

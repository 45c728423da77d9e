//! The recipes against our own server, while sessions are killed, connections cut and the server restarted; against an
//! ensemble whose leader is killed; and against Apache's server.

#[path = "../support/apache.rs"]
mod apache_server;
#[path = "../harness/mod.rs"]
mod harness;

#[path = "../client/gate.rs"]
#[allow(dead_code)]
mod gate;
#[path = "../support/place.rs"]
#[allow(dead_code, unused_imports, unused_macros)]
mod place;

mod ensemble;
mod misuse;
mod mutex;
mod others;
mod registry;
mod selector;
mod trials;
mod valve;

use place::{Place, close_by_another, soon};
use std::time::Duration;
use zabkeeper::client::Client;
use zabkeeper::recipes::Sessions;

/// Sessions one after another with the place's server.
async fn sessions(place: &Place) -> Sessions {
    Sessions::connect(place.options()).await.expect("a session")
}

/// Asks until it is so.
async fn eventually<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    soon(what, async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// Waits until a znode has so many children.
async fn children(client: &Client, path: &str, count: usize) {
    let ask = || async { client.get_children(path).await.map_or(0, |names| names.len()) == count };
    eventually(&format!("{count} children of {path}"), ask).await;
}

//! The admin server: commands over HTTP at `/commands/<name>`, answered in JSON with Java's names
//! (`server/admin/Commands.java`), and Prometheus' page at `/metrics`.
//!
//! Deliberately absent: the commands `snapshot` and `restore`, and HTTPS. What Java answers with status 200 and an
//! `error` in the JSON (an unknown command, a server that does not serve), is answered so here.

mod commands;
mod json;
mod prometheus;

use crate::status::StatusSource;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::collections::BTreeMap;
use std::sync::Arc;

type Source = Arc<dyn StatusSource>;

/// The admin commands below `command_url` (`admin.commandURL`, without a final slash). That path itself lists them.
pub fn router(source: Arc<dyn StatusSource>, command_url: &str) -> Router {
    let links = commands::links(command_url);
    let list = move || {
        let links = links.clone();
        async move { ([(CONTENT_TYPE, "text/html")], links) }
    };
    let mut router = Router::new().route(&format!("{command_url}/{{name}}"), get(command));
    if !command_url.is_empty() {
        router = router.route(command_url, get(list.clone()));
    }
    router.route(&format!("{command_url}/"), get(list)).with_state(source)
}

/// Prometheus' page at `/metrics`, in its text format 0.0.4.
pub fn metrics_router(source: Arc<dyn StatusSource>) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(source)
}

async fn command(
    State(source): State<Source>,
    Path(name): Path<String>,
    Query(arguments): Query<BTreeMap<String, String>>,
) -> Response {
    let text = off_the_loop(move || commands::run(&name, &arguments, source.as_ref()).to_string()).await;
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

async fn metrics(State(source): State<Source>) -> Response {
    let text = off_the_loop(move || prometheus::page(&source.status())).await;
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// Lists of sessions and watches can be long, and sizes of directories need the disk: none of it may delay clients.
async fn off_the_loop(work: impl FnOnce() -> String + Send + 'static) -> String {
    match tokio::task::spawn_blocking(work).await {
        Ok(text) => text,
        // A bug in a listing is the asker's loss only.
        Err(error) => format!("{{\"error\" : \"{}\"}}", if error.is_panic() { "internal error" } else { "cancelled" }),
    }
}

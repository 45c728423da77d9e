//! The admin server: commands over HTTP at `/commands/<name>`, answered in JSON with Java's names
//! (`server/admin/Commands.java`), and Prometheus' page at `/metrics`. What Java answers with status 200 and an `error`
//! in the JSON (an unknown command, a server that does not serve), is answered so here.
//!
//! `snapshot` and `restore` want a header `Authorization` such as `digest super:password`, of somebody who has every
//! permission on the root. Where Java's answer to a command that it does not run says `error: null` beside its status
//! (503 disabled, 429 too often, 500 failed), here it says why.
//!
//! Deliberately absent: HTTPS, and what `restore` does (501). Java puts the snapshot in the place of the tree in
//! memory, and nowhere else: the log on the disk, the snapshots there and the other servers still say otherwise, so a
//! restart brings back what was there, and zxids go back under a history that has gone on. A history that does this is
//! none of Zab's. With the servers stopped, their data directories can be given the snapshot as their only file.

mod commands;
mod download;
mod json;
mod prometheus;
mod restricted;

use crate::status::StatusSource;
use axum::Router;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use commands::Arguments;
use json::Json;
use restricted::{Asker, RateLimiter, Restricted};
use std::net::SocketAddr;
use std::sync::Arc;

/// What the answers to commands come from.
#[derive(Clone)]
struct Admin {
    source: Arc<dyn StatusSource>,
    snapshots: Arc<RateLimiter>,
}

/// The admin commands below `command_url` (`admin.commandURL`, without a final slash). That path itself lists them.
///
/// Who authenticates by address is known if the router is served with
/// [`into_make_service_with_connect_info`](Router::into_make_service_with_connect_info) of a [`SocketAddr`].
pub fn router(source: Arc<dyn StatusSource>, command_url: &str) -> Router {
    let links = commands::links(command_url);
    let list = move || {
        let links = links.clone();
        async move { ([(CONTENT_TYPE, "text/html")], links) }
    };
    let settings = source.configuration().config.admin.unwrap_or_default();
    let admin = Admin { source, snapshots: Arc::new(RateLimiter::of_snapshots(&settings)) };
    let mut router = Router::new().route(&format!("{command_url}/{{name}}"), get(asked).post(posted));
    if !command_url.is_empty() {
        router = router.route(command_url, get(list.clone()));
    }
    router.route(&format!("{command_url}/"), get(list)).with_state(admin)
}

/// Prometheus' page at `/metrics`, in its text format 0.0.4.
pub fn metrics_router(source: Arc<dyn StatusSource>) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(source)
}

async fn asked(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    Query(arguments): Query<Arguments>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Response {
    match Restricted::named(&name) {
        // It is for POST; Java's servlet falls over here, with status 500.
        Some(Restricted::Restore) => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        Some(command) => restricted(admin, (command, name), arguments, headers, extensions).await,
        None => off_the_loop(move || json(&commands::run(&name, &arguments, admin.source.as_ref()))).await,
    }
}

/// The body is never looked at.
async fn posted(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Response {
    match Restricted::named(&name) {
        Some(command @ Restricted::Restore) => {
            restricted(admin, (command, name), Arguments::new(), headers, extensions).await
        }
        Some(_) => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        None if commands::is_known(&name) => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        None => json(&commands::failed(&name, &format!("Unknown command: {name}"))),
    }
}

async fn restricted(
    admin: Admin,
    (command, called): (Restricted, String),
    arguments: Arguments,
    headers: HeaderMap,
    extensions: Extensions,
) -> Response {
    off_the_loop(move || {
        let proof = headers.get(AUTHORIZATION).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let address = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let asker = Asker { proof: proof.as_deref(), address };
        restricted::run((command, &called), &arguments, asker, admin.source.as_ref(), &admin.snapshots)
    })
    .await
}

fn json(json: &Json) -> Response {
    ([(CONTENT_TYPE, "application/json")], json.to_string()).into_response()
}

async fn metrics(State(source): State<Arc<dyn StatusSource>>) -> Response {
    off_the_loop(move || {
        let text = prometheus::page(&source.status());
        ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
    })
    .await
}

/// Lists of sessions and watches can be long, and sizes of directories and snapshots need the disk: none of it may
/// delay clients.
async fn off_the_loop(work: impl FnOnce() -> Response + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(work).await {
        Ok(response) => response,
        // A bug in a listing is the asker's loss only.
        Err(error) => {
            let error = if error.is_panic() { "internal error" } else { "cancelled" };
            json(&Json::object([("error", error.into())]))
        }
    }
}

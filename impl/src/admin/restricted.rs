//! The commands about whole snapshots, which only they may give who have every permission on the root
//! (`SnapshotCommand`, `RestoreCommand`, `Commands.handleAuthentication`).

use super::commands::{Arguments, failed};
use super::download;
use super::json::Json;
use crate::config::Admin;
use crate::four_letter::NOT_SERVING;
use crate::status::StatusSource;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use std::net::IpAddr;
use std::time::{Duration, Instant};
use zab::tree::Id;
use zab::tree::auth::digest_identities;

/// Why a snapshot is not restored while a server runs.
const NOT_RESTORED: &str = "a running server does not restore snapshots: its log and the other servers would still say \
    otherwise, and a restart would bring back what was there. Stop every server, empty its version-2, put the snapshot \
    there as snapshot.<last_zxid without 0x>, and start";

/// One of these commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restricted {
    Restore,
    Snapshot,
}

impl Restricted {
    pub(super) const ALL: [Restricted; 2] = [Restricted::Restore, Restricted::Snapshot];

    pub(super) fn named(name: &str) -> Option<Restricted> {
        match name {
            "restore" | "rest" => Some(Restricted::Restore),
            "snapshot" | "snap" => Some(Restricted::Snapshot),
            _ => None,
        }
    }

    /// Its first name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Restricted::Restore => "restore",
            Restricted::Snapshot => "snapshot",
        }
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker<'a> {
    /// The header `Authorization`.
    pub proof: Option<&'a str>,
    /// Where the connection comes from, where that is known.
    pub address: Option<IpAddr>,
}

/// Runs a command under the name by which it was called.
pub(super) fn run(
    (command, called): (Restricted, &str),
    arguments: &Arguments,
    asker: Asker<'_>,
    source: &dyn StatusSource,
    limiter: &RateLimiter,
) -> Response {
    if !source.status().serving {
        return answer(StatusCode::OK, &failed(called, NOT_SERVING));
    }
    if let Err((status, why)) = authorize(asker, source) {
        tracing::warn!(command = command.name(), "refused: {why}");
        return answer(status, &failed(called, why));
    }
    let admin = source.configuration().config.admin.unwrap_or_default();
    let refuse = |status, why: &str| {
        tracing::warn!(command = command.name(), "refused: {why}");
        answer(status, &failed(command.name(), why))
    };
    match command {
        Restricted::Restore if !admin.restore_enabled => {
            refuse(StatusCode::SERVICE_UNAVAILABLE, "the command is disabled (admin.restore.enabled)")
        }
        Restricted::Restore => refuse(StatusCode::NOT_IMPLEMENTED, NOT_RESTORED),
        Restricted::Snapshot if !admin.snapshot_enabled => {
            refuse(StatusCode::SERVICE_UNAVAILABLE, "the command is disabled (admin.snapshot.enabled)")
        }
        Restricted::Snapshot if !limiter.allow() => {
            refuse(StatusCode::TOO_MANY_REQUESTS, "the last snapshot is too young (admin.rateLimiterIntervalInMS)")
        }
        Restricted::Snapshot => {
            let streaming = arguments.get("streaming").is_none_or(|value| value.eq_ignore_ascii_case("true"));
            let taken = snapshot(source, streaming);
            taken.unwrap_or_else(|why| refuse(StatusCode::INTERNAL_SERVER_ERROR, &why))
        }
    }
}

/// Takes a snapshot, which stays on the disk as any other, and sends its file.
fn snapshot(source: &dyn StatusSource, streaming: bool) -> Result<Response, String> {
    let taken = source.take_snapshot()?;
    let mut response = if streaming {
        let body = download::of_file(&taken.path).map_err(|error| format!("{}: {error}", taken.path.display()))?;
        ([(CONTENT_TYPE, "application/octet-stream")], Body::from_stream(body)).into_response()
    } else {
        let fields = [("command", Restricted::Snapshot.name().into()), ("error", Json::Null)];
        answer(StatusCode::OK, &Json::object(fields))
    };
    let headers = response.headers_mut();
    for (name, value) in [("last_zxid", format!("0x{:x}", taken.zxid.0)), ("snapshot_size", taken.size.to_string())] {
        headers.insert(HeaderName::from_static(name), value.parse().map_err(|_| "a header is none".to_owned())?);
    }
    Ok(response)
}

fn answer(status: StatusCode, json: &Json) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], json.to_string()).into_response()
}

/// Whether the asker may do everything with the root, with Java's words if not. Of the schemes of Java's server, those
/// are known that clients have as well: `digest user:password` and `ip`.
fn authorize(asker: Asker<'_>, source: &dyn StatusSource) -> Result<(), (StatusCode, &'static str)> {
    let Some(proof) = asker.proof else {
        return Err((StatusCode::UNAUTHORIZED, "Auth info is missing for the command"));
    };
    let access = source.configuration().config.access;
    let mut words: Vec<&str> = proof.split(' ').collect();
    // As Java's `split`.
    while words.last().is_some_and(|word| word.is_empty()) {
        words.pop();
    }
    let identities = match (words.as_slice(), asker.address) {
        (["digest", proof], _) if access.digest_enabled => {
            digest_identities(proof.as_bytes(), access.super_digest.as_deref())
        }
        (["ip"] | ["ip", _], Some(address)) => vec![Id::new("ip", &address.to_canonical().to_string())],
        _ => return Err((StatusCode::UNAUTHORIZED, "Not authenticated")),
    };
    if source.permits_all(&identities) { Ok(()) } else { Err((StatusCode::FORBIDDEN, "Not authorized")) }
}

/// One in each interval (`RateLimiter`).
#[derive(Debug)]
pub(super) struct RateLimiter {
    interval: Duration,
    /// When the interval began, and whether its one is still to be had.
    state: Mutex<(Instant, bool)>,
}

impl RateLimiter {
    /// Of the command `snapshot`. Java 3.9 takes the milliseconds of `admin.rateLimiterIntervalInMS` for microseconds
    /// here: with the default, a snapshot may be had three times a second. So it may here, since scripts rely on it.
    pub(super) fn of_snapshots(admin: &Admin) -> RateLimiter {
        RateLimiter { interval: admin.rate_limiter_interval / 1000, state: Mutex::new((Instant::now(), true)) }
    }

    fn allow(&self) -> bool {
        let mut state = self.state.lock();
        if state.0.elapsed() > self.interval {
            *state = (Instant::now(), true);
        }
        std::mem::take(&mut state.1)
    }
}

//! The admin commands and Prometheus' page, asked over HTTP.

mod front;

use front::Fixed;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use zabkeeper::admin;
use zabkeeper::client::CreateMode;
use zabkeeper::status::{Mode, StatusSource};

/// A server on a port of its own.
struct Served {
    port: u16,
    source: Arc<Fixed>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What came back: the first line, the head, the body.
struct Answer {
    status: String,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

async fn serve(source: Fixed, url: &str) -> Served {
    let source = Arc::new(source);
    let router = admin::router(source.clone(), url).merge(admin::metrics_router(source.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let task = tokio::spawn(async move {
        axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await.expect("served")
    });
    Served { port, source, task }
}

impl Served {
    async fn request(&self, method: &str, path: &str) -> Answer {
        self.request_as("", method, path).await
    }

    /// With such a header `Authorization`, if it is not empty.
    async fn request_as(&self, proof: &str, method: &str, path: &str) -> Answer {
        let proof = if proof.is_empty() { String::new() } else { format!("Authorization: {proof}\r\n") };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("connected");
        let request = format!("{method} {path} HTTP/1.1\r\n{proof}Host: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("answered");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.lines().next().unwrap_or_default().to_owned();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    async fn get(&self, path: &str) -> Answer {
        let answer = self.request("GET", path).await;
        assert_eq!(answer.status, "HTTP/1.1 200 OK", "{path}");
        answer
    }
}

const FIRST_NAMES: &str = "configuration connection_stat_reset connections dirs dump environment get_trace_mask hash \
    initial_configuration is_read_only last_snapshot leader monitor observer_connection_stat_reset observers ruok \
    server_stats set_trace_mask stat_reset stats system_properties voting_view watch_summary watches watches_by_path \
    zabstate";

#[tokio::test]
async fn every_command_answers_in_json_and_names_itself() {
    let served = serve(Fixed::standalone(), "/commands").await;
    for name in FIRST_NAMES.split_whitespace() {
        let answer = served.get(&format!("/commands/{name}")).await;
        assert!(answer.head.to_lowercase().contains("content-type: application/json"), "{}", answer.head);
        assert_eq!(answer.json()["command"], name);
    }
    for (short, name) in [("srvr", "server_stats"), ("conf", "configuration"), ("env", "environment")] {
        assert_eq!(served.get(&format!("/commands/{short}")).await.json()["command"], name);
    }
    assert_eq!(served.source.resets.load(Ordering::Relaxed), 1);
    assert_eq!(served.source.connection_resets.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn of_a_standalone_server() {
    let served = serve(Fixed::standalone(), "/commands").await;
    for name in "configuration connections dump hash initial_configuration is_read_only leader last_snapshot monitor \
                 observers stats voting_view watch_summary watches watches_by_path zabstate"
        .split_whitespace()
    {
        let answer = served.get(&format!("/commands/{name}")).await;
        answer.json();
        insta::assert_snapshot!(format!("standalone-{name}"), answer.body);
    }
}

#[tokio::test]
async fn of_an_ensemble() {
    let served = serve(Fixed::member(Mode::Leader), "/commands").await;
    for name in "leader last_snapshot server_stats voting_view zabstate".split_whitespace() {
        let answer = served.get(&format!("/commands/{name}")).await;
        answer.json();
        insta::assert_snapshot!(format!("leader-{name}"), answer.body);
    }
    let served = serve(Fixed::member(Mode::Follower), "/commands").await;
    let dump = served.get("/commands/dump").await.json();
    assert_eq!(dump["expiry_time_to_session_ids"], serde_json::json!({}));
    assert_eq!(served.get("/commands/leader").await.json()["is_leader"], false);
}

#[tokio::test]
async fn errors_are_in_the_answer() {
    let served = serve(Fixed::silent(), "/commands").await;
    let error = async |path: &str| served.get(path).await.json()["error"].clone();
    assert_eq!(error("/commands/bogus").await, "Unknown command: bogus");
    assert_eq!(error("/commands/%22%3C").await, "Unknown command: \"<");
    assert_eq!(error("/commands/stats").await, "This ZooKeeper instance is not currently serving requests");
    assert_eq!(error("/commands/environment").await, Value::Null);
    let needs = "setTraceMask requires long traceMask argument";
    assert_eq!(error("/commands/set_trace_mask").await, needs);
    assert_eq!(error("/commands/stmk?traceMask=x").await, format!("{needs}, got x"));
    assert_eq!(served.get("/commands/stmk?traceMask=-7").await.json()["tracemask"], -7);
    assert_eq!(served.source.trace_mask(), -7);
    for (method, path) in
        [("TRACE", "/commands/ruok"), ("POST", "/commands/ruok"), ("GET", "/"), ("GET", "/commands/a/b")]
    {
        let status = served.request(method, path).await.status;
        assert!(status.contains(" 404 ") || status.contains(" 405 "), "{method} {path}: {status}");
    }
}

#[tokio::test]
async fn the_list_of_commands() {
    for url in ["/commands", "/a/b", ""] {
        let served = serve(Fixed::standalone(), url).await;
        let page = served.get(&format!("{url}/")).await.body;
        let link = |name: &str| format!("<a href=\"{url}/{name}\">{name}</a>\n<br/>\n");
        let mut names: Vec<&str> = FIRST_NAMES.split_whitespace().chain(["restore", "snapshot"]).collect();
        names.sort_unstable();
        assert_eq!(page, names.into_iter().map(link).collect::<String>());
        if !url.is_empty() {
            assert_eq!(served.get(url).await.body, page);
        }
        assert_eq!(served.get(&format!("{url}/ruok")).await.json()["error"], Value::Null);
    }
}

#[tokio::test]
async fn prometheus_page() {
    let served = serve(Fixed::member(Mode::Leader), "/commands").await;
    let answer = served.get("/metrics").await;
    assert!(answer.head.contains("text/plain; version=0.0.4; charset=utf-8"), "{}", answer.head);
    insta::assert_snapshot!("metrics", answer.body);
    let silent = serve(Fixed::silent(), "/commands").await.get("/metrics").await.body;
    assert!(!silent.contains("znode_count") && silent.contains("looking_count 1.0\n"), "{silent}");
}

#[tokio::test]
async fn who_may_have_snapshots() {
    let keys = "-DdataDir=/data -DDigestAuthenticationProvider.superDigest=super:D/InIHSb7yEEbrWz8b9l71RjZJU=";
    let mut fixed = Fixed::standalone();
    fixed.configuration.config = zabkeeper::config::Config::embedded_default(&front::overrides(keys)).expect("right");
    let served = serve(fixed, "/commands").await;
    let cases = [
        ("", 401, "Auth info is missing for the command"),
        ("digest", 401, "Not authenticated"),
        ("digest super:test more", 401, "Not authenticated"),
        ("x509", 401, "Not authenticated"),
        ("world anyone", 401, "Not authenticated"),
        ("digest super:wrong", 403, "Not authorized"),
        ("digest other:test", 403, "Not authorized"),
        ("digest admin:anything", 500, "there is no disk"),
    ];
    for (proof, status, error) in cases {
        let answer = served.request_as(proof, "GET", "/commands/snap?streaming=false").await;
        assert!(answer.status.contains(&format!(" {status} ")), "{proof}: {}", answer.status);
        assert_eq!(answer.json()["error"], error, "{proof}");
        assert_eq!(answer.json()["command"], if status == 500 { "snapshot" } else { "snap" }, "{proof}");
    }
    // These are let in.
    for proof in ["digest super:test", "digest super:test ", "ip", "ip 10.0.0.1"] {
        let restore = served.request_as(proof, "POST", "/commands/restore").await;
        assert!(restore.status.contains(" 501 "), "{proof}: {}", restore.status);
        let error = restore.json()["error"].as_str().expect("a sentence").to_owned();
        assert!(error.starts_with("a running server does not restore snapshots"), "{error}");
    }
    assert!(served.request("POST", "/commands/rest").await.status.contains(" 401 "));
    for (method, path) in [("GET", "/commands/restore"), ("POST", "/commands/snapshot")] {
        let status = served.request_as("digest super:test", method, path).await.status;
        assert!(status.contains(" 405 "), "{method} {path}: {status}");
    }
    let unknown = served.request("POST", "/commands/bogus").await;
    assert_eq!(
        (unknown.status.as_str(), &unknown.json()["error"]),
        ("HTTP/1.1 200 OK", &"Unknown command: bogus".into())
    );
}

#[tokio::test]
async fn snapshots_and_restoring_may_be_disabled_and_need_a_server() {
    let mut fixed = Fixed::standalone();
    let keys = "-DdataDir=/data -Dadmin.snapshot.enabled=false -Dadmin.restore.enabled=false";
    fixed.configuration.config = zabkeeper::config::Config::embedded_default(&front::overrides(keys)).expect("right");
    let served = serve(fixed, "/commands").await;
    for (method, path) in [("GET", "/commands/snapshot"), ("POST", "/commands/restore")] {
        let answer = served.request_as("digest admin:x", method, path).await;
        assert!(answer.status.contains(" 503 "), "{}", answer.status);
    }
    let silent = serve(Fixed::silent(), "/commands").await;
    let answer = silent.get("/commands/snapshot").await;
    assert_eq!(answer.json()["error"], "This ZooKeeper instance is not currently serving requests");
}

/// Asks a real server for its snapshot, as the super user.
fn ask_for_snapshot(port: u16, query: &str) -> (String, Vec<u8>) {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("connected");
    let head = format!("GET /commands/snapshot{query} HTTP/1.0\r\nAuthorization: digest super:test\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("answered");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let body = answer.split_off(end + 4);
    (String::from_utf8(answer).expect("a head is text"), body)
}

#[test]
fn a_snapshot_is_streamed_and_another_server_starts_from_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut options = zabkeeper::ServerOptions::new(directory.path());
    options.config.admin.as_mut().expect("on").rate_limiter_interval = std::time::Duration::from_secs(3600 * 1000);
    options.config.access.super_digest = Some("super:D/InIHSb7yEEbrWz8b9l71RjZJU=".to_owned());
    let server = zabkeeper::Server::start(options).expect("it starts");
    let address = server.address().to_string();
    server.handle().block_on(async {
        let client = zabkeeper::client::Client::connect(&address).await.expect("connected");
        for number in 0..200 {
            let path = format!("/n{number}");
            let created = client.create(&path, [7; 1000], CreateMode::Persistent, &zab::tree::Acl::open()).await;
            created.expect("created");
        }
        client.close().await;
    });
    let serve = || {
        let router = admin::router(server.source().clone(), "/commands");
        let listener = server.handle().block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let port = listener.local_addr().expect("bound").port();
        server.handle().spawn(async move { axum::serve(listener, router).await.expect("served") });
        port
    };
    let port = serve();
    let (head, body) = ask_for_snapshot(port, "?streaming=true");
    assert!(head.starts_with("HTTP/1.0 200") && head.contains("application/octet-stream"), "{head}");
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name}: {head}"));
        line.trim_start_matches(": ").to_owned()
    };
    assert_eq!(header("snapshot_size"), body.len().to_string());
    let zxid = header("last_zxid");
    let name = format!("snapshot.{}", zxid.strip_prefix("0x").expect("a hexadecimal number"));
    assert_eq!(std::fs::read(directory.path().join("version-2").join(&name)).expect("it stays on the disk"), body);
    // So soon there is no other; and each server counts for itself.
    assert!(ask_for_snapshot(port, "").0.starts_with("HTTP/1.0 429"));
    let (head, body) = ask_for_snapshot(serve(), "?streaming=false");
    assert!(head.contains(&format!("last_zxid: {zxid}")) && body.starts_with(b"{"), "{head}");
    server.stop().expect("it stops");

    let other = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(other.path().join("version-2")).expect("made");
    let from = directory.path().join("version-2").join(&name);
    std::fs::copy(from, other.path().join("version-2").join(&name)).expect("copied");
    let server = zabkeeper::Server::start(zabkeeper::ServerOptions::new(other.path())).expect("it starts");
    let address = server.address().to_string();
    server.handle().block_on(async {
        let client = zabkeeper::client::Client::connect(&address).await.expect("connected");
        assert_eq!(client.get_data("/n199").await.expect("there").0, [7; 1000].as_slice());
    });
    server.stop().expect("it stops");
}

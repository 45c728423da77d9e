//! The admin commands and Prometheus' page, asked over HTTP.

mod front;

use front::Fixed;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use zabkeeper::admin;
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
    let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("served") });
    Served { port, source, task }
}

impl Served {
    async fn request(&self, method: &str, path: &str) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("connected");
        let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
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
        assert_eq!(page, FIRST_NAMES.split_whitespace().map(link).collect::<String>());
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
